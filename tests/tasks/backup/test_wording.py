"""Each code has its words, and the words fit their data."""

import re
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from string import Formatter

import pytest

from tasks import backup
from tasks.backup.model.told import Refused, RowGap, Stale
from tasks.backup.rules import coverage, measures
from tasks.backup.wording import WORDING
from tasks.core.pt_br import SAO_PAULO
from tasks.core.wording import Told, fill
from tests.tasks.backup.drills import GOOD, KEY

SOURCES = [path for path in Path(backup.__file__).parent.rglob("*.py") if path.name != "wording.py"]


def test_every_code_that_the_feature_speaks_has_words_and_no_words_are_left_over() -> None:
    spoken = {code for path in SOURCES for code in re.findall(r'"(backup\.[a-z_.]+)"', path.read_text())}
    labelled = {label for label in WORDING.labels if label.startswith("backup.")}
    assert spoken == set(WORDING.codes) | labelled


@pytest.mark.parametrize("code", WORDING.codes)
def test_words_use_only_the_subject_and_the_fields_of_their_data(code: str) -> None:
    words = WORDING.codes[code]
    known = {"subject"} | {field.name for field in fields(words.data)}
    texts = (words.title, words.message, words.remedy, words.safe)
    used = {name for text in texts for _, name, _, _ in Formatter().parse(text) if name is not None}
    assert used <= known
    assert words.title
    assert words.message
    assert words.remedy


def test_every_measure_and_coverage_has_a_label() -> None:
    assert (measures(GOOD).keys() | {c.what for c in coverage(GOOD)}) <= WORDING.labels.keys()


@pytest.mark.parametrize("verdict", WORDING.summaries)
def test_a_summary_can_be_said_of_a_good_drill(verdict: str) -> None:
    said = fill(WORDING.summaries[verdict], {"subject": KEY, "title": "Sem espaço em disco", **measures(GOOD)})
    assert ("Sem espaço em disco." if verdict == "error" else KEY) in said


def test_the_words_read_aloud() -> None:
    stale = Stale(oldest=datetime(2026, 10, 3, 9, 5, tzinfo=SAO_PAULO), age_hours=74.92, rpo_hours=24)
    refused = Refused(sqlstate="23503", statement="ALTER TABLE ONLY", count=1)
    gap = RowGap(expected=1200, restored=1150)
    said = [
        WORDING.tell("backup.old_archive", "a.dump", stale).message,
        WORDING.tell("backup.restore_refused", "public.atendimentos atendimentos_usuario_fkey", refused).message,
        WORDING.tell("backup.row_count_mismatch", "public.atendimentos", gap).message,
    ]
    assert said == [
        (
            "a.dump chegou ao bucket dentro do RPO, mas o arquivo é velho: mostra a situação de 03/10/2026 09:05 "
            "(São Paulo), 3 d 2 h de atraso, RPO de 24 h."
        ),
        (
            "O PostgreSQL recusou 1 vez(es) 'ALTER TABLE ONLY' em public.atendimentos atendimentos_usuario_fkey "
            "(SQLSTATE 23503)."
        ),
        "public.atendimentos: 1200 linhas no backup, 1150 restauradas.",
    ]


def test_an_error_says_what_is_safe() -> None:
    told = WORDING.tell("backup.interrupted", "53100", WORDING.codes["backup.interrupted"].data(cause="53100"))
    assert told == Told(
        title="A máquina interrompeu a restauração",
        message="A restauração parou por causa da máquina do teste, não do backup (PostgreSQL: 53100).",
        remedy="Veja memória e disco da máquina do worker (classe 53: sem recursos; 57: interrompido; 58: falha do "
        "sistema) e rode o teste de novo. O backup continua sem prova até lá.",
        safe="O bucket de backups só foi lido e a produção não foi tocada. O cluster descartável já foi apagado.",
    )

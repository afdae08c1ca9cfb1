"""Each code has its words, and the words fit their data."""

import re
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from string import Formatter
from typing import Any, get_type_hints

import pytest

from tasks import backup
from tasks.backup.model.told import (
    Against,
    Answered,
    Difference,
    Ended,
    More,
    PositionGap,
    Refused,
    RowGap,
    Searched,
    Stale,
    Unlike,
)
from tasks.backup.rules.claims import BREAKING, coverage
from tasks.backup.rules.measures import measures
from tasks.backup.rules.soundness import SEVERITIES
from tasks.backup.wording import WORDING
from tasks.core.pt_br import SAO_PAULO
from tasks.core.wording import Told, fill
from tests.tasks.backup.drills import GOOD, KEY, PROVED, SETTINGS

ROOM = Path(backup.__file__).parent
HOUSE = ROOM.parents[1]
SOURCES = [
    *(path for path in ROOM.rglob("*.py") if "wording" not in path.relative_to(ROOM).parts),
    *(HOUSE / "deployments").glob("*.py"),  # `marias backup` speaks the feature's codes
]
PAGE = HOUSE / "docs" / "runbooks" / "backup-restore-test.md"
SAMPLES: dict[type, Any] = {
    int: 1_234_567,
    float: 12.5,
    str: "valor",
    datetime: datetime(2026, 10, 3, 9, 5, tzinfo=SAO_PAULO),
    Against: Against.MANIFEST,
}


def sample(data: type) -> Any:  # noqa: ANN401 - any dataclass of told.py
    return data(**{name: SAMPLES[kind] for name, kind in get_type_hints(data).items()})


def test_every_code_that_the_feature_speaks_has_words_and_no_words_are_left_over() -> None:
    spoken = {code for path in SOURCES for code in re.findall(r'"(backup\.[a-z_.]+)"', path.read_text("utf-8"))}
    labelled = {label for label in WORDING.labels if label.startswith("backup.")}
    assert spoken == set(WORDING.codes) | labelled


def test_the_runbooks_page_has_a_line_for_every_code_and_for_no_other() -> None:
    told = set(re.findall(r"^\| `(backup\.[a-z_]+)`", PAGE.read_text("utf-8"), re.MULTILINE))
    assert told == {code for code in WORDING.codes if not code.startswith("backup.take_")}


@pytest.mark.parametrize("code", WORDING.codes)
def test_words_use_only_the_subject_and_the_fields_of_their_data(code: str) -> None:
    words = WORDING.codes[code]
    known = {"subject"} | {field.name for field in fields(words.data)}
    texts = (words.title, words.message, words.remedy, words.safe)
    used = {name for text in texts for _, name, _, _ in Formatter().parse(text) if name is not None}
    assert used <= known


@pytest.mark.parametrize("code", WORDING.codes)
def test_words_can_be_told_and_are_whole_sentences(code: str) -> None:
    told = WORDING.tell(code, "public.usuarios", sample(WORDING.codes[code].data))
    assert told.title
    assert told.title[-1] not in ".:"
    said = (told.message, told.remedy, told.safe)
    assert [text for text in said if text and (text[-1] not in ".?!" or "  " in text or "{" in text)] == []
    assert told.message
    assert told.remedy


def test_every_measure_claim_check_and_coverage_has_a_label() -> None:
    named = {
        *measures(GOOD),
        *BREAKING,
        *SEVERITIES,
        *(entry.what for drill in (GOOD, PROVED) for entry in coverage(drill, SETTINGS)),
        *Against,
    }
    assert named - WORDING.labels.keys() == set()


@pytest.mark.parametrize("verdict", WORDING.summaries)
def test_a_summary_can_be_said_of_a_good_drill(verdict: str) -> None:
    said = fill(WORDING.summaries[verdict], {"subject": KEY, "title": "Sem espaço em disco", **measures(GOOD)})
    assert ("Sem espaço em disco." if verdict == "error" else KEY) in said


def test_the_summary_of_a_good_drill_read_aloud() -> None:
    assert fill(WORDING.summaries["passed"], {"subject": "a.dump", **measures(GOOD)}) == (
        "a.dump foi restaurado por inteiro: 2 tabelas e 5 linhas em 20 s, dados com 7 h de atraso."
    )


@pytest.mark.parametrize(
    ("against", "said"),
    [
        (Against.ARTEFACT, ("no próprio arquivo", "pelo próprio arquivo")),
        (Against.MANIFEST, ("no manifesto do backup", "pelo manifesto do backup")),
        (Against.LIVE, ("no banco em produção", "pelo banco em produção")),
    ],
)
def test_what_an_object_was_held_against_is_said_with_the_right_article(
    against: Against, said: tuple[str, str]
) -> None:
    inside, by = said
    held, position = Difference(against=against), PositionGap(expected=3, found=2, against=against)
    rows = RowGap(expected=1200, found=1150, against=against)
    assert [
        WORDING.tell("backup.object_missing", "TABLE public.a", held).message,
        WORDING.tell("backup.object_unexpected", "TABLE public.a", held).message,
        WORDING.tell("backup.values_changed", "public.a", held).message,
        WORDING.tell("backup.row_count_mismatch", "public.a", rows).message,
        WORDING.tell("backup.sequence_mismatch", "public.a_seq", position).message,
    ] == [
        f"TABLE public.a está {inside} e não veio no backup restaurado.",
        f"TABLE public.a apareceu no backup restaurado e não está {inside}.",
        f"public.a tem tantas linhas quanto {inside}, mas não as mesmas: algum valor mudou.",
        f"public.a: 1.200 linha(s) {inside}, 1.150 no backup restaurado.",
        f"A sequência public.a_seq está na posição 2; {by}, deveria estar na 3.",
    ]


ALOUD: dict[str, tuple[str, str, object, str]] = {
    "an old file": (
        "backup.old_archive",
        "a.dump",
        Stale(oldest=datetime(2026, 10, 3, 9, 5, tzinfo=SAO_PAULO), age_hours=74.92, rpo_hours=24),
        (
            "a.dump chegou ao bucket dentro do RPO, mas o arquivo é velho: mostra a situação de 03/10/2026 09:05 "
            "(São Paulo), 3 d 2 h de atraso, RPO de 24 h."
        ),
    ),
    "an old object": (
        "backup.no_new_backup",
        "a.dump",
        Stale(oldest=datetime(2026, 10, 3, 9, 5, tzinfo=SAO_PAULO), age_hours=74.92, rpo_hours=24),
        (
            "a.dump mostra a situação de 03/10/2026 09:05 (São Paulo): 3 d 2 h de atraso, RPO de 24 h. Ele chegou ao "
            "bucket há mais tempo do que o RPO permite."
        ),
    ),
    "a refusal": (
        "backup.restore_refused",
        "public.atendimentos atendimentos_usuario_fkey",
        Refused(sqlstate="23503", statement="ALTER TABLE ONLY", count=1),
        (
            "O PostgreSQL recusou 1 vez(es) 'ALTER TABLE ONLY' em public.atendimentos atendimentos_usuario_fkey "
            "(SQLSTATE 23503)."
        ),
    ),
    "a statement of the team's": (
        "backup.assertion_failed",
        "sem órfãs",
        Answered(expected="no rows", answer="backup.answer.text"),
        "'sem órfãs': esperado no rows, resposta um texto (não guardado).",
    ),
    "a program of the team's": (
        "backup.command_failed",
        "npm",
        Ended(exit_code="3", seconds=90.0),
        "npm terminou com código 3 depois de 1 min 30 s ('?': parado pelo prazo; 127: não encontrado).",
    ),
    "too small a test": (
        "backup.unlike_before",
        "a.dump",
        Unlike(measure="backup.measure.rows", value=1200, median=48000.0),
        (
            "Ao testar a.dump, o número de linhas restauradas ficou em 1.200; a mediana dos quatro testes anteriores é "
            "48.000."
        ),
    ),
    "findings that are not listed": (
        "backup.and_more",
        "assist_marias: backup.object_missing",
        More(count=1200),
        "assist_marias: backup.object_missing: há mais 1.200 achados deste tipo, que não estão listados um a um.",
    ),
    "nothing found": (
        "backup.none_found",
        "backups",
        Searched(database="marias", bucket="backups", prefix="postgres/", pattern=".+"),
        (
            "Do banco marias não há, no bucket backups, nenhum objeto sob 'postgres/' cujo resto do nome siga o padrão "
            "'.+' e que tenha chegado até o dia pedido (ou até agora, se nenhum foi pedido)."
        ),
    ),
}


@pytest.mark.parametrize(("code", "subject", "data", "message"), ALOUD.values(), ids=ALOUD.keys())
def test_the_words_read_aloud(code: str, subject: str, data: object, message: str) -> None:
    assert WORDING.tell(code, subject, data).message == message


def test_an_error_says_what_is_safe() -> None:
    told = WORDING.tell("backup.interrupted", "53100", WORDING.codes["backup.interrupted"].data(cause="53100"))
    assert told == Told(
        title="A máquina interrompeu a restauração",
        message="A restauração parou por causa da máquina do teste, não do backup (PostgreSQL: 53100).",
        remedy="Veja memória e disco da máquina do worker (classe 53: sem recursos; 57: interrompido; 58: falha do "
        "sistema) e rode o teste de novo. O backup continua sem prova até lá.",
        safe="O bucket de backups só foi lido e a produção não foi tocada. O cluster descartável já foi apagado.",
    )

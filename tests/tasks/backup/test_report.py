"""What an auditor reads, and what is kept beside it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tasks.backup import report, rules
from tasks.backup.model.contents import LargeObjects
from tasks.backup.model.drill import Answer, Drill, LineKind, Lines, Meaning, NewestRow, ServerError
from tasks.backup.model.found import Fault, Form, Layer
from tasks.backup.model.told import Against, Difference
from tasks.backup.settings import Database
from tasks.core.findings import Chart, Coverage, Objective, Outcome, Series, Table, Verdict, judge
from tasks.reports.blocks import Heading, Paragraph
from tests.tasks.backup.drills import (
    ATENDIMENTOS,
    GOOD,
    HOUR,
    KEY,
    NOW,
    PAST,
    POSITION,
    PROVED,
    SETTINGS,
    SHA,
    USUARIOS,
    but,
    critical,
    data,
    fetched,
    found,
    header,
    refusing,
    restore,
    restored,
    settings,
    there,
    unread,
    written,
)

# ── the middle of the report ─────────────────────────────────────────────────────────────────────────────────────────

HEADINGS = ("O que ficou provado", "O que este teste não prova", "Destruição da cópia")
COMPLETE, NOT_PROVED, BROKEN = (
    "Com o manifesto, feito na mesma fotografia (snapshot) do banco que o backup, a completude está provada",
    "A completude não está provada (completeness not proved)",
    "A completude não vale",
)


def paragraphs(outcome: Outcome) -> list[str]:
    blocks = report.build(outcome)
    assert tuple(block.text for block in blocks[::2] if isinstance(block, Heading)) == HEADINGS
    return [block.text for block in blocks[1::2] if isinstance(block, Paragraph)]


def outcome(*drills: Drill, database: Database = SETTINGS) -> Outcome:
    tests = [rules.tested(drill, database, ()) for drill in drills]
    return judge(
        [finding for test in tests for finding in rules.findings_of(test, several=len(tests) > 1)],
        coverage=[entry for test in tests for entry in test.coverage],
    )


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (
            Verdict.PASSED,
            "O backup foi restaurado sem superusuário em um PostgreSQL vazio, sem que nada fosse recusado.",
        ),
        (Verdict.ATTENTION, "O backup foi restaurado. Os achados acima dizem o que merece correção"),
        (Verdict.INCONCLUSIVE, "Nada: o que era preciso julgar não pôde ser julgado"),
        (Verdict.FAILED, "Que o backup não serve como está"),
    ],
)
def test_every_verdict_says_what_was_proved_what_was_not_and_that_the_copy_is_gone(verdict: Verdict, said: str) -> None:
    proved, unproved, gone = paragraphs(Outcome(verdict=verdict))
    assert proved.startswith(said)
    assert unproved.startswith(NOT_PROVED)
    assert "a pasta inteira, com a cópia do backup, foi apagada e conferida" in gone


OTHER = header(found(PROVED, database="chat"), database="chat")
COMPLETENESS: dict[str, tuple[Outcome, Verdict, str]] = {
    "a good backup without its manifest": (outcome(GOOD), Verdict.PASSED, NOT_PROVED),
    "a good backup with its manifest": (outcome(PROVED), Verdict.PASSED, COMPLETE),
    "of a backup that cannot be read": (outcome(unread(Fault.CORRUPT, PROVED)), Verdict.FAILED, NOT_PROVED),
    "of two databases both": (outcome(PROVED, OTHER), Verdict.PASSED, COMPLETE),
    "of two databases one": (outcome(GOOD, OTHER), Verdict.PASSED, NOT_PROVED),
    "a backup that is not what its manifest says": (
        outcome(written(tables=(but(ATENDIMENTOS, digest="ff"), USUARIOS))),
        Verdict.FAILED,
        BROKEN,
    ),
    "one of two that is not": (outcome(OTHER, written(large_objects=LargeObjects())), Verdict.FAILED, BROKEN),
    "a restored database that is not what its archive says": (
        outcome(there(PROVED, positions=())),
        Verdict.FAILED,
        COMPLETE,
    ),
}


@pytest.mark.parametrize(("told", "verdict", "said"), COMPLETENESS.values(), ids=COMPLETENESS.keys())
def test_completeness_is_proved_by_the_manifests_of_all_databases_and_by_nothing_else(
    told: Outcome, verdict: Verdict, said: str
) -> None:
    assert told.verdict is verdict
    assert paragraphs(told)[1].startswith(said)


def test_a_difference_from_the_archive_does_not_speak_against_completeness() -> None:
    finding = critical("backup.object_missing", "TABLE public.a", Difference(against=Against.ARTEFACT))
    covered = tuple(
        Coverage(what=what, required=True, assessed=True, subject="a")
        for what in ("backup.archive", "backup.completeness")
    )
    assert paragraphs(judge([finding], coverage=covered))[1].startswith(COMPLETE)


def test_a_test_that_could_not_be_made_proves_nothing() -> None:
    assert report.build(judge((), fulfilled=False, result="error")) == ()


# ── tables ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def tables(drill: Drill, database: Database = SETTINGS, *, several: bool = False) -> dict[str, Table]:
    made = report.tables(rules.tested(drill, database, ()), several=several)
    assert len({table.name for table in made}) == len(made)
    return {table.name: table for table in made}


ARTEFACT, MANIFEST, POLICY = "o próprio arquivo", "o manifesto do backup", "a configuração"
STRUCTURE = "Estrutura restaurada igual à do arquivo (tabelas, funções, gatilhos, índices, permissões …)"
SOUNDNESS = "Dados íntegros por dentro (índices, chaves, textos, objetos grandes, sequências)"
LINES = Table(
    name="restore-lines",
    title="Linhas escritas ao restaurar",
    columns=("Tipo", "Linhas"),
    rows=(
        ("inofensivas", 0),
        ("recusas do servidor", 0),
        ("falhas de leitura do arquivo", 0),
        ("continuação de uma mensagem", 0),
        ("desconhecidas", 0),
    ),
)


def test_a_good_drill_is_kept_as_five_tables() -> None:
    assert tuple(tables(GOOD).values()) == (
        Table(
            name="proofs",
            title="O que foi provado",
            columns=("Afirmação", "Baseia-se em", "Resultado"),
            rows=(
                ("Arquivo lido até o fim, do banco certo", ARTEFACT, "provado"),
                ("Tudo o que o arquivo contém foi aceito pelo servidor", ARTEFACT, "provado"),
                (STRUCTURE, ARTEFACT, "provado"),
                ("Dados restaurados iguais aos do arquivo, byte a byte", ARTEFACT, "provado"),
                ("Posição das sequências igual à do arquivo", ARTEFACT, "provado"),
                (SOUNDNESS, ARTEFACT, "provado"),
                (
                    "Completude: igual ao banco no momento do backup",
                    MANIFEST,
                    "não provado: não há manifesto feito junto com o backup (marias backup)",
                ),
                (
                    "Papéis que o backup usa são conhecidos",
                    POLICY,
                    "não provado: nada diz quais papéis a produção tem (roles, globals_pattern ou manifesto)",
                ),
                (
                    "Estrutura igual à do banco em produção hoje",
                    "o banco em produção",
                    "não provado: não foi pedido (compare_live)",
                ),
                ("Atualidade da linha mais nova", POLICY, "provado"),
            ),
        ),
        Table(
            name="backup",
            title="O backup testado",
            columns=("Item", "Valor"),
            rows=(
                ("Objeto", KEY),
                ("Tamanho (bytes)", 9000),
                ("SHA-256", SHA),
                ("Soma conferida", "nenhuma soma guardada"),
                ("Chegada ao bucket", "06/10/2026 04:00:00 (UTC-3)"),
                ("Classe de armazenamento", "STANDARD"),
                ("O bucket guarda versões", "não"),
                ("Forma", "custom"),
                ("Banco", "assist_marias"),
                ("Início do pg_dump", "06/10/2026 03:00:00 (UTC-3)"),
                ("Servidor de origem", "PostgreSQL 15.18"),
                ("pg_dump", "15.18"),
                ("Objetos na lista do arquivo", 3),
                ("Restaurado em", "PostgreSQL 15"),
                ("Rede do servidor descartável", "nenhuma (isolado pelo kernel)"),
                ("Pasta descartável", "em memória"),
                ("Linha mais nova em public.atendimentos.criado_em", "06/10/2026 02:00:00 (UTC-3)"),
                ("Linha mais nova em public.usuarios.criado_em", "08/07/2026 09:00:00 (UTC-3)"),
            ),
        ),
        Table(
            name="tables",
            title="Linhas por tabela",
            columns=("Tabela", "Linhas no manifesto", "Linhas no arquivo", "Linhas restauradas", "Bytes iguais"),
            rows=(("public.atendimentos", "–", 3, 3, "sim"), ("public.usuarios", "–", 2, 2, "sim")),
        ),
        Table(
            name="sequences",
            title="Sequências",
            columns=("Sequência", "Posição no arquivo", "Posição restaurada", "Conferem"),
            rows=(("public.usuarios_id_seq", 2, 2, "sim"),),
        ),
        LINES,
    )


def test_with_its_manifest_completeness_is_proved_and_the_manifest_told() -> None:
    made = tables(PROVED)
    assert [row[2] for row in made["proofs"].rows if row[1] == MANIFEST] == ["provado"]
    assert [row for row in made["backup"].rows if "anifesto" in f"{row}"] == [
        ("Soma conferida", "manifesto"),
        ("Manifesto de", "06/10/2026 03:00:00 (UTC-3)"),
        ("Cópias do manifesto (de 2)", 2),
        ("LSN do manifesto", "0/1A2B3C4"),
    ]
    assert [row[1] for row in made["tables"].rows] == [3, 2]


def test_a_claim_that_does_not_hold_is_told_with_how_many_findings_speak_against_it() -> None:
    changed = written(entries=(), positions=(replace(POSITION, last_value=9),))
    said = {row[0]: row[2] for row in tables(changed)["proofs"].rows}
    assert said["Completude: igual ao banco no momento do backup"] == "não vale: 4 achado(s)"
    assert (said[STRUCTURE], said["Posição das sequências igual à do arquivo"]) == ("provado", "provado")


def test_what_differs_or_is_missing_is_seen_at_once() -> None:
    nova, vazia = but(USUARIOS, table="public.nova"), but(USUARIOS, table="public.vazia", rows=0, digest="00")
    drill = restore(
        there(tables=(but(ATENDIMENTOS, rows=2, digest="a2"), nova, vazia), positions=()),
        lines=(
            Lines(kind=LineKind.HARMLESS, count=1),
            Lines(kind=LineKind.SERVER, count=2),
            Lines(kind=LineKind.CONTINUED, count=3),
        ),
    )
    made = tables(drill)
    assert made["tables"].rows == (
        ("public.atendimentos", "–", 3, 2, "não"),
        ("public.nova", "–", "–", 2, "não"),
        ("public.usuarios", "–", 2, "–", "não"),
        ("public.vazia", "–", "–", 0, "sim"),
    )
    assert made["sequences"].rows == (("public.usuarios_id_seq", 2, "–", "não"),)
    assert [count for _, count in made["restore-lines"].rows] == [1, 2, 0, 3, 0]


def test_how_the_object_was_packed_and_what_its_bytes_were_held_against_is_told() -> None:
    packed = fetched(
        found(PROVED, expected_sha256=SHA), layers=(Layer.AGE, Layer.ZSTD), form=Form.PLAIN, checked_by_s3=True
    )
    said = {row[0]: row[1] for row in tables(packed)["backup"].rows}
    assert (said["Forma"], said["Soma conferida"]) == ("age, zstd, SQL", "S3, .sha256, manifesto")


def test_what_is_not_known_is_a_dash() -> None:
    bare = restored(header(database="", created_at=None), newest=(NewestRow(column="a.b.c", exists=True, at=None),))
    open_place = but(bare, place=but(bare.place, isolated=False, in_memory=False))
    said = {row[0]: row[1] for row in tables(open_place)["backup"].rows}
    assert {name: said[name] for name in ("Banco", "Início do pg_dump", "Linha mais nova em a.b.c")} == {
        "Banco": "–",
        "Início do pg_dump": "–",
        "Linha mais nova em a.b.c": "–",
    }
    assert (said["Rede do servidor descartável"], said["Pasta descartável"]) == ("sem porta aberta", "em disco")


def test_what_the_team_stated_is_told_with_its_answers() -> None:
    stated = settings(
        assertions=[
            {"name": name, "query": "SELECT count(*) FROM usuarios", "expect": expect}
            for name, expect in (("a1", ">= 1"), ("a2", "no rows"), ("a3", "true"), ("a4", "= 0"))
        ]
    )
    answers = (
        Answer(name="a1", value="2"),
        Answer(name="a2", value="no rows"),
        Answer(name="a3", value="text"),
        Answer(name="a4", value="", sqlstate="42P01"),
    )
    assert tables(restored(answers=answers), stated)["assertions"] == Table(
        name="assertions",
        title="Afirmações da equipe",
        columns=("Afirmação", "Esperado", "Resposta", "Vale"),
        rows=(
            ("a1", ">= 1", "2", "sim"),
            ("a2", "no rows", "nenhuma linha", "sim"),
            ("a3", "true", "um texto (não guardado)", "não"),
            ("a4", "= 0", "–", "não"),
        ),
    )


def test_of_an_archive_that_cannot_be_read_the_file_and_what_could_not_be_proved_are_told() -> None:
    made = tables(fetched(unread(Fault.WRONG_KEY), form=None, sha256="", fault=Fault.WRONG_KEY))
    assert list(made) == ["proofs", "backup"]
    assert [row[0] for row in made["backup"].rows] == [
        "Objeto",
        "Tamanho (bytes)",
        "SHA-256",
        "Soma conferida",
        "Chegada ao bucket",
        "Classe de armazenamento",
        "O bucket guarda versões",
        "Forma",
    ]
    assert {row[2] for row in made["proofs"].rows} == {
        "não vale: 1 achado(s)",
        "não provado: o arquivo não pôde ser lido até o fim",
    }


def test_of_an_archive_that_breaks_off_no_rows_are_set_side_by_side() -> None:
    assert list(tables(data(fault=Fault.TRUNCATED))) == ["proofs", "backup", "restore-lines"]


def test_where_an_extension_is_missing_nothing_is_said_to_be_proved_but_the_archive_itself() -> None:
    lacking = ServerError(
        sqlstate="0A000", statement="CREATE EXTENSION", subject="postgis", count=1, meaning=Meaning.NO_EXTENSION
    )
    said = [row[2] for row in tables(refusing(lacking))["proofs"].rows]
    assert said[0] == "provado"
    assert {text.split(":")[0] for text in map(str, said[1:])} == {"não provado"}


def test_of_several_databases_each_table_is_its_own_and_can_be_a_files_name() -> None:
    made = tables(found(database="Bate/papo 1"), several=True)
    assert {name: table.title for name, table in made.items()} == {
        "proofs-Bate%2Fpapo%201": "O que foi provado (Bate/papo 1)",
        "backup-Bate%2Fpapo%201": "O backup testado (Bate/papo 1)",
        "tables-Bate%2Fpapo%201": "Linhas por tabela (Bate/papo 1)",
        "sequences-Bate%2Fpapo%201": "Sequências (Bate/papo 1)",
        "restore-lines-Bate%2Fpapo%201": "Linhas escritas ao restaurar (Bate/papo 1)",
    }


# ── charts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def judged(drill: Drill, *past_ages: int) -> rules.Tested:
    past = tuple(replace(PAST, at=NOW - timedelta(days=days), rpo_hours=float(days)) for days in past_ages)
    return rules.tested(drill, SETTINGS, past)


def test_the_trend_runs_from_the_oldest_test_to_this_one_beside_its_objectives() -> None:
    assert report.charts(judged(GOOD, 90, 180), several=False) == (
        Chart(
            name="restore-time",
            title="Tempo de restauração",
            unit="min",
            points=(NOW - timedelta(days=180), NOW - timedelta(days=90), NOW),
            series=(
                Series(name="baixar e restaurar", values=(0.4, 0.4, 0.4)),
                Series(name="restaurar", values=(20 / 60, 20 / 60, 20 / 60)),
                Series(name="comparar e provar", values=(3.5 / 60, 3.5 / 60, 3.5 / 60)),
            ),
            objectives=(Objective(name="RTO", value=1.0),),
        ),
        Chart(
            name="data-age",
            title="Atraso dos dados",
            unit="h",
            points=(NOW - timedelta(days=180), NOW - timedelta(days=90), NOW),
            series=(Series(name="atraso", values=(180.0, 90.0, 7.0)),),
            objectives=(Objective(name="RPO", value=24.0),),
        ),
    )


def test_what_a_test_did_not_come_to_is_a_gap() -> None:
    time, age = report.charts(judged(found(unread(Fault.EMPTY), modified_at=NOW - 2 * HOUR), 90), several=False)
    assert [series.values for series in time.series] == [(0.4, None), (20 / 60, None), (3.5 / 60, None)]
    assert [series.values for series in age.series] == [(90.0, 2.0)]


def test_the_first_test_is_a_single_point() -> None:
    assert [chart.points for chart in report.charts(judged(GOOD), several=False)] == [(NOW,), (NOW,)]


def test_of_several_databases_each_chart_is_its_own() -> None:
    told = report.charts(judged(found(database="Bate/papo")), several=True)
    assert [(chart.name, chart.title) for chart in told] == [
        ("restore-time-Bate%2Fpapo", "Tempo de restauração (Bate/papo)"),
        ("data-age-Bate%2Fpapo", "Atraso dos dados (Bate/papo)"),
    ]

"""What an auditor reads, and what is kept beside it."""

from dataclasses import replace

import pytest

from tasks.backup import report
from tasks.backup.model.facts import Archive, Fault, RestoredTable
from tasks.core.findings import Outcome, Table, Verdict, judge
from tasks.reports.blocks import Heading, Paragraph
from tasks.reports.html import to_html
from tests.tasks.backup.drills import DATABASE, GOOD, KEY, REFUSED_LINES, RESTORE

HEADINGS = ("O que ficou provado", "O que este teste não prova", "Destruição da cópia")


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_says_what_was_proved_what_was_not_and_that_the_copy_is_gone(verdict: Verdict) -> None:
    blocks = report.build(Outcome(verdict=verdict))
    assert tuple(block.text for block in blocks if isinstance(block, Heading)) == HEADINGS
    assert len([block for block in blocks if isinstance(block, Paragraph)]) == len(HEADINGS)


def test_a_good_backup_is_never_said_to_be_complete() -> None:
    text = to_html("Teste", report.build(judge(())))
    assert "a completude em relação à produção não está provada" in text


def test_a_test_that_could_not_be_made_proves_nothing() -> None:
    assert report.build(judge((), fulfilled=False, result="error")) == ()


def test_a_good_drill_is_kept_as_four_tables() -> None:
    assert report.tables(GOOD) == (
        Table(
            name="backup",
            title="O backup testado",
            columns=("Item", "Valor"),
            rows=(
                ("Objeto", KEY),
                ("Tamanho (bytes)", 9000),
                ("SHA-256", "ab" * 32),
                ("Chegada ao bucket", "06/10/2026 04:00:00 (UTC-3)"),
                ("Banco", "assist_marias"),
                ("Início do pg_dump", "06/10/2026 03:00:00 (UTC-3)"),
                ("Servidor de origem", "PostgreSQL 15.18"),
                ("pg_dump", "15.18"),
                ("Objetos na lista do arquivo", 12),
                ("Linha mais nova em public.atendimentos.criado_em", "06/10/2026 02:00:00 (UTC-3)"),
                ("Linha mais nova em public.usuarios.criado_em", "08/07/2026 09:00:00 (UTC-3)"),
            ),
        ),
        Table(
            name="tables",
            title="Linhas por tabela",
            columns=("Tabela", "Linhas no arquivo", "Linhas restauradas", "Conferem"),
            rows=(("public.atendimentos", 3, 3, "sim"), ("public.usuarios", 2, 2, "sim")),
        ),
        Table(
            name="sequences",
            title="Sequências",
            columns=("Sequência", "Posição no arquivo", "Posição restaurada", "Conferem", "Números repetidos"),
            rows=(("public.usuarios_id_seq", 2, 2, "sim", 0),),
        ),
        Table(
            name="restore-lines",
            title="Linhas escritas pelo pg_restore",
            columns=("Tipo", "Linhas"),
            rows=(
                ("inofensivas", 0),
                ("recusas do servidor", 0),
                ("falhas de leitura do arquivo", 0),
                ("continuação de uma mensagem", 0),
                ("desconhecidas", 0),
            ),
        ),
    )


def test_what_differs_or_is_missing_is_seen_at_once() -> None:
    assert GOOD.proof
    tables = (RestoredTable(table="public.atendimentos", rows=2), RestoredTable(table="public.nova", rows=1))
    proof = replace(
        GOOD.proof,
        restore=replace(RESTORE, lines=REFUSED_LINES),
        database=replace(DATABASE, tables=tables, sequences=()),
    )
    _, rows, sequences, lines = report.tables(replace(GOOD, proof=proof))
    assert rows.rows == (
        ("public.atendimentos", 3, 2, "não"),
        ("public.nova", "–", 1, "sim"),
        ("public.usuarios", 2, "–", "não"),
    )
    assert sequences.rows == (("public.usuarios_id_seq", 2, "–", "não", "–"),)
    assert [count for _, count in lines.rows] == [1, 1, 0, 3, 0]


def test_of_an_archive_that_cannot_be_read_only_the_file_is_told() -> None:
    (backup,) = report.tables(replace(GOOD, archive=Archive(fault=Fault.CORRUPT), proof=None))
    assert [row[0] for row in backup.rows] == ["Objeto", "Tamanho (bytes)", "SHA-256", "Chegada ao bucket"]


def test_of_an_archive_that_breaks_off_no_rows_are_set_side_by_side() -> None:
    assert GOOD.proof
    proof = replace(GOOD.proof, data=replace(GOOD.proof.data, fault=Fault.TRUNCATED))
    assert [table.name for table in report.tables(replace(GOOD, proof=proof))] == ["backup", "restore-lines"]

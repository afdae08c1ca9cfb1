from dataclasses import replace

import pytest

from tasks.core.attempt import Trigger
from tasks.core.findings import ChangeState, Severity, Table, Verdict
from tasks.core.labels import BREAK_GLASS, DRY_RUN, ending
from tasks.evidence.document import ChangeRecord, CoverageRecord
from tasks.reports.blocks import (
    Facts,
    FindingBlock,
    Heading,
    Note,
    Paragraph,
    TableBlock,
    Tone,
    VerdictBanner,
    chart_block,
)
from tasks.reports.standard import LIMIT, layout
from tests.tasks.notices.documents import ENDS, document, finding
from tests.tasks.reports.charts import RTO

BANNER = VerdictBanner(
    tone=Tone.GOOD,
    symbol="✓",
    verdict="Tudo certo",
    summary="O backup assist_marias-20261006-0300.dump foi restaurado por inteiro",
    context="produção · 06/10/2026 09:00:03 (UTC-3)",
)
COVERAGE = ("Item", "Exigência", "Verificado", "Motivo")
ROWS = Table(name="linhas", title="Linhas por tabela", columns=("Tabela", "Linhas"), rows=(("public.a", 1200),))


def test_a_passed_run_is_reported_whole_and_in_order() -> None:
    own = Paragraph(text="A parte da rotina.")
    end = ending(Verdict.PASSED, None)
    assert layout(document(), (own,), (ROWS,), {"rows": "Linhas restauradas"}, charts=(RTO,)) == (
        BANNER,
        Heading(text="O que significa"),
        Paragraph(text=end.meaning),
        Paragraph(strong="O que fazer agora:", text=end.todo),
        Heading(text="Achados"),
        Paragraph(text="Nenhum achado."),
        Heading(text="O que foi verificado"),
        Paragraph(text="Tudo o que a rotina deve verificar foi verificado."),
        TableBlock(
            title="Item por item",
            columns=COVERAGE[:-1],
            rows=(("Linhas de cada tabela", "obrigatório", "sim"),),
        ),
        Heading(text="Medidas"),
        Facts(rows=(("restore", "12 min 4 s"), ("dump", "1,8 GB"), ("Linhas restauradas", "1.284.332"))),
        Heading(text="Gráficos"),
        chart_block(RTO),
        own,
        Heading(text="Tabelas"),
        TableBlock(title="Linhas por tabela", columns=("Tabela", "Linhas"), rows=(("public.a", 1200),)),
        Heading(text="Identificação da execução"),
        Facts(
            rows=(
                ("Rotina", "Teste de restauração do backup (backup-restore-test)"),
                ("Ambiente", "produção"),
                ("Sobre", "assist_marias-20261006-0300.dump"),
                ("Início", "06/10/2026 09:00:03 (UTC-3)"),
                ("Fim", "06/10/2026 09:14:47 (UTC-3)"),
                ("Duração", "14 min 44 s"),
                ("Disparada por", "agendamento"),
                ("Simulação", "não"),
                ("Execução", "0f8a7d2e-7a7c-4d0b-9d1d-6f1f2f8f3b11"),
                ("Tentativa", "1"),
                ("Programa", "marias-ops 0.1.0 (3f2a91c)"),
            )
        ),
        Heading(text="O que este relatório prova"),
        Paragraph(text=LIMIT),
    )


@pytest.mark.parametrize(("verdict", "result"), ENDS)
def test_every_end_has_a_banner_with_its_name(verdict: Verdict, result: str | None) -> None:
    end = ending(verdict, result)
    tones = {
        Verdict.PASSED: Tone.GOOD,
        Verdict.ATTENTION: Tone.WARN,
        Verdict.INCONCLUSIVE: Tone.UNKNOWN,
        Verdict.FAILED: Tone.BAD,
    }
    banner, *others = layout(document(verdict=verdict, result=result), (), ())
    assert banner == replace(BANNER, tone=tones[verdict], symbol=end.symbol, verdict=end.name)
    assert Paragraph(text=end.meaning) in others


def test_what_was_not_checked_comes_first_and_is_counted() -> None:
    partly = document(
        coverage=(
            CoverageRecord(what="a", required=True, assessed=True, why=""),
            CoverageRecord(what="b", required=False, assessed=False, why="sem extensão"),
            CoverageRecord(what="c", required=True, assessed=False, why="sem acesso"),
        )
    )
    blocks = layout(partly, (), ())
    place = blocks.index(Heading(text="O que não foi verificado"))
    assert blocks[place + 1 : place + 3] == (
        Paragraph(text="Sem verificação: 2 de 3 itens. Sobre isso, nada se afirma."),
        TableBlock(
            title="Item por item",
            columns=COVERAGE,
            rows=(
                ("c", "obrigatório", "não", "sem acesso"),
                ("b", "não reprova por si só", "não", "sem extensão"),
                ("a", "obrigatório", "sim", ""),
            ),
        ),
    )


def test_all_findings_stand_in_the_report_worst_first() -> None:
    several = [finding(severity=Severity.LOW, subject=f"t{n}") for n in range(20)] + [finding()]
    drawn = [b for b in layout(document(findings=tuple(several)), (), ()) if isinstance(b, FindingBlock)]
    assert len(drawn) == 21
    assert drawn[0] == FindingBlock(
        severity=Severity.CRITICAL,
        title="Linhas a menos na tabela restaurada",
        subject="public.beneficiarias",
        message="A tabela public.beneficiarias tem 18.204 linhas; o arquivo traz 18.231.",
        remedy="Não use este backup; restaure o anterior",
        rule="backup.row_count_mismatch",
    )


def test_break_glass_dry_run_and_what_is_safe_are_said_at_the_top() -> None:
    blocks = layout(document(trigger=Trigger.BREAK_GLASS, dry_run=True, safe="A produção não foi tocada."), (), ())
    assert blocks[1:3] == (
        Note(tone=Tone.WARN, strong=BREAK_GLASS.loud, text=BREAK_GLASS.text),
        Note(tone=Tone.WARN, strong=DRY_RUN.loud, text=DRY_RUN.text),
    )
    assert blocks[5] == Paragraph(strong="O que está seguro:", text="A produção não foi tocada.")


def test_changes_are_listed_with_their_state() -> None:
    changed = document(changes=(ChangeRecord(what="Chave trocada", subject="deploy01", state=ChangeState.UNDONE),))
    assert TableBlock(
        title="Mudanças, na ordem em que foram feitas",
        columns=("Mudança", "Onde", "Estado"),
        rows=(("Chave trocada", "deploy01", "desfeita"),),
    ) in layout(changed, (), ())

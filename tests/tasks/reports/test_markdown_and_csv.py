import csv
from io import StringIO

import pytest
from markdown_it import MarkdownIt

from tasks.core.findings import Severity, Table
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
from tasks.reports.csv import to_csv
from tasks.reports.markdown import to_markdown
from tests.tasks.reports.charts import RTO

HOSTILE = "a|b <script>x</script> *f* _i_ `c` [l](http://x) ![i](http://x) \\ ~~s~~\n# h\n- l"


def test_every_block_has_its_markdown() -> None:
    assert to_markdown(
        (
            VerdictBanner(tone=Tone.BAD, symbol="✕", verdict="Falhou", summary="2 problemas", context="produção"),
            Heading(text="Achados"),
            FindingBlock(
                severity=Severity.HIGH,
                title="Linhas a menos",
                subject="public.a_b",
                message="Faltam 2.",
                remedy="Veja.",
                rule="x.y",
            ),
            Note(tone=Tone.WARN, strong="SIMULAÇÃO", text="Nada mudou."),
            Paragraph(strong="Seguro:", text="a produção."),
            Facts(rows=(("Linhas", 1234),)),
            TableBlock(title="Tabelas", columns=("Tabela", "Linhas"), rows=(("a|b", 0.5),)),
        )
    ) == (
        "# ✕ Falhou\n\n2 problemas\n\nprodução\n\n"
        "## Achados\n\n"
        "**Linhas a menos** (alto · public.a\\_b)\n\nFaltam 2.\n\n**Como resolver:** Veja.\n\n"
        "> **SIMULAÇÃO** Nada mudou.\n\n"
        "**Seguro:** a produção.\n\n"
        "| Dado | Valor |\n| --- | --- |\n| Linhas | 1.234 |\n\n"
        "**Tabelas**\n\n| Tabela | Linhas |\n| --- | --- |\n| a\\|b | 0,5 |\n"
    )


def test_a_chart_is_its_numbers() -> None:
    assert to_markdown((chart_block(RTO),)) == (
        "**Tempo de recuperação (RTO): números**\n\n"
        "| Ponto | Total (min) | Restauração (min) | Objetivo (min) |\n| --- | --- | --- | --- |\n"
        "| 07/04/2026 | 14,25 | 8 | 60 |\n| 07/07/2026 | 1.000 | – | 60 |\n| 06/10/2026 | 18 | 11 | 60 |\n"
    )


@pytest.mark.parametrize("text", [HOSTILE, "# título", "- item", "1. item", "12) item", "+ item", "> citação"])
def test_data_stays_text_in_markdown(text: str) -> None:
    drawn = to_markdown((Paragraph(text=text), TableBlock(title="t", columns=("c",), rows=((text,),))))
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(drawn)
    shown = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert html == (
        f"<p>{shown}</p>\n<p><strong>t</strong></p>\n"
        f"<table>\n<thead>\n<tr>\n<th>c</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>{shown}</td>\n</tr>\n</tbody>\n</table>\n"
    )


def test_a_csv_is_rfc_4180_with_a_mark_for_spreadsheets() -> None:
    table = Table(name="t", title="T", columns=("Tabela", "Diferença"), rows=(('a "b", c', -27), ("ção", 1234.5)))
    assert to_csv(table) == b'\xef\xbb\xbfTabela,Diferen\xc3\xa7a\r\n"a ""b"", c",-27\r\n\xc3\xa7\xc3\xa3o,1234.5\r\n'


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_text_is_run_as_a_formula(formula: str) -> None:
    body = to_csv(Table(name="t", title="T", columns=(formula,), rows=((formula,),)))
    rows = list(csv.reader(StringIO(body.decode("utf-8-sig"), newline="")))
    assert rows == [[f"'{formula}"], [f"'{formula}"]]

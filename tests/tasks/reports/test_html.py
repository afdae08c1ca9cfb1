import re
from base64 import b64encode
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from tasks.core.findings import Chart, Series, Table, Verdict
from tasks.evidence.document import CoverageRecord, Document
from tasks.reports.html import to_html
from tasks.reports.plots import to_png
from tasks.reports.standard import layout
from tests.tasks.notices.documents import document, finding
from tests.tasks.reports.charts import RTO, RTO_IN_WORDS, chart

HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(1)>" onclick="x" {{ 7*7 }} &amp;'
# Pairs of ink and ground in the template's style, for each of its two themes.
PAIRS = [
    ("ink", "back"),
    ("ink", "card"),
    ("ink", "band"),
    ("soft", "back"),
    ("soft", "card"),
    ("soft", "band"),
    *((tone, f"{tone}-back") for tone in ("good", "warn", "bad", "unknown")),
    *(("soft", f"{tone}-back") for tone in ("good", "warn", "bad", "unknown")),
]


class Page(HTMLParser):
    """The tags, their attributes, and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def page(shown: Document, *tables: Table, charts: tuple[Chart, ...] = ()) -> str:
    return to_html(shown.title, layout(shown, (), tables, charts=charts))


def full(text: str) -> str:
    bad = finding(title=text, message=text, remedy=text, subject=text, rule="a.b")
    coverage = CoverageRecord(what=text, required=True, assessed=False, why=text)
    table = Table(name="t", title=text, columns=(text, "Linhas"), rows=((text, 1234.5),))
    shown = document(title=text, summary=text, safe=text, verdict=Verdict.FAILED, findings=(bad,), coverage=(coverage,))
    drawn = chart(title=text, unit=text, points=(text,), series=(Series(name=text, values=(1.0,)),))
    return page(shown, table, charts=(drawn,))


def test_data_becomes_text_and_never_markup() -> None:
    hostile, plain = Page(full(HOSTILE)), Page(full("texto"))
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in plain.tags]
    assert [sorted(names) for _, names in hostile.tags] == [sorted(names) for _, names in plain.tags]
    assert hostile.text.count(HOSTILE) == plain.text.count("texto")


def test_nothing_is_loaded_and_nothing_runs() -> None:
    shown = Page(full("texto"))
    assert not {tag for tag, _ in shown.tags} & {"script", "link", "iframe", "object", "form", "base"}
    assert not [name for _, attributes in shown.tags for name in attributes if name in ("href", "style")]
    sources = [source for _, attributes in shown.tags if (source := attributes.get("src"))]
    assert [source.partition(",")[0] for source in sources] == ["data:image/png;base64"]
    assert "url(" not in shown.text
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": policy}) in shown.tags


def test_it_is_portuguese_with_headings_in_order_and_a_caption_on_every_table() -> None:
    shown = Page(full("texto"))
    levels = [int(tag[1]) for tag, _ in shown.tags if re.fullmatch(r"h\d", tag)]
    assert ("html", {"lang": "pt-BR"}) in shown.tags
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    tags = [tag for tag, _ in shown.tags]
    assert tags.count("table") == tags.count("caption") == 3
    assert all(attributes.get("scope") == "col" for tag, attributes in shown.tags if tag == "th")


def test_numbers_are_brazilian_and_set_to_the_right_where_a_whole_column_holds_them() -> None:
    rows = (("a", 1234.5, 1), ("b", "–", "ab12"))
    html = page(document(), Table(name="t", title="T", columns=("Nome", "Linhas", "Valor"), rows=rows))
    assert (
        '<thead><tr><th scope="col">Nome</th><th scope="col" class="number">Linhas</th><th scope="col">Valor</th>'
        in html
    )
    assert '<tr><td>a</td><td class="number">1.234,5</td><td>1</td></tr>' in html
    assert '<tr><td>b</td><td class="number">–</td><td>ab12</td></tr>' in html


def test_a_chart_is_a_picture_in_the_page_with_its_words_and_its_numbers() -> None:
    html = page(document(), charts=(RTO,))
    [picture] = [attributes for tag, attributes in Page(html).tags if tag == "img"]
    source = f"data:image/png;base64,{b64encode(to_png(RTO)).decode()}"
    assert picture == {"src": source, "alt": RTO_IN_WORDS, "width": "1200", "height": "540"}
    assert "<summary>Tempo de recuperação (RTO): números</summary>" in html
    assert (
        '<tr><td>07/07/2026</td><td class="number">1.000</td><td class="number">–</td><td class="number">60</td></tr>'
        in html
    )


def test_a_table_without_rows_says_so() -> None:
    assert '<td colspan="2">Nenhuma linha.</td>' in page(
        document(), Table(name="t", title="T", columns=("A", "B"), rows=())
    )


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_stands_out_from_its_ground(theme: int, ink: str, ground: str) -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 to 1."""
    themes = re.findall(r":root \{(.*?)\}", full("texto"), re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]+)", themes[theme]))
    lighter, darker = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def luminance(colour: str) -> float:
    """Return the relative luminance of #rgb or #rrggbb (WCAG 2.2)."""
    digits = colour[1:] if len(colour) == 7 else "".join(d * 2 for d in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

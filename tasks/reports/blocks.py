"""The parts of a report: plain values that html.py and markdown.py know how to draw."""

from dataclasses import dataclass
from enum import StrEnum

from tasks.core.findings import Chart, Severity, Table
from tasks.reports.plots import in_words, names, to_png

Cell = str | int | float


class Tone(StrEnum):
    """How a part of a report should strike the eye."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    UNKNOWN = "unknown"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading: level 2 opens a section of the report, 3 a part of one (level 1 is the report's title)."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A paragraph of plain text; `strong` is a short lead-in set before it."""

    text: str
    strong: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictBanner:
    """The report's first sight: the verdict in words, its one-line summary, and where and when (`context`)."""

    tone: Tone
    symbol: str
    verdict: str
    summary: str
    context: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A paragraph that must not be overlooked (a dry run, break-glass)."""

    tone: Tone
    strong: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingBlock:
    """One finding: what is wrong, and what to do."""

    severity: Severity
    title: str
    subject: str
    message: str
    remedy: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Pairs of a name and a value, in the order given."""

    rows: tuple[tuple[str, Cell], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableBlock:
    """A table with a caption; a cell that is a number is set to the right, in Brazilian style."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartBlock:
    """A chart: its picture (PNG), what it shows in words, and its numbers, for who cannot see it.

    `name` is the picture's, without ending, wherever it is kept as a file.
    """

    name: str
    png: bytes
    words: str
    numbers: TableBlock


Block = Heading | Paragraph | VerdictBanner | Note | FindingBlock | Facts | TableBlock | ChartBlock


def table_block(table: Table) -> TableBlock:
    """Return the block that shows a duty's table."""
    return TableBlock(title=table.title, columns=table.columns, rows=table.rows)


def chart_block(chart: Chart) -> ChartBlock:
    """Return the block that shows a duty's chart: here it is drawn, once for the report and the evidence."""
    columns = tuple(zip(*(series.values for series in chart.series), strict=True))
    kept = tuple(objective.value for objective in chart.objectives)
    rows = (
        (name, *("–" if value is None else value for value in values), *kept)
        for name, values in zip(names(chart), columns, strict=True)
    )
    lines = (*(series.name for series in chart.series), *(objective.name for objective in chart.objectives))
    numbers = TableBlock(
        title=f"{chart.title}: números",
        columns=("Ponto", *(f"{line} ({chart.unit})" for line in lines)),
        rows=tuple(rows),
    )
    return ChartBlock(name=chart.name, png=to_png(chart), words=in_words(chart), numbers=numbers)

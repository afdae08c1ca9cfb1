"""The parts of a report: plain values that html.py and markdown.py know how to draw."""

from dataclasses import dataclass
from enum import StrEnum

from tasks.core.findings import Severity, Table

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


Block = Heading | Paragraph | VerdictBanner | Note | FindingBlock | Facts | TableBlock


def table_block(table: Table) -> TableBlock:
    """Return the block that shows a duty's table."""
    return TableBlock(title=table.title, columns=table.columns, rows=table.rows)

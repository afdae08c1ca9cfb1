"""Draws blocks as Markdown, for Prefect's artifacts."""

import re
from collections.abc import Iterable, Sequence
from typing import Final, assert_never

from tasks.core.labels import SEVERITIES
from tasks.core.pt_br import number
from tasks.reports.blocks import (
    Block,
    Cell,
    ChartBlock,
    Facts,
    FindingBlock,
    Heading,
    Note,
    Paragraph,
    TableBlock,
    VerdictBanner,
)

_ENTITIES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_MARKS: Final = re.compile(r"[\\`*_\[\]|~]|^[#+-]|(?<=^\d)[.)](?= )|(?<=^\d\d)[.)](?= )")  # the last four open a line


def to_markdown(blocks: Iterable[Block]) -> str:
    """Return blocks as Markdown (GitHub's tables); data can become neither HTML nor a mark, a heading or an image."""
    return "\n\n".join(_drawn(block) for block in blocks) + "\n"


def _drawn(block: Block) -> str:  # noqa: PLR0911 - one answer per kind of block
    match block:
        case Heading():
            return f"{'#' * block.level} {_line(block.text)}"
        case Paragraph():
            return _led(block.strong, block.text)
        case VerdictBanner():
            lines = (f"# {_line(f'{block.symbol} {block.verdict}')}", _line(block.summary), _line(block.context))
            return "\n\n".join(filter(None, lines))
        case Note():
            return f"> {_led(block.strong, block.text)}"
        case FindingBlock():
            return _finding(block)
        case Facts():
            return _table(("Dado", "Valor"), block.rows)
        case TableBlock():
            return f"**{_line(block.title)}**\n\n{_table(block.columns, block.rows)}"
        case ChartBlock():  # an artifact of Prefect's shows no picture that it would not have to load
            return _drawn(block.numbers)
        case _:
            assert_never(block)


def _finding(block: FindingBlock) -> str:
    about = " · ".join(filter(None, (SEVERITIES[block.severity], block.subject)))
    lines = (
        f"**{_line(block.title)}** ({_line(about)})",
        _line(block.message),
        _led("Como resolver:", block.remedy) if block.remedy else "",
    )
    return "\n\n".join(filter(None, lines))


def _table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    head = [_row(columns), "|" + " --- |" * len(columns)]
    return "\n".join((*head, *map(_row, rows)))


def _row(cells: Iterable[Cell]) -> str:
    return "| " + " | ".join(_line(cell if isinstance(cell, str) else number(cell)) for cell in cells) + " |"


def _led(strong: str, text: str) -> str:
    return f"**{_line(strong)}** {_line(text)}" if strong else _line(text)


def _line(text: str) -> str:
    """Return `text` on one line, every mark of Markdown and HTML taken from it."""
    return _MARKS.sub(r"\\\g<0>", " ".join(text.split())).translate(_ENTITIES)

"""Draws blocks as one self-contained HTML page: nothing is loaded, nothing runs, it can be kept and printed."""

from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tasks.core.labels import SEVERITIES
from tasks.core.pt_br import number
from tasks.reports.blocks import Block, Cell, TableBlock

_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def to_html(title: str, blocks: Iterable[Block]) -> str:
    """Return the page in Portuguese, titled `title`, with `blocks` in their order; all data is escaped."""
    template = _TEMPLATES.get_template("report.html.j2")
    return template.render(title=title, blocks=[(type(block).__name__, block) for block in blocks])


def _shown(cell: Cell) -> str:
    return cell if isinstance(cell, str) else number(cell)


def _numeric(block: TableBlock) -> tuple[bool, ...]:
    """Tell of each column whether it holds numbers, and dashes where there are none: as a whole it is set right."""
    columns = zip(*block.rows, strict=True) if block.rows else ((),) * len(block.columns)
    return tuple(
        bool(column) and all(cell == "–" or not isinstance(cell, str) for cell in column) for column in columns
    )


def _data(png: bytes) -> str:
    """Return the address of a picture that is its own content (RFC 2397)."""
    return f"data:image/png;base64,{b64encode(png).decode()}"


_TEMPLATES.filters["data"] = _data
_TEMPLATES.filters["shown"] = _shown
_TEMPLATES.filters["numeric"] = _numeric
_TEMPLATES.filters["severity"] = SEVERITIES.__getitem__

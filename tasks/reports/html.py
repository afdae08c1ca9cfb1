"""Draws blocks as one self-contained HTML page: nothing is loaded, nothing runs, it can be kept and printed."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tasks.core.labels import SEVERITIES
from tasks.core.pt_br import number
from tasks.reports.blocks import Block, Cell

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


_TEMPLATES.filters["shown"] = _shown
_TEMPLATES.filters["severity"] = SEVERITIES.__getitem__

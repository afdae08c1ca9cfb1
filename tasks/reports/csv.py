"""Tables as CSV, for machines and for spreadsheets."""

import csv
from io import StringIO
from typing import Final

from tasks.core.findings import Table
from tasks.reports.blocks import Cell

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def to_csv(table: Table) -> bytes:
    """Return a table as CSV (RFC 4180, UTF-8 with a byte order mark, which spreadsheets need to read accents).

    Numbers stand as a program reads them (1234.5). Text that a spreadsheet would run as a formula gets an apostrophe
    in front (OWASP, CSV injection).
    """
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(map(_harmless, table.columns))
    writer.writerows(map(_harmless, row) for row in table.rows)
    return text.getvalue().encode("utf-8-sig")


def _harmless(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell

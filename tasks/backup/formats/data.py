"""The rows and sequence positions in an archive, counted while `pg_restore --data-only` writes them."""

import re
from collections import Counter
from datetime import timedelta

from tasks.backup.formats.names import QUALIFIED, canonical
from tasks.backup.model.facts import ArchiveData, Fault, Position, TableRows

LONGEST_LINE_BYTES = 256 * 1024  # longer than any COPY statement can be: 1600 columns of 63 bytes
_END = b"\n\\.\n"  # COPY's text form escapes newlines and backslashes, so this stands only at a block's end
_WANTED = (b"COPY ", b"SELECT pg_catalog.setval(")
_COPY = re.compile(rf"COPY ({QUALIFIED}) .*FROM stdin;")
_SETVAL = re.compile(r"SELECT pg_catalog\.setval\('((?:[^']|'')+)', (-?\d+), (true|false)\);")


class DataCounter:
    """Counts rows and notes sequence positions in blocks of any size; holds no row, at most one line of SQL."""

    def __init__(self) -> None:
        """Begin before the first byte, outside any COPY."""
        self._held = b""
        self._table: str | None = None
        self._skipping = False  # the rest of a line that was too long
        self._rows: Counter[str] = Counter()
        self._positions: dict[str, Position] = {}
        self._blocks = 0

    def feed(self, block: bytes) -> None:
        """Take the next bytes."""
        data, self._held = self._held + block, b""
        at = 0
        while at < len(data):
            at = self._sql(data, at) if self._table is None else self._copied(data, at, self._table)

    def result(self, fault: Fault | None, took: timedelta) -> ArchiveData:
        """Return what was counted; `fault` is why the archive could not be read to its end, if it could not."""
        if self._table is not None:  # the stream broke off within a block
            self._rows[self._table] += self._held.count(b"\n")
        return ArchiveData(
            rows=tuple(TableRows(table=table, rows=self._rows[table]) for table in sorted(self._rows)),
            positions=tuple(self._positions[name] for name in sorted(self._positions)),
            blocks=self._blocks,
            fault=fault,
            seconds=took.total_seconds(),
        )

    def _sql(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at)
        if end < 0 and len(data) - at <= LONGEST_LINE_BYTES:
            self._held = b"" if self._skipping else data[at:]
            return len(data)
        if end >= 0 and not self._skipping:
            self._statement(data[at:end])
        self._skipping = end < 0
        if end < 0:
            return len(data)
        return end + 1 if self._table is None else end  # this newline begins a block: an empty one ends like any other

    def _copied(self, data: bytes, at: int, table: str) -> int:
        end = data.find(_END, at)
        stop = end + 1 if end >= 0 else max(at, len(data) - len(_END) + 1)
        self._rows[table] += data.count(b"\n", at, stop)
        if end < 0:
            self._held = data[stop:]
            return len(data)
        self._table = None
        return end + len(_END)

    def _statement(self, line: bytes) -> None:
        if not line.startswith(_WANTED) or len(line) > LONGEST_LINE_BYTES:
            return
        text = _text(line)
        if copy := _COPY.fullmatch(text):
            self._table = canonical(copy[1])
            self._blocks += 1
            self._rows[self._table] -= 1  # the newline before the first row
        elif setval := _SETVAL.fullmatch(text):
            name = canonical(setval[1].replace("''", "'"))
            self._positions[name] = Position(sequence=name, last_value=int(setval[2]), is_called=setval[3] == "true")


def _text(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:  # a dump in another encoding: only its names matter here
        return line.decode("latin-1")

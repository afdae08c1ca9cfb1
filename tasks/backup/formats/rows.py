"""The rows of tables in a dump's SQL: COPY blocks counted and hashed as they stream by, INSERT statements counted."""

import codecs
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np

from tasks.backup.formats.names import qualified
from tasks.backup.formats.sections import BUDGET_BYTES, ENTRY_BYTES, LONGEST_LINE_BYTES, Heading, Ignored, Sum
from tasks.backup.model.contents import TableData

CHECKED_ENCODINGS = frozenset({"UTF8", "SQL_ASCII"})  # the server itself checks the others as it converts them
_COPY_BEGINS = b"COPY "
_ROWS_BEGIN = b" FROM stdin;"
_ROWS_END = b"\n\\.\n"  # COPY's text form escapes line ends and backslashes: this stands only at a block's end
_INSERT = b"INSERT INTO "
_NEXT_INSERT = b"\nINSERT INTO "
_INSERTS_END = b"\n--\n-- "  # the comment above the next object

# numpy looks at many bytes at once, four to eight times as fast as bytes.find and .count, and lets other threads run.
_MARK = np.frombuffer(b"\\.", np.uint16)[0]
_LINE_END = ord("\n")

Bulk = Callable[[bytes, int], int]


@dataclass(slots=True)
class _Table:
    rows: int = 0
    sum: Sum = field(default_factory=Sum)
    valid: bool = True


class _Block:
    """One COPY block; holds at most the bytes of one cut character."""

    def __init__(self, table: _Table, *, checked: bool) -> None:
        self.begun = False
        self._table = table
        self._checked = checked
        self._cut = b""
        self._sha = sha256()

    def take(self, data: bytes, start: int, stop: int) -> None:
        """Take whole or cut rows."""
        self._table.rows += _count_line_ends(data, start, stop)
        with memoryview(data) as whole, whole[start:stop] as piece:
            self._sha.update(piece)  # other threads run meanwhile
            if self._checked and self._table.valid and (self._cut or not data.isascii()):
                self._decode(self._cut + piece if self._cut else piece)

    def end(self) -> None:
        """Add its digest to its table's."""
        self._table.sum.add(self._sha.digest())
        self._table.valid = self._table.valid and not self._cut

    def _decode(self, piece: bytes | memoryview) -> None:
        try:
            _, length = codecs.utf_8_decode(piece, "strict", False)  # noqa: FBT003 - it takes no keywords
        except UnicodeDecodeError:
            self._table.valid = False
        else:
            self._cut = bytes(piece[length:])


class Rows(Ignored):
    """The data of all tables.

    While `bulk` is set, that reads on from a place in the stream and returns how far it came: to the very place that
    it was given when it needs more of the stream.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.bulk: Bulk | None = None
        self.inserts = 0
        self.encoding = ""
        self._tables: defaultdict[str, _Table] = defaultdict(_Table)
        self._room = BUDGET_BYTES
        self._name = ""
        self._copying = 0  # bytes of a COPY statement that has not ended yet
        self._block = _Block(_Table(), checked=False)

    def begin(self, heading: Heading) -> None:
        """Begin a table: the heading's, also where its COPY statement names the table that it is a partition of."""
        self._name = qualified(heading.schema, heading.name)
        self._copying = 0

    def line(self, line: bytes) -> None:
        """Take a line of SQL: a COPY statement may have several; an INSERT statement's other lines are skipped."""
        if self._copying or line.startswith(_COPY_BEGINS):
            self._copying += len(line) + 1
            if line.endswith(_ROWS_BEGIN):
                self._begin_copy()
            elif self._copying > LONGEST_LINE_BYTES:
                self._copying = 0
        elif line.startswith(_INSERT):
            self.inserts += 1
            self.bulk = self._inserted

    def piece(self, piece: bytes) -> None:
        """Take the first piece of a line that is too long to be looked at: it can only be an INSERT."""
        self.line(piece[: len(_INSERT)])

    def cut_off(self, rest: bytes) -> None:
        """End where the stream ends: within a COPY block, `rest` are its last bytes."""
        if self.bulk == self._copied:
            self._block.take(rest, 0 if self._block.begun else 1, len(rest))
            self._block.end()
        self.bulk = None

    def tables(self) -> tuple[TableData, ...]:
        """Return every table of which there was a COPY block, by name."""
        return tuple(
            TableData(table=name, rows=table.rows, digest=table.sum.hex) for name, table in sorted(self._tables.items())
        )

    def invalid_text(self) -> tuple[str, ...]:
        """Return the tables whose data is not valid UTF-8, by name."""
        return tuple(sorted(name for name, table in self._tables.items() if not table.valid))

    def _begin_copy(self) -> None:
        self._copying = 0
        if self._name not in self._tables:
            self._room -= ENTRY_BYTES + len(self._name)
        table = self._tables[self._name if self._room > 0 or self._name in self._tables else ""]
        self._block = _Block(table, checked=self.encoding in CHECKED_ENCODINGS)
        self.bulk = self._copied

    def _copied(self, data: bytes, at: int) -> int:
        end = _find_end(data, at)
        stop = end + 1 if end >= 0 else max(at, len(data) - len(_ROWS_END) + 1)
        if stop > at:
            self._block.take(data, at if self._block.begun else at + 1, stop)  # the first line end is the statement's
            self._block.begun = True
        if end < 0:
            return stop
        self._block.end()
        self.bulk = None
        return end + len(_ROWS_END)

    def _inserted(self, data: bytes, at: int) -> int:
        end = data.find(_INSERTS_END, at)
        stop = end if end >= 0 else max(at, len(data) - len(_NEXT_INSERT) + 1)
        self.inserts += data.count(_NEXT_INSERT, at, stop + len(_NEXT_INSERT) - 1)
        if end < 0:
            return stop
        self.bulk = None
        return end + 1


def _find_end(data: bytes, at: int) -> int:
    # As bytes.find, which is asked only of blocks that hold a backslash before a dot at all.
    length = len(data) - at
    if length > 1:
        pairs = (np.frombuffer(data, np.uint16, (length - odd) // 2, at + odd) for odd in (0, 1))
        if not any(bool((pair == _MARK).any()) for pair in pairs):
            return -1
    return data.find(_ROWS_END, at)


def _count_line_ends(data: bytes, start: int, stop: int) -> int:
    return int(np.count_nonzero(np.frombuffer(data, np.uint8, stop - start, start) == _LINE_END))

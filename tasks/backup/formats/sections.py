"""The sections of a dump's SQL, each read line by line; here those that tell of sequences and large objects.

A section is told of an object (`begin`), given its lines without their ends (`line`), pieces of lines too long to be
looked at (`piece`), and its end (`end`).
"""

import re
from binascii import unhexlify
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from tasks.backup.formats.names import canonical, on_one_line
from tasks.backup.model.contents import LargeObjects, Position

LONGEST_LINE_BYTES = 256 * 1024  # longer than any statement that is looked into: 1600 columns of 63 bytes
BUDGET_BYTES = 64 * 1024 * 1024  # of names kept; objects named beyond it are added up by their kind
DIGESTS = 1 << 256
ENTRY_BYTES = 500  # what a name costs beside its own text
_SETVAL_BEGINS = b"SELECT pg_catalog.setval("
_SETVAL = re.compile(r"SELECT pg_catalog\.setval\('((?:[^']|'')+)', (-?\d{1,19}), (true|false)\);", re.DOTALL)
_CREATED = re.compile(rb"SELECT pg_catalog\.lo_create\('\d+'\);")
_OPENED = re.compile(rb"SELECT pg_catalog\.lo_open\('(\d+)', \d+\);")
_WRITTEN = re.compile(rb"SELECT pg_catalog\.lowrite\(0, '\\x((?:[0-9a-f]{2})*)'\);")
_CLOSED = b"SELECT pg_catalog.lo_close(0);"


@dataclass(slots=True)
class Sum:
    """A sum of SHA-256 digests (mod 2^256): the same for the same things in any order."""

    value: int = 0

    def add(self, digest: bytes) -> None:
        """Add one digest."""
        self.value = (self.value + int.from_bytes(digest, "big")) % DIGESTS

    @property
    def hex(self) -> str:
        """Return it as a digest is written; of one thing alone it is that thing's digest."""
        return f"{self.value:064x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What a dump's comment says of the object below it; "-" reads as "" (none)."""

    kind: str
    schema: str
    name: str
    owner: str


class Section(Protocol):
    """What reads the statements below a heading."""

    def begin(self, heading: Heading) -> None:
        """Begin an object."""

    def line(self, line: bytes) -> None:
        """Take a line of its SQL, without the line's end."""

    def piece(self, piece: bytes) -> None:
        """Take a piece of a line that is too long to be looked at."""

    def end(self) -> None:
        """End the object."""


class Ignored:
    """What says nothing about a database's contents."""

    def begin(self, heading: Heading) -> None:
        """Begin an object."""

    def line(self, line: bytes) -> None:
        """Leave a line out."""

    def piece(self, piece: bytes) -> None:
        """Leave a piece out."""

    def end(self) -> None:
        """End the object."""


class Positions(Ignored):
    """Where sequences stand; of one that is set twice the last position."""

    def __init__(self) -> None:
        """Begin with none."""
        self._found: dict[str, Position] = {}
        self._statement = b""
        self._room = BUDGET_BYTES

    def begin(self, heading: Heading) -> None:  # noqa: ARG002 - the statement names the sequence
        """Begin a sequence."""
        self._statement = b""

    def line(self, line: bytes) -> None:
        """Take a line of the one statement (a name may hold line ends)."""
        if not (self._statement or line.startswith(_SETVAL_BEGINS)) or len(self._statement) > LONGEST_LINE_BYTES:
            return
        self._statement += b"\n" + line if self._statement else line
        if (setval := _SETVAL.fullmatch(text(self._statement))) and self._room > 0:
            name = canonical(on_one_line(setval[1].replace("''", "'")))
            self._room -= ENTRY_BYTES + len(name)
            self._found[name] = Position(sequence=name, last_value=int(setval[2]), is_called=setval[3] == "true")

    def positions(self) -> tuple[Position, ...]:
        """Return them by name."""
        return tuple(self._found[name] for name in sorted(self._found))


class LargeObjectData(Ignored):
    """The contents of large objects, each told whole before the next."""

    def __init__(self) -> None:
        """Begin with none."""
        self._count = 0
        self._sum = Sum()
        self._sha = sha256()

    def line(self, line: bytes) -> None:
        """Take one call: open, write, or close."""
        if written := _WRITTEN.fullmatch(line):
            self._sha.update(unhexlify(written[1]))
        elif opened := _OPENED.fullmatch(line):
            self._sha = sha256(opened[1] + b"\n")
        elif line == _CLOSED:
            self._count += 1
            self._sum.add(self._sha.digest())

    def result(self) -> LargeObjects:
        """Return how many they are and the sum of their digests."""
        return LargeObjects(count=self._count, digest=self._sum.hex) if self._count else LargeObjects()


def text(line: bytes) -> str:
    """Return a line as text; in an encoding other than UTF-8 only its names matter, and are the same every time."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")

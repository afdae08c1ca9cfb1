"""What a dump's SQL holds, read once in blocks: rows counted and hashed, definitions hashed, names noted.

It follows the comments that pg_dump and pg_restore write above each object (_printTocEntry, pg_backup_archiver.c), and
of the grammar of SQL only what is quoted. The dump is not trusted: a lie in it makes two readings differ, nothing else.
"""

import re
from types import MappingProxyType

from tasks.backup.formats.definitions import Definitions, without_needless_quotes
from tasks.backup.formats.rows import Rows
from tasks.backup.formats.sections import (
    LONGEST_LINE_BYTES,
    Heading,
    Ignored,
    LargeObjectData,
    Positions,
    Section,
    text,
)
from tasks.backup.model.contents import Contents

LONGEST_HEADING_BYTES = 32 * 1024  # a function's name holds its arguments
_HEADING = re.compile(
    r"-- (?:(?:Data|Statistics) for )?Name: (.*); Type: ([A-Z ]+); Schema: (.*); Owner: ?(.*?)(?:; Tablespace: .*)?"
)
_TRAILER = b"-- PostgreSQL database dump complete"
_ENCODING = re.compile(r"SET client_encoding = '(\w+)';")
# What is no definition of the database's own, or is told by another section.
_IGNORED = frozenset({"MATERIALIZED VIEW DATA", "STATISTICS DATA", "DATABASE", "DATABASE PROPERTIES"})
_IGNORED_NAMES = MappingProxyType(
    {"COMMENT": ("DATABASE ", "EXTENSION "), "ACL": ("DATABASE ",), "SECURITY LABEL": ("DATABASE ",)}
)
# Large objects may be millions: what is said of single ones is added up under one heading.
_LARGE_OBJECT_KINDS = frozenset({"BLOB", "BLOB METADATA"})
_LARGE_OBJECT_NAMES = ("LARGE OBJECT ", "LARGE OBJECTS ")
LARGE_OBJECTS = "LARGE OBJECTS"
_NAMED_AS_SQL = frozenset({"ACL", "AGGREGATE", "COMMENT", "FUNCTION", "PROCEDURE", "SECURITY LABEL"})


class ScriptReader:
    """Reads the SQL of pg_dump or `pg_restore --file=-` in blocks of any size; holds no row, at most one statement."""

    def __init__(self, *, unowned: str = "") -> None:
        """Begin before the first byte; what the role `unowned` owns counts as nobody's."""
        self._held = b""
        self._cutting = False  # within a line that is too long to be looked at
        self._complete = False
        self._rows = Rows()
        self._definitions = Definitions(unowned)
        self._positions = Positions()
        self._large_objects = LargeObjectData()
        self._ignored = Ignored()
        self._section: Section = self._ignored

    def feed(self, block: bytes) -> None:
        """Take the next bytes."""
        data = self._held + block if self._held else block
        at, before = 0, -1
        while before < at < len(data):
            before, at = at, self._rows.bulk(data, at) if self._rows.bulk else self._line(data, at)
        self._held = data[at:]

    def contents(self) -> Contents:
        """Return what was read; nothing can be fed after that."""
        self._rows.cut_off(self._held)
        self._section.end()
        return Contents(
            entries=self._definitions.entries(),
            tables=self._rows.tables(),
            positions=self._positions.positions(),
            large_objects=self._large_objects.result(),
            encoding=self._rows.encoding,
            complete=self._complete,
            inserts=self._rows.inserts,
            invalid_text=self._rows.invalid_text(),
            roles=self._definitions.roles(),
        )

    def _line(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at)
        if end < 0 and len(data) - at <= LONGEST_LINE_BYTES:
            return at
        stop = end if end >= 0 else len(data)
        if self._cutting or stop - at > LONGEST_LINE_BYTES:
            self._section.piece(data[at:stop])
        else:
            self._statement(data[at:stop].rstrip())
        self._cutting = end < 0
        return stop if self._rows.bulk or end < 0 else stop + 1  # rows begin with the statement's own line end

    def _statement(self, line: bytes) -> None:
        if self._definitions.quote:
            self._section.line(line)
        elif line.startswith(b"-- ") and (heading := _heading(line)):
            self._section.end()
            self._section = self._section_of(heading)
            self._section.begin(heading)
            self._complete = False
        elif line == _TRAILER:
            self._section.end()
            self._section = self._ignored
            self._complete = True
        elif (
            self._section is self._ignored and not self._rows.encoding and (encoding := _ENCODING.fullmatch(text(line)))
        ):
            self._rows.encoding = encoding[1]
        else:
            self._section.line(line)

    def _section_of(self, heading: Heading) -> Section:
        if heading.kind in _IGNORED or heading.name.startswith(_IGNORED_NAMES.get(heading.kind, ("\n",))):
            return self._ignored
        data: dict[str, Section] = {
            "TABLE DATA": self._rows,
            "SEQUENCE SET": self._positions,
            "BLOBS": self._large_objects,
        }
        return data.get(heading.kind, self._definitions)


def _heading(line: bytes) -> Heading | None:
    if len(line) > LONGEST_HEADING_BYTES or not (match := _HEADING.fullmatch(text(line))):
        return None
    name, kind, schema, owner = match.groups()
    if kind in _LARGE_OBJECT_KINDS or name.startswith(_LARGE_OBJECT_NAMES):
        name = LARGE_OBJECTS
    elif kind in _NAMED_AS_SQL:
        name = without_needless_quotes(name)
    return Heading(kind=kind, schema=_or_none(schema), name=name, owner=_or_none(owner))


def _or_none(name: str) -> str:
    return "" if name == "-" else name

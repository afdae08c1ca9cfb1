"""What a dump says of itself: the versions in its first bytes, and what pg_restore's listing tells."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

from tasks.backup.model.drill import Header
from tasks.backup.model.found import Fault, Form

HEAD_BYTES = 4096
_MAGIC = b"PGDMP"
# pg_backup_archiver.h: the versions of the archive format that we can read natively. In the first the two versions of
# PostgreSQL came in (9.0's pg_dump wrote 1.12), in the second the compression's byte; the last is 18's.
_WITH_VERSIONS, _WITH_ALGORITHM, _NEWEST = (1, 10), (1, 15), (1, 16)
_FORMATS = MappingProxyType({Form.CUSTOM: 1, Form.DIRECTORY: 3})  # a directory's toc.dat says what a tar's says
_LONGEST_NAME_BYTES = 2048
_PLAIN_HEAD = b"--\n-- PostgreSQL database dump\n--\n"
_CLUSTER_HEAD = b"--\n-- PostgreSQL database cluster dump\n--\n"
_PLAIN_VERSION = re.compile(rb"^-- Dumped (from database|by pg_dump) version (\d+\S*)", re.MULTILINE)
_VALUE = re.compile(r"; +(dbname|Format|Dumped from database version|Dumped by pg_dump version): (.*)")
_CREATED = re.compile(r"; Archive created at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")
_ENTRY = re.compile(r"(\d+); \d+ \d+ (TABLE DATA|BLOBS)?.*")
_DATA = re.compile(r"\d+; \d+ \d+ (?:TABLE DATA|BLOBS|SEQUENCE SET|STATISTICS DATA|MATERIALIZED VIEW DATA) ")
_COMPRESSION = re.compile(r"\.(?:gz|lz4|zst)\Z")
_LISTED = frozenset({"CUSTOM", "DIRECTORY", "TAR"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """Major versions of the server that a dump was taken from, and of the pg_dump that wrote it."""

    server_major: int
    pg_dump_major: int


def peek(head: bytes, form: Form) -> Versions | Fault:
    """Return the versions that a dump names in its first HEAD_BYTES (all of it, if it has fewer), or why it does not.

    `head` is of the dump itself; of a directory: of its toc.dat.
    """
    if not head:
        return Fault.EMPTY
    if form is Form.PLAIN:
        return _peek_plain(head)
    try:
        return _peek_archive(_Cursor(head), form)
    except IndexError:
        return Fault.TRUNCATED if len(head) < HEAD_BYTES else Fault.CORRUPT


def parse_listing(listing: str, zone: ZoneInfo) -> Header | None:
    """Return what `pg_restore --list` says of an archive; None when it is no such listing.

    An archive holds the wall clock of the machine that made it and not its zone: that is `zone`. The abbreviation that
    pg_restore prints behind the time is of the machine that reads, and means nothing.
    """
    lines = listing.splitlines()
    values = {match[1]: match[2] for line in lines if (match := _VALUE.match(line))}
    created = next((match[1] for line in lines if (match := _CREATED.match(line))), None)
    if created is None or values.get("Format") not in _LISTED:
        return None
    return Header(
        database=values.get("dbname", ""),
        created_at=datetime.fromisoformat(created).replace(tzinfo=zone).astimezone(UTC),
        server=_version(values.get("Dumped from database version", "")),
        pg_dump=_version(values.get("Dumped by pg_dump version", "")),
        entries=sum(_ENTRY.match(line) is not None for line in lines),
    )


def parse_head(head: bytes, entries: int) -> Header:
    """Return what the first HEAD_BYTES of a plain SQL dump say of it; `entries` is how many objects it holds."""
    versions = _plain_versions(head)
    return Header(
        database="",
        created_at=None,
        server=versions.get(b"from database", ""),
        pg_dump=versions.get(b"by pg_dump", ""),
        entries=entries,
    )


def definitions(listing: str) -> str:
    """Return a listing without what holds rows, as `pg_restore --use-list` reads it.

    Unlike --schema-only it keeps large objects with their owners and grants.
    """
    return "".join(f"{line}\n" for line in listing.splitlines() if not _DATA.match(line))


def missing_files(listing: str, names: Iterable[str], large_objects: str) -> int:
    """Return how many of its files a directory dump lacks (pg_backup_directory.c).

    `names`: the files it has; `large_objects`: what its blobs*.toc say ("id file", one a line).
    """
    entries = [match for line in listing.splitlines() if (match := _ENTRY.match(line))]
    there = {_COMPRESSION.sub("", name) for name in names}
    wanted = {f"{entry[1]}.dat" for entry in entries if entry[2] == "TABLE DATA"}
    wanted |= {line.split(" ", 1)[1] for line in large_objects.splitlines() if " " in line}
    no_contents = any(entry[2] == "BLOBS" for entry in entries) and not any(n.startswith("blobs") for n in there)
    return len(wanted - there) + no_contents


class _Cursor:
    """Reads the binary head of an archive (WriteInt, WriteStr); raises IndexError at its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self.int_bytes = 4

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def integer(self) -> int:
        sign = self.byte()
        value = sum(self.byte() << 8 * place for place in range(self.int_bytes))
        return -value if sign else value

    def text(self) -> str:
        length = self.integer()
        if length > _LONGEST_NAME_BYTES:
            raise ValueError
        return bytes(self.byte() for _ in range(length)).decode(errors="replace")


def _peek_archive(cursor: _Cursor, form: Form) -> Versions | Fault:
    # ReadHead of pg_backup_archiver.c.
    if bytes(cursor.byte() for _ in _MAGIC) != _MAGIC:
        return Fault.NOT_AN_ARCHIVE
    version = (cursor.byte(), cursor.byte())
    cursor.byte()  # the revision
    if not _WITH_VERSIONS <= version <= _NEWEST:
        return Fault.OTHER_MAJOR
    cursor.int_bytes = cursor.byte()
    cursor.byte()  # bytes of a file position
    if cursor.byte() != _FORMATS[form]:
        return Fault.CORRUPT
    try:
        if version < _WITH_ALGORITHM:
            cursor.integer()  # compression level
        else:
            cursor.byte()
        for _ in range(7):
            cursor.integer()  # a struct tm
        cursor.text()  # the database
        server, pg_dump = cursor.text(), cursor.text()
    except ValueError:
        return Fault.CORRUPT
    return _versions(server, pg_dump) or Fault.CORRUPT


def _peek_plain(head: bytes) -> Versions | Fault:
    if head.startswith(_CLUSTER_HEAD):
        return Fault.OTHER_FORMAT
    if _PLAIN_HEAD.startswith(head):
        return Fault.TRUNCATED
    if not head.startswith(_PLAIN_HEAD):
        return Fault.NOT_AN_ARCHIVE
    found = _plain_versions(head)
    versions = _versions(found.get(b"from database", ""), found.get(b"by pg_dump", ""))
    return versions or (Fault.TRUNCATED if len(head) < HEAD_BYTES else Fault.OTHER_FORMAT)


def _plain_versions(head: bytes) -> dict[bytes, str]:
    return {match[1]: match[2].decode(errors="replace") for match in _PLAIN_VERSION.finditer(head[:HEAD_BYTES])}


def _versions(server: str, pg_dump: str) -> Versions | None:
    majors = [re.match(r"\d+", version) for version in (server, pg_dump)]
    numbers = [int(major[0]) for major in majors if major]
    return Versions(server_major=numbers[0], pg_dump_major=numbers[1]) if len(numbers) == len(majors) else None


def _version(text: str) -> str:
    return text.split(" ", 1)[0]

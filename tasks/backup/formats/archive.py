"""What a file is, and what pg_restore's listing says of it."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tasks.backup.model.facts import Fault, Header

HEAD_BYTES = 512
CUSTOM = "CUSTOM"
_MAGIC = b"PGDMP"
_OTHER_FORMATS: tuple[tuple[int, bytes], ...] = (
    (0, b"\x1f\x8b"),  # gzip
    (0, b"\x28\xb5\x2f\xfd"),  # zstd
    (0, b"age-encryption.org/"),
    (0, b"--\n-- PostgreSQL database"),  # plain SQL
    (257, b"ustar"),  # tar: pg_restore 15 and 18 spin for ever on some cut ones
)
_VALUE = re.compile(r"; +(dbname|Format|Dumped from database version|Dumped by pg_dump version): (.*)")
_CREATED = re.compile(r"; Archive created at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")
_ENTRY = re.compile(r"\d+; \d+ \d+ (?:(TABLE DATA|TABLE ATTACH|TABLE) )?(.*)")


def head_fault(head: bytes) -> Fault | None:
    """Return why a file that begins with `head` (HEAD_BYTES, or all of it) is no custom-format archive, if so."""
    if head.startswith(_MAGIC):
        return None
    if not head:
        return Fault.EMPTY
    if _MAGIC.startswith(head):
        return Fault.TRUNCATED
    other = any(head.startswith(magic, at) for at, magic in _OTHER_FORMATS)
    return Fault.OTHER_FORMAT if other else Fault.NOT_AN_ARCHIVE


def parse_listing(listing: str, zone: ZoneInfo) -> Header | None:
    """Return what `pg_restore --list` says of a custom-format archive; None when it is no such listing.

    An archive holds the wall clock of the machine that made it and not its zone: that is `zone`. The abbreviation that
    pg_restore prints behind the time is of the machine that reads, and means nothing.
    """
    lines = listing.splitlines()
    values = {match[1]: match[2] for line in lines if (match := _VALUE.match(line))}
    created = next((match[1] for line in lines if (match := _CREATED.match(line))), None)
    entries = [match for line in lines if (match := _ENTRY.match(line))]
    if created is None or values.get("Format") != CUSTOM:
        return None
    return Header(
        database=values.get("dbname", ""),
        created_at=datetime.fromisoformat(created).replace(tzinfo=zone).astimezone(UTC),
        server=_version(values.get("Dumped from database version", "")),
        pg_dump=_version(values.get("Dumped by pg_dump version", "")),
        entries=len(entries),
        tables=tuple(match[2] for match in entries if match[1] == "TABLE"),
        data=tuple(match[2] for match in entries if match[1] == "TABLE DATA"),
    )


def _version(text: str) -> str:
    return text.split(" ", 1)[0]

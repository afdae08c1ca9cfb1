"""Why pg_dump stopped, out of what it wrote: an SQLSTATE and the name of an object, and nothing else of it.

pg_dump writes no SQLSTATE, so it is told by PostgreSQL's own English phrases; a server that speaks another language
leaves it unknown. The object comes out of pg_dump's own line (libpq's programs are started in English).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tasks.backup.formats.names import QUALIFIED, canonical

UNKNOWN = "?"
HIDDEN_ROWS = "query would be affected by row-level security policy"

# Sources: the messages of the backend (src/backend/po/postgres.pot) with their codes (errcodes.txt); libpq's own last.
_PHRASES: Mapping[str, str] = {
    HIDDEN_ROWS: "42501",
    "permission denied": "42501",
    "must be superuser": "42501",
    "must be owner": "42501",
    "invalid snapshot identifier": "22023",
    "canceling statement due to lock timeout": "55P03",
    "could not obtain lock": "55P03",
    "canceling statement due to statement timeout": "57014",
    "canceling statement due to user request": "57014",
    "canceling statement due to conflict with recovery": "40001",
    "terminating connection due to conflict with recovery": "40001",
    "terminating connection due to administrator command": "57P01",
    "terminating connection because of crash": "57P02",
    "is starting up": "57P03",
    "is shutting down": "57P03",
    "out of shared memory": "53200",
    "out of memory": "53200",
    "No space left on device": "53100",
    "could not write to file": "53100",
    "too many clients": "53300",
    "remaining connection slots": "53300",
    "invalid byte sequence": "22021",
    "has no equivalent in encoding": "22P05",
    "invalid page in block": "XX001",
    "could not read block": "XX001",
    "missing chunk number": "XX001",
    "unexpected chunk number": "XX001",
    "compressed pglz data is corrupt": "XX001",
    "could not access status of transaction": "XX001",
    "invalid memory alloc request size": "XX000",
    "cache lookup failed": "XX000",
    "could not open relation": "XX000",
    "does not exist": "42704",
    "server closed the connection unexpectedly": "08006",
    "SSL connection has been closed unexpectedly": "08006",
    "could not receive data": "08006",
    "connection to server": "08001",
}
_LARGE_OBJECT = re.compile(r"large object \d+")
_OBJECTS = (
    re.compile(rf": COPY ({QUALIFIED}) \("),  # the statement that failed, or was to be run
    re.compile(rf": LOCK TABLE (?:ONLY )?({QUALIFIED}) IN "),
    re.compile(r'Dumping the contents of table "([^"]+)" failed'),
    re.compile(rf"permission denied for (?:[a-z]+ )+({QUALIFIED})$", re.MULTILINE),
    re.compile(r'(?:table|relation|schema|sequence|function|view) "([^"]+)"'),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What pg_dump met: an SQLSTATE (UNKNOWN when it cannot be told) and an object ("" without one).

    `hidden_rows`: the role is one that row-level security hides rows from.
    """

    sqlstate: str
    subject: str
    hidden_rows: bool


def complaint(stderr: bytes) -> Complaint:
    """Return why pg_dump stopped."""
    text = stderr.decode("utf-8", "replace")
    sqlstate = next((code for phrase, code in _PHRASES.items() if phrase in text), UNKNOWN)
    return Complaint(sqlstate=sqlstate, subject=_subject(text), hidden_rows=HIDDEN_ROWS in text)


def _subject(text: str) -> str:
    if large_object := _LARGE_OBJECT.search(text):
        return large_object[0]
    return next((canonical(found[1]) for pattern in _OBJECTS if (found := pattern.search(text))), "")

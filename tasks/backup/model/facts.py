"""The facts of one restore test, as read from the world."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Fault(StrEnum):
    """Why an object, or a part of it, could not be read as an archive."""

    EMPTY = "empty"
    NOT_AN_ARCHIVE = "not_an_archive"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    OTHER_FORMAT = "other_format"
    NEWER_VERSION = "newer_version"
    UNREADABLE = "unreadable"


class LineKind(StrEnum):
    """What a line that pg_restore wrote means."""

    HARMLESS = "harmless"
    SERVER = "server"  # an error of the server; the server's log says which
    ARCHIVE = "archive"  # the archive could not be read on
    CONTINUED = "continued"  # more of the error above it
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The backup to test, as S3 lists it; `read_at` is when the listing was read, and the rules' now."""

    key: str
    size_bytes: int
    modified_at: datetime
    read_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """The copy in the throwaway folder; its place is the cluster's business."""

    sha256: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What an archive says of itself; `tables` and `data` are its entries TABLE and TABLE DATA ("schema name owner").

    `server` and `pg_dump` are the versions that it was taken from and with.
    """

    database: str
    created_at: datetime
    server: str
    pg_dump: str
    entries: int
    tables: tuple[str, ...]
    data: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """The archive as `pg_restore --list` reads it: a header, or the fault that stood in the way."""

    header: Header | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """How many lines of one kind pg_restore wrote."""

    kind: LineKind
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerError:
    """How often the server refused a statement: SQLSTATE, the statement's verb and the object it names."""

    sqlstate: str
    statement: str
    subject: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """What restoring said: every line counted, every error of the server by code and object."""

    exit_code: int
    lines: tuple[Lines, ...]
    errors: tuple[ServerError, ...]
    fault: Fault | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRows:
    """Rows of one table."""

    table: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a sequence stands."""

    sequence: str
    last_value: int
    is_called: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveData:
    """The data in the archive, counted; `blocks` is how many COPY blocks there were (a table may have several)."""

    rows: tuple[TableRows, ...]
    positions: tuple[Position, ...]
    blocks: int
    fault: Fault | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredTable:
    """A table of the restored database, its rows counted.

    `partitioned`: the rows are its partitions'; `extension`: an extension brought it, not the archive.
    """

    table: str
    rows: int
    partitioned: bool = False
    extension: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredSequence:
    """A sequence of the restored database; `behind` is how many numbers of its column it would give out again."""

    position: Position
    behind: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestRow:
    """The newest time in a column (None: no row); `exists` is whether the column is there at all."""

    column: str
    exists: bool
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """The restored database."""

    tables: tuple[RestoredTable, ...]
    sequences: tuple[RestoredSequence, ...]
    newest: tuple[NewestRow, ...]
    read_at: datetime
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a readable archive was measured by: its restore, its own data, and the database that came of it."""

    restore: Restore
    data: ArchiveData
    database: Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """The facts of one test; no proof when the archive could not even be listed."""

    found: Found
    fetched: Fetched
    archive: Archive
    proof: Proof | None = None

"""The facts of one restore test, as read from the world."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum

from tasks.backup.model.contents import Contents
from tasks.backup.model.found import Fault, Fetched, Found
from tasks.backup.model.manifest import Beside, Role


class LineKind(StrEnum):
    """What a line that pg_restore or psql wrote means."""

    HARMLESS = "harmless"
    SERVER = "server"  # an error of the server; the server's log says which
    ARCHIVE = "archive"  # the archive could not be read on
    CONTINUED = "continued"  # more of the error above it
    UNKNOWN = "unknown"


class Meaning(StrEnum):
    """What a refusal of the server means for the backup."""

    HARMLESS = "harmless"
    LOSS = "loss"
    HOSTILE = "hostile"  # it tried to run a program or to read the server's files
    NO_EXTENSION = "no_extension"  # this machine lacks an extension
    NOT_ALLOWED = "not_allowed"  # an extension that only a superuser may create, and that the settings do not name
    PRIVILEGED = "privileged"  # an object that only a superuser may create (event trigger, foreign data wrapper …)
    MACHINE = "machine"  # no resources, server stopped, system error


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What an archive says of itself; a plain SQL dump names no database ("") and no time (None).

    `server` and `pg_dump` are the versions that it was taken from and with.
    """

    database: str
    created_at: datetime | None
    server: str
    pg_dump: str
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An extension that a backup creates, and the schema it is put into ("": its own)."""

    extension: str
    schema: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """The backup as it describes itself before anything is restored: a header, or the fault that stood in the way.

    `outline` is its schema alone (no tables' data): what the restore needs to know beforehand, and what it promises.
    """

    header: Header | None = None
    fault: Fault | None = None
    outline: Contents = field(default_factory=Contents)
    extensions: tuple[Placed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """How many lines of one kind pg_restore or psql wrote."""

    kind: LineKind
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerError:
    """How often the server refused a statement: SQLSTATE, the statement's verb and the object it names."""

    sqlstate: str
    statement: str
    subject: str
    count: int
    meaning: Meaning = Meaning.LOSS


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """What restoring said: every line counted, every error of the server by code and object."""

    exit_code: int
    lines: tuple[Lines, ...]
    errors: tuple[ServerError, ...]
    fault: Fault | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The contents of the archive or of a database, the fault that cut the reading off, and how long it took."""

    contents: Contents
    fault: Fault | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestRow:
    """The newest time in a column (None: no row); `exists` is whether the column is there at all."""

    column: str
    exists: bool
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A check (of model/checks.py) that does not hold of an object; `count` is of rows, pages … as the check says."""

    check: str
    subject: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchecked:
    """A check that could not be made of an object ("" for all), and the code of why."""

    check: str
    why: str
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an assertion's query answered: its first value as a number or word if it is one; never another text.

    `sqlstate` is why it could not be asked. `value` "no rows" when there was none, "text" for any other text.
    """

    name: str
    value: str
    sqlstate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How the team's own program ended; exit code 127 when it could not be started, None when it was stopped."""

    program: str
    exit_code: int | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """The restored database: its contents, and what was found to be wrong inside.

    `partitioned`: tables whose rows lie in their partitions.
    """

    reading: Reading
    newest: tuple[NewestRow, ...]
    violations: tuple[Violation, ...]
    unchecked: tuple[Unchecked, ...]
    answers: tuple[Answer, ...]
    command: Ran | None
    partitioned: tuple[str, ...]
    read_at: datetime
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a readable backup was measured by: its restore, its own data, and the database that came of it.

    `live` is the live database's structure, where the settings ask for it.
    """

    restore: Restore
    data: Reading
    restored: Restored
    live: Reading | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The throwaway server: its major version, whether it had no network at all, whether its folder was in memory."""

    major: int
    isolated: bool
    in_memory: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """The facts of one test; no proof when the backup could not even be read.

    `globals`: roles of the globals file, None without one. `place` is None when no server was started.
    """

    found: Found
    fetched: Fetched
    archive: Archive
    beside: Beside = field(default_factory=Beside)
    globals: tuple[Role, ...] | None = None
    place: Place | None = None
    proof: Proof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A test of a database as its measures tell of it; None for what it did not come to."""

    at: datetime
    size_bytes: float | None
    rows: float | None
    download_seconds: float | None
    restore_seconds: float | None
    verify_seconds: float | None
    drill_seconds: float | None
    rpo_hours: float | None

    @classmethod
    def of(cls, at: datetime, measures: Mapping[str, float], ending: str = "") -> "Past":
        """Return the test that had these measures; `ending` is what follows their names ("rows assist_marias")."""
        return cls(at=at, **{f.name: measures.get(f"{f.name}{ending}") for f in fields(cls) if f.name != "at"})

"""The names and numbers that the words of a finding or an error need."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """Where a backup was looked for."""

    bucket: str
    prefix: str
    pattern: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TooSmall:
    """A backup's size and the least that is believable."""

    size_bytes: int
    least_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherDatabase:
    """The database inside, and the one that should be."""

    inside: str
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What the server refused while restoring."""

    sqlstate: str
    statement: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexplained:
    """How many lines of pg_restore nothing explains."""

    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGap:
    """Rows in the archive and rows restored."""

    expected: int
    restored: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionGap:
    """Where a sequence should stand and where it does."""

    expected: int
    restored: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """How many numbers a sequence would give out again."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """The oldest of the three clocks (in São Paulo's time), and how old that is against the RPO (hours)."""

    oldest: datetime
    age_hours: float
    rpo_hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """How long fetching and restoring took against the RTO (minutes)."""

    took_minutes: float
    rto_minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """What ended a restore that was not the backup's doing: an SQLSTATE or a signal."""

    cause: str

"""The names and numbers that the words of a finding or an error need."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Against(StrEnum):
    """What a backup or its restored database was held against: the knowledge that a finding rests on."""

    ARTEFACT = "backup.against.artefact"  # the archive's own data and definitions
    MANIFEST = "backup.against.manifest"  # what was written down when it was taken
    LIVE = "backup.against.live"  # the live database of today
    POLICY = "backup.against.policy"  # what the settings ask for


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """Where a backup was looked for; `database` is whose."""

    database: str
    bucket: str
    prefix: str
    pattern: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The names that would have been understood, separated by commas."""

    names: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TooSmall:
    """A backup's size and the least that is believable."""

    size_bytes: int
    least_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """A backup's size and the median of those before it."""

    size_bytes: int
    median_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Two SHA-256 that should be equal."""

    expected: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherDatabase:
    """The database inside, and the one that should be."""

    inside: str
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherKey:
    """The object that a manifest was written for."""

    key: str


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
class Difference:
    """What an object was held against."""

    against: Against


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGap:
    """Rows that there should be and rows that there are, and according to what."""

    expected: int
    found: int
    against: Against


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionGap:
    """Where a sequence should stand and where it does (the number it would give out next), and according to what."""

    expected: int
    found: int
    against: Against


@dataclass(frozen=True, slots=True, kw_only=True)
class More:
    """How many findings of one kind are not listed one by one."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many rows, objects or numbers a check found wrong."""

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
class Unlike:
    """A measure of this test, and the median of the last ones."""

    measure: str
    value: float
    median: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What an assertion expected, and the number or word that came."""

    expected: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the team's program ended."""

    exit_code: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """What ended a restore that was not the backup's doing: an SQLSTATE or a signal."""

    cause: str

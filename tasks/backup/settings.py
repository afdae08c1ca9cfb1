"""[backup]: which backups are tested, how, and what each must be good for."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from tasks.settings import SecretRef, Section

Column = Annotated[str, Field(pattern=r"^[^.\s]+\.[^.\s]+\.[^.\s]+$", description="schema.table.column")]
TableName = Annotated[str, Field(pattern=r"^[^.\s]+\.[^.\s]+$", description="schema.table")]
# What an answer is held against: a comparison with a number, or one of three words.
EXPECTATION = r"^((<=|>=|=|<|>) *-?\d+(\.\d+)?|true|false|no rows)$"


class Assertion(Section):
    """One statement about the restored data that must hold."""

    name: str = Field(pattern=r"^\S.{0,78}\S$", description="What it says, in a few words; people read it.")
    query: str = Field(
        min_length=8,
        description="One SELECT; its first column of its first row is the answer. Ask for counts: a number is told.",
    )
    timeout_seconds: float = Field(default=60, gt=0, le=3600, description="When it is given up.")
    expect: str = Field(pattern=EXPECTATION, description="'>= 1', '= 0', '< 5000' …, 'true', 'false', or 'no rows'.")


class Command(Section):
    """A program of the team's own that is run against the restored database; DATABASE_URL tells it where that is."""

    argv: tuple[str, ...] = Field(min_length=1, description="Program and arguments; no shell.")
    folder: str = Field(default="", description="Where it is run; empty for the throwaway folder.")
    timeout_minutes: float = Field(default=10, gt=0, le=60, description="When it is stopped.")


class Database(Section):
    """[backup.databases.NAME]: the backups of one database. NAME is what must be inside."""

    prefix: str = Field(default="", description="What the keys of its backups begin with.")
    pattern: str = Field(
        default=r".+\.dump",
        description="Regular expression that the rest of a key must match whole (of a directory dump: its folder).",
    )
    globals_pattern: str = Field(
        default="", description="As pattern, for files of pg_dumpall --globals-only; empty where none is kept."
    )
    newest_row: tuple[Column, ...] = Field(
        min_length=1, description="Columns (schema.table.column) whose newest time shows how fresh the data is."
    )
    without_data: tuple[TableName, ...] = Field(
        default=(), description="Tables (schema.table) whose rows are left out of the backup on purpose."
    )
    not_large_objects: tuple[Column, ...] = Field(
        default=(), description="Columns of type oid that hold something else than the ids of large objects."
    )
    roles: tuple[str, ...] = Field(
        default=(), description="Roles that production has; empty: those of the globals file or the manifest."
    )
    min_size_bytes: int = Field(default=1024, ge=1, description="A smaller backup cannot be whole.")
    rpo_hours: float = Field(gt=0, description="RPO: how old the restored data may be.")
    rto_minutes: float = Field(gt=0, description="RTO: how long fetching and restoring may take.")
    assertions: tuple[Assertion, ...] = Field(default=(), description="What must hold in the restored data.")
    command: Command | None = Field(default=None, description="A program to run against the restored database.")
    source: SecretRef | None = Field(
        default=None, description="Connection string (libpq) of the live database, for `marias backup` and comparison."
    )
    compare_live: bool = Field(default=False, description="Compare the restored structure with the live database's.")
    manifest_required: bool = Field(default=False, description="A backup without its signed manifest fails.")

    @field_validator("pattern", "globals_pattern")
    @classmethod
    def _is_a_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise PydanticCustomError("settings.no_pattern", "no regular expression", {"position": error.pos}) from None
        return value

    @property
    def rpo(self) -> timedelta:
        """Return how old the restored data may be."""
        return timedelta(hours=self.rpo_hours)

    @property
    def rto(self) -> timedelta:
        """Return how long fetching and restoring may take."""
        return timedelta(minutes=self.rto_minutes)


class Backup(Section):
    """[backup]: which backups are tested, how, and what each must be good for."""

    bucket: str = Field(pattern=r"^[a-z0-9.-]{3,63}$", description="S3 bucket that holds the backups.")
    databases: Mapping[str, Database] = Field(min_length=1, description="By name: the database that must be inside.")
    timezone: str = Field(
        default="UTC", description="Time zone of the machine that takes the backups: an archive's own clock names none."
    )
    age_identity: SecretRef | None = Field(
        default=None, description="The age identity (AGE-SECRET-KEY-…) that opens encrypted backups."
    )
    age_recipients: tuple[str, ...] = Field(
        default=(), description="Whom `marias backup` encrypts to (age1…); empty: not encrypted by us."
    )
    extensions: tuple[str, ...] = Field(
        default=("pg_stat_statements", "postgis"),
        description="Extensions that only a superuser may create, and that are created for a backup that wants them.",
    )
    restore_timeout_minutes: float = Field(
        default=90, gt=0, le=150, description="When a program of PostgreSQL that has not ended is stopped."
    )
    jobs: int = Field(default=0, ge=0, le=64, description="Restores at a time; 0 for twice the cores.")
    postgres_bin: str = Field(default="", description="Folder of PostgreSQL's programs; empty to look for them.")
    scratch: str = Field(default="", description="Folder for the throwaway server; empty for the system's own.")
    space_factor: float = Field(
        default=15,
        ge=2,
        description="Free scratch space demanded, in sizes of the backup: itself, its database (8 to 12), WAL.",
    )

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (LookupError, ValueError, OSError):
            raise PydanticCustomError("settings.no_zone", "no such time zone") from None
        return value

    @property
    def child_limit(self) -> timedelta:
        """Return how long a program of PostgreSQL may run."""
        return timedelta(minutes=self.restore_timeout_minutes)

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone of the machine that takes the backups."""
        return ZoneInfo(self.timezone)

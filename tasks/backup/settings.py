"""[backup]: which backup is tested, and what it must be good for."""

import re
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from tasks.settings import Section

Column = Annotated[str, Field(pattern=r"^[^.\s]+\.[^.\s]+\.[^.\s]+$", description="schema.table.column")]
TableName = Annotated[str, Field(pattern=r"^[^.\s]+\.[^.\s]+$", description="schema.table")]


class Backup(Section):
    """[backup]: which backup is tested, and what it must be good for."""

    bucket: str = Field(pattern=r"^[a-z0-9.-]{3,63}$", description="S3 bucket that holds the backups.")
    prefix: str = Field(default="", description="What their keys begin with.")
    pattern: str = Field(
        default=r".+\.dump",
        description="Regular expression that the rest of a key must match whole: sidecars beside a backup do not.",
    )
    timezone: str = Field(
        default="UTC", description="Time zone of the machine that takes the backups: an archive's own clock names none."
    )
    database: str = Field(description="Name of the database that must be inside.")
    newest_row: tuple[Column, ...] = Field(
        min_length=1, description="Columns (schema.table.column) whose newest time shows how fresh the data is."
    )
    without_data: tuple[TableName, ...] = Field(
        default=(), description="Tables (schema.table) whose rows are left out of the backup on purpose."
    )
    min_size_bytes: int = Field(default=1024, ge=1, description="A smaller backup cannot be whole.")
    rpo_hours: float = Field(gt=0, description="RPO: how old the restored data may be.")
    rto_minutes: float = Field(gt=0, description="RTO: how long fetching and restoring may take.")
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

    @field_validator("pattern")
    @classmethod
    def _is_a_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise PydanticCustomError("settings.no_pattern", "no regular expression", {"position": error.pos}) from None
        return value

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (LookupError, ValueError, OSError):
            raise PydanticCustomError("settings.no_zone", "no such time zone") from None
        return value

    @property
    def rpo(self) -> timedelta:
        """Return how old the restored data may be."""
        return timedelta(hours=self.rpo_hours)

    @property
    def rto(self) -> timedelta:
        """Return how long fetching and restoring may take."""
        return timedelta(minutes=self.rto_minutes)

    @property
    def child_limit(self) -> timedelta:
        """Return how long a program of PostgreSQL may run."""
        return timedelta(minutes=self.restore_timeout_minutes)

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone of the machine that takes the backups."""
        return ZoneInfo(self.timezone)

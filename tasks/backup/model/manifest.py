"""What was written down when a backup was taken, signed, to hold the backup against later."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tasks.backup.model.contents import Contents

SCHEMA = "marias-ops/backup-manifest/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role: may it log in, is it superuser, does it pass row-level security, and what it is a member of."""

    name: str
    login: bool = False
    superuser: bool = False
    bypass_rls: bool = False
    member_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """An extension and its version."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest time in a column (schema.table.column); None without any."""

    column: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where and when the snapshot was taken: the server's version, its system identifier, WAL position (LSN)."""

    database: str
    taken_at: datetime
    server: str
    pg_dump: str
    system_identifier: str
    lsn: str
    collation_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A database at one snapshot, and the object that was dumped from the same snapshot.

    `size_bytes` and `sha256` are of the object's bytes as stored, so after encryption. `newest` holds the columns that
    could be asked. `roles`: those that the contents name. `omitted`: invalid indexes, which pg_dump leaves out without
    a word.
    """

    key: str
    size_bytes: int
    sha256: str
    origin: Origin
    contents: Contents
    newest: tuple[Newest, ...]
    extensions: tuple[Extension, ...]
    roles: tuple[Role, ...]
    omitted: tuple[str, ...]
    schema: str = SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a manifest lies; its signature lies beside it."""

    bucket: str
    key: str

    @property
    def signature(self) -> str:
        """Return the key of the signature over the manifest's exact bytes."""
        return f"{self.key}.sig"

    @property
    def address(self) -> str:
        """Return the manifest's address as people write it."""
        return f"s3://{self.bucket}/{self.key}"


class Trust(StrEnum):
    """What a manifest found beside a backup is worth."""

    NONE = "none"  # there is none
    TRUSTED = "trusted"
    BAD_SIGNATURE = "bad_signature"
    UNSIGNED = "unsigned"
    FOREIGN = "foreign"  # signed, but of another object
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The manifest of a backup: beside the object or in the second place; `differ` when both are there and unequal.

    `manifest` is there only when trusted. `key_named` is the key that a foreign one names.
    """

    trust: Trust = Trust.NONE
    manifest: Manifest | None = None
    key_named: str = ""
    differ: bool = False
    places: int = 0

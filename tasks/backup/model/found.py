"""What lies in the bucket, and what an object turned out to be."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Fault(StrEnum):
    """Why a backup, or a part of it, could not be read."""

    EMPTY = "empty"
    NOT_AN_ARCHIVE = "not_an_archive"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    INCOMPLETE = "incomplete"  # a directory dump lacks one of its files
    WRONG_KEY = "wrong_key"  # encrypted to somebody else
    HOSTILE = "hostile"  # it would run programs while being restored
    UNREADABLE = "unreadable"
    # these say only that this test cannot read it
    NO_KEY = "no_key"  # encrypted, and no identity is configured
    OTHER_FORMAT = "other_format"  # a whole cluster's dump, a base backup, an unknown compression inside
    OTHER_MAJOR = "other_major"  # of a major version that this machine has no programs of
    COLD = "cold"  # in a storage class that must be thawed first


class Layer(StrEnum):
    """What was around the dump, outermost first."""

    AGE = "age"
    GZIP = "gzip"
    ZSTD = "zstd"
    TAR = "tar"


class Form(StrEnum):
    """How the dump itself lies in the throwaway folder."""

    CUSTOM = "custom"
    DIRECTORY = "directory"  # also an unpacked tar
    PLAIN = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The backup to test, as S3 lists it; `read_at` is when the listing was read, and the rules' now.

    `parts`: keys and sizes of its objects, one unless it is a directory dump (then `key` ends with a slash).
    `previous_sizes`: of the earlier backups of the same database, newest first, at most ten.
    `newer_deleted`: keys that match and whose newest version, later than this backup, is a delete marker.
    `newer_unfinished`: keys that match and whose multipart upload, begun later than this backup, was never ended.
    `expected_sha256`: what a `.sha256` beside it says; "" without one. `globals_key`: newest globals file, "" if none.
    `storage_class`: S3's; `versioned`: whether the bucket keeps versions. `newest`: no later one matches; an older one
    was asked for, by key or day.
    """

    database: str
    key: str
    size_bytes: int
    modified_at: datetime
    read_at: datetime
    parts: tuple[str, ...] = ()
    previous_sizes: tuple[int, ...] = ()
    newer_deleted: tuple[str, ...] = ()
    newer_unfinished: tuple[str, ...] = ()
    expected_sha256: str = ""
    globals_key: str = ""
    storage_class: str = "STANDARD"
    versioned: bool = False
    newest: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    r"""The copy in the throwaway folder, its layers taken off; `form` is None when a fault stood in the way.

    `sha256` is of the object's bytes as stored (of a directory dump: of the lines "sha256  name\n" of its files,
    sorted by name). `checked_by_s3`: S3's own checksum was there and held.
    """

    sha256: str
    form: Form | None
    layers: tuple[Layer, ...] = ()
    fault: Fault | None = None
    checked_by_s3: bool = False
    seconds: float

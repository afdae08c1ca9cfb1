"""What S3 tells of objects."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Object:
    """An object as a listing shows it."""

    key: str
    size_bytes: int
    modified_at: datetime
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Version:
    """One version of a key, or a delete marker; `version_id` is "null" where the bucket keeps no versions.

    A delete marker has no bytes and no storage class.
    """

    key: str
    version_id: str
    latest: bool
    delete_marker: bool
    modified_at: datetime
    size_bytes: int = 0
    storage_class: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Upload:
    """A multipart upload that was begun and neither completed nor aborted."""

    key: str
    begun_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """What was stored: its size and the SHA-256 (hex) of its bytes."""

    size_bytes: int
    sha256: str

"""S3: objects read, listed, and created once."""

from tasks.adapters.s3.client import CHUNK_BYTES, PART_BYTES, S3, Download
from tasks.adapters.s3.errors import AlreadyThere
from tasks.adapters.s3.objects import S3Object, S3Upload, S3Version, StoredObject

__all__ = [
    "CHUNK_BYTES",
    "PART_BYTES",
    "S3",
    "AlreadyThere",
    "Download",
    "S3Object",
    "S3Upload",
    "S3Version",
    "StoredObject",
]

"""The lab's S3 from behind: for objects of any age and any bytes."""

from moto.s3.models import FakeKey, S3Backend, s3_backends

ACCOUNT = "123456789012"  # moto's only one


def lab() -> S3Backend:
    """Return all buckets of the lab in this process."""
    backend: S3Backend = s3_backends[ACCOUNT]["aws"]
    return backend


def stored(bucket: str, key: str) -> FakeKey:
    """Return an object as the lab holds it."""
    held: FakeKey = lab().buckets[bucket].keys[key]
    return held


def tamper(bucket: str, key: str, body: bytes) -> None:
    """Change an object's bytes without S3 knowing."""
    stored(bucket, key).value = body  # type: ignore[misc]

"""S3: objects read, listed, and created once."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from random import SystemRandom
from time import sleep

from boto3.session import Session
from botocore.exceptions import ClientError

from tasks.adapters.aws import ERRORS, Kind, answer_of, config, kind_of
from tasks.core.errors import OperatorError, TransientError
from tasks.core.findings import Finding, Severity
from tasks.settings import Aws

CHUNK_BYTES = 1024 * 1024
CONFLICT_TRIES = 4
CONFLICT_PAUSE_SECONDS = 0.3


class AlreadyThere(OperatorError):
    """Other bytes already stand under the key that was to be created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Object:
    """An object as a listing shows it."""

    key: str
    size_bytes: int
    modified_at: datetime
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Version:
    """One version of a key, or a delete marker; `version_id` is "null" where the bucket keeps no versions."""

    key: str
    version_id: str
    latest: bool
    delete_marker: bool


_ERRORS: Mapping[Kind, tuple[type[OperatorError], str]] = {
    Kind.NO_BUCKET: (OperatorError, "s3.no_bucket"),
    Kind.NO_OBJECT: (OperatorError, "s3.no_object"),
    Kind.STANDS: (AlreadyThere, "s3.already_there"),
    Kind.DENIED: (OperatorError, "s3.denied"),
    Kind.CONFLICT: (TransientError, "s3.unreachable"),
    Kind.PASSING: (TransientError, "s3.unreachable"),
}
_ABOUT_THE_KEY = frozenset({Kind.NO_OBJECT, Kind.STANDS})


@contextmanager
def _translated(bucket: str, key: str = "") -> Iterator[None]:
    try:
        yield
    except ERRORS as error:
        kind = kind_of(error)
        raising, code = _ERRORS.get(kind, (OperatorError, "s3.failed"))
        raise raising(code, key if kind in _ABOUT_THE_KEY else bucket, answer_of(error)) from None


class S3:
    """The objects of an account's buckets.

    Every method raises OperatorError s3.no_bucket, s3.denied or s3.failed, and TransientError s3.unreachable. Without
    the permission s3:ListBucket, AWS answers "denied" where an object is merely missing.
    """

    def __init__(self, aws: Aws) -> None:
        """Make the client; nothing is asked yet."""
        # a session of its own: boto3's default one is not safe between threads
        session = Session(region_name=aws.region)
        self._client = session.client("s3", endpoint_url=aws.endpoint or None, config=config(aws))

    def put_new(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        """Create an object, never replace one; the same bytes already there are success (a retry after a lost answer).

        Raises AlreadyThere s3.already_there when other bytes stand under the key.
        """
        try:
            self._create(bucket, key, body, content_type)
        except AlreadyThere:
            if self.get(bucket, key) != body:
                raise

    def _create(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        for tries_left in reversed(range(CONFLICT_TRIES)):
            with _translated(bucket, key):
                try:
                    self._client.put_object(
                        Bucket=bucket, Key=key, Body=body, ContentType=content_type, IfNoneMatch="*"
                    )
                except ClientError as error:
                    if not tries_left or kind_of(error) is not Kind.CONFLICT:
                        raise
                else:
                    return
            # 409: another write of this key is under way; S3 asks to try again
            sleep(SystemRandom().uniform(0, CONFLICT_PAUSE_SECONDS))

    def get(self, bucket: str, key: str) -> bytes | None:
        """Return an object's bytes, or None when there is no such key."""
        with _translated(bucket, key):
            try:
                return self._client.get_object(Bucket=bucket, Key=key)["Body"].read()
            except self._client.exceptions.NoSuchKey:
                return None

    def list(self, bucket: str, prefix: str, start_after: str = "") -> Iterator[S3Object]:
        """Yield the objects whose key begins with `prefix` and sorts after `start_after`, in the order of keys.

        Asks for a thousand at a time, and only as far as the caller reads.
        """
        pages = self._client.get_paginator("list_objects_v2")
        with _translated(bucket):
            for page in pages.paginate(Bucket=bucket, Prefix=prefix, StartAfter=start_after):
                for found in page.get("Contents", ()):
                    yield S3Object(
                        key=found["Key"],
                        size_bytes=found["Size"],
                        modified_at=found["LastModified"],
                        etag=found["ETag"].strip('"'),
                    )

    def versions(self, bucket: str, prefix: str) -> Iterator[S3Version]:
        """Yield every version and delete marker of the keys that begin with `prefix`, in no promised order."""
        pages = self._client.get_paginator("list_object_versions")
        with _translated(bucket):
            for page in pages.paginate(Bucket=bucket, Prefix=prefix):
                for found in page.get("Versions", ()):
                    yield S3Version(
                        key=found["Key"],
                        version_id=found["VersionId"],
                        latest=found["IsLatest"],
                        delete_marker=False,
                    )
                for marker in page.get("DeleteMarkers", ()):
                    yield S3Version(
                        key=marker["Key"],
                        version_id=marker["VersionId"],
                        latest=marker["IsLatest"],
                        delete_marker=True,
                    )

    def download(self, bucket: str, key: str, path: Path, progress: Callable[[int], None]) -> str:
        """Write an object to `path` (replaced), telling `progress` the bytes so far; return its SHA-256 in hex.

        Holds one chunk in memory. When it fails no file is left. Raises s3.no_object, TransientError when the
        connection is cut, and OSError when the disk does not take it.
        """
        digest, done = sha256(), 0
        try:
            with _translated(bucket, key), path.open("wb") as file:
                body = self._client.get_object(Bucket=bucket, Key=key)["Body"]
                for chunk in body.iter_chunks(CHUNK_BYTES):
                    file.write(chunk)
                    digest.update(chunk)
                    done += len(chunk)
                    progress(done)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return digest.hexdigest()

    def ready(self, bucket: str, *, versioned: bool = False) -> tuple[Finding, ...]:
        """Return what stands in the way of reading `bucket`, and when `versioned`, that it keeps no versions."""
        try:
            with _translated(bucket):
                self._client.head_bucket(Bucket=bucket)
                self._client.list_objects_v2(Bucket=bucket, MaxKeys=1)
                keeps = versioned and self._client.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"
        except OperatorError as error:
            return (Finding(rule=error.code, severity=Severity.CRITICAL, subject=error.subject, data=error.data),)
        if keeps or not versioned:
            return ()
        return (Finding(rule="s3.not_versioned", severity=Severity.HIGH, subject=bucket),)

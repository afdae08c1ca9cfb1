"""The objects of an account's buckets: read, listed, and created once."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC
from hashlib import sha256
from io import BytesIO
from itertools import chain
from random import SystemRandom
from time import sleep
from typing import TYPE_CHECKING
from zlib import crc32

from botocore.exceptions import ClientError
from botocore.httpchecksum import StreamingChecksumBody
from botocore.response import StreamingBody

from tasks.adapters.aws import ERRORS, AwsAnswer, Kind, config, kind_of, session
from tasks.adapters.s3.errors import AlreadyThere, translated
from tasks.adapters.s3.objects import S3Object, S3Upload, S3Version, StoredObject
from tasks.core.errors import OperatorError, TransientError
from tasks.core.findings import Finding, Severity
from tasks.settings import Aws

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import CompletedPartTypeDef

CHUNK_BYTES = 1024 * 1024
PART_BYTES = 16 * CHUNK_BYTES  # of a multipart upload: S3 allows 10,000 parts, so 168 GB at most
CONFLICT_TRIES = 4
CONFLICT_PAUSE_SECONDS = 0.3


class Download:
    """One object being read; `checked`: S3 sent a checksum of the whole object, and its bytes kept to it."""

    def __init__(self, bucket: str, key: str, body: StreamingBody) -> None:
        """Read `body`, not yet begun."""
        self._bucket, self._key, self._body = bucket, key, body
        self.checked = False

    def blocks(self) -> Iterator[bytes]:
        """Yield the object's bytes, at most CHUNK_BYTES at a time; once.

        Raises TransientError s3.unreachable when the connection ends before the object does, and OperatorError
        s3.checksum_mismatch.
        """
        with translated(self._bucket, self._key):
            yield from self._body.iter_chunks(CHUNK_BYTES)
        self.checked = isinstance(self._body, StreamingChecksumBody)


class S3:
    """The objects of an account's buckets.

    Every method raises OperatorError s3.no_bucket, s3.denied or s3.failed, and TransientError s3.unreachable. Without
    the permission s3:ListBucket, AWS answers "denied" where an object is merely missing.
    """

    def __init__(self, aws: Aws) -> None:
        """Make the client; nothing is asked yet."""
        with session(aws) as shared:
            self._client = shared.client("s3", endpoint_url=aws.endpoint or None, config=config(aws))

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
            with translated(bucket, key):
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
        with translated(bucket, key):
            try:
                return self._client.get_object(Bucket=bucket, Key=key)["Body"].read()
            except self._client.exceptions.NoSuchKey:
                return None

    def list(self, bucket: str, prefix: str, start_after: str = "") -> Iterator[S3Object]:
        """Yield the objects whose key begins with `prefix` and sorts after `start_after`, in the order of keys.

        Asks for a thousand at a time, and only as far as the caller reads.
        """
        pages = self._client.get_paginator("list_objects_v2")
        with translated(bucket):
            for page in pages.paginate(Bucket=bucket, Prefix=prefix, StartAfter=start_after):
                for found in page.get("Contents", ()):
                    yield S3Object(
                        key=found["Key"],
                        size_bytes=found["Size"],
                        modified_at=found["LastModified"].astimezone(UTC),
                        etag=found["ETag"].strip('"'),
                    )

    def versions(self, bucket: str, prefix: str) -> Iterator[S3Version]:
        """Yield every version and delete marker of the keys that begin with `prefix`, in no promised order."""
        pages = self._client.get_paginator("list_object_versions")
        with translated(bucket):
            for page in pages.paginate(Bucket=bucket, Prefix=prefix):
                for found in page.get("Versions", ()):
                    yield S3Version(
                        key=found["Key"],
                        version_id=found["VersionId"],
                        latest=found["IsLatest"],
                        delete_marker=False,
                        modified_at=found["LastModified"].astimezone(UTC),
                        size_bytes=found["Size"],
                        storage_class=found.get("StorageClass", "STANDARD"),
                    )
                for marker in page.get("DeleteMarkers", ()):
                    yield S3Version(
                        key=marker["Key"],
                        version_id=marker["VersionId"],
                        latest=marker["IsLatest"],
                        delete_marker=True,
                        modified_at=marker["LastModified"].astimezone(UTC),
                    )

    def uploads(self, bucket: str, prefix: str) -> Iterator[S3Upload]:
        """Yield the unfinished multipart uploads of keys that begin with `prefix`."""
        pages = self._client.get_paginator("list_multipart_uploads")
        with translated(bucket):
            for page in pages.paginate(Bucket=bucket, Prefix=prefix):
                for found in page.get("Uploads", ()):
                    yield S3Upload(key=found["Key"], begun_at=found["Initiated"].astimezone(UTC))

    def keeps_versions(self, bucket: str) -> bool:
        """Return whether the bucket keeps what is replaced or deleted."""
        with translated(bucket):
            return self._client.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"

    @contextmanager
    def reading(self, bucket: str, key: str) -> Iterator[Download]:
        """Open an object to be read a block at a time.

        Raises s3.no_object, and s3.cold when it must be thawed first.
        """
        with translated(bucket, key):
            try:
                body = self._client.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")["Body"]
            except self._client.exceptions.InvalidObjectState:
                raise OperatorError("s3.cold", key) from None
        with closing(body):
            yield Download(bucket, key, body)

    def put_stream(self, bucket: str, key: str, blocks: Iterator[bytes], content_type: str) -> StoredObject:
        """Create an object from blocks of bytes, never replace one; one part is held in memory.

        S3 checks the CRC-32 of every part and of the whole. Nothing is created when `blocks` raises. Raises
        AlreadyThere s3.already_there, at the end at the latest.
        """
        parts = _parts(blocks)
        first = next(parts, BytesIO())
        if first.tell() < PART_BYTES:
            self._create(bucket, key, first.getvalue(), content_type)
            return StoredObject(size_bytes=first.tell(), sha256=sha256(first.getbuffer()).hexdigest())
        with translated(bucket, key):
            began = self._client.create_multipart_upload(
                Bucket=bucket, Key=key, ContentType=content_type, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT"
            )
        upload = began.get("UploadId")
        if not upload:  # the answer was cut off in its body, and botocore took what there was
            raise TransientError("s3.unreachable", bucket, AwsAnswer(answer="IncompleteBody"))
        try:
            return self._put_parts(bucket, key, upload, chain([first], parts))
        except BaseException:
            with suppress(*ERRORS):
                self._client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
            raise

    def _put_parts(self, bucket: str, key: str, upload: str, parts: Iterator[BytesIO]) -> StoredObject:
        digest, crc, size, done = sha256(), 0, 0, list["CompletedPartTypeDef"]()
        for number, part in enumerate(parts, start=1):
            with part.getbuffer() as view:
                digest.update(view)
                crc, size, own = crc32(view, crc), size + len(view), _base64(crc32(view))
            part.seek(0)
            with translated(bucket, key):
                answer = self._client.upload_part(
                    Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=part, ChecksumCRC32=own
                )
            done.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": own})
            part.close()  # frees it, whoever still knows it, before the next one fills
        with translated(bucket, key):
            self._client.complete_multipart_upload(
                Bucket=bucket,
                Key=key,
                UploadId=upload,
                MultipartUpload={"Parts": done},
                ChecksumCRC32=_base64(crc),
                ChecksumType="FULL_OBJECT",
                MpuObjectSize=size,
                IfNoneMatch="*",
            )
        return StoredObject(size_bytes=size, sha256=digest.hexdigest())

    def ready(self, bucket: str, *, versioned: bool = False) -> tuple[Finding, ...]:
        """Return what stands in the way of reading `bucket`, and when `versioned`, that it keeps no versions."""
        try:
            with translated(bucket):
                self._client.head_bucket(Bucket=bucket)
                self._client.list_objects_v2(Bucket=bucket, MaxKeys=1)
            keeps = versioned and self.keeps_versions(bucket)
        except OperatorError as error:
            return (Finding(rule=error.code, severity=Severity.CRITICAL, subject=error.subject, data=error.data),)
        if keeps or not versioned:
            return ()
        return (Finding(rule="s3.not_versioned", severity=Severity.HIGH, subject=bucket),)


def _parts(blocks: Iterator[bytes]) -> Iterator[BytesIO]:
    """Yield the bytes of `blocks` in parts of at least PART_BYTES; only the last one may be smaller, none is empty."""
    part = BytesIO()
    for block in blocks:
        part.write(block)
        if part.tell() >= PART_BYTES:
            yield part
            part = BytesIO()
    if part.tell():
        yield part


def _base64(crc: int) -> str:
    return b64encode(crc.to_bytes(4)).decode()

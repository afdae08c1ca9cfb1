"""S3, against the lab's, and against a scripted server for what the lab does not do by itself."""

import pickle
from collections.abc import Iterator
from hashlib import md5, sha256
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest

from deployments.lab.aws import LabAws
from tasks.adapters.aws import AwsAnswer
from tasks.adapters.s3 import CHUNK_BYTES, PART_BYTES, S3, AlreadyThere, S3Object, S3Upload, S3Version, StoredObject
from tasks.core.errors import NO_DATA, OperatorError, TransientError
from tasks.core.findings import Finding, Severity
from tests.tasks.adapters.behind_s3 import stored, tamper
from tests.tasks.adapters.scripted import Answer, answering, nobody, s3_error

pytestmark = pytest.mark.usefixtures("credentials")


@pytest.fixture
def s3(cloud: LabAws) -> S3:
    return S3(cloud.settings)


@pytest.fixture
def bucket(cloud: LabAws) -> str:
    name = f"bucket-{uuid4().hex}"
    cloud.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "sa-east-1"})
    return name


def blocks(body: bytes) -> Iterator[bytes]:
    return (body[at : at + CHUNK_BYTES] for at in range(0, len(body), CHUNK_BYTES))


def told(error: OperatorError) -> tuple[type, str, str, object]:
    return type(error), error.code, error.subject, error.data


def test_an_object_is_created_once_and_its_bytes_come_back(s3: S3, bucket: str) -> None:
    s3.put_new(bucket, "a/b", b"one", "text/plain")
    assert s3.get(bucket, "a/b") == b"one"
    assert s3.get(bucket, "a/c") is None


def test_the_same_bytes_again_are_success_and_other_bytes_are_refused(s3: S3, bucket: str) -> None:
    s3.put_new(bucket, "key", b"one", "text/plain")
    s3.put_new(bucket, "key", b"one", "text/plain")
    with pytest.raises(AlreadyThere) as caught:
        s3.put_new(bucket, "key", b"two", "text/plain")
    assert told(caught.value) == (AlreadyThere, "s3.already_there", "key", AwsAnswer(answer="PreconditionFailed"))
    assert s3.get(bucket, "key") == b"one"


def test_a_write_that_succeeded_but_whose_answer_was_lost_is_success() -> None:
    # the first answer is a 500 after the object was stored: botocore asks again and is told that it stands
    answers = [s3_error(500, "InternalError"), s3_error(412, "PreconditionFailed"), Answer(body=b"one")]
    with answering(answers) as server:
        S3(server.aws).put_new("bucket", "key", b"one", "text/plain")
    assert server.asked == ["PUT /bucket/key", "PUT /bucket/key", "GET /bucket/key"]


def test_a_conflict_with_a_write_under_way_is_tried_again() -> None:
    conflict = s3_error(409, "ConditionalRequestConflict")
    with answering([conflict, conflict, Answer()]) as server:
        S3(server.aws).put_new("bucket", "key", b"one", "text/plain")
    assert server.asked == ["PUT /bucket/key"] * 3


def test_a_conflict_that_does_not_end_can_pass_by_itself() -> None:
    with answering([s3_error(409, "ConditionalRequestConflict")]) as server, pytest.raises(TransientError) as caught:
        S3(server.aws).put_new("bucket", "key", b"one", "text/plain")
    answer = AwsAnswer(answer="ConditionalRequestConflict")
    assert told(caught.value) == (TransientError, "s3.unreachable", "bucket", answer)


def test_a_listing_is_ordered_and_begins_after_a_key(s3: S3, bucket: str, cloud: LabAws) -> None:
    for key in ("p/2", "p/1", "p/3", "q/1"):
        s3.put_new(bucket, key, key.encode(), "text/plain")
    modified = {o["Key"]: o["LastModified"] for o in cloud.client("s3").list_objects_v2(Bucket=bucket)["Contents"]}
    assert tuple(s3.list(bucket, "p/", start_after="p/1")) == tuple(
        S3Object(
            key=key,
            size_bytes=3,
            modified_at=modified[key],
            etag=md5(key.encode(), usedforsecurity=False).hexdigest(),
        )
        for key in ("p/2", "p/3")
    )
    assert [found.key for found in s3.list(bucket, "")] == ["p/1", "p/2", "p/3", "q/1"]
    assert list(s3.list(bucket, "none/")) == []


def test_versions_and_delete_markers_are_listed(s3: S3, bucket: str, cloud: LabAws) -> None:
    client = cloud.client("s3")
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = client.put_object(Bucket=bucket, Key="a", Body=b"1")["VersionId"]
    second = client.put_object(Bucket=bucket, Key="a", Body=b"22", StorageClass="GLACIER")["VersionId"]
    marker = client.delete_object(Bucket=bucket, Key="a")["VersionId"]
    client.put_object(Bucket=bucket, Key="b", Body=b"1")
    listed = client.list_object_versions(Bucket=bucket)
    at = {one["VersionId"]: one["LastModified"] for one in (*listed["Versions"], *listed["DeleteMarkers"])}
    assert sorted(s3.versions(bucket, "a"), key=lambda v: [first, second, marker].index(v.version_id)) == [
        S3Version(
            key="a",
            version_id=first,
            latest=False,
            delete_marker=False,
            modified_at=at[first],
            size_bytes=1,
            storage_class="STANDARD",
        ),
        S3Version(
            key="a",
            version_id=second,
            latest=False,
            delete_marker=False,
            modified_at=at[second],
            size_bytes=2,
            storage_class="GLACIER",
        ),
        S3Version(key="a", version_id=marker, latest=True, delete_marker=True, modified_at=at[marker]),
    ]


def test_a_bucket_without_versions_lists_one_of_each_key(s3: S3, bucket: str) -> None:
    s3.put_new(bucket, "a", b"1", "text/plain")
    assert [(one.key, one.version_id, one.latest, one.size_bytes) for one in s3.versions(bucket, "")] == [
        ("a", "null", True, 1)
    ]


def test_unfinished_uploads_are_listed(s3: S3, bucket: str, cloud: LabAws) -> None:
    client = cloud.client("s3")
    client.create_multipart_upload(Bucket=bucket, Key="a/1")
    client.create_multipart_upload(Bucket=bucket, Key="b/1")
    begun = client.list_multipart_uploads(Bucket=bucket)["Uploads"][0]["Initiated"]
    assert list(s3.uploads(bucket, "a/")) == [S3Upload(key="a/1", begun_at=begun)]


def read(s3: S3, bucket: str, key: str) -> tuple[list[bytes], bool]:
    with s3.reading(bucket, key) as download:
        return list(download.blocks()), download.checked


def test_an_object_is_read_in_blocks_and_against_the_checksum_of_s3(s3: S3, bucket: str, cloud: LabAws) -> None:
    body = bytes(range(256)) * 4096 * 2 + b"end"
    cloud.client("s3").put_object(Bucket=bucket, Key="dump", Body=body, ChecksumAlgorithm="SHA256")
    assert read(s3, bucket, "dump") == ([body[:CHUNK_BYTES], body[CHUNK_BYTES : 2 * CHUNK_BYTES], b"end"], True)


def test_without_a_checksum_of_s3_nothing_was_checked(s3: S3, bucket: str) -> None:
    s3.put_new(bucket, "dump", b"body", "text/plain")
    stored(bucket, "dump").checksum_algorithm = None
    assert read(s3, bucket, "dump") == ([b"body"], False)


def test_bytes_that_changed_since_s3_summed_them_are_named(s3: S3, bucket: str) -> None:
    s3.put_new(bucket, "dump", b"body", "text/plain")
    tamper(bucket, "dump", b"bodY")
    with pytest.raises(OperatorError) as caught:
        read(s3, bucket, "dump")
    assert told(caught.value) == (OperatorError, "s3.checksum_mismatch", "dump", NO_DATA)


def test_a_reading_cut_in_the_middle_can_pass_by_itself() -> None:
    cut = Answer(body=b"x" * 2 * CHUNK_BYTES, promised=3 * CHUNK_BYTES)
    with answering([cut]) as server, pytest.raises(TransientError) as caught:
        read(S3(server.aws), "bucket", "dump")
    assert (caught.value.code, caught.value.subject) == ("s3.unreachable", "bucket")


def test_an_upload_whose_beginning_is_answered_with_nothing_can_pass_by_itself() -> None:
    with answering([Answer()]) as server, pytest.raises(TransientError) as caught:
        S3(server.aws).put_stream("bucket", "dump", iter([bytes(PART_BYTES)]), "text/plain")
    assert told(caught.value) == (TransientError, "s3.unreachable", "bucket", AwsAnswer(answer="IncompleteBody"))


def test_a_reading_of_nothing_names_the_key(s3: S3, bucket: str) -> None:
    with pytest.raises(OperatorError) as caught:
        read(s3, bucket, "gone")
    assert told(caught.value) == (OperatorError, "s3.no_object", "gone", AwsAnswer(answer="NoSuchKey"))


@pytest.mark.parametrize("storage", ["GLACIER", "DEEP_ARCHIVE"])
def test_what_must_be_thawed_first_is_named(s3: S3, bucket: str, cloud: LabAws, storage: str) -> None:
    cloud.client("s3").put_object(Bucket=bucket, Key="dump", Body=b"x", StorageClass=storage)
    with pytest.raises(OperatorError) as caught:
        read(s3, bucket, "dump")
    assert told(caught.value) == (OperatorError, "s3.cold", "dump", NO_DATA)


@pytest.mark.parametrize("size", [0, 5, PART_BYTES, 2 * PART_BYTES + 5])
def test_a_stream_becomes_an_object_that_s3_has_checked(s3: S3, bucket: str, size: int) -> None:
    body = Random(size).randbytes(size)  # noqa: S311 - the same bytes every time
    put = s3.put_stream(bucket, "dump", blocks(body), "application/octet-stream")
    assert put == StoredObject(size_bytes=size, sha256=sha256(body).hexdigest())
    came, checked = read(s3, bucket, "dump")
    assert (b"".join(came) == body, checked) == (True, True)
    assert list(s3.uploads(bucket, "")) == []


@pytest.mark.parametrize("size", [5, PART_BYTES + 5], ids=["small", "in parts"])
def test_a_stream_replaces_nothing(s3: S3, bucket: str, size: int) -> None:
    s3.put_new(bucket, "dump", b"one", "text/plain")
    with pytest.raises(AlreadyThere) as caught:
        s3.put_stream(bucket, "dump", blocks(bytes(size)), "text/plain")
    assert told(caught.value) == (AlreadyThere, "s3.already_there", "dump", AwsAnswer(answer="PreconditionFailed"))
    assert s3.get(bucket, "dump") == b"one"
    assert list(s3.uploads(bucket, "")) == []


@pytest.mark.parametrize("size", [5, PART_BYTES + 5], ids=["small", "in parts"])
def test_a_stream_that_breaks_leaves_nothing(s3: S3, bucket: str, size: int) -> None:
    def breaking() -> Iterator[bytes]:
        yield bytes(size)
        raise OperatorError("postgres.program_failed", "pg_dump")

    with pytest.raises(OperatorError) as caught:
        s3.put_stream(bucket, "dump", breaking(), "text/plain")
    assert caught.value.code == "postgres.program_failed"
    assert s3.get(bucket, "dump") is None
    assert list(s3.uploads(bucket, "")) == []


def test_a_missing_bucket_is_named_by_every_call(s3: S3) -> None:
    calls = (
        lambda: s3.get("no-such-bucket", "key"),
        lambda: s3.put_new("no-such-bucket", "key", b"", "text/plain"),
        lambda: list(s3.list("no-such-bucket", "")),
        lambda: list(s3.versions("no-such-bucket", "")),
        lambda: list(s3.uploads("no-such-bucket", "")),
        lambda: s3.keeps_versions("no-such-bucket"),
        lambda: read(s3, "no-such-bucket", "key"),
        lambda: s3.put_stream("no-such-bucket", "key", iter([b"x"]), "text/plain"),
        lambda: s3.put_stream("no-such-bucket", "key", iter([bytes(PART_BYTES)]), "text/plain"),
    )
    for call in calls:
        with pytest.raises(OperatorError) as caught:
            call()
        answer = AwsAnswer(answer="NoSuchBucket")
        assert told(caught.value) == (OperatorError, "s3.no_bucket", "no-such-bucket", answer)


@pytest.mark.parametrize(
    ("status", "answer", "kind", "code"),
    [
        (403, "AccessDenied", OperatorError, "s3.denied"),
        (403, "InvalidAccessKeyId", OperatorError, "s3.denied"),
        (400, "ExpiredToken", OperatorError, "s3.denied"),
        (403, "InvalidObjectState", OperatorError, "s3.failed"),
        (400, "InvalidRequest", OperatorError, "s3.failed"),
        (503, "SlowDown", TransientError, "s3.unreachable"),
        (500, "InternalError", TransientError, "s3.unreachable"),
        (429, "TooManyRequests", TransientError, "s3.unreachable"),
    ],
)
def test_each_answer_becomes_its_code_without_its_text(status: int, answer: str, kind: type, code: str) -> None:
    with answering([s3_error(status, answer, "token=canary")]) as server, pytest.raises(OperatorError) as caught:
        list(S3(server.aws).list("bucket", ""))
    assert told(caught.value) == (kind, code, "bucket", AwsAnswer(answer=answer))
    assert "canary" not in repr(caught.value) + str(caught.value) + repr(pickle.dumps(caught.value))


def test_a_code_that_is_no_code_is_not_repeated() -> None:
    with answering([s3_error(400, "please read: token=canary")]) as server, pytest.raises(OperatorError) as caught:
        list(S3(server.aws).list("bucket", ""))
    assert caught.value.data == AwsAnswer(answer="?")


def test_nobody_listening_can_pass_by_itself() -> None:
    with pytest.raises(TransientError) as caught:
        S3(nobody()).get("bucket", "key")
    answer = AwsAnswer(answer="EndpointConnectionError")
    assert told(caught.value) == (TransientError, "s3.unreachable", "bucket", answer)


def test_no_credentials_are_a_refusal(cloud: LabAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    elsewhere = cloud.settings.model_copy(update={"region": "us-west-2"})  # no session of this process has been there
    with pytest.raises(OperatorError) as caught:
        S3(elsewhere).get("bucket", "key")
    answer = AwsAnswer(answer="NoCredentialsError")
    assert told(caught.value) == (OperatorError, "s3.denied", "bucket", answer)


def test_a_bucket_is_ready_when_it_can_be_read_and_keeps_versions_where_it_must(
    s3: S3, bucket: str, cloud: LabAws
) -> None:
    assert s3.ready(bucket) == ()
    assert s3.ready(bucket, versioned=True) == (
        Finding(rule="s3.not_versioned", severity=Severity.HIGH, subject=bucket),
    )
    cloud.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.ready(bucket, versioned=True) == ()


def test_what_stands_in_the_way_of_a_bucket_is_a_finding(s3: S3) -> None:
    assert s3.ready("no-such-bucket") == (
        Finding(
            rule="s3.no_bucket",
            severity=Severity.CRITICAL,
            subject="no-such-bucket",
            data=AwsAnswer(answer="404"),
        ),
    )
    assert S3(nobody()).ready("bucket") == (
        Finding(
            rule="s3.unreachable",
            severity=Severity.CRITICAL,
            subject="bucket",
            data=AwsAnswer(answer="EndpointConnectionError"),
        ),
    )

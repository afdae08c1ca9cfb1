"""S3, against the lab's, and against a scripted server for what the lab does not do by itself."""

import pickle
from collections.abc import Iterator
from hashlib import md5, sha256
from pathlib import Path
from uuid import uuid4

import pytest

from deployments.lab import aws
from deployments.lab.aws import LabAws
from tasks.adapters.aws import AwsAnswer
from tasks.adapters.s3 import CHUNK_BYTES, S3, AlreadyThere, S3Object, S3Version
from tasks.core.errors import OperatorError, TransientError
from tasks.core.findings import Finding, Severity
from tests.tasks.adapters.scripted import Answer, answering, nobody, s3_error


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in aws.CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def cloud() -> Iterator[LabAws]:
    with aws.running() as running:
        yield running


@pytest.fixture
def s3(cloud: LabAws) -> S3:
    return S3(cloud.settings)


@pytest.fixture
def bucket(cloud: LabAws) -> str:
    name = f"bucket-{uuid4().hex}"
    cloud.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "sa-east-1"})
    return name


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
    second = client.put_object(Bucket=bucket, Key="a", Body=b"2")["VersionId"]
    marker = client.delete_object(Bucket=bucket, Key="a")["VersionId"]
    client.put_object(Bucket=bucket, Key="b", Body=b"1")
    assert sorted(s3.versions(bucket, "a"), key=lambda v: (v.delete_marker, v.version_id != first)) == [
        S3Version(key="a", version_id=first, latest=False, delete_marker=False),
        S3Version(key="a", version_id=second, latest=False, delete_marker=False),
        S3Version(key="a", version_id=marker, latest=True, delete_marker=True),
    ]


def test_a_download_is_hashed_while_it_is_written_and_tells_how_far_it_is(s3: S3, bucket: str, tmp_path: Path) -> None:
    body = bytes(range(256)) * 4096 * 2 + b"end"
    s3.put_new(bucket, "dump", body, "application/octet-stream")
    seen: list[int] = []
    digest = s3.download(bucket, "dump", tmp_path / "dump", seen.append)
    assert digest == sha256(body).hexdigest()
    assert (tmp_path / "dump").read_bytes() == body
    assert seen == [CHUNK_BYTES, 2 * CHUNK_BYTES, len(body)]


def test_a_download_cut_in_the_middle_can_pass_by_itself_and_leaves_no_file(tmp_path: Path) -> None:
    cut = Answer(body=b"x" * 2 * CHUNK_BYTES, promised=3 * CHUNK_BYTES)
    with answering([cut]) as server, pytest.raises(TransientError) as caught:
        S3(server.aws).download("bucket", "dump", tmp_path / "dump", lambda _done: None)
    assert (caught.value.code, caught.value.subject) == ("s3.unreachable", "bucket")
    assert list(tmp_path.iterdir()) == []


def test_a_download_of_nothing_names_the_key(s3: S3, bucket: str, tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as caught:
        s3.download(bucket, "gone", tmp_path / "dump", lambda _done: None)
    assert told(caught.value) == (OperatorError, "s3.no_object", "gone", AwsAnswer(answer="NoSuchKey"))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_bucket_is_named_by_every_call(s3: S3, tmp_path: Path) -> None:
    calls = (
        lambda: s3.get("no-such-bucket", "key"),
        lambda: s3.put_new("no-such-bucket", "key", b"", "text/plain"),
        lambda: list(s3.list("no-such-bucket", "")),
        lambda: list(s3.versions("no-such-bucket", "")),
        lambda: s3.download("no-such-bucket", "key", tmp_path / "x", lambda _done: None),
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
    with pytest.raises(OperatorError) as caught:
        S3(cloud.settings).get("bucket", "key")
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

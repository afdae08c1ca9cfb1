"""Finding the backup among what lies in the bucket, on a real S3 interface."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from boto3.session import Session

from deployments.lab import aws
from tasks.adapters.s3 import S3
from tasks.backup import collect
from tasks.core.errors import OperatorError
from tasks.settings import Aws
from tests.tasks.backup.drills import SETTINGS

NOW = datetime(2026, 11, 24, tzinfo=UTC)
BUCKET = "assist-marias-find-backups"
KEYS = {
    "postgres/assist-0100.dump": 3,
    "postgres/assist-0200.dump": 5,
    "postgres/assist-0200.dump.sha256": 1,
    "postgres/globals.sql": 1,
    "postgres/old/assist-9999.dump": 1,
    "redis/assist-9999.dump": 1,
}


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    before = dict(os.environ)
    os.environ.update(aws.CREDENTIALS)
    try:
        with aws.running() as cloud:
            client = Session(region_name="sa-east-1").client("s3", endpoint_url=cloud.address)
            client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "sa-east-1"})
            for key, size in KEYS.items():
                client.put_object(Bucket=BUCKET, Key=key, Body=b"x" * size)
            yield S3(Aws(endpoint=cloud.address, timeout_seconds=10))
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.mark.parametrize(
    ("prefix", "pattern", "key"),
    [
        pytest.param(
            "postgres/", r"assist-\d+\.dump", "postgres/assist-0200.dump", id="the last of one second by name"
        ),
        pytest.param("postgres/assist-01", r"\d+\.dump", "postgres/assist-0100.dump", id="a prefix cuts anywhere"),
        pytest.param("", r"redis/.*", "redis/assist-9999.dump", id="without a prefix the pattern sees the whole key"),
    ],
)
def test_the_newest_that_matches_whole_is_found(s3: S3, prefix: str, pattern: str, key: str) -> None:
    cfg = SETTINGS.model_copy(update={"bucket": BUCKET, "prefix": prefix, "pattern": pattern})
    found = collect.find(s3, cfg, "", NOW)
    assert (found.key, found.size_bytes, found.read_at) == (key, KEYS[key], NOW)


def test_a_key_that_is_asked_for_needs_no_pattern(s3: S3) -> None:
    cfg = SETTINGS.model_copy(update={"bucket": BUCKET, "prefix": "postgres/", "pattern": "nothing"})
    assert collect.find(s3, cfg, "redis/assist-9999.dump", NOW).key == "redis/assist-9999.dump"


def test_a_key_that_only_begins_so_is_not_the_one_asked_for(s3: S3) -> None:
    cfg = SETTINGS.model_copy(update={"bucket": BUCKET})
    with pytest.raises(OperatorError) as caught:
        collect.find(s3, cfg, "postgres/assist-0100", NOW)
    assert (caught.value.code, caught.value.subject) == ("backup.no_such_key", "postgres/assist-0100")

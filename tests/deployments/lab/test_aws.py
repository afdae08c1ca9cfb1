"""The lab's AWS: where it listens, what it keeps, and where it is stricter than moto."""

import socket
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Any
from urllib.parse import urlparse
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from deployments.lab import aws

REGION = {"LocationConstraint": "sa-east-1"}


def put_once(client: Any, bucket: str, keys: list[str]) -> list[str]:  # noqa: ANN401 - boto3's client
    won = []
    for key in keys:
        try:
            client.put_object(Bucket=bucket, Key=key, Body=b"x", IfNoneMatch="*")
            won.append(key)
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise
    return won


def test_requests_are_answered_one_after_another() -> None:
    inside, most = [0], [0]

    def app(_environ: object, _start_response: object) -> list[bytes]:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        sleep(0.02)
        inside[0] -= 1
        return []

    answer = aws.one_at_a_time(app)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: answer({}, lambda *_: lambda _: None), range(8)))
    assert most == [1]


def test_of_four_writers_at_once_exactly_one_creates_each_key() -> None:
    bucket, keys = f"bucket-{uuid4().hex}", [f"key-{number:02}" for number in range(10)]
    with aws.running() as lab, ThreadPoolExecutor(4) as pool:
        client = lab.client("s3")
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration=REGION)
        won = [key for part in pool.map(lambda _: put_once(client, bucket, keys), range(4)) for key in part]
    assert sorted(won) == keys


def test_two_side_by_side_have_their_own_addresses_and_one_state_until_both_are_gone() -> None:
    bucket = f"bucket-{uuid4().hex}"
    with aws.running() as one:
        with aws.running() as two:
            assert one.address != two.address
            one.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=REGION)
            assert bucket in [found["Name"] for found in two.client("s3").list_buckets()["Buckets"]]
        assert bucket in [found["Name"] for found in one.client("s3").list_buckets()["Buckets"]]


def test_nobody_listens_once_it_is_stopped() -> None:
    with aws.running() as lab:
        host, port = urlparse(lab.address).hostname, urlparse(lab.address).port
    assert host == "127.0.0.1"
    assert port is not None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, port), timeout=5)


def test_secrets_and_iam_answer_too() -> None:
    with aws.running() as lab:
        name = f"secret-{uuid4().hex}"
        lab.client("secretsmanager").create_secret(Name=name, SecretString="{}")
        assert lab.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"] == "{}"
        assert "Users" in lab.client("iam").list_users()

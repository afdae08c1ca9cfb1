"""The lab's AWS: where it listens, what it keeps, and where it is stricter than moto."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
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


@pytest.fixture(scope="module")
def vault() -> Iterator[Any]:
    with aws.running() as lab:
        yield lab.client("secretsmanager")


@pytest.fixture
def name(vault: Any) -> str:  # noqa: ANN401 - boto3's client
    """Return the name of a new secret whose only version, `first`, is current and has a label of its own."""
    name = f"secret-{uuid4().hex}"
    first = vault.create_secret(Name=name, SecretString="first")["VersionId"]
    vault.update_secret_version_stage(SecretId=name, VersionStage="MINE", MoveToVersionId=first)
    return name


def stages(vault: Any, name: str) -> dict[str, list[str]]:  # noqa: ANN401 - boto3's client
    """Return the labels of each version that has one, by its text."""
    listed = vault.list_secret_version_ids(SecretId=name)["Versions"]
    labels = {version["VersionId"]: sorted(version["VersionStages"]) for version in listed}
    return {
        vault.get_secret_value(SecretId=name, VersionId=key)["SecretString"]: found for key, found in labels.items()
    }


def put(vault: Any, name: str, text: str, *labels: str, token: str = "") -> str:  # noqa: ANN401 - boto3's client
    """Store a version; return its id."""
    token = token or str(uuid4())
    vault.put_secret_value(SecretId=name, ClientRequestToken=token, SecretString=text, VersionStages=list(labels))
    return token


def test_a_used_token_takes_no_other_text_though_its_version_is_pending(vault: Any, name: str) -> None:  # noqa: ANN401
    token = put(vault, name, "second", "AWSPENDING")
    put(vault, name, "second", "AWSPENDING", token=token)
    with pytest.raises(vault.exceptions.ResourceExistsException):
        put(vault, name, "another", "AWSPENDING", token=token)
    assert stages(vault, name) == {"first": ["AWSCURRENT", "MINE"], "second": ["AWSPENDING"]}


def test_a_second_pending_version_takes_the_label_off_the_first_which_is_no_longer_listed(
    vault: Any,  # noqa: ANN401
    name: str,
) -> None:
    put(vault, name, "second", "AWSPENDING")
    put(vault, name, "third", "AWSPENDING")
    assert stages(vault, name) == {"first": ["AWSCURRENT", "MINE"], "third": ["AWSPENDING"]}


def test_a_new_current_version_leaves_the_other_labels_where_they_are(vault: Any, name: str) -> None:  # noqa: ANN401
    put(vault, name, "second", "AWSCURRENT")
    assert stages(vault, name) == {"first": ["AWSPREVIOUS", "MINE"], "second": ["AWSCURRENT"]}


def test_a_label_is_moved_only_by_who_knows_where_it_is(vault: Any, name: str) -> None:  # noqa: ANN401
    first = vault.get_secret_value(SecretId=name)["VersionId"]
    second = put(vault, name, "second", "OTHER")
    move = partial(vault.update_secret_version_stage, SecretId=name)
    refused: tuple[dict[str, str], ...] = (
        {"VersionStage": "MINE", "MoveToVersionId": second},
        {"VersionStage": "MINE", "MoveToVersionId": first, "RemoveFromVersionId": second},
        {"VersionStage": "AWSCURRENT", "MoveToVersionId": second},
        {"VersionStage": "AWSCURRENT", "RemoveFromVersionId": first},
        {"VersionStage": "MINE", "MoveToVersionId": str(uuid4()), "RemoveFromVersionId": first},
    )
    for arguments in refused:
        with pytest.raises(vault.exceptions.InvalidParameterException):
            move(**arguments)
    move(VersionStage="MINE", MoveToVersionId=first)
    assert stages(vault, name) == {"first": ["AWSCURRENT", "MINE"], "second": ["OTHER"]}
    move(VersionStage="AWSCURRENT", MoveToVersionId=second, RemoveFromVersionId=first)
    assert stages(vault, name) == {"first": ["AWSPREVIOUS", "MINE"], "second": ["AWSCURRENT", "OTHER"]}


def test_the_current_version_is_answered_after_it_was_moved_back(vault: Any, name: str) -> None:  # noqa: ANN401
    first = vault.get_secret_value(SecretId=name)["VersionId"]
    second = put(vault, name, "second", "AWSCURRENT")
    vault.update_secret_version_stage(
        SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=first, RemoveFromVersionId=second
    )
    assert vault.get_secret_value(SecretId=name)["SecretString"] == "first"
    assert stages(vault, name) == {"first": ["AWSCURRENT", "MINE"], "second": ["AWSPREVIOUS"]}


def test_each_version_has_its_own_time_and_an_unknown_secret_none(vault: Any, name: str) -> None:  # noqa: ANN401
    put(vault, name, "second", "AWSPENDING")
    times = [version["CreatedDate"] for version in vault.list_secret_version_ids(SecretId=name)["Versions"]]
    assert times[0] < times[1]
    with pytest.raises(vault.exceptions.ResourceNotFoundException):
        vault.list_secret_version_ids(SecretId="none")

"""Secrets by reference: where they lie, what is told when they do not, and that they never show."""

import json
import pickle
import traceback
from pathlib import Path
from uuid import uuid4

import pytest

from deployments.lab.aws import LabAws
from tasks.adapters.aws import AwsAnswer
from tasks.adapters.secrets import resolve
from tasks.core.errors import NO_DATA, OperatorError, TransientError
from tasks.settings import Aws
from tests.tasks.adapters.scripted import Answer, answering, nobody

CANARY = "canary-7c1f"


pytestmark = pytest.mark.usefixtures("credentials")


def stored(cloud: LabAws, text: str) -> str:
    name = f"assist-marias/{uuid4().hex}"
    cloud.client("secretsmanager").create_secret(Name=name, SecretString=text)
    return f"secretsmanager:{name}"


def told(error: OperatorError) -> tuple[type, str, str, object]:
    return type(error), error.code, error.subject, error.data


def shown(error: BaseException | None) -> str:
    """Return everything that can be seen of an error: itself, its trace, its fields, and the errors behind it."""
    if error is None:
        return ""
    trace = "".join(traceback.format_exception(error))
    behind = shown(error.__cause__) + shown(error.__context__)
    return f"{error!r} {error} {trace} {vars(error)} {behind}"


def test_a_secret_is_found_in_each_of_the_three_places(
    cloud: LabAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LAB_TOKEN", CANARY)
    (tmp_path / "token").write_text(f"{CANARY}\n", encoding="utf-8")
    refs = (
        f"{stored(cloud, json.dumps({'other': 'x', 'token': CANARY}))}#token",
        "env:LAB_TOKEN",
        f"file:{tmp_path / 'token'}",
    )
    for ref in refs:
        secret = resolve(ref, cloud.settings)
        assert secret.reveal() == CANARY
        assert CANARY not in f"{secret!r} {secret} {[secret]}"
        with pytest.raises(TypeError):
            pickle.dumps(secret)


def test_the_current_version_is_read_after_a_rotation_was_taken_back(cloud: LabAws) -> None:
    ref, client = stored(cloud, json.dumps({"token": "current"})), cloud.client("secretsmanager")
    name = ref.partition(":")[2]
    current = client.get_secret_value(SecretId=name)["VersionId"]
    newest = client.put_secret_value(SecretId=name, SecretString=json.dumps({"token": "newest"}))["VersionId"]
    client.update_secret_version_stage(
        SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=current, RemoveFromVersionId=newest
    )
    assert resolve(f"{ref}#token", cloud.settings).reveal() == "current"


def test_nothing_there_or_empty_is_missing(cloud: LabAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAB_EMPTY", "")
    empty = stored(cloud, json.dumps({"token": ""}))
    refs = (
        "secretsmanager:assist-marias/none#token",
        f"{empty}#token",
        "env:LAB_NONE",
        "env:LAB_EMPTY",
        f"file:{tmp_path / 'none'}",
    )
    for ref in refs:
        with pytest.raises(OperatorError) as caught:
            resolve(ref, cloud.settings)
        assert told(caught.value) == (OperatorError, "secret.missing", ref, NO_DATA)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(json.dumps({"other": CANARY}), id="no such key"),
        pytest.param(f"{CANARY} is no JSON", id="no JSON"),
        pytest.param(json.dumps([CANARY]), id="a list"),
        pytest.param(json.dumps({"token": {"in": CANARY}}), id="no text under the key"),
    ],
)
def test_a_secret_without_that_text_is_malformed_and_shows_nowhere(cloud: LabAws, text: str) -> None:
    ref = f"{stored(cloud, text)}#token"
    with pytest.raises(OperatorError) as caught:
        resolve(ref, cloud.settings)
    assert told(caught.value) == (OperatorError, "secret.malformed", ref, NO_DATA)
    assert CANARY not in shown(caught.value)


def test_a_file_that_is_no_text_is_malformed_and_shows_nowhere(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(CANARY.encode() + b"\xff")
    ref = f"file:{tmp_path / 'token'}"
    with pytest.raises(OperatorError) as caught:
        resolve(ref, Aws())
    assert told(caught.value) == (OperatorError, "secret.malformed", ref, NO_DATA)
    assert CANARY not in shown(caught.value)


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    ref = f"file:{tmp_path}"
    with pytest.raises(OperatorError) as caught:
        resolve(ref, Aws())
    assert told(caught.value) == (OperatorError, "secret.failed", ref, AwsAnswer(answer="IsADirectoryError"))


@pytest.mark.parametrize(
    ("status", "answer", "kind", "code"),
    [
        (400, "AccessDeniedException", OperatorError, "secret.denied"),
        (400, "UnrecognizedClientException", OperatorError, "secret.denied"),
        (400, "InvalidRequestException", OperatorError, "secret.failed"),
        (400, "DecryptionFailure", OperatorError, "secret.failed"),
        (400, "ThrottlingException", TransientError, "secret.unreachable"),
        (500, "InternalServiceError", TransientError, "secret.unreachable"),
    ],
)
def test_each_answer_becomes_its_code_without_its_text(status: int, answer: str, kind: type, code: str) -> None:
    ref = "secretsmanager:assist-marias/ops#token"
    body = json.dumps({"__type": answer, "message": CANARY}).encode()
    with answering([Answer(status=status, body=body)]) as server, pytest.raises(OperatorError) as caught:
        resolve(ref, server.aws)
    assert told(caught.value) == (kind, code, ref, AwsAnswer(answer=answer))
    assert CANARY not in f"{caught.value!r} {vars(caught.value)} {''.join(traceback.format_exception(caught.value))}"


def test_nobody_listening_can_pass_by_itself() -> None:
    ref = "secretsmanager:assist-marias/ops#token"
    with pytest.raises(TransientError) as caught:
        resolve(ref, nobody())
    answer = AwsAnswer(answer="EndpointConnectionError")
    assert told(caught.value) == (TransientError, "secret.unreachable", ref, answer)

"""The stages of a secret: what moves, what is refused, and that no text shows."""

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from deployments.lab.aws import LabAws
from tasks.adapters.aws import AwsAnswer
from tasks.adapters.secret_stages import SecretStages, Stage, StoredVersion
from tasks.core.errors import NO_DATA, OperatorError, TransientError
from tasks.core.findings import Finding, Severity
from tasks.core.secret import Secret
from tests.tasks.adapters.scripted import Answer, answering, nobody
from tests.tasks.adapters.test_secrets import shown

CANARY = "canary-51d0"
TEXT = "canary-a93e"


pytestmark = pytest.mark.usefixtures("credentials")


@pytest.fixture
def name(cloud: LabAws) -> str:
    """Return the name of a new secret with one version, `first`."""
    name = f"assist-marias/{uuid4().hex}"
    cloud.client("secretsmanager").create_secret(Name=name, SecretString="first")
    return name


def token() -> str:
    return str(uuid4())


def known(stages: SecretStages) -> list[tuple[str, tuple[str, ...]]]:
    return [(version.text.reveal(), tuple(sorted(version.stages))) for version in stages.versions()]


def told(error: OperatorError) -> tuple[type, str, str, object]:
    return type(error), error.code, error.subject, error.data


def test_each_version_with_a_stage_is_read_newest_first_with_its_own_time(cloud: LabAws, name: str) -> None:
    stages, pending, before = SecretStages(cloud.settings, name), token(), datetime.now(UTC) - timedelta(seconds=30)
    stages.put(pending, Secret("second"), "AWSPENDING")
    newest, first = stages.versions()
    assert newest == StoredVersion(id=pending, stages=("AWSPENDING",), created_at=newest.created_at, text=newest.text)
    assert (newest.text.reveal(), first.text.reveal(), first.stages) == ("second", "first", ("AWSCURRENT",))
    assert before < first.created_at < newest.created_at < datetime.now(UTC)
    assert stages.at("AWSPENDING").id == pending
    assert "second" not in repr((newest, stages.at("AWSPENDING")))


def test_a_rotation_promotes_holds_and_drops(cloud: LabAws, name: str) -> None:
    stages, pending = SecretStages(cloud.settings, name), token()
    first = stages.at("AWSCURRENT").id
    stages.put(pending, Secret("second"), "AWSPENDING")
    stages.move("AWSCURRENT", to=pending, off=first)
    stages.move("AWSPENDING", to=None, off=pending)
    stages.move(f"MARIAS-HOLD-{first}", to=first, off=None)
    assert known(stages) == [("second", ("AWSCURRENT",)), ("first", ("AWSPREVIOUS", f"MARIAS-HOLD-{first}"))]
    stages.move("AWSPREVIOUS", to=None, off=first)
    stages.move(f"MARIAS-HOLD-{first}", to=None, off=first)
    assert known(stages) == [("second", ("AWSCURRENT",))]


def test_each_move_and_each_put_may_be_made_twice(cloud: LabAws, name: str) -> None:
    stages, pending = SecretStages(cloud.settings, name), token()
    first = stages.at("AWSCURRENT").id
    for _ in range(2):
        stages.put(pending, Secret("second"), "AWSPENDING")
    for _ in range(2):
        stages.move("AWSCURRENT", to=pending, off=first)
    for _ in range(2):
        stages.move("AWSPENDING", to=None, off=pending)
    assert known(stages) == [("second", ("AWSCURRENT",)), ("first", ("AWSPREVIOUS",))]


def test_another_text_under_a_used_token_is_refused_and_changes_nothing(cloud: LabAws, name: str) -> None:
    stages, pending = SecretStages(cloud.settings, name), token()
    stages.put(pending, Secret("second"), "AWSPENDING")
    with pytest.raises(OperatorError) as caught:
        stages.put(pending, Secret(CANARY), "AWSPENDING")
    data = Stage(stage="AWSPENDING", version=pending)
    assert told(caught.value) == (OperatorError, "secret.token_used", name, data)
    assert known(stages) == [("second", ("AWSPENDING",)), ("first", ("AWSCURRENT",))]
    assert CANARY not in shown(caught.value)


def test_a_second_pending_version_takes_the_stage_off_the_first_whose_writer_is_told(cloud: LabAws, name: str) -> None:
    stages, mine, theirs = SecretStages(cloud.settings, name), token(), token()
    stages.put(mine, Secret("mine"), "AWSPENDING")
    stages.put(theirs, Secret("theirs"), "AWSPENDING")
    assert known(stages) == [("theirs", ("AWSPENDING",)), ("first", ("AWSCURRENT",))]
    with pytest.raises(OperatorError) as caught:
        stages.put(mine, Secret("mine"), "AWSPENDING")
    data = Stage(stage="AWSPENDING", version=mine)
    assert told(caught.value) == (OperatorError, "secret.stage_lost", name, data)
    assert known(stages)[0] == ("theirs", ("AWSPENDING",))


def test_a_stage_that_somebody_else_moved_is_not_taken_from_them(cloud: LabAws, name: str) -> None:
    stages, mine, theirs = SecretStages(cloud.settings, name), token(), token()
    first = stages.at("AWSCURRENT").id
    stages.put(mine, Secret("mine"), "MINE")
    stages.put(theirs, Secret("theirs"), "THEIRS")
    stages.move("AWSCURRENT", to=theirs, off=first)
    for off in (first, None):
        with pytest.raises(OperatorError) as caught:
            stages.move("AWSCURRENT", to=mine, off=off)
        data = Stage(stage="AWSCURRENT", version=mine)
        assert told(caught.value) == (OperatorError, "secret.stage_lost", name, data)
    assert stages.at("AWSCURRENT").id == theirs


def test_what_is_not_there_is_missing(cloud: LabAws, name: str) -> None:
    stages = SecretStages(cloud.settings, "assist-marias/none")
    for ask in (stages.versions, lambda: stages.at("AWSCURRENT"), lambda: stages.put(token(), Secret("x"), "S")):
        with pytest.raises(OperatorError) as caught:
            ask()
        assert told(caught.value) == (OperatorError, "secret.missing", "assist-marias/none", NO_DATA)
    with pytest.raises(OperatorError) as caught:
        SecretStages(cloud.settings, name).at("AWSPENDING")
    assert told(caught.value) == (OperatorError, "secret.missing", name, NO_DATA)


def test_a_version_that_is_no_text_is_malformed(cloud: LabAws, name: str) -> None:
    cloud.client("secretsmanager").put_secret_value(SecretId=name, SecretBinary=CANARY.encode())
    stages = SecretStages(cloud.settings, name)
    for ask in (stages.versions, lambda: stages.at("AWSCURRENT")):
        with pytest.raises(OperatorError) as caught:
            ask()
        assert told(caught.value) == (OperatorError, "secret.malformed", name, NO_DATA)
        assert CANARY not in shown(caught.value)


def page(*versions: str, more: str = "") -> Answer:
    listed = [{"VersionId": v * 32, "VersionStages": ["S" + v], "CreatedDate": int(v)} for v in versions]
    return Answer(body=json.dumps({"Versions": listed, **({"NextToken": more} if more else {})}).encode())


def value(text: str) -> Answer:
    return Answer(body=json.dumps({"SecretString": text}).encode())


def test_versions_are_read_from_every_page() -> None:
    with answering([page("1", "3", more="t"), page("2"), value("c"), value("b"), value("a")]) as server:
        found = SecretStages(server.aws, "x").versions()
    assert [(version.id, version.stages, version.text.reveal()) for version in found] == [
        ("3" * 32, ("S3",), "c"),
        ("2" * 32, ("S2",), "b"),
        ("1" * 32, ("S1",), "a"),
    ]


@pytest.mark.parametrize(
    ("status", "answer", "kind", "code"),
    [
        (400, "AccessDeniedException", OperatorError, "secret.denied"),
        (400, "EncryptionFailure", OperatorError, "secret.failed"),
        (500, "InternalServiceError", TransientError, "secret.unreachable"),
    ],
)
def test_each_refusal_becomes_its_code_without_its_text(status: int, answer: str, kind: type, code: str) -> None:
    body = json.dumps({"__type": answer, "message": CANARY}).encode()
    with answering([Answer(status=status, body=body)]) as server:
        stages = SecretStages(server.aws, "x")
        for ask in (
            stages.versions,
            lambda: stages.put(token(), Secret(TEXT), "S"),
            lambda: stages.move("S", to=token(), off=None),
        ):
            with pytest.raises(OperatorError) as caught:
                ask()
            assert told(caught.value) == (kind, code, "x", AwsAnswer(answer=answer))
            assert CANARY not in f"{caught.value!r} {vars(caught.value)}"
            assert TEXT not in shown(caught.value)


def test_it_is_ready_when_its_versions_can_be_read(cloud: LabAws, name: str) -> None:
    empty = f"assist-marias/{uuid4().hex}"
    cloud.client("secretsmanager").create_secret(Name=empty)
    answer = AwsAnswer(answer="EndpointConnectionError")
    assert SecretStages(cloud.settings, name).ready() == ()
    assert SecretStages(cloud.settings, empty).ready() == (
        Finding(rule="secret.missing", severity=Severity.CRITICAL, subject=empty),
    )
    assert SecretStages(nobody(), "x").ready() == (
        Finding(rule="secret.unreachable", severity=Severity.CRITICAL, subject="x", data=answer),
    )


def test_no_text_is_logged_however_loud_the_logs_are(
    cloud: LabAws, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stages: Any = SecretStages(cloud.settings, name)
    stages.put(token(), Secret(CANARY), "AWSPENDING")
    assert CANARY in [version.text.reveal() for version in stages.versions()]
    assert CANARY not in caplog.text

"""GitHub's environments: what arrives, what is tried again, and what is told when it does not."""

import logging
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from deployments.lab import github as lab
from deployments.lab.github import ENVIRONMENTS, REPOSITORY, LabGithub, Place
from deployments.lab.serving import Failure
from tasks.adapters import github
from tasks.adapters.github import GitHub, GitHubReply
from tasks.core.errors import OperatorError, TransientError
from tasks.core.findings import Finding, Severity
from tasks.core.secret import Secret
from tasks.settings import Github
from tests.tasks.adapters.scripted import Answer, answering
from tests.tasks.adapters.test_secrets import shown

CANARY = "canary-2b77"
WHERE = (REPOSITORY, "PRODUCTION")
SUBJECT = f"{REPOSITORY}:PRODUCTION"
KEY, VERSION = Place(*WHERE, "DEPLOY_KEY"), Place(*WHERE, "DEPLOY_KEY_VERSION")


@pytest.fixture(scope="module")
def running() -> Iterator[LabGithub]:
    with lab.running(environments=(*ENVIRONMENTS, "ao vivo/1")) as hub:
        yield hub


@pytest.fixture
def hub(running: LabGithub, monkeypatch: pytest.MonkeyPatch) -> Iterator[LabGithub]:
    monkeypatch.setattr(github, "PAUSES_SECONDS", (0.01, 0.01))
    running.forget()
    yield running
    assert running.faults == []


def api(hub: LabGithub, *, token: str = lab.TOKEN, address: str = "", timeout_seconds: float = 5) -> GitHub:
    section = Github(
        token="env:GITHUB",  # noqa: S106 - a reference
        base_url=address or hub.address,
        timeout_seconds=timeout_seconds,
    )
    return GitHub(section, Secret(token))


def told(error: OperatorError) -> tuple[type, str, str, object]:
    return type(error), error.code, error.subject, error.data


def test_a_secret_arrives_sealed_and_is_replaced(hub: LabGithub) -> None:
    text = f"-----BEGIN {CANARY}\nção\n"
    for value in ("old", text):
        api(hub).put_secret(*WHERE, "DEPLOY_KEY", Secret(value))
    assert hub.secrets == {KEY: text}
    assert hub.calls == ["GET secrets", "PUT secrets"] * 2


def test_a_variable_is_made_changed_and_read(hub: LabGithub) -> None:
    assert api(hub).variable(*WHERE, "DEPLOY_KEY_VERSION") is None
    for value in ("1", "2"):
        api(hub).put_variable(*WHERE, "DEPLOY_KEY_VERSION", value)
        assert api(hub).variable(*WHERE, "DEPLOY_KEY_VERSION") == value
    assert hub.variables == {VERSION: "2"}


def test_an_environment_may_have_any_name(hub: LabGithub) -> None:
    api(hub).put_secret(REPOSITORY, "ao vivo/1", "DEPLOY_KEY", Secret("x"))
    api(hub).put_variable(REPOSITORY, "ao vivo/1", "V", "1")
    assert api(hub).variable(REPOSITORY, "ao vivo/1", "V") == "1"
    assert hub.secrets == {Place(REPOSITORY, "ao vivo/1", "DEPLOY_KEY"): "x"}


def test_a_public_key_that_changes_in_between_is_read_anew(hub: LabGithub) -> None:
    hub.change_key_once_read(1)
    api(hub).put_secret(*WHERE, "DEPLOY_KEY", Secret("x"))
    assert hub.secrets == {KEY: "x"}
    assert hub.calls == ["GET secrets", "PUT secrets"] * 2


def test_a_secret_that_is_refused_under_the_same_key_is_not_sent_again(hub: LabGithub) -> None:
    for name, value in (("GITHUB_KEY", "x"), ("DEPLOY_KEY", CANARY * 5_000)):
        with pytest.raises(OperatorError) as caught:
            api(hub).put_secret(*WHERE, name, Secret(value))
        refused = (OperatorError, "github.refused", SUBJECT, GitHubReply(answer="HTTP 422"))
        assert told(caught.value) == refused
        assert CANARY not in shown(caught.value)
    assert hub.calls == ["GET secrets", "PUT secrets", "GET secrets"] * 2


def test_a_variable_that_was_made_in_between_is_changed(hub: LabGithub) -> None:
    hub.fail_next(1, Failure(status=502, method="POST variables", arrived=True))
    api(hub).put_variable(*WHERE, "DEPLOY_KEY_VERSION", "1")
    assert hub.variables == {VERSION: "1"}
    assert hub.calls == ["PATCH variables", "POST variables", "POST variables", "PATCH variables"]


def test_an_environment_or_repository_that_is_not_there_is_said(hub: LabGithub) -> None:
    places = ((REPOSITORY, "NONE"), ("assist-marias/none", "PRODUCTION"))
    for repository, environment in places:
        asks: tuple[Callable[[], object], ...] = (
            partial(api(hub).put_secret, repository, environment, "DEPLOY_KEY", Secret("x")),
            partial(api(hub).variable, repository, environment, "V"),
            partial(api(hub).put_variable, repository, environment, "V", "1"),
        )
        for ask in asks:
            with pytest.raises(OperatorError) as caught:
                ask()
            data = GitHubReply(answer="HTTP 404")
            assert told(caught.value) == (OperatorError, "github.not_found", f"{repository}:{environment}", data)
    assert (hub.secrets, hub.variables) == ({}, {})


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "github.denied"), (403, "github.denied"), (404, "github.not_found"), (301, "github.refused")],
)
def test_each_refusal_has_its_code_and_is_not_tried_again(hub: LabGithub, status: int, code: str) -> None:
    hub.fail_next(9, Failure(status=status, error=CANARY))
    with pytest.raises(OperatorError) as caught:
        api(hub).put_secret(*WHERE, "DEPLOY_KEY", Secret("x"))
    assert told(caught.value) == (OperatorError, code, SUBJECT, GitHubReply(answer=f"HTTP {status}"))
    assert CANARY not in shown(caught.value)
    assert hub.calls == ["GET secrets"]


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_what_can_pass_is_tried_three_times(hub: LabGithub, status: int) -> None:
    hub.fail_next(2, Failure(status=status, method="PUT secrets"))
    api(hub).put_secret(*WHERE, "DEPLOY_KEY", Secret("x"))
    assert hub.secrets == {KEY: "x"}
    hub.fail_next(3, Failure(status=status, method="PUT secrets"))
    with pytest.raises(TransientError) as caught:
        api(hub).put_secret(*WHERE, "DEPLOY_KEY", Secret("x"))
    unreachable = (TransientError, "github.unreachable", SUBJECT, GitHubReply(answer=f"HTTP {status}"))
    assert told(caught.value) == unreachable
    assert hub.calls.count("PUT secrets") == 6


def test_a_secret_whose_answer_was_lost_is_put_again(hub: LabGithub) -> None:
    hub.fail_next(1, Failure(hang_seconds=1, arrived=True, method="PUT secrets"))
    api(hub, timeout_seconds=0.5).put_secret(*WHERE, "DEPLOY_KEY", Secret("x"))
    assert hub.secrets == {KEY: "x"}
    assert hub.calls == ["GET secrets", "PUT secrets", "PUT secrets"]


@pytest.mark.parametrize("status", [403, 429])
def test_a_wait_that_github_asks_for_is_kept(hub: LabGithub, status: int) -> None:
    hub.fail_next(1, Failure(status=status, retry_after_seconds=1))
    start = time.monotonic()
    api(hub).put_variable(*WHERE, "DEPLOY_KEY_VERSION", "1")
    assert time.monotonic() - start >= 1
    assert hub.variables == {VERSION: "1"}


def test_a_limit_that_is_reset_soon_is_waited_for(hub: LabGithub) -> None:
    spent = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time()))}
    hub.fail_next(1, Failure(status=403, headers=spent))
    start = time.monotonic()
    api(hub).put_variable(*WHERE, "DEPLOY_KEY_VERSION", "1")
    assert time.monotonic() - start >= 1


@pytest.mark.parametrize(
    "failure",
    [
        Failure(status=429, retry_after_seconds=3_600),
        Failure(status=403, headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time()) + 900)}),
    ],
    ids=["Retry-After", "reset"],
)
def test_a_wait_that_is_too_long_is_not_kept(hub: LabGithub, failure: Failure) -> None:
    hub.fail_next(9, failure)
    with pytest.raises(TransientError) as caught:
        api(hub).put_variable(*WHERE, "DEPLOY_KEY_VERSION", "1")
    data = GitHubReply(answer=f"HTTP {failure.status}")
    assert told(caught.value) == (TransientError, "github.unreachable", SUBJECT, data)
    assert hub.calls == ["PATCH variables"]


def test_a_silent_github_is_left_after_the_timeout(hub: LabGithub) -> None:
    hub.fail_next(3, Failure(hang_seconds=1))
    with pytest.raises(TransientError) as caught:
        api(hub, timeout_seconds=0.2).variable(*WHERE, "V")
    data = GitHubReply(answer="ReadTimeout")
    assert told(caught.value) == (TransientError, "github.unreachable", SUBJECT, data)


def test_nobody_there_is_said(hub: LabGithub) -> None:
    with pytest.raises(TransientError) as caught:
        api(hub, address="http://127.0.0.1:1/").variable(*WHERE, "V")
    data = GitHubReply(answer="ConnectError")
    assert told(caught.value) == (TransientError, "github.unreachable", SUBJECT, data)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"key_id": 1, "key": "x"}', b"\xff"])
def test_an_answer_that_is_not_githubs_is_not_believed(hub: LabGithub, body: bytes) -> None:
    with answering([Answer(body=body)]) as server, pytest.raises(TransientError) as caught:
        api(hub, address=server.aws.endpoint).put_secret(*WHERE, "DEPLOY_KEY", Secret(CANARY))
    assert told(caught.value) == (TransientError, "github.unreachable", SUBJECT, GitHubReply(answer="no JSON"))
    assert CANARY not in shown(caught.value)


@pytest.mark.parametrize("key", ["AAAA", "ção", "not base64"])
def test_a_public_key_that_is_none_seals_nothing(hub: LabGithub, key: str) -> None:
    body = f'{{"key_id": "1", "key": "{key}"}}'.encode()
    with answering([Answer(body=body)]) as server, pytest.raises(OperatorError) as caught:
        api(hub, address=server.aws.endpoint).put_secret(*WHERE, "DEPLOY_KEY", Secret(CANARY))
    assert told(caught.value) == (TransientError, "github.unreachable", SUBJECT, GitHubReply(answer="no public key"))
    assert server.asked == [f"GET /repos/{REPOSITORY}/environments/PRODUCTION/secrets/public-key"]


@pytest.mark.parametrize("token", [f"{CANARY}\n", f"{CANARY} ção", ""])
def test_a_token_that_no_header_can_hold_is_refused_before_anything_is_sent(hub: LabGithub, token: str) -> None:
    with pytest.raises(OperatorError) as caught:
        api(hub, token=token)
    assert told(caught.value) == (OperatorError, "github.denied", hub.address, GitHubReply(answer="malformed"))
    assert CANARY not in shown(caught.value)


def test_a_wrong_token_is_refused_and_shows_nowhere(hub: LabGithub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(OperatorError) as caught:
        api(hub, token=CANARY).put_secret(*WHERE, "DEPLOY_KEY", Secret("x"))
    assert told(caught.value) == (OperatorError, "github.denied", SUBJECT, GitHubReply(answer="HTTP 401"))
    assert CANARY not in shown(caught.value) + caplog.text


def test_neither_token_nor_value_is_logged_however_loud_the_logs_are(
    hub: LabGithub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api(hub).put_secret(*WHERE, "DEPLOY_KEY", Secret(CANARY))
    assert hub.secrets == {KEY: CANARY}
    assert [word for word in (CANARY, lab.TOKEN) if word in caplog.text] == []


def test_it_is_ready_when_the_environment_can_be_read(hub: LabGithub) -> None:
    assert api(hub).ready(*WHERE) == ()
    assert api(hub).ready(REPOSITORY, "NONE") == (
        Finding(
            rule="github.not_found",
            severity=Severity.CRITICAL,
            subject=f"{REPOSITORY}:NONE",
            data=GitHubReply(answer="HTTP 404"),
        ),
    )
    assert (hub.secrets, hub.variables) == ({}, {})

"""Copies follow the original's current version; whatever cuts that off, a second call finishes it."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import pytest

from deployments.lab import aws
from deployments.lab import github as lab
from deployments.lab.aws import LabAws
from deployments.lab.github import REPOSITORY, LabGithub, Place
from deployments.lab.serving import Failure
from tasks.adapters import github
from tasks.adapters.github import GitHub, GitHubReply
from tasks.adapters.secret_stages import SecretStages
from tasks.core.errors import NO_DATA, OperatorError
from tasks.core.secret import Secret
from tasks.secret_sync import apply, steps
from tasks.secret_sync.model import CopyState, State
from tasks.secret_sync.settings import Copy, SecretSync
from tasks.settings import Github
from tests.tasks.adapters.scripted import nobody

KEY, VERSION = Place(REPOSITORY, "PRODUCTION", "DEPLOY_KEY"), Place(REPOSITORY, "PRODUCTION", "DEPLOY_KEY_VERSION")


class KilledError(BaseException):
    """The process ends here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One secret in the lab's cloud, with `first` and `second` as its versions, and a GitHub."""

    cloud: LabAws
    hub: LabGithub
    copy: Copy
    stages: SecretStages
    first: str
    second: str

    @property
    def section(self) -> Github:
        return Github(token="env:LAB_GITHUB", base_url=self.hub.address, timeout_seconds=5)  # noqa: S106 - a reference

    @property
    def github(self) -> GitHub:
        return GitHub(self.section, Secret(lab.TOKEN))

    def promote(self, *, back: bool = False) -> None:
        to, off = (self.first, self.second) if back else (self.second, self.first)
        self.stages.move("AWSCURRENT", to=to, off=off)

    def refresh(self, *copies: Copy) -> tuple[CopyState, ...]:
        return apply.refresh(self.github, self.stages, copies or (self.copy,))

    def state(self, state: State, version: str = "", code: str = "", answer: str = "") -> CopyState:
        data = GitHubReply(answer=answer) if answer else NO_DATA
        return CopyState(place=self.copy.place, version=version or self.first, state=state, code=code, data=data)


@pytest.fixture(scope="module")
def cloud() -> Iterator[LabAws]:
    with aws.running() as running:
        yield running


@pytest.fixture(scope="module")
def running() -> Iterator[LabGithub]:
    with lab.running() as hub:
        yield hub


@pytest.fixture
def world(cloud: LabAws, running: LabGithub, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name, value in {**aws.CREDENTIALS, "LAB_GITHUB": lab.TOKEN}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(github, "PAUSES_SECONDS", (0.01, 0.01))
    running.forget()
    name, second = f"assist-marias/{uuid4().hex}", str(uuid4())
    cloud.client("secretsmanager").create_secret(Name=name, SecretString=text("one"))
    stages = SecretStages(cloud.settings, name)
    stages.put(second, Secret(text("two")), "AWSPENDING")
    copy = Copy(secret=name, key="private_key", repository=REPOSITORY, environment="PRODUCTION", name="DEPLOY_KEY")
    first = stages.at("AWSCURRENT").id
    yield World(cloud=cloud, hub=running, copy=copy, stages=stages, first=first, second=second)
    assert running.faults == []


def text(key: str) -> str:
    return json.dumps({"private_key": key, "other": 1})


def test_a_copy_is_made_and_then_left_alone(world: World) -> None:
    assert world.refresh() == (world.state(State.DONE),)
    assert (world.hub.secrets, world.hub.variables) == ({KEY: "one"}, {VERSION: world.first})
    world.hub.calls.clear()
    assert world.refresh() == (world.state(State.ALREADY),)
    assert world.hub.calls == ["GET variables"]


def test_a_copy_follows_a_promotion_and_a_pending_version_does_not_matter(world: World) -> None:
    world.refresh()
    world.promote()
    assert world.refresh() == (world.state(State.DONE, world.second),)
    assert (world.hub.secrets, world.hub.variables) == ({KEY: "two"}, {VERSION: world.second})


@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize("back", [False, True], ids=["the same version", "the version before, taken back"])
def test_a_run_that_is_killed_after_any_write_is_finished_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch, call: int, *, back: bool
) -> None:
    world.refresh()
    world.promote()
    with killing_after(monkeypatch, call), pytest.raises(KilledError):
        world.refresh()
    if back:
        world.promote(back=True)
    (state,) = world.refresh()
    version, key = (world.first, "one") if back else (world.second, "two")
    assert (state.version, state.code) == (version, "")
    assert (world.hub.secrets, world.hub.variables) == ({KEY: key}, {VERSION: version})


@contextmanager
def killing_after(monkeypatch: pytest.MonkeyPatch, call: int) -> Iterator[None]:
    """Let the process end right after its write number `call`: variable, secret, variable."""
    calls: list[str] = []
    with monkeypatch.context() as patched:
        for name in ("put_variable", "put_secret"):
            patched.setattr(GitHub, name, dying(getattr(GitHub, name), calls, call))
        yield


def dying(write: Callable[..., None], calls: list[str], last: int) -> Callable[..., None]:
    def written(*arguments: object) -> None:
        write(*arguments)
        calls.append(write.__name__)
        if len(calls) == last:
            raise KilledError

    return written


def test_a_first_copy_that_was_killed_before_its_variable_is_made_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with killing_after(monkeypatch, 1), pytest.raises(KilledError):
        world.refresh()
    assert (world.hub.secrets, world.hub.variables) == ({KEY: "one"}, {})
    assert world.refresh() == (world.state(State.DONE),)
    assert world.hub.variables == {VERSION: world.first}


def test_a_version_that_becomes_current_meanwhile_wins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put = GitHub.put_secret

    def overtaken(hub: GitHub, repository: str, environment: str, name: str, value: Secret) -> None:
        """Write late: another run has promoted, and made its own copy whole, since this one read the secret."""
        monkeypatch.setattr(GitHub, "put_secret", put)
        world.promote()
        world.refresh()
        put(hub, repository, environment, name, value)

    monkeypatch.setattr(GitHub, "put_secret", overtaken)
    assert world.refresh() == (world.state(State.DONE, world.second),)
    assert (world.hub.secrets, world.hub.variables) == ({KEY: "two"}, {VERSION: world.second})


def test_an_original_that_keeps_changing_leaves_its_copy_stale(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put, flips = GitHub.put_secret, [False]

    def flipping(hub: GitHub, repository: str, environment: str, name: str, value: Secret) -> None:
        put(hub, repository, environment, name, value)
        world.promote(back=flips[0])
        flips[0] = not flips[0]

    monkeypatch.setattr(GitHub, "put_secret", flipping)
    assert world.refresh() == (world.state(State.STALE),)
    assert world.hub.calls.count("PUT secrets") == apply.ROUNDS


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (Failure(status=403), "github.denied"),
        (Failure(status=404, method="GET secrets"), "github.not_found"),
        (Failure(status=429, retry_after_seconds=3_600), "github.unreachable"),
        (Failure(status=500, method="PUT secrets"), "github.unreachable"),
        (Failure(status=500, method="PATCH variables"), "github.unreachable"),
    ],
)
def test_a_failure_is_told_and_a_second_call_finishes(world: World, failure: Failure, code: str) -> None:
    world.refresh()
    world.promote()
    world.hub.fail_next(3, failure)
    answer = f"HTTP {failure.status}"
    assert world.refresh() == (world.state(State.FAILED, world.second, code, answer),)
    world.hub.failures.clear()
    assert world.refresh() == (world.state(State.DONE, world.second),)
    assert (world.hub.secrets, world.hub.variables) == ({KEY: "two"}, {VERSION: world.second})


def test_an_environment_that_is_not_there_does_not_keep_the_other_copies_back(world: World) -> None:
    elsewhere = world.copy.model_copy(update={"environment": "NONE"})
    data = GitHubReply(answer="HTTP 404")
    assert world.refresh(elsewhere, world.copy) == (
        CopyState(place=elsewhere.place, version=world.first, state=State.FAILED, code="github.not_found", data=data),
        world.state(State.DONE),
    )
    assert world.hub.secrets == {KEY: "one"}


def test_github_that_is_down_is_told(world: World) -> None:
    section = Github(token="env:LAB_GITHUB", base_url=nobody().endpoint, timeout_seconds=1)  # noqa: S106
    states = apply.refresh(GitHub(section, Secret(lab.TOKEN)), world.stages, (world.copy,))
    assert states == (world.state(State.FAILED, code="github.unreachable", answer="ConnectError"),)


@pytest.mark.parametrize("key", ["none", "other"])
def test_a_secret_without_the_copys_key_changes_nothing(world: World, key: str) -> None:
    broken = world.copy.model_copy(update={"key": key, "name": "OTHER"})
    with pytest.raises(OperatorError) as caught:
        world.refresh(world.copy, broken)
    assert (caught.value.code, caught.value.subject) == (
        "secret.malformed",
        f"secretsmanager:{world.copy.secret}#{key}",
    )
    assert world.hub.calls == []


def test_the_step_does_the_same_and_asks_nobody_where_there_is_no_copy(world: World) -> None:
    cfg = SecretSync(copies=(world.copy,))
    arguments = (cfg, world.cloud.settings, world.section)
    assert steps.refresh_copies.fn(*arguments, world.copy.secret) == (world.state(State.DONE),)
    assert steps.refresh_copies.fn(cfg, nobody(), world.section, "none") == ()


def test_no_value_is_logged_however_loud_the_logs_are(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    canary = "canary-90c4"
    world.cloud.client("secretsmanager").put_secret_value(SecretId=world.copy.secret, SecretString=text(canary))
    states = world.refresh()
    assert world.hub.secrets == {KEY: canary}
    assert [word for word in (canary, lab.TOKEN) if word in caplog.text + repr(states)] == []

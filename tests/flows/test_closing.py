"""Closing taken up where somebody left it, on a lab's S3, Slack and mail; no server is needed."""

import contextlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deployments.lab import aws, seed, slack
from deployments.lab.aws import LabAws
from deployments.lab.lab import render
from deployments.lab.serving import Failure
from deployments.lab.slack import LabSlack
from flows import close_runs, closing
from tasks.adapters.prefect_api import RunRecord
from tasks.core.attempt import Attempt, Trigger
from tasks.environment import Environment, load
from tasks.evidence import ledger
from tasks.evidence.document import Document
from tasks.evidence.store import BucketStore, Store
from tasks.reports.blocks import Block
from tasks.reports.plots import to_png
from tasks.reports.standard import layout
from tests.flows import runs, trial
from tests.tasks.notices.documents import document
from tests.tasks.reports.charts import RTO, RTO_IN_WORDS

NOW = datetime.now(UTC)
RECORD = runs.record(  # importing the trial names it in the table of duties
    trial.trial.name,
    trigger=Trigger.SCHEDULE,
    state_type="CRASHED",
    state_name="Crashed",
    started_at=NOW,
    ended_at=NOW,
)


@pytest.fixture(scope="module")
def cloud() -> Iterator[LabAws]:
    with aws.running() as running:
        yield running


@pytest.fixture
def people() -> Iterator[LabSlack]:
    with slack.running() as running:
        yield running


@pytest.fixture
def settings(cloud: LabAws, people: LabSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Return the lab's environment with a bucket and secrets of this test's own: the state of S3 is one per process."""
    for name, value in aws.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TRIAL_TOKEN", slack.TOKEN)
    monkeypatch.setenv("TRIAL_KEY", seed.signing_key())
    bucket = f"trial-{secrets.token_hex(6)}"
    client = cloud.client("s3")
    with contextlib.closing(client):
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": seed.REGION})
    addresses = {"aws": cloud.address, "slack": people.address, "inbox": people.inbox_url, "smtp_host": "127.0.0.1"}
    render(tmp_path, {**addresses, "smtp_port": "1", "prefect": "http://127.0.0.1:1", "postgres_bin": ""})
    whole = load(str(tmp_path / "lab.toml"))
    evidence = whole.evidence.model_copy(update={"bucket": bucket, "signing_key": "env:TRIAL_KEY"})
    return whole.model_copy(
        update={"evidence": evidence, "slack": whole.slack.model_copy(update={"token": "env:TRIAL_TOKEN"})}
    )


@pytest.fixture
def store(settings: Environment) -> Store:
    return closing.store_of(settings)


def attempt(record: RunRecord = RECORD) -> Attempt:
    [found] = close_runs.unclosed(record, "lab", frozenset())
    return found


def names(store: Store) -> set[str]:
    return {key.rsplit("/", 1)[1].split("-")[0] for key in store.keys(attempt().prefix)}


def test_a_dead_run_is_closed_once(settings: Environment, store: Store, people: LabSlack) -> None:
    assert close_runs.close(store, settings, RECORD, attempt())
    assert names(store) == {"closing", "outcome.json", "notices.json"}
    known = ledger.recorded(store, "lab", since=NOW - timedelta(hours=1))
    assert known == {(RECORD.id, 1)}
    assert close_runs.unclosed(RECORD, "lab", known) == ()
    assert [m.key for m in people.messages] == [f"{RECORD.id}:1:ended"]


class Killed(BaseException):
    """The end of a process, as far as the code under it can tell."""


def die(*_args: object, **_kwargs: object) -> None:
    raise Killed


def put_pages_only(self: BucketStore, key: str, body: bytes, content_type: str) -> None:
    if content_type == "application/json":
        raise Killed
    PUT_NEW(self, key, body, content_type)


PUT_NEW = BucketStore.put_new
DEATHS: dict[str, tuple[object, str, object]] = {
    "report": (BucketStore, "put_new", put_pages_only),
    "outcome": (closing, "announce", die),
    "notice": (closing, "_keep", die),
    "receipt": (ledger, "append", die),
}


def die_after(step: str, age: timedelta, settings: Environment, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin to close a run, `age` ago, as a closer that is killed after `step`."""
    with monkeypatch.context() as patch:
        patch.setattr(close_runs, "datetime", type("Earlier", (), {"now": lambda zone: datetime.now(zone) - age}))
        patch.setattr(*DEATHS[step])
        with pytest.raises(Killed):
            close_runs.close(store, settings, RECORD, attempt())


@pytest.mark.parametrize("step", DEATHS)
def test_what_a_dead_closer_left_is_finished_and_people_are_told_once(
    settings: Environment, store: Store, people: LabSlack, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    die_after(step, timedelta(minutes=10), settings, store, monkeypatch)
    assert ledger.recorded(store, "lab", since=NOW - timedelta(hours=1)) == frozenset()
    assert close_runs.close(store, settings, RECORD, attempt())
    assert ledger.recorded(store, "lab", since=NOW - timedelta(hours=1)) == {(RECORD.id, 1)}
    assert [m.key for m in people.messages] == [f"{RECORD.id}:1:ended"]


def charted() -> tuple[Document, tuple[Block, ...]]:
    """Return a run that ended by itself, with a chart in its report."""
    done = document(duty="trial", environment="lab", flow_run_id=RECORD.id, started_at=NOW, finished_at=NOW)
    return done, layout(done, (), (), charts=(RTO,))


def pictures(people: LabSlack) -> list[list[tuple[str, str, str, bytes]]]:
    return [[(f.name, f.title, f.description, f.body) for f in message.files] for message in people.messages]


def test_a_chart_lies_beside_the_report_goes_with_the_notice_and_is_in_the_ledger(
    settings: Environment, store: Store, people: LabSlack, cloud: LabAws
) -> None:
    done, report = charted()
    closing.record(store, attempt(), done, report)
    assert closing.finish(store, settings, attempt(), done, look_up=False) == ""
    key = f"{attempt().prefix}rto.png"
    assert store.get(key) == to_png(RTO)
    assert pictures(people) == [[("rto.png", RTO.title, RTO_IN_WORDS, to_png(RTO))]]
    assert key.encode() in (store.get("lab/ledger/00000001.json") or b"")
    client = cloud.client("s3")
    with contextlib.closing(client):
        assert client.head_object(Bucket=settings.evidence.bucket, Key=key)["ContentType"] == "image/png"


def test_a_chart_that_does_not_go_is_said_by_the_run(settings: Environment, store: Store, people: LabSlack) -> None:
    done, report = charted()
    closing.record(store, attempt(), done, report)
    people.fail_next(1, Failure(status=500, method="upload"))
    assert closing.finish(store, settings, attempt(), done, look_up=False) == (
        "O aviso saiu sem o gráfico rto.png (ele está no relatório). Não foi possível falar com o Slack "
        "(resposta: HTTP 500). Confira a situação do Slack e a rede do worker."
    )
    [kept] = json.loads(store.get(f"{attempt().prefix}notices.json") or b"")["notices"]
    assert (kept["way"], kept["files"], len(kept["warnings"])) == ("slack", [], 1)
    assert pictures(people) == [[]]


@pytest.mark.parametrize("step", ["outcome", "notice", "receipt"])
def test_a_chart_goes_once_whoever_finishes_the_close(
    settings: Environment, store: Store, people: LabSlack, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    done, report = charted()
    closing.record(store, attempt(), done, report)
    with monkeypatch.context() as patch:
        patch.setattr(*DEATHS[step])
        with pytest.raises(Killed):
            closing.finish(store, settings, attempt(), done, look_up=False)
    closing.finish(store, settings, attempt(), done, look_up=True)
    assert pictures(people) == [[("rto.png", RTO.title, RTO_IN_WORDS, to_png(RTO))]]


def test_the_chart_of_a_run_that_then_died_is_not_told(settings: Environment, store: Store, people: LabSlack) -> None:
    store.put_new(f"{attempt().prefix}rto.png", to_png(RTO), "image/png")
    assert close_runs.close(store, settings, RECORD, attempt())
    assert pictures(people) == [[]]


def test_what_another_closer_has_just_begun_is_left_to_it(
    settings: Environment, store: Store, people: LabSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_after("outcome", timedelta(seconds=5), settings, store, monkeypatch)
    assert not close_runs.close(store, settings, RECORD, attempt())
    assert people.messages == []


def test_of_two_that_would_go_on_at_the_same_moment_one_does(
    settings: Environment, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_after("outcome", timedelta(minutes=10), settings, store, monkeypatch)
    stands = closing.standing(store, attempt())
    assert stands
    assert [closing.claim(store, attempt(), stands) for _ in range(3)] == [True, False, False]


def test_an_outcome_that_stands_is_taken_as_it_is(settings: Environment, store: Store, people: LabSlack) -> None:
    assert close_runs.close(store, settings, RECORD, attempt())
    first = json.loads(store.get(f"{attempt().prefix}outcome.json") or b"")
    cancelled = replace(RECORD, state_type="CANCELLED", state_name="Cancelled")
    assert not close_runs.close(store, settings, cancelled, attempt(cancelled))
    assert json.loads(store.get(f"{attempt().prefix}outcome.json") or b"") == first
    assert len(people.messages) == 1


@pytest.mark.parametrize(
    ("change", "result"),
    [
        ({}, "crashed"),
        ({"state_type": "CANCELLED", "state_name": "Cancelled"}, "cancelled"),
        ({"state_type": "FAILED", "state_name": "Failed", "state_message": close_runs.NEVER_RESUMED}, "expired"),
        ({"state_type": "FAILED", "state_name": "Unrecorded"}, "unrecorded"),
        ({"started_at": None}, "never_started"),
        ({"started_at": None, "state_type": "CANCELLED"}, "never_started"),
    ],
)
def test_how_a_dead_run_ended(change: dict[str, object], result: str) -> None:
    assert close_runs.ending(replace(RECORD, **change)) == result  # type: ignore[arg-type]


def test_every_attempt_of_a_retried_run_is_closed_and_refused_runs_are_not() -> None:
    retried = replace(RECORD, attempts=3)
    known = frozenset({(RECORD.id, 2)})
    assert [a.number for a in close_runs.unclosed(retried, "lab", known)] == [1, 3]
    assert close_runs.unclosed(replace(RECORD, state_name="Refused"), "lab", frozenset()) == ()
    assert close_runs.unclosed(replace(RECORD, duty="foreign"), "lab", frozenset()) == ()


@pytest.mark.parametrize(
    ("began", "overdue"),
    [(None, False), (timedelta(seconds=2), False), (timedelta(seconds=4), True)],
    ids=["it does not run", "it runs again, long after a first attempt", "longer than its limit"],
)
def test_a_run_is_overdue_by_its_last_beginning(began: timedelta | None, overdue: bool) -> None:  # noqa: FBT001 - an expectation
    now = datetime.now(UTC)
    known = runs.record("trial", started_at=now - timedelta(days=1), running_since=began and now - began)
    assert close_runs.is_overdue(known, now) is overdue

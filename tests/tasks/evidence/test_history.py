from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tasks.core.attempt import Attempt, Trigger
from tasks.core.findings import DEAD
from tasks.evidence.document import Document
from tasks.evidence.history import earlier
from tasks.evidence.store import FolderStore
from tests.tasks.evidence.world import World
from tests.tasks.evidence.writer import outcome

NOON = datetime(2026, 10, 6, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Watched(FolderStore):
    """A folder that tells which keys were read."""

    read: list[str] = field(default_factory=list)

    def get(self, key: str) -> bytes | None:
        self.read.append(key)
        return super().get(key)


@pytest.fixture
def store(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def attempt(run: str, at: datetime, **changes: Any) -> Attempt:  # noqa: ANN401 - any field of an attempt
    drill: dict[str, Any] = {"duty": "drill", "environment": "lab", "number": 1, "trigger": Trigger.SCHEDULE}
    return Attempt(flow_run_id=run, started_at=at, **(drill | changes))


def keep(store: Watched, of: Attempt, **changes: str) -> None:
    document = Document.model_validate_json(outcome(of)).model_copy(update=changes)
    store.put_new(f"{of.prefix}outcome.json", document.to_json(), "application/json")
    store.put_new(f"{of.prefix}report.html", b"", "text/html")


def found(store: Watched, *, before: datetime = NOON, limit: int = 10) -> list[tuple[str, int]]:
    return [(d.flow_run_id, d.attempt) for d in earlier(store, "lab", "drill", before=before, limit=limit)]


def ago(days: int) -> datetime:
    return NOON - timedelta(days=days)


def test_earlier_runs_come_newest_first_as_they_were_told(world: World) -> None:
    kept = [attempt(f"run-{day}", ago(day)) for day in (1, 30, 2)]
    for of in kept:
        world.put(f"{of.prefix}outcome.json", outcome(of))
    told = earlier(world.store, "lab", "drill", before=NOON, limit=2)
    assert told == tuple(Document.model_validate_json(outcome(of)) for of in (kept[0], kept[2]))


def test_no_more_is_read_than_is_wanted(store: Watched) -> None:
    for day in range(1, 301):
        keep(store, attempt(f"run-{day}", ago(day)))
    assert found(store, limit=4) == [(f"run-{day}", 1) for day in range(1, 5)]
    assert len(store.read) == 4
    assert found(store, limit=0) == []
    assert len(store.read) == 4


def test_what_started_at_the_moment_itself_or_later_is_not_earlier(store: Watched) -> None:
    for run, at in {"before": NOON - timedelta(seconds=1), "same": NOON, "later": NOON + timedelta(days=1)}.items():
        keep(store, attempt(run, at))
    assert found(store) == [("before", 1)]
    assert not any("later" in key for key in store.read)


def test_runs_of_one_day_are_in_the_order_of_their_start_whatever_their_names(store: Watched) -> None:
    for run, hours in {"a": 2, "c": 3, "b": 1}.items():
        keep(store, attempt(run, NOON - timedelta(hours=hours)))
    assert found(store, limit=2) == [("b", 1), ("a", 1)]


def test_a_run_counts_once_by_its_last_attempt(store: Watched) -> None:
    for number in (1, 2, 10):
        keep(store, attempt("run", ago(1), number=number))
    assert found(store) == [("run", 10)]


@pytest.mark.parametrize("result", sorted(DEAD))
def test_a_run_that_came_to_no_end_of_its_own_is_no_history(store: Watched, result: str) -> None:
    keep(store, attempt("dead", ago(1)), result=result)
    keep(store, attempt("error", ago(2)), result="error")
    assert found(store) == [("error", 1)]


def test_a_simulation_another_duty_and_another_environment_are_no_history(store: Watched) -> None:
    keep(store, attempt("dry", ago(1), dry_run=True))
    keep(store, attempt("another", ago(1), duty="drill-two"))
    keep(store, attempt("elsewhere", ago(1), environment="lab-two"))
    assert found(store) == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"[]", b'{"schema": "marias-ops/outcome/2"}'],
    ids=["empty", "cut", "bytes", "list", "v2"],
)
def test_an_outcome_that_cannot_be_read_is_passed_over(
    store: Watched, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    keep(store, attempt("good", ago(2)))
    for key in (f"{attempt('bad', ago(1)).prefix}outcome.json", "lab/drill/outcome.json"):
        store.put_new(key, body, "application/json")
    assert found(store, limit=1) == [("good", 1)]
    assert [record.getMessage() for record in caplog.records] == ["an outcome cannot be read"]


def test_without_earlier_runs_there_is_no_history(world: World) -> None:
    assert earlier(world.store, "lab", "drill", before=NOON, limit=8) == ()

"""How runs end, on a real server: each leaves state, outcome, ledger entry and notice."""

import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateName,
)
from prefect.client.schemas.objects import StateType
from prefect.states import AwaitingRetry, Cancelling

from deployments.following import TERMINAL
from deployments.lab.lab import Lab
from flows import closing
from tasks.adapters import prefect_api
from tasks.adapters.prefect_api import RunRecord
from tasks.core.attempt import Attempt
from tasks.core.duties import DUTIES
from tasks.environment import Environment, load
from tasks.evidence import ledger
from tasks.evidence.document import Document
from tests.flows import runs
from tests.flows.runs import until
from tests.flows.trial import CANARY, trial

LONG = {"wait_seconds": 300}


@dataclass(frozen=True, slots=True)
class Case:
    """A run of the trial, what happens to it, and how it must end."""

    parameters: dict[str, Any]
    state: str
    verdict: str
    result: str | None
    summary: str
    harm: Callable[[str], object] = runs.wait_for_end
    notices: int = 1
    worker: bool = False  # it needs a process of its own: to be harmed, or for what it prints


def cancel_overdue(run_id: str) -> None:
    limit = DUTIES["trial"].limit
    until(lambda: (started := running(run_id).started_at) and datetime.now(UTC) - started > limit)
    runs.sweep()
    runs.sweep()
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(run_id), Cancelling())


def kill(run_id: str) -> None:
    running(run_id)
    until(lambda: pid_of(run_id))
    os.kill(int(pid_of(run_id).rpartition(":")[2]), signal.SIGKILL)


def approve(run_id: str) -> None:
    until(lambda: prefect_api.read_run(run_id).state_name == "Suspended")
    with get_client(sync_client=True) as client:
        answer = client.resume_flow_run(UUID(run_id), run_input={"decision": "approve"})
    assert answer.status.value == "ACCEPT"


def running(run_id: str) -> RunRecord:
    until(lambda: prefect_api.read_run(run_id).state_name == "Running")
    return prefect_api.read_run(run_id)


def pid_of(run_id: str) -> str:
    with get_client(sync_client=True) as client:
        return client.read_flow_run(UUID(run_id)).infrastructure_pid or ""


CASES = {
    "passed": Case({}, "Passed", "passed", None, "O ensaio de A passou."),
    "attention": Case({"end": "attention"}, "Attention", "attention", None, "O ensaio de A pede atenção."),
    "inconclusive": Case(
        {"end": "inconclusive"}, "Inconclusive", "inconclusive", None, "O ensaio de A não pôde ser julgado."
    ),
    "failed": Case({"end": "failed"}, "Unfulfilled", "failed", None, "O ensaio de A falhou."),
    "nothing due": Case({"end": "nothing_due"}, "Passed", "passed", "nothing_due", "Nada a fazer.", notices=0),
    "known error": Case({"error": "known"}, "Unfulfilled", "failed", "error", ""),
    "foreign error": Case({"error": "foreign"}, "Unfulfilled", "failed", "error", "", worker=True),
    "foreign error in a step": Case({"error": "foreign step"}, "Unfulfilled", "failed", "error", "", worker=True),
    "cancelled": Case(LONG, "Cancelled", "inconclusive", "cancelled", "", harm=cancel_overdue, worker=True),
    "killed": Case(LONG, "Crashed", "inconclusive", "crashed", "", harm=kill, worker=True),
    "approved": Case(
        {"approval_seconds": 300}, "Passed", "passed", None, "O ensaio de A passou.", harm=approve, worker=True
    ),
}


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that ended, and what it left."""

    run: RunRecord
    attempt: Attempt
    document: Document
    entries: int
    keys: tuple[str, ...]


@pytest.fixture(scope="module")
def ended(server: Lab) -> dict[str, Ended]:
    """Start the worker's cases at once, go through the others meanwhile, do the harm; wait for every ledger entry."""
    apart = {n: prefect_api.create_run("trial", "lab", case.parameters) for n, case in CASES.items() if case.worker}
    in_here = {name: runs.here(trial, case.parameters) for name, case in CASES.items() if not case.worker}
    for name, run_id in apart.items():
        CASES[name].harm(run_id)
    settings = load("lab")
    return {name: wait(settings, run_id) for name, run_id in (apart | in_here).items()}


def wait(settings: Environment, run_id: str, *, number: int = 1) -> Ended:
    store = closing.store_of(settings)
    until(lambda: (run := prefect_api.read_run(run_id)).state_type in TERMINAL and run.attempts == number)
    run = prefect_api.read_run(run_id)
    assert run.started_at
    attempt = run.attempt("lab", number)
    since = run.started_at
    until(lambda: (run_id, number) in ledger.recorded(store, "lab", since=since))
    document = closing.standing(store, attempt)
    assert document
    entries = [body for key in store.keys("lab/ledger/") if run_id.encode() in (body := store.get(key) or b"")]
    return Ended(run, attempt, document, len(entries), tuple(sorted(store.keys(attempt.prefix))))


@pytest.mark.parametrize("name", CASES)
def test_every_end_has_its_state_outcome_entry_and_notice(server: Lab, ended: dict[str, Ended], name: str) -> None:
    case, end = CASES[name], ended[name]
    assert (end.run.state_name, end.document.verdict, end.document.result) == (case.state, case.verdict, case.result)
    assert end.document.summary
    assert case.summary in ("", end.document.summary)
    assert end.entries == 1
    told = [m for m in server.people.messages if m.key == f"{end.run.id}:1:ended"]
    assert [m.channel for m in told] == ["deploys-assist"] * case.notices


def test_the_evidence_of_a_run_is_outcome_report_and_receipt(ended: dict[str, Ended]) -> None:
    chosen = ("passed", "killed", "nothing due")
    names = {name: {re.sub(r"\d+T\d+Z", "…", key.rsplit("/", 1)[1]) for key in ended[name].keys} for name in chosen}
    assert names == {
        "passed": {"outcome.json", "report.html", "notices.json"},
        "killed": {"outcome.json", "closing-….html", "notices.json"},
        "nothing due": {"outcome.json", "report.html"},
    }


def test_a_runs_chart_is_evidence_and_goes_with_its_notice(server: Lab, ended: dict[str, Ended]) -> None:
    charted = ended["attention"]
    drawn = closing.store_of(load("lab")).get(f"{charted.attempt.prefix}trend.png")
    [told] = [m for m in server.people.messages if m.key == f"{charted.run.id}:1:ended"]
    assert [(f.name, f.title, f.body) for f in told.files] == [("trend.png", "Ensaios", drawn)]


def test_a_decided_fact_is_found_again_after_a_suspension_and_an_observation_is_made_again(
    ended: dict[str, Ended],
) -> None:
    assert {name: ended[name].document.measures for name in ("approved", "passed")} == {
        "approved": {"resumed": 1.0},
        "passed": {"resumed": 0.0},
    }


def test_an_error_says_what_is_safe_and_where_it_arose_and_never_what_a_foreign_one_says(
    server: Lab, ended: dict[str, Ended]
) -> None:
    known, foreign = ended["known error"].document, ended["foreign error in a step"].document
    assert [f.message for f in known.findings] == ["O serviço de ensaio não respondeu."]
    assert known.safe == "O ensaio não muda nada."
    assert foreign.findings[0].data["kind"] == "ValueError"
    assert foreign.findings[0].data["place"].startswith("tests/flows/trial.py:")


def test_a_run_beyond_its_limit_is_reported_once_however_often_it_is_seen(server: Lab, ended: dict[str, Ended]) -> None:
    late = ended["cancelled"].run.id
    assert [m.channel for m in server.people.messages if m.key == f"{late}:overdue"] == ["deploys-assist"]


def test_a_retry_by_hand_is_a_second_attempt_with_its_own_evidence(server: Lab, ended: dict[str, Ended]) -> None:
    first = ended["failed"]
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(first.run.id), AwaitingRetry(), force=True)
    runs.go_through(trial, first.run.id)
    second = wait(load("lab"), first.run.id, number=2)
    assert (second.document.attempt, second.document.verdict, second.entries) == (2, "failed", 2)
    assert second.attempt.prefix == first.attempt.prefix.replace("attempt-1", "attempt-2")
    assert [m.key for m in server.people.messages if m.key.startswith(first.run.id)] == [
        f"{first.run.id}:1:ended",
        f"{first.run.id}:2:ended",
    ]


def test_settings_that_cannot_be_read_refuse_the_run_with_the_list_of_mistakes(server: Lab) -> None:
    run = prefect_api.read_run(runs.here(trial, {"environment": "nowhere"}))
    assert (run.state_name, run.state_type) == ("Refused", StateType.FAILED.value)
    assert "“nowhere”" in run.state_message
    until(lambda: any("nowhere" in m.text for m in server.people.messages if not m.key))


def test_a_run_that_dies_makes_the_server_start_a_sweep_by_the_worker(server: Lab, ended: dict[str, Ended]) -> None:
    closed = FlowRunFilter(state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Closed"])))
    with get_client(sync_client=True) as client:
        sweeps = DeploymentFilter(id=DeploymentFilterId(any_=[client.read_deployment_by_name("close-runs/lab").id]))
        until(
            lambda: any(
                run.created_by and run.created_by.type == "AUTOMATION"
                for run in client.read_flow_runs(deployment_filter=sweeps, flow_run_filter=closed)
            )
        )


def test_a_second_sweep_closes_nothing_and_repeats_no_notice(server: Lab, ended: dict[str, Ended]) -> None:
    before = len(server.people.messages)
    state = runs.sweep()
    assert (state.name, (state.message or "").split(";")[0]) == ("Closed", "0 execuções encerradas")
    told = [m for m in server.people.messages[before:] if any(e.run.id in m.key for e in ended.values())]
    assert told == []


def test_no_canary_is_in_the_servers_database_logs_results_or_evidence(server: Lab, ended: dict[str, Ended]) -> None:
    settings = load("lab")
    store = closing.store_of(settings)
    evidence = b"".join(store.get(key) or b"" for end in ended.values() for key in end.keys)
    files = [path.read_bytes() for path in server.guarded.path.rglob("*") if path.is_file() and path.suffix != ".dump"]
    assert CANARY.encode() not in evidence
    assert [path for path in files if CANARY.encode() in path] == []

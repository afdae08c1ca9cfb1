"""Runs for tests: by the worker in a process of their own, or in this one by the engine that a worker's process starts.

A fresh process imports Prefect for seconds, so only what is about the process (it is killed, cancelled, suspended, or
prints something) goes by the worker.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.flow_engine import run_flow

from deployments.following import TERMINAL
from flows.close_runs import close_runs
from tasks.adapters import prefect_api
from tasks.adapters.prefect_api import DUTY_TAG, RunRecord
from tasks.core.attempt import Trigger

PATIENCE_SECONDS = 150.0
RUN_ID = "9f0c5f0e-5f0c-4a53-9d3e-0a8a6f0a7b11"


def record(duty: str, **known: Any) -> RunRecord:  # noqa: ANN401 - the fields of a RunRecord
    """Return what a server would know of a run that a person has just started, but for what is `known` otherwise."""
    now = datetime.now(UTC)
    usual: dict[str, Any] = {
        "id": RUN_ID,
        "environment": "lab",
        "dry_run": False,
        "trigger": Trigger.PERSON,
        "attempts": 1,
        "state_type": "RUNNING",
        "state_name": "Running",
        "state_message": "",
        "expected_at": now,
        "started_at": now,
        "running_since": now,
        "ended_at": None,
    }
    return RunRecord(duty=duty, **{**usual, **known})


def here(flow: Flow[..., Any], parameters: Mapping[str, Any]) -> str:
    """Run a duty in this process, as a deployment's run on the server that no worker takes; return its id."""
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow_from_name(flow.name)
        deployment = client.create_deployment(flow_id, "here", tags=[DUTY_TAG])  # no pool, so no worker
        run = client.create_flow_run_from_deployment(deployment, parameters={"environment": "lab", **parameters})
    go_through(flow, str(run.id))
    return str(run.id)


def go_through(flow: Flow[..., Any], run_id: str) -> None:
    """Do in this process what a worker's process does for a run that is due."""
    with get_client(sync_client=True) as client:
        run_flow(flow, flow_run=client.read_flow_run(UUID(run_id)), return_type="state")


def sweep() -> State[Any]:
    """Return how a sweep of the lab in this process ended."""
    ended: State[Any] = close_runs(environment="lab", return_state=True)
    return ended


def wait_for_end(run_id: str) -> RunRecord:
    """Return a run's record once it has ended."""
    until(lambda: prefect_api.read_run(run_id).state_type in TERMINAL)
    return prefect_api.read_run(run_id)


def until(holds: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.3)

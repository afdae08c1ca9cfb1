"""A thousand accounts through Prefect: the very flow, on a lab's server, and how many task runs that makes."""

import logging
import os
import time
from dataclasses import dataclass
from unittest.mock import patch
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

from deployments.lab import lab as laboratory
from deployments.lab.aws import LabAws
from flows import closing
from flows.ssh_rotation import ssh_rotation
from tasks.adapters import prefect_api
from tasks.environment import Environment, load
from tasks.evidence.document import Document
from tests.bench.ssh_fleet import Fleet, fleet, sections_of
from tests.flows import runs

HOSTS, ACCOUNTS = 20, 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Thousand:
    """What came of it."""

    accounts: float
    proved: float
    state: str
    task_runs: int
    seconds: float


def rotate_a_thousand() -> Thousand:
    """Run the flow in this process, as a worker's process does."""
    before = dict(os.environ)
    try:
        with laboratory.running() as lab:
            laboratory.attach(lab.variables)
            with fleet(LabAws(address=lab.addresses["aws"]), HOSTS, ACCOUNTS) as many:
                many.begin_anew()
                return _rotated(many)
    finally:
        os.environ.clear()
        os.environ.update(before)


def _rotated(many: Fleet) -> Thousand:
    logging.disable(logging.WARNING)

    def settings(environment: str) -> Environment:
        return replace_ssh(load(environment), many)

    began = time.monotonic()
    with patch("flows.frame.load", settings):
        run = runs.here(ssh_rotation, {"rotate_now": True, "purpose": "ops"})
    took = time.monotonic() - began
    with get_client(sync_client=True) as client:
        flow_run = FlowRunFilter(id=FlowRunFilterId(any_=[UUID(run)]))
        task_runs = client.read_task_runs(flow_run_filter=flow_run, limit=200)
    store = closing.store_of(load("lab"))
    [key] = (key for key in store.keys("lab/ssh-rotation/") if run in key and key.endswith("outcome.json"))
    measures = Document.model_validate_json(store.get(key) or b"").measures
    return Thousand(
        accounts=measures["accounts"],
        proved=measures["proved"],
        state=prefect_api.read_run(run).state_name,
        task_runs=len(task_runs),
        seconds=took,
    )


def replace_ssh(settings: Environment, many: Fleet) -> Environment:
    """Return the lab's settings with another fleet."""
    return settings.model_copy(update={"ssh": sections_of(many.sections())["ssh"]})

"""Harm to runs of the trial duty, in waves; after each wave every run must have outcome, ledger entry and notice."""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.states import Cancelling
from rich.console import Console

from deployments.apply import apply
from deployments.following import TERMINAL
from deployments.lab import lab as laboratory
from deployments.lab import orchestrator
from deployments.lab.lab import Lab
from flows import closing
from tasks.adapters import prefect_api
from tasks.environment import load
from tasks.evidence import ledger
from tasks.evidence import verify as evidence
from tests.chaos.gate import Gate
from tests.conftest import ROOT, TRIAL

WAVE_PATIENCE_SECONDS = 420.0
DEADLINE_SECONDS = 120.0


@dataclass(slots=True)
class World:
    """A lab whose server, worker, S3 and Slack can be taken away and given back."""

    lab: Lab
    s3: Gate
    slack: Gate
    stack: ExitStack
    server: subprocess.Popen[bytes]
    worker: subprocess.Popen[bytes]
    chance: random.Random = field(default_factory=random.Random)

    @property
    def port(self) -> int:
        """Return the server's port."""
        return int(self.lab.addresses["prefect"].rsplit(":", 1)[1])

    def new_worker(self) -> None:
        """Start a worker in place of the one that is gone."""
        self.worker = self.stack.enter_context(orchestrator.worker(self.lab.guarded, self.lab.variables, limit=8))

    def new_server(self) -> None:
        """Start a server on the same port and database."""
        self.server = self.stack.enter_context(orchestrator.server(self.lab.guarded, self.port, self.lab.variables))


@contextmanager
def world() -> Iterator[World]:
    """Start a lab with gates before S3 and Slack, its server and a worker."""
    with ExitStack() as stack:
        lab = stack.enter_context(laboratory.running(with_prefect=False))
        s3, slack = Gate(lab.addresses["aws"]), Gate(lab.addresses["slack"])
        stack.callback(s3.close)
        stack.callback(slack.close)
        settings = lab.guarded.path / "environments"
        values = {**lab.addresses, **lab.fleet.values, "aws": s3.address, "slack": slack.address, "postgres_bin": ""}
        laboratory.render(settings, values)
        laboratory.attach(lab.variables)
        os.environ["PYTHONPATH"] = str(ROOT)
        port = int(lab.addresses["prefect"].rsplit(":", 1)[1])
        server = stack.enter_context(orchestrator.server(lab.guarded, port, lab.variables))
        apply("lab")
        apply("lab", catalogue=TRIAL, prune=False)
        worker = stack.enter_context(orchestrator.worker(lab.guarded, lab.variables, limit=8))
        yield World(lab, s3, slack, stack, server, worker)


def worker_and_run_killed(world: World) -> str:
    """Kill a run and its worker together: only the heartbeat tells."""
    run_id = start(wait_seconds=300)
    until_state(run_id, "Running")
    with suppress(ProcessLookupError):
        os.kill(pid_of(run_id), signal.SIGKILL)
    os.killpg(world.worker.pid, signal.SIGKILL)
    world.worker.wait(10)
    world.new_worker()
    return run_id


def server_restarted(world: World) -> str:
    """Kill the server under a run and start it again."""
    run_id = start(wait_seconds=10)
    until_state(run_id, "Running")
    os.killpg(world.server.pid, signal.SIGKILL)
    world.server.wait(10)
    time.sleep(world.chance.uniform(1, 8))
    world.new_server()
    return run_id


def approval_expired(_world: World) -> str:
    """Let an approval run out of time."""
    return start(approval_seconds=5)


def cancelled_while_suspended(_world: World) -> str:
    """Cancel a run that waits for an approval: no process, no hook."""
    run_id = start(approval_seconds=600)
    until_state(run_id, "Suspended")
    cancel(run_id)
    return run_id


def store_down_while_closing(world: World) -> str:
    """Take S3 away before a run closes."""
    run_id = start(wait_seconds=4)
    until_state(run_id, "Running")
    with world.s3.shut():
        until(lambda: prefect_api.read_run(run_id).state_type in TERMINAL, 180)
    return run_id


def slack_down(world: World) -> str:
    """Take Slack away: mail is what is left."""
    with world.slack.shut():
        run_id = start()
        until(lambda: prefect_api.read_run(run_id).state_type in TERMINAL, 180)
    return run_id


def killed_somewhere(world: World) -> str:
    """Kill a run's process at a random moment, closing included."""
    run_id = start(wait_seconds=1)
    until_state(run_id, "Running")
    time.sleep(world.chance.uniform(0, 2.5))
    with suppress(ProcessLookupError, AssertionError):
        os.kill(pid_of(run_id), signal.SIGKILL)
    return run_id


def cancelled(_world: World) -> str:
    """Cancel a living run."""
    run_id = start(wait_seconds=300)
    until_state(run_id, "Running")
    cancel(run_id)
    return run_id


HARMS: tuple[Callable[[World], str], ...] = (
    worker_and_run_killed,
    killed_somewhere,
    approval_expired,
    cancelled_while_suspended,
    store_down_while_closing,
    slack_down,
    killed_somewhere,
    cancelled,
    server_restarted,
)


@dataclass(slots=True)
class Tally:
    """What became of all runs."""

    runs: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    without_outcome: list[str] = field(default_factory=list)
    without_entry: list[str] = field(default_factory=list)
    without_notice: list[str] = field(default_factory=list)
    repeated_notices: int = 0
    by_mail: int = 0
    ledger_findings: int = 0

    @property
    def lost(self) -> int:
        """Return how many promises were broken."""
        return len(self.without_outcome) + len(self.without_entry) + len(self.without_notice) + self.ledger_findings


def main(times: int, console: Console) -> int:
    """Do harm `times` times; return 0 only if no run is without outcome, entry and notice."""
    tally = Tally()
    with world() as w:
        for first in range(0, times, len(HARMS)):
            wave = [(harm.__name__, harm(w)) for harm in HARMS[: times - first]]
            settle([run_id for _, run_id in wave])
            count(w, wave, tally)
            console.print(f"{tally.runs} runs, {tally.lost} lost, {tally.repeated_notices} notices repeated")
        settings = load("lab")
        tally.ledger_findings = len(evidence.verify(closing.store_of(settings), "lab").findings)
    console.print(tally)
    return 1 if tally.lost else 0


def settle(run_ids: list[str]) -> None:
    """Wait until every run is in the ledger, asking for a sweep now and then; what never settles is counted later."""
    store, deadline, since = closing.store_of(load("lab")), time.monotonic() + WAVE_PATIENCE_SECONDS, datetime.now(UTC)
    since = datetime.fromtimestamp(since.timestamp() - 86400, UTC)
    while time.monotonic() < deadline:
        known = {run_id for run_id, _ in ledger.recorded(store, "lab", since=since)}
        if known.issuperset(run_ids):
            return
        prefect_api.create_run("close-runs", "lab", {})
        time.sleep(20)


def count(w: World, wave: list[tuple[str, str]], tally: Tally) -> None:
    """Add a wave to the tally."""
    store = closing.store_of(load("lab"))
    keys = tuple(store.keys("lab/"))
    since = datetime.fromtimestamp(time.time() - 86400, UTC)
    entries = Counter(run_id for run_id, _ in ledger.recorded(store, "lab", since=since))
    for harm, run_id in wave:
        tally.runs += 1
        key = f"{run_id}:1:ended"
        by_slack = sum(message.key == key for message in w.lab.people.messages)
        by_mail = sum(run_id in mail.body for mail in w.lab.mail.messages)
        tally.by_mail += bool(by_mail)
        tally.repeated_notices += max(0, by_slack + by_mail - 1)
        tally.ends[f"{harm}: {prefect_api.read_run(run_id).state_name}"] += 1
        if not any(run_id in name and name.endswith("outcome.json") for name in keys):
            tally.without_outcome.append(f"{harm} {run_id}")
        if entries[run_id] != 1:
            tally.without_entry.append(f"{harm} {run_id}")
        if not by_slack + by_mail:
            tally.without_notice.append(f"{harm} {run_id}")


def start(**parameters: float) -> str:
    """Create a run of the trial."""
    return prefect_api.create_run("trial", "lab", parameters)


def cancel(run_id: str) -> None:
    """Ask the server to cancel a run."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(run_id), Cancelling())


def pid_of(run_id: str) -> int:
    """Return the process of a run."""
    with get_client(sync_client=True) as client:
        pid = client.read_flow_run(UUID(run_id)).infrastructure_pid
    assert pid, "a running run has a process"
    return int(pid.rsplit(":", 1)[-1])


def until_state(run_id: str, name: str) -> None:
    """Wait until a run is in a state, or has ended."""
    until(lambda: (run := prefect_api.read_run(run_id)).state_name == name or run.state_type in TERMINAL)


def until(holds: Callable[[], bool], seconds: float = DEADLINE_SECONDS) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("waited too long")
        time.sleep(0.3)

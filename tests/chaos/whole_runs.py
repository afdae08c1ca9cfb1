"""SIGKILL to whole runs of a duty: through a worker, and break-glass while it works and while it closes."""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console

from deployments.following import TERMINAL
from flows import closing
from tasks.adapters import prefect_api
from tasks.adapters.prefect_api import RunRecord
from tasks.environment import load
from tasks.evidence.document import Document
from tasks.evidence.store import Store
from tasks.evidence.verify import verify
from tests.chaos import frame
from tests.chaos.frame import until
from tests.chaos.kills import Tally, kill

RUN_SECONDS = 300.0
CLOSING_SECONDS = 1.0  # about as long as closing takes


def nothing(_world: frame.World) -> tuple[str, ...]:
    """Find nothing."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """Which duty is killed: how it is run, how the next one is, and what else must be true after each."""

    duty: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    broken: Callable[[frame.World], tuple[str, ...]] = nothing


def kill_them(killed: Killed, by_worker: int, here: int, console: Console, tally: Tally) -> None:
    """Kill runs of a worker and break-glass runs, each followed by one that must pass; then verify all evidence."""
    chance = random.Random()  # noqa: S311 - chance, not secrecy
    with frame.world() as world:
        runs = tuple(kill_through_a_worker(killed, world, by_worker, chance, console, tally))
        frame.settle(list(runs))
        settled = frame.Tally()
        frame.count(world, [(killed.duty, run) for run in runs], settled)
        tally.evidence += [*settled.without_outcome, *settled.without_entry, *settled.without_notice]
        if here:
            kill_break_glass(killed, here, chance, console, tally)
        tally.evidence += untrue(closing.store_of(load("lab")), killed.duty, frozenset(runs))


# ── through a worker ─────────────────────────────────────────────────────────────────────────────────────────────────


def kill_through_a_worker(  # noqa: PLR0913, PLR0917 - what is killed, where, how often and by which chance
    killed: Killed, world: frame.World, times: int, chance: random.Random, console: Console, tally: Tally
) -> Iterator[str]:
    """Kill the process of a run `times` times at any moment, and see each next run pass; yield the ids of all runs."""
    usual = passed_by_a_worker(killed, killed.parameters, tally)
    yield usual.id
    took = (usual.ended_at or usual.expected_at) - (usual.started_at or usual.expected_at)
    aim = tally.kills + times
    while tally.kills < aim:
        run = prefect_api.create_run(killed.duty, "lab", killed.parameters)
        yield run
        frame.until_state(run, "Running")
        time.sleep(chance.uniform(0, took.total_seconds()))
        with suppress(ProcessLookupError):  # it was quicker: once more
            tally.count("through a worker", kill(frame.pid_of(run)))
            console.print(tally.line)
        tally.evidence += killed.broken(world)
        yield passed_by_a_worker(killed, killed.after, tally).id
        tally.evidence += killed.broken(world)


def passed_by_a_worker(killed: Killed, parameters: Mapping[str, Any], tally: Tally) -> RunRecord:
    """Let a worker run the duty to its end, which must be the good one."""
    run = prefect_api.create_run(killed.duty, "lab", parameters)
    until(lambda: prefect_api.read_run(run).state_type in TERMINAL, RUN_SECONDS)
    record = prefect_api.read_run(run)
    if record.state_name != "Passed":
        tally.next_not_passed.append(f"{run} {record.state_name}")
    return record


# ── break-glass ──────────────────────────────────────────────────────────────────────────────────────────────────────


def kill_break_glass(killed: Killed, times: int, chance: random.Random, console: Console, tally: Tally) -> None:
    """Kill `marias run --here` `times` times, every other time while it closes, and see each next one pass."""
    store, usual = closing.store_of(load("lab")), passed_here(killed, tally)
    aim = tally.kills + times
    while tally.kills < aim:
        while_closing, known = bool(tally.kills % 2), evidence_of(store, killed.duty)
        with broken_glass(killed) as (process, temporary):
            if while_closing:
                until(lambda: process.poll() is not None or evidence_of(store, killed.duty) != known, RUN_SECONDS)  # noqa: B023 - called here
            time.sleep(chance.uniform(0, CLOSING_SECONDS if while_closing else usual))
            if process.poll() is None:
                tally.count("closing, break-glass" if while_closing else "break-glass", kill(process.pid), (temporary,))
                console.print(tally.line)
        usual = passed_here(killed, tally)


def passed_here(killed: Killed, tally: Tally) -> float:
    """Run the duty break-glass to its end, which must be the good one; return how many seconds it took."""
    began = time.monotonic()
    with broken_glass(killed) as (process, _temporary):
        if code := process.wait(RUN_SECONDS):
            tally.next_not_passed.append(f"break-glass: exit code {code}")
    return time.monotonic() - began


@contextmanager
def broken_glass(killed: Killed) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Start the command without the server's address, with a folder of its own for temporary files."""
    environ = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        nowhere = subprocess.DEVNULL
        command = (str(Path(sys.executable).with_name("marias")), "run", killed.duty, "--here", "--json")
        process = subprocess.Popen(command, env={**environ, "TMPDIR": name}, stdout=nowhere, stderr=nowhere)
        try:
            yield process, Path(name)
        finally:
            process.kill()
            process.wait()


# ── evidence ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def evidence_of(store: Store, duty: str) -> frozenset[str]:
    """Return the keys of all that runs of the duty have left."""
    return frozenset(store.keys(f"lab/{duty}/"))


def untrue(store: Store, duty: str, closed: frozenset[str]) -> Iterator[str]:
    """Yield what is wrong with the evidence.

    Nobody closes a break-glass run that was killed: it alone may be without entry, and then verify names it.
    """
    for key in evidence_of(store, duty):
        if key.endswith("/outcome.json"):
            try:
                Document.model_validate_json(store.get(key) or b"")
            except ValidationError:
                yield f"half-written: {key}"
    for finding in verify(store, "lab").findings:
        if finding.rule != "ledger.attempt_without_entry" or closed & set(finding.subject.split("/")):
            yield f"{finding.rule}: {finding.subject}"

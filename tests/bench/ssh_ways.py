"""Three ways with one fleet, each in a process of its own: `python -m tests.bench.ssh_ways WAY`, its order on stdin.

floor: a thread pool that makes the connections of a rotation, and does nothing over them. commands: the same, with one
command that does nothing where the rotation has a session. rotation: the duty.
"""

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from deployments.lab.aws import CREDENTIALS
from tasks.adapters.ssh import Endpoint, connect
from tasks.core.secret import Secret
from tasks.ssh.settings import Ssh
from tests import bare
from tests.bench.ssh_fleet import PURPOSE, sections_of
from tests.bench.ways import Clock, Result, status

LIMIT_SECONDS: Final = 900
LOOK, ADD, REMOVE, PROOF = "look", "add", "remove", "proof"
CONNECTIONS: Final = (LOOK, ADD, PROOF, REMOVE, PROOF)  # what a rotation makes for each account
SESSIONS: Final = {LOOK: 1, ADD: 1, REMOVE: 2, PROOF: 0}  # what is removed is read anew first


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The sections of the environment, a key that opens every account, and a public one that opens none."""

    sections: Mapping[str, Any]
    private: str
    public: str
    stranger: str


# ── floors ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def floor(order: Order) -> Result:
    """Make all connections, ask and log in."""
    return _pool(order, commands=False)


def commands(order: Order) -> Result:
    """Make all connections, ask, log in, and run a command for each session."""
    return _pool(order, commands=True)


def _pool(order: Order, *, commands: bool) -> Result:
    ssh, private, clock = Ssh.model_validate(order.sections["ssh"]), Secret(order.private), Clock()
    computed = time.process_time()

    def call(work: tuple[Endpoint, str, str]) -> None:
        endpoint, account, kind = work
        keys = (order.public,) if kind == LOOK else (order.stranger, order.public)
        with connect(endpoint, seconds=ssh.connect_seconds) as connection:
            connection.ask(account, keys)
            connection.login(account, private)
            for _ in range(SESSIONS[kind] if commands else 0):
                connection.run("true", b"", seconds=ssh.command_seconds)

    with clock.part("connections"), ThreadPoolExecutor(ssh.at_once) as pool:
        for kind in CONNECTIONS:
            tuple(pool.map(call, _work(ssh, kind)))
    return Result(seconds=clock.seconds, cpu_seconds=time.process_time() - computed)


def _work(ssh: Ssh, kind: str) -> Iterator[tuple[Endpoint, str, str]]:
    for access in ssh.purposes[PURPOSE].access:
        for name in ssh.hosts_of(access):
            host = ssh.hosts[name]
            endpoint = Endpoint(name=name, address=host.address, port=host.port, host_keys=host.host_keys)
            yield from ((endpoint, account, kind) for account in access.accounts)


# ── rotation ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def rotation(order: Order) -> Result:
    """Run the duty's body, and see how far this process grows beyond what it has imported."""
    os.environ.update(CREDENTIALS)
    settings = bare.production().model_copy(update=dict(sections_of(order.sections)))
    logging.disable(logging.WARNING)
    clock = Clock()

    def ended(name: str, seconds: float) -> None:
        clock.seconds[name] = clock.seconds.get(name, 0) + seconds

    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew (proc(5))
    before, began, computed = status("VmRSS"), time.monotonic(), time.process_time()
    outcome = bare.rotation(settings, ended, rotate_now=True)
    took, computed = time.monotonic() - began, time.process_time() - computed
    seconds = {**clock.seconds, "judgement": took - sum(clock.seconds.values())}
    proved = f"{outcome.measures['proved']:.0f} of {outcome.measures['accounts']:.0f} proved"
    grown = status("VmHWM") - before
    return Result(seconds=seconds, grown_bytes=grown, said=proved, cpu_seconds=computed)


# ── what they share ──────────────────────────────────────────────────────────────────────────────────────────────────


WAYS: Mapping[str, Callable[[Order], Result]] = {"floor": floor, "commands": commands, "rotation": rotation}


def taken(way: str, order: Order) -> Result:
    """Go one way in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", __name__, way],
        input=json.dumps(asdict(order)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=LIMIT_SECONDS,
    )
    return Result(**json.loads(done.stdout))


def unproved(results: Sequence[Result]) -> int:
    """Return how many accounts were left in all, of those that rotations were to reach."""
    words = [result.said.split() for result in results]
    return sum(int(of) - int(proved) for proved, _, of, _ in words)


if __name__ == "__main__":
    json.dump(asdict(WAYS[sys.argv[1]](Order(**json.load(sys.stdin)))), sys.stdout)

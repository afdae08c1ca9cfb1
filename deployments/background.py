"""A lab in the background: started, found again, and ended by the state file it leaves while it is up."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE_VARIABLE = "MARIAS_LAB_STATE"
START_SECONDS = 240
STOP_SECONDS = 60


class LabError(RuntimeError):
    """The lab is not up, did not come up, or did not go down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a running lab says of itself."""

    pid: int
    addresses: dict[str, str]
    variables: dict[str, str]
    backups: dict[str, str]


def path() -> Path:
    """Return where the state lies: MARIAS_LAB_STATE (so that two labs can stand side by side), else in the project."""
    return Path(os.environ.get(STATE_VARIABLE) or ROOT / ".lab" / "up.json").resolve()


def read() -> State | None:
    """Return the state of the lab that is up, or None; a state whose process is gone is removed."""
    try:
        state = State(**json.loads(path().read_text(encoding="utf-8")))
        alive = bytes(path()) in Path(f"/proc/{state.pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, TypeError):
        alive = False
    if not alive:
        path().unlink(missing_ok=True)
        return None
    return state


def attach(environment: str) -> None:
    """Point this process at the lab that is up, when the environment is the lab and nobody points it elsewhere.

    Raises LabError when no lab is up: its environment has no addresses then.
    """
    if environment != "lab" or "MARIAS_ENVIRONMENTS" in os.environ:
        return
    state = read()
    if state is None:
        raise LabError("No lab is up, and the environment is the lab. Start it: marias lab up")
    os.environ.update(state.variables)


def up() -> State:
    """Start a lab in the background, or find the one that is up; raises LabError with the last line of its log."""
    path().parent.mkdir(parents=True, exist_ok=True)
    log = path().with_suffix(".log")
    with _one_at_a_time():
        if state := read():
            return state
        with log.open("wb") as output:
            process = subprocess.Popen(
                (sys.executable, "-m", "deployments.lab", str(path())),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            return _await(process, log)
        except BaseException:
            process.terminate()
            raise


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let who starts the same lab meanwhile wait, and find it."""
    with path().with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _await(process: subprocess.Popen[bytes], log: Path) -> State:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if path().exists() and (state := read()):
            return state
        time.sleep(0.3)
    last = log.read_text(encoding="utf-8", errors="replace").rstrip().rpartition("\n")[2]
    raise LabError(f"The lab did not come up. {last}\nThe whole log: {log}")


def down() -> bool:
    """End the lab that is up and wait until it is gone; False when none was up."""
    state = read()
    if state is None:
        return False
    os.kill(state.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        if not path().exists():
            return True
        time.sleep(0.2)
    raise LabError(
        f"The lab (process {state.pid}) did not end within {STOP_SECONDS} s. Its log: {path().with_suffix('.log')}\n"
        "End it with kill -9: all that it started goes with it within seconds."
    )

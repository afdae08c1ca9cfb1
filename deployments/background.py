"""A lab in the background: started, found again, and ended by the state file it leaves while it is up."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE_VARIABLE = "MARIAS_LAB_STATE"
START_SECONDS = 240
STOP_SECONDS = 60


class LabError(RuntimeError):
    """The lab did not come up, or did not go down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a running lab says of itself."""

    pid: int
    addresses: dict[str, str]
    variables: dict[str, str]
    backups: dict[str, str]


def path() -> Path:
    """Return where the state lies: MARIAS_LAB_STATE (so that two labs can stand side by side), else in the project."""
    return Path(os.environ.get(STATE_VARIABLE) or ROOT / ".lab" / "up.json")


def read() -> State | None:
    """Return the state of the lab that is up, or None; a state whose process is gone is removed."""
    try:
        state = State(**json.loads(path().read_text(encoding="utf-8")))
        alive = b"deployments.lab" in Path(f"/proc/{state.pid}/cmdline").read_bytes()
    except (OSError, ValueError, TypeError):
        alive = False
    if not alive:
        path().unlink(missing_ok=True)
        return None
    return state


def attach(environment: str) -> None:
    """Point this process at the lab that is up, when the environment is the lab and nobody points it elsewhere."""
    if environment == "lab" and "MARIAS_ENVIRONMENTS" not in os.environ and (state := read()):
        os.environ.update(state.variables)


def up() -> State:
    """Start a lab in the background, or find the one that is up; raises LabError with the end of its log."""
    if state := read():
        return state
    path().parent.mkdir(parents=True, exist_ok=True)
    log = path().with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            (sys.executable, "-m", "deployments.lab", str(path())),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if path().exists() and (state := read()):
            return state
        time.sleep(0.3)
    process.terminate()
    raise LabError(f"the lab did not come up; its log ends:\n{log.read_text(errors='replace')[-2000:]}")


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
    raise LabError(f"the lab (pid {state.pid}) did not end within {STOP_SECONDS} s")

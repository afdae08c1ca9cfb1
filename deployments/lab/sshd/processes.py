"""A process and all that it started, as one."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

END_SECONDS = 10.0


def family(pid: int) -> list[int]:
    """Return `pid` and every process below it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):  # it has just ended
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def freeze(pid: int) -> list[int]:
    """Stop `pid` and all below it, also what they start meanwhile; return them."""
    frozen: list[int] = []
    while new := [one for one in family(pid) if one not in frozen]:
        _tell(new, signal.SIGSTOP)
        frozen += new
    return frozen


def thaw(pid: int) -> None:
    """Let a frozen family go on."""
    _tell(family(pid), signal.SIGCONT)


def first_below(pid: int) -> int | None:
    """Return the process that `pid` started."""
    return next(iter(family(pid)[1:]), None)


def end(process: subprocess.Popen[bytes]) -> None:
    """End the first process of a pid namespace, and so at once all in it; then `process`, which made the namespace."""
    inner = first_below(process.pid)
    _tell([inner or process.pid], signal.SIGKILL)
    _tell([process.pid], signal.SIGCONT)  # it only waits for the other
    process.wait(END_SECONDS)


def handles(pid: int, number: signal.Signals) -> bool:
    """Return whether a process has a handler for a signal."""
    with suppress(OSError):
        status = Path("/proc", str(pid), "status").read_text()
        caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
        return bool(int(caught, 16) >> (number - 1) & 1)
    return False


def _tell(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)

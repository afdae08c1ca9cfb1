"""SIGKILL to a process that holds guarded folders, what is left of them afterwards, and the tally of many kills."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tasks.adapters import guardian_process
from tasks.adapters.guardian_process import lock_of, members

GONE_SECONDS = 10.0  # the guardian's promise
ROUND_SECONDS = 0.1
SEGMENTS = Path("/proc/sysvipc/shm")
POSIX = "/dev/shm/PostgreSQL."  # noqa: S108 - no file of ours: what a server calls its shared memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """What a process held when it was killed: guarded folders, and the shared memory of servers in them.

    `segments` are ids of System V's, `mapped` files of POSIX's, as the servers that initdb starts use.
    """

    pid: int
    folders: frozenset[Path]
    segments: frozenset[str] = frozenset()
    mapped: frozenset[Path] = frozenset()


def kill(pid: int) -> Victim:
    """Freeze a process, note what it holds, and kill it at that very instant. Raises ProcessLookupError."""
    os.kill(pid, signal.SIGSTOP)
    folders = frozenset(folder for folder, owner in guardians() if owner == pid)
    segments = frozenset(number for folder in folders for number in _segments(folder))
    mapped = frozenset(file for folder in folders for member in members(folder) for file in _mapped(member))
    os.kill(pid, signal.SIGKILL)
    return Victim(pid=pid, folders=folders, segments=segments, mapped=mapped)


def gone(victim: Victim, places: Iterable[Path] = ()) -> float | tuple[str, ...]:
    """Return after how many seconds nothing was left of a killed process; what is left, when that was too late.

    `places` are folders in which it, and nobody else, may have put something.
    """
    began = time.monotonic()
    while left := remains(victim, places):
        if time.monotonic() - began > GONE_SECONDS:
            return left
        time.sleep(ROUND_SECONDS)
    return time.monotonic() - began


def remains(victim: Victim, places: Iterable[Path] = ()) -> tuple[str, ...]:
    """Return what is still there: folders, locks, processes, shared memory, files."""
    own = (path for folder in victim.folders for path in (folder, lock_of(folder)))
    files = [path for path in (*own, *victim.mapped) if path.exists()]
    files += [path for place in places for path in place.iterdir()]
    processes = [pid for folder in victim.folders for pid in members(folder)]
    watching = [folder for folder, owner in guardians() if owner == victim.pid]
    standing = {line.split()[1] for line in SEGMENTS.read_text(encoding="ascii").splitlines()}
    return (
        *(f"file {path}" for path in files),
        *(f"process {pid}" for pid in processes),
        *(f"guardian of {folder}" for folder in watching),
        *(f"shared memory {number}" for number in victim.segments & standing),
    )


def guardians() -> Iterator[tuple[Path, int]]:
    """Yield the folder and the owner of every guardian on this machine."""
    for process in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            *_, program, folder, owner, _end = (process / "cmdline").read_text().split("\0")
            if program == guardian_process.__file__:
                yield Path(folder), int(owner)


def _segments(folder: Path) -> Iterator[str]:
    # The seventh line of postmaster.pid: key and id of the segment that only a proper end of the server frees.
    for file in folder.glob("*/postmaster.pid"):
        with suppress(OSError):
            yield from (line.split()[1] for line in file.read_text().splitlines()[6:7])


def _mapped(pid: int) -> Iterator[Path]:
    # The last column of a line is the file; a server's own start with its name.
    with suppress(OSError):
        files = {line.split()[-1] for line in Path("/proc", str(pid), "maps").read_text().splitlines()}
        yield from (Path(file) for file in files if file.startswith(POSIX))


@dataclass(slots=True)
class Tally:
    """What became of all kills."""

    kills: int = 0
    last: str = ""
    moments: Counter[str] = field(default_factory=Counter)
    slowest_seconds: float = 0
    left: list[str] = field(default_factory=list)
    next_not_passed: list[str] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)

    @property
    def broken(self) -> int:
        """Return how many promises were broken."""
        return len(self.left) + len(self.next_not_passed) + len(self.evidence)

    @property
    def line(self) -> str:
        """Return how far it is, on one line."""
        return f"{self.kills} killed ({self.last}), {self.broken} promises broken"

    def count(self, moment: str, victim: Victim, places: tuple[Path, ...] = ()) -> None:
        """Add a kill, once nothing is left of it or the time is over."""
        self.kills += 1
        self.moments[moment] += 1
        self.last = moment
        end = gone(victim, places)
        if isinstance(end, float):
            self.slowest_seconds = max(self.slowest_seconds, end)
        else:
            self.left.append(f"{moment}: {', '.join(end)}")

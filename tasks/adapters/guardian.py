"""Folders that cannot outlive the process they serve, however it ends."""

import errno
import fcntl
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tasks.adapters import guardian_process
from tasks.adapters.guardian_process import GIVE_UP_SECONDS, READY, TOKEN, lock_of
from tasks.core.errors import OperatorError

START_SECONDS = 15.0
MEMORY = Path("/dev/shm")  # noqa: S108 - the machine's tmpfs, not a file of a guessable name
MEMORY_LEFT = Path("/proc/meminfo")
MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")
MEMORY_SPARE = 2  # how often the needed bytes must fit into memory before it is used
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSpace:
    """How much room was needed, and how much the place has."""

    needed_mb: int
    free_mb: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """Why the operating system refused a place (the name of its error: EACCES, ENOSPC …)."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A guarded folder; each of its processes starts inside it and with `environ` among its variables."""

    path: Path

    @property
    def environ(self) -> dict[str, str]:
        """Return the variable by which the guardian knows a process that works elsewhere."""
        return {TOKEN: str(self.path)}


@contextmanager
def guarded_folder(kind: str, base: Path) -> Iterator[Folder]:
    """Make the folder `base/<kind>-<random>`; destroy it, with all its processes, when the block or this process ends.

    A guardian in a session of its own does so even when this process is killed. Root's folder can be passed through by
    others (0711), so that what must not run as root finds its own sub-folder.
    Raises OperatorError guardian.no_folder, guardian.not_started, guardian.not_destroyed.
    """
    path, lock = _claim(kind, base)
    with os.fdopen(lock):
        try:
            with _guardian(path, lock):
                _make(path)
                yield Folder(path=path)
        finally:
            _make_sure_it_is_gone(path, lock)


def sweep(kind: str, base: Path) -> int:
    """Destroy the folders of `kind` that nobody alive answers for (their lock is free); return how many there were."""
    digit = "[0-9a-f]"
    return sum(_destroy_abandoned(file) for file in sorted(base.resolve().glob(f"{kind}-{digit * 8}.lock")))


def scratch_base(needed_bytes: int) -> Path:
    """Return where `needed_bytes` fit for a while: in memory when they fit twice, else among the temporary files.

    Raises OperatorError disk.no_space.
    """
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    in_memory = (str(MEMORY), "tmpfs") in {(mount[1], mount[2]) for mount in mounts}
    if in_memory and free_bytes(MEMORY) > MEMORY_SPARE * needed_bytes:
        return MEMORY
    place = Path(tempfile.gettempdir())
    free = free_bytes(place)
    if free <= needed_bytes:
        raise no_space(place, needed_bytes, free)
    return place


def free_bytes(place: Path) -> int:
    """Return the room left in a place; a tmpfs may promise more than the memory that is left: the smaller counts."""
    free = shutil.disk_usage(place).free
    return min(free, memory_left()) if place.is_relative_to(MEMORY) else free


def memory_left() -> int:
    """Return the bytes of memory left, of the machine or of the container that we are in, whichever has less."""
    available = re.search(r"^MemAvailable: +(\d+) kB$", MEMORY_LEFT.read_text(), re.MULTILINE)
    amounts = [int(available[1]) * 1024] if available else []
    with suppress(OSError, ValueError):  # no container, or one without a limit ("max")
        amounts.append(int(MEMORY_LIMIT.read_text()))
    return min(amounts, default=0)


def no_space(place: Path, needed: int, free: int) -> OperatorError:
    """Return the error that says how many bytes a place needed and how many it has."""
    data = NoSpace(needed_mb=-(-needed // MEGABYTE), free_mb=free // MEGABYTE)
    return OperatorError("disk.no_space", str(place), data)


def _claim(kind: str, base: Path) -> tuple[Path, int]:
    # The lock comes before the folder: a sweep never meets a folder whose lock is not yet held.
    while True:
        path = base.resolve() / f"{kind}-{secrets.token_hex(4)}"
        try:
            lock = os.open(lock_of(path), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        except FileExistsError:
            continue
        except OSError as error:
            raise no_folder(base, error) from None
        if _held(lock, lock_of(path)):
            return path, lock
        os.close(lock)  # a sweep took it for a leftover


def _held(lock: int, file: Path) -> bool:
    # Between opening and locking the file may have been removed by its last owner: only a lock that has a name counts.
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(lock), file.stat())
    except (BlockingIOError, FileNotFoundError):
        return False


def _make(path: Path) -> None:
    try:
        path.mkdir(mode=0o700)
        path.chmod(0o711 if os.geteuid() == 0 else 0o700)
    except OSError as error:
        raise no_folder(path.parent, error) from None


def no_folder(base: Path, error: OSError) -> OperatorError:
    """Return the error that says why the operating system refused a place."""
    return OperatorError("guardian.no_folder", str(base), Unusable(reason=errno.errorcode.get(error.errno or 0, "?")))


def _make_sure_it_is_gone(path: Path, lock: int) -> None:
    if path.exists():  # the guardian itself was killed
        with _guardian(path, lock):
            pass
    if path.exists():
        raise OperatorError("guardian.not_destroyed", str(path))
    lock_of(path).unlink(missing_ok=True)


@contextmanager
def _guardian(folder: Path, lock: int) -> Iterator[None]:
    # The open lock is shared with the guardian: it stays held while either lives.
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = _start(folder, lock, theirs)
        try:
            _await_ready(ours, folder)
            yield
        finally:
            ours.close()
            _await_end(process)


def _start(folder: Path, lock: int, theirs: socket.socket) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", guardian_process.__file__, str(folder), str(os.getpid())],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={},  # above all no token of another folder, whose guardian would stop this one
            pass_fds=(lock,),
            start_new_session=True,
        )
    except OSError:
        raise OperatorError("guardian.not_started", str(folder)) from None


def _await_ready(guardian: socket.socket, folder: Path) -> None:
    guardian.settimeout(START_SECONDS)
    try:
        answer = guardian.recv(len(READY))
    except OSError:
        answer = b""
    if answer != READY:
        raise OperatorError("guardian.not_started", str(folder))


def _await_end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(2 * GIVE_UP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _destroy_abandoned(file: Path) -> bool:
    try:
        lock = os.open(file, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:  # gone meanwhile, or another user's
        return False
    with os.fdopen(lock):
        if os.fstat(lock).st_uid != os.geteuid() or not _held(lock, file):
            return False
        folder = file.with_suffix("")
        existed = folder.exists()
        with _guardian(folder, lock):
            pass
        return existed and not folder.exists()

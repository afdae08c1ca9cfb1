"""The guardian's own program: waits until its owner is gone, then stops all that belongs to a folder and deletes it.

guardian.py starts it as `python -I -S guardian_process.py FOLDER OWNER`, with one end of a socket as standard input and
the folder's lock among its open files; so it imports nothing but the standard library.
"""

import os
import select
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

TOKEN = "MARIAS_GUARDED"  # noqa: S105 - the name of a variable, no secret
READY = b"."
OWNER_SOCKET = 0
WATCH_SECONDS = 0.5
GRACE_SECONDS = 1.5
PATIENCE_SECONDS = 5.0
GIVE_UP_SECONDS = 30.0
ROUND_SECONDS = 0.02

# Each is asked in the way that leaves nothing behind: PostgreSQL's immediate shutdown frees its shared memory.
POLITE_SIGNALS = {"postgres": signal.SIGQUIT}
# While one of these runs nothing is asked at all: its servers free theirs only at their own, near end.
LEFT_ALONE = frozenset({"initdb"})


def lock_of(folder: Path) -> Path:
    """Return the lock file that stands beside `folder` for as long as anybody answers for it."""
    return folder.with_name(f"{folder.name}.lock")


def watch(owner: int) -> None:
    """Return when the process `owner` has closed its end of the socket or is gone.

    A fork of the owner may still hold the socket after its death, therefore the second question.
    """
    while not select.select([OWNER_SOCKET], [], [], WATCH_SECONDS)[0] and os.getppid() == owner:
        pass


def destroy(folder: Path) -> bool:
    """Stop every process of `folder`, delete it, and its lock last; return whether all that came to be in time.

    Asked again after the deletion, because a child that was just being born may have entered meanwhile.
    """
    started, asked = time.monotonic(), dict[int, float]()
    while (found := members(folder)) or folder.exists():
        now = time.monotonic()
        if now - started > GIVE_UP_SECONDS:
            return False
        if now - started > PATIENCE_SECONDS or not LEFT_ALONE & {_name(pid) for pid in found}:
            for pid in found:
                _end(pid, asked_before=now - asked.setdefault(pid, now))
        if not found:
            shutil.rmtree(folder, ignore_errors=True)
        time.sleep(ROUND_SECONDS)
    lock_of(folder).unlink(missing_ok=True)
    return True


def members(folder: Path) -> set[int]:
    """Return the ids of all processes that work inside `folder` or carry its token, but never this one or its owner."""
    pids = {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()}
    return {pid for pid in pids - {os.getpid(), os.getppid()} if _belongs(Path("/proc", str(pid)), folder)}


def _belongs(process: Path, folder: Path) -> bool:
    try:
        return _looks_inside(process, folder)
    except PermissionError:
        return os.geteuid() == 0 and _belongs_as_its_user(process, folder)
    except OSError:  # it has just ended
        return False


def _belongs_as_its_user(process: Path, folder: Path) -> bool:
    # The root of a container may not look into other users' processes, but may become the user that may.
    with suppress(OSError):
        status = process.stat()
        os.setegid(status.st_gid)
        os.seteuid(status.st_uid)
        try:
            return _looks_inside(process, folder)
        finally:
            os.seteuid(0)
            os.setegid(0)
    return False


def _looks_inside(process: Path, folder: Path) -> bool:
    # PostgreSQL writes its title over its environment, but it works inside its data directory.
    where = Path(str((process / "cwd").readlink()).removesuffix(" (deleted)"))
    token = f"{TOKEN}={folder}".encode()
    return where.is_relative_to(folder) or token in (process / "environ").read_bytes().split(b"\0")


def _name(pid: int) -> str:
    with suppress(OSError):
        return Path("/proc", str(pid), "comm").read_text().strip()
    return ""


def _end(pid: int, *, asked_before: float) -> None:
    # Politely at first, then not at all, and by force when it was asked long enough before (in seconds).
    with suppress(OSError):
        if not asked_before:
            os.kill(pid, POLITE_SIGNALS.get(_name(pid), signal.SIGTERM))
        elif asked_before > GRACE_SECONDS:
            os.kill(pid, signal.SIGKILL)


def main(folder: Path, owner: int) -> int:
    """Guard `folder` for the process `owner`; return the exit code: 0 when nothing of it is left."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError):  # an owner that died this early needs no answer
        os.write(OWNER_SOCKET, READY)
    watch(owner)
    return 0 if destroy(folder) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))

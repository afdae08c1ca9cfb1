"""Where a lab's SSH server runs: namespaces in which its accounts exist, and which end with all that runs there.

Root makes it directly, and each account has a uid of its own. A plain user makes it inside a user namespace; all
accounts are then that user under other names, because sshd can become nobody else.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from deployments.lab import programs

ROOT = os.geteuid() == 0
FIRST_UID = 27_000  # a range that neither people nor services of a machine have
SECONDS = 10
# The process that made the pid namespace stays outside, where the guardian finds it by its variables (sshd's own are
# overwritten by its title, and it leaves its folder); with it ends the server, and with the server every session.
OWN = ("--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL", "--")
SPACES = ("unshare", *(() if ROOT else ("--user", "--map-current-user", "--keep-caps")), *OWN)
# What was needed to mount is given up again, else files would open to a session whatever their modes say.
AS_USER = () if ROOT else ("setpriv", "--ambient-caps=-all", "--inh-caps=-all", "--")
# Places of the server's own: each is a folder beside its homes, so that a test reaches it from outside.
PLACES = {"srv": "/srv", "log": "/var/log", **({"run": "/run"} if ROOT else {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A made-up account: its home lies in the lab's folder."""

    name: str
    uid: int
    gid: int
    home: Path


@cache
def unavailable() -> str:
    """Return why no SSH server can run here, with what would help; empty where one can."""
    program = programs.find("sshd")
    if program.path is None:
        return program.missing
    absent = [tool for tool in ("unshare", "setpriv") if shutil.which(tool) is None]
    if absent:
        return f"this machine has no {' and no '.join(absent)} (util-linux)"
    trial = (*SPACES, "mount", "--bind", "/etc/passwd", "/etc/passwd")
    done = subprocess.run(trial, capture_output=True, check=False, text=True, timeout=SECONDS)
    if done.returncode:
        kind = "mount namespaces" if ROOT else "user namespaces (sysctl kernel.unprivileged_userns_clone)"
        return f"SSH servers of the lab need {kind}, and here: {done.stderr.strip()}"
    return ""


def accounts(folder: Path, names: Sequence[str]) -> Mapping[str, Account]:
    """Return made-up accounts of these names, with homes below `folder`."""
    return {
        name: Account(
            name=name,
            uid=FIRST_UID + number if ROOT else os.geteuid(),
            gid=FIRST_UID + number if ROOT else os.getegid(),
            home=folder / "home" / name,
        )
        for number, name in enumerate(names, start=1)
    }


def write_accounts(folder: Path, people: Mapping[str, Account]) -> None:
    """Write the passwd and group files that the server sees."""
    users = [f"{person.name}:x:{person.uid}:{person.gid}::{person.home}:/bin/sh" for person in people.values()]
    groups = [f"{person.name}:x:{person.gid}:" for person in people.values()]
    service = ("root:x:0:0:root:/root:/bin/sh", f"sshd:x:{FIRST_UID}:{FIRST_UID}::/run/sshd:/usr/sbin/nologin")
    (folder / "passwd").write_text("\n".join((*service, *users, "")))
    (folder / "group").write_text("\n".join(("root:x:0:", f"sshd:x:{FIRST_UID}:", *groups, "")))


def command(folder: Path, mounts: Sequence[str], program: Sequence[str]) -> list[str]:
    """Return the command that runs `program` where the accounts of `folder` exist, after further lines of `mounts`."""
    script = "\n".join(
        (
            "set -e",
            'for name in passwd group; do mount --bind "$0/$name" "/etc/$name"; done',
            *(f'mount --bind "$0/{name}" {place}' for name, place in PLACES.items()),
            "mount -t proc proc /proc 2>/dev/null || true",  # a container may forbid it; little depends on it
            *mounts,
            'exec "$@"',
        )
    )
    return [*SPACES, "sh", "-c", script, str(folder), *AS_USER, *program]

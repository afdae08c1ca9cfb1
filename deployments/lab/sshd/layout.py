"""What lies in the folder of one of the lab's SSH servers: its configuration, and the programs that its sessions find.

home/            the accounts' homes            bin/         sshd and sudo as sessions find them
srv/ log/ run/   the server's /srv, /var/log, /run (see namespace)
sshd_config, sshd.log, host_key_*, passwd, group, sudoers, sudo.log
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from deployments.background import LabError
from deployments.lab import programs
from deployments.lab.sshd import keys, namespace
from deployments.lab.sshd.namespace import ROOT, Account

ADDRESS = "127.0.0.1"
CHATTR_SECONDS = 10
CONFIG, LOG = "sshd_config", "sshd.log"
SSHD = """#!/bin/sh
exec "{sshd}" -f "{folder}/sshd_config" "$@"
"""
SUDO = """#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in
        -n) shift ;;
        --) shift; break ;;
        -*) echo "sudo: the lab's sudo does not know $1" >&2; exit 1 ;;
        *) break ;;
    esac
done
who=${{USER:-$(id -un)}}
grep -qx "$who" "{folder}/sudoers" || {{ echo "sudo: a password is required" >&2; exit 1; }}
echo "$who" >>"{folder}/sudo.log"
exec {become} "$@"
"""
# Where root runs the lab, its sudo makes root of a session, by a set-uid program that only this namespace knows.
BECOME = '"{folder}/privileged/setpriv" --reuid=0 --regid=0 --clear-groups --'
PRIVILEGED = (
    'mount -t tmpfs -o mode=755,size=1m privileged "$0/privileged"',
    'cp "$(command -v setpriv)" "$0/privileged/setpriv"',
    'chmod 4755 "$0/privileged/setpriv"',
)
FULL = (
    'mount -t tmpfs -o mode=755,size=64k,uid={uid},gid={gid} full "$0/full"',
    'cp -a "$0/home/{name}/." "$0/full/"',
    'mount --bind "$0/full" "$0/home/{name}"',
    'cat /dev/zero >"$0/full/fill" 2>/dev/null || true',
)
READ_ONLY = ('mount --bind "$0/home/{name}" "$0/home/{name}"', 'mount -o remount,bind,ro "$0/home/{name}"')
STANDARD = {
    "UsePAM": "no",
    "UseDNS": "no",
    "StrictModes": "yes",
    "PermitRootLogin": "no",
    "PasswordAuthentication": "no",
    "KbdInteractiveAuthentication": "no",
    "LogLevel": "VERBOSE",
    "PrintMotd": "no",
    "PidFile": "none",
    "Subsystem": "sftp internal-sftp",
}


def prepare(folder: Path, people: Mapping[str, Account]) -> None:
    """Make the folder and all in it that does not change."""
    for name in ("home", "bin", "privileged", "full", *namespace.PLACES):
        (folder / name).mkdir(parents=True)
    namespace.write_accounts(folder, people)
    become = BECOME.format(folder=folder) if ROOT else ""
    for name, text in (("sshd", SSHD), ("sudo", SUDO)):
        script = folder / "bin" / name
        script.write_text(text.format(sshd=programs.find("sshd").path, folder=folder, become=become))
        script.chmod(0o755)
    for name in (LOG, "sudo.log"):
        (folder / name).touch()
    (folder / "sudo.log").chmod(0o666)


def write_config(folder: Path, port: int, options: Mapping[str, str], lines: Sequence[str]) -> None:
    """Write sshd's configuration: the options, before the lab's own because sshd takes the first value, then lines."""
    path = f"PATH={folder}/bin:/usr/bin:/bin"
    fixed = {"Port": str(port), "ListenAddress": ADDRESS, "SetEnv": path}
    values = {**options, **STANDARD, **fixed, **options}
    host_keys = [f"HostKey {file}" for file in sorted(folder.glob("host_key_*"))]
    text = (*(f"{name} {value}" for name, value in values.items()), *host_keys, *lines)
    (folder / CONFIG).write_text("\n".join((*text, "")))


def write_host_keys(folder: Path, kinds: Sequence[str]) -> tuple[str, ...]:
    """Write new keys of the server's own in place of the old ones, and return their public lines."""
    for old in folder.glob("host_key_*"):
        old.unlink()
    pairs = {kind: keys.pair(kind) for kind in kinds}
    for kind, pair in pairs.items():
        file = folder / f"host_key_{kind}"
        file.touch(mode=0o600)
        file.write_text(pair.private.reveal())
    return tuple(pair.public for pair in pairs.values())


def command(folder: Path, mounts: Sequence[str]) -> list[str]:
    """Return the command that runs sshd among its accounts, after further lines of mounting."""
    sshd = str(programs.find("sshd").path)  # absolute, because it starts itself anew for each connection
    program = (sshd, "-D", "-f", str(folder / CONFIG), "-E", str(folder / LOG))
    return namespace.command(folder, (*(PRIVILEGED if ROOT else ()), *mounts), program)


def empty(folder: Path) -> None:
    """Delete all that lies in a folder, whatever modes and attributes a test gave it."""
    _delete_contents(folder)
    if any(folder.iterdir()) and shutil.which("chattr"):
        thaw = ("chattr", "-R", "-f", "-i", "-a", str(folder))
        subprocess.run(thaw, check=False, capture_output=True, timeout=CHATTR_SECONDS)
        _delete_contents(folder)
    if any(folder.iterdir()):
        raise LabError(f"{folder} could not be emptied")


def _delete_contents(folder: Path) -> None:
    for place, folders, _files in os.walk(folder):
        for path in (Path(place, name) for name in folders):
            if not path.is_symlink():  # what it leads to is not ours
                with suppress(OSError):
                    path.chmod(0o700)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()

"""A database server in a guarded folder: unprivileged, on no network, logging no statement, no row and no detail."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO

from tasks.adapters.guardian import Folder
from tasks.adapters.postgres_server.binaries import Binaries
from tasks.adapters.postgres_server.programs import (
    NOTHING,
    Account,
    Completed,
    Launcher,
    StartFailed,
    TimedOut,
    isolated_where_allowed,
    unprivileged,
)
from tasks.adapters.postgres_server.tuning import settings
from tasks.core.errors import OperatorError

SUPERUSER = "postgres"
INITDB_LIMIT = timedelta(minutes=2)
START_LIMIT = timedelta(minutes=1)
STOP_LIMIT = timedelta(seconds=5)
POLL_SECONDS = 0.02
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_BYTES = 107  # sun_path of unix(7), less its closing zero


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A running server. Only its own user and root reach its socket; they need no password. `user` is its superuser."""

    launcher: Launcher
    socket_dir: Path
    log: Path
    user: str

    @property
    def binaries(self) -> Binaries:
        """Return the programs that the server was started from."""
        return self.launcher.binaries

    @property
    def isolated(self) -> bool:
        """Return whether the server and its client programs have no network but their own, empty one."""
        return self.launcher.isolated

    def conninfo(self, dbname: str, user: str = "") -> str:
        """Return libpq's connection string to the database `dbname` as `user` ("": the superuser)."""
        parts = (str(self.socket_dir), user or self.user, dbname)
        quoted = (text.replace("\\", r"\\").replace("'", r"\'") for text in parts)
        return "host='{}' user='{}' dbname='{}' connect_timeout=10".format(*quoted)

    def give(self, path: Path) -> Path:
        """Hand a file or folder inside the guarded folder to the programs' user, and return it."""
        return self.launcher.account.give(path)

    def run(  # noqa: PLR0913 - what is started, as whom, and its three streams
        self,
        program: str,
        *args: str,
        timeout: timedelta,
        user: str = "",
        environ: Mapping[str, str] = NOTHING,
        stdin: bytes | IO[bytes] = b"",
        stdout: int | IO[bytes] = subprocess.PIPE,
        stderr: int | IO[bytes] = subprocess.PIPE,
    ) -> Completed:
        """Run a client program, already pointed at this server as `user` ("": the superuser); see Launcher.run."""
        ours = {"PGHOST": str(self.socket_dir), "PGUSER": user or self.user, "PGCLIENTENCODING": "UTF8"}
        return self.launcher.run(
            program, *args, timeout=timeout, environ={**ours, **environ}, stdin=stdin, stdout=stdout, stderr=stderr
        )


@contextmanager
def cluster(  # noqa: PLR0913 - one keyword per choice
    binaries: Binaries,
    folder: Folder,
    *,
    options: Mapping[str, str] = NOTHING,
    locale: str = "C",
    superuser: str = SUPERUSER,
    isolated: bool = True,
) -> Iterator[Cluster]:
    """Create a database cluster (UTF-8, `locale`) in `folder`, which holds no other, and run its server for the block.

    `options` are server settings; those of SAFE stay as they are. `isolated`: on no network, where the kernel allows
    it; the cluster says what came of it. Left with an immediate shutdown: it is thrown away.
    Raises OperatorError postgres.unreachable, postgres.path_too_long, postgres.start_failed, postgres.timed_out.
    """
    account = unprivileged()
    _check_place(folder.path, account)
    launcher = Launcher(binaries=_reachable(binaries, folder.path, account), folder=folder, account=account)
    launcher = isolated_where_allowed(launcher) if isolated else launcher
    data, sockets, log = folder.path / "data", folder.path / "s", folder.path / "server.log"
    for place in (data, sockets):
        place.mkdir()
        account.give(place)
    log.touch(mode=0o600)
    _initialize(launcher, data, locale, superuser)
    every = {**settings(options), "unix_socket_directories": str(sockets)}
    arguments = [part for name, value in every.items() for part in ("-c", f"{name}={value}")]
    with log.open("wb") as stderr, launcher.started("postgres", "-D", str(data), *arguments, stderr=stderr) as server:
        try:
            _await_ready(server, data, log)
            yield Cluster(launcher=launcher, socket_dir=sockets, log=log, user=superuser)
        finally:
            _stop(server)


def _check_place(folder: Path, account: Account) -> None:
    if len(bytes(folder / "s" / SOCKET_NAME)) > SOCKET_PATH_BYTES:
        raise OperatorError("postgres.path_too_long", str(folder))
    if closed := _closed(folder, account):
        raise OperatorError("postgres.unreachable", str(closed))


def _reachable(binaries: Binaries, folder: Path, account: Account) -> Binaries:
    # The project of a root user often lies under /root, which the unprivileged user may not enter.
    return binaries.copied_to(folder / "programs") if _closed(binaries.bin, account) else binaries


def _closed(path: Path, account: Account) -> Path | None:
    if account.uid is None:
        return None
    return next((parent for parent in (*path.parents, path) if not parent.stat().st_mode & 0o001), None)


def _initialize(launcher: Launcher, data: Path, locale: str, superuser: str) -> None:
    access = ("--auth-local=trust", "--auth-host=reject", f"--username={superuser}")
    words = ("--encoding=UTF8", f"--locale={locale}")
    arguments = ("--no-sync", "-D", str(data), *access, *words)
    # Its progress goes nowhere, so that it can finish even when we are gone.
    done = launcher.run("initdb", *arguments, timeout=INITDB_LIMIT, stdout=subprocess.DEVNULL)
    if done.returncode:
        failed = StartFailed(program="initdb", exit_code=done.returncode)
        raise OperatorError("postgres.start_failed", "initdb", failed)


def _await_ready(server: subprocess.Popen[bytes], data: Path, log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT.total_seconds()
    while not _is_ready(data):
        if server.poll() is not None:
            failed = StartFailed(program="postgres", exit_code=server.returncode, sqlstate=_first_fatal(log))
            raise OperatorError("postgres.start_failed", "postgres", failed)
        if time.monotonic() > deadline:
            late = TimedOut(program="postgres", seconds=round(START_LIMIT.total_seconds()))
            raise OperatorError("postgres.timed_out", "postgres", late)
        time.sleep(POLL_SECONDS)


def _is_ready(data: Path) -> bool:
    # The eighth line of postmaster.pid is the server's status, as pg_ctl reads it (PM_STATUS_READY).
    with suppress(FileNotFoundError):
        return (data / "postmaster.pid").read_text().splitlines()[7:8] == ["ready   "]
    return False


def _first_fatal(log: Path) -> str:
    found = re.search(r"^([0-9A-Z]{5})\|FATAL:", log.read_text(errors="replace"), re.MULTILINE)
    return found[1] if found else ""


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGQUIT)
    with suppress(subprocess.TimeoutExpired):
        server.wait(STOP_LIMIT.total_seconds())

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
from types import MappingProxyType
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
    unprivileged,
)
from tasks.core.errors import OperatorError

SUPERUSER = "postgres"
INITDB_LIMIT = timedelta(minutes=2)
START_LIMIT = timedelta(minutes=1)
STOP_LIMIT = timedelta(seconds=5)
POLL_SECONDS = 0.02
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_BYTES = 107  # sun_path of unix(7), less its closing zero

# What is lost with the machine may be lost. fsync off is the large gain; a caller may change any of these.
FAST: Mapping[str, str] = MappingProxyType(
    {
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "autovacuum": "off",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "1d",
        "shared_buffers": "256MB",
        "maintenance_work_mem": "256MB",
    }
)
# What no caller may change. Already the first line of an ERROR can quote a value, so nothing below FATAL is logged.
SAFE: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "dynamic_shared_memory_type": "mmap",  # inside the data directory, so that it goes with the folder
        "restart_after_crash": "off",
        "jit": "off",  # an unpacked package comes without its compiler
        "logging_collector": "off",
        "log_destination": "stderr",
        "log_line_prefix": "%e|",
        "log_min_messages": "fatal",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_statement": "none",
        "log_min_duration_statement": "-1",
        "log_parameter_max_length_on_error": "0",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A running server. Only its own user and root reach its socket; they need no password."""

    launcher: Launcher
    socket_dir: Path
    log: Path
    user: str = SUPERUSER

    @property
    def binaries(self) -> Binaries:
        """Return the programs that the server was started from."""
        return self.launcher.binaries

    def conninfo(self, dbname: str) -> str:
        """Return libpq's connection string to the database `dbname`."""
        quoted = (text.replace("\\", r"\\").replace("'", r"\'") for text in (str(self.socket_dir), self.user, dbname))
        return "host='{}' user='{}' dbname='{}' connect_timeout=10".format(*quoted)

    def give(self, path: Path) -> Path:
        """Hand a file or folder inside the guarded folder to the programs' user, and return it."""
        return self.launcher.account.give(path)

    def run(
        self,
        program: str,
        *args: str,
        timeout: timedelta,
        stdin: bytes | IO[bytes] = b"",
        stdout: int | IO[bytes] = subprocess.PIPE,
    ) -> Completed:
        """Run a client program, already pointed at this server; see Launcher.run."""
        environ = {"PGHOST": str(self.socket_dir), "PGUSER": self.user, "PGCLIENTENCODING": "UTF8"}
        return self.launcher.run(program, *args, timeout=timeout, environ=environ, stdin=stdin, stdout=stdout)


@contextmanager
def cluster(
    binaries: Binaries, folder: Folder, *, options: Mapping[str, str] = NOTHING, locale: str = "C"
) -> Iterator[Cluster]:
    """Create a database cluster (UTF-8, `locale`) in `folder`, which holds no other, and run its server for the block.

    `options` are server settings; those of SAFE stay as they are. Left with an immediate shutdown: it is thrown away.
    Raises OperatorError postgres.unreachable, postgres.path_too_long, postgres.start_failed, postgres.timed_out.
    """
    account = unprivileged()
    _check_place(folder.path, account)
    launcher = Launcher(binaries=_reachable(binaries, folder.path, account), folder=folder, account=account)
    data, sockets, log = folder.path / "data", folder.path / "s", folder.path / "server.log"
    for place in (data, sockets):
        place.mkdir()
        account.give(place)
    log.touch(mode=0o600)
    _initialize(launcher, data, locale)
    settings = {**FAST, **options, **SAFE, "unix_socket_directories": str(sockets)}
    arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with log.open("wb") as stderr, launcher.started("postgres", "-D", str(data), *arguments, stderr=stderr) as server:
        try:
            _await_ready(server, data, log)
            yield Cluster(launcher=launcher, socket_dir=sockets, log=log)
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


def _initialize(launcher: Launcher, data: Path, locale: str) -> None:
    access = ("--auth-local=trust", "--auth-host=reject", f"--username={SUPERUSER}")
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

"""Starts PostgreSQL's programs in a guarded folder: by an unprivileged user, with a deadline and a bare environment."""

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import IO, Self

from tasks.adapters.guardian import Folder
from tasks.adapters.postgres_server.binaries import Binaries
from tasks.core.errors import OperatorError

UNPRIVILEGED = "nobody"  # initdb refuses root, and any user that has no name
NOT_STARTED = 127  # the exit code by which a shell says that a program could not be started
NOTHING: Mapping[str, str] = MappingProxyType({})
# A user namespace is only what an unprivileged user needs to be given a network namespace, in which there is nothing.
ISOLATED = ("unshare", "--user", "--map-current-user", "--net", "--")
PROBE_LIMIT = timedelta(seconds=10)
PIPE_BYTES = 1024 * 1024  # the most that a pipe may hold without privileges (fs.pipe-max-size)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartFailed:
    """Which program did not start: its exit code (127: not even begun) and the SQLSTATE of its first FATAL, if any."""

    program: str
    exit_code: int
    sqlstate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramFailed:
    """Which program ended with which exit code."""

    program: str
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedOut:
    """Which program was killed after how many seconds."""

    program: str
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How a program ended; what it wrote may quote people's data and is shown nowhere by itself."""

    program: str
    returncode: int
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)

    def complaints(self) -> tuple[str, ...]:
        """Return the lines of what it wrote to stderr."""
        return tuple(self.stderr.decode(errors="replace").splitlines())

    def checked(self) -> Self:
        """Return this, or raise OperatorError postgres.program_failed when the exit code is not 0."""
        if self.returncode:
            data = ProgramFailed(program=self.program, exit_code=self.returncode)
            raise OperatorError("postgres.program_failed", self.program, data)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The user that programs run as, None: the one we are."""

    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None

    def give(self, path: Path) -> Path:
        """Make the file or folder at `path` this user's alone and return it."""
        path.chmod(0o700 if path.is_dir() else 0o600)
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)
        return path


def unprivileged() -> Account:
    """Return the account for programs that must not run as root."""
    if os.geteuid() != 0:
        return Account()
    entry = pwd.getpwnam(UNPRIVILEGED)
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, groups=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """Starts programs (of `binaries`, else the system's) inside `folder` as `account`; `isolated`: on no network."""

    binaries: Binaries
    folder: Folder
    account: Account
    isolated: bool = False

    @contextmanager
    def started(
        self,
        program: str,
        *args: str,
        environ: Mapping[str, str] = NOTHING,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.DEVNULL,
        stderr: int | IO[bytes] = subprocess.DEVNULL,
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Start `program` in a process group of its own and kill the group if it still runs when the block ends.

        Raises OperatorError postgres.start_failed.
        """
        ours = self._environ()
        found = shutil.which(program, path=ours["PATH"])  # asked here, because unshare would only say so on stderr
        try:
            process = subprocess.Popen(
                [*(ISOLATED if self.isolated and found else ()), found or program, *args],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                cwd=self.folder.path,
                env={**ours, **environ},
                start_new_session=True,
                user=self.account.uid,
                group=self.account.gid,
                extra_groups=self.account.groups,
                umask=0o077,
            )
        except (OSError, subprocess.SubprocessError):
            data = StartFailed(program=program, exit_code=NOT_STARTED)
            raise OperatorError("postgres.start_failed", program, data) from None
        with process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)

    def run(  # noqa: PLR0913 - what is started, and its three streams
        self,
        program: str,
        *args: str,
        timeout: timedelta,
        environ: Mapping[str, str] = NOTHING,
        stdin: bytes | IO[bytes] = b"",
        stdout: int | IO[bytes] = subprocess.PIPE,
        stderr: int | IO[bytes] = subprocess.PIPE,
    ) -> Completed:
        """Run `program` to its end, or kill it with its children after `timeout`.

        `stdin` is what it reads or an open file; `stdout` and `stderr` open files to write to instead of memory.
        Raises OperatorError postgres.start_failed, postgres.timed_out.
        """
        text, source = (stdin, subprocess.PIPE) if isinstance(stdin, bytes) else (None, stdin)
        streams = self.started(program, *args, environ=environ, stdin=source, stdout=stdout, stderr=stderr)
        with streams as process:
            try:
                written, complaints = process.communicate(text, timeout.total_seconds())
            except subprocess.TimeoutExpired:
                data = TimedOut(program=program, seconds=round(timeout.total_seconds()))
                raise OperatorError("postgres.timed_out", program, data) from None
        return Completed(
            program=program, returncode=process.returncode, stdout=written or b"", stderr=complaints or b""
        )

    @contextmanager
    def piped(
        self, program: str, *args: str, timeout: timedelta, environ: Mapping[str, str] = NOTHING
    ) -> Iterator[tuple[IO[bytes], Future[Completed]]]:
        """Run `program` beside the block, which reads what it writes; the future is how it ended, errors as of `run`.

        A block that stops reading ends it by a broken pipe.
        """
        source, sink = os.pipe()

        def write() -> Completed:
            with os.fdopen(sink, "wb") as file:
                return self.run(program, *args, timeout=timeout, environ=environ, stdout=file)

        with ThreadPoolExecutor(1, program) as pool, os.fdopen(source, "rb", buffering=0) as stream:
            with suppress(OSError):  # fewer turns for both sides, where the machine allows it
                fcntl.fcntl(source, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
            yield stream, pool.submit(copy_context().run, write)  # what it logs belongs to our run

    def _environ(self) -> dict[str, str]:
        # Nothing of ours is inherited: what a dump may start (COPY … PROGRAM) finds no credentials.
        return {
            "PATH": f"{self.binaries.bin}:/usr/bin:/bin",
            "HOME": str(self.folder.path),
            "LC_ALL": "C",
            "TZ": "UTC",
            **self.binaries.loader,
            **self.folder.environ,
        }


def isolated_where_allowed(launcher: Launcher) -> Launcher:
    """Return `launcher` without a network; as it is where the machine forbids that, or has no unshare."""
    alone = replace(launcher, isolated=True)
    with suppress(OperatorError):
        if alone.run("true", timeout=PROBE_LIMIT).returncode == 0:
            return alone
    return launcher

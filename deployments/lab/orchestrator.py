"""A Prefect server and a worker, as children in a guarded folder."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from deployments.background import LabError
from tasks.adapters.guardian import Folder

START_SECONDS = 120
STOP_SECONDS = 20
HANG_UP_SECONDS = 2  # a server waits for every browser and client that still listens; nobody waits for them here
SETTINGS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_CLI_COLORS": "false",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # the shortest: a dead run is noticed in about 90 s
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "3",  # a run that waits for another of its duty
    "PREFECT_LOGGING_EXTRA_LOGGERS": "tasks,flows",
    # with leases in memory a slot whose holder died with the server is never given back
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}


def settings(folder: Folder, port: int) -> dict[str, str]:
    """Return the environment variables that point server, worker and command at one another."""
    home = folder.path / "prefect"
    return {
        **SETTINGS,
        "PREFECT_HOME": str(home),
        "MPLCONFIGDIR": str(home),  # matplotlib keeps a list of fonts
        "PREFECT_LOCAL_STORAGE_PATH": str(home / "storage"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_UI_URL": f"http://127.0.0.1:{port}",
        "PREFECT_SERVER_UI_API_URL": f"http://127.0.0.1:{port}/api",
    }


@contextmanager
def server(folder: Folder, port: int, variables: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Prefect server on a loopback port with its database in the folder, until the block ends."""
    command = ("prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port))
    with child(folder, "server", command, variables, patience=HANG_UP_SECONDS) as process:
        _until_healthy(process, f"http://127.0.0.1:{port}/api/health", folder.path / "server.log")
        yield process


@contextmanager
def worker(folder: Folder, variables: Mapping[str, str], *, limit: int = 4) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process worker of the pool `marias`, until the block ends."""
    command = ("prefect", "worker", "start", "--pool", "marias", "--name", "lab", "--limit", str(limit))
    with child(folder, "worker", command, variables) as process:
        yield process


@contextmanager
def child(
    folder: Folder,
    name: str,
    command: tuple[str, ...],
    variables: Mapping[str, str],
    *,
    patience: float = STOP_SECONDS,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of the environment's own programs in the folder; its output goes to `<name>.log` there."""
    program = Path(sys.executable).with_name(command[0])
    with (folder.path / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            (program, *command[1:]),
            cwd=folder.path,
            env={**os.environ, **variables, **folder.environ, "TMPDIR": str(folder.path)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        stop(process, patience)


def stop(process: subprocess.Popen[bytes], patience: float) -> None:
    """Ask a child to end, wait, and kill its whole group if it does not."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_SECONDS)


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until_healthy(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise LabError(f"The Prefect server did not become ready; its log ends:\n{log.read_text()[-2000:]}")

"""Runs a duty in this process when there is no Prefect server: on a throw-away one, in a guarded folder of its own."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import Any, cast

from prefect import tags
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.logging import get_logger
from prefect.settings import (
    PREFECT_API_DATABASE_CONNECTION_URL,
    PREFECT_API_URL,
    PREFECT_HOME,
    PREFECT_LOGGING_TO_API_ENABLED,
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE,
    PREFECT_SERVER_ANALYTICS_ENABLED,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    temporary_settings,
)

from deployments.catalogue import flow_of
from deployments.following import EXIT_CODES
from flows.close_runs import close_runs
from tasks.adapters.guardian import Folder, guarded_folder, sweep
from tasks.adapters.prefect_api import DUTY_TAG
from tasks.core.errors import OperatorError

KIND = "marias-here"
START_SECONDS = 180  # Prefect's own 20 are too few for a machine in trouble


def run(duty: str, environment: str, parameters: Mapping[str, Any]) -> State[Any]:
    """Run a duty's own flow here and return its last state; the throw-away server takes about 20 s to start.

    No sweep will ever find this run: one that did not close itself (an interruption, S3 down) is closed before its
    server goes. Killed, the process leaves nothing behind, and nobody closes its run. Raises OperatorError
    prefect.not_started.
    """
    for logger in (get_logger(), get_logger("flow_runs"), get_logger("task_runs")):
        logger.setLevel(logging.WARNING)  # a person wants the duty's own lines
    base = Path(gettempdir())
    sweep(KIND, base)
    with guarded_folder(KIND, base) as folder, _throw_away_server(folder):
        _start()
        name: str | None = None
        try:
            with tags(DUTY_TAG):
                ended = flow_of(duty)(environment=environment, **parameters, return_state=True)
            state = cast("State[Any]", ended)
            name = state.name
        finally:
            if name not in EXIT_CODES:
                close_runs(environment=environment, return_state=True)
        return state


def _start() -> None:
    """Start the throw-away server, which Prefect does when it is first asked for a client."""
    try:
        with get_client(sync_client=True) as client:
            client.hello()
    except Exception:  # noqa: BLE001 - whatever it was, no duty has begun
        raise OperatorError("prefect.not_started", f"{START_SECONDS} s") from None


@contextmanager
def _throw_away_server(folder: Folder) -> Iterator[None]:
    """Let Prefect start a server whose home is the folder, and which goes with the folder."""
    home = folder.path / "prefect"
    settings = {
        PREFECT_API_URL: None,
        PREFECT_HOME: str(home),
        PREFECT_API_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{folder.path}/prefect.db",
        PREFECT_LOGGING_TO_API_ENABLED: False,
        PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: True,
        PREFECT_SERVER_ANALYTICS_ENABLED: False,
        PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: START_SECONDS,
    }
    os.environ.update(folder.environ)  # the server inherits it
    try:
        with temporary_settings(settings):
            yield
    finally:
        for name in folder.environ:
            os.environ.pop(name, None)

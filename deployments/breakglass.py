"""Runs a duty in this process when there is no Prefect server: on a throw-away one, with its own temporary home."""

import tempfile
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from prefect.client.schemas.objects import State
from prefect.settings import (
    PREFECT_API_DATABASE_CONNECTION_URL,
    PREFECT_API_URL,
    PREFECT_HOME,
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE,
    PREFECT_SERVER_ANALYTICS_ENABLED,
    temporary_settings,
)

from tasks.core.duties import DUTIES


def run(duty: str, environment: str, parameters: Mapping[str, Any]) -> State[Any]:
    """Run a duty's own flow here and return its last state; the throw-away server takes about 20 s to start."""
    module = DUTIES[duty].flow
    flow = getattr(import_module(module), module.rsplit(".", 1)[1])
    with tempfile.TemporaryDirectory(prefix="marias-here-") as home:
        throw_away = {
            PREFECT_API_URL: None,
            PREFECT_HOME: home,
            PREFECT_API_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{home}/prefect.db",
            PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: True,
            PREFECT_SERVER_ANALYTICS_ENABLED: False,
        }
        with temporary_settings(throw_away):
            state: State[Any] = flow(environment=environment, **parameters, return_state=True)
            return state

"""Reads which version each copy is of; GitHub shows no secret's value, so a variable beside it tells."""

from collections.abc import Callable, Iterable
from functools import partial

from tasks.adapters.github import GitHub
from tasks.adapters.secret_stages import CURRENT, SecretStages
from tasks.core.errors import OperatorError
from tasks.secret_sync.model import CopyState, State
from tasks.secret_sync.settings import Copy


def look(github: GitHub, stages: SecretStages, copies: Iterable[Copy]) -> tuple[CopyState, ...]:
    """Return whether each copy of one secret is of its current version: already, stale or failed.

    Raises what reading the secret's current version raises.
    """
    version = stages.at(CURRENT).id
    return tuple(told(copy, version, partial(_state_of, github, copy, version)) for copy in copies)


def version_of(github: GitHub, copy: Copy) -> str | None:
    """Return which version a copy says it is of."""
    return github.variable(copy.repository, copy.environment, copy.version_name)


def told(copy: Copy, version: str, ask: Callable[[], State]) -> CopyState:
    """Return what `ask` says of a copy; what it raises is that copy's own trouble and no other's."""
    try:
        return CopyState(place=copy.place, version=version, state=ask())
    except OperatorError as error:
        return CopyState(place=copy.place, version=version, state=State.FAILED, code=error.code, data=error.data)


def _state_of(github: GitHub, copy: Copy, version: str) -> State:
    return State.ALREADY if version_of(github, copy) == version else State.STALE

"""Reads which version each copy is of; GitHub shows no secret's value, so a variable beside it tells."""

from collections.abc import Callable

from tasks.adapters.github import GitHub
from tasks.core.errors import OperatorError
from tasks.secret_sync.model import CopyState, State
from tasks.secret_sync.settings import Copy


def version_of(github: GitHub, copy: Copy) -> str | None:
    """Return which version a copy says it is of."""
    return github.variable(copy.repository, copy.environment, copy.version_name)


def told(copy: Copy, version: str, ask: Callable[[], State]) -> CopyState:
    """Return what `ask` says of a copy; what it raises is that copy's own trouble and no other's."""
    try:
        return CopyState(place=copy.place, version=version, state=ask())
    except OperatorError as error:
        return CopyState(place=copy.place, version=version, state=State.FAILED, code=error.code, data=error.data)

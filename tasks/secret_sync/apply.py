"""Replaces copies of secrets in GitHub's environments."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from tasks.adapters import secrets
from tasks.adapters.github import GitHub
from tasks.adapters.secret_stages import CURRENT, SecretStages, StoredVersion
from tasks.core.errors import OperatorError
from tasks.core.secret import Secret
from tasks.secret_sync.collect import told, version_of
from tasks.secret_sync.model import CopyState, State
from tasks.secret_sync.settings import Copy

logger = logging.getLogger(__name__)

REPLACING: Final = "replacing"  # what the variable says while nobody can know of which version its secret is
ROUNDS: Final = 3


def refresh(github: GitHub, stages: SecretStages, copies: Sequence[Copy]) -> tuple[CopyState, ...]:
    """Bring every copy of one secret to its current version, read anew; return for each: already, done or failed.

    Whatever cuts this off, a copy whose variable names a version is of that version: the variable is set after the
    secret, and names none before. When the current version changes meanwhile, what was written is written again; stale
    is a copy whose original kept changing. A copy that fails does not keep the others back. Raises what reading the
    secret raises, and secret.malformed when it has no text under a copy's key (then nothing was changed).
    """
    states: tuple[CopyState, ...] = ()
    for _ in range(ROUNDS):
        touched = {state.place for state in states if state.state is not State.ALREADY}
        states = _round(github, stages.at(CURRENT), copies, touched)
        if all(state.state is State.ALREADY for state in states) or stages.at(CURRENT).id == states[0].version:
            return states
    return tuple(replace(state, state=State.STALE) if state.state is State.DONE else state for state in states)


def _round(
    github: GitHub, current: StoredVersion, copies: Sequence[Copy], touched: Collection[str]
) -> tuple[CopyState, ...]:
    """Bring each copy to `current`; what was `touched` before is written whatever its variable says."""
    values = [(copy, _value(copy, current.text)) for copy in copies]
    return tuple(
        told(copy, current.id, partial(_bring, github, copy, current.id, value, whatever=copy.place in touched))
        for copy, value in values
    )


def _bring(github: GitHub, copy: Copy, version: str, value: Secret, *, whatever: bool) -> State:
    found = version_of(github, copy)
    if found == version and not whatever:
        return State.ALREADY
    where = (copy.repository, copy.environment)
    if found not in (None, REPLACING):
        github.put_variable(*where, copy.version_name, REPLACING)
    github.put_secret(*where, copy.name, value)
    github.put_variable(*where, copy.version_name, version)
    logger.info("copy of a secret replaced", extra={"place": copy.place, "version": version})
    return State.DONE


def _value(copy: Copy, whole: Secret) -> Secret:
    text = secrets.value(whole.reveal(), copy.key)
    if not text:
        raise OperatorError("secret.malformed", f"secretsmanager:{copy.secret}#{copy.key}")
    return Secret(text)

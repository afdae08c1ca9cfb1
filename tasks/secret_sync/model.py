"""What is known of a copy."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tasks.core.errors import NO_DATA, OperatorError
from tasks.core.findings import Change, ChangeState


class State(StrEnum):
    """Where a copy stands."""

    ALREADY = "already"  # it is of the current version
    STALE = "stale"  # it is of another version, of none, or nobody knows
    DONE = "done"  # it was stale and has been replaced
    FAILED = "failed"  # `code` and `data` say how: it is of the version before, or of the current one


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyState:
    """One copy (`place`: owner/repository:ENVIRONMENT/NAME) against `version`, the original's current one."""

    place: str
    version: str
    state: State
    code: str = ""
    data: object = NO_DATA


_CHANGES = {State.DONE: ChangeState.DONE, State.STALE: ChangeState.FAILED, State.FAILED: ChangeState.FAILED}


def changes_of(copies: Sequence[CopyState]) -> tuple[Change, ...]:
    """Return what was done to copies; nothing is said of those that were of the current version already."""
    done = ((copy.place, _CHANGES[copy.state]) for copy in copies if copy.state in _CHANGES)
    return tuple(Change(what="sync.change.copy", subject=place, state=state) for place, state in done)


def trouble_of(copies: Sequence[CopyState]) -> OperatorError | None:
    """Return what kept the first copy from its current version, if anything did."""
    errors = (
        OperatorError(copy.code or "sync.stale", copy.place, copy.data) for copy in copies if copy.state in _LACKING
    )
    return next(errors, None)


_LACKING = frozenset({State.STALE, State.FAILED})

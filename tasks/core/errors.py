"""The one error that people are told about."""

from dataclasses import dataclass
from pathlib import PurePath
from traceback import extract_tb
from types import TracebackType


@dataclass(frozen=True, slots=True, kw_only=True)
class NoData:
    """A code whose words need nothing but the subject."""


NO_DATA = NoData()


class OperatorError(Exception):
    """Something a person must know: a code with words, a subject, and typed data (never free text from outside).

    Adapters raise it `from None`, so that no driver's message (it may quote people's data) travels in a traceback.
    """

    def __init__(self, code: str, subject: str = "", data: object = NO_DATA) -> None:
        """Name what happened (`code`), to what (`subject`), with the numbers its words need (`data`: a dataclass)."""
        super().__init__(f"{code}: {subject}" if subject else code)
        self.code = code
        self.subject = subject
        self.data = data

    def __reduce__(self) -> tuple[type["OperatorError"], tuple[str, str, object]]:
        """Rebuild from its three parts in another process."""
        return type(self), (self.code, self.subject, self.data)


class TransientError(OperatorError):
    """An OperatorError that can pass by itself (time-out, throttling, 5xx, reset): the only kind that is retried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexpected:
    """Where an unforeseen exception arose: its type and the line of our own code, never its text."""

    kind: str
    place: str


def unexpected(error: BaseException) -> OperatorError:
    """Turn an unforeseen exception into a known error that tells its type and place, and none of its text."""
    data = Unexpected(kind=type(error).__name__, place=_place(error.__traceback__))
    code = "core.timed_out" if isinstance(error, TimeoutError) else "core.unexpected"
    return OperatorError(code, data.place, data)


def known(error: BaseException) -> OperatorError:
    """Return an error that people can be told: itself when it is one, else what `unexpected` makes of it."""
    return error if isinstance(error, OperatorError) else unexpected(error)


def _place(trace: TracebackType | None) -> str:
    frames = extract_tb(trace)
    ours = [f for f in frames if {"flows", "tasks", "deployments"} & set(PurePath(f.filename).parts)] or frames
    return f"{'/'.join(PurePath(ours[-1].filename).parts[-3:])}:{ours[-1].lineno}" if ours else "?"

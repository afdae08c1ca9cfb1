"""The rotation's body, Prefect aside, in a process of its own: it says each point that it passes, inner ones too."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from multiprocessing.connection import Connection
from threading import Event, Lock
from typing import Any
from unittest.mock import patch

from deployments.lab import github as lab_github
from deployments.lab.aws import CREDENTIALS
from tasks.adapters import github
from tasks.adapters.github import GitHub
from tasks.adapters.secret_stages import SecretStages
from tasks.adapters.ssh.files import Files, Inspection, RemoteFile, Replaced
from tasks.core.errors import OperatorError
from tasks.environment import Environment
from tasks.ssh.collect import reach
from tests import bare

WHOLE = -1  # no point to stop after
TOKEN = "MARIAS_CHAOS_GITHUB"  # noqa: S105 - the name of a variable
PAUSES_SECONDS = (0.05, 0.1)  # GitHub's, and between knocks: nobody waits for a real server here


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a body is to do, and after which of its points it shall wait for its end."""

    settings: Environment
    parameters: Mapping[str, Any] = field(default_factory=dict)
    stop_after: int = WHOLE


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a body ended: its verdict (or the code of the error), accounts and those proved, what it found."""

    verdict: str
    accounts: float = 0
    proved: float = 0
    rules: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it in a few words."""
        return f"{self.verdict}, {self.proved:.0f} of {self.accounts:.0f} proved"


@dataclass(slots=True)
class Saying:
    """Says points, from any thread; the one after which it shall wait is the last."""

    to: Connection
    stop_after: int
    said: int = 0
    lock: Lock = field(default_factory=Lock)

    def __call__(self, point: str, _seconds: float = 0) -> None:
        """Say a point that is passed."""
        with self.lock:
            self.to.send(point)
            self.said += 1
            if self.said == self.stop_after:
                Event().wait()


def body(order: Order, said: Connection) -> None:
    """Run the body, and say how it ended."""
    logging.disable(logging.WARNING)
    os.environ.update({**CREDENTIALS, TOKEN: lab_github.TOKEN})
    saying = Saying(said, order.stop_after)
    with points(saying):
        try:
            outcome = bare.rotation(order.settings, saying, **order.parameters)
        except OperatorError as error:
            end = End(verdict=error.code)
        else:
            rules = tuple(f"{one.rule} {one.subject} {getattr(one.data, 'why', '')}" for one in outcome.findings)
            numbers = (outcome.measures.get(name, 0) for name in ("accounts", "proved"))
            end = End(verdict=outcome.verdict, rules=rules, **dict(zip(("accounts", "proved"), numbers, strict=True)))
    said.send(end)


@contextmanager
def points(saying: Saying) -> Iterator[None]:
    """Let every change to a host, to Secrets Manager and to GitHub be said once it is made."""
    files = reach.Visit.files

    def told(visit: reach.Visit) -> Files:
        return _Told(files=files(visit), where=str(visit.target), saying=saying)

    with ExitStack() as stack:
        stack.enter_context(patch.object(reach.Visit, "files", told))
        stack.enter_context(patch.object(reach, "PAUSE_SECONDS", PAUSES_SECONDS[0]))
        stack.enter_context(patch.object(github, "PAUSES_SECONDS", PAUSES_SECONDS))
        for owner, name in CHANGES:
            stack.enter_context(patch.object(owner, name, _said_once_done(getattr(owner, name), saying)))
        yield


CHANGES: tuple[tuple[type, str], ...] = (
    (SecretStages, "put"),
    (SecretStages, "move"),
    (GitHub, "put_secret"),
    (GitHub, "put_variable"),
)


def _said_once_done(change: Callable[..., None], saying: Saying) -> Callable[..., None]:
    @wraps(change)
    def changed(self: object, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - whatever it takes
        change(self, *args, **kwargs)
        label = str(args[0]).split("-")[0] if change.__name__ == "move" else ""
        saying(f"{change.__name__} {label}".rstrip())

    return changed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """Files whose replacements are said."""

    files: Files
    where: str
    saying: Saying

    def inspect(self, account: str, patterns: tuple[str, ...], *, trial: bool) -> Inspection:
        return self.files.inspect(account, patterns, trial=trial)

    def replace(self, file: RemoteFile, content: bytes) -> Replaced:
        replaced = self.files.replace(file, content)
        self.saying("replace")
        return replaced

"""A duty's very body in this process, Prefect aside: what benchmarks measure and chaos kills."""

import inspect
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime
from functools import wraps
from types import ModuleType
from typing import Any
from unittest.mock import patch

from prefect import Flow, Task

from flows.backup_restore_test import backup_restore_test
from flows.frame import Run
from flows.ssh_rotation import ssh_rotation
from tasks.backup import steps as backup
from tasks.backup.settings import Backup
from tasks.core.attempt import Attempt, Trigger
from tasks.core.findings import Outcome
from tasks.environment import FOLDER, Environment, load
from tasks.secret_sync import steps as secret_sync
from tasks.settings import Aws, Evidence
from tasks.ssh import steps as ssh

Ended = Callable[[str, float], None]  # a step's name and how many seconds it took


def production() -> Environment:
    """Return production's settings."""
    return load(str(FOLDER / "production.toml"))


def environment(aws: Aws, backup_: Backup, evidence: Evidence) -> Environment:
    """Return production's settings with these sections."""
    return production().model_copy(update={"aws": aws, "backup": backup_, "evidence": evidence})


def nobody(_name: str, _seconds: float) -> None:
    """Listen to nothing."""


def drill(settings: Environment, ended: Ended = nobody, **parameters: Any) -> Outcome:  # noqa: ANN401 - the body's own
    """Run the restore test's body."""
    return body(backup_restore_test, (backup,), settings, ended, **parameters)


def rotation(settings: Environment, ended: Ended = nobody, **parameters: Any) -> Outcome:  # noqa: ANN401 - the body's own
    """Run the body of the rotation."""
    return body(ssh_rotation, (ssh, secret_sync), settings, ended, **parameters)


def body(  # noqa: PLR0913 - what a run is given, by name
    flow: Flow[..., Any],
    steps: Sequence[ModuleType],
    settings: Environment,
    ended: Ended,
    *,
    trigger: Trigger = Trigger.PERSON,
    progress: Callable[[float, str], None] = lambda _percent, _text: None,
    **parameters: Any,  # noqa: ANN401 - the body's own
) -> Outcome:
    """Run a duty's body, each of its steps replaced by its plain function, and say when each step has ended."""
    attempt = Attempt(
        duty=flow.name,
        environment=settings.name,
        flow_run_id="00000000-0000-0000-0000-000000000000",
        number=1,
        trigger=trigger,
        started_at=datetime.now(UTC),
    )
    run = Run(attempt=attempt, settings=settings, progress=progress)
    plain: Callable[..., Outcome] = inspect.unwrap(flow.fn)
    with ExitStack() as stack:
        for module in steps:
            stack.enter_context(plain_steps(module, ended))
        return plain(run, **parameters)


@contextmanager
def plain_steps(steps: ModuleType, ended: Ended) -> Iterator[None]:
    """Replace the steps of a module by their plain functions."""
    with ExitStack() as stack:
        for name, step in tuple(vars(steps).items()):
            if isinstance(step, Task):
                stack.enter_context(patch.object(steps, name, _timed(name, step.fn, ended)))
            elif inspect.isgeneratorfunction(inspect.unwrap(step)) and step.__module__ == steps.__name__:
                stack.enter_context(patch.object(steps, name, _timed_block(name, step, ended)))
        yield


def _timed(name: str, step: Callable[..., Any], ended: Ended) -> Callable[..., Any]:
    @wraps(step)
    def timed(*args: object, **kwargs: object) -> Any:  # noqa: ANN401 - whatever the step returns
        began = time.monotonic()
        answer = step(*args, **kwargs)
        ended(name, time.monotonic() - began)
        return answer

    return timed


def _timed_block(
    name: str, block: Callable[..., AbstractContextManager[Any]], ended: Ended
) -> Callable[..., AbstractContextManager[Any]]:
    """Time entering a block and leaving it, but not what is done inside."""

    @contextmanager
    @wraps(block)
    def timed(*args: object, **kwargs: object) -> Iterator[Any]:
        began = time.monotonic()
        with block(*args, **kwargs) as held:
            ended(f"{name}: begun", time.monotonic() - began)
            yield held
            began = time.monotonic()
        ended(f"{name}: ended", time.monotonic() - began)

    return timed

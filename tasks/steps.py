"""The Prefect rim that every feature's steps.py is made of: one decorator for effects, one for facts decided once."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from tasks.core.errors import OperatorError, TransientError, unexpected

P = ParamSpec("P")
R = TypeVar("R")

RETRY_DELAYS_SECONDS = [2.0, 8.0, 30.0]


def effect(*, timeout: timedelta, retries: bool = False) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a step that observes or changes the world: never cached, never persisted, called twice it runs twice.

    `retries` is for reads: only a TransientError is tried again (after about 2, 8 and 30 s, with jitter).
    An exception that is no OperatorError leaves the step as its type and place only: its text may quote people's data
    or a secret, and Prefect would store it in the task run's state.
    """

    def decorate(body: Callable[P, R]) -> Task[P, R]:
        return task(
            task_run_name=body.__name__.replace("_", "-"),
            cache_policy=NO_CACHE,
            persist_result=False,
            timeout_seconds=timeout.total_seconds(),
            retries=len(RETRY_DELAYS_SECONDS) if retries else 0,
            retry_delay_seconds=RETRY_DELAYS_SECONDS,
            retry_jitter_factor=0.5,
            retry_condition_fn=_is_transient,
        )(_without_text(body))

    return decorate


def decided(key: str, *, timeout: timedelta) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a step whose answer is decided once per run (a plan, a tag, an approval) and found again after a resume.

    The answer is persisted under `<flow run id>-<key>`; it must hold no secret and no personal datum.
    """

    def decorate(body: Callable[P, R]) -> Task[P, R]:
        return task(
            task_run_name=body.__name__.replace("_", "-"),
            persist_result=True,
            result_storage_key="{flow_run.id}-" + key,
            timeout_seconds=timeout.total_seconds(),
        )(_without_text(body))

    return decorate


def _without_text(body: Callable[P, R]) -> Callable[P, R]:
    @wraps(body)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return body(*args, **kwargs)
        except OperatorError:
            raise
        except Exception as error:  # noqa: BLE001 - translated, not swallowed
            raise unexpected(error) from None

    return guarded


async def _is_transient(_task: Task[Any, Any], _run: TaskRun, state: State[Any]) -> bool:
    return isinstance(await state.aresult(raise_on_failure=False), TransientError)

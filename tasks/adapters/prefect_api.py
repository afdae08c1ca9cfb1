"""The Prefect server, asked by duties about their own runs and by the command about anybody's."""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
    LogFilter,
    LogFilterFlowRunId,
    LogFilterTimestamp,
)
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort, LogSort
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import get_current_settings

from tasks.core.attempt import Attempt, Trigger
from tasks.core.errors import OperatorError, TransientError

logger = logging.getLogger(__name__)

DUTY_TAG = "duty"
CI_TAG = "ci"
HEALTH_SECONDS = 3.0
REQUEST_SECONDS = 20.0  # for each of the client's own tries
PAGE = 200
PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What the server knows of a run; times are UTC, `started_at` is the first start (None: it never started).

    `running_since` is when it last began to run, after a retry or a resume too; None while it does not run.
    """

    id: str
    duty: str
    environment: str
    dry_run: bool
    trigger: Trigger
    attempts: int
    state_type: str
    state_name: str
    state_message: str
    expected_at: datetime
    started_at: datetime | None
    running_since: datetime | None
    ended_at: datetime | None

    def attempt(self, environment: str, number: int) -> Attempt:
        """Return one of its attempts; a run that never started goes by the time at which it should have."""
        return Attempt(
            duty=self.duty,
            environment=environment,
            flow_run_id=self.id,
            number=number,
            trigger=self.trigger,
            started_at=self.started_at or self.expected_at,
            dry_run=self.dry_run,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line of a run's log."""

    at: datetime
    name: str
    level: int
    text: str


def address() -> str:
    """Return where the server is said to be; "" where nothing says."""
    return str(get_current_settings().api.url or "")


def check() -> str:
    """Return the server's address after it answered; raises `prefect.no_address`, `.unreachable` or `.silent` in 3 s.

    Prefect's own client would wait for minutes for a silent server, and start a throw-away one where none is named.
    """
    url = address()
    if not url:
        raise OperatorError("prefect.no_address")
    try:
        answer = httpx.get(f"{url}/health", timeout=HEALTH_SECONDS)
        answer.raise_for_status()
    except httpx.TimeoutException:
        raise OperatorError("prefect.silent", url) from None
    except (httpx.HTTPError, httpx.InvalidURL):
        raise OperatorError("prefect.unreachable", url) from None
    return url


def read_run(run_id: str) -> RunRecord:
    """Return one run's record; raises OperatorError `prefect.no_run`."""
    with _client() as client:
        try:
            return _record(client, client.read_flow_run(UUID(run_id)))
        except ObjectNotFound:
            raise OperatorError("prefect.no_run", run_id) from None


def read_own_run(run_id: str) -> RunRecord:
    """Return the record of the run that asks, waiting up to PATIENCE_SECONDS for a server that is being restarted."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return read_run(run_id)
        except TransientError:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_SECONDS)


def ended_runs(environment: str, *, since: datetime) -> tuple[RunRecord, ...]:
    """Return the duty runs of an environment that reached a terminal state at or after `since`, oldest first."""
    chosen = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[DUTY_TAG]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=sorted(TERMINAL_STATES))),
        end_time=FlowRunFilterEndTime.model_validate({"after_": since}),
    )
    return _read(environment, chosen)


def running_runs(environment: str) -> tuple[RunRecord, ...]:
    """Return the duty runs of an environment that are Running."""
    running = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING]))
    return _read(environment, FlowRunFilter(tags=FlowRunFilterTags(all_=[DUTY_TAG]), state=running))


def create_run(
    duty: str, environment: str, parameters: Mapping[str, Any], *, from_ci: bool = False, key: str | None = None
) -> str:
    """Create a run of the deployment `<duty>/<environment>` and return its id; a path to a TOML file goes by its stem.

    `key` is an idempotency key: the same key gives the same run. Raises OperatorError `prefect.no_deployment` or
    `prefect.refused` (parameters that the form would refuse too).
    """
    name = f"{duty}/{PurePath(environment).stem}"
    given = {"environment": environment} if environment.endswith(".toml") else {}
    with _client() as client:
        try:
            deployment = client.read_deployment_by_name(name)
            run = client.create_flow_run_from_deployment(
                deployment.id,
                parameters={**given, **parameters},
                tags=[CI_TAG] if from_ci else [],
                idempotency_key=key,
            )
        except ObjectNotFound:
            raise OperatorError("prefect.no_deployment", name) from None
        except PrefectHTTPStatusError as error:
            if error.response.status_code in (409, 422):
                raise OperatorError("prefect.refused", name) from None
            raise
    return str(run.id)


def log_lines(run_id: str, *, after: datetime | None) -> tuple[LogLine, ...]:
    """Return a run's log lines later than `after` (all when None), oldest first, at most one page."""
    later = LogFilterTimestamp.model_validate({"after_": after}) if after else None
    chosen = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[UUID(run_id)]), timestamp=later)
    with _client() as client:
        logs = client.read_logs(log_filter=chosen, limit=PAGE, sort=LogSort.TIMESTAMP_ASC)
    lines = (LogLine(at=log.timestamp, name=log.name, level=log.level, text=log.message) for log in logs)
    return tuple(line for line in lines if after is None or line.at > after)


@contextmanager
def _client() -> Iterator[SyncPrefectClient]:
    """Yield a client; raises TransientError `prefect.lost`, and OperatorError `prefect.answered` for a bad status."""
    try:
        with get_client(httpx_settings={"timeout": REQUEST_SECONDS}, sync_client=True) as client:
            yield client
    except PrefectHTTPStatusError as error:
        asked = f"{error.request.method} {error.request.url.copy_with(query=None)}"
        raise OperatorError("prefect.answered", f"{asked}: HTTP {error.response.status_code}") from None
    except httpx.TransportError:
        raise TransientError("prefect.lost", address()) from None


def _read(environment: str, chosen: FlowRunFilter) -> tuple[RunRecord, ...]:
    records: list[RunRecord] = []
    with _client() as client:
        for page in range(10_000):
            runs = client.read_flow_runs(
                flow_run_filter=chosen, sort=FlowRunSort.END_TIME_DESC, limit=PAGE, offset=page * PAGE
            )
            records += (_record(client, run) for run in runs if _environment(run) == environment)
            if len(runs) < PAGE:
                break
    return tuple(reversed(records))


def _record(client: SyncPrefectClient, run: FlowRun) -> RunRecord:
    state = run.state
    return RunRecord(
        id=str(run.id),
        duty=_flow_name(client, run.flow_id),
        environment=_environment(run),
        dry_run=bool(run.parameters.get("dry_run", False)),
        trigger=_trigger(run),
        attempts=max(run.run_count, 1),
        state_type=state.type.value if state else "",
        state_name=(state.name or "") if state else "",
        state_message=(state.message or "") if state else "",
        expected_at=run.expected_start_time or run.created or run.start_time,  # type: ignore[arg-type]
        started_at=run.start_time,
        running_since=state.timestamp if state and state.is_running() else None,
        ended_at=run.end_time,
    )


_names: dict[UUID, str] = {}


def _environment(run: FlowRun) -> str:
    """Return the name of a run's environment: a path to a TOML file is named by its stem, as the loader demands."""
    return PurePath(str(run.parameters.get("environment", ""))).stem


def _flow_name(client: SyncPrefectClient, flow_id: UUID) -> str:
    if flow_id not in _names:
        _names[flow_id] = client.read_flow(flow_id).name
    return _names[flow_id]


def _trigger(run: FlowRun) -> Trigger:
    made_by = (run.created_by.type or "").upper() if run.created_by else ""
    doors = (
        (run.deployment_id is None, Trigger.BREAK_GLASS),
        (run.auto_scheduled or made_by == "SCHEDULE", Trigger.SCHEDULE),
        (run.parent_task_run_id is not None, Trigger.FLOW),
        (made_by == "AUTOMATION", Trigger.AUTOMATION),
        (CI_TAG in run.tags, Trigger.CI),
        (True, Trigger.PERSON),
    )
    return next(trigger for holds, trigger in doors if holds)

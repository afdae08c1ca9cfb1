"""Closes the runs whose process is gone, so that no run ends without outcome, ledger entry and notice."""

import logging
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State, StateType
from pydantic import Field

from flows import closing
from flows.form import ENVIRONMENT
from tasks.adapters import prefect_api
from tasks.adapters.prefect_api import RunRecord
from tasks.adapters.s3 import AlreadyThere
from tasks.adapters.source import code
from tasks.core.attempt import Attempt
from tasks.core.duties import DUTIES
from tasks.core.errors import OperatorError, known
from tasks.core.findings import Coverage, Finding, Outcome, Severity, judge
from tasks.environment import Environment, load
from tasks.evidence import ledger
from tasks.evidence.document import write
from tasks.evidence.store import Store
from tasks.notices import message
from tasks.notices.words import spoken, tell
from tasks.reports.standard import layout

logger = logging.getLogger(__name__)

SETTLED = frozenset({"Refused", "Superseded"})  # ends that leave no evidence on purpose
NEVER_RESUMED = "The flow was paused and never resumed."  # what the server says when an approval's time has run out


@flow(name="close-runs", persist_result=False)
def close_runs(
    environment: ENVIRONMENT,
    days: Annotated[
        int,
        Field(ge=1, le=90, json_schema_extra={"title": "Dias", "description": "Até quantos dias atrás procurar."}),
    ] = 2,
) -> State[Any]:
    """Close every ended duty run of the last days that has no entry in the ledger, and report runs that take too long.

    Reads: the Prefect server's runs, the evidence bucket. Changes: evidence and ledger of those runs; never what they
    did. Output: for each, outcome, notice and ledger entry. Impact of failure: those runs stay unannounced until the
    next sweep.
    """
    try:
        return sweep(load(environment), days)
    except OperatorError as error:
        return State(type=StateType.FAILED, name="Unclosed", message=said(error))


def sweep(settings: Environment, days: int) -> State[Any]:
    """Return how the sweep ended; raises OperatorError when it cannot even read what there is to close."""
    store = closing.store_of(settings)
    since = datetime.now(UTC) - timedelta(days=days)
    recorded = ledger.recorded(store, settings.name, since=since - timedelta(days=1))
    closed, failures = 0, []
    for record in prefect_api.ended_runs(settings.name, since=since):
        for attempt in unclosed(record, settings.name, recorded):
            try:
                closed += close(store, settings, record, attempt)
            except Exception as error:  # noqa: BLE001 - the others are still closed; told by this run's state
                failures.append(f"{record.duty} {record.id}: {said(known(error))}")
    overdue = report_overdue(store, settings)
    text = f"{closed} execuções encerradas; {overdue} em andamento além do limite; {len(failures)} falhas"
    if failures:
        return State(type=StateType.FAILED, name="Unclosed", message="\n".join((text, *failures)))
    return State(type=StateType.COMPLETED, name="Closed", message=text)


def said(error: OperatorError) -> str:
    """Return an error's sentences: what happened, what is safe, what to do."""
    told = tell(error.code, error.subject, error.data)
    return "\n".join(filter(None, (told.message, told.safe, told.remedy)))


def unclosed(record: RunRecord, environment: str, recorded: frozenset[tuple[str, int]]) -> tuple[Attempt, ...]:
    """Return the attempts of an ended run that the ledger does not know."""
    if record.state_name in SETTLED or record.duty not in DUTIES:
        return ()
    numbers = range(1, record.attempts + 1)
    return tuple(record.attempt(environment, n) for n in numbers if (record.id, n) not in recorded)


def close(store: Store, settings: Environment, record: RunRecord, attempt: Attempt) -> bool:
    """Close one attempt: the outcome that stands already is taken as it is, else the run is told as dead.

    Returns False when another closer is at it; if that one dies, a later sweep goes on.
    """
    words = spoken(import_module(DUTIES[attempt.duty].wording).WORDING)
    document = closing.standing(store, attempt)
    stood = document is not None
    if document is None:
        outcome = dead(ending(record) if attempt.number == record.attempts else "crashed")
        now = datetime.now(UTC)
        document = write(attempt, outcome, words, safe=words.interrupted, code=code(), finished_at=now)
        try:
            closing.record(store, attempt, document, layout(document, (), (), words.labels))
        except AlreadyThere:
            return False
    elif not closing.claim(store, attempt, document):
        return False
    closing.finish(store, settings, attempt, document, look_up=stood)
    logger.info("closed a run", extra={"attempt": attempt.prefix, "result": document.result})
    return True


def ending(record: RunRecord) -> str:
    """Return how a dead run ended: cancelled, expired, unrecorded, never_started or crashed."""
    ends = (
        (record.started_at is None, "never_started"),
        (record.state_type == StateType.CANCELLED.value, "cancelled"),
        (record.state_message == NEVER_RESUMED, "expired"),
        (record.state_name == "Unrecorded", "unrecorded"),
    )
    return next((result for holds, result in ends if holds), "crashed")


FINDINGS = {
    "crashed": Finding(rule="run.crashed", severity=Severity.HIGH, subject=""),
    "cancelled": Finding(rule="run.cancelled", severity=Severity.MEDIUM, subject=""),
    "expired": Finding(rule="run.expired", severity=Severity.MEDIUM, subject=""),
    "never_started": Finding(rule="run.never_started", severity=Severity.HIGH, subject=""),
    "unrecorded": Finding(rule="run.unrecorded", severity=Severity.HIGH, subject=""),
}


def dead(result: str) -> Outcome:
    """Return the outcome of a run that ended without one: inconclusive, whatever it may have done."""
    unjudged = Coverage(what="run.whole", required=True, assessed=False, why=f"run.{result}")
    return judge((FINDINGS[result],), result=result, coverage=(unjudged,))


def report_overdue(store: Store, settings: Environment) -> int:
    """Tell people once of every run that is Running longer than its duty's limit; return how many there are."""
    now = datetime.now(UTC)
    late = [record for record in prefect_api.running_runs(settings.name) if is_overdue(record, now)]
    for record in late:
        notice = message.overdue(record.duty, record.id, DUTIES[record.duty].limit, settings.links)
        attempt = record.attempt(settings.name, record.attempts)
        # not among the run's own files: those may just be closed
        receipt = f"{settings.name}/overdue/{record.id}.json"
        closing.tell(store, settings, attempt, notice, receipt, look_up=True)
    return len(late)


def is_overdue(record: RunRecord, now: datetime) -> bool:
    """Return whether a run runs longer than its duty's limit: since its last beginning, not since a first attempt."""
    since = record.running_since
    return record.duty in DUTIES and since is not None and now - since > DUTIES[record.duty].limit

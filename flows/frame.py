"""What stands around every duty, once: settings, identity, errors turned into outcomes, closing, the state."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from prefect import Flow, flow
from prefect.client.schemas.objects import State, StateType
from prefect.runtime import flow_run

from flows import artifacts, closing
from flows.form import signature
from tasks.adapters import prefect_api
from tasks.adapters.s3 import AlreadyThere
from tasks.adapters.source import code
from tasks.core.attempt import Attempt
from tasks.core.errors import OperatorError, known
from tasks.core.findings import Finding, Outcome, Severity, Table, Verdict, judge
from tasks.core.wording import Wording
from tasks.environment import Environment, load
from tasks.evidence.document import Document, write
from tasks.notices import message
from tasks.notices.words import spoken
from tasks.reports.blocks import Block
from tasks.reports.markdown import to_markdown
from tasks.reports.standard import layout

logger = logging.getLogger(__name__)

P = ParamSpec("P")
Report = Callable[[Outcome], tuple[Block, ...]]

STATES = {
    Verdict.PASSED: (StateType.COMPLETED, "Passed"),
    Verdict.ATTENTION: (StateType.COMPLETED, "Attention"),
    Verdict.INCONCLUSIVE: (StateType.FAILED, "Inconclusive"),
    Verdict.FAILED: (StateType.FAILED, "Unfulfilled"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a duty's body is handed: which attempt this is, its environment's settings, and how to show progress."""

    attempt: Attempt
    settings: Environment
    progress: Callable[[float, str], None]


def duty(
    name: str, *, wording: Wording, report: Report = lambda _outcome: ()
) -> Callable[[Callable[Concatenate[Run, P], Outcome]], Flow[..., State[Any]]]:
    """Make a Prefect flow of a duty's body: `environment` comes first, then the body's own parameters.

    The flow closes on return and on Exception; every other BaseException (a suspension, a cancellation, SIGTERM)
    passes untouched, and close-runs closes the run if it has ended. The body itself is `inspect.unwrap(flow.fn)`.
    """
    words = spoken(wording)

    def written(attempt: Attempt, outcome: Outcome, safe: str) -> Document:
        return write(attempt, outcome, words, safe=safe, code=code(), finished_at=datetime.now(UTC))

    def decorate(body: Callable[Concatenate[Run, P], Outcome]) -> Flow[..., State[Any]]:
        @wraps(body)
        def around(*, environment: str, **parameters: Any) -> State[Any]:  # noqa: ANN401 - the body's own parameters
            try:
                settings = load(environment)
            except OperatorError as error:
                told = words.tell(error.code, error.subject, error.data)
                return State(
                    type=StateType.FAILED, name="Refused", message=f"{told.message}\n{told.safe}\n{told.remedy}"
                )
            this = prefect_api.read_own_run(str(flow_run.id))
            attempt = this.attempt(settings.name, this.attempts)
            run = Run(attempt=attempt, settings=settings, progress=artifacts.progress(name))
            try:
                outcome = body(run, **parameters)  # type: ignore[call-arg]
                document = written(run.attempt, outcome, wording.safe)
                blocks = layout(document, report(outcome), outcome.tables, words.labels, charts=outcome.charts)
            except Exception as error:  # noqa: BLE001 - told to people, and closed
                outcome, safe = failed_by(error, wording)
                document = written(run.attempt, outcome, safe)
                blocks = layout(document, (), (), words.labels)
            return _close(run, document, blocks, outcome.tables, words)

        around.__signature__ = signature(body)  # type: ignore[attr-defined]
        return flow(name=name, persist_result=False, validate_parameters=True)(around)

    return decorate


def failed_by(error: Exception, wording: Wording) -> tuple[Outcome, str]:
    """Return the outcome of a duty that an error ended, and what is safe; a foreign error tells only type and place."""
    cause = known(error)
    finding = Finding(rule=cause.code, severity=Severity.CRITICAL, subject=cause.subject, data=cause.data)
    told = spoken(wording).tell(cause.code, cause.subject, cause.data)
    own = told.safe if cause.code in wording.codes else ""
    safe = own or f"{told.safe} {wording.interrupted}".strip()
    return judge((finding,), fulfilled=False, result="error", subject=cause.subject), safe


def _close(
    run: Run, document: Document, blocks: tuple[Block, ...], tables: tuple[Table, ...], words: Wording
) -> State[Any]:
    try:
        store = closing.store_of(run.settings)
        closing.record(store, run.attempt, document, blocks, tables)
        trouble = closing.finish(store, run.settings, run.attempt, document, look_up=False)
    except AlreadyThere:
        logger.warning("somebody else has closed this run", extra={"attempt": run.attempt.prefix})
        return State(type=StateType.FAILED, name="Superseded", message="Outro processo já encerrou esta execução.")
    except Exception as error:  # noqa: BLE001 - close-runs finishes it
        cause = known(error)
        told = words.tell(cause.code, cause.subject, cause.data)
        artifacts.show(document, to_markdown(blocks))
        whole = message.unrecorded(document, told, run.settings.links)
        return State(type=StateType.FAILED, name="Unrecorded", message=whole)
    run.progress(100, document.summary)
    artifacts.show(document, f"{trouble}\n\n{to_markdown(blocks)}".strip())
    kind, state = STATES[document.verdict]
    report_key = f"{run.attempt.prefix}{closing.report_name(document)}"
    last_words = message.plain(document, run.settings.links, report_key)
    return State(type=kind, name=state, message=f"{trouble}\n\n{last_words}".strip())

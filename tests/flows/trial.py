"""A second, trivial duty: a duty is its body, its words and a row in the table; nothing of the frame is repeated."""

import os
import time
from datetime import timedelta
from typing import Annotated, Literal

from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from pydantic import Field

from flows.close_runs import close_runs  # this copy of the flow's process knows the trial duty too
from flows.frame import Run, duty
from tasks.core.duties import DUTIES, Duty
from tasks.core.errors import OperatorError
from tasks.core.findings import Chart, Coverage, Finding, Outcome, Series, Severity, judge
from tasks.core.wording import Wording, Words
from tasks.steps import decided, effect

__all__ = ["close_runs", "trial"]

CANARY = "CANARIA-8c1d"
WORDING = Wording(
    title="Tarefa de ensaio",
    purpose="Mostra que uma tarefa se escreve sem copiar uma linha.",
    interrupted="O ensaio não muda nada.",
    summaries={
        "passed": "O ensaio de {subject} passou.",
        "attention": "O ensaio de {subject} pede atenção.",
        "inconclusive": "O ensaio de {subject} não pôde ser julgado.",
        "failed": "O ensaio de {subject} falhou.",
        "nothing_due": "Nada a fazer.",
    },
    labels={"rows": "Linhas", "unread": "não foram lidas"},
    codes={
        "trial.finding": Words(title="Achado de ensaio", message="{subject} não está bem.", remedy="Nada a fazer."),
        "trial.error": Words(title="Erro de ensaio", message="{subject} não respondeu.", remedy="Tente de novo."),
    },
)
DUTIES["trial"] = Duty(
    id="trial", flow="tests.flows.trial", wording="tests.flows.trial", channel="deploys", limit=timedelta(seconds=3)
)
CHART = Chart(name="trend", title="Ensaios", unit="s", points=("A",), series=(Series(name="Duração", values=(1.0,)),))
ENDS = {
    "passed": lambda: judge((), subject="A"),
    "attention": lambda: judge((_finding(Severity.HIGH),), subject="A", charts=(CHART,)),
    "inconclusive": lambda: judge((), subject="A", coverage=(_unread(),)),
    "failed": lambda: judge((_finding(Severity.CRITICAL),), subject="A"),
    "nothing_due": lambda: judge((), result="nothing_due"),
}


class Approval(RunInput):
    """What the trial asks for."""

    decision: Literal["approve", "reject"]


@decided("pid", timeout=timedelta(seconds=5))
def decide() -> int:
    """Decide once, in the first process of the run."""
    return os.getpid()


@effect(timeout=timedelta(seconds=5))
def observe() -> int:
    """Tell which process runs."""
    return os.getpid()


@effect(timeout=timedelta(seconds=5))
def blow_up(kind: str) -> None:
    """Raise an error that is known, or one that quotes a secret."""
    if kind == "known":
        raise OperatorError("trial.error", "O serviço de ensaio")
    raise ValueError(CANARY)


@duty("trial", wording=WORDING)
def trial(
    run: Run,
    end: Annotated[str, Field(title="Fim", description="Como o ensaio deve terminar.")] = "passed",
    error: Literal["", "known", "foreign", "foreign step"] = "",
    wait_seconds: Annotated[float, Field(title="Espera", ge=0, le=600)] = 0,
    approval_seconds: int = 0,
) -> Outcome:
    """End as told. Reads: nothing. Changes: nothing. Output: an outcome. Impact of failure: none."""
    first = decide()
    if approval_seconds:
        suspend_flow_run(wait_for_input=Approval, timeout=approval_seconds, key="approval")
    run.progress(50, "no meio do ensaio")
    deadline = time.monotonic() + wait_seconds
    while time.monotonic() < deadline:
        time.sleep(0.1)
    if error == "foreign":
        raise ValueError(CANARY)
    if error:
        blow_up(error)
    outcome = ENDS[end]()
    return judge(
        outcome.findings,
        subject=outcome.subject,
        result=outcome.result,
        coverage=outcome.coverage,
        measures={"resumed": float(first != observe())},
        charts=outcome.charts,
    )


def _finding(severity: Severity) -> Finding:
    return Finding(rule="trial.finding", severity=severity, subject="A")


def _unread() -> Coverage:
    return Coverage(what="rows", required=True, assessed=False, why="unread")

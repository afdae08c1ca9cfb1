"""Shows the duties at work: runs each through the Prefect API and compares what came out with what should."""

import re
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from deployments.apply import apply
from deployments.following import watch
from deployments.lab import lab, orchestrator
from deployments.lab.seed import Backups
from tasks.adapters import prefect_api
from tasks.adapters.prefect_api import RunRecord

TIMEOUT_SECONDS = 300.0
WIDTH = 330  # addresses must stay whole, to be clicked or copied


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run to show: a duty, its parameters, and the state in which it should end."""

    duty: str
    about: str
    parameters: dict[str, Any]
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How one case went."""

    case: Case
    run: RunRecord
    seconds: float

    @property
    def as_expected(self) -> bool:
        """Return whether the run ended as it should."""
        return self.run.state_name == self.case.expected


def cases(backups: Backups) -> tuple[Case, ...]:
    """Return what the demo shows, in order."""
    return (
        Case(duty="backup-restore-test", about="the newest backup, good", parameters={}, expected="Passed"),
        Case(
            duty="backup-restore-test",
            about="a truncated backup",
            parameters={"backup": backups.truncated},
            expected="Unfulfilled",
        ),
    )


def show(console: Console, case: Case) -> Shown:
    """Run one case through its deployment, as a person would."""
    started = time.monotonic()
    run_id = prefect_api.create_run(case.duty, "lab", case.parameters)
    run = watch(console, f"{case.duty} ({case.about})", run_id, timeout_seconds=TIMEOUT_SECONDS)
    return Shown(case=case, run=run, seconds=time.monotonic() - started)


def main(console: Console, duty: str) -> int:
    """Run the demo in a lab of its own; return 0 only if every run ended as it should."""
    known = {case.duty for case in cases(Backups(good="", truncated=""))}
    if duty and duty not in known:
        console.print(f"There is no demo of '{duty}'. There are: {', '.join(sorted(known))}.")
        return 2
    with ExitStack() as stack:
        with console.status("Starting the lab and a Prefect server (about half a minute)"):
            running = stack.enter_context(lab.running())
            lab.attach(running.variables)
            apply("lab")
            stack.enter_context(orchestrator.worker(running.guarded, running.variables))
        console.print(f"Prefect UI  {running.addresses['prefect']}\nInbox       {running.addresses['inbox']}")
        chosen = tuple(case for case in cases(running.backups) if duty in ("", case.duty))
        shown = tuple(show(console, case) for case in chosen)
        Console(width=max(console.width, WIDTH)).print(_table(shown, running.addresses))
        good = all(each.as_expected for each in shown)
        console.print("Every run ended as expected." if good else "[red]Not every run ended as expected.[/]")
        if console.is_terminal:
            console.input("The lab stays up so that you can look around. Press Enter to end it. ")
    return 0 if good else 1


def _table(shown: tuple[Shown, ...], addresses: Mapping[str, str]) -> Table:
    table = Table("duty", "what", "verdict", "expected", "seconds", "evidence", "run", box=SIMPLE)
    for each in shown:
        report = re.search(r"https?://\S+report\.html", each.run.state_message)
        table.add_row(
            each.case.duty,
            each.case.about,
            f"[{'green' if each.as_expected else 'red'}]{each.run.state_name}[/]",
            each.case.expected,
            f"{each.seconds:.0f}",
            report.group() if report else "-",
            f"{addresses['prefect']}/runs/flow-run/{each.run.id}",
        )
    return table

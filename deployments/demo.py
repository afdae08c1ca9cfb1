"""Shows the duties at work: runs each through the Prefect API and compares what came out with what should."""

import re
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from deployments.apply import apply
from deployments.following import watch
from deployments.lab import lab, orchestrator
from deployments.lab.lab import Lab
from tasks.adapters import prefect_api
from tasks.adapters.prefect_api import RunRecord

TIMEOUT_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run to show: a duty, its parameters in a given lab, and the state in which it should end.

    `needs` says what a lab lacks for it; then it is skipped, and that is said.
    """

    duty: str
    about: str
    parameters: Callable[[Lab], dict[str, Any]]
    expected: str
    needs: Callable[[Lab], str] = lambda _lab: ""


CASES = (
    Case(
        duty="backup-restore-test",
        about="the newest backup, proved equal to its manifest",
        parameters=lambda _lab: {},
        expected="Passed",
    ),
    Case(
        duty="backup-restore-test",
        about="a backup that was cut",
        parameters=lambda lab: {"backup": lab.backups.truncated},
        expected="Unfulfilled",
    ),
    Case(
        duty="backup-restore-test",
        about="a backup that lacks the rows of one table",
        parameters=lambda lab: {"backup": lab.backups.emptied},
        expected="Unfulfilled",
    ),
    Case(
        duty="backup-restore-test",
        about="a backup in which somebody changed one value",
        parameters=lambda lab: {"backup": lab.backups.tampered},
        expected="Unfulfilled",
    ),
    Case(
        duty="ssh-rotation",
        about="the key of the operations team, replaced and proved on three real SSH servers",
        parameters=lambda _lab: {"purpose": "ops", "dry_run": False},
        expected="Passed",
        needs=lambda lab: lab.fleet.missing,
    ),
    Case(
        duty="ssh-rotation",
        about="a server that shows another host key than the pinned one: nobody logs in",
        parameters=lambda _lab: {"purpose": "copias", "dry_run": False},
        expected="Unfulfilled",
        needs=lambda lab: lab.fleet.missing,
    ),
)


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

    @property
    def report(self) -> str:
        """Return the address of the evidence, as the run's own last words give it."""
        found = re.search(r"https?://\S+\.html", self.run.state_message)
        return found.group() if found else "-"


def show(console: Console, running: Lab, case: Case) -> Shown:
    """Run one case through its deployment, as a person would."""
    started = time.monotonic()
    run_id = prefect_api.create_run(case.duty, "lab", case.parameters(running))
    run = watch(console, f"{case.duty} ({case.about})", run_id, timeout_seconds=TIMEOUT_SECONDS)
    return Shown(case=case, run=run, seconds=time.monotonic() - started)


def main(console: Console, duty: str) -> int:
    """Run the demo in a lab of its own; return 0 only if every run ended as it should."""
    chosen = tuple(case for case in CASES if duty in ("", case.duty))
    if not chosen:
        console.print(f"There is no demo of '{duty}'. There are: {', '.join(sorted({c.duty for c in CASES}))}.")
        return 2
    with ExitStack() as stack:
        console.print("Starting the lab, a Prefect server and a worker: about half a minute.")
        running = stack.enter_context(lab.running())
        lab.attach(running.variables)
        apply("lab")
        stack.enter_context(orchestrator.worker(running.guarded, running.variables))
        lacking = {case.about: case.needs(running) for case in chosen}
        shown = tuple(show(console, running, case) for case in chosen if not lacking[case.about])
        for about, why in lacking.items():
            if why:
                console.print(f"[yellow]Skipped[/]: {about}. {why}")
        _end(console, shown, running.addresses)
        if console.is_terminal:
            console.input("The lab stays up so that you can look around. Press Enter to end it. ")
        else:
            console.print("The lab has ended, and its pages with it; `make up` keeps one up to look around.")
    return 0 if all(each.as_expected for each in shown) else 1


def _end(console: Console, shown: tuple[Shown, ...], addresses: Mapping[str, str]) -> None:
    """Print the table of all runs, and below it their addresses whole, to be clicked or copied."""
    table = Table("", "duty", "verdict", "expected", "seconds", "evidence", "run", box=SIMPLE)
    pages = [(each.report, f"{addresses['prefect']}/runs/flow-run/{each.run.id}") for each in shown]
    for number, (each, (report, run)) in enumerate(zip(shown, pages, strict=True), 1):
        tone = "green" if each.as_expected else "red"
        table.add_row(
            str(number),
            f"{each.case.duty}\n{each.case.about}",
            f"[{tone}]{each.run.state_name}[/]",
            each.case.expected,
            f"{each.seconds:.0f}",
            f"[link={report}]report[/link]",
            f"[link={run}]page[/link]",
        )
    console.print(table)
    listed = [
        f"{number} {name:9}{page}"
        for number, both in enumerate(pages, 1)
        for name, page in zip(("evidence", "run"), both, strict=True)
    ]
    listed += [f"Prefect UI {addresses['prefect']}", f"Inbox      {addresses['inbox']}"]
    console.print("\n".join(listed), markup=False, highlight=False, soft_wrap=True)
    good = all(each.as_expected for each in shown)
    console.print("Every run ended as expected." if good else "[red]Not every run ended as expected.[/]")

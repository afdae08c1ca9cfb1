"""Follows a run from outside, through the Prefect API, until it ends."""

import logging
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from prefect.utilities.urls import url_for
from rich.console import Console

from tasks.adapters import prefect_api
from tasks.adapters.prefect_api import LogLine, RunRecord
from tasks.core.errors import TransientError

POLL_SECONDS = 1.0
LOG_SECONDS = 2.0  # how long a run keeps log lines before it sends them
TERMINAL = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
EXIT_CODES = {"Passed": 0, "Unfulfilled": 1, "Refused": 2, "Attention": 3, "Inconclusive": 4}
DEAD = 4
STILL_RUNNING = 20
OUTAGE_SECONDS = 60.0
OURS = ("flows", "tasks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one look at a run showed: its record, and the lines of its log since the look before."""

    run: RunRecord
    lines: tuple[LogLine, ...]

    @property
    def ended(self) -> bool:
        """Return whether the run has reached a terminal state."""
        return self.run.state_type in TERMINAL


def follow(run_id: str, *, timeout_seconds: float) -> Iterator[Seen]:
    """Look at a run every second until it ends or the time is over; the last look is the answer.

    Raises TransientError `prefect.lost` when the server has been out of reach for OUTAGE_SECONDS.
    """
    deadline = time.monotonic() + timeout_seconds
    latest: datetime | None = None
    ended = False
    while True:
        run, lines = _look(run_id, latest)
        latest = lines[-1].at if lines else latest
        seen = Seen(run=run, lines=tuple(line for line in lines if _is_ours(line)))
        yield seen
        if ended or time.monotonic() > deadline:
            return
        ended = seen.ended  # one look more: the last lines of a log arrive after the state
        time.sleep(LOG_SECONDS if ended else POLL_SECONDS)


def _look(run_id: str, latest: datetime | None) -> tuple[RunRecord, tuple[LogLine, ...]]:
    """Read a run and its new log lines, over a server that restarts meanwhile."""
    deadline = time.monotonic() + OUTAGE_SECONDS
    while True:
        try:
            return prefect_api.read_run(run_id), prefect_api.log_lines(run_id, after=latest)
        except TransientError:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)


def watch(console: Console, about: str, run_id: str, *, timeout_seconds: float) -> RunRecord:
    """Show a run's own log lines as they come (with a spinner on a terminal); return its last look."""
    console.print(f"{about}: {page(run_id)}", markup=False, highlight=False, soft_wrap=True)
    with console.status(f"{about}: waiting for a worker") if console.is_terminal else nullcontext() as spinner:
        for seen in follow(run_id, timeout_seconds=timeout_seconds):
            for line in seen.lines:
                text = f"{line.at.astimezone():%H:%M:%S} {_shown(line)}"
                console.print(text, markup=False, highlight=False, soft_wrap=True)
            if spinner:
                spinner.update(f"{about}: {seen.run.state_name}")
    return seen.run


def page(run_id: str) -> str:
    """Return the address of a run's page in the Prefect UI."""
    return str(url_for("flow-run", obj_id=UUID(run_id)))


def exit_code(run: RunRecord) -> int:
    """Return what `marias run` exits with: the verdict's code, 4 for a dead run, 20 for one that still runs."""
    if run.state_type not in TERMINAL:
        return STILL_RUNNING
    return EXIT_CODES.get(run.state_name, DEAD)


def _is_ours(line: LogLine) -> bool:
    """Return whether a person who follows the run should see a line: the duty's progress, and every warning."""
    return line.name.startswith("flows") or line.level >= logging.WARNING


def _shown(line: LogLine) -> str:
    """Return our own lines whole, and of Prefect's the first: what follows are tracebacks, which its page shows."""
    return line.text if line.name.startswith(OURS) else line.text.partition("\n")[0]

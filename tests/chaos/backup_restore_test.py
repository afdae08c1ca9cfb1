"""SIGKILL to the restore test at every moment: nothing is left of it, nothing half-told, and the next one passes."""

import logging
import os
from datetime import UTC, datetime

from rich.console import Console

from deployments.lab.aws import CREDENTIALS
from tests.chaos import whole_runs
from tests.chaos.body import kill_the_body
from tests.chaos.kills import Tally
from tests.tasks.backup.world import world

PEOPLE = 10_000  # enough that restoring and verifying are a good part of the whole


def main(times: int, console: Console) -> int:
    """Kill the body `times` times, and whole runs a quarter as often; return 0 only if every promise was kept."""
    logging.disable(logging.WARNING)
    tally = Tally()
    os.environ.update(CREDENTIALS)
    with world() as here:
        here.postgres.seed(now=datetime.now(UTC), people=PEOPLE)
        kill_the_body(here, times, console, tally)
    whole_runs.kill_them(whole_runs.Killed(duty="backup-restore-test"), times // 4, times // 10, console, tally)
    console.print(tally)
    return 1 if tally.broken else 0

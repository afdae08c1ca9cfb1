"""Harm to rotations of SSH keys at every moment: nobody is locked out, no old key lives on, the next one finishes."""

import logging
import os
import random
import time
from collections.abc import Sequence
from multiprocessing.context import ForkServerProcess
from typing import Any

from rich.console import Console

from deployments.lab.aws import CREDENTIALS
from tasks.core.findings import Verdict
from tests.chaos import kills, whole_runs
from tests.chaos.process import RUN_SECONDS, heard, started
from tests.chaos.ssh_body import WHOLE, End, Order, body
from tests.chaos.ssh_cases import Case, cases
from tests.chaos.ssh_ground import HASTY, PATIENT, World, world
from tests.chaos.ssh_harm import possible
from tests.chaos.ssh_watch import Tally, locked, settled, watched
from tests.chaos.ssh_whole import KILLED

CHAIN = 4  # rotations of one world, so that there are several former keys
NEXT_RUNS = 2  # one of them must finish


def main(times: int, console: Console) -> int:
    """Harm `times` runs of the body, kill a twentieth as many whole ones; return 0 only if every promise was kept."""
    logging.disable(logging.WARNING)
    os.environ.update(CREDENTIALS)
    tally = Tally()
    with world() as here:
        harm_the_body(here, times, random.Random(), console, tally)  # noqa: S311 - chance, not secrecy
    console.print(tally)
    whole = kills.Tally()
    whole_runs.kill_them(KILLED, times // 20, 0, console, whole)
    console.print(whole)
    return 1 if tally.broken or whole.broken else 0


def harm_the_body(here: World, times: int, chance: random.Random, console: Console, tally: Tally) -> None:
    """Harm `times` runs, each followed by one that must finish what was begun."""
    chosen = cases(here, possible(here), chance)
    with watched(here, tally):
        for case in (next(chosen) for _ in range(times)):
            if tally.runs % CHAIN == 0:
                here.begin_anew()
            told = len(tally.promises)
            harmed(here, case, chance, tally)
            console.print(tally.line, *tally.promises[told:], sep="\n", soft_wrap=True)
            if len(tally.promises) > told:
                here.begin_anew()  # so that one broken promise is counted once


def harmed(here: World, case: Case, chance: random.Random, tally: Tally) -> None:
    """Harm one run, see that nobody is locked out, and let the next run finish."""
    tally.last = case.name
    here.declare(case.parameters)
    settings = here.settings(HASTY if case.harm else PATIENT)
    order = Order(settings=settings, parameters=case.parameters, stop_after=case.stop_after)
    with started(body, order) as (process, hearing):
        said: tuple[Any, ...] = ()
        if case.stop_after == WHOLE:
            disturbed(here, case, process, chance)
        else:
            said = tuple(heard(hearing, case.stop_after))
        if case.kills:
            process.kill()
        said += tuple(heard(hearing))
    tally.count(case.name, said, by_kill=case.kills, detail=case.harm is None, parameters=", ".join(case.parameters))
    tally.lockouts += [f"{tally.last}: locked out of {door}" for door in locked(here)]
    finish(here, tally)


def disturbed(here: World, case: Case, process: ForkServerProcess, chance: random.Random) -> None:
    """Do harm to a run as it goes on, and take it back; a run that is to be killed may die while the harm lasts."""
    end = time.monotonic() + (RUN_SECONDS if case.killed is None else case.killed)
    if case.harm:
        process.join(min(case.begins, case.killed or case.begins))
        with case.harm(here, chance):
            process.join(max(0, min(case.lasts, end - time.monotonic())))
            if time.monotonic() >= end:
                process.kill()
    process.join(max(0, end - time.monotonic()))


def finish(here: World, tally: Tally) -> None:
    """Let runs go on undisturbed until all is proved, and hold every promise against what they leave."""
    ends: list[object] = []
    while not _finished(here, ends):
        if len(ends) == NEXT_RUNS:
            tally.unfinished.append(f"{tally.last}: {ends}")
            break
        with started(body, Order(settings=here.settings())) as (_process, hearing):
            ends += tuple(heard(hearing))[-1:] or (None,)
    tally.again += len(ends) - 1
    here.compromised.clear()
    settled(here, tally)


def _finished(here: World, ends: Sequence[object]) -> bool:
    end = ends[-1] if ends else None
    return isinstance(end, End) and end.verdict == Verdict.PASSED and end.proved == end.accounts == len(here.doors)

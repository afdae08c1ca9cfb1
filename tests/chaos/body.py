"""SIGKILL to the restore test's body, Prefect aside, at every moment of its life; each next one must pass."""

import logging
import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from rich.console import Console

from deployments.lab.aws import CREDENTIALS
from tasks.adapters.guardian import MEMORY
from tasks.core.findings import Verdict
from tasks.environment import Environment
from tests import bare
from tests.chaos.kills import Tally, kill
from tests.chaos.process import heard, started
from tests.tasks.backup.world import PREFIX, World

WHOLE = -1  # no step to stop after


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where the body is run: its settings, and two folders that nobody else uses, for the server and for the rest."""

    settings: Environment
    scratch: Path
    temporary: Path

    @property
    def places(self) -> tuple[Path, ...]:
        """Return the folders in which nothing may be left."""
        return self.scratch, self.temporary


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """A run that nobody disturbed: its verdict, the steps that it took, and its seconds."""

    verdict: str
    steps: tuple[str, ...]
    seconds: float


@contextmanager
def ground(here: World) -> Iterator[Ground]:
    """Put a good backup in S3 and make two folders that everybody may enter, one in memory where there is any."""
    memory = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as scratch, tempfile.TemporaryDirectory() as temporary:
        for place in (scratch, temporary):
            Path(place).chmod(0o755)
        here.put(f"{PREFIX}good.dump", here.dump())
        settings = bare.environment(here.aws, here.settings(cfg={"scratch": scratch}), here.evidence)
        yield Ground(settings=settings, scratch=Path(scratch), temporary=Path(temporary))


def body(on: Ground, stop_after: int, said: Connection) -> None:
    """Run the body, saying each step that has ended, then the verdict; wait for the end after step `stop_after`."""
    logging.disable(logging.WARNING)
    tempfile.tempdir = str(on.temporary)
    os.environ.update(CREDENTIALS)
    steps: list[str] = []

    def ended(name: str, _seconds: float) -> None:
        said.send(name)
        steps.append(name)
        if len(steps) == stop_after:
            signal.pause()

    said.send(bare.drill(on.settings, ended).verdict)


def undisturbed(on: Ground) -> Usual:
    """Run the body to its end."""
    began = time.monotonic()
    with started(body, on, WHOLE) as (_process, hearing):
        *steps, verdict = ("", *heard(hearing))
    return Usual(verdict=verdict, steps=tuple(steps[1:]), seconds=time.monotonic() - began)


def kill_the_body(here: World, times: int, console: Console, tally: Tally) -> None:
    """Kill the body `times` times: after each of its steps (after some, when they are many), else at any moment."""
    chance = random.Random()  # noqa: S311 - chance, not secrecy
    with ground(here) as on:
        usual = undisturbed(on)
        assert usual.verdict == Verdict.PASSED, usual
        numbers = range(1, len(usual.steps) + 1)
        points = chance.sample(numbers, min(len(numbers), times // 2))
        while tally.kills < times:
            with suppress(ProcessLookupError):  # it was quicker: once more
                kill_once(on, usual, points.pop() if points else WHOLE, chance, tally)
                console.print(tally.line)
            usual = undisturbed(on)
            if usual.verdict != Verdict.PASSED:
                tally.next_not_passed.append(f"{usual.verdict} {usual.steps}")


def kill_once(on: Ground, usual: Usual, point: int, chance: random.Random, tally: Tally) -> None:
    """Kill the body right after its step number `point`, or at any moment (WHOLE)."""
    with started(body, on, point) as (process, hearing):
        if point == WHOLE:
            time.sleep(chance.uniform(0, usual.seconds))
            victim = kill(process.pid or 0)
            done = min(len(tuple(heard(hearing))), len(usual.steps))
            moment = f"in {(*usual.steps, 'the end')[done]}"
        else:
            *_, last = heard(hearing, point)
            victim, moment = kill(process.pid or 0), f"after {last}"
    tally.count(moment, victim, on.places)

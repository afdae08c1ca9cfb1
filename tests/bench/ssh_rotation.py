"""The rotation beside a bare thread pool that makes the same connections: interleaved rounds, medians, ratios."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from statistics import median

from rich.console import Console

from deployments.lab.aws import CREDENTIALS
from deployments.lab.sshd import pair
from tasks.adapters.guardian import MEGABYTE
from tests.bench import goals
from tests.bench.goals import Goal, Rounds, load, machine, missed, parts, said, verdicts
from tests.bench.ssh_fleet import Fleet, fleet, store
from tests.bench.ssh_thousand import Thousand, rotate_a_thousand
from tests.bench.ssh_ways import Order, taken, unproved
from tests.bench.ways import Result

LARGE, SMALL = (40, 5), (10, 5)  # hosts, accounts on each
CROWD = (1, 100)
FLAT_MB = 10
MOST_TASK_RUNS = 50


def ratio(way: str) -> Callable[[Rounds], float]:
    """Return the median over all rounds of the rotation by another way in the same round."""
    return lambda rounds: median(a.total / b.total for a, b in zip(rounds["rotation"], rounds[way], strict=True))


def growth(rounds: Rounds) -> float:
    """Return by how many megabytes more the process grows with four times the accounts."""
    large, small = (median(result.grown_bytes for result in rounds[way]) for way in ("rotation", "small"))
    return (large - small) / MEGABYTE


GOALS = (
    Goal(name="200 accounts ÷ bare thread pool, same connections", most=1.15, unit="×", value=ratio("floor")),
    Goal(name="accounts left unproved", most=0, unit="", value=lambda r: unproved((*r["rotation"], *r["small"]))),
    Goal(name="… of 100 on one host, sshd's defaults", most=0, unit="", value=lambda r: unproved(r["crowd"])),
    Goal(name="growth, 200 accounts less that of 50", most=FLAT_MB, unit="MB", value=growth),
)


def main(times: int, console: Console) -> int:
    """Measure `times` rounds; return 0 only if every goal is reached."""
    os.environ.update(CREDENTIALS)
    with ExitStack() as stack:
        cloud = stack.enter_context(store())
        large, small, crowd = (stack.enter_context(fleet(cloud, *size)) for size in (LARGE, SMALL, CROWD))
        console.print(machine(), soft_wrap=True)
        ways = {"floor": large, "commands": large, "rotation": large, "small": small, "crowd": crowd}
        rounds = {way: list[Result]() for way in ways}
        for turn, way in goals.orders(tuple(ways), times):
            with console.status(f"Round {turn + 1} of {times}: {way}"):
                rounds[way].append(taken(way if ways[way] is large else "rotation", order(ways[way])))
    done = {way: tuple(results) for way, results in rounds.items()}
    console.print(parts(done), verdicts(GOALS, done), *said(done), sep="\n")
    console.print(*beside(done), f"Load at the end: {load():.1f}.", sep="\n")
    with console.status("A thousand accounts through Prefect, once"):
        thousand = rotate_a_thousand()
    console.print(thousand)
    return 1 if missed(GOALS, done) or not_reached(thousand) else 0


def beside(rounds: Rounds) -> Iterator[str]:
    """Yield what no goal asks for: against connections with a command each, and without the servers' own work."""
    yield f"By a pool that also runs a command that does nothing for each session: {ratio('commands')(rounds):.2f} ×."
    for way in ("floor", "commands"):
        own = median(a.cpu_seconds / b.cpu_seconds for a, b in zip(rounds["rotation"], rounds[way], strict=True))
        yield f"What this process itself computes, by that of {way}: {own:.2f} ×."


def order(of: Fleet) -> Order:
    """Give a fleet a new key, and return what is asked of a way."""
    of.begin_anew()
    return Order(sections=of.sections(), private=of.private, public=of.public, stranger=pair().public)


def not_reached(thousand: Thousand) -> bool:
    """Return whether the thousand were not all proved, or made a task run each."""
    return thousand.proved < thousand.accounts or thousand.task_runs > MOST_TASK_RUNS

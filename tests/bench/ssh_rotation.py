"""The rotation beside a bare thread pool that makes the same connections: interleaved rounds, medians, ratios."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from statistics import median

from rich.console import Console

from deployments.lab.aws import CREDENTIALS
from deployments.lab.sshd import pair
from tasks.adapters.guardian import MEGABYTE
from tasks.ssh.settings import Transport
from tests.bench import goals
from tests.bench.distance import away
from tests.bench.goals import Goal, Rounds, load, machine, missed, parts, said, verdicts
from tests.bench.ssh_fleet import Fleet, fleet, store
from tests.bench.ssh_thousand import Thousand, rotate_a_thousand
from tests.bench.ssh_ways import Order, taken, unproved
from tests.bench.ways import Result

LARGE, SMALL = (40, 5), (10, 5)  # hosts, accounts on each
CROWD = (1, 100)
ROUND_TRIP_SECONDS = 0.04
FLAT_MB = 10
MOST_TASK_RUNS = 50


def ratio(way: str, by: str) -> Callable[[Rounds], float]:
    """Return the median over all rounds of one way by another in the same round."""
    return lambda rounds: median(a.total / b.total for a, b in zip(rounds[way], rounds[by], strict=True))


def growth(rounds: Rounds) -> float:
    """Return by how many megabytes more the process grows with four times the accounts."""
    large, small = (median(result.grown_bytes for result in rounds[way]) for way in ("rotation", "small"))
    return (large - small) / MEGABYTE


GOALS = (
    Goal(
        name="200 accounts ÷ bare thread pool, same connections", most=1.15, unit="×", value=ratio("rotation", "floor")
    ),
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
        ports = tuple(host.port for host in small.ssh.hosts.values())
        far = replace(small, ports=stack.enter_context(away(ports, round_trip_seconds=ROUND_TRIP_SECONDS)))
        console.print(machine(), soft_wrap=True)
        ways = {
            "floor": ("floor", large),
            "commands": ("commands", large),
            "rotation": ("rotation", large),
            "by sftp": ("rotation", replace(large, transport=Transport.SFTP)),
            "small": ("rotation", small),
            "crowd": ("rotation", crowd),
            "far floor": ("floor", far),
            "far rotation": ("rotation", far),
        }
        rounds = {name: list[Result]() for name in ways}
        for turn, name in goals.orders(tuple(ways), times):
            way, of = ways[name]
            with console.status(f"Round {turn + 1} of {times}: {name}"):
                rounds[name].append(taken(way, order(of)))
    done = {way: tuple(results) for way, results in rounds.items()}
    console.print(parts(done), verdicts(GOALS, done), *said(done), sep="\n")
    console.print(*beside(done), f"Load at the end: {load():.1f}.", sep="\n")
    with console.status("A thousand accounts through Prefect, once"):
        thousand = rotate_a_thousand()
    console.print(thousand)
    return 1 if missed(GOALS, done) or not_reached(thousand) else 0


def beside(rounds: Rounds) -> Iterator[str]:
    """Yield what no goal asks for: by SFTP, over a line, with a command each, and without the servers' own work."""
    yield f"By SFTP: {ratio('by sftp', 'floor')(rounds):.2f} × the floor."
    yield f"50 accounts, {ROUND_TRIP_SECONDS * 1000:.0f} ms away: {ratio('far rotation', 'far floor')(rounds):.2f} ×."
    yield f"A pool that also runs a command that does nothing: {ratio('commands', 'floor')(rounds):.2f} × the floor."
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

"""What benchmarks show: where the time goes, which goals are reached, and on which machine."""

import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from rich.table import Table

from tasks.adapters.guardian import MEGABYTE
from tests.bench.ways import Result

Rounds = Mapping[str, tuple[Result, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A number that must not be greater than `most`."""

    name: str
    most: float
    unit: str
    value: Callable[[Rounds], float]


def missed(goals: Sequence[Goal], rounds: Rounds) -> bool:
    """Return whether any goal is missed."""
    return any(goal.value(rounds) > goal.most for goal in goals)


def orders(names: Sequence[str], times: int) -> Iterator[tuple[int, str]]:
    """Yield, for `times` rounds, every name with its round's number, so that none is always after the same."""
    for turn in range(times):
        for name in (*names[turn % len(names) :], *names[: turn % len(names)]):
            yield turn, name


def machine() -> str:
    """Return the shape of this machine, and how busy it is."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / MEGABYTE / 1000
    return f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.platform()}, load {load():.1f}."


def load() -> float:
    """Return how many processes wanted to run in the last minute: more than the cores, and others are measured too."""
    return os.getloadavg()[0]


def parts(rounds: Rounds) -> Table:
    """Return what each way's parts took."""
    table = Table("way", "part", "seconds (median)", title="Where the time goes")
    for way, results in rounds.items():
        for part in results[0].seconds:
            seconds = median(result.seconds[part] for result in results)
            table.add_row(way, part, f"{seconds:.2f}")
        table.add_row(way, "[bold]whole", f"[bold]{median(r.total for r in results):.2f}", end_section=True)
    return table


def verdicts(goals: Sequence[Goal], rounds: Rounds) -> Table:
    """Return what was reached, goal by goal."""
    table = Table("goal", "at most", "measured", "", title="What is reached")
    for goal in goals:
        value = goal.value(rounds)
        reached = "[green]reached" if value <= goal.most else "[red]missed"
        table.add_row(goal.name, f"{goal.most:g} {goal.unit}", f"{value:.2f} {goal.unit}", reached)
    return table


def said(rounds: Rounds) -> Iterator[str]:
    """Yield what each way found, once."""
    yield from sorted({f"{way}: {result.said}" for way, results in rounds.items() for result in results if result.said})

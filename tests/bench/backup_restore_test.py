"""The restore test beside a bare pg_restore and beside the naive way: interleaved rounds, medians, ratios."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median

from rich.console import Console

from deployments.lab import aws, programs
from deployments.lab.aws import CREDENTIALS, LabAws
from tasks.adapters.guardian import MEGABYTE
from tasks.adapters.postgres_server import find_binaries
from tests.bench import goals
from tests.bench.database import BACKUPS, EVIDENCE, Kept, evidence, kept
from tests.bench.goals import Goal, Rounds, load, machine, missed, parts, said, verdicts
from tests.bench.ways import Order, Result, taken

SMALL_MB = 20


def ratio(part: Callable[[Result], float], way: str) -> Callable[[Rounds], float]:
    """Return the median over all rounds of a part of the drill by the whole of another way in the same round."""
    return lambda rounds: median(part(a) / b.total for a, b in zip(rounds["drill"], rounds[way], strict=True))


def growth(way: str) -> Callable[[Rounds], float]:
    """Return the most by which the drill's own process grew in any round, in megabytes."""
    return lambda rounds: max(result.grown_bytes for result in rounds[way]) / MEGABYTE


def not_passed(rounds: Rounds) -> float:
    """Return how many drills did not pass: what ends early is quick."""
    return sum(not result.said.startswith("passed") for way in ("drill", "small") for result in rounds[way])


GOALS = (
    Goal(
        name="restore ÷ bare pg_restore -j4", most=1.15, unit="×", value=ratio(lambda r: r.seconds["restore"], "floor")
    ),
    Goal(name="whole drill ÷ naive way", most=0.7, unit="×", value=ratio(lambda r: r.total, "naive")),
    Goal(name="growth of the drill's process, large dump", most=100, unit="MB", value=growth("drill")),
    Goal(name="growth of the drill's process, small dump", most=100, unit="MB", value=growth("small")),
    Goal(name="drills that did not pass", most=0, unit="", value=not_passed),
)


def main(mb: int, times: int, console: Console) -> int:
    """Measure `times` rounds on a database of `mb` megabytes; return 0 only if every goal is reached."""
    os.environ.update(CREDENTIALS)
    with store() as cloud:
        orders = orders_for(mb, cloud, console)
        rounds = {way: list[Result]() for way in orders}
        for turn, way in goals.orders(tuple(orders), times):
            with console.status(f"Round {turn + 1} of {times}: {way}"):
                rounds[way].append(taken("drill" if way == "small" else way, orders[way]))
    done = {way: tuple(results) for way, results in rounds.items()}
    console.print(parts(done), verdicts(GOALS, done), *said(done), f"Load at the end: {load():.1f}.", sep="\n")
    return 1 if missed(GOALS, done) else 0


def orders_for(mb: int, cloud: LabAws, console: Console) -> Mapping[str, Order]:
    """Return what is asked of each way, and say of what and where."""
    binaries = find_binaries(str(programs.find("postgres").path or ""))
    with console.status(f"Making a database of {mb} MB, once"):
        large, small = kept(mb, binaries, cloud), kept(SMALL_MB, binaries, cloud)
    sizes = (f"{size / MEGABYTE:.0f} MB" for size in (large.database_bytes, large.dump.stat().st_size))
    console.print(machine(), "Database {}, dump {}.".format(*sizes), soft_wrap=True)
    return {
        **dict.fromkeys(("floor", "naive", "drill"), order(cloud, large)),
        "small": order(cloud, small),
    }


@contextmanager
def store() -> Iterator[LabAws]:
    """Run S3 in this process, which none of the ways shares."""
    with aws.running() as cloud:
        for bucket in (BACKUPS, EVIDENCE):
            region = {"LocationConstraint": cloud.settings.region}
            cloud.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=region)
        yield cloud


def order(cloud: LabAws, backup: Kept) -> Order:
    """Return what is asked of a way with this backup."""
    sections = (cloud.settings, backup.backup, evidence())
    aws_section, section, evidence_section = (settings.model_dump(mode="json") for settings in sections)
    needed = round(backup.backup.space_factor * backup.dump.stat().st_size)
    return Order(aws=aws_section, backup=section, evidence=evidence_section, key=backup.key, scratch_bytes=needed)

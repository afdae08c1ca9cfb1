"""Three ways with one dump, each in a process of its own: `python -m tests.bench.ways WAY`, its order as JSON on stdin.

floor: nothing but a tuned pg_restore. naive: what a careful person would type, with nothing tuned. drill: the duty.
"""

import json
import logging
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from boto3.session import Session

from tasks.adapters.guardian import Folder, guarded_folder, scratch_base
from tasks.adapters.postgres_server import Binaries, Launcher, cluster, find_binaries
from tasks.adapters.postgres_server.programs import unprivileged
from tasks.backup.apply.restore import OPTIONS
from tasks.backup.settings import Backup
from tasks.settings import Aws, Evidence
from tests import bare
from tests.bench.database import DATABASE, LIMIT

KIND = "marias-bench"
FLOOR_JOBS = 4
KIBIBYTE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Where the dump is, what it is good for, and how many bytes of scratch it needs."""

    aws: Mapping[str, Any]
    backup: Mapping[str, Any]
    evidence: Mapping[str, Any]
    key: str
    scratch_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How many seconds each part took; how far the process itself grew beyond its imports; what was found.

    `cpu_seconds` is what the process itself computed, where that is measured.
    """

    seconds: Mapping[str, float]
    grown_bytes: int = 0
    said: str = ""
    cpu_seconds: float = 0

    @property
    def total(self) -> float:
        """Return the seconds of all parts."""
        return sum(self.seconds.values())


@dataclass(slots=True)
class Clock:
    """Adds up what parts take."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time a block."""
        began = time.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0) + time.monotonic() - began


# ── floor ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def floor(order: Order) -> Result:
    """Restore a local copy into a fresh cluster with the drill's own settings, in the drill's own kind of place."""
    clock, base = Clock(), scratch_base(order.scratch_bytes)
    with guarded_folder(KIND, base) as folder, cluster(_binaries(order), folder, options=OPTIONS) as server:
        place = server.give(_download(order, folder))
        server.run("createdb", DATABASE, timeout=LIMIT).checked()
        with clock.part("pg_restore -j4"):
            arguments = (f"--jobs={FLOOR_JOBS}", "--no-owner", "--no-privileges", "-d", DATABASE, str(place))
            server.run("pg_restore", *arguments, timeout=LIMIT).checked()
    return Result(seconds=clock.seconds)


# ── naive ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def naive(order: Order) -> Result:
    """Do by hand, with PostgreSQL's stock settings among the temporary files, what a restore test is known to be."""
    clock = Clock()
    with guarded_folder(KIND, Path(gettempdir())) as folder:
        by_hand = Launcher(binaries=_binaries(order), folder=folder, account=unprivileged())
        home = folder.path / "by-hand"
        home.mkdir()
        by_hand.account.give(home)
        environ = {"PGHOST": str(home), "PGUSER": "postgres", "PGDATA": str(home / "data")}

        def call(program: str, *args: str, stdout: Any = subprocess.PIPE) -> bytes:  # noqa: ANN401 - as Launcher.run
            return by_hand.run(program, *args, timeout=LIMIT, environ=environ, stdout=stdout).checked().stdout

        with clock.part("initdb, start"):
            call("initdb", "--username=postgres", "--encoding=UTF8")
            call("pg_ctl", "start", "-w", "-l", str(home / "log"), "-o", f"-k {home} -c listen_addresses=''")
        with clock.part("download"):
            dump = by_hand.account.give(_download(order, folder))
        with clock.part("pg_restore -j1"):
            call("createdb", DATABASE)
            call("pg_restore", "--no-owner", "--no-privileges", "-d", DATABASE, str(dump))
        with clock.part("sorted md5"):
            said = _sorted_md5(call)
        with clock.part("pg_amcheck"):
            call("psql", "-Xqd", DATABASE, "-c", "CREATE EXTENSION amcheck")
            call("pg_amcheck", "--heapallindexed", "-d", DATABASE)
        with clock.part("rm -rf"):
            call("pg_ctl", "stop", "-w", "-m", "fast")
            shutil.rmtree(home)
            dump.unlink()
    return Result(seconds=clock.seconds, said=said)


def _sorted_md5(call: Callable[..., bytes]) -> str:
    tables = call(
        "psql", "-XAtd", DATABASE, "-c", "SELECT format('%I.%I', schemaname, relname) FROM pg_stat_user_tables"
    )
    sums = []
    for table in tables.decode().split():
        with subprocess.Popen("md5sum", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as md5sum:  # noqa: S607
            copy = f"COPY (SELECT t::text FROM {table} t ORDER BY 1) TO STDOUT"  # noqa: S608 - a name that %I quoted
            call("psql", "-Xqd", DATABASE, "-c", copy, stdout=md5sum.stdin)
            sums.append(md5sum.communicate()[0].decode()[:8])
    return " ".join(sums)


# ── drill ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def drill(order: Order) -> Result:
    """Run the duty's body, and see how far this process grows beyond what it has imported."""
    sections = (
        Aws.model_validate(order.aws),
        Backup.model_validate(order.backup),
        Evidence.model_validate(order.evidence),
    )
    settings = bare.environment(*sections)
    logging.disable(logging.WARNING)
    clock = Clock()

    def ended(name: str, seconds: float) -> None:
        clock.seconds[name] = clock.seconds.get(name, 0) + seconds

    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew (proc(5))
    before, began = status("VmRSS"), time.monotonic()
    outcome = bare.drill(settings, ended)
    took = time.monotonic() - began
    seconds = {**clock.seconds, "judgement": took - sum(clock.seconds.values())}
    rules = sorted(finding.rule for finding in outcome.findings)
    return Result(seconds=seconds, grown_bytes=status("VmHWM") - before, said=" ".join((outcome.verdict, *rules)))


def status(name: str) -> int:
    """Return a line of /proc/self/status in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * KIBIBYTE for line in lines if line.startswith(f"{name}:"))


# ── what they share ──────────────────────────────────────────────────────────────────────────────────────────────────


WAYS: Mapping[str, Callable[[Order], Result]] = {"floor": floor, "naive": naive, "drill": drill}


def taken(way: str, order: Order) -> Result:
    """Go one way in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", __name__, way],
        input=json.dumps(asdict(order)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=LIMIT.total_seconds(),
    )
    return Result(**json.loads(done.stdout))


def _binaries(order: Order) -> Binaries:
    return find_binaries(order.backup["postgres_bin"])


def _download(order: Order, folder: Folder) -> Path:
    place = folder.path / "dump"
    s3 = Session().client("s3", region_name=order.aws["region"], endpoint_url=order.aws["endpoint"])
    s3.download_file(order.backup["bucket"], order.key, str(place))
    return place


if __name__ == "__main__":
    json.dump(asdict(WAYS[sys.argv[1]](Order(**json.load(sys.stdin)))), sys.stdout)

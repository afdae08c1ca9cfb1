"""The application's database server of the lab, its invented data, and real dumps of it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tasks.adapters.guardian import guarded_folder, sweep
from tasks.adapters.postgres_server import Binaries, Cluster, cluster

KIND = "marias-lab-postgres"
DATABASE = "assist_marias"
OWNER = "assist_app"
CANARY = "CANARIA"
SCRIPT = Path(__file__).with_name("assist_marias.sql")
SEED_LIMIT = timedelta(minutes=2)
DUMP_LIMIT = timedelta(minutes=2)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabPostgres:
    """A running server; `seed` first, then `dump` as often as wanted."""

    cluster: Cluster

    @property
    def address(self) -> str:
        """Return libpq's connection string to the application's database."""
        return self.cluster.conninfo(DATABASE)

    def seed(self, *, now: datetime, people: int = 1000) -> None:
        """Make the application's database anew, owned by the application's role, its newest row minutes before `now`.

        It holds about seven rows for each of `people`; each personal text holds the word CANARIA.
        Raises OperatorError postgres.program_failed, postgres.timed_out.
        """
        for statement in (
            f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)",
            f"DO $$ BEGIN IF to_regrole('{OWNER}') IS NULL THEN CREATE ROLE {OWNER} LOGIN; END IF; END $$",
            f"CREATE DATABASE {DATABASE} OWNER {OWNER}",
        ):
            self._psql("-d", "postgres", "-c", statement)
        variables = ("-v", f"now={now.isoformat()}", "-v", f"people={people}")
        as_owner = ("-U", OWNER, "-d", DATABASE, "--single-transaction")
        self._psql(*as_owner, *variables, "-f", "-", script=SCRIPT.read_bytes())
        log.info("lab database seeded", extra={"database": DATABASE, "people": people})

    def dump(self, *options: str) -> bytes:
        """Return a dump of the application's database in pg_dump's custom format; it is small.

        Raises OperatorError postgres.program_failed, postgres.timed_out.
        """
        return self.cluster.run("pg_dump", "-Fc", *options, "-d", DATABASE, timeout=DUMP_LIMIT).checked().stdout

    def change(self, statement: str) -> None:
        """Run a statement on the application's database, as its owner."""
        self._psql("-U", OWNER, "-d", DATABASE, "-c", statement)

    def _psql(self, *args: str, script: bytes = b"") -> None:
        stop = ("-v", "ON_ERROR_STOP=1")
        self.cluster.run("psql", "-X", "-q", *stop, *args, timeout=SEED_LIMIT, stdin=script).checked()


@contextmanager
def running(base: Path, binaries: Binaries) -> Iterator[LabPostgres]:
    """Run the lab's database server in a guarded folder of `base`, after destroying what a lost lab left there."""
    sweep(KIND, base)
    with guarded_folder(KIND, base) as folder, cluster(binaries, folder) as server:
        yield LabPostgres(cluster=server)


def truncated(archive: bytes, *, kept: float = 0.6) -> bytes:
    """Return the first part of an archive (`kept`: its share), as an upload that broke off leaves it."""
    return archive[: int(len(archive) * kept)]

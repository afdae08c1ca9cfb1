"""What the restore test is shown in tests: a real server to dump from, and S3."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import gettempdir

from boto3.session import Session

from deployments.lab import aws
from deployments.lab.postgres import DATABASE, LabPostgres, running
from tasks.adapters.postgres_server import find_binaries
from tasks.backup.settings import Backup
from tasks.settings import Aws

BUCKET = "assist-marias-test-backups"
PREFIX = "postgres/"
LIMIT = timedelta(minutes=1)
NEWEST_ROW = ("public.atendimentos.criado_em",)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A seeded database server and a bucket."""

    postgres: LabPostgres
    aws: Aws

    def variant(self, name: str, sql: str = "") -> str:
        """Make a database that is the application's own, changed by `sql`; return its name."""
        self.psql("postgres", f'CREATE DATABASE "{name}" TEMPLATE {DATABASE}')
        if sql:
            self.psql(name, sql)
        return name

    def psql(self, database: str, sql: str) -> None:
        """Run SQL as the superuser."""
        run = self.postgres.cluster.run
        run("psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", database, timeout=LIMIT, stdin=sql.encode()).checked()

    def dump(self, database: str = DATABASE, *options: str) -> bytes:
        """Return a dump (custom format unless `options` say otherwise)."""
        return self.postgres.cluster.run("pg_dump", *(options or ("-Fc",)), database, timeout=LIMIT).checked().stdout

    def put(self, key: str, body: bytes) -> str:
        """Store an object and return its key."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return key

    @property
    def s3(self):  # type: ignore[no-untyped-def]  # noqa: ANN201 - one of boto3's made-up classes
        return Session(region_name=self.aws.region).client("s3", endpoint_url=self.aws.endpoint)

    def settings(self, **changes: object) -> Backup:
        """Return the settings under which the good backup passes, with `changes`."""
        least = {"bucket": BUCKET, "prefix": PREFIX, "database": DATABASE, "newest_row": NEWEST_ROW}
        return Backup.model_validate(least | {"rpo_hours": 24, "rto_minutes": 60} | changes)


@contextmanager
def world() -> Iterator[World]:
    """Run the lab's database server and S3; environment variables are the caller's business."""
    base = Path(gettempdir())
    with running(base, find_binaries()) as postgres, aws.running() as cloud:
        postgres.seed(now=datetime.now(UTC), people=60)
        made = World(postgres=postgres, aws=Aws(endpoint=cloud.address, timeout_seconds=10))
        made.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": made.aws.region})
        yield made

"""What the restore test is shown in tests: a real server to dump from, S3, and keys."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from boto3.session import Session

from deployments.lab import aws, seed
from deployments.lab.postgres import DATABASE, OWNER, LabPostgres, running
from tasks.adapters.postgres_server import find_binaries
from tasks.backup.settings import Backup
from tasks.settings import Aws, Evidence
from tests.tasks.backup.mangling import OWN, Body

BUCKET = "assist-marias-test-backups"
EVIDENCE = "assist-marias-test-evidence"
PREFIX = "postgres/"
LIMIT = timedelta(minutes=1)
NEWEST_ROW = ("public.atendimentos.criado_em",)
SIGNING_KEY, AGE_IDENTITY = "MARIAS_TEST_SIGNING_KEY", "MARIAS_TEST_AGE_IDENTITY"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A seeded database server and two buckets."""

    postgres: LabPostgres
    aws: Aws
    _made: list[str] = field(default_factory=list)

    def variant(self, name: str, sql: str = "", *, of: str = DATABASE, encoding: str = "") -> str:
        """Make a database that is `of`, changed by `sql`, and return its name; in another encoding it is loaded."""
        if encoding:
            self.psql("postgres", f"CREATE DATABASE \"{name}\" ENCODING '{encoding}' TEMPLATE template0 OWNER {OWNER}")
            self.psql(name, self.dump(of, "-Fp").decode())
        else:
            self.psql("postgres", f'CREATE DATABASE "{name}" TEMPLATE "{of}" OWNER {OWNER}')
        if sql:
            self.psql(name, sql)
        return name

    def drop(self, name: str) -> None:
        """Drop a database."""
        self.psql("postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def psql(self, database: str, sql: str) -> None:
        """Run SQL as the superuser."""
        run = self.postgres.cluster.run
        done = run("psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", database, timeout=LIMIT, stdin=sql.encode())
        assert done.returncode == 0, done.stderr.decode()

    def dump(self, database: str = DATABASE, *options: str) -> bytes:
        """Return a dump (custom format unless `options` say otherwise)."""
        return self.postgres.cluster.run("pg_dump", *(options or ("-Fc",)), database, timeout=LIMIT).checked().stdout

    def dump_folder(self, database: str, *options: str) -> dict[str, bytes]:
        """Return the files of a dump in the directory format."""
        cluster = self.postgres.cluster
        place = cluster.launcher.folder.path / "dumped" / f"{len(self._made)}"
        self._made.append(str(place))
        place.parent.mkdir(exist_ok=True)
        cluster.give(place.parent)
        cluster.run("pg_dump", *options, "-f", str(place), database, timeout=LIMIT).checked()
        return {file.name: file.read_bytes() for file in sorted(place.iterdir())}

    def globals(self) -> str:
        """Return the roles as pg_dumpall writes them."""
        return self.postgres.cluster.run("pg_dumpall", "--globals-only", timeout=LIMIT).checked().stdout.decode()

    def put(self, key: str, body: Body) -> str:
        """Store an object, or the files of a folder (then `key` ends with a slash), and return its key."""
        if isinstance(body, bytes):
            self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
            return key
        for name, content in body.items():
            self.s3.put_object(Bucket=BUCKET, Key=f"{key}{name}", Body=content)
        return key

    def empty(self, bucket: str) -> None:
        """Delete every version of every object of a bucket, and uploads that were never ended."""
        held = self.s3.list_object_versions(Bucket=bucket)
        for thing in (*held.get("Versions", ()), *held.get("DeleteMarkers", ())):
            self.s3.delete_object(Bucket=bucket, Key=thing["Key"], VersionId=thing["VersionId"])
        for upload in self.s3.list_multipart_uploads(Bucket=bucket).get("Uploads", ()):
            self.s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])

    @property
    def s3(self) -> Any:  # noqa: ANN401 - one of boto3's made-up classes
        """Return boto3's own client."""
        return _client(self.aws.region, self.aws.endpoint)

    @property
    def evidence(self) -> Evidence:
        """Return where evidence goes, and the key that signs."""
        return Evidence(bucket=EVIDENCE, signing_key=f"env:{SIGNING_KEY}")

    def settings(self, database: str = DATABASE, cfg: Mapping[str, object] | None = None, **changes: object) -> Backup:
        """Return the settings under which the good backup passes; `changes` are the database's, `cfg` the section's."""
        least = {"prefix": PREFIX, "newest_row": NEWEST_ROW, "rpo_hours": 24, "rto_minutes": 60}
        section = {"bucket": BUCKET, "age_identity": f"env:{AGE_IDENTITY}", **(cfg or {})}
        kept = {name: value for name, value in section.items() if value != ""}
        return Backup.model_validate(kept | {"databases": {database: least | changes}})


@cache  # a new one takes a tenth of a second
def _client(region: str, endpoint: str) -> Any:  # noqa: ANN401
    return Session(region_name=region).client("s3", endpoint_url=endpoint)


@contextmanager
def world() -> Iterator[World]:
    """Run the lab's database server and S3, with keys in the environment; the caller brings AWS's credentials."""
    base = Path(gettempdir())
    with running(base, find_binaries()) as postgres, aws.running() as cloud:
        os.environ[SIGNING_KEY], os.environ[AGE_IDENTITY] = seed.signing_key(), str(OWN)
        try:
            postgres.seed(now=datetime.now(UTC), people=60)
            made = World(postgres=postgres, aws=Aws(endpoint=cloud.address, timeout_seconds=10))
            for bucket in (BUCKET, EVIDENCE):
                made.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": made.aws.region})
                made.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
            yield made
            for bucket in (BUCKET, EVIDENCE):  # in a session with a lab its S3 is the same
                made.empty(bucket)
                made.s3.delete_bucket(Bucket=bucket)
        finally:
            del os.environ[SIGNING_KEY], os.environ[AGE_IDENTITY]

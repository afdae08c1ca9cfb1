"""The database that the benchmark restores: made from SQL, backed up with its manifest once, kept for the next time."""

import os
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from deployments.lab import seed
from deployments.lab.aws import LabAws
from tasks.adapters.guardian import MEGABYTE, guarded_folder, scratch_base
from tasks.adapters.postgres_server import Binaries, Cluster, cluster
from tasks.adapters.s3 import S3
from tasks.adapters.signing import Signer
from tasks.backup.apply.take import take
from tasks.backup.settings import Backup
from tasks.core.secret import Secret
from tasks.settings import Evidence
from tests import bare

KEPT = Path(__file__).resolve().parents[2] / ".lab" / "bench"  # `make clean` deletes it
SCRIPT = Path(__file__).with_name("database.sql")
KIND = "marias-bench-seed"
DATABASE, OWNER = "grande", "aplicacao"
LIMIT = timedelta(minutes=30)
BACKUPS, EVIDENCE = "assist-marias-bench-backups", "assist-marias-bench-evidence"
SIGNING_KEY = "MARIAS_BENCH_SIGNING_KEY"
NEVER_STALE_HOURS = timedelta(days=36500) / timedelta(hours=1)  # the backup may have been kept for long


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A folder of objects (bucket/key), and how large the database is that they are the backup of."""

    folder: Path
    backup: Backup
    database_bytes: int

    @property
    def dump(self) -> Path:
        """Return the dump."""
        [path] = self.folder.rglob("*.dump")
        return path

    @property
    def key(self) -> str:
        """Return the dump's key."""
        return str(self.dump.relative_to(self.folder / BACKUPS))


def kept(mb: int, binaries: Binaries, cloud: LabAws) -> Kept:
    """Put the backup of a database of about `mb` megabytes in S3 and return it; it is made when it is not kept yet."""
    edition = sha256(SCRIPT.read_bytes()).hexdigest()[:8]
    folder = KEPT / f"{mb}mb-{edition}-pg{binaries.major}"
    size, backup = folder / "database_bytes", settings(mb, binaries)
    if size.exists():
        for path in (path for bucket in (BACKUPS, EVIDENCE) for path in (folder / bucket).rglob("*") if path.is_file()):
            bucket, _, key = str(path.relative_to(folder)).partition("/")
            cloud.client("s3").upload_file(str(path), bucket, key)
    else:
        database_bytes = _make(mb, binaries, cloud, backup)
        _keep(cloud.client("s3"), folder, f"{mb}mb/")
        size.write_text(database_bytes, encoding="utf-8")  # last: without it the folder is not whole
    return Kept(folder=folder, backup=backup, database_bytes=int(size.read_text(encoding="utf-8")))


def settings(mb: int, binaries: Binaries) -> Backup:
    """Return the settings under which the backup is taken and tested."""
    database = {
        "prefix": f"{mb}mb/",
        "newest_row": ["public.relatos.criado_em"],
        "rpo_hours": NEVER_STALE_HOURS,
        "rto_minutes": 60,
        "manifest_required": True,
    }
    section = {"bucket": BACKUPS, "postgres_bin": str(binaries.bin), "databases": {DATABASE: database}}
    return Backup.model_validate(section)


def evidence() -> Evidence:
    """Return where evidence goes, and the key that signs: made once, as what it has signed is kept."""
    file = KEPT / "signing_key"
    if not file.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        file.write_text(seed.signing_key(), encoding="utf-8")
    os.environ[SIGNING_KEY] = file.read_text(encoding="utf-8")
    return Evidence(bucket=EVIDENCE, signing_key=f"env:{SIGNING_KEY}")


def _make(mb: int, binaries: Binaries, cloud: LabAws, backup: Backup) -> str:
    with guarded_folder(KIND, scratch_base(3 * mb * MEGABYTE)) as folder, cluster(binaries, folder) as server:
        _psql(server, "postgres", f"CREATE ROLE {OWNER}; CREATE DATABASE {DATABASE} OWNER {OWNER}")
        _psql(server, DATABASE, f"GRANT ALL ON SCHEMA public TO {OWNER}")
        _psql(server, DATABASE, f"SET ROLE {OWNER}; {SCRIPT.read_text()}", "--single-transaction", f"--set=mb={mb}")
        where = (S3(cloud.settings), backup, evidence(), bare.production().name, DATABASE)
        signer = Signer(Secret(os.environ[SIGNING_KEY]))
        take(*where, source=Secret(server.conninfo(DATABASE)), signer=signer)
        return _psql(server, "postgres", f"SELECT pg_database_size('{DATABASE}')").strip()


def _keep(s3: Any, folder: Path, prefix: str) -> None:  # noqa: ANN401 - boto3's client of the lab
    for bucket, wanted in ((BACKUPS, prefix), (EVIDENCE, "")):
        for listed in s3.list_objects_v2(Bucket=bucket, Prefix=wanted)["Contents"]:
            path = folder / bucket / listed["Key"]
            path.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, listed["Key"], str(path))


def _psql(server: Cluster, database: str, sql: str, *options: str) -> str:
    always = ("-XqAt", "--set=ON_ERROR_STOP=1", "-d", database, "-f", "-")
    done = server.run("psql", *always, *options, timeout=LIMIT, stdin=sql.encode()).checked()
    return done.stdout.decode()

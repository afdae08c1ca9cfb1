"""The Prefect rim of the restore test."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import gettempdir

from tasks.adapters import secrets
from tasks.adapters.guardian import MEMORY, Folder, guarded_folder, sweep
from tasks.adapters.postgres_server import Binaries, Cluster, cluster
from tasks.adapters.s3 import S3
from tasks.adapters.signing import Signer
from tasks.backup.apply import restore as restoring
from tasks.backup.apply import trial
from tasks.backup.collect import archive, beside, bucket, fetch, past, reading, soundness
from tasks.backup.model.drill import Archive, Past, Place, Reading, Restore, Restored
from tasks.backup.model.found import Fault, Fetched, Found
from tasks.backup.model.manifest import Beside, Role
from tasks.backup.model.throwaway import SUPERUSER
from tasks.backup.settings import Backup
from tasks.core.attempt import Attempt
from tasks.core.secret import Secret
from tasks.settings import Aws, Evidence
from tasks.steps import effect

KIND = "marias-restore-test"
LONG = timedelta(hours=2, minutes=50)  # each program has its own, shorter limit in the settings
SHORT = timedelta(minutes=5)

Server = Cluster  # what the flow holds, and hands back to steps


@effect(timeout=SHORT, retries=True)
def find_backup(cfg: Backup, aws: Aws, database: str, key: str, on: date | None) -> Found:
    """Find the backup to test: the one under `key`, else the newest that matches and came by the end of day `on`."""
    return bucket.find(S3(aws), cfg, database, key, on, datetime.now(UTC))


@effect(timeout=SHORT, retries=True)
def read_beside(cfg: Backup, aws: Aws, evidence: Evidence, environment: str, found: Found) -> Beside:
    """Read the manifest of a backup, and whether it can be trusted."""
    signer = Signer(secrets.resolve(evidence.signing_key, aws))
    return beside.read_beside(S3(aws), cfg, evidence, environment, found, signer.public_key)


@effect(timeout=SHORT, retries=True)
def read_globals(cfg: Backup, aws: Aws, found: Found) -> tuple[Role, ...] | None:
    """Read the roles of the newest globals file."""
    return fetch.read_globals(S3(aws), cfg, found, _identity(cfg, aws))


@effect(timeout=SHORT, retries=True)
def earlier_tests(aws: Aws, evidence: Evidence, attempt: Attempt, database: str, *, several: bool) -> tuple[Past, ...]:
    """Read the evidence of earlier tests of a database, newest first."""
    return past.earlier_tests(S3(aws), evidence, attempt, database, several=several)


@contextmanager
def throwaway_folder(cfg: Backup, found: Found) -> Iterator[Folder]:
    """Give a folder with room for the copy and its server; it is gone with all in it when the block is left."""
    base = fetch.room(cfg, found.size_bytes)
    for place in {base, MEMORY, Path(gettempdir())}:
        if place.is_dir():
            sweep(KIND, place)
    with guarded_folder(KIND, base) as folder:
        yield folder


@effect(timeout=LONG, retries=True)
def download(cfg: Backup, aws: Aws, found: Found, folder: Folder) -> Fetched:
    """Bring a copy into the throwaway folder, decrypted and unpacked."""
    return fetch.fetch(S3(aws), cfg, found, folder, _identity(cfg, aws))


@effect(timeout=SHORT)
def programs_for(cfg: Backup, folder: Folder, fetched: Fetched) -> Binaries | Fault:
    """Find PostgreSQL's programs of the backup's own major version, or say why it cannot be restored here."""
    return archive.binaries_for(cfg, folder, fetched)


@contextmanager
def throwaway_server(binaries: Binaries, folder: Folder) -> Iterator[Cluster]:
    """Run an empty PostgreSQL in the throwaway folder, on no network."""
    with cluster(binaries, folder, superuser=SUPERUSER, isolated=True, options=restoring.OPTIONS) as server:
        yield server


def place_of(server: Cluster) -> Place:
    """Return what the throwaway server is."""
    in_memory = server.launcher.folder.path.is_relative_to(MEMORY)
    return Place(major=server.binaries.major, isolated=server.isolated, in_memory=in_memory)


@effect(timeout=LONG)
def read_archive(cfg: Backup, server: Cluster, fetched: Fetched) -> Archive:
    """Read what the backup says of itself, and whether it is hostile."""
    return archive.read_archive(server, cfg, fetched)


@effect(timeout=LONG)
def restore(cfg: Backup, server: Cluster, fetched: Fetched, read: Archive, roles: tuple[Role, ...] | None) -> Restore:
    """Restore it into the throwaway server, as no superuser."""
    return restoring.restore(server, cfg, fetched, read, roles)


@effect(timeout=LONG)
def read_both(cfg: Backup, server: Cluster, fetched: Fetched) -> tuple[Reading, Reading]:
    """Read the contents of the archive and of the restored database, side by side."""
    return reading.read_both(server, cfg, fetched)


@effect(timeout=LONG)
def examine(cfg: Backup, server: Cluster, database: str, restored: Reading) -> Restored:
    """Examine the restored database from within: soundness, freshness, assertions; then what needs a change to know."""
    one = cfg.databases[database]
    return trial.try_out(server, cfg, one, soundness.examine(server, cfg, one, restored))


@effect(timeout=LONG, retries=True)
def read_live(cfg: Backup, aws: Aws, server: Cluster, database: str) -> Reading | None:
    """Read the structure of the live database, where the settings ask for it."""
    one = cfg.databases[database]
    if not one.compare_live or not one.source:
        return None
    return reading.read_live(server, cfg, secrets.resolve(one.source, aws))


def _identity(cfg: Backup, aws: Aws) -> Secret | None:
    return secrets.resolve(cfg.age_identity, aws) if cfg.age_identity else None

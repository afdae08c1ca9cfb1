"""The Prefect rim of the restore test."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import gettempdir

from tasks.adapters.guardian import MEMORY, guarded_folder, sweep
from tasks.adapters.postgres_server import Cluster, cluster, find_binaries
from tasks.adapters.s3 import S3
from tasks.backup import apply, collect
from tasks.backup.model.facts import Archive, ArchiveData, Database, Fetched, Found, Restore
from tasks.backup.settings import Backup
from tasks.settings import Aws
from tasks.steps import effect

KIND = "marias-restore-test"
LONG = timedelta(hours=2, minutes=50)  # each program has its own, shorter limit in the settings


@effect(timeout=timedelta(minutes=5), retries=True)
def find_backup(cfg: Backup, aws: Aws, key: str) -> Found:
    """Find the backup to test: the one under `key`, else the newest that matches."""
    return collect.find(S3(aws), cfg, key, datetime.now(UTC))


@contextmanager
def throwaway_cluster(cfg: Backup, found: Found) -> Iterator[Cluster]:
    """Run an empty PostgreSQL with room for the backup; it is gone with all its files when the block is left."""
    base = collect.scratch(cfg, found.size_bytes)
    for place in {base, MEMORY, Path(gettempdir())}:
        if place.is_dir():
            sweep(KIND, place)
    binaries = find_binaries(cfg.postgres_bin)
    with guarded_folder(KIND, base) as folder, cluster(binaries, folder) as server:
        yield server


@effect(timeout=LONG, retries=True)
def download(cfg: Backup, aws: Aws, found: Found, server: Cluster) -> Fetched:
    """Bring a copy into the throwaway folder."""
    return collect.fetch(S3(aws), cfg, found, server)


@effect(timeout=LONG)
def read_archive(cfg: Backup, server: Cluster) -> Archive:
    """Read what the archive says of itself."""
    return collect.read_archive(server, cfg)


@effect(timeout=LONG)
def restore(cfg: Backup, server: Cluster) -> Restore:
    """Restore it into the throwaway server."""
    return apply.restore(server, cfg)


@effect(timeout=LONG)
def read_archive_data(cfg: Backup, server: Cluster) -> ArchiveData:
    """Count the data in the archive itself."""
    return collect.read_archive_data(server, cfg)


@effect(timeout=LONG)
def read_database(cfg: Backup, server: Cluster) -> Database:
    """Read the restored database."""
    return collect.read_database(server, cfg)

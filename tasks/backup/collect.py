"""Reads the world for the restore test: the bucket, the archive, the restored database."""

import logging
import os
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tasks.adapters import postgres
from tasks.adapters.guardian import MEGABYTE, NoSpace, no_folder, scratch_base
from tasks.adapters.postgres_server import Cluster, Completed
from tasks.adapters.s3 import S3, S3Object
from tasks.backup.formats.archive import HEAD_BYTES, head_fault, parse_listing
from tasks.backup.formats.data import DataCounter
from tasks.backup.formats.messages import archive_fault
from tasks.backup.formats.names import qualified
from tasks.backup.model.facts import (
    Archive,
    ArchiveData,
    Database,
    Fault,
    Fetched,
    Found,
    NewestRow,
    Position,
    RestoredSequence,
    RestoredTable,
)
from tasks.backup.model.told import Searched
from tasks.backup.settings import Backup
from tasks.core.errors import OperatorError

logger = logging.getLogger(__name__)

RESTORED = "restored"  # the throwaway database's own name
EMPTY_CLUSTER_BYTES = 150 * MEGABYTE
BLOCK_BYTES = 1024 * 1024


def find(s3: S3, cfg: Backup, key: str, now: datetime) -> Found:
    """Return the backup under exactly `key`, or without one the newest of those that match.

    Of several with the same time the last by name. Raises OperatorError backup.no_such_key, backup.none_found.
    """
    listed = s3.list(cfg.bucket, key or cfg.prefix)
    wanted = [found for found in listed if (found.key == key if key else _matches(found, cfg))]
    if not wanted:
        searched = Searched(bucket=cfg.bucket, prefix=cfg.prefix, pattern=cfg.pattern)
        raise OperatorError("backup.no_such_key" if key else "backup.none_found", key or cfg.bucket, searched)
    newest = max(wanted, key=lambda found: (found.modified_at, found.key))
    logger.info("backup found", extra={"key": newest.key, "size_bytes": newest.size_bytes, "candidates": len(wanted)})
    return Found(key=newest.key, size_bytes=newest.size_bytes, modified_at=newest.modified_at, read_at=now)


def scratch(cfg: Backup, size_bytes: int) -> Path:
    """Return a folder with room for the throwaway server of a backup of `size_bytes`; nothing is made yet.

    Raises OperatorError disk.no_space, with the room that is needed: `space_factor` × the size, and an empty cluster;
    guardian.no_folder when the configured folder cannot be looked at.
    """
    needed = round(cfg.space_factor * size_bytes) + EMPTY_CLUSTER_BYTES
    if not cfg.scratch:
        return scratch_base(needed)
    place = Path(cfg.scratch)
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        raise no_folder(place, error) from None
    if free <= needed:
        data = NoSpace(needed_mb=-(-needed // MEGABYTE), free_mb=free // MEGABYTE)
        raise OperatorError("disk.no_space", str(place), data)
    return place


def fetch(s3: S3, cfg: Backup, found: Found, cluster: Cluster) -> Fetched:
    """Bring a copy of the backup into the throwaway folder, where only the server's user can read it."""
    began = time.monotonic()
    place = copy_of_backup(cluster)
    sha256 = s3.download(cfg.bucket, found.key, place, lambda _bytes: None)
    cluster.give(place)
    return Fetched(sha256=sha256, seconds=time.monotonic() - began)


def copy_of_backup(cluster: Cluster) -> Path:
    """Return where the copy lies."""
    return cluster.launcher.folder.path / "backup"


def read_archive(cluster: Cluster, cfg: Backup) -> Archive:
    """Return the archive's header and contents, or why they cannot be read; a file of another format is not tried."""
    place = copy_of_backup(cluster)
    with place.open("rb") as file:
        if fault := head_fault(file.read(HEAD_BYTES)):
            return Archive(fault=fault)
    listed = cluster.run("pg_restore", "--list", str(place), timeout=cfg.child_limit)
    header = parse_listing(listed.stdout.decode(errors="replace"), cfg.zone)
    if listed.returncode or header is None:
        return Archive(fault=archive_fault(stderr_lines(listed)) or Fault.UNREADABLE)
    if _major(header.pg_dump) > cluster.binaries.major:  # PostgreSQL promises only that newer servers can load it
        return Archive(fault=Fault.NEWER_VERSION)
    return Archive(header=header)


def read_archive_data(cluster: Cluster, cfg: Backup) -> ArchiveData:
    """Count the rows and sequence positions in the archive, as pg_restore writes them: a block in memory at a time."""
    began = time.monotonic()
    counter = DataCounter()
    source, sink = os.pipe()
    with ThreadPoolExecutor(1) as pool, os.fdopen(source, "rb", buffering=0) as stream:
        written = pool.submit(_write_data, cluster, sink, cfg.child_limit)
        while block := stream.read(BLOCK_BYTES):
            counter.feed(block)
        done = written.result()
    fault = (archive_fault(stderr_lines(done)) or Fault.UNREADABLE) if done.returncode else None
    data = counter.result(fault, timedelta(seconds=time.monotonic() - began))
    logger.info("archive's data counted", extra={"tables": len(data.rows), "fault": fault, "seconds": data.seconds})
    return data


def read_database(cluster: Cluster, cfg: Backup) -> Database:
    """Count every table of the restored database; read where its sequences stand and the newest of the named times."""
    began = time.monotonic()
    with postgres.connect(cluster.conninfo(RESTORED), limit=cfg.child_limit) as database:
        tables = tuple(
            RestoredTable(
                table=qualified(t.schema, t.name),
                rows=database.count(t),
                partitioned=t.partitioned,
                extension=t.extension,
            )
            for t in database.tables()
        )
        sequences = tuple(
            RestoredSequence(
                position=Position(sequence=qualified(s.schema, s.name), last_value=s.last_value, is_called=s.is_called),
                behind=s.behind,
            )
            for s in database.sequences()
        )
        newest = tuple(_newest(database, column) for column in cfg.newest_row)
    seconds = time.monotonic() - began
    return Database(tables=tables, sequences=sequences, newest=newest, read_at=datetime.now(UTC), seconds=seconds)


def stderr_lines(completed: Completed) -> tuple[str, ...]:
    """Return what a program complained about, line by line."""
    return tuple(completed.stderr.decode(errors="replace").splitlines())


def _matches(found: S3Object, cfg: Backup) -> bool:
    return re.fullmatch(cfg.pattern, found.key.removeprefix(cfg.prefix)) is not None


def _write_data(cluster: Cluster, sink: int, limit: timedelta) -> Completed:
    with os.fdopen(sink, "wb") as file:
        return cluster.run(
            "pg_restore", "--data-only", "--file=-", str(copy_of_backup(cluster)), timeout=limit, stdout=file
        )


def _major(version: str) -> int:
    number = re.match(r"\d+", version)
    return int(number[0]) if number else 0


def _newest(database: postgres.Database, column: str) -> NewestRow:
    try:
        at = database.newest(*column.split("."))
    except OperatorError as error:
        if error.code != "postgres.no_column":
            raise
        return NewestRow(column=column, exists=False, at=None)
    return NewestRow(column=column, exists=True, at=at)

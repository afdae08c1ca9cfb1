"""Reads what is in an archive, in the restored database and in the live one: each as the SQL PostgreSQL makes of it.

Of that SQL only names, numbers and digests are kept, and no more than a block of it is ever in memory.
"""

import logging
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from datetime import timedelta
from typing import IO

from tasks.adapters.postgres_server import Account, Cluster, Completed, Launcher
from tasks.adapters.postgres_snapshot import exported
from tasks.backup.collect.fetch import copy_of
from tasks.backup.formats.messages import archive_fault
from tasks.backup.formats.script import ScriptReader
from tasks.backup.model.contents import Contents
from tasks.backup.model.drill import Reading
from tasks.backup.model.found import Fault, Fetched, Form
from tasks.backup.model.throwaway import READER, RESTORED, RESTORER
from tasks.backup.settings import Backup
from tasks.core.errors import OperatorError
from tasks.core.secret import Secret

logger = logging.getLogger(__name__)

BLOCK_BYTES = 256 * 1024  # stays in a core's cache while it is looked through several times
NOTHING: Mapping[str, str] = {}


def read_both(cluster: Cluster, cfg: Backup, fetched: Fetched) -> tuple[Reading, Reading]:
    """Read the contents of the archive and of the restored database, side by side.

    Raises OperatorError postgres.timed_out, postgres.start_failed.
    """
    with ThreadPoolExecutor(2) as pool:
        # each in the run's own context: what they log belongs to it
        archive = pool.submit(copy_context().run, read_copy, cluster, cfg, fetched)
        database = pool.submit(copy_context().run, read_restored, cluster, cfg)
        return archive.result(), database.result()


def read_copy(cluster: Cluster, cfg: Backup, fetched: Fetched) -> Reading:
    """Read the contents of the copy in the throwaway folder."""
    began, place = time.monotonic(), copy_of(cluster.launcher.folder)
    if fetched.form is Form.PLAIN:
        with place.open("rb", buffering=0) as file:
            contents = _read(file, ScriptReader())
        return _reading("archive", contents, None if contents.complete else Fault.TRUNCATED, began)
    contents, done = dump_contents(cluster.launcher, "pg_restore", "--file=-", str(place), limit=cfg.child_limit)
    fault = (archive_fault(done.complaints()) or Fault.UNREADABLE) if done.returncode else None
    return _reading("archive", contents, fault, began)


def read_restored(cluster: Cluster, cfg: Backup) -> Reading:
    """Read the contents of the restored database, in its own encoding; what the restorer owns has no owner."""
    began, source = time.monotonic(), cluster.conninfo(RESTORED, user=READER)
    contents, done = dump_contents(
        cluster.launcher, "pg_dump", f"--dbname={source}", limit=cfg.child_limit, unowned=RESTORER
    )
    return _reading("restored database", contents, Fault.UNREADABLE if done.returncode else None, began)


def read_live(cluster: Cluster, cfg: Backup, source: Secret) -> Reading:
    """Read the structure of the live database through the connection string in `source`.

    Another major version writes its definitions otherwise, so it counts as unread: Fault.OTHER_MAJOR.
    """
    began = time.monotonic()
    launcher = replace(cluster.launcher, isolated=False, account=Account())
    try:
        with exported(source, "live", limit=cfg.child_limit) as snapshot:
            if snapshot.major != cluster.binaries.major:
                return _reading("live database", Contents(), Fault.OTHER_MAJOR, began)
            arguments = ("--schema-only", f"--snapshot={snapshot.id}", *snapshot.arguments)
            contents, done = dump_contents(
                launcher, "pg_dump", *arguments, limit=cfg.child_limit, environ=snapshot.environ
            )
    except OperatorError as error:
        logger.warning("live database not read", extra={"code": error.code})
        return _reading("live database", Contents(), Fault.UNREADABLE, began)
    return _reading("live database", contents, Fault.UNREADABLE if done.returncode else None, began)


def dump_contents(
    launcher: Launcher,
    program: str,
    *args: str,
    limit: timedelta,
    environ: Mapping[str, str] = NOTHING,
    unowned: str = "",
) -> tuple[Contents, Completed]:
    """Run a program that writes a dump's SQL to its standard output, and return what is in that and how it ended.

    `unowned`: the role whose objects count as nobody's. Raises OperatorError postgres.timed_out, postgres.start_failed.
    """
    with launcher.piped(program, *args, timeout=limit, environ=environ) as (stream, ended):
        return _read(stream, ScriptReader(unowned=unowned)), ended.result()


def _read(stream: IO[bytes], reader: ScriptReader) -> Contents:
    while block := stream.read(BLOCK_BYTES):
        reader.feed(block)
    return reader.contents()


def _reading(what: str, contents: Contents, fault: Fault | None, began: float) -> Reading:
    seconds = time.monotonic() - began
    counts = {"entries": len(contents.entries), "rows": sum(table.rows for table in contents.tables)}
    logger.info("contents read", extra={"of": what, "fault": fault, "seconds": seconds, **counts})
    return Reading(contents=contents, fault=fault, seconds=seconds)

"""Restores the copy into the throwaway server: as a role that is no superuser, every refusal counted."""

import logging
import os
import secrets
import subprocess
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import IO

from tasks.adapters.postgres_server import Cluster, Completed
from tasks.backup.apply import preparation
from tasks.backup.collect.fetch import copy_of
from tasks.backup.formats.messages import archive_fault, count_lines, server_errors
from tasks.backup.model.drill import Archive, Lines, Meaning, Restore, ServerError
from tasks.backup.model.found import Fault, Fetched, Form
from tasks.backup.model.manifest import Role
from tasks.backup.model.throwaway import RESTORED, RESTORER
from tasks.backup.model.told import Interrupted
from tasks.backup.settings import Backup
from tasks.core.errors import OperatorError

logger = logging.getLogger(__name__)

SHORT = timedelta(minutes=5)
# Of the server: large objects may be written and read before their owners have said so.
OPTIONS: Mapping[str, str] = MappingProxyType({"lo_compat_privileges": "on"})
# Settings that a dump may give its database do not reach the superuser.
OWN = MappingProxyType({"PGOPTIONS": "-c search_path=pg_catalog -c default_transaction_read_only=off"})


def restore(
    cluster: Cluster, cfg: Backup, fetched: Fetched, archive: Archive, known: tuple[Role, ...] | None
) -> Restore:
    """Restore the copy into an empty database and return what was said; errors that it meets are facts, not raised.

    `known` are the roles of the globals file. Raises OperatorError backup.interrupted when this machine and not the
    backup is to blame, backup.old_psql, postgres.timed_out, postgres.program_failed.
    """
    began = time.monotonic()
    _prepare(cluster, cfg, archive, known)
    logged, complaints = cluster.log.stat().st_size, cluster.log.with_name("complaints")
    with complaints.open("wb") as stderr:
        how = _by_psql if fetched.form is Form.PLAIN else _by_pg_restore
        done = how(cluster, cfg, copy_of(cluster.launcher.folder), stderr)
    with cluster.log.open(encoding="utf-8", errors="replace") as lines:
        lines.seek(logged)
        errors = server_errors(lines)
    _blame_the_machine(done.returncode, errors)
    _psql(cluster, "postgres", preparation.RESET).checked()
    _psql(cluster, RESTORED, preparation.REVOKE).checked()
    seconds = time.monotonic() - began
    logger.info("restored", extra={"exit_code": done.returncode, "errors": len(errors), "seconds": seconds})
    counted, fault = _told(complaints)
    return Restore(exit_code=done.returncode, lines=counted, errors=errors, fault=fault, seconds=seconds)


def _prepare(cluster: Cluster, cfg: Backup, archive: Archive, known: tuple[Role, ...] | None) -> None:
    for statement in preparation.databases(archive.outline.encoding):
        made = _psql(cluster, "postgres", statement)
        if made.returncode == 0:
            break
    made.checked()
    _psql(cluster, RESTORED, preparation.roles(archive.outline, known)).checked()
    for placed in archive.extensions:
        if placed.extension in cfg.extensions:  # one that this machine lacks is met again by the dump itself
            _psql(cluster, RESTORED, preparation.extension(placed))


def _psql(cluster: Cluster, database: str, statements: str) -> Completed:
    arguments = ("-Xq", "-v", "ON_ERROR_STOP=1", "-d", database)
    return cluster.run("psql", *arguments, timeout=SHORT, environ=OWN, stdin=statements.encode())


def _by_pg_restore(cluster: Cluster, cfg: Backup, place: Path, stderr: IO[bytes]) -> Completed:
    jobs = cfg.jobs or 2 * (os.cpu_count() or 1)
    arguments = (f"--jobs={jobs}", "--no-tablespaces", f"--dbname={cluster.conninfo(RESTORED, RESTORER)}", str(place))
    return cluster.run("pg_restore", *arguments, timeout=cfg.child_limit, stderr=stderr)


def _by_psql(cluster: Cluster, cfg: Backup, place: Path, stderr: IO[bytes]) -> Completed:
    # Restricted before the first line of the dump: what psql would take for a command of its own, it refuses. That is
    # not only for the hostile: the rows of a COPY that was refused are read as if they were commands.
    target = ("-Xq", f"--dbname={cluster.conninfo(RESTORED, RESTORER)}")
    restricted = rf"\restrict {secrets.token_hex(16)}"
    if cluster.run("psql", *target, "-c", restricted, timeout=SHORT).returncode:
        raise OperatorError("backup.old_psql", str(cluster.binaries.bin))
    brief = ("-v", "VERBOSITY=sqlstate", "-v", "SHOW_CONTEXT=never")
    with place.open("rb") as file:
        return cluster.run(
            "psql",
            *target,
            *brief,
            "-c",
            restricted,
            "-f",
            "-",
            timeout=cfg.child_limit,
            stdin=file,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )


def _told(complaints: Path) -> tuple[tuple[Lines, ...], Fault | None]:
    # Read line by line, and not kept in memory: of a refused COPY each row may have its own.
    with complaints.open(encoding="utf-8", errors="replace") as lines:
        counted = count_lines(line.rstrip("\n") for line in lines)
    with complaints.open(encoding="utf-8", errors="replace") as lines:
        return counted, archive_fault(lines)


def _blame_the_machine(exit_code: int, errors: tuple[ServerError, ...]) -> None:
    causes = [f"signal {-exit_code}"] if exit_code < 0 else []
    causes += [error.sqlstate for error in errors if error.meaning is Meaning.MACHINE]
    if causes:
        raise OperatorError("backup.interrupted", causes[0], Interrupted(cause=causes[0]))

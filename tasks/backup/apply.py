"""Changes the throwaway cluster, and nothing else: restores the backup into it."""

import logging
import os
import time
from datetime import timedelta

from tasks.adapters.postgres_server import Cluster
from tasks.backup.collect import RESTORED, copy_of_backup, stderr_lines
from tasks.backup.formats.messages import archive_fault, count_lines, server_errors
from tasks.backup.model.facts import Restore, ServerError
from tasks.backup.model.told import Interrupted
from tasks.backup.settings import Backup
from tasks.core.errors import OperatorError

logger = logging.getLogger(__name__)

CREATE_LIMIT = timedelta(minutes=2)
# For these sessions alone the server logs its errors and the statements it refused: pg_restore writes no SQLSTATE, and
# with several jobs no name. The log lies in the throwaway folder beside the data itself, and goes with it.
TELLING = "options='-c log_min_messages=error -c log_min_error_statement=error'"
# SQLSTATEs that tell of the machine and not of the backup: no resources, the server stopped, a system error.
MACHINE = ("53", "57P", "58")
NOT_INSTALLED = frozenset({"0A000", "58P01"})  # what CREATE EXTENSION meets where its files are not (15 on, before)


def restore(cluster: Cluster, cfg: Backup) -> Restore:
    """Restore the backup into an empty database and return what was said; errors that it meets are facts, not raised.

    Owners and grants are left out: their roles are not in the archive. Raises OperatorError backup.no_extension and
    backup.interrupted when this machine and not the backup is to blame, postgres.timed_out, postgres.program_failed.
    """
    cluster.run("psql", "-Xqd", "postgres", "-c", f"CREATE DATABASE {RESTORED}", timeout=CREATE_LIMIT).checked()
    logged, began = cluster.log.stat().st_size, time.monotonic()
    done = cluster.run(
        "pg_restore",
        "--no-owner",
        "--no-privileges",
        f"--jobs={cfg.jobs or 2 * (os.cpu_count() or 1)}",
        f"--dbname={cluster.conninfo(RESTORED)} {TELLING}",
        str(copy_of_backup(cluster)),
        timeout=cfg.child_limit,
    )
    seconds = time.monotonic() - began
    with cluster.log.open(encoding="utf-8", errors="replace") as log:
        log.seek(logged)
        errors = server_errors(log)
    logger.info("restored", extra={"exit_code": done.returncode, "errors": len(errors), "seconds": seconds})
    _blame_the_machine(done.returncode, errors)
    lines = stderr_lines(done)
    return Restore(
        exit_code=done.returncode,
        lines=count_lines(lines),
        errors=errors,
        fault=archive_fault(lines),
        seconds=seconds,
    )


def _blame_the_machine(exit_code: int, errors: tuple[ServerError, ...]) -> None:
    for error in errors:
        if error.statement.startswith("CREATE EXTENSION") and error.sqlstate in NOT_INSTALLED:
            raise OperatorError("backup.no_extension", error.subject)
    causes = [f"signal {-exit_code}"] if exit_code < 0 else []
    causes += [error.sqlstate for error in errors if error.sqlstate.startswith(MACHINE)]
    if causes:
        raise OperatorError("backup.interrupted", causes[0], Interrupted(cause=causes[0]))

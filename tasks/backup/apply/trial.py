"""What must change the throwaway database to be known: rules tried on their rows, amcheck, the team's own program."""

import logging
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

from tasks.adapters import postgres
from tasks.adapters.postgres import Asked
from tasks.adapters.postgres_server import Cluster
from tasks.adapters.postgres_server.programs import NOT_STARTED
from tasks.backup.apply.amcheck import amchecked
from tasks.backup.collect.soundness import judged
from tasks.backup.model.drill import Ran, Restored, Unchecked, Violation
from tasks.backup.model.throwaway import RESTORED, RESTORER
from tasks.backup.settings import Backup, Command, Database
from tasks.core.errors import OperatorError

logger = logging.getLogger(__name__)

BROKEN, NOT_VALIDATED = "backup.constraint_broken", "backup.constraint_not_validated"
ENV_FAILED = frozenset({125, 126, 127})  # of env: no such folder, not to be run, not found
VIOLATED = "23"  # SQLSTATE class: integrity constraint violation
# Parts of a partitioned table's rule go with it; one that is not enforced (18) cannot be validated.
_RULES = """
    SELECT format('%s %I', conrelid::regclass, conname),
           format('ALTER TABLE %s VALIDATE CONSTRAINT %I', conrelid::regclass, conname)
      FROM pg_constraint c
     WHERE NOT convalidated AND conrelid <> 0 AND conparentid = 0
       AND coalesce((to_jsonb(c)->>'conenforced')::bool, true)
     ORDER BY 1"""


def try_out(cluster: Cluster, cfg: Backup, database: Database, restored: Restored) -> Restored:
    """Return what was examined, and what only a trial shows. The team's program comes last: it may change anything.

    Raises OperatorError postgres.no_connection, postgres.refused, postgres.too_slow.
    """
    began, limit = time.monotonic(), cfg.child_limit
    tried = (_validated(cluster, limit), amchecked(cluster, limit))
    seconds = restored.seconds + time.monotonic() - began
    logger.info("restored database tried out", extra={"seconds": seconds})
    return replace(
        restored,
        violations=restored.violations + tuple(violation for violations, _ in tried for violation in violations),
        unchecked=restored.unchecked + tuple(one for _, unchecked in tried for one in unchecked),
        command=_ran(cluster, database.command) if database.command else None,
        seconds=seconds,
    )


def _validated(cluster: Cluster, limit: timedelta) -> tuple[tuple[Violation, ...], tuple[Unchecked, ...]]:
    """Try each rule that was never validated on its rows, as the role that owns them, and undo it."""
    source = cluster.conninfo(RESTORED, user=RESTORER)
    with postgres.connect(source, limit=limit, read_only=False) as session:
        rules = session.named(_RULES, "pg_constraint")
        return judged(_verdict(subject, session.refusal(statement)) for subject, statement in rules)


def _verdict(subject: str, sqlstate: str) -> tuple[str, Asked]:
    if sqlstate.startswith(VIOLATED) or not sqlstate:
        return (BROKEN if sqlstate else NOT_VALIDATED), Asked(subject=subject, number=1)
    return BROKEN, Asked(subject=subject, number=0, sqlstate=sqlstate)


def _ran(cluster: Cluster, command: Command) -> Ran:
    """Run the team's program against the restored database, as its owner; what it writes goes nowhere.

    On no network where the server has none, and with nothing of our environment but the PATH. Killed with its children
    when its time is over.
    """
    began, home = time.monotonic(), cluster.launcher.folder.path / "program"
    home.mkdir(exist_ok=True)
    cluster.give(home)
    environ = {
        "DATABASE_URL": f"postgresql://{RESTORER}@/{RESTORED}?host={quote(str(cluster.socket_dir), safe='')}",
        "PGHOST": str(cluster.socket_dir),
        "PGUSER": RESTORER,
        "PGDATABASE": RESTORED,
        "HOME": str(home),
        "PATH": f"{cluster.binaries.bin}:{os.environ.get('PATH', os.defpath)}",
    }
    exit_code = _exit_code(cluster, command, command.folder or str(home), environ)
    ran = Ran(program=command.argv[0], exit_code=exit_code, seconds=time.monotonic() - began)
    logger.info("program run", extra={"program": ran.program, "exit_code": ran.exit_code, "seconds": ran.seconds})
    return ran


def _exit_code(cluster: Cluster, command: Command, place: str, environ: Mapping[str, str]) -> int | None:
    try:
        done = cluster.launcher.run(
            "env",  # of all programs that start another, the one that starts it elsewhere
            f"--chdir={place}",
            *command.argv,
            timeout=timedelta(minutes=command.timeout_minutes),
            environ=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except OperatorError as error:
        if error.code != "postgres.timed_out":
            raise
        return None
    return NOT_STARTED if done.returncode in ENV_FAILED else done.returncode

"""Examines the restored database from within, as a role that reads everything and changes nothing."""

import logging
import os
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from tasks.adapters import postgres
from tasks.adapters.postgres import Asked, Sqlstate
from tasks.adapters.postgres_server import Cluster
from tasks.backup.formats.names import canonical, qualified
from tasks.backup.model.checks import CHECKS, DANGLING, PARTITIONED, Check
from tasks.backup.model.drill import Answer, NewestRow, Reading, Restored, Unchecked, Violation
from tasks.backup.model.throwaway import READER, RESTORED
from tasks.backup.settings import Assertion, Backup, Database
from tasks.core.errors import OperatorError

logger = logging.getLogger(__name__)

REFUSED = "backup.why.refused"
OF_THE_COLUMN = ("42", "3F")  # SQLSTATE classes: not there, or of no type that has a newest

Answered = tuple[str, Asked]  # the check's name, and what the server said of one object


def examine(cluster: Cluster, cfg: Backup, database: Database, reading: Reading) -> Restored:
    """Examine what was restored: the table of checks, the newest rows, the team's assertions.

    Raises OperatorError postgres.no_connection, postgres.refused, postgres.too_slow.
    """
    began, limit = time.monotonic(), cfg.child_limit
    source = cluster.conninfo(RESTORED, user=READER)
    with postgres.connect(source, limit=limit) as session:
        checks = [check for check in CHECKS if check.since <= session.major]
        found = [(check.name, asked) for check in checks for asked in _ask(session, check, source, limit)]
        newest = tuple(_newest(session, column) for column in database.newest_row)
        partitioned = tuple(canonical(name) for name in session.names(PARTITIONED, "pg_class"))
    spared = {(DANGLING, qualified(*column.split("."))) for column in database.not_large_objects}
    violations, unchecked = judged(
        (name, asked) for name, asked in found if (name, canonical(asked.subject)) not in spared
    )
    restored = Restored(
        reading=reading,
        newest=newest,
        violations=violations,
        unchecked=unchecked,
        answers=tuple(_answer(source, assertion) for assertion in database.assertions),
        command=None,
        partitioned=partitioned,
        read_at=datetime.now(UTC),
        seconds=time.monotonic() - began,
    )
    logger.info("restored database examined", extra={"violations": len(violations), "seconds": restored.seconds})
    return restored


def judged(answers: Iterable[Answered]) -> tuple[tuple[Violation, ...], tuple[Unchecked, ...]]:
    """Return what is wrong (any number but 0; of one object added up), and what could not be asked."""
    wrong: Counter[tuple[str, str]] = Counter()
    unchecked = []
    for check, asked in answers:
        if asked.sqlstate:
            logger.warning("not answered", extra={"check": check, "of": asked.subject, "sqlstate": asked.sqlstate})
            unchecked.append(Unchecked(check=check, why=REFUSED, subject=asked.subject))
        elif asked.number:
            wrong[check, asked.subject] += asked.number
    violations = (Violation(check=check, subject=subject, count=count) for (check, subject), count in wrong.items())
    return tuple(violations), tuple(unchecked)


def ask_all(source: str, questions: tuple[tuple[str, str], ...], limit: timedelta) -> tuple[Asked, ...]:
    """Ask many questions (subject, query), as many at a time as there are cores."""
    return postgres.ask_all(source, questions, limit=limit, sessions=os.cpu_count() or 1)


def _ask(session: postgres.Database, check: Check, source: str, limit: timedelta) -> tuple[Asked, ...]:
    if not check.each:
        return session.counts(check.find, check.name)
    return ask_all(source, session.named(check.find, check.name), limit)


def _newest(session: postgres.Database, column: str) -> NewestRow:
    try:
        at = session.newest(*column.split("."))
    except OperatorError as error:
        if not _sqlstate(error).startswith(OF_THE_COLUMN):
            raise
        return NewestRow(column=column, exists=False, at=None)
    return NewestRow(column=column, exists=True, at=at)


def _answer(source: str, assertion: Assertion) -> Answer:
    # A session of its own, with the search path that the database gives: the team writes its tables as it is used to.
    limit = timedelta(seconds=assertion.timeout_seconds)
    try:
        with postgres.connect(source, limit=limit, search_path="") as session:
            return Answer(name=assertion.name, value=session.answer(assertion.query, assertion.name))
    except OperatorError as error:
        sqlstate = _sqlstate(error)
        if not sqlstate:  # no answer of the server's: it is gone, and that says nothing of the backup
            raise
        return Answer(name=assertion.name, value="", sqlstate=sqlstate)


def _sqlstate(error: OperatorError) -> str:
    return error.data.sqlstate if isinstance(error.data, Sqlstate) else ""

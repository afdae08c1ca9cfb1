"""What the settings ask of a backup: fresh enough, fast enough, and the team's own statements."""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from tasks.backup.model.drill import Answer, Drill, NewestRow
from tasks.backup.model.told import Answered, Ended, Refused, Slow, Stale
from tasks.backup.rules.archive import read_whole
from tasks.backup.settings import Database
from tasks.core.findings import Finding, Severity
from tasks.core.pt_br import SAO_PAULO

HOUR_SECONDS, MINUTE_SECONDS = 3600, 60
# What the server says that is the team's own mistake or the machine's, and says nothing of the backup: the statement
# writes, is no valid SELECT, took too long, is one of several; no resources (53), stopped (57P), a system error (58).
UNFIT = ("25006", "42601", "57014", "25P02", "42P05", "53", "57P", "58")
SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
# The answers that are words and not values, by their labels.
ANSWERS: Mapping[str, str] = {
    "no rows": "backup.answer.no_rows",
    "null": "backup.answer.null",
    "text": "backup.answer.text",
}


def staleness(drill: Drill, database: Database) -> Iterator[Finding]:
    """Yield that the oldest of the three clocks is older than the RPO (exactly the RPO is allowed), named by its cause.

    The cause is the first clock that is too old: no new backup (object), an old file uploaded anew (archive), or a
    backup of a database that no longer changes (rows). An older backup that was asked for may be old. And yield named
    columns that hold no time at all.
    """
    times = clocks(drill)
    age = drill.found.read_at - min(times.values())
    if drill.found.newest and age > database.rpo:
        rule = next(rule for rule, at in times.items() if drill.found.read_at - at > database.rpo)
        oldest = min(times.values()).astimezone(SAO_PAULO)
        data = Stale(oldest=oldest, age_hours=hours(age.total_seconds()), rpo_hours=database.rpo_hours)
        yield Finding(rule=rule, severity=Severity.CRITICAL, subject=drill.found.key, data=data)
    for column in newest(drill):
        if column.exists and column.at is None:
            yield Finding(rule="backup.no_newest_row", severity=Severity.CRITICAL, subject=column.column)


def too_slow(drill: Drill, database: Database) -> Iterator[Finding]:
    """Yield that fetching and restoring took longer than the RTO (exactly the RTO is allowed)."""
    seconds = drill.fetched.seconds + (drill.proof.restore.seconds if drill.proof else 0)
    if seconds > database.rto.total_seconds():
        data = Slow(took_minutes=round(seconds / MINUTE_SECONDS, 1), rto_minutes=database.rto_minutes)
        yield Finding(rule="backup.rto_exceeded", severity=Severity.MEDIUM, subject=drill.found.key, data=data)


def assertions(drill: Drill, database: Database) -> Iterator[Finding]:
    """Yield the team's statements that do not hold, or that could not be asked (those not fit to be: see claims)."""
    proof = read_whole(drill)
    answers = {answer.name: answer for answer in proof.restored.answers} if proof else {}
    for assertion in database.assertions:
        answer = answers.get(assertion.name)
        if answer is None or answer.sqlstate.startswith(UNFIT):
            continue
        if answer.sqlstate:
            refused = Refused(sqlstate=answer.sqlstate, statement="SELECT", count=1)
            yield Finding(
                rule="backup.assertion_error", severity=Severity.CRITICAL, subject=assertion.name, data=refused
            )
        elif not holds(assertion.expect, answer):
            data = Answered(expected=assertion.expect, answer=ANSWERS.get(answer.value, answer.value))
            yield Finding(rule="backup.assertion_failed", severity=Severity.CRITICAL, subject=assertion.name, data=data)


def holds(expect: str, answer: Answer) -> bool:
    """Return whether an answer is what `expect` (settings.EXPECTATION) asks for."""
    comparison = re.fullmatch(r"([<>=]+) *(\S+)", expect)
    if not comparison:
        return answer.value == expect
    try:
        return SIGNS[comparison[1]](float(answer.value), float(comparison[2]))
    except ValueError:
        return False


def command(drill: Drill) -> Iterator[Finding]:
    """Yield that the team's own program did not end well on the restored database."""
    proof = read_whole(drill)
    ran = proof.restored.command if proof else None
    if ran and ran.exit_code != 0:
        data = Ended(exit_code="?" if ran.exit_code is None else str(ran.exit_code), seconds=ran.seconds)
        yield Finding(rule="backup.command_failed", severity=Severity.CRITICAL, subject=ran.program, data=data)


def newest(drill: Drill) -> tuple[NewestRow, ...]:
    """Return the named columns' newest times; nothing where the archive breaks off: its newest rows may be missing."""
    proof = read_whole(drill)
    return proof.restored.newest if proof else ()


def clocks(drill: Drill) -> dict[str, datetime]:
    """Return the three clocks, in the order of causes, under the rule that each breaks."""
    header, times = drill.archive.header, [column.at for column in newest(drill) if column.at]
    known = {
        "backup.no_new_backup": drill.found.modified_at,
        "backup.old_archive": header.created_at if header else None,
        "backup.old_rows": max(times, default=None),
    }
    return {rule: at for rule, at in known.items() if at is not None}


def hours(seconds: float) -> float:
    """Return hours to two places."""
    return round(seconds / HOUR_SECONDS, 2)

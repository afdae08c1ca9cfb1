"""What was lost while restoring."""

from collections.abc import Iterator

from tasks.backup.model.drill import Drill, LineKind, Meaning, Restore, ServerError
from tasks.backup.model.told import Refused, Unexplained
from tasks.core.findings import Finding, Severity

BEYOND_US = {Meaning.NO_EXTENSION: "backup.why.no_extension", Meaning.NOT_ALLOWED: "backup.why.not_allowed"}


def beyond_us(drill: Drill) -> str:
    """Return why this machine could not restore what another can, "" when nothing stood in the way."""
    return next((why for meaning, why in BEYOND_US.items() if _meaning(drill, meaning)), "")


def hostile(drill: Drill) -> Iterator[Finding]:
    """Yield what tried to leave the database."""
    for error in _meaning(drill, Meaning.HOSTILE):
        yield Finding(rule="backup.hostile", severity=Severity.CRITICAL, subject=error.subject or drill.found.key)


def refused(drill: Drill) -> Iterator[Finding]:
    """Yield each thing that the server refused and that is lost by it."""
    for error in _meaning(drill, Meaning.LOSS):
        data = Refused(sqlstate=error.sqlstate, statement=error.statement or "?", count=error.count)
        subject = error.subject or drill.found.key
        yield Finding(rule="backup.restore_refused", severity=Severity.CRITICAL, subject=subject, data=data)


def unexplained(drill: Drill) -> Iterator[Finding]:
    """Yield how many lines of pg_restore or psql nothing explains."""
    lines = _unexplained(drill.proof.restore) if drill.proof else 0
    if lines:
        data = Unexplained(lines=lines)
        yield Finding(rule="backup.restore_unexplained", severity=Severity.CRITICAL, subject=drill.found.key, data=data)


def privileged(drill: Drill) -> tuple[str, ...]:
    """Return objects that were left out because only a superuser may create them."""
    return tuple(error.subject for error in _meaning(drill, Meaning.PRIVILEGED))


def left_out(drill: Drill) -> frozenset[str]:
    """Return the bare names of those objects: an error names an object of a table behind it ("public.t name")."""
    return frozenset(subject.rpartition(" ")[2] for subject in privileged(drill))


def _meaning(drill: Drill, meaning: Meaning) -> tuple[ServerError, ...]:
    errors = drill.proof.restore.errors if drill.proof else ()
    return tuple(error for error in errors if error.meaning is meaning)


def _unexplained(restore: Restore) -> int:
    counts = {lines.kind: lines.count for lines in restore.lines}
    refused_ = sum(error.count for error in restore.errors)
    lines = counts.get(LineKind.UNKNOWN, 0) + max(0, counts.get(LineKind.SERVER, 0) - refused_)
    silent = restore.exit_code != 0 and not refused_ and LineKind.ARCHIVE not in counts
    return lines or int(silent)

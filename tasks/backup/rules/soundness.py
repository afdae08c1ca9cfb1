"""What was found to be wrong inside the restored database."""

from collections.abc import Iterator, Mapping

from tasks.backup.model.checks import CHECKS
from tasks.backup.model.drill import Drill
from tasks.backup.model.told import Counted
from tasks.backup.rules.archive import read_whole
from tasks.core.findings import Finding, Severity

# Beside the table of checks: what amcheck, a trial VALIDATE, and the reading of the data itself find.
SEVERITIES: Mapping[str, Severity] = {
    **{check.name: check.severity for check in CHECKS},
    "backup.heap_corrupt": Severity.CRITICAL,
    "backup.index_corrupt": Severity.CRITICAL,
    "backup.constraint_broken": Severity.HIGH,
    "backup.constraint_not_validated": Severity.LOW,
}


def unsound(drill: Drill) -> Iterator[Finding]:
    """Yield each object that a check does not hold of, and each table with text that is no text."""
    proof = read_whole(drill)
    if not proof:
        return
    for violation in proof.restored.violations:
        data = Counted(count=violation.count)
        yield Finding(rule=violation.check, severity=SEVERITIES[violation.check], subject=violation.subject, data=data)
    for table in proof.restored.reading.contents.invalid_text:
        yield Finding(rule="backup.invalid_text", severity=Severity.CRITICAL, subject=table)

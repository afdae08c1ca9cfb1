"""What was found to be wrong inside the restored database."""

from dataclasses import replace

import pytest

from tasks.backup.model.drill import Violation
from tasks.backup.model.found import Fault
from tasks.backup.model.told import Counted
from tasks.backup.rules import findings
from tasks.backup.rules.soundness import SEVERITIES
from tasks.core.findings import Finding, Severity
from tests.tasks.backup.drills import GOOD, KEY, SETTINGS, critical, data, restored, there


@pytest.mark.parametrize(("check", "severity"), SEVERITIES.items())
def test_what_a_check_does_not_hold_of_is_found_with_its_count(check: str, severity: Severity) -> None:
    drill = restored(violations=(Violation(check=check, subject="public.a", count=3),))
    assert findings(drill, SETTINGS) == (
        Finding(rule=check, severity=severity, subject="public.a", data=Counted(count=3)),
    )


def test_text_that_is_no_text_is_found_by_its_table() -> None:
    drill = there(invalid_text=("public.atendimentos", "public.usuarios"))
    assert findings(drill, SETTINGS) == (
        critical("backup.invalid_text", "public.atendimentos"),
        critical("backup.invalid_text", "public.usuarios"),
    )


def test_of_an_archive_that_breaks_off_nothing_is_said_of_what_is_inside() -> None:
    violation = Violation(check=next(iter(SEVERITIES)), subject="public.a", count=3)
    drill = data(there(restored(violations=(violation,)), invalid_text=("public.a",)), fault=Fault.TRUNCATED)
    assert findings(drill, SETTINGS) == (critical("backup.truncated", KEY),)


def test_without_a_restore_there_is_nothing_inside() -> None:
    assert findings(replace(GOOD, proof=None), SETTINGS) == ()

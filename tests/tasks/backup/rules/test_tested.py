"""One database's test, judged; and several of them told together."""

from dataclasses import replace

import pytest

from tasks.backup import rules
from tasks.backup.model.told import Against, Difference, More
from tasks.backup.rules import Span
from tasks.backup.rules.claims import claims, coverage
from tasks.backup.rules.measures import measures
from tasks.core.findings import Finding, Severity
from tests.tasks.backup.drills import (
    CONTENTS,
    GOOD,
    PAST,
    SETTINGS,
    critical,
    entry,
    found,
    high,
    there,
    written,
)


def test_a_test_holds_the_facts_and_all_that_was_judged_of_them() -> None:
    drill = found(newer_deleted=("postgres/b.dump",))
    assert rules.tested(drill, SETTINGS, (PAST,)) == rules.Tested(
        drill=drill,
        database=SETTINGS,
        past=(PAST,),
        findings=(high("backup.newer_deleted", "postgres/b.dump"),),
        claims=claims(drill, SETTINGS),
        coverage=coverage(drill, SETTINGS),
        measures=measures(drill),
    )


def test_what_was_before_is_judged_too() -> None:
    told = rules.tested(GOOD, SETTINGS, (replace(PAST, rows=1000.0),) * 4)
    assert [finding.rule for finding in told.findings] == ["backup.unlike_before"]


def deleted(count: int, *, several: bool = False) -> tuple[Finding, ...]:
    keys = tuple(f"postgres/{number:02}.dump" for number in range(count))
    test = rules.tested(found(newer_deleted=keys, size_bytes=1), SETTINGS, ())
    return tuple(finding for finding in rules.findings_of(test, several=several) if finding.rule != "backup.too_small")


def test_twenty_findings_of_a_rule_are_listed_and_of_more_nineteen_and_how_many_there_are() -> None:
    listed = tuple(high("backup.newer_deleted", f"postgres/{number:02}.dump") for number in range(20))
    rest = Finding(rule="backup.and_more", severity=Severity.INFO, subject="backup.newer_deleted", data=More(count=2))
    assert deleted(20) == listed
    assert deleted(21) == (*listed[:19], rest)


def test_the_worst_of_a_rule_are_listed_first() -> None:
    spare = tuple(entry("VIEW", f"v{number:02}") for number in range(30))
    drill = there(written(entries=CONTENTS.entries[1:]), entries=(*CONTENTS.entries, *spare))
    told = rules.findings_of(rules.tested(drill, SETTINGS, ()), several=False)
    assert told[0] == critical(
        "backup.object_unexpected", "FUNCTION public.marca()", Difference(against=Against.MANIFEST)
    )
    assert told[-1].data == More(count=12)


def test_of_several_databases_each_finding_names_its_own() -> None:
    test = rules.tested(found(newer_deleted=("postgres/b.dump",)), SETTINGS, ())
    assert rules.findings_of(test, several=True) == (high("backup.newer_deleted", "assist_marias: postgres/b.dump"),)
    assert deleted(21, several=True)[-1].subject == "assist_marias: backup.newer_deleted"


@pytest.mark.parametrize(
    ("number", "count", "shares"),
    [
        pytest.param(0, 1, (0, 50, 100), id="one takes all"),
        pytest.param(0, 4, (0, 12.5, 25), id="the first of four"),
        pytest.param(3, 4, (75, 87.5, 100), id="the last of four"),
    ],
)
def test_a_run_is_shared_by_its_databases(number: int, count: int, shares: tuple[float, ...]) -> None:
    assert tuple(Span(number, count).at(percent) for percent in (0, 50, 100)) == shares

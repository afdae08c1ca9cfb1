"""A test beside those before it."""

import pytest

from tasks.backup.model.drill import Drill, Past
from tasks.backup.model.found import Fault
from tasks.backup.model.told import Unlike
from tasks.backup.rules import findings
from tasks.core.findings import Finding
from tests.tasks.backup.drills import GOOD, KEY, PAST, SETTINGS, but, found, high, unread


def past(**changes: float | None) -> Past:
    return but(PAST, **changes)


def four(**changes: float | None) -> tuple[Past, ...]:
    return (past(**changes),) * 4


CASES: dict[str, tuple[Drill, tuple[Past, ...], tuple[Finding, ...]]] = {
    "as the four before it": (GOOD, four(), ()),
    "fewer rows than 0.3 of the median": (
        GOOD,
        four(rows=17.0),
        (high("backup.unlike_before", KEY, Unlike(measure="backup.measure.rows", value=5, median=17.0)),),
    ),
    "rows at 0.3 of the median and a little more": (GOOD, four(rows=16.6), ()),
    "smaller": (
        found(size_bytes=2999),
        four(size_bytes=10_000.0),
        (high("backup.unlike_before", KEY, Unlike(measure="backup.measure.size_bytes", value=2999, median=10_000.0)),),
    ),
    "exactly 0.3 is allowed": (found(size_bytes=3000), four(size_bytes=10_000.0), ()),
    "too fast to be true": (
        GOOD,
        four(drill_seconds=101.0),
        (high("backup.unlike_before", KEY, Unlike(measure="backup.measure.drill_seconds", value=30.0, median=101.0)),),
    ),
    "of several measures the first": (
        GOOD,
        four(rows=100.0, drill_seconds=999.0),
        (high("backup.unlike_before", KEY, Unlike(measure="backup.measure.rows", value=5, median=100.0)),),
    ),
    "the median, not the mean": (GOOD, tuple(past(rows=rows) for rows in (1e9, 4.0, 5.0, 6.0)), ()),
    "three before it are not enough": (GOOD, (past(rows=1000.0),) * 3, ()),
    "none before it": (GOOD, (), ()),
    "a fifth no longer counts": (GOOD, (*four(), *four(rows=1e9)), ()),
    "one that came to no restore does not count": (
        GOOD,
        (past(rows=None), *four(rows=1000.0)),
        (high("backup.unlike_before", KEY, Unlike(measure="backup.measure.rows", value=5, median=1000.0)),),
    ),
    "three that came to a restore are not enough": (GOOD, (past(rows=None), *four(rows=1000.0)[:3]), ()),
    "more rows than ever": (GOOD, four(rows=0.0), ()),
    "a test that comes to no restore says nothing": (unread(Fault.COLD), four(size_bytes=1e9), ()),
}


@pytest.mark.parametrize(("drill", "before", "expected"), CASES.values(), ids=CASES.keys())
def test_a_test_that_is_too_small_or_too_fast_is_found_and_nothing_else(
    drill: Drill, before: tuple[Past, ...], expected: tuple[Finding, ...]
) -> None:
    assert findings(drill, SETTINGS, before) == expected

"""What the settings ask of a backup."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tasks.backup.model.drill import Answer, Drill, NewestRow, Ran
from tasks.backup.model.found import Fault
from tasks.backup.model.told import Answered, Ended, Refused, Slow, Stale
from tasks.backup.rules import findings, policy
from tasks.core.findings import Finding
from tasks.core.pt_br import SAO_PAULO
from tests.tasks.backup.drills import (
    GOOD,
    HOUR,
    KEY,
    NEWEST,
    NOW,
    OTHER_NEWEST,
    SECOND,
    SETTINGS,
    Cases,
    critical,
    data,
    fetched,
    found,
    header,
    medium,
    restore,
    restored,
    settings,
    unread,
)


def newest_at(age: timedelta) -> tuple[NewestRow, ...]:
    return (replace(NEWEST, at=NOW - age), OTHER_NEWEST)


def stale(age: timedelta) -> Stale:
    return Stale(oldest=NOW - age, age_hours=round(age / HOUR, 2), rpo_hours=24)


CASES: Cases = {
    "the oldest clock at exactly the RPO": (restored(newest=newest_at(24 * HOUR)), ()),
    "rows older than the RPO": (
        restored(newest=newest_at(24 * HOUR + SECOND)),
        (critical("backup.old_rows", KEY, stale(24 * HOUR + SECOND)),),
    ),
    "an older backup that was asked for may be old": (
        found(restored(newest=newest_at(50 * HOUR)), newest=False, modified_at=NOW - 48 * HOUR),
        (),
    ),
    "an archive older than the RPO": (
        header(created_at=NOW - 25 * HOUR),
        (critical("backup.old_archive", KEY, stale(25 * HOUR)),),
    ),
    "a plain dump has no clock of its own": (header(created_at=None), ()),
    "an object older than the RPO, told by its cause and by its oldest clock": (
        found(restored(newest=newest_at(50 * HOUR)), modified_at=NOW - 48 * HOUR),
        (critical("backup.no_new_backup", KEY, stale(50 * HOUR)),),
    ),
    "an old object that cannot be read": (
        found(unread(Fault.COLD), modified_at=NOW - 48 * HOUR),
        (critical("backup.no_new_backup", KEY, stale(48 * HOUR)),),
    ),
    "a column without a time": (
        restored(newest=(replace(NEWEST, at=None), replace(OTHER_NEWEST, at=NOW))),
        (critical("backup.no_newest_row", NEWEST.column),),
    ),
    "a column that is not there is a matter of coverage": (
        restored(newest=(replace(NEWEST, exists=False, at=None), replace(OTHER_NEWEST, at=NOW))),
        (),
    ),
    "rows of an archive that breaks off do not count as old": (
        data(restored(newest=newest_at(99 * HOUR)), fault=Fault.TRUNCATED),
        (critical("backup.truncated", KEY),),
    ),
    "fetching and restoring in exactly the RTO": (restore(seconds=56.0), ()),
    "slower than the RTO": (
        restore(seconds=116.0),
        (medium("backup.rto_exceeded", KEY, Slow(took_minutes=2.0, rto_minutes=1)),),
    ),
    "slower than the RTO before anything was restored": (
        fetched(unread(Fault.OTHER_FORMAT), seconds=61.0),
        (medium("backup.rto_exceeded", KEY, Slow(took_minutes=1.0, rto_minutes=1)),),
    ),
    "the team's program ended well": (restored(command=Ran(program="npm", exit_code=0, seconds=9.0)), ()),
    "the team's program failed": (
        restored(command=Ran(program="npm", exit_code=3, seconds=9.0)),
        (critical("backup.command_failed", "npm", Ended(exit_code="3", seconds=9.0)),),
    ),
    "the team's program was stopped": (
        restored(command=Ran(program="npm", exit_code=None, seconds=600.0)),
        (critical("backup.command_failed", "npm", Ended(exit_code="?", seconds=600.0)),),
    ),
    "the team's program ran over an archive that breaks off": (
        data(restored(command=Ran(program="npm", exit_code=3, seconds=9.0)), fault=Fault.TRUNCATED),
        (critical("backup.truncated", KEY),),
    ),
}


@pytest.mark.parametrize(("drill", "expected"), CASES.values(), ids=CASES.keys())
def test_what_the_settings_ask_for_and_do_not_get_is_found_and_nothing_else(
    drill: Drill, expected: tuple[Finding, ...]
) -> None:
    assert findings(drill, SETTINGS) == expected


def test_the_oldest_clock_is_told_as_a_clock_in_sao_paulo_shows_it() -> None:
    (finding,) = findings(found(modified_at=NOW - 48 * HOUR), SETTINGS)
    assert isinstance(finding.data, Stale)
    assert finding.data.oldest.tzinfo is SAO_PAULO


def test_the_three_clocks_stand_in_the_order_of_causes() -> None:
    assert policy.clocks(GOOD) == {
        "backup.no_new_backup": NOW - 5 * HOUR,
        "backup.old_archive": NOW - 6 * HOUR,
        "backup.old_rows": NOW - 7 * HOUR,
    }
    assert policy.clocks(unread(Fault.EMPTY)) == {"backup.no_new_backup": NOW - 5 * HOUR}


# ── assertions ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("expect", "holding", "failing"),
    [
        pytest.param(">= 1", ("1", "2", "1.0"), ("0", "-1", "0.999"), id="at least"),
        pytest.param("<= 5", ("5", "-6"), ("5.1", "6"), id="at most"),
        pytest.param("=0", ("0", "0.0", "-0"), ("1", "false"), id="equal, without a blank"),
        pytest.param("< 5000", ("4999.9",), ("5000",), id="less"),
        pytest.param(">  -2.5", ("-2",), ("-2.5",), id="more, and below nothing"),
        pytest.param("true", ("true",), ("false", "1", "no rows"), id="true"),
        pytest.param("false", ("false",), ("true", "0"), id="false"),
        pytest.param("no rows", ("no rows",), ("0", "false"), id="no rows"),
    ],
)
def test_an_answer_is_held_against_what_is_expected(
    expect: str, holding: tuple[str, ...], failing: tuple[str, ...]
) -> None:
    answers = {value: policy.holds(expect, Answer(name="a", value=value)) for value in (*holding, *failing)}
    assert answers == dict.fromkeys(holding, True) | dict.fromkeys(failing, False)


@pytest.mark.parametrize("value", ["text", "no rows", "nan", ""])
@pytest.mark.parametrize("sign", policy.SIGNS)
def test_what_is_no_number_keeps_to_no_comparison(sign: str, value: str) -> None:
    assert not policy.holds(f"{sign} 0", Answer(name="a", value=value))


STATED = settings(
    assertions=[
        {"name": "há usuárias", "query": "SELECT count(*) FROM usuarios", "expect": ">= 1"},
        {"name": "sem órfãs", "query": "SELECT id FROM orfas LIMIT 1", "expect": "no rows"},
    ]
)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param((Answer(name="há usuárias", value="2"), Answer(name="sem órfãs", value="no rows")), (), id="all"),
        pytest.param(
            (Answer(name="há usuárias", value="0"), Answer(name="sem órfãs", value="text")),
            (
                critical("backup.assertion_failed", "há usuárias", Answered(expected=">= 1", answer="0")),
                critical(
                    "backup.assertion_failed", "sem órfãs", Answered(expected="no rows", answer="backup.answer.text")
                ),
            ),
            id="neither",
        ),
        pytest.param(
            (Answer(name="há usuárias", value="no rows"), Answer(name="sem órfãs", value="no rows")),
            (
                critical(
                    "backup.assertion_failed", "há usuárias", Answered(expected=">= 1", answer="backup.answer.no_rows")
                ),
            ),
            id="no answer",
        ),
        pytest.param(
            (Answer(name="há usuárias", value="", sqlstate="42P01"), Answer(name="sem órfãs", value="no rows")),
            (
                critical(
                    "backup.assertion_error", "há usuárias", Refused(sqlstate="42P01", statement="SELECT", count=1)
                ),
            ),
            id="refused",
        ),
        pytest.param((), (), id="never asked: a matter of coverage"),
    ],
)
def test_the_teams_statements_are_held_against_the_answers(
    answers: tuple[Answer, ...], expected: tuple[Finding, ...]
) -> None:
    assert findings(restored(answers=answers), STATED) == expected


def test_of_an_archive_that_breaks_off_the_teams_statements_are_not_judged() -> None:
    drill = data(restored(answers=(Answer(name="há usuárias", value="0"),)), fault=Fault.TRUNCATED)
    assert findings(drill, STATED) == (critical("backup.truncated", KEY),)


@pytest.mark.parametrize("sqlstate", ["25006", "42601", "57014", "53200", "57P01", "58030"])
def test_a_statement_that_was_not_fit_to_be_asked_is_a_matter_of_coverage(sqlstate: str) -> None:
    answers = (Answer(name="há usuárias", value="", sqlstate=sqlstate), Answer(name="sem órfãs", value="no rows"))
    assert findings(restored(answers=answers), STATED) == ()

"""Which purposes are due: by the age of their keys, looked at every working morning."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest

from tasks.core.calendar import is_business_day, today
from tasks.core.errors import OperatorError
from tasks.core.pt_br import SAO_PAULO
from tasks.ssh.model.keys import CURRENT, PENDING, PROVED, Keys, Version
from tasks.ssh.model.plan import Why
from tasks.ssh.model.told import Names, OfEnvironment
from tasks.ssh.rules import due
from tests.tasks.ssh.values import HELD, NEW, OLD, OTHER, PREVIOUS, cfg, half, keys, version

CFG = cfg()
DAY = timedelta(days=1)
LIMIT = CFG.max_age_days * DAY
TILL_TOMORROW = timedelta(hours=25)  # the next morning, and the hour that a rotation may take
TAKES = timedelta(minutes=59)
FIRST, LAST = date(2026, 1, 5), date(2028, 12, 29)


def why(found: Keys, **asked: bool) -> Why | None:
    return due.due([found], CFG, **{"unattended": True, **asked}).get("ops")


def test_a_run_is_about_the_purpose_that_was_asked_for_or_all() -> None:
    two = cfg(purposes={name: CFG.purposes["ops"].model_copy(update={"secret": name}) for name in ("ops", "deploy")})
    assert (due.purposes(two, ""), due.purposes(two, "deploy")) == (("ops", "deploy"), ("deploy",))
    with pytest.raises(OperatorError) as caught:
        due.purposes(two, "other")
    error = caught.value
    assert (error.code, error.subject, error.data) == ("ssh.no_such_purpose", "other", Names(names="ops, deploy"))


def test_the_keys_of_another_environment_are_refused() -> None:
    ours = keys(replace(version(NEW, PENDING), environment="lab"), version(OLD, CURRENT))
    where = "a/secret"
    assert due.of_environment(ours, where, "lab") is ours
    assert due.of_environment(keys(), where, "lab") == keys()
    with pytest.raises(OperatorError) as caught:
        due.of_environment(ours, where, "production")
    assert (caught.value.code, caught.value.subject) == ("ssh.other_environment", "ops")
    assert caught.value.data == OfEnvironment(secret=where, theirs="lab", ours="production")


@pytest.mark.parametrize(
    ("age", "found"),
    [
        (LIMIT - TILL_TOMORROW, None),
        (LIMIT - TILL_TOMORROW + timedelta(microseconds=1), Why.AGE),
        (LIMIT, Why.AGE),
        (LIMIT + 100 * DAY, Why.AGE),
        (timedelta(0), None),
    ],
    ids=["exactly the age tomorrow", "a moment older tomorrow", "exactly the age", "far too old", "new"],
)
def test_a_key_is_due_when_it_would_pass_its_age_before_the_next_morning_is_over(
    age: timedelta, found: Why | None
) -> None:
    assert why(keys(age=age)) is found


BY_HAND = keys(version(OTHER, CURRENT), version(OLD, PREVIOUS))
OF_GRACE = keys(version(NEW, CURRENT, age=CFG.grace_days * DAY), version(OLD, PREVIOUS))


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (half(), Why.HALF),
        (half(PREVIOUS, HELD), Why.HALF),
        (half(HELD), Why.HALF),
        (keys(version(NEW, CURRENT, PENDING), version(OLD, PREVIOUS)), None),
        (keys(version(OLD, CURRENT, HELD)), None),
        (keys(version(NEW, CURRENT, age=LIMIT), version(OLD, PREVIOUS, HELD)), Why.AGE),
        (OF_GRACE, Why.GRACE),
        (keys(version(NEW, CURRENT, age=CFG.grace_days * DAY - timedelta(seconds=1)), version(OLD, PREVIOUS)), None),
        (keys(version(NEW, CURRENT, age=CFG.grace_days * DAY)), None),
        (BY_HAND, Why.HALF),
        (keys(version(OTHER, CURRENT, PROVED, age=LIMIT - 2 * DAY), version(OLD, PREVIOUS)), None),
        (keys(version(OTHER, CURRENT, age=LIMIT), version(OLD, PREVIOUS)), Why.AGE),
    ],
    ids=[
        "pending",
        "held",
        "held, and previous no more",
        "current and pending are one",
        "the current key is held",
        "due and held",
        "past its grace",
        "within its grace",
        "nothing before it",
        "put by hand",
        "put by hand, and proved",
        "put by hand, and due",
    ],
)
def test_the_first_reason_that_holds_is_told(found: Keys, reason: Why | None) -> None:
    assert why(found) is reason


def test_what_a_person_asks_for_comes_first_and_a_person_sees_what_is_not_due() -> None:
    assert why(half(), unattended=False, rotate_now=True, compromised=True) is Why.COMPROMISED
    assert why(half(), unattended=False, rotate_now=True) is Why.ASKED
    assert why(keys(), unattended=False) is Why.LOOK


@pytest.mark.parametrize("day", [date(2026, 11, 28), date(2026, 11, 20), date(2026, 2, 17)], ids=str)
def test_on_a_free_day_nothing_begins_by_itself_but_a_person_may(day: date) -> None:
    at = datetime.combine(day, time(9), SAO_PAULO)
    held = Version(id="old", stages=(CURRENT,), key=OLD, created_at=at - LIMIT - DAY)
    old = Keys(purpose="ops", read_at=at, versions=(held,))
    assert due.due([old], CFG, unattended=True) == {}
    assert due.due([old], CFG, unattended=False) == {"ops": Why.AGE}


@pytest.mark.parametrize(
    ("found", "reason", "makes"),
    [
        (keys(), Why.AGE, True),
        (keys(), Why.ASKED, True),
        (keys(), Why.COMPROMISED, True),
        (keys(), Why.LOOK, False),
        (half(PREVIOUS, HELD), Why.HALF, False),
        (half(), Why.COMPROMISED, False),
        (half(), Why.ASKED, False),
    ],
)
def test_a_key_is_made_when_one_is_due_and_none_is_pending(found: Keys, reason: Why, *, makes: bool) -> None:
    assert due.makes_a_key(found, reason) is makes


# ── three years, morning by morning ──────────────────────────────────────────────────────────────────────────────────


def mornings(first: date = FIRST, last: date = LAST) -> Iterator[datetime]:
    """Yield when the schedule runs: Monday to Friday, 09:00 in São Paulo, holidays too."""
    days = (first + number * DAY for number in range((last - first).days + 1))
    return (datetime.combine(day, time(9), SAO_PAULO).astimezone(UTC) for day in days if day.weekday() < 5)


def rotations(*, born: datetime, fails: int = 0) -> Iterator[tuple[datetime, timedelta]]:
    """Yield when a key is exchanged and how old it is then, if `fails` due mornings in a row fail before each."""
    left = fails
    for now in mornings(today(born) + DAY):
        held = Version(id="old", stages=(CURRENT,), key=OLD, created_at=born)
        reasons = due.due([Keys(purpose="ops", read_at=now, versions=(held,))], CFG, unattended=True)
        if reasons and left:
            left -= 1
        elif reasons:
            yield now, now + TAKES - born
            born, left = now, fails


@pytest.mark.parametrize("start", range(0, 90, 7))
def test_over_three_years_no_key_is_older_than_allowed_and_none_is_exchanged_on_a_free_day(start: int) -> None:
    born = datetime.combine(FIRST, time(9), SAO_PAULO).astimezone(UTC) + start * DAY
    found = list(rotations(born=born))
    assert max(age for _, age in found) <= LIMIT
    assert [now for now, _ in found if not is_business_day(today(now))] == []
    assert len(found) in {11, 12, 13}


def test_over_three_years_a_key_is_not_exchanged_sooner_than_the_calendar_asks() -> None:
    """The longest time without a working morning is from Friday to Wednesday, over Carnival."""
    ages = [age for _, age in rotations(born=datetime.combine(FIRST, time(9), SAO_PAULO).astimezone(UTC))]
    assert min(ages) >= LIMIT - 6 * DAY


def test_every_morning_of_three_years_a_key_that_is_not_due_is_young_enough_on_the_next() -> None:
    working = [now for now in mornings() if is_business_day(today(now))]
    for now, following in pairwise(working):
        for hours in range(0, 10 * 24, 5):
            age = LIMIT - timedelta(hours=hours)
            held = Version(id="old", stages=(CURRENT,), key=OLD, created_at=now - age)
            reasons = due.due([Keys(purpose="ops", read_at=now, versions=(held,))], CFG, unattended=True)
            assert bool(reasons) is (following + due.MARGIN - (now - age) > LIMIT)


def test_a_morning_that_fails_is_followed_by_the_next_working_morning() -> None:
    born = datetime.combine(FIRST, time(9), SAO_PAULO).astimezone(UTC)
    (good, _), *_ = rotations(born=born)
    (late, _), *_ = rotations(born=born, fails=1)
    assert late == next(now for now in mornings(today(good) + DAY) if is_business_day(today(now)))

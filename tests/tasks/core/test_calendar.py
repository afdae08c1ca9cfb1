"""Working days in São Paulo: which days are free, and when the next morning is."""

from datetime import UTC, date, datetime

import pytest

from tasks.core.calendar import is_business_day, next_business_morning, today
from tasks.core.pt_br import SAO_PAULO


def at(*when: int) -> datetime:
    year, month, day, hour, minute = (*when, 0)[:5]
    return datetime(year, month, day, hour, minute, tzinfo=SAO_PAULO)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 11, 27), True),  # a Friday
        (date(2026, 11, 28), False),
        (date(2026, 11, 29), False),
        (date(2026, 1, 1), False),
        (date(2026, 1, 25), False),  # the city's foundation, a Sunday
        (date(2027, 1, 25), False),  # and a Monday
        (date(2026, 2, 16), False),  # the Monday of Carnival
        (date(2026, 2, 17), False),
        (date(2026, 4, 3), False),  # Good Friday
        (date(2026, 4, 21), False),  # Tiradentes
        (date(2026, 6, 4), False),  # Corpus Christi
        (date(2026, 7, 9), False),  # the state's
        (date(2026, 9, 7), False),
        (date(2026, 11, 20), False),  # Consciência Negra
        (date(2026, 12, 24), False),
        (date(2026, 12, 25), False),
        (date(2026, 12, 31), False),
        (date(2026, 12, 30), True),
    ],
)
def test_the_team_works_from_monday_to_friday_but_for_holidays(day: date, *, works: bool) -> None:
    assert is_business_day(day) is works


def test_the_day_is_the_one_in_sao_paulo() -> None:
    assert today(datetime(2026, 11, 27, 2, 59, tzinfo=UTC)) == date(2026, 11, 26)
    assert today(datetime(2026, 11, 27, 3, 0, tzinfo=UTC)) == date(2026, 11, 27)


@pytest.mark.parametrize(
    ("now", "morning"),
    [
        (at(2026, 11, 26, 23, 59), at(2026, 11, 27, 9)),
        (at(2026, 11, 27, 0, 1), at(2026, 11, 30, 9)),  # of today's own morning it does not speak
        (at(2026, 11, 27, 9), at(2026, 11, 30, 9)),
        (at(2026, 12, 23, 9), at(2026, 12, 28, 9)),
        (at(2026, 12, 30, 18), at(2027, 1, 4, 9)),  # over the year's end
    ],
)
def test_the_next_morning_is_that_of_the_first_working_day_after_today(now: datetime, morning: datetime) -> None:
    assert next_business_morning(now.astimezone(UTC)) == morning

"""When the duties run, computed with the server's own schedule classes over thirty years."""

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest
from prefect.server.schemas.schedules import CronSchedule, RRuleSchedule

from deployments.catalogue import declared

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
YEARS = range(2026, 2056)


def dates(duty: str, slug: str, start: datetime, end: datetime) -> list[datetime]:
    [deployment] = [d for d in declared("production", schedules=True) if d.flow.name == duty]
    [schedule] = [s.times for s in deployment.schedules if s.slug == slug]
    assert schedule.timezone == "America/Sao_Paulo"
    kind = RRuleSchedule if hasattr(schedule, "rrule") else CronSchedule
    server_side = kind.model_validate(schedule.model_dump())
    found = asyncio.run(server_side.get_dates(n=10_000, start=start, end=end))
    return [when.astimezone(SAO_PAULO) for when in found]


@pytest.mark.parametrize("year", YEARS)
def test_the_restore_test_runs_once_a_quarter_on_a_working_tuesday_to_thursday_after_the_first(year: int) -> None:
    start, end = datetime(year, 1, 1, tzinfo=SAO_PAULO), datetime(year + 1, 1, 1, tzinfo=SAO_PAULO)
    found = dates("backup-restore-test", "quarterly", start, end)
    assert [when.month for when in found] == [1, 4, 7, 10]
    assert {(when.hour, when.minute, when.second) for when in found} == {(9, 0, 0)}
    assert all(2 <= when.day <= 7 for when in found)
    assert all(when.weekday() in {1, 2, 3} for when in found)
    calendar = holidays.country_holidays("BR", subdiv="SP", years=year)
    assert [when.date() for when in found if when.date() in calendar] == []


def test_the_first_date_after_today_is_the_tuesday_of_january() -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    found = dates("backup-restore-test", "quarterly", now, now + timedelta(days=200))
    assert found == [
        datetime(2027, 1, 5, 9, tzinfo=SAO_PAULO),
        datetime(2027, 4, 6, 9, tzinfo=SAO_PAULO),
    ]


def test_the_sweep_runs_every_five_minutes() -> None:
    now = datetime(2026, 11, 24, 12, 1, tzinfo=UTC)
    found = dates("close-runs", "sweep", now, now + timedelta(minutes=15))
    assert [when.astimezone(UTC).minute for when in found] == [5, 10, 15]

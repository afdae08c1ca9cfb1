"""The working days of the team: Monday to Friday in São Paulo, but for holidays of Brazil, the state and the city.

Days on which offices close by custom (Carnival, Corpus Christi, the eves of Christmas and New Year) count as holidays:
nobody would be there to help.
"""

import datetime as dt
from functools import cache

from holidays import OPTIONAL, PUBLIC, country_holidays

from tasks.core.pt_br import SAO_PAULO

MORNING = dt.time(9)
SATURDAY = 5
FOUNDATION = (1, 25)  # of the city of São Paulo; the library knows the state's holidays alone


def is_business_day(day: dt.date) -> bool:
    """Return whether the team works on a day."""
    return day.weekday() < SATURDAY and day not in _holidays(day.year)


def today(now: dt.datetime) -> dt.date:
    """Return the day that it is in São Paulo."""
    return now.astimezone(SAO_PAULO).date()


def next_business_morning(now: dt.datetime) -> dt.datetime:
    """Return 09:00 in São Paulo of the first working day after the day of `now`."""
    day = today(now) + dt.timedelta(days=1)
    while not is_business_day(day):
        day += dt.timedelta(days=1)
    return dt.datetime.combine(day, MORNING, SAO_PAULO)


@cache
def _holidays(year: int) -> frozenset[dt.date]:
    known = country_holidays("BR", subdiv="SP", years=year, categories=(PUBLIC, OPTIONAL))
    return frozenset({*known, dt.date(year, *FOUNDATION)})

"""How times, durations, sizes and numbers are written for people in Brazil."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

SAO_PAULO = ZoneInfo("America/Sao_Paulo")

_SIZES = ("B", "kB", "MB", "GB", "TB")
_TO_BRAZIL = str.maketrans(",.", ".,")


def moment(at: datetime) -> str:
    """Return a time as a clock in São Paulo shows it, with its distance to UTC: `06/10/2026 09:00:12 (UTC-3)`."""
    local = at.astimezone(SAO_PAULO)
    hours = (local.utcoffset() or timedelta()).total_seconds() / 3600
    return f"{local:%d/%m/%Y %H:%M:%S} (UTC{'-' if hours < 0 else '+'}{abs(hours):g})"


def number(value: float, *, decimals: int | None = None) -> str:
    """Return a number with Brazil's separators; `decimals` unset keeps up to three and drops zeros at the end."""
    if decimals is not None:
        return f"{value:,.{decimals}f}".translate(_TO_BRAZIL)
    whole, _, rest = f"{value:,.3f}".partition(".")
    rest = rest.rstrip("0")
    return (f"{whole}.{rest}" if rest else whole).translate(_TO_BRAZIL)


def duration(span: timedelta) -> str:
    """Return a span in its two largest units: `0,4 s`, `12 s`, `4 min 10 s`, `1 h 5 min`, `2 d 3 h`."""
    seconds = max(span.total_seconds(), 0.0)
    if 0 < seconds < 0.05:  # noqa: PLR2004 - would be written as 0 s
        return "menos de 0,1 s"
    if round(seconds, 1) < 10:  # noqa: PLR2004 - below it the tenths still say something
        return f"{number(round(seconds, 1))} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
    first = next(i for i, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)


def size(size_bytes: float) -> str:
    """Return a size in decimal units: `1,2 GB`."""
    power = 0
    while abs(size_bytes) >= 999.95 and power < len(_SIZES) - 1:  # noqa: PLR2004 - would be written as 1.000,0
        size_bytes, power = size_bytes / 1000, power + 1
    return f"{number(size_bytes, decimals=1 if power else 0)} {_SIZES[power]}"


def listed(names: Sequence[str], *, most: int = 3) -> str:
    """Return the first names, and how many more there are: `a, b, c e mais 7`."""
    more = f" e mais {number(len(names) - most)}" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def count(amount: int, one: str, many: str) -> str:
    """Return an amount with the word that goes with it: `1 achado`, `12 achados`."""
    return f"{number(amount)} {one if amount == 1 else many}"

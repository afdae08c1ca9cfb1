"""A test beside those before it."""

from collections.abc import Iterator, Mapping
from statistics import median

from tasks.backup.model.drill import Drill, Past
from tasks.backup.model.told import Unlike
from tasks.core.findings import Finding, Severity

UNLIKE = 0.3  # of the median of the last four
LAST = 4
COMPARED: Mapping[str, str] = {
    "rows": "backup.measure.rows",
    "size_bytes": "backup.measure.size_bytes",
    "drill_seconds": "backup.measure.drill_seconds",
}


def unlike_before(drill: Drill, measured: Mapping[str, float], past: tuple[Past, ...]) -> Iterator[Finding]:
    """Yield the first measure (rows, size, time) below 0.3 × the median of the last four tests: too good to be true.

    `past` is newest first. The last four are those that came to the measure; with fewer there is nothing to say, and
    of a test that came to no restore neither.
    """
    if "rows" not in measured:
        return
    for name, measure in COMPARED.items():
        values = [value for value in (getattr(test, name) for test in past) if value is not None][:LAST]
        usual = median(values) if len(values) == LAST else 0
        if measured[name] < UNLIKE * usual:
            data = Unlike(measure=measure, value=measured[name], median=usual)
            yield Finding(rule="backup.unlike_before", severity=Severity.HIGH, subject=drill.found.key, data=data)
            return

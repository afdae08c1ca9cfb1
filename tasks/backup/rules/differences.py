"""What one Contents promises and another does not hold: one table of comparisons, for whatever the two were made of."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from tasks.backup.model.contents import Contents, Entry, Position, TableData
from tasks.backup.model.told import Against, Difference, PositionGap, RowGap
from tasks.core.findings import Finding, Severity

# A backup's own data and its manifest are exact; the live database has gone on since.
GRAVITY: Mapping[Against, Severity] = {
    Against.ARTEFACT: Severity.CRITICAL,
    Against.MANIFEST: Severity.CRITICAL,
    Against.LIVE: Severity.MEDIUM,
}
UNEXPECTED: Mapping[Against, Severity] = {
    Against.ARTEFACT: Severity.MEDIUM,
    Against.MANIFEST: Severity.CRITICAL,
    Against.LIVE: Severity.LOW,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One table in two Contents: its rows (None where it has no data there) and whether they are the same bytes.

    No data is the same as data without a row.
    """

    table: str
    expected: int | None
    found: int | None
    same: bool


def structure(expected: Contents, found: Contents, against: Against, spared: Collection[str] = ()) -> Iterator[Finding]:
    """Yield objects that are missing (unless their names are `spared`), too many, or defined otherwise; by name."""
    promised, there = _by_label(expected), _by_label(found)
    data = Difference(against=against)
    for label in sorted(promised.keys() | there.keys()):
        if label not in there:
            if label.rpartition(" ")[2] in spared:
                continue
            yield Finding(rule="backup.object_missing", severity=GRAVITY[against], subject=label, data=data)
        elif label not in promised:
            yield Finding(rule="backup.object_unexpected", severity=UNEXPECTED[against], subject=label, data=data)
        elif promised[label] != there[label]:
            yield Finding(rule="backup.definition_changed", severity=GRAVITY[against], subject=label, data=data)


def tables(expected: Contents, found: Contents) -> tuple[Compared, ...]:
    """Return every table that has data in either, by name."""
    promised, there = {t.table: t for t in expected.tables}, {t.table: t for t in found.tables}
    return tuple(
        Compared(
            table=name,
            expected=promised[name].rows if name in promised else None,
            found=there[name].rows if name in there else None,
            same=promised.get(name) == there.get(name) or not (_rows(promised.get(name)) or _rows(there.get(name))),
        )
        for name in sorted(promised.keys() | there.keys())
    )


def rows(expected: Contents, found: Contents, against: Against, spared: Collection[str] = ()) -> Iterator[Finding]:
    """Yield tables whose rows are too few or too many, or as many and not the same; `spared` may lack theirs."""
    for c in tables(expected, found):
        if c.same or (c.table in spared and not c.found):
            continue
        if c.expected != c.found:
            gap = RowGap(expected=c.expected or 0, found=c.found or 0, against=against)
            yield Finding(rule="backup.row_count_mismatch", severity=GRAVITY[against], subject=c.table, data=gap)
        else:
            data = Difference(against=against)
            yield Finding(rule="backup.values_changed", severity=GRAVITY[against], subject=c.table, data=data)


def large_objects(expected: Contents, found: Contents, against: Against) -> Iterator[Finding]:
    """Yield that the large objects are not as many, or not the same."""
    if expected.large_objects != found.large_objects:
        gap = RowGap(expected=expected.large_objects.count, found=found.large_objects.count, against=against)
        yield Finding(
            rule="backup.large_objects_mismatch", severity=GRAVITY[against], subject="pg_largeobject", data=gap
        )


def sequences(expected: Contents, found: Contents, against: Against) -> Iterator[Finding]:
    """Yield sequences that have no position or another."""
    there = {position.sequence: position for position in found.positions}
    for promised in expected.positions:
        position = there.get(promised.sequence)
        if position is None:
            data = Difference(against=against)
            yield Finding(
                rule="backup.sequence_missing", severity=GRAVITY[against], subject=promised.sequence, data=data
            )
        elif position != promised:
            gap = PositionGap(expected=_next(promised), found=_next(position), against=against)
            yield Finding(
                rule="backup.sequence_mismatch", severity=GRAVITY[against], subject=promised.sequence, data=gap
            )


def _by_label(contents: Contents) -> dict[str, Counter[tuple[str, str]]]:
    # Some kinds have several entries of one name (grants on one table by several owners).
    found: dict[str, Counter[tuple[str, str]]] = {}
    for entry in contents.entries:
        found.setdefault(entry.label, Counter())[_what(entry)] += 1
    return found


def _what(entry: Entry) -> tuple[str, str]:
    return entry.owner, entry.digest


def _rows(data: TableData | None) -> int:
    return data.rows if data else 0


def _next(position: Position) -> int:
    return position.last_value + position.is_called

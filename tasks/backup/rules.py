"""The facts of a restore test judged: findings, coverage, measures. Pure; now is when the backup was found."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from tasks.backup.formats.names import canonical, listed
from tasks.backup.model.facts import Drill, Fault, LineKind, NewestRow, Restore
from tasks.backup.model.told import (
    Behind,
    OtherDatabase,
    PositionGap,
    Refused,
    RowGap,
    Slow,
    Stale,
    TooSmall,
    Unexplained,
)
from tasks.backup.settings import Backup
from tasks.core.errors import NO_DATA
from tasks.core.findings import Coverage, Finding, Severity
from tasks.core.pt_br import SAO_PAULO

HOUR_SECONDS, MINUTE_SECONDS = 3600, 60
# Faults that are the backup's own, by the name they are told under …
BROKEN: Mapping[Fault, str] = {
    Fault.EMPTY: "backup.empty_object",
    Fault.NOT_AN_ARCHIVE: "backup.not_an_archive",
    Fault.TRUNCATED: "backup.truncated",
    Fault.CORRUPT: "backup.corrupt",
    Fault.UNREADABLE: "backup.unreadable",
}
# … and faults that only say that this test cannot read it.
BEYOND_US: Mapping[Fault, str] = {
    Fault.OTHER_FORMAT: "backup.why.other_format",
    Fault.NEWER_VERSION: "backup.why.newer_version",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One table's rows in the archive and in the restored database; None where there is no such table."""

    table: str
    expected: int | None
    restored: int | None


def wrong_object(drill: Drill, cfg: Backup) -> Iterator[Finding]:
    """Yield what is wrong before a row is looked at: smaller than believable, or of another database."""
    size, header = drill.found.size_bytes, drill.archive.header
    if size < cfg.min_size_bytes:
        yield _critical("backup.too_small", drill.found.key, TooSmall(size_bytes=size, least_bytes=cfg.min_size_bytes))
    if header and header.database != cfg.database:
        data = OtherDatabase(inside=header.database, expected=cfg.database)
        yield _critical("backup.wrong_database", drill.found.key, data)


def unreadable(drill: Drill) -> Iterator[Finding]:
    """Yield the one name for why the archive cannot be read to its end, when that is the archive's own fault."""
    fault = _fault(drill)
    if fault and fault in BROKEN:
        yield _critical(BROKEN[fault], drill.found.key)


def lost_lines(drill: Drill) -> Iterator[Finding]:
    """Yield what restoring lost: each thing that the server refused, and lines of pg_restore that nothing explains."""
    if not drill.proof:
        return
    restore = drill.proof.restore
    for error in restore.errors:
        data = Refused(sqlstate=error.sqlstate, statement=error.statement or "?", count=error.count)
        yield _critical("backup.restore_refused", error.subject or drill.found.key, data)
    if lines := _unexplained(restore):
        yield _critical("backup.restore_unexplained", drill.found.key, Unexplained(lines=lines))


def missing_tables(drill: Drill, cfg: Backup) -> Iterator[Finding]:
    """Yield tables that the archive lists and the database lacks, the reverse, and tables listed without their rows.

    Partitioned tables have no rows of their own, and `without_data` names those whose rows are left out on purpose.
    """
    header, proof = drill.archive.header, drill.proof
    if not (header and proof):
        return
    tables = proof.database.tables
    known = frozenset(t.table for t in tables) | {r.table for r in proof.data.rows}
    promised = {listed(tail, known) for tail in header.tables}
    dumped = {listed(tail, known) for tail in header.data}
    spared = {t.table for t in tables if t.partitioned} | {canonical(name) for name in cfg.without_data}
    if not promised:
        yield _critical("backup.nothing_dumped", drill.found.key)
    elif not dumped:
        yield _critical("backup.schema_only", drill.found.key)
    else:
        yield from (_critical("backup.rows_not_dumped", table) for table in sorted(promised - dumped - spared))
    yield from (_critical("backup.table_missing", table) for table in sorted(promised - {t.table for t in tables}))
    for table in sorted({t.table for t in tables if not t.extension} - promised):
        yield Finding(rule="backup.table_unexpected", severity=Severity.MEDIUM, subject=table)


def row_counts(drill: Drill) -> Iterator[Finding]:
    """Yield the tables whose restored rows are not as many as in the archive."""
    for c in compared(drill):
        if c.expected is not None and c.expected != c.restored:
            data = RowGap(expected=c.expected, restored=c.restored or 0)
            yield _critical("backup.row_count_mismatch", c.table, data)


def sequences(drill: Drill) -> Iterator[Finding]:
    """Yield sequences that are missing, stand elsewhere than in the archive, or would give out numbers again."""
    if not drill.proof or _data_unread(drill):
        return
    restored = {s.position.sequence: s for s in drill.proof.database.sequences}
    for position in drill.proof.data.positions:
        found = restored.get(position.sequence)
        if found is None:
            yield _critical("backup.sequence_missing", position.sequence)
        elif found.position != position:
            data = PositionGap(expected=position.last_value, restored=found.position.last_value)
            yield _critical("backup.sequence_mismatch", position.sequence, data)
    for name, sequence in restored.items():
        if sequence.behind:
            data_ = Behind(count=sequence.behind)
            yield Finding(rule="backup.sequence_behind", severity=Severity.HIGH, subject=name, data=data_)


def staleness(drill: Drill, cfg: Backup) -> Iterator[Finding]:
    """Yield that the oldest of the three clocks is older than the RPO (exactly the RPO is allowed), named by its cause.

    The cause is the first clock that is too old: no new backup (object), an old file uploaded anew (archive), or a
    backup of a database that no longer changes (rows). And yield named columns that hold no time at all.
    """
    clocks = _clocks(drill)
    age = drill.found.read_at - min(clocks.values())
    if age > cfg.rpo:
        rule = next(rule for rule, at in clocks.items() if drill.found.read_at - at > cfg.rpo)
        oldest = min(clocks.values()).astimezone(SAO_PAULO)
        data = Stale(oldest=oldest, age_hours=_hours(age.total_seconds()), rpo_hours=cfg.rpo_hours)
        yield _critical(rule, drill.found.key, data)
    yield from (_critical("backup.no_newest_row", c.column) for c in newest(drill) if c.exists and c.at is None)


def too_slow(drill: Drill, cfg: Backup) -> Iterator[Finding]:
    """Yield that fetching and restoring took longer than the RTO (exactly the RTO is allowed)."""
    seconds = drill.fetched.seconds + (drill.proof.restore.seconds if drill.proof else 0)
    if seconds > cfg.rto.total_seconds():
        data = Slow(took_minutes=round(seconds / MINUTE_SECONDS, 1), rto_minutes=cfg.rto_minutes)
        yield Finding(rule="backup.rto_exceeded", severity=Severity.MEDIUM, subject=drill.found.key, data=data)


def compared(drill: Drill) -> tuple[Compared, ...]:
    """Return every table's rows beside each other, by name; nothing where the archive's rows could not be counted."""
    if not drill.proof or _rows_unread(drill):
        return ()
    expected = {r.table: r.rows for r in drill.proof.data.rows}
    restored = {t.table: t.rows for t in drill.proof.database.tables}
    names = sorted(expected.keys() | restored.keys())
    return tuple(Compared(table=n, expected=expected.get(n), restored=restored.get(n)) for n in names)


def newest(drill: Drill) -> tuple[NewestRow, ...]:
    """Return the named columns' newest times; nothing where the archive breaks off: its newest rows may be missing."""
    return () if not drill.proof or _data_unread(drill) else drill.proof.database.newest


def coverage(drill: Drill) -> tuple[Coverage, ...]:
    """Return what had to be judged, and why what could not be was not."""
    no_column = "" if all(column.exists for column in newest(drill)) else "backup.why.no_column"
    reasons = {
        "backup.archive": _beyond_us(drill),
        "backup.rows": _rows_unread(drill),
        "backup.sequences": _data_unread(drill),
        "backup.freshness": _data_unread(drill) or no_column,
    }
    return tuple(Coverage(what=what, required=True, assessed=not why, why=why) for what, why in reasons.items())


def measures(drill: Drill) -> dict[str, float]:
    """Return the numbers of the test; those of the restore only when there was one."""
    known = {
        "size_bytes": drill.found.size_bytes,
        "download_seconds": drill.fetched.seconds,
        "rpo_hours": _hours((drill.found.read_at - min(_clocks(drill).values())).total_seconds()),
    }
    if not drill.proof:
        return known
    restore, data, database = drill.proof.restore, drill.proof.data, drill.proof.database
    return known | {
        "restore_seconds": restore.seconds,
        "verify_seconds": data.seconds + database.seconds,
        "drill_seconds": (database.read_at - drill.found.read_at).total_seconds(),
        "tables": len(database.tables),
        "rows": sum(table.rows for table in database.tables if not table.partitioned),
    }


def _critical(rule: str, subject: str, data: object = NO_DATA) -> Finding:
    return Finding(rule=rule, severity=Severity.CRITICAL, subject=subject, data=data)


def _fault(drill: Drill) -> Fault | None:
    proof = drill.proof
    return drill.archive.fault or ((proof.data.fault or proof.restore.fault) if proof else None)


def _unexplained(restore: Restore) -> int:
    counts = {lines.kind: lines.count for lines in restore.lines}
    refused = sum(error.count for error in restore.errors)
    lines = counts.get(LineKind.UNKNOWN, 0) + max(0, counts.get(LineKind.SERVER, 0) - refused)
    silent = restore.exit_code != 0 and not refused and LineKind.ARCHIVE not in counts
    return lines or int(silent)


def _clocks(drill: Drill) -> dict[str, datetime]:
    # In the order of causes, under the rule that each breaks.
    header, times = drill.archive.header, [column.at for column in newest(drill) if column.at]
    clocks = {
        "backup.no_new_backup": drill.found.modified_at,
        "backup.old_archive": header.created_at if header else None,
        "backup.old_rows": max(times, default=None),
    }
    return {rule: at for rule, at in clocks.items() if at is not None}


def _beyond_us(drill: Drill) -> str:
    fault = _fault(drill)
    return BEYOND_US.get(fault, "") if fault else ""


def _data_unread(drill: Drill) -> str:
    readable = drill.proof is not None and drill.proof.data.fault is None
    return "" if readable else _beyond_us(drill) or "backup.why.archive_broken"


def _rows_unread(drill: Drill) -> str:
    if why := _data_unread(drill):
        return why
    header, proof = drill.archive.header, drill.proof
    as_copy = header and proof and proof.data.blocks == len(header.data)
    return "" if as_copy else "backup.why.not_copy"


def _hours(seconds: float) -> float:
    return round(seconds / HOUR_SECONDS, 2)

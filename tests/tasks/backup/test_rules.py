"""Each rule, shown a departure from a good drill."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest

from tasks.backup import rules
from tasks.backup.model.facts import (
    Archive,
    Drill,
    Fault,
    LineKind,
    Lines,
    NewestRow,
    RestoredSequence,
    RestoredTable,
    ServerError,
    TableRows,
)
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
from tasks.core.errors import NO_DATA
from tasks.core.findings import Coverage, Finding, Severity
from tests.tasks.backup.drills import DATA, DATABASE, GOOD, HEADER, KEY, NOW, POSITION, REFUSED_LINES, RESTORE, SETTINGS

T = TypeVar("T")
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
NEWEST, OTHER_NEWEST = DATABASE.newest
ATENDIMENTOS, USUARIOS = DATABASE.tables


def findings(drill: Drill) -> tuple[Finding, ...]:
    return (
        *rules.wrong_object(drill, SETTINGS),
        *rules.unreadable(drill),
        *rules.lost_lines(drill),
        *rules.missing_tables(drill, SETTINGS),
        *rules.row_counts(drill),
        *rules.sequences(drill),
        *rules.staleness(drill, SETTINGS),
        *rules.too_slow(drill, SETTINGS),
    )


def but(part: T, **changes: object) -> T:
    """Return a part of the drill with changes (a name that it does not have is a TypeError)."""
    return replace(part, **changes)  # type: ignore[type-var]


def found(**changes: object) -> Drill:
    return replace(GOOD, found=but(GOOD.found, **changes))


def header(**changes: object) -> Drill:
    return replace(GOOD, archive=Archive(header=but(HEADER, **changes)))


def proof(**changes: object) -> Drill:
    return replace(GOOD, proof=but(GOOD.proof, **changes))


def restore(**changes: object) -> Drill:
    return proof(restore=but(RESTORE, **changes))


def data(**changes: object) -> Drill:
    return proof(data=but(DATA, **changes))


def database(**changes: object) -> Drill:
    return proof(database=but(DATABASE, **changes))


def unread(fault: Fault) -> Drill:
    return replace(GOOD, archive=Archive(fault=fault), proof=None)


def critical(rule: str, subject: str, told: object = NO_DATA) -> Finding:
    return Finding(rule=rule, severity=Severity.CRITICAL, subject=subject, data=told)


def newest_at(age: timedelta) -> tuple[NewestRow, ...]:
    return (replace(NEWEST, at=NOW - age), OTHER_NEWEST)


def stale(age: timedelta) -> Stale:
    return Stale(oldest=NOW - age, age_hours=round(age / HOUR, 2), rpo_hours=24)


def test_a_good_drill_has_no_finding_and_everything_was_assessed() -> None:
    assert findings(GOOD) == ()
    assert all(c.assessed for c in rules.coverage(GOOD))


CASES: dict[str, tuple[Drill, tuple[Finding, ...]]] = {
    "a size below the least": (
        found(size_bytes=1023),
        (critical("backup.too_small", KEY, TooSmall(size_bytes=1023, least_bytes=1024)),),
    ),
    "the least size itself is allowed": (found(size_bytes=1024), ()),
    "another database": (
        header(database="homologacao"),
        (critical("backup.wrong_database", KEY, OtherDatabase(inside="homologacao", expected="assist_marias")),),
    ),
    "a refused statement": (
        restore(
            exit_code=1,
            lines=REFUSED_LINES,
            errors=(ServerError(sqlstate="23503", statement="ALTER TABLE ONLY", subject="public.a a_fkey", count=1),),
        ),
        (
            critical(
                "backup.restore_refused",
                "public.a a_fkey",
                Refused(sqlstate="23503", statement="ALTER TABLE ONLY", count=1),
            ),
        ),
    ),
    "a refused statement that names nothing": (
        restore(errors=(ServerError(sqlstate="42601", statement="", subject="", count=2),)),
        (critical("backup.restore_refused", KEY, Refused(sqlstate="42601", statement="?", count=2)),),
    ),
    "a refusal that the server's log does not show": (
        restore(exit_code=1, lines=REFUSED_LINES),
        (critical("backup.restore_unexplained", KEY, Unexplained(lines=1)),),
    ),
    "lines that nobody knows": (
        restore(lines=(Lines(kind=LineKind.UNKNOWN, count=3),)),
        (critical("backup.restore_unexplained", KEY, Unexplained(lines=3)),),
    ),
    "failed without a word": (
        restore(exit_code=1),
        (critical("backup.restore_unexplained", KEY, Unexplained(lines=1)),),
    ),
    "harmless lines": (restore(lines=(Lines(kind=LineKind.HARMLESS, count=1),)), ()),
    "tables that did not come back": (
        proof(
            data=replace(DATA, rows=(), positions=(), blocks=0),
            database=replace(DATABASE, tables=(), sequences=()),
        ),
        (critical("backup.table_missing", "public.atendimentos"), critical("backup.table_missing", "public.usuarios")),
    ),
    "a table that came from nowhere": (
        database(tables=(*DATABASE.tables, RestoredTable(table="public.z", rows=1))),
        (Finding(rule="backup.table_unexpected", severity=Severity.MEDIUM, subject="public.z"),),
    ),
    "a table that an extension brought": (
        database(tables=(*DATABASE.tables, RestoredTable(table="public.z", rows=1, extension=True))),
        (),
    ),
    "a partitioned table needs no rows of its own": (
        replace(
            database(tables=(*DATABASE.tables, RestoredTable(table="public.p", rows=0, partitioned=True))),
            archive=Archive(header=replace(HEADER, tables=(*HEADER.tables, "public p app"))),
        ),
        (),
    ),
    "a row too few": (
        database(tables=(replace(ATENDIMENTOS, rows=2), USUARIOS)),
        (critical("backup.row_count_mismatch", "public.atendimentos", RowGap(expected=3, restored=2)),),
    ),
    "a row too many": (
        database(tables=(ATENDIMENTOS, replace(USUARIOS, rows=3))),
        (critical("backup.row_count_mismatch", "public.usuarios", RowGap(expected=2, restored=3)),),
    ),
    "no such sequence": (database(sequences=()), (critical("backup.sequence_missing", "public.usuarios_id_seq"),)),
    "a sequence elsewhere": (
        database(sequences=(RestoredSequence(position=replace(POSITION, last_value=1)),)),
        (critical("backup.sequence_mismatch", "public.usuarios_id_seq", PositionGap(expected=2, restored=1)),),
    ),
    "a sequence not yet called": (
        database(sequences=(RestoredSequence(position=replace(POSITION, is_called=False)),)),
        (critical("backup.sequence_mismatch", "public.usuarios_id_seq", PositionGap(expected=2, restored=2)),),
    ),
    "a sequence behind its column": (
        database(sequences=(RestoredSequence(position=POSITION, behind=7),)),
        (
            Finding(
                rule="backup.sequence_behind",
                severity=Severity.HIGH,
                subject="public.usuarios_id_seq",
                data=Behind(count=7),
            ),
        ),
    ),
    "the oldest clock at exactly the RPO": (database(newest=newest_at(24 * HOUR)), ()),
    "rows older than the RPO": (
        database(newest=newest_at(24 * HOUR + SECOND)),
        (critical("backup.old_rows", KEY, stale(24 * HOUR + SECOND)),),
    ),
    "an archive older than the RPO": (
        header(created_at=NOW - 25 * HOUR),
        (critical("backup.old_archive", KEY, stale(25 * HOUR)),),
    ),
    "an object older than the RPO, told by its cause and by its oldest clock": (
        replace(
            database(newest=newest_at(50 * HOUR)),
            found=replace(GOOD.found, modified_at=NOW - 48 * HOUR),
        ),
        (critical("backup.no_new_backup", KEY, stale(50 * HOUR)),),
    ),
    "a column without a time": (
        database(newest=(replace(NEWEST, at=None), replace(OTHER_NEWEST, at=NOW))),
        (critical("backup.no_newest_row", NEWEST.column),),
    ),
    "fetching and restoring in exactly the RTO": (restore(seconds=56.0), ()),
    "slower than the RTO": (
        restore(seconds=116.0),
        (
            Finding(
                rule="backup.rto_exceeded",
                severity=Severity.MEDIUM,
                subject=KEY,
                data=Slow(took_minutes=2.0, rto_minutes=1),
            ),
        ),
    ),
}


@pytest.mark.parametrize(("drill", "expected"), CASES.values(), ids=CASES.keys())
def test_a_departure_is_found_and_nothing_else(drill: Drill, expected: tuple[Finding, ...]) -> None:
    assert findings(drill) == expected


def test_an_archive_without_tables_and_one_without_rows_have_their_own_names() -> None:
    empty = replace(
        proof(data=replace(DATA, rows=(), positions=(), blocks=0), database=replace(DATABASE, tables=(), sequences=())),
        archive=Archive(header=replace(HEADER, tables=(), data=())),
    )
    bare = replace(
        proof(
            data=replace(DATA, rows=(), positions=(), blocks=0),
            database=replace(DATABASE, tables=(replace(ATENDIMENTOS, rows=0), replace(USUARIOS, rows=0))),
        ),
        archive=Archive(header=replace(HEADER, data=())),
    )
    assert tuple(rules.missing_tables(empty, SETTINGS)) == (critical("backup.nothing_dumped", KEY),)
    assert tuple(rules.missing_tables(bare, SETTINGS)) == (critical("backup.schema_only", KEY),)


def test_rows_may_be_left_out_only_where_the_settings_say_so() -> None:
    drill = replace(
        data(rows=(TableRows(table="public.usuarios", rows=2),), blocks=1),
        archive=Archive(header=replace(HEADER, data=("public usuarios app",))),
    )
    allowed = SETTINGS.model_copy(update={"without_data": ("public.atendimentos",)})
    assert tuple(rules.missing_tables(drill, SETTINGS)) == (critical("backup.rows_not_dumped", "public.atendimentos"),)
    assert tuple(rules.missing_tables(drill, allowed)) == ()


@pytest.mark.parametrize(("fault", "rule"), rules.BROKEN.items())
@pytest.mark.parametrize(
    "where",
    [
        pytest.param(unread, id="listed"),
        pytest.param(lambda fault: data(fault=fault), id="counted"),
        pytest.param(lambda fault: restore(fault=fault), id="restored"),
    ],
)
def test_a_broken_archive_is_named_once_wherever_it_showed(
    fault: Fault, rule: str, where: Callable[[Fault], Drill]
) -> None:
    assert tuple(rules.unreadable(where(fault))) == (critical(rule, KEY),)


@pytest.mark.parametrize("fault", rules.BEYOND_US)
def test_what_this_test_cannot_read_is_not_called_broken(fault: Fault) -> None:
    assert tuple(rules.unreadable(unread(fault))) == ()


def test_of_an_archive_that_breaks_off_neither_rows_nor_sequences_nor_newest_rows_are_judged() -> None:
    drill = proof(
        data=replace(DATA, fault=Fault.TRUNCATED, rows=(), blocks=1),
        database=replace(
            DATABASE, newest=newest_at(99 * HOUR), sequences=(RestoredSequence(position=POSITION, behind=2),)
        ),
    )
    assert findings(drill) == (critical("backup.truncated", KEY),)


def unassessed(drill: Drill) -> dict[str, str]:
    return {c.what: c.why for c in rules.coverage(drill) if c.required and not c.assessed}


@pytest.mark.parametrize(
    ("drill", "whys"),
    [
        pytest.param(
            unread(Fault.TRUNCATED),
            dict.fromkeys(("backup.rows", "backup.sequences", "backup.freshness"), "backup.why.archive_broken"),
            id="broken: the archive itself was judged",
        ),
        pytest.param(
            unread(Fault.NEWER_VERSION),
            dict.fromkeys(
                ("backup.archive", "backup.rows", "backup.sequences", "backup.freshness"), "backup.why.newer_version"
            ),
            id="beyond us: nothing was",
        ),
        pytest.param(data(blocks=1), {"backup.rows": "backup.why.not_copy"}, id="rows not all in COPY blocks"),
        pytest.param(
            database(newest=(replace(NEWEST, exists=False, at=None), OTHER_NEWEST)),
            {"backup.freshness": "backup.why.no_column"},
            id="no such column",
        ),
    ],
)
def test_what_could_not_be_judged_is_told_with_its_reason(drill: Drill, whys: dict[str, str]) -> None:
    assert unassessed(drill) == whys


def test_coverage_names_the_same_four_things_always() -> None:
    assert rules.coverage(GOOD) == tuple(
        Coverage(what=what, required=True, assessed=True)
        for what in ("backup.archive", "backup.rows", "backup.sequences", "backup.freshness")
    )


def test_measures_are_seconds_hours_and_counts() -> None:
    assert rules.measures(GOOD) == {
        "size_bytes": 9000,
        "download_seconds": 4.0,
        "restore_seconds": 20.0,
        "verify_seconds": 3.0,
        "drill_seconds": 30.0,
        "rpo_hours": 7.0,
        "tables": 2,
        "rows": 5,
    }


def test_without_a_restore_only_what_is_known_is_measured() -> None:
    assert rules.measures(unread(Fault.EMPTY)) == {"size_bytes": 9000, "download_seconds": 4.0, "rpo_hours": 5.0}

"""What the backup is, and what it promises."""

from collections.abc import Callable

import pytest

from tasks.backup.model.contents import LargeObjects, TableData
from tasks.backup.model.drill import Drill
from tasks.backup.model.found import Fault
from tasks.backup.model.manifest import Role
from tasks.backup.model.told import OtherDatabase
from tasks.backup.rules import archive, findings
from tasks.backup.settings import Database
from tasks.core.findings import Finding
from tests.tasks.backup.drills import (
    ATENDIMENTOS,
    GOOD,
    KEY,
    OUTLINE,
    PROVED,
    SETTINGS,
    USUARIOS,
    both,
    but,
    critical,
    data,
    entry,
    fetched,
    header,
    high,
    outline,
    restore,
    restored,
    settings,
    there,
    unread,
)

NO_ROWS = tuple(but(table, rows=0, digest="00") for table in (ATENDIMENTOS, USUARIOS))
PESSOAS = (*OUTLINE.entries, entry("TABLE", "Pessoas"))


def test_every_fault_is_either_the_backups_own_or_beyond_this_test() -> None:
    assert set(archive.BROKEN) | set(archive.BEYOND_US) == set(Fault)
    assert set(archive.BROKEN) & set(archive.BEYOND_US) == set()


@pytest.mark.parametrize(("fault", "rule"), archive.BROKEN.items())
@pytest.mark.parametrize(
    "where",
    [
        pytest.param(lambda fault: fetched(unread(fault), form=None, fault=fault), id="fetched"),
        pytest.param(unread, id="listed"),
        pytest.param(lambda fault: data(fault=fault), id="read"),
        pytest.param(lambda fault: restore(fault=fault), id="restored"),
    ],
)
def test_a_broken_backup_is_named_once_wherever_it_showed(
    fault: Fault, rule: str, where: Callable[[Fault], Drill]
) -> None:
    assert findings(where(fault), SETTINGS) == (critical(rule, KEY),)


@pytest.mark.parametrize("fault", archive.BEYOND_US)
def test_what_this_test_cannot_read_is_not_called_broken(fault: Fault) -> None:
    assert findings(unread(fault), SETTINGS) == ()


def test_the_first_fault_is_the_one_that_is_named() -> None:
    assert archive.fault(restore(data(fault=Fault.TRUNCATED), fault=Fault.CORRUPT)) is Fault.TRUNCATED
    assert archive.fault(GOOD) is None


CASES: dict[str, tuple[Drill, Database, tuple[Finding, ...]]] = {
    "another database": (
        header(database="homologacao"),
        SETTINGS,
        (critical("backup.wrong_database", KEY, OtherDatabase(inside="homologacao", expected="assist_marias")),),
    ),
    "a plain dump names no database": (header(database="", created_at=None), SETTINGS, ()),
    "no table at all": (
        both(outline(entries=()), entries=(), tables=(), positions=(), large_objects=LargeObjects()),
        SETTINGS,
        (critical("backup.nothing_dumped", KEY),),
    ),
    "no row of any table": (there(data(tables=()), tables=NO_ROWS), SETTINGS, (critical("backup.schema_only", KEY),)),
    "one table without its rows": (
        there(data(tables=(USUARIOS,)), tables=(NO_ROWS[0], USUARIOS)),
        SETTINGS,
        (critical("backup.rows_not_dumped", "public.atendimentos"),),
    ),
    "rows that are left out on purpose": (
        there(data(tables=(USUARIOS,)), tables=(NO_ROWS[0], USUARIOS)),
        settings(without_data=["public.atendimentos"]),
        (),
    ),
    "the rows of all tables are left out on purpose": (
        there(data(tables=()), tables=NO_ROWS),
        settings(without_data=["public.atendimentos", "public.usuarios"]),
        (),
    ),
    "a partitioned table has no rows of its own": (
        restored(both(outline(entries=PESSOAS), entries=PESSOAS), partitioned=('public."Pessoas"',)),
        SETTINGS,
        (),
    ),
    "a name that needs quoting": (
        both(outline(entries=PESSOAS), entries=PESSOAS),
        SETTINGS,
        (critical("backup.rows_not_dumped", 'public."Pessoas"'),),
    ),
    "a name that needs quoting and is named without quotes": (
        both(outline(entries=PESSOAS), entries=PESSOAS),
        settings(without_data=["public.Pessoas"]),
        (),
    ),
    "a table without a row is dumped nevertheless": (
        both(
            outline(entries=PESSOAS),
            entries=PESSOAS,
            tables=(ATENDIMENTOS, TableData(table='public."Pessoas"', rows=0, digest="00"), USUARIOS),
        ),
        SETTINGS,
        (),
    ),
    "rows that stand as INSERT are in no block of data": (data(tables=(), inserts=5), SETTINGS, ()),
}


@pytest.mark.parametrize(("drill", "database", "expected"), CASES.values(), ids=CASES.keys())
def test_a_departure_of_the_archive_is_found_and_nothing_else(
    drill: Drill, database: Database, expected: tuple[Finding, ...]
) -> None:
    assert findings(drill, database) == expected


# ── roles ────────────────────────────────────────────────────────────────────────────────────────────────────────────

NAMED = outline(roles=("app", "medica", "pg_monitor"))
MEDICA = (high("backup.role_missing", "medica"),)
ROLES: dict[str, tuple[Drill, Database, tuple[Finding, ...]]] = {
    "nothing says which roles there are": (NAMED, SETTINGS, ()),
    "the settings say": (NAMED, settings(roles=["app"]), MEDICA),
    "the globals file says": (but(NAMED, globals=(Role(name="app"),)), SETTINGS, MEDICA),
    "the manifest says": (but(NAMED, beside=PROVED.beside), SETTINGS, MEDICA),
    "the settings before the globals file": (
        but(NAMED, globals=(Role(name="app"),)),
        settings(roles=["app", "medica"]),
        (),
    ),
    "the globals file before the manifest": (
        but(NAMED, beside=PROVED.beside, globals=(Role(name="app"), Role(name="medica"))),
        SETTINGS,
        (),
    ),
    "an empty globals file knows none": (but(GOOD, globals=()), SETTINGS, (high("backup.role_missing", "app"),)),
}


@pytest.mark.parametrize(("drill", "database", "expected"), ROLES.values(), ids=ROLES.keys())
def test_a_role_that_nobody_knows_is_found_by_the_first_that_says_which_there_are(
    drill: Drill, database: Database, expected: tuple[Finding, ...]
) -> None:
    assert findings(drill, database) == expected

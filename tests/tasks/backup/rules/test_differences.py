"""Two contents held against each other, whatever they were made of."""

from dataclasses import replace

import pytest

from tasks.backup.model.contents import Contents, LargeObjects
from tasks.backup.model.drill import Drill, Reading
from tasks.backup.model.found import Fault
from tasks.backup.model.told import Against, Difference, PositionGap, RowGap
from tasks.backup.rules import differences, findings
from tasks.core.findings import Finding, Severity
from tests.tasks.backup.drills import (
    ATENDIMENTOS,
    CONTENTS,
    GOOD,
    POSITION,
    SETTINGS,
    USUARIOS,
    Cases,
    but,
    critical,
    data,
    entry,
    medium,
    proof,
    there,
)

ARTEFACT = Difference(against=Against.ARTEFACT)
MARCA, TABLE_A, TABLE_U = CONTENTS.entries
GRANTS = (entry("ACL", "TABLE usuarios", digest="01"), entry("ACL", "TABLE usuarios", digest="02"))

CASES: Cases = {
    "an object that did not come back": (
        there(entries=(TABLE_A, TABLE_U)),
        (critical("backup.object_missing", "FUNCTION public.marca()", ARTEFACT),),
    ),
    "an object that came from nowhere": (
        there(entries=(*CONTENTS.entries, entry("SCHEMA", "nova", schema=""))),
        (medium("backup.object_unexpected", "SCHEMA nova", ARTEFACT),),
    ),
    "another definition": (
        there(entries=(but(MARCA, digest="ff"), TABLE_A, TABLE_U)),
        (critical("backup.definition_changed", "FUNCTION public.marca()", ARTEFACT),),
    ),
    "another owner": (
        there(entries=(MARCA, TABLE_A, but(TABLE_U, owner="outra"))),
        (critical("backup.definition_changed", "TABLE public.usuarios", ARTEFACT),),
    ),
    "one of two entries of one name did not come back": (
        there(data(entries=(*CONTENTS.entries, *GRANTS)), entries=(*CONTENTS.entries, GRANTS[0])),
        (critical("backup.definition_changed", "ACL public.TABLE usuarios", ARTEFACT),),
    ),
    "the order of entries says nothing": (
        there(data(entries=(*CONTENTS.entries, *GRANTS)), entries=(*reversed(GRANTS), *CONTENTS.entries)),
        (),
    ),
    "a row too few": (
        there(tables=(but(ATENDIMENTOS, rows=2, digest="a2"), USUARIOS)),
        (
            critical(
                "backup.row_count_mismatch",
                "public.atendimentos",
                RowGap(expected=3, found=2, against=Against.ARTEFACT),
            ),
        ),
    ),
    "a row too many": (
        there(tables=(ATENDIMENTOS, but(USUARIOS, rows=3, digest="b3"))),
        (
            critical(
                "backup.row_count_mismatch", "public.usuarios", RowGap(expected=2, found=3, against=Against.ARTEFACT)
            ),
        ),
    ),
    "no data of a table that has rows": (
        there(tables=(USUARIOS,)),
        (
            critical(
                "backup.row_count_mismatch",
                "public.atendimentos",
                RowGap(expected=3, found=0, against=Against.ARTEFACT),
            ),
        ),
    ),
    "rows of a table that has no data in the archive": (
        there(tables=(ATENDIMENTOS, but(USUARIOS, table="public.nova"), USUARIOS)),
        (critical("backup.row_count_mismatch", "public.nova", RowGap(expected=0, found=2, against=Against.ARTEFACT)),),
    ),
    "as many rows and not the same": (
        there(tables=(but(ATENDIMENTOS, digest="ff"), USUARIOS)),
        (critical("backup.values_changed", "public.atendimentos", ARTEFACT),),
    ),
    "no data, and data without a row": (
        there(tables=(ATENDIMENTOS, but(USUARIOS, table="public.nova", rows=0, digest="00"), USUARIOS)),
        (),
    ),
    "large objects that did not come back": (
        there(large_objects=LargeObjects()),
        (
            critical(
                "backup.large_objects_mismatch",
                "pg_largeobject",
                RowGap(expected=1, found=0, against=Against.ARTEFACT),
            ),
        ),
    ),
    "large objects of another content": (
        there(large_objects=LargeObjects(count=1, digest="ff")),
        (
            critical(
                "backup.large_objects_mismatch",
                "pg_largeobject",
                RowGap(expected=1, found=1, against=Against.ARTEFACT),
            ),
        ),
    ),
    "no such sequence": (
        there(positions=()),
        (critical("backup.sequence_missing", "public.usuarios_id_seq", ARTEFACT),),
    ),
    "a sequence elsewhere": (
        there(positions=(but(POSITION, last_value=1),)),
        (
            critical(
                "backup.sequence_mismatch",
                "public.usuarios_id_seq",
                PositionGap(expected=3, found=2, against=Against.ARTEFACT),
            ),
        ),
    ),
    "a sequence not yet called": (
        there(positions=(but(POSITION, is_called=False),)),
        (
            critical(
                "backup.sequence_mismatch",
                "public.usuarios_id_seq",
                PositionGap(expected=3, found=2, against=Against.ARTEFACT),
            ),
        ),
    ),
    "a sequence that only the database has": (data(positions=()), ()),
    "rows that stand as INSERT are not compared with blocks": (data(tables=(), inserts=5), ()),
    "of an archive that breaks off nothing is compared": (
        there(data(fault=Fault.TRUNCATED, tables=()), entries=(), positions=()),
        (critical("backup.truncated", GOOD.found.key),),
    ),
    "a restored database that could not be read to its end is not compared": (
        there(fault=Fault.UNREADABLE, entries=(), tables=(), positions=()),
        (),
    ),
}


@pytest.mark.parametrize(("drill", "expected"), CASES.values(), ids=CASES.keys())
def test_what_came_back_otherwise_than_the_archive_holds_it_is_found_and_nothing_else(
    drill: Drill, expected: tuple[Finding, ...]
) -> None:
    assert findings(drill, SETTINGS) == expected


GRAVITY: dict[Against, tuple[Severity, Severity]] = {
    Against.ARTEFACT: (Severity.CRITICAL, Severity.MEDIUM),
    Against.MANIFEST: (Severity.CRITICAL, Severity.CRITICAL),
    Against.LIVE: (Severity.MEDIUM, Severity.LOW),
}


@pytest.mark.parametrize(("against", "severities"), GRAVITY.items())
def test_how_grave_a_difference_is_hangs_on_what_it_is_held_against(
    against: Against, severities: tuple[Severity, Severity]
) -> None:
    told, (grave, unexpected) = Difference(against=against), severities
    here = replace(CONTENTS, entries=(but(MARCA, digest="ff"), TABLE_A, entry("VIEW", "nova")))
    assert tuple(differences.structure(CONTENTS, here, against)) == (
        Finding(rule="backup.definition_changed", severity=grave, subject="FUNCTION public.marca()", data=told),
        Finding(rule="backup.object_missing", severity=grave, subject="TABLE public.usuarios", data=told),
        Finding(rule="backup.object_unexpected", severity=unexpected, subject="VIEW public.nova", data=told),
    )


def test_rows_may_be_missing_of_tables_that_are_spared_but_not_wrong() -> None:
    spared = frozenset({"public.atendimentos", "public.usuarios"})
    here = replace(CONTENTS, tables=(but(USUARIOS, digest="ff"),))
    assert tuple(differences.rows(CONTENTS, here, Against.MANIFEST, spared)) == (
        critical("backup.values_changed", "public.usuarios", Difference(against=Against.MANIFEST)),
    )


def test_two_equal_contents_do_not_differ_and_neither_do_two_without_anything() -> None:
    for contents in (CONTENTS, Contents()):
        for rule in (differences.structure, differences.rows, differences.large_objects, differences.sequences):
            assert tuple(rule(contents, contents, Against.MANIFEST)) == ()


# ── the live database ────────────────────────────────────────────────────────────────────────────────────────────────


def live(drill: Drill = GOOD, fault: Fault | None = None, **changes: object) -> Drill:
    return proof(drill, live=Reading(contents=but(CONTENTS, **changes), fault=fault, seconds=1.0))


LIVE: Cases = {
    "the structure of today": (live(), ()),
    "only the structure is compared": (live(tables=(), positions=(), large_objects=LargeObjects()), ()),
    "a table that is newer than the backup": (
        live(entries=(*CONTENTS.entries, entry("TABLE", "vagas"))),
        (medium("backup.object_missing", "TABLE public.vagas", Difference(against=Against.LIVE)),),
    ),
    "a live database that could not be read": (live(entries=(), fault=Fault.UNREADABLE), ()),
    "a restored database that could not be read": (there(live(), fault=Fault.UNREADABLE, entries=()), ()),
    "without a restore there is nothing to compare": (replace(GOOD, proof=None), ()),
}


@pytest.mark.parametrize(("drill", "expected"), LIVE.values(), ids=LIVE.keys())
def test_the_restored_structure_is_held_against_the_live_one(drill: Drill, expected: tuple[Finding, ...]) -> None:
    assert findings(drill, SETTINGS) == expected

"""The backup held against what was written down when it was taken."""

from dataclasses import replace

import pytest

from tasks.backup.model.contents import LargeObjects
from tasks.backup.model.drill import Drill
from tasks.backup.model.found import Fault
from tasks.backup.model.manifest import Trust
from tasks.backup.model.told import Against, Difference, OtherKey, PositionGap, RowGap, Sums
from tasks.backup.rules import findings
from tasks.core.findings import Finding
from tests.tasks.backup.drills import (
    ATENDIMENTOS,
    CONTENTS,
    KEY,
    MANIFEST,
    POSITION,
    PROVED,
    SETTINGS,
    SHA,
    USUARIOS,
    Cases,
    beside,
    but,
    critical,
    data,
    entry,
    fetched,
    high,
    settings,
    taken,
    there,
    unread,
    written,
)

MANIFESTED = Difference(against=Against.MANIFEST)
OTHER = "cd" * 32

TRUST: dict[Trust, tuple[Drill, tuple[Finding, ...]]] = {
    Trust.NONE: (beside(Trust.NONE), ()),
    Trust.TRUSTED: (PROVED, ()),
    Trust.BAD_SIGNATURE: (beside(Trust.BAD_SIGNATURE), (critical("backup.manifest_bad_signature", KEY),)),
    Trust.UNSIGNED: (beside(Trust.UNSIGNED), (critical("backup.manifest_bad_signature", KEY),)),
    Trust.FOREIGN: (
        beside(Trust.FOREIGN, key_named="postgres/outro.dump"),
        (high("backup.manifest_foreign", KEY, OtherKey(key="postgres/outro.dump")),),
    ),
    Trust.UNREADABLE: (beside(Trust.UNREADABLE), (high("backup.manifest_unreadable", KEY),)),
}


def test_every_trust_is_judged() -> None:
    assert set(TRUST) == set(Trust)


@pytest.mark.parametrize(("drill", "expected"), TRUST.values(), ids=TRUST.keys())
def test_a_manifest_is_told_by_what_it_is_worth(drill: Drill, expected: tuple[Finding, ...]) -> None:
    assert findings(drill, SETTINGS) == expected


def test_a_manifest_that_is_required_and_missing_fails_the_backup() -> None:
    required = settings(manifest_required=True)
    assert findings(beside(Trust.NONE), required) == (critical("backup.manifest_missing", KEY),)
    assert findings(PROVED, required) == ()


CASES: Cases = {
    "the two manifests are not the same": (
        replace(PROVED, beside=replace(PROVED.beside, differ=True)),
        (critical("backup.manifests_differ", KEY),),
    ),
    "another object than was dumped": (
        taken(sha256=OTHER),
        (critical("backup.altered", KEY, Sums(expected=OTHER, found=SHA)),),
    ),
    "nothing was fetched to be summed": (fetched(taken(sha256=OTHER), sha256=""), ()),
    "an index that pg_dump left out": (
        taken(omitted=("public.idx_nome",)),
        (high("backup.index_omitted", "public.idx_nome"),),
    ),
    "an object that was there": (
        written(entries=(*CONTENTS.entries, entry("TRIGGER", "usuarios marca"))),
        (critical("backup.object_missing", "TRIGGER public.usuarios marca", MANIFESTED),),
    ),
    "an object that was not there": (
        written(entries=CONTENTS.entries[1:]),
        (critical("backup.object_unexpected", "FUNCTION public.marca()", MANIFESTED),),
    ),
    "an object that was defined otherwise": (
        written(entries=(but(CONTENTS.entries[0], digest="ff"), *CONTENTS.entries[1:])),
        (critical("backup.definition_changed", "FUNCTION public.marca()", MANIFESTED),),
    ),
    "rows that were there": (
        written(tables=(but(ATENDIMENTOS, rows=4, digest="a4"), USUARIOS)),
        (
            critical(
                "backup.row_count_mismatch",
                "public.atendimentos",
                RowGap(expected=4, found=3, against=Against.MANIFEST),
            ),
        ),
    ),
    "values that were others": (
        written(tables=(ATENDIMENTOS, but(USUARIOS, digest="ff"))),
        (critical("backup.values_changed", "public.usuarios", MANIFESTED),),
    ),
    "large objects that were there": (
        written(large_objects=LargeObjects(count=2, digest="c2")),
        (
            critical(
                "backup.large_objects_mismatch",
                "pg_largeobject",
                RowGap(expected=2, found=1, against=Against.MANIFEST),
            ),
        ),
    ),
    "a sequence that stood elsewhere": (
        written(positions=(but(POSITION, last_value=9),)),
        (
            critical(
                "backup.sequence_mismatch",
                "public.usuarios_id_seq",
                PositionGap(expected=10, found=3, against=Against.MANIFEST),
            ),
        ),
    ),
    "a sequence that is in the manifest alone": (
        written(positions=(POSITION, but(POSITION, sequence="public.z_seq"))),
        (critical("backup.sequence_missing", "public.z_seq", MANIFESTED),),
    ),
    "of an archive that breaks off nothing is compared": (
        data(written(entries=()), fault=Fault.CORRUPT),
        (critical("backup.corrupt", KEY),),
    ),
    "an altered object is told though it cannot be read": (
        unread(Fault.CORRUPT, taken(sha256=OTHER)),
        (critical("backup.corrupt", KEY), critical("backup.altered", KEY, Sums(expected=OTHER, found=SHA))),
    ),
    "rows that stand as INSERT are compared once restored": (
        data(PROVED, tables=(), inserts=5),
        (),
    ),
    "rows that stand as INSERT and came back otherwise": (
        there(data(PROVED, tables=(), inserts=5), tables=(but(ATENDIMENTOS, digest="ff"), USUARIOS)),
        (critical("backup.values_changed", "public.atendimentos", MANIFESTED),),
    ),
    "rows that stand as INSERT, in a restored database that could not be read": (
        there(data(PROVED, tables=(), inserts=5), fault=Fault.UNREADABLE, tables=()),
        (),
    ),
}


@pytest.mark.parametrize(("drill", "expected"), CASES.values(), ids=CASES.keys())
def test_a_departure_from_the_manifest_is_found_and_nothing_else(drill: Drill, expected: tuple[Finding, ...]) -> None:
    assert findings(drill, SETTINGS) == expected


def test_the_manifest_holds_rows_that_are_left_out_of_the_backup_on_purpose() -> None:
    left_out = there(data(PROVED, tables=(USUARIOS,)), tables=(but(ATENDIMENTOS, rows=0, digest="00"), USUARIOS))
    assert MANIFEST.contents.tables == (ATENDIMENTOS, USUARIOS)
    assert findings(left_out, settings(without_data=["public.atendimentos"])) == ()
    assert findings(left_out, SETTINGS) == (
        critical("backup.rows_not_dumped", "public.atendimentos"),
        critical(
            "backup.row_count_mismatch", "public.atendimentos", RowGap(expected=3, found=0, against=Against.MANIFEST)
        ),
    )

"""All rules together: what is found of whole drills."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tasks.backup.model.drill import Answer, Drill, LineKind, Lines, Meaning, Ran, ServerError, Violation
from tasks.backup.model.found import Fault
from tasks.backup.model.told import OtherDatabase, Sums
from tasks.backup.rules import findings
from tasks.backup.rules.soundness import SEVERITIES
from tests.tasks.backup.drills import (
    GOOD,
    KEY,
    PAST,
    PROVED,
    SHA,
    critical,
    data,
    header,
    high,
    refusing,
    restore,
    restored,
    settings,
    taken,
    there,
    unread,
)

STRICT = settings(
    assertions=[{"name": "há usuárias", "query": "SELECT count(*) FROM usuarios", "expect": ">= 1"}],
    roles=["app"],
    manifest_required=True,
)
LACKING = ServerError(
    sqlstate="0A000", statement="CREATE EXTENSION", subject="postgis", count=1, meaning=Meaning.NO_EXTENSION
)


@pytest.mark.parametrize("drill", [GOOD, PROVED], ids=["without a manifest", "with one"])
def test_a_good_backup_has_no_finding(drill: Drill) -> None:
    good = replace(drill, beside=PROVED.beside)
    answered = restored(good, answers=(Answer(name="há usuárias", value="2"),))
    assert findings(answered, STRICT, (PAST,) * 4) == ()


def broken_inside(drill: Drill) -> Drill:
    """Return it with everything that can be wrong inside."""
    rotten = restored(
        there(drill, entries=(), tables=(), positions=(), invalid_text=("public.usuarios",)),
        violations=(Violation(check=next(iter(SEVERITIES)), subject="public.a", count=1),),
        answers=(Answer(name="há usuárias", value="0"),),
        command=Ran(program="npm", exit_code=1, seconds=1.0),
    )
    return restore(rotten, lines=(Lines(kind=LineKind.UNKNOWN, count=3),))


@pytest.mark.parametrize("meaning", [Meaning.NO_EXTENSION, Meaning.NOT_ALLOWED])
def test_where_an_extension_is_missing_nothing_is_said_of_what_came_back(meaning: Meaning) -> None:
    lost = ServerError(sqlstate="42704", statement="CREATE TABLE", subject="public.mapa", count=1)
    lacking = refusing(replace(LACKING, meaning=meaning), lost, drill=broken_inside(PROVED))
    assert findings(lacking, STRICT, (replace(PAST, rows=1e9),) * 4) == ()
    assert findings(refusing(lost, drill=broken_inside(PROVED)), STRICT) != ()


def test_where_an_extension_is_missing_what_is_true_on_any_machine_is_still_said() -> None:
    other = "cd" * 32
    hostile = ServerError(sqlstate="42501", statement="COPY", subject="public.a", count=1, meaning=Meaning.HOSTILE)
    drill = header(refusing(LACKING, hostile, drill=taken(sha256=other)), database="outro")
    assert findings(restore(drill, fault=Fault.CORRUPT), settings(roles=["medica"])) == (
        critical("backup.corrupt", KEY),
        critical("backup.wrong_database", KEY, OtherDatabase(inside="outro", expected="assist_marias")),
        high("backup.role_missing", "app"),
        critical("backup.altered", KEY, Sums(expected=other, found=SHA)),
        critical("backup.hostile", "public.a"),
    )


@pytest.mark.parametrize("broken", [data, restore], ids=["read", "restored"])
def test_an_archive_that_breaks_off_is_told_as_that_and_not_by_what_follows_from_it(
    broken: Callable[..., Drill],
) -> None:
    lost = ServerError(sqlstate="23503", statement="ALTER TABLE ONLY", subject="public.a a_fkey", count=1)
    drill = refusing(lost, drill=broken_inside(PROVED))
    assert findings(broken(drill, fault=Fault.TRUNCATED), STRICT) == (critical("backup.truncated", KEY),)


@pytest.mark.parametrize("fault", Fault)
def test_a_backup_that_could_not_be_read_at_all_has_one_finding_at_most(fault: Fault) -> None:
    assert len(findings(unread(fault), settings())) <= 1

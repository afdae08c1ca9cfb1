"""What was lost while restoring."""

from dataclasses import replace

import pytest

from tasks.backup.model.drill import Drill, LineKind, Lines, Meaning, ServerError
from tasks.backup.model.told import Refused, Unexplained
from tasks.backup.rules import findings, restore
from tasks.core.findings import Finding
from tests.tasks.backup.drills import CONTENTS, GOOD, KEY, SETTINGS, Cases, critical, data, entry, refusing
from tests.tasks.backup.drills import restore as restoring

ERROR = ServerError(sqlstate="23503", statement="ALTER TABLE ONLY", subject="public.a a_fkey", count=2)

MEANINGS: dict[Meaning, tuple[Finding, ...]] = {
    Meaning.HARMLESS: (),
    Meaning.LOSS: (
        critical(
            "backup.restore_refused",
            "public.a a_fkey",
            Refused(sqlstate="23503", statement="ALTER TABLE ONLY", count=2),
        ),
    ),
    Meaning.HOSTILE: (critical("backup.hostile", "public.a a_fkey"),),
    Meaning.NO_EXTENSION: (),
    Meaning.NOT_ALLOWED: (),
    Meaning.PRIVILEGED: (),
    Meaning.MACHINE: (),
}


def test_every_meaning_of_a_refusal_is_judged() -> None:
    assert set(MEANINGS) == set(Meaning)


@pytest.mark.parametrize(("meaning", "expected"), MEANINGS.items())
def test_a_refusal_is_told_as_what_it_means(meaning: Meaning, expected: tuple[Finding, ...]) -> None:
    assert findings(refusing(replace(ERROR, meaning=meaning)), SETTINGS) == expected


def lines(kind: LineKind, count: int, **changes: object) -> Drill:
    return restoring(GOOD, lines=(Lines(kind=kind, count=count),), **changes)


CASES: Cases = {
    "a refusal that names neither statement nor object": (
        refusing(ServerError(sqlstate="42601", statement="", subject="", count=1)),
        (critical("backup.restore_refused", KEY, Refused(sqlstate="42601", statement="?", count=1)),),
    ),
    "something hostile that names no object": (
        refusing(ServerError(sqlstate="42501", statement="COPY", subject="", count=1, meaning=Meaning.HOSTILE)),
        (critical("backup.hostile", KEY),),
    ),
    "lines that nobody knows": (
        lines(LineKind.UNKNOWN, 3),
        (critical("backup.restore_unexplained", KEY, Unexplained(lines=3)),),
    ),
    "a refusal that the server's log does not show": (
        lines(LineKind.SERVER, 3, exit_code=1, errors=(replace(ERROR, meaning=Meaning.HARMLESS),)),
        (critical("backup.restore_unexplained", KEY, Unexplained(lines=1)),),
    ),
    "every refusal stands in the server's log": (
        lines(LineKind.SERVER, 2, exit_code=1, errors=(replace(ERROR, meaning=Meaning.HARMLESS),)),
        (),
    ),
    "failed without a word": (
        restoring(exit_code=1),
        (critical("backup.restore_unexplained", KEY, Unexplained(lines=1)),),
    ),
    "harmless lines": (lines(LineKind.HARMLESS, 1), ()),
    "more words of a known error": (lines(LineKind.CONTINUED, 4), ()),
    "failed, and the archive's fault says why": (lines(LineKind.ARCHIVE, 1, exit_code=1), ()),
}


@pytest.mark.parametrize(("drill", "expected"), CASES.values(), ids=CASES.keys())
def test_a_departure_while_restoring_is_found_and_nothing_else(drill: Drill, expected: tuple[Finding, ...]) -> None:
    assert findings(drill, SETTINGS) == expected


def test_what_this_machine_lacks_is_named_by_the_first_reason() -> None:
    lacking = refusing(replace(ERROR, meaning=Meaning.NOT_ALLOWED), replace(ERROR, meaning=Meaning.NO_EXTENSION))
    assert restore.beyond_us(lacking) == "backup.why.no_extension"
    assert restore.beyond_us(refusing(replace(ERROR, meaning=Meaning.NOT_ALLOWED))) == "backup.why.not_allowed"
    assert restore.beyond_us(refusing(ERROR)) == ""
    assert restore.beyond_us(replace(GOOD, proof=None)) == ""


def test_what_only_a_superuser_may_create_is_listed() -> None:
    refused = refusing(ERROR, replace(ERROR, subject="guarda", meaning=Meaning.PRIVILEGED))
    assert restore.privileged(refused) == ("guarda",)


def test_what_only_a_superuser_may_create_is_not_missed() -> None:
    guard, note = entry("EVENT TRIGGER", "guarda", schema=""), entry("COMMENT", "EVENT TRIGGER guarda", schema="")
    drill = data(entries=(*CONTENTS.entries, guard, note))
    refused = replace(ERROR, subject="ddl_command_end guarda", meaning=Meaning.PRIVILEGED)
    assert findings(refusing(refused, drill=drill), SETTINGS) == ()
    assert [finding.subject for finding in findings(drill, SETTINGS)] == ["COMMENT EVENT TRIGGER guarda", guard.label]

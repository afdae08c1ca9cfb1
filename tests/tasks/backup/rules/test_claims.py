"""What a test claims to prove, on what knowledge, and what could not be judged."""

from dataclasses import replace

import pytest

from tasks.backup.model.drill import Answer, Drill, Meaning, Ran, Reading, ServerError, Unchecked
from tasks.backup.model.found import Fault
from tasks.backup.model.manifest import Role, Trust
from tasks.backup.model.told import Against, Difference
from tasks.backup.rules.claims import BREAKING, Claim, claims, coverage
from tasks.backup.settings import Database
from tasks.core.findings import Coverage
from tests.tasks.backup.drills import (
    CONTENTS,
    GOOD,
    KEY,
    NEWEST,
    OTHER_NEWEST,
    PROVED,
    SETTINGS,
    beside,
    critical,
    data,
    high,
    proof,
    refusing,
    restore,
    restored,
    settings,
    there,
    unread,
)

ARTEFACT, MANIFEST, LIVE, POLICY = Against
REQUIRED = ("archive", "restored", "structure", "rows", "sequences", "soundness", "freshness")
EVERYTHING = settings(
    assertions=[{"name": "há usuárias", "query": "SELECT count(*) FROM usuarios", "expect": ">= 1"}],
    command={"argv": ["npm", "run", "migrate:check"]},
    roles=["app"],
    compare_live=True,
    manifest_required=True,
)
ALL = proof(
    restored(
        PROVED, answers=(Answer(name="há usuárias", value="2"),), command=Ran(program="npm", exit_code=0, seconds=1)
    ),
    live=Reading(contents=CONTENTS, fault=None, seconds=1.0),
)


def claim(what: str, knowledge: Against, why: str = "", *, required: bool = False, asked: bool = True) -> Claim:
    return Claim(
        what=f"backup.{what}",
        knowledge=knowledge,
        why=f"backup.why.{why}" if why else "",
        required=required,
        asked=asked,
    )


def test_without_a_manifest_completeness_is_not_claimed_and_not_asked_for() -> None:
    assert claims(GOOD, SETTINGS) == (
        claim("archive", ARTEFACT, required=True),
        claim("restored", ARTEFACT, required=True),
        claim("structure", ARTEFACT, required=True),
        claim("rows", ARTEFACT, required=True),
        claim("sequences", ARTEFACT, required=True),
        claim("soundness", ARTEFACT, required=True),
        claim("completeness", MANIFEST, "no_manifest", asked=False),
        claim("roles", POLICY, "roles_unknown", asked=False),
        claim("live", LIVE, "not_asked", asked=False),
        claim("freshness", POLICY, required=True),
    )


def test_with_all_that_can_be_known_everything_is_claimed() -> None:
    assert claims(ALL, EVERYTHING) == (
        claim("archive", ARTEFACT, required=True),
        claim("restored", ARTEFACT, required=True),
        claim("structure", ARTEFACT, required=True),
        claim("rows", ARTEFACT, required=True),
        claim("sequences", ARTEFACT, required=True),
        claim("soundness", ARTEFACT, required=True),
        claim("completeness", MANIFEST),
        claim("roles", POLICY),
        claim("live", LIVE),
        claim("freshness", POLICY, required=True),
        claim("assertions", POLICY, required=True),
        claim("command", POLICY, required=True),
    )


def covered(what: str, why: str = "", *, required: bool = True, subject: str = "assist_marias") -> Coverage:
    return Coverage(
        what=f"backup.{what}",
        required=required,
        assessed=not why,
        why=f"backup.why.{why}" if why else "",
        subject=subject,
    )


def test_what_is_asked_for_is_covered() -> None:
    assert coverage(GOOD, SETTINGS) == tuple(covered(what) for what in REQUIRED)
    assert coverage(ALL, EVERYTHING) == (
        *(covered(what) for what in REQUIRED[:-1]),
        *(covered(what, required=False) for what in ("completeness", "roles", "live")),
        *(covered(what) for what in ("freshness", "assertions", "command")),
    )


LACKING = ServerError(sqlstate="0A000", statement="CREATE EXTENSION", subject="postgis", count=1)
UNCOMPARED = ("structure", "rows", "sequences")
PROVING = REQUIRED[1:]

NOT_JUDGED: dict[str, tuple[Drill, Database, dict[str, str]]] = {
    "a broken archive: that itself was judged": (
        unread(Fault.TRUNCATED),
        SETTINGS,
        dict.fromkeys(PROVING, "archive_broken"),
    ),
    "an archive that breaks off": (
        data(fault=Fault.CORRUPT),
        SETTINGS,
        dict.fromkeys(PROVING, "archive_broken"),
    ),
    "an archive that broke only while restoring": (
        restore(fault=Fault.CORRUPT),
        SETTINGS,
        dict.fromkeys(PROVING, "archive_broken"),
    ),
    "encrypted, and no key": (unread(Fault.NO_KEY), SETTINGS, dict.fromkeys(REQUIRED, "no_key")),
    "another format": (unread(Fault.OTHER_FORMAT), SETTINGS, dict.fromkeys(REQUIRED, "other_format")),
    "another major version": (unread(Fault.OTHER_MAJOR), SETTINGS, dict.fromkeys(REQUIRED, "other_major")),
    "frozen": (unread(Fault.COLD), SETTINGS, dict.fromkeys(REQUIRED, "cold")),
    "an extension that is not there: the archive itself was judged": (
        refusing(replace(LACKING, meaning=Meaning.NO_EXTENSION)),
        SETTINGS,
        dict.fromkeys(PROVING, "no_extension"),
    ),
    "an extension that is not allowed": (
        refusing(replace(LACKING, meaning=Meaning.NOT_ALLOWED)),
        SETTINGS,
        dict.fromkeys(PROVING, "not_allowed"),
    ),
    "a restored database that could not be read": (
        there(fault=Fault.UNREADABLE),
        SETTINGS,
        dict.fromkeys(UNCOMPARED, "restored_unread"),
    ),
    "rows as INSERT, and no manifest": (data(inserts=5), SETTINGS, {"rows": "not_copy"}),
    "rows as INSERT, and a manifest that says which": (data(PROVED, inserts=5), SETTINGS, {}),
    "no such column": (
        restored(newest=(replace(NEWEST, exists=False, at=None), OTHER_NEWEST)),
        SETTINGS,
        {"freshness": "no_column"},
    ),
    "a column that was never asked": (restored(newest=(NEWEST,)), SETTINGS, {"freshness": "no_column"}),
    "a statement that writes": (
        restored(answers=(Answer(name="há usuárias", value="", sqlstate="25006"),)),
        settings(assertions=[{"name": "há usuárias", "query": "DELETE FROM usuarios", "expect": ">= 1"}]),
        {"assertions": "unfit"},
    ),
    "a manifest that cannot be used": (beside(Trust.BAD_SIGNATURE), SETTINGS, {"completeness": "manifest_unusable"}),
    "a manifest that is another's": (beside(Trust.FOREIGN), SETTINGS, {"completeness": "manifest_unusable"}),
    "a manifest that is required": (
        GOOD,
        settings(manifest_required=True),
        {"completeness": "no_manifest"},
    ),
    "roles known, the archive broken": (
        replace(unread(Fault.EMPTY), globals=(Role(name="app"),)),
        SETTINGS,
        dict.fromkeys((*PROVING, "roles"), "archive_broken"),
    ),
    "a live database that was not read": (GOOD, settings(compare_live=True), {"live": "live_unread"}),
    "a live database that could not be read": (
        proof(live=Reading(contents=CONTENTS, fault=Fault.UNREADABLE, seconds=1.0)),
        settings(compare_live=True),
        {"live": "live_unread"},
    ),
    "statements that were never asked, a program that never ran": (
        proof(PROVED, live=Reading(contents=CONTENTS, fault=None, seconds=1.0)),
        EVERYTHING,
        {"assertions": "not_done", "command": "not_done"},
    ),
}


@pytest.mark.parametrize(("drill", "database", "whys"), NOT_JUDGED.values(), ids=NOT_JUDGED.keys())
def test_what_could_not_be_judged_is_told_with_its_reason(
    drill: Drill, database: Database, whys: dict[str, str]
) -> None:
    told = {c.what: c.why for c in coverage(drill, database) if not c.assessed}
    assert told == {f"backup.{what}": f"backup.why.{why}" for what, why in whys.items()}


def test_of_an_older_backup_that_was_asked_for_nobody_asks_how_fresh_it_is() -> None:
    older = replace(GOOD, found=replace(GOOD.found, newest=False))
    (freshness,) = (c for c in claims(older, SETTINGS) if c.what == "backup.freshness")
    assert (freshness.asked, freshness.why) == (False, "backup.why.older")


def test_only_proofs_that_are_there_for_the_asking_are_not_required() -> None:
    assert {c.what for c in coverage(ALL, EVERYTHING) if not c.required} == {
        "backup.completeness",
        "backup.roles",
        "backup.live",
    }


def test_checks_that_could_not_be_made_and_what_only_a_superuser_may_create_are_told_one_by_one() -> None:
    unchecked = (
        Unchecked(check="backup.heap_corrupt", why="backup.why.no_extension"),
        Unchecked(check="backup.index_corrupt", why="backup.why.no_extension", subject="public.i"),
    )
    guard = replace(LACKING, subject="guarda", meaning=Meaning.PRIVILEGED)
    assert coverage(refusing(guard, drill=restored(unchecked=unchecked)), SETTINGS)[len(REQUIRED) :] == (
        covered("heap_corrupt", "no_extension", required=False),
        covered("index_corrupt", "no_extension", required=False, subject="public.i"),
        covered("privileged", "privileged", required=False, subject="guarda"),
    )


# ── what speaks against a claim ──────────────────────────────────────────────────────────────────────────────────────


def test_every_claim_can_be_broken() -> None:
    assert {c.what for c in claims(ALL, EVERYTHING)} == set(BREAKING)


@pytest.mark.parametrize(("what", "rules"), BREAKING.items())
def test_a_claim_is_broken_by_its_own_findings_alone(what: str, rules: tuple[str, ...]) -> None:
    (held,) = (c for c in claims(ALL, EVERYTHING) if c.what == what)
    assert held.broken_by(critical(rule, KEY) for rule in rules) == len(rules)
    assert held.broken_by([high("backup.newer_deleted", KEY), high("backup.shrunk", KEY)]) == 0


def test_a_difference_breaks_the_claim_that_rests_on_the_same_knowledge() -> None:
    found = [
        critical("backup.definition_changed", "FUNCTION public.marca()", Difference(against=Against.MANIFEST)),
        critical("backup.object_missing", "TABLE public.a", Difference(against=Against.MANIFEST)),
        critical("backup.object_missing", "TABLE public.b", Difference(against=Against.LIVE)),
    ]
    assert {c.what: c.broken_by(found) for c in claims(ALL, EVERYTHING) if c.broken_by(found)} == {
        "backup.completeness": 2,
        "backup.live": 1,
    }

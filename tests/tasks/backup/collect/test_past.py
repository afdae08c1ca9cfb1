"""Earlier tests of a database, as their evidence tells of them."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from deployments.lab import aws
from tasks.adapters.s3 import S3
from tasks.backup.collect.past import SHOWN, earlier_tests
from tasks.backup.model.drill import Past
from tasks.evidence.document import Document
from tasks.settings import Evidence
from tests.tasks.backup.drills import NOW, PAST
from tests.tasks.evidence.world import World, new_world
from tests.tasks.evidence.writer import attempt, outcome

NUMBERS = {
    "size_bytes": 9000.0,
    "rows": 5.0,
    "download_seconds": 4.0,
    "restore_seconds": 20.0,
    "verify_seconds": 3.5,
    "drill_seconds": 30.0,
    "rpo_hours": 7.0,
}
THIS = replace(attempt("this"), started_at=NOW)


@pytest.fixture(scope="module")
def cloud() -> Iterator[aws.LabAws]:
    before = dict(os.environ)
    os.environ.update(aws.CREDENTIALS)
    with aws.running() as running:
        yield running
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def world(cloud: aws.LabAws) -> World:
    """Make an empty evidence bucket."""
    return new_world(cloud)


def keep(world: World, run: str, at: datetime, measures: dict[str, float]) -> None:
    of = replace(attempt(run), started_at=at)
    document = Document.model_validate_json(outcome(of)).model_copy(update={"measures": measures})
    world.put(f"{of.prefix}outcome.json", document.to_json())


def ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


def earlier(world: World, database: str = "assist_marias", *, several: bool = False) -> tuple[Past, ...]:
    evidence = Evidence(bucket=world.bucket, signing_key="env:NOT_READ")
    assert isinstance(world.store.s3, S3)
    return earlier_tests(world.store.s3, evidence, THIS, database, several=several)


def test_earlier_tests_are_told_newest_first_with_their_numbers(world: World) -> None:
    keep(world, "b", ago(90), NUMBERS | {"rows": 4.0, "tables": 2.0})
    keep(world, "a", ago(180), NUMBERS)
    assert earlier(world) == (replace(PAST, at=ago(90), rows=4.0), replace(PAST, at=ago(180)))


def test_what_a_test_did_not_come_to_is_none(world: World) -> None:
    keep(world, "unread", ago(90), {"size_bytes": 10.0, "download_seconds": 1.0, "rpo_hours": 2.0})
    assert earlier(world) == (
        Past(
            at=ago(90),
            size_bytes=10.0,
            rows=None,
            download_seconds=1.0,
            restore_seconds=None,
            verify_seconds=None,
            drill_seconds=None,
            rpo_hours=2.0,
        ),
    )


def test_a_run_that_could_not_test_this_database_is_no_earlier_test(world: World) -> None:
    keep(world, "error", ago(30), {})
    keep(world, "tested", ago(90), NUMBERS)
    assert earlier(world) == (replace(PAST, at=ago(90)),)


def test_where_several_are_configured_each_has_its_own_numbers(world: World) -> None:
    own = {f"{name} Bate papo": value for name, value in (NUMBERS | {"rows": 9.0}).items()}
    keep(world, "both", ago(30), NUMBERS | {f"{name} assist_marias": value for name, value in NUMBERS.items()} | own)
    keep(world, "one", ago(60), NUMBERS | own)
    assert earlier(world, "Bate papo", several=True) == tuple(
        replace(PAST, at=ago(days), rows=9.0) for days in (30, 60)
    )
    assert earlier(world, several=True) == (replace(PAST, at=ago(30)),)


def test_only_what_was_before_this_run_is_earlier_and_no_more_than_is_shown(world: World) -> None:
    for days in range(-1, SHOWN + 2):
        keep(world, f"run-{days}", ago(days), NUMBERS)
    assert [past.at for past in earlier(world)] == [ago(days) for days in range(1, SHOWN + 1)]


def test_the_first_test_has_none_before_it(world: World) -> None:
    assert earlier(world) == ()

"""The restore test's body, whole, on servers of its own: errors, room, privacy, several databases, two at once."""

import logging
import os
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from deployments.lab.aws import CREDENTIALS
from deployments.lab.postgres import CANARY, DATABASE
from tasks.adapters.guardian import NoSpace
from tasks.backup import steps
from tasks.backup.collect import soundness
from tasks.backup.model.told import Interrupted, Known, Searched
from tasks.backup.settings import Backup
from tasks.core.errors import OperatorError
from tasks.core.findings import Outcome, Verdict
from tests import bare
from tests.tasks.backup.world import BUCKET, NEWEST_ROW, PREFIX, World, world


@pytest.fixture(scope="module")
def here() -> Iterator[World]:
    before = dict(os.environ)
    os.environ.update(CREDENTIALS)
    try:
        with world() as made:
            yield made
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def place() -> Iterator[Path]:
    """Make a folder for throwaway servers that everybody may enter, and see that nothing is left in it."""
    with TemporaryDirectory(prefix="place-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
        assert list(Path(name).iterdir()) == []


def drilled(here: World, cfg: Backup, **parameters: Any) -> Outcome:  # noqa: ANN401 - the duty's own
    return bare.drill(bare.environment(here.aws, cfg, here.evidence), **parameters)


def error_of(here: World, cfg: Backup, **parameters: str) -> OperatorError:
    with pytest.raises(OperatorError) as caught:
        drilled(here, cfg, **parameters)
    return caught.value


def test_a_good_backup_leaves_what_was_proved_its_rows_and_its_trend(here: World, place: Path) -> None:
    cfg = here.settings(cfg={"scratch": str(place)})
    key = here.put(f"{PREFIX}good.dump", here.dump())
    outcome = drilled(here, cfg, backup=key)
    tables = {table.name: table for table in outcome.tables}
    assert (outcome.verdict, outcome.subject, outcome.findings) == (Verdict.PASSED, key, ())
    assert list(tables) == ["proofs", "backup", "tables", "sequences", "restore-lines"]
    assert [row[0] for row in tables["tables"].rows] == [
        "auditoria.eventos",
        'public."SequelizeMeta"',
        "public.atendimentos",
        "public.beneficiarias",
        "public.solicitacoes",
        "public.usuarios",
    ]
    assert [chart.name for chart in outcome.charts] == ["restore-time", "data-age"]
    assert outcome.measures["rows"] == sum(int(row[3]) for row in tables["tables"].rows)
    assert all(value > 0 for value in outcome.measures.values())


def test_every_configured_database_is_tested_and_what_one_lacks_keeps_no_other_from_its_test(here: World) -> None:
    second = {"prefix": "nada/", "newest_row": NEWEST_ROW, "rpo_hours": 24, "rto_minutes": 60}
    first = here.settings().model_dump()
    cfg = Backup.model_validate(first | {"databases": first["databases"] | {"outro": second}})
    key = here.put(f"{PREFIX}um.dump", here.dump())
    outcome = drilled(here, cfg)
    found = [(finding.rule, finding.subject) for finding in outcome.findings]
    assert (outcome.verdict, outcome.subject, found) == (
        Verdict.FAILED,
        key,
        [("backup.none_found", f"outro: {BUCKET}")],
    )
    assert outcome.measures[f"rows {DATABASE}"] == outcome.measures["rows"]


def test_a_database_that_is_not_configured_is_an_error_that_names_those_that_are(here: World) -> None:
    error = error_of(here, here.settings(), database="outra")
    assert (error.code, error.subject, error.data) == ("backup.no_such_database", "outra", Known(names=DATABASE))


def test_a_date_that_is_none_is_an_error(here: World) -> None:
    error = error_of(here, here.settings(), date="05/10/2026")
    assert (error.code, error.subject) == ("backup.bad_date", "05/10/2026")


def test_no_backup_is_an_error_that_says_where_it_was_looked_for(here: World) -> None:
    error = error_of(here, here.settings(prefix="nada/"))
    searched = Searched(database=DATABASE, bucket=BUCKET, prefix="nada/", pattern=r".+\.dump")
    assert (error.code, error.subject, error.data) == ("backup.none_found", BUCKET, searched)


def test_a_backup_that_was_asked_for_and_is_not_there_is_an_error(here: World) -> None:
    here.put(f"{PREFIX}quase.dump.sha256", b"-")
    error = error_of(here, here.settings(), backup=f"{PREFIX}quase.dump")
    assert (error.code, error.subject) == ("backup.no_such_key", f"{PREFIX}quase.dump")


@pytest.mark.parametrize(
    ("setting", "value", "code"),
    [
        ("bucket", "assist-marias-no-such-bucket", "s3.no_bucket"),
        ("postgres_bin", "/nowhere", "postgres.no_binaries"),
        ("age_identity", "env:MARIAS_TEST_NO_SUCH", "secret.missing"),
    ],
)
def test_what_is_missing_around_the_backup_is_an_error_and_no_verdict(
    here: World, setting: str, value: str, code: str
) -> None:
    key = here.put(f"{PREFIX}algum.dump", here.dump())
    assert error_of(here, here.settings(cfg={setting: value}), backup=key).code == code


def test_room_is_looked_at_before_anything_is_fetched(
    here: World, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(*_: object) -> None:
        pytest.fail("fetched")

    monkeypatch.setattr(steps, "download", fetch)
    here.put(f"{PREFIX}grande.dump", b"x" * 5000)
    cfg = here.settings(cfg={"scratch": str(place), "space_factor": 1e15})
    error = error_of(here, cfg, backup=f"{PREFIX}grande.dump")
    assert error.code == "disk.no_space"
    assert isinstance(error.data, NoSpace)
    assert error.data.needed_mb == 5_000_000_000_000 + 150


def test_a_full_disk_is_not_held_against_the_backup(here: World) -> None:
    sql = """CREATE FUNCTION cabe(int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
        CREATE TABLE cheia (a int CHECK (public.cabe(a))); INSERT INTO cheia VALUES (1);
        CREATE OR REPLACE FUNCTION cabe(int) RETURNS boolean LANGUAGE plpgsql AS
            'BEGIN RAISE EXCEPTION USING ERRCODE = ''disk_full''; END';"""
    name = here.variant("cheia", sql)
    key = here.put(f"{PREFIX}cheia.dump", here.dump(name))
    error = error_of(here, here.settings(name), backup=key)
    assert (error.code, error.data) == ("backup.interrupted", Interrupted(cause="53100"))


def test_no_value_of_a_row_is_in_an_outcome_or_a_log(
    here: World, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sql = """CREATE TABLE avisos (quando text); INSERT INTO avisos VALUES ('CANARIA');
        SET session_replication_role = replica; UPDATE atendimentos SET solicitacao_id = 424242 WHERE id = 1;"""
    name = here.variant("texto", sql)
    key = here.put(f"{PREFIX}texto.dump", here.dump(name))
    asked = {"name": "texto", "query": "SELECT quando FROM public.avisos", "expect": "= 1"}
    cfg = here.settings(name, {"scratch": str(place)}, newest_row=["public.avisos.quando"], assertions=[asked])
    outcome = drilled(here, cfg, backup=key)
    assert outcome.verdict is Verdict.FAILED
    assert CANARY not in repr(outcome) + caplog.text


def test_no_value_of_a_row_leaves_by_an_error(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("CANARIA")

    monkeypatch.setattr(soundness, "examine", broken)
    key = here.put(f"{PREFIX}erro.dump", here.dump())
    error = error_of(here, here.settings(), backup=key)
    assert error.code == "core.unexpected"
    assert CANARY not in "".join(traceback.format_exception(error)) + repr(error.data)


def test_of_two_at_once_each_has_a_server_of_its_own_and_nothing_is_left(here: World, place: Path) -> None:
    key = here.put(f"{PREFIX}dois.dump", here.dump())
    cfg = here.settings(cfg={"scratch": str(place)})
    with ThreadPoolExecutor(2) as pool:
        outcomes = [pool.submit(drilled, here, cfg, backup=key) for _ in range(2)]
    assert [outcome.result().verdict for outcome in outcomes] == [Verdict.PASSED] * 2

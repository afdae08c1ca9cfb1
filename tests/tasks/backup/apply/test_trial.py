"""What only a trial shows: rules tried on their rows, damaged pages, the team's own program; on a real server."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from tasks.adapters.postgres_server import Cluster
from tasks.backup.apply import amcheck
from tasks.backup.apply.trial import try_out
from tasks.backup.model.contents import Contents
from tasks.backup.model.drill import Reading, Restored, Unchecked, Violation
from tasks.backup.model.throwaway import RESTORED, RESTORER
from tests.tasks.backup.restored import database, psql, server, settings

BEFORE = Restored(
    reading=Reading(contents=Contents(), fault=None, seconds=0),
    newest=(),
    violations=(),
    unchecked=(),
    answers=(),
    command=None,
    partitioned=(),
    read_at=datetime(2026, 11, 24, tzinfo=UTC),
    seconds=1,
)
ROWS = "CREATE TABLE t (a int, b text); INSERT INTO t SELECT n, 'CANARIA ' || n FROM generate_series(1, 500) n;"


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with server() as cluster:
        yield cluster


def tried(running: Cluster, sql: str, **changes: object) -> Restored:
    cfg, one = settings(**changes)
    with database(running, sql):
        return try_out(running, cfg, one, BEFORE)


def wrong(check: str, subject: str, count: int = 1) -> Violation:
    return Violation(check=f"backup.{check}", subject=subject, count=count)


# ── rules that were never validated ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("sql", "violations"),
    [
        pytest.param(f"{ROWS} ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)", (), id="a rule that was validated"),
        pytest.param(
            f"{ROWS} ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
            (wrong("constraint_not_validated", "public.t c"),),
            id="a rule that its rows keep",
        ),
        pytest.param(
            f'{ROWS} ALTER TABLE t RENAME TO "T t"; ALTER TABLE "T t" ADD CONSTRAINT "C" CHECK (a > 1) NOT VALID',
            (wrong("constraint_broken", 'public."T t" "C"'),),
            id="a rule that a row breaks",
        ),
        pytest.param(
            f"{ROWS} CREATE TABLE m (a int PRIMARY KEY);"
            "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES m NOT VALID",
            (wrong("constraint_broken", "public.t f"),),
            id="a reference to nothing",
        ),
        pytest.param(
            f"{ROWS} ALTER TABLE t ADD CONSTRAINT c CHECK (a > 1) NOT VALID; ALTER TABLE t ENABLE ROW LEVEL SECURITY;"
            "ALTER TABLE t FORCE ROW LEVEL SECURITY",
            (wrong("constraint_broken", "public.t c"),),
            id="rows that are hidden",
        ),
    ],
)
def test_a_rule_never_validated_is_tried(running: Cluster, sql: str, violations: tuple[Violation, ...]) -> None:
    found = tried(running, sql)
    assert (found.violations, found.unchecked) == (violations, ())


def test_a_rule_that_cannot_be_tried_is_not_taken_for_good(running: Cluster) -> None:
    sql = f"{ROWS} ALTER TABLE t ADD CONSTRAINT c CHECK (1 / (a - 1) > 0) NOT VALID"
    refused = Unchecked(check="backup.constraint_broken", why="backup.why.refused", subject="public.t c")
    found = tried(running, sql)
    assert (found.violations, found.unchecked) == ((), (refused,))


def test_a_trial_is_undone(running: Cluster) -> None:
    cfg, one = settings()
    with database(running, f"{ROWS} ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID"):
        try_out(running, cfg, one, BEFORE)
        with psycopg.connect(running.conninfo(RESTORED)) as session:
            [(validated,)] = session.execute("SELECT convalidated FROM pg_constraint WHERE conname = 'c'").fetchall()
            extensions = session.execute("SELECT extname FROM pg_extension").fetchall()
    assert (validated, extensions) == (False, [("plpgsql",)])


# ── amcheck ──────────────────────────────────────────────────────────────────────────────────────────────────────────


# A line pointer (ItemIdData: offset, flags, length) to a place where no row can begin.
NOWHERE = (8001 | 1 << 15 | 40 << 17).to_bytes(4, "little")
LARGE = (
    "CREATE TABLE t (b text); ALTER TABLE t ALTER b SET STORAGE EXTERNAL;"
    "INSERT INTO t VALUES (repeat('CANARIA', 9999));"
)
TOAST = "(SELECT reltoastrelid FROM pg_class WHERE relname = 't')"


@contextmanager
def damaged(running: Cluster, sql: str, relation: str) -> Iterator[None]:
    """Fill the database, and damage the first line pointer of a relation's file where the server has not yet read it.

    What a server holds in memory it does not read again: so the file is damaged in a database that is then copied.
    """
    rename, copy = (
        "ALTER DATABASE {0} RENAME TO modelo",
        "CREATE DATABASE {0} OWNER {1} TEMPLATE modelo STRATEGY file_copy",
    )
    with database(running, sql):
        with psycopg.connect(running.conninfo(RESTORED), autocommit=True) as session:
            [(name,)] = session.execute(f"SELECT pg_relation_filepath({relation})").fetchall()
            session.execute("CHECKPOINT")
        with (running.launcher.folder.path / "data" / name).open("r+b") as file:
            file.seek(24)  # behind PageHeaderData
            file.write(NOWHERE)
        psql(running, rename.format(RESTORED), "postgres")
        psql(running, copy.format(RESTORED, RESTORER), "postgres")
        try:
            yield
        finally:
            psql(running, f"DROP DATABASE {RESTORED} WITH (FORCE)", "postgres")
            psql(running, f"ALTER DATABASE modelo RENAME TO {RESTORED}", "postgres")


@pytest.mark.parametrize(
    ("sql", "relation", "violation"),
    [
        pytest.param(ROWS, "'public.t'", wrong("heap_corrupt", "public.t"), id="a table"),
        pytest.param(
            LARGE, TOAST, wrong("heap_corrupt", "public.t", 3), id="its long values: the page, and who needs it"
        ),
        pytest.param(
            f"{ROWS} CREATE INDEX i ON t (a)",
            "'public.i'",
            wrong("index_corrupt", "public.i"),
            id="an index's first page",
        ),
    ],
)
def test_damaged_pages_are_found(running: Cluster, sql: str, relation: str, violation: Violation) -> None:
    cfg, one = settings()
    with damaged(running, sql, relation):
        found = try_out(running, cfg, one, BEFORE)
    assert (found.violations, found.unchecked) == ((violation,), ())


def test_an_index_that_does_not_fit_its_table_is_corrupt(running: Cluster) -> None:
    liar = (
        "CREATE FUNCTION sorte(int) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT random()';"
        "CREATE INDEX i ON t (sorte(a));"
    )
    found = tried(running, ROWS + liar)
    assert (found.violations, found.unchecked) == ((wrong("index_corrupt", "public.i"),), ())


def test_sound_tables_and_indexes_of_every_kind_are_passed(running: Cluster) -> None:
    kinds = (
        "CREATE INDEX a ON t (length(b)); CREATE INDEX h ON t USING hash (b); CREATE INDEX ON t (b) WHERE b = 'x';"
        "CREATE MATERIALIZED VIEW v AS SELECT * FROM t; CREATE UNLOGGED TABLE u (a int PRIMARY KEY);"
        "CREATE TABLE p (a int PRIMARY KEY) PARTITION BY RANGE (a); CREATE TABLE p1 PARTITION OF p DEFAULT;"
        "CREATE SEQUENCE s"
    )
    found = tried(running, LARGE + kinds)
    assert (found.violations, found.unchecked) == ((), ())


def test_no_function_of_the_backup_is_run_in_the_superusers_session(running: Cluster) -> None:
    spy = (
        "CREATE FUNCTION olha(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN"
        " IF to_regclass('public.pronto') IS NOT NULL AND session_user <> 'marias_reader' THEN RAISE 'CANARIA'; END IF;"
        " RETURN $1; END $$; CREATE INDEX i ON t (olha(a)); CREATE TABLE pronto ();"
    )
    found = tried(running, ROWS + spy)
    assert (found.violations, found.unchecked) == ((), ())


def test_an_index_whose_function_fails_could_not_be_looked_at(running: Cluster) -> None:
    failing = (
        "CREATE FUNCTION falha(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN"
        " IF to_regclass('public.pronto') IS NOT NULL THEN RAISE 'CANARIA'; END IF; RETURN $1; END $$;"
        "CREATE INDEX i ON t (falha(a)); CREATE TABLE pronto ();"
    )
    found = tried(running, ROWS + failing)
    refused = Unchecked(check="backup.index_corrupt", why="backup.why.refused", subject="public.i")
    assert (found.violations, found.unchecked) == ((), (refused,))


def test_an_amcheck_that_the_backup_brought_is_used_and_left(running: Cluster) -> None:
    found = tried(running, f"{ROWS} CREATE INDEX i ON t (a);\n-- root\nCREATE EXTENSION amcheck SCHEMA public")
    psql(running, "DROP EXTENSION amcheck")
    assert (found.violations, found.unchecked) == ((), ())


def test_without_amcheck_pages_are_unchecked(running: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amcheck, "_AVAILABLE", "SELECT 'amcheck' WHERE false")
    assert tried(running, ROWS).unchecked == tuple(
        Unchecked(check=f"backup.{check}", why="backup.why.no_amcheck") for check in ("heap_corrupt", "index_corrupt")
    )


# ── the team's own program ───────────────────────────────────────────────────────────────────────────────────────────


def ran(running: Cluster, *argv: str, **changes: object) -> tuple[str, int | None]:
    found = tried(running, ROWS, command={"argv": argv, **changes}).command
    assert found
    return found.program, found.exit_code


@pytest.mark.parametrize(
    "script",
    [
        pytest.param('test "$(psql -XAtc \'SELECT count(*) FROM t\' "$DATABASE_URL")" = 500', id="by its URL"),
        pytest.param("test \"$(psql -XAtc 'SELECT count(*) FROM t')\" = 500", id="by libpq's variables"),
        pytest.param(
            "psql -Xc 'CREATE TABLE migrada (); DROP TABLE migrada; ALTER TABLE t ADD c int'", id="to change it"
        ),
        pytest.param('test -z "$CANARIA$AWS_SECRET_ACCESS_KEY$HOSTNAME"', id="with nothing else of ours"),
        pytest.param('test "$(id -u)" != 0 && ! test -t 0 && ! read linha', id="as nobody, with no input"),
    ],
)
def test_the_program_reaches_the_database(running: Cluster, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARIA", "CANARIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "CANARIA")
    assert ran(running, "sh", "-c", script) == ("sh", 0)


def test_it_is_run_where_the_settings_say(running: Cluster) -> None:
    assert ran(running, "sh", "-c", 'test "$PWD" = /usr/share', folder="/usr/share") == ("sh", 0)


@pytest.mark.parametrize(
    ("argv", "exit_code"),
    [
        pytest.param(("sh", "-c", "exit 3"), 3, id="failed"),
        pytest.param(("nunca-existiu",), 127, id="not there"),
        pytest.param(("/etc/passwd",), 127, id="no program"),
        pytest.param(("sh", "-c", "kill -9 $$"), -9, id="killed"),
    ],
)
def test_how_it_ended_is_told(running: Cluster, argv: tuple[str, ...], exit_code: int) -> None:
    assert ran(running, *argv) == (argv[0], exit_code)


def test_what_it_writes_is_shown_nowhere(
    running: Cluster, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    assert ran(running, "sh", "-c", "echo CANARIA; echo CANARIA >&2") == ("sh", 0)
    written = capfd.readouterr()
    assert "CANARIA" not in f"{written.out}{written.err}{caplog.text}{[vars(record) for record in caplog.records]}"


def test_it_is_stopped_with_its_children_when_its_time_is_over(running: Cluster) -> None:
    script = "sleep 300 & echo $! > filho; wait"
    assert ran(running, "sh", "-c", script, timeout_minutes=0.02) == ("sh", None)
    child = (running.launcher.folder.path / "program" / "filho").read_text().strip()
    state = Path("/proc", child, "stat")
    deadline = time.monotonic() + 10
    while state.exists() and state.read_text().rsplit(") ", 1)[-1][0] not in "ZX" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not state.exists() or state.read_text().rsplit(") ", 1)[-1][0] in "ZX"

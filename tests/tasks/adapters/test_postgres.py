"""Asking a database: names, numbers, times, words and errors – on a real server."""

import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import gettempdir

import psycopg
import pytest

from tasks.adapters.guardian import guarded_folder
from tasks.adapters.postgres import Asked, Database, Sqlstate, ask_all, connect
from tasks.adapters.postgres_server import Cluster, cluster, find_binaries
from tasks.core.errors import NO_DATA, OperatorError

LIMIT = timedelta(seconds=20)
SCRIPT = """
    CREATE TABLE mae (a int, dia date, quando timestamp, texto text);
    CREATE TABLE filha () INHERITS (mae);
    INSERT INTO mae VALUES (1, '2026-01-02', '2026-01-02 03:04', 'CANARIA'), (2, 'infinity', '-infinity', 'CANARIA');
    INSERT INTO filha VALUES (3, '2020-01-01', NULL, NULL);
    CREATE VIEW quebra AS SELECT texto::date AS dia FROM mae;
    CREATE VIEW devagar AS SELECT now() AS agora FROM pg_sleep(60);
    CREATE FUNCTION count(anyelement) RETURNS bigint LANGUAGE sql AS 'SELECT 666::bigint';
"""
FAILS = "SELECT texto::date FROM public.mae"


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with (
        guarded_folder("postgres-test", Path(gettempdir())) as folder,
        cluster(find_binaries(), folder, isolated=False) as running,
    ):
        arguments = ("-Xq", "-v", "ON_ERROR_STOP=1", "-d", "postgres")
        running.run("psql", *arguments, timeout=LIMIT, stdin=SCRIPT.encode()).checked()
        yield running


@pytest.fixture
def database(server: Cluster) -> Iterator[Database]:
    with connect(server.conninfo("postgres"), limit=LIMIT) as opened:
        yield opened


def test_queries_answer_with_names_and_numbers(server: Cluster, database: Database) -> None:
    tables = "SELECT relname FROM pg_class WHERE oid >= 16384 AND relkind = 'r' ORDER BY 1"
    assert database.names(tables, "x") == ("filha", "mae")
    assert database.named("SELECT 'a', 'SELECT 1' UNION SELECT 'b', '' ORDER BY 1", "x") == (
        ("a", "SELECT 1"),
        ("b", ""),
    )
    assert database.counts("SELECT 'a', 2 UNION ALL SELECT 'b', 0", "x") == (
        Asked(subject="a", number=2),
        Asked(subject="b", number=0),
    )
    assert database.major == server.binaries.major


def test_a_question_has_a_number_or_the_code_of_an_error(database: Database) -> None:
    assert [
        database.ask("x", query) for query in ("SELECT count(a) FROM public.mae", "SELECT 1 WHERE false", FAILS)
    ] == [
        Asked(subject="x", number=3),
        Asked(subject="x", number=0),
        Asked(subject="x", number=0, sqlstate="22007"),
    ]


@pytest.mark.parametrize("sessions", [1, 3])
def test_many_questions_are_answered_in_their_order(server: Cluster, sessions: int) -> None:
    questions = [(f"n{n}", f"SELECT {n}, pg_sleep({(9 - n) / 100})") for n in range(9)]
    found = ask_all(server.conninfo("postgres"), questions, limit=LIMIT, sessions=sessions)
    assert found == tuple(Asked(subject=f"n{n}", number=n) for n in range(9))


def test_no_question_has_no_answer(server: Cluster) -> None:
    assert ask_all(server.conninfo("postgres"), (), limit=LIMIT, sessions=2) == ()


@pytest.mark.parametrize(
    ("table", "column", "newest"),
    [
        pytest.param("mae", "dia", datetime(2026, 1, 2, tzinfo=UTC), id="a date, infinity left out"),
        pytest.param("mae", "quando", datetime(2026, 1, 2, 3, 4, tzinfo=UTC), id="a time without a zone is UTC's"),
        pytest.param("filha", "quando", None, id="none without rows"),
    ],
)
def test_the_newest_time_of_a_column(database: Database, table: str, column: str, newest: datetime | None) -> None:
    assert database.newest("public", table, column) == newest


@pytest.mark.parametrize("place", [("nunca", "a", "b"), ("public", "nunca", "b"), ("public", "mae", "nunca")])
def test_a_column_that_is_not_there_is_an_error_of_its_own(database: Database, place: tuple[str, str, str]) -> None:
    with pytest.raises(OperatorError) as caught:
        database.newest(*place)
    assert (caught.value.code, caught.value.subject) == ("postgres.no_column", ".".join(place))


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda database: database.names(FAILS, "x"), id="names"),
        pytest.param(lambda database: database.newest("public", "quebra", "dia"), id="newest"),
        pytest.param(lambda database: database.answer(FAILS, "x"), id="answer"),
        pytest.param(
            lambda database: database.execute(f"DO $$ BEGIN PERFORM ({FAILS} LIMIT 1); END $$", "x"), id="execute"
        ),
    ],
)
def test_of_a_refusal_only_its_sqlstate_is_told_and_never_a_value(
    database: Database, ask: Callable[[Database], object]
) -> None:
    with pytest.raises(OperatorError) as caught:
        ask(database)
    error = caught.value
    assert (error.code, error.data) == ("postgres.refused", Sqlstate(sqlstate="22007"))
    assert "CANARIA" not in "".join(traceback.format_exception(error))


def test_a_statement_is_tried_and_undone(server: Cluster) -> None:
    with connect(server.conninfo("postgres"), limit=LIMIT, read_only=False) as database:
        assert database.refusal("CREATE TABLE public.tentada ()") == ""
        assert database.refusal("ALTER TABLE public.mae ADD CHECK (a > 1)") == "23514"
        assert database.refusal("CREATE TABLE public.tentada ()") == ""


def test_a_session_that_only_reads_cannot_write(database: Database) -> None:
    assert database.refusal("CREATE TABLE public.tentada ()") == "25006"


def test_a_query_has_a_limit(server: Cluster) -> None:
    limit = timedelta(milliseconds=50)
    with connect(server.conninfo("postgres"), limit=limit) as database, pytest.raises(OperatorError) as caught:
        database.newest("public", "devagar", "agora")
    assert caught.value.code == "postgres.too_slow"


def test_unless_it_is_asked_otherwise_no_schema_of_the_databases_own_is_searched(server: Cluster) -> None:
    found = []
    for path in ("pg_catalog", ""):
        with connect(server.conninfo("postgres"), limit=LIMIT, search_path=path) as database:
            found.append(database.ask("x", "SELECT count(*) FROM mae"))
    assert found == [Asked(subject="x", number=0, sqlstate="42P01"), Asked(subject="x", number=3)]


def test_a_database_that_is_not_there_is_an_error(server: Cluster) -> None:
    with pytest.raises(OperatorError) as caught, connect(server.conninfo("nunca"), limit=LIMIT):
        pass
    assert (caught.value.code, caught.value.data) == ("postgres.no_connection", NO_DATA)


def test_a_session_that_the_server_ends_is_an_answer_without_a_code(server: Cluster) -> None:
    with (
        connect(server.conninfo("postgres"), limit=LIMIT) as database,
        psycopg.connect(server.conninfo("postgres"), autocommit=True) as other,
    ):
        process = database.ask("x", "SELECT pg_backend_pid()").number
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (process,))
        assert database.ask("x", "SELECT 1").sqlstate in {"57P01", "?"}
        assert database.ask("x", "SELECT 1").sqlstate == "?"

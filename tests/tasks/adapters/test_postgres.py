"""Reading a live database: names, counts, positions, times – on a real server."""

import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import gettempdir

import pytest

from tasks.adapters.guardian import guarded_folder
from tasks.adapters.postgres import Sequence, Sqlstate, Table, connect
from tasks.adapters.postgres_server import Cluster, cluster, find_binaries
from tasks.core.errors import NO_DATA, OperatorError

LIMIT = timedelta(seconds=20)
SCRIPT = """
    CREATE SCHEMA "Área";
    CREATE TABLE "Área"."Nome ""x"" y" (id int GENERATED ALWAYS AS IDENTITY, t text);
    INSERT INTO "Área"."Nome ""x"" y" (t) VALUES ('CANARIA'), ('CANARIA');
    CREATE TABLE mae (a int, dia date, quando timestamp, texto text);
    CREATE TABLE filha () INHERITS (mae);
    INSERT INTO mae VALUES (1, '2026-01-02', '2026-01-02 03:04', 'CANARIA'), (2, 'infinity', '-infinity', 'CANARIA');
    INSERT INTO filha VALUES (3, '2020-01-01', NULL, NULL);
    CREATE TABLE por_ano (id serial, d date) PARTITION BY RANGE (d);
    CREATE TABLE ano_2026 PARTITION OF por_ano FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    INSERT INTO por_ano VALUES (8, '2026-05-05');
    CREATE SEQUENCE solta; SELECT setval('solta', 77);
    CREATE SEQUENCE descendo INCREMENT -1;
    CREATE VIEW quebra AS SELECT texto::date AS dia FROM mae;
    CREATE EXTENSION pg_trgm; CREATE TABLE sistemas (id int); ALTER EXTENSION pg_trgm ADD TABLE sistemas;
    CREATE FUNCTION count(anyelement) RETURNS bigint LANGUAGE sql AS 'SELECT 666::bigint';
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    base = Path(gettempdir())
    with guarded_folder("postgres-test", base) as folder, cluster(find_binaries(), folder) as running:
        running.run(
            "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", "postgres", timeout=LIMIT, stdin=SCRIPT.encode()
        ).checked()
        yield running


def test_every_table_is_named_and_its_own_rows_are_counted(server: Cluster) -> None:
    with connect(server.conninfo("postgres"), limit=LIMIT) as database:
        counted = {table: database.count(table) for table in database.tables()}
    assert counted == {
        Table(schema="public", name="ano_2026", partitioned=False, extension=False): 1,
        Table(schema="public", name="filha", partitioned=False, extension=False): 1,
        Table(schema="public", name="mae", partitioned=False, extension=False): 2,
        Table(schema="public", name="por_ano", partitioned=True, extension=False): 1,
        Table(schema="public", name="sistemas", partitioned=False, extension=True): 0,
        Table(schema="Área", name='Nome "x" y', partitioned=False, extension=False): 2,
    }


def test_every_sequence_tells_where_it_stands_and_how_far_it_is_behind_its_column(server: Cluster) -> None:
    with connect(server.conninfo("postgres"), limit=LIMIT) as database:
        assert database.sequences() == (
            Sequence(schema="public", name="descendo", last_value=-1, is_called=False, behind=0),
            Sequence(schema="public", name="por_ano_id_seq", last_value=1, is_called=False, behind=8),
            Sequence(schema="public", name="solta", last_value=77, is_called=True, behind=0),
            Sequence(schema="Área", name='Nome "x" y_id_seq', last_value=2, is_called=True, behind=0),
        )


@pytest.mark.parametrize(
    ("column", "newest"),
    [
        pytest.param("dia", datetime(2026, 1, 2, tzinfo=UTC), id="a date, infinity left out"),
        pytest.param("quando", datetime(2026, 1, 2, 3, 4, tzinfo=UTC), id="a time without a zone is UTC's"),
    ],
)
def test_the_newest_time_of_a_column(server: Cluster, column: str, newest: datetime) -> None:
    with connect(server.conninfo("postgres"), limit=LIMIT) as database:
        assert database.newest("public", "mae", column) == newest


def test_a_column_without_rows_has_no_newest_time(server: Cluster) -> None:
    with connect(server.conninfo("postgres"), limit=LIMIT) as database:
        assert database.newest("public", "filha", "quando") is None


@pytest.mark.parametrize("place", [("nunca", "a", "b"), ("public", "nunca", "b"), ("public", "mae", "nunca")])
def test_a_column_that_is_not_there_is_an_error_of_its_own(server: Cluster, place: tuple[str, str, str]) -> None:
    with connect(server.conninfo("postgres"), limit=LIMIT) as database, pytest.raises(OperatorError) as caught:
        database.newest(*place)
    assert (caught.value.code, caught.value.subject) == ("postgres.no_column", ".".join(place))


def test_of_a_refusal_only_its_sqlstate_is_told_and_never_a_value(server: Cluster) -> None:
    with connect(server.conninfo("postgres"), limit=LIMIT) as database, pytest.raises(OperatorError) as caught:
        database.newest("public", "quebra", "dia")
    error = caught.value
    assert (error.code, error.subject, error.data) == (
        "postgres.refused",
        "public.quebra.dia",
        Sqlstate(sqlstate="22007"),
    )
    assert "CANARIA" not in "".join(traceback.format_exception(error))


def test_a_query_has_a_limit(server: Cluster) -> None:
    slow = "CREATE VIEW devagar AS SELECT now() AS agora FROM pg_sleep(60)"
    server.run("psql", "-Xqd", "postgres", "-c", slow, timeout=LIMIT).checked()
    limit = timedelta(milliseconds=50)
    with connect(server.conninfo("postgres"), limit=limit) as database, pytest.raises(OperatorError) as caught:
        database.newest("public", "devagar", "agora")
    assert caught.value.code == "postgres.too_slow"


def test_a_database_that_is_not_there_is_an_error(server: Cluster) -> None:
    with pytest.raises(OperatorError) as caught, connect(server.conninfo("nunca"), limit=LIMIT):
        pass
    assert (caught.value.code, caught.value.data) == ("postgres.no_connection", NO_DATA)

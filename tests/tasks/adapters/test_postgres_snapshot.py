"""One instant of a live database: the snapshot that a program joins, and what the catalogue says – on a real server."""

import re
import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import gettempdir
from threading import Thread
from time import sleep

import pytest

from tasks.adapters.guardian import guarded_folder
from tasks.adapters.postgres_server import Cluster, cluster, find_binaries
from tasks.adapters.postgres_snapshot import Account, Refusal, Server, exported
from tasks.core.errors import OperatorError, TransientError
from tasks.core.secret import Secret

LIMIT = timedelta(seconds=20)
SCRIPT = r"""
    CREATE SCHEMA "Área";
    CREATE TABLE "Área".t (id int, dia date, "Quando" timestamptz, texto text);
    INSERT INTO "Área".t VALUES (1, '2026-01-02', '2026-02-03 04:05+03', 'CANARIA'), (2, 'infinity', NULL, 'CANARIA');
    CREATE TABLE vazia (dia date);
    CREATE TABLE torta (a int);
    INSERT INTO torta VALUES (1), (1);
    CREATE UNIQUE INDEX CONCURRENTLY "Torto" ON torta (a);
    CREATE TABLE por_ano (d date) PARTITION BY RANGE (d);
    CREATE INDEX por_ano_d ON ONLY por_ano (d);
    CREATE EXTENSION pg_trgm;
    CREATE ROLE grupo; CREATE ROLE leitora LOGIN BYPASSRLS IN ROLE grupo, pg_read_all_data;
    CREATE ROLE limitada LOGIN; GRANT USAGE ON SCHEMA "Área" TO limitada; GRANT SELECT ON "Área".t TO limitada;
    CREATE ROLE com_senha LOGIN PASSWORD 'CANARIA-certa'; CREATE ROLE sem_entrada;
    ALTER TABLE "Área".t ENABLE ROW LEVEL SECURITY;
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with guarded_folder("snapshot-test", Path(gettempdir())) as folder, cluster(find_binaries(), folder) as running:
        stop = ("-v", "ON_ERROR_STOP=0")  # the unique index is meant to fail
        running.run("psql", "-Xq", *stop, "-d", "postgres", timeout=LIMIT, stdin=SCRIPT.encode())
        access = folder.path / "data" / "pg_hba.conf"
        access.write_text(f"local all com_senha scram-sha-256\n{access.read_text()}")
        psql(running, "SELECT pg_reload_conf()")
        yield running


def psql(server: Cluster, sql: str) -> str:
    done = server.run("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", "postgres", timeout=LIMIT, stdin=sql.encode())
    return done.checked().stdout.decode().strip()


def source(server: Cluster, *, user: str = "", more: str = "") -> Secret:
    return Secret(f"{server.conninfo('postgres', user)} {more}")


def dump(server: Cluster, environ: dict[str, str], *arguments: str) -> str:
    return server.launcher.run("pg_dump", *arguments, environ=environ, timeout=LIMIT).checked().stdout.decode()


def test_a_program_that_joins_sees_what_the_snapshot_saw_and_not_what_came_after(server: Cluster) -> None:
    psql(server, "CREATE TABLE antes (a int); INSERT INTO antes VALUES (1)")
    with exported(source(server), "banco", limit=LIMIT) as snapshot:
        psql(server, "INSERT INTO antes VALUES (2); CREATE TABLE depois (a int)")
        text = dump(server, snapshot.environ, f"--snapshot={snapshot.id}", *snapshot.arguments)
    assert "COPY public.antes (a) FROM stdin;\n1\n\\.\n" in text
    assert "depois" not in text
    psql(server, "DROP TABLE antes, depois")


def test_a_table_cannot_be_emptied_between_the_snapshot_and_the_program(server: Cluster) -> None:
    psql(server, "CREATE TABLE cheia (a int); INSERT INTO cheia VALUES (1)")
    with exported(source(server), "banco", limit=LIMIT) as snapshot:
        truncating = Thread(target=psql, args=(server, "TRUNCATE cheia"))
        truncating.start()
        while psql(server, "SELECT count(*) FROM pg_locks WHERE NOT granted") == "0":
            sleep(0.05)
        assert snapshot.newest(("public.cheia.a",)) == ()  # it lives
    truncating.join()
    psql(server, "DROP TABLE cheia")


def test_a_table_that_others_hold_is_waited_for(server: Cluster) -> None:
    psql(server, "CREATE TABLE presa (a int)")
    holding = Thread(
        target=psql, args=(server, "BEGIN; LOCK TABLE presa; INSERT INTO presa VALUES (7); SELECT pg_sleep(1); COMMIT")
    )
    holding.start()
    while psql(server, "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted") == "0":
        sleep(0.05)
    with exported(source(server), "banco", limit=LIMIT) as snapshot:
        text = dump(server, snapshot.environ, f"--snapshot={snapshot.id}", "--table=presa", "--lock-wait-timeout=1")
    holding.join()
    assert "COPY public.presa (a) FROM stdin;\n7\n" in text
    psql(server, "DROP TABLE presa")


def test_where_no_table_may_be_locked_the_snapshot_is_taken_all_the_same(server: Cluster) -> None:
    with exported(source(server, user="limitada"), "banco", limit=LIMIT) as snapshot:
        assert snapshot.server().database == "postgres"


def test_where_the_snapshot_was_taken(server: Cluster) -> None:
    before = datetime.now(UTC)
    with exported(source(server), "banco", limit=LIMIT) as snapshot:
        found = snapshot.server()
    identifier = psql(server, "SELECT system_identifier FROM pg_control_system()")
    version = psql(server, "SHOW server_version").split()[0]
    assert before <= found.at <= datetime.now(UTC)
    assert re.fullmatch(r"[0-9A-F]+/[0-9A-F]+", found.lsn)
    assert replace(found, at=before, lsn="") == Server(
        database="postgres", at=before, version=version, system_identifier=identifier, lsn="", collation_version=""
    )
    assert snapshot.major == int(version.split(".")[0])


def test_a_role_that_may_not_read_the_servers_identifier_leaves_it_out(server: Cluster) -> None:
    psql(server, "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    with exported(source(server, user="leitora"), "banco", limit=LIMIT) as snapshot:
        assert snapshot.server().system_identifier == ""
    psql(server, "GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")


def test_extensions_roles_and_the_indexes_that_a_dump_leaves_out(server: Cluster) -> None:
    with exported(source(server), "banco", limit=LIMIT) as snapshot:
        extensions, accounts, omitted = snapshot.extensions(), snapshot.accounts(), snapshot.omitted_indexes()
    assert extensions == (("pg_trgm", "1.6"), ("plpgsql", "1.0"))
    assert [account for account in accounts if account.name in {"leitora", "grupo"}] == [
        Account(name="grupo", login=False, superuser=False, bypass_rls=False, member_of=()),
        Account(name="leitora", login=True, superuser=False, bypass_rls=True, member_of=("grupo", "pg_read_all_data")),
    ]
    assert omitted == (("public", "Torto"),)


def test_the_newest_times_of_the_columns_that_can_be_asked(server: Cluster) -> None:
    columns = ("Área.t.dia", "Área.t.Quando", "public.vazia.dia", "public.nunca.dia", "Área.t.nunca", "Área.t.texto")
    with exported(source(server), "banco", limit=LIMIT) as snapshot:
        assert snapshot.newest(columns) == (
            ("Área.t.dia", datetime(2026, 1, 2, tzinfo=UTC)),
            ("Área.t.Quando", datetime(2026, 2, 3, 1, 5, tzinfo=UTC)),
            ("public.vazia.dia", None),
        )


def test_of_rows_that_are_hidden_no_newest_is_told(server: Cluster) -> None:
    with exported(source(server, user="limitada"), "banco", limit=LIMIT) as snapshot:
        assert snapshot.newest(("Área.t.dia",)) == ()


def test_what_the_session_was_told_reaches_the_program_by_its_environment(server: Cluster) -> None:
    more = "keepalives_idle=30 keepalives=1 application_name='o backup' options='-c geqo=off' client_encoding=LATIN1"
    with exported(source(server, more=f"{more} password=CANARIA"), "banco", limit=LIMIT) as snapshot:
        environ, arguments = snapshot.environ, snapshot.arguments
        dump(server, environ, f"--snapshot={snapshot.id}", "--schema-only", *arguments)
    assert arguments == ("--dbname=keepalives=1 keepalives_idle=30",)
    wanted = {"PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGAPPNAME", "PGOPTIONS", "PGCONNECT_TIMEOUT"}
    assert {name: environ.get(name) for name in wanted} == {
        "PGHOST": str(server.socket_dir),
        "PGPORT": "5432",
        "PGUSER": "postgres",
        "PGDATABASE": "postgres",
        "PGPASSWORD": "CANARIA",
        "PGAPPNAME": "o backup",
        "PGOPTIONS": "-c geqo=off",
        "PGCONNECT_TIMEOUT": "10",
    }
    assert not {"PGCLIENTENCODING", "PGSERVICE", "PGTARGETSESSIONATTRS"} & set(environ)


def test_a_uri_is_understood_too(server: Cluster) -> None:
    uri = Secret(f"postgresql://postgres@/postgres?host={server.socket_dir}")
    with exported(uri, "banco", limit=LIMIT) as snapshot:
        assert snapshot.server().database == "postgres"


REFUSED = {
    "a wrong password": ("user=com_senha password=CANARIA-errada", OperatorError, "postgres.login_refused", "28P01"),
    "no password": ("user=com_senha passfile=/nowhere", OperatorError, "postgres.login_refused", "28P01"),
    "a role that there is not": ("user=CANARIA", OperatorError, "postgres.login_refused", "28000"),
    "a role that may not log in": ("user=sem_entrada", OperatorError, "postgres.login_refused", "28000"),
    "a database that there is not": ("dbname=CANARIA", OperatorError, "postgres.login_refused", "3D000"),
    "no server": ("host=/CANARIA", TransientError, "postgres.out_of_reach", ""),
    "no such host": ("host=canaria.invalid", TransientError, "postgres.out_of_reach", ""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_of_a_refused_connection_only_a_code_is_told(server: Cluster, case: str) -> None:
    more, kind, code, sqlstate = REFUSED[case]
    with pytest.raises(OperatorError) as caught, exported(source(server, more=more), "banco", limit=LIMIT):
        pass
    error = caught.value
    assert (type(error), error.code, error.subject, error.data) == (kind, code, "banco", Refusal(sqlstate=sqlstate))
    assert error.__context__ is None  # psycopg's own error holds the whole connection
    assert "CANARIA" not in "".join(traceback.format_exception(error)).upper()


@pytest.mark.parametrize("text", ["host=a b=CANARIA", "CANARIA", "host='CANARIA", "postgresql://a:CANARIA@[::1"])
def test_what_is_no_connection_string_is_not_repeated(text: str) -> None:
    with pytest.raises(OperatorError) as caught, exported(Secret(text), "banco", limit=LIMIT):
        pass
    error = caught.value
    assert (error.code, error.subject, error.__context__) == ("postgres.no_conninfo", "banco", None)


def test_a_query_has_a_limit(server: Cluster) -> None:
    psql(server, "CREATE VIEW devagar AS SELECT now() AS agora FROM pg_sleep(60)")
    limit = timedelta(milliseconds=300)
    with exported(source(server), "banco", limit=limit) as snapshot, pytest.raises(OperatorError) as caught:
        snapshot.newest(("public.devagar.agora",))
    error = caught.value
    assert (error.code, error.subject, error.data) == (
        "postgres.snapshot_refused",
        "public.devagar.agora",
        Refusal(sqlstate="57014"),
    )
    psql(server, "DROP VIEW devagar")

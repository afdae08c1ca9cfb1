"""Real dumps restored as no superuser: the good without an error, the hostile without an effect."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.adapters.postgres_server import Binaries, Source
from tasks.backup.apply.restore import restore
from tasks.backup.collect.reading import read_both
from tasks.backup.model.contents import Contents
from tasks.backup.model.drill import Archive, LineKind, Lines, Meaning, Restore, ServerError
from tasks.backup.model.found import Fault, Form
from tasks.backup.model.manifest import Role
from tasks.backup.model.throwaway import OWNERS, READER, RESTORED, RESTORER, SUPERUSER
from tasks.core.errors import OperatorError
from tests.tasks.adapters.test_postgres_server import found
from tests.tasks.backup.restoring import SETTINGS, TOUCH, Dump, Server, Throwaway, fetched, source, throwaway

CUSTOM, DIRECTORY, PLAIN = Form.CUSTOM, Form.DIRECTORY, Form.PLAIN
RESTRICTED = Lines(kind=LineKind.HARMLESS, count=2)  # psql is so already: the dump's own wish, and its end
HOSTILE, HARMLESS, LOSS, PRIVILEGED = Meaning.HOSTILE, Meaning.HARMLESS, Meaning.LOSS, Meaning.PRIVILEGED


@pytest.fixture(scope="module", params=[Source.SYSTEM, Source.EMBEDDED])
def binaries(request: pytest.FixtureRequest) -> Binaries:
    return found(request.param)


@pytest.fixture(scope="module")
def origin(binaries: Binaries) -> Iterator[Server]:
    with source(binaries) as server:
        yield server


@pytest.fixture(scope="module")
def target(binaries: Binaries) -> Iterator[Throwaway]:
    with throwaway(binaries) as server:
        yield server


def contents(target: Throwaway, form: Form) -> tuple[Contents, Contents]:
    """Return what is in the copy and what is in the restored database."""
    archive, database = read_both(target.cluster, SETTINGS, fetched(form))
    assert (archive.fault, database.fault) == (None, None)
    return archive.contents, database.contents


def said(restored: Restore) -> tuple[int, tuple[Lines, ...], tuple[ServerError, ...], Fault | None]:
    return restored.exit_code, restored.lines, restored.errors, restored.fault


def refused(restored: Restore) -> list[tuple[str, str, str, Meaning]]:
    return [(error.sqlstate, error.statement, error.subject, error.meaning) for error in restored.errors]


def meanings(restored: Restore) -> set[Meaning]:
    return {error.meaning for error in restored.errors}


# ── good ones ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("dumped", "form", "lines"),
    [
        pytest.param(lambda origin: origin.dump("rica"), CUSTOM, (), id="custom"),
        pytest.param(lambda origin: origin.dump_folder("rica"), DIRECTORY, (), id="directory"),
        pytest.param(lambda origin: origin.dump_folder("rica", "-Z0"), DIRECTORY, (), id="directory, uncompressed"),
        pytest.param(lambda origin: origin.unpacked("rica"), DIRECTORY, (), id="tar, unpacked"),
        pytest.param(lambda origin: origin.dump("rica", "-Fp"), PLAIN, (RESTRICTED,), id="plain"),
    ],
)
def test_the_rich_database_comes_back_equal_and_without_an_error(
    origin: Server, target: Throwaway, dumped: Callable[[Server], Dump], form: Form, lines: tuple[Lines, ...]
) -> None:
    assert said(target.restore(dumped(origin), form)) == (0, lines, (), None)
    archive, database = contents(target, form)
    assert database == archive
    assert (len(archive.entries), archive.large_objects.count, archive.complete) == (115, 3, True)


def test_rows_that_stand_as_insert_come_back_as_the_rows_they_were(origin: Server, target: Throwaway) -> None:
    assert said(target.restore(origin.dump("rica", "-Fp", "--inserts"), PLAIN)) == (0, (RESTRICTED,), (), None)
    inserted, database = contents(target, PLAIN)
    target.restore(origin.dump("rica"), CUSTOM)
    assert replace(database, inserts=inserted.inserts) == replace(contents(target, CUSTOM)[1], inserts=677)


def test_a_dump_that_drops_everything_first_loses_nothing(origin: Server, target: Throwaway) -> None:
    restored = target.restore(origin.dump("rica", "-Fp", "--clean"), PLAIN)
    archive, database = contents(target, PLAIN)
    assert database == archive
    assert meanings(restored) == {HARMLESS}
    assert sum(error.count for error in restored.errors) == dict_of(restored)[LineKind.SERVER]


def dict_of(restored: Restore) -> dict[LineKind, int]:
    return {lines.kind: lines.count for lines in restored.lines}


def test_a_dump_without_owners_and_grants_belongs_to_the_restorer(origin: Server, target: Throwaway) -> None:
    assert said(target.restore(origin.dump("rica", "-Fp", "-O", "-x"), PLAIN)) == (0, (RESTRICTED,), (), None)
    owners = "SELECT DISTINCT relowner::regrole FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    assert target.sql(RESTORED, owners) == RESTORER


@pytest.mark.parametrize(
    ("encoding", "into", "text"),
    [("LATIN1", "LATIN1", "é"), ("SQL_ASCII", "UTF8", "é"), ("GB18030", "UTF8", "é")],  # no server can be in the last
)
def test_a_database_of_another_encoding_comes_back_in_it_or_in_utf8(
    origin: Server, target: Throwaway, encoding: str, into: str, text: str
) -> None:
    name = origin.made(
        f"em_{encoding}", f"CREATE TABLE t AS SELECT 'CANARIA {text}' AS a", options=f"ENCODING '{into}'"
    )
    assert said(target.restore(origin.dump(name, "-Fc", "-E", encoding), CUSTOM)) == (0, (), (), None)
    shown = "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database(); TABLE t"
    assert target.sql(RESTORED, shown).split("\n") == [into, f"CANARIA {text}"]


def test_letters_are_told_by_all_of_unicode(origin: Server, target: Throwaway) -> None:
    script = "CREATE TABLE t (a text CHECK (a ~ '^[[:alpha:]]+$'), b text GENERATED ALWAYS AS (lower(a)) STORED)"
    name = origin.made("letras", script, options="LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'")
    origin.sql(name, "INSERT INTO t VALUES ('CANARIAÉÇÃO')")
    assert said(target.restore(origin.dump(name), CUSTOM)) == (0, (), (), None)
    assert target.sql(RESTORED, "SELECT b FROM t") == "canariaéção"


# ── roles ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_roles_are_stubs_with_the_memberships_of_the_globals_file(origin: Server, target: Throwaway) -> None:
    known = (
        Role(name="postgres", login=True, superuser=True, bypass_rls=True),
        Role(name="rica_app", login=True, member_of=("rica_leitura", "pg_execute_server_program", "nenhuma")),
        Role(name='so nas "globais"', member_of=("rica_app",)),
        Role(name=SUPERUSER, superuser=True),
    )
    target.restore(origin.dump("rica"), CUSTOM, known=known)
    attributes = """
        SELECT rolname, rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication, rolcanlogin, rolbypassrls,
               (SELECT string_agg(g.rolname, ' ' ORDER BY g.rolname) FROM pg_auth_members m
                  JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid)
          FROM pg_roles AS r WHERE rolname !~ '^pg_' ORDER BY rolname"""
    assert target.sql("postgres", attributes).split("\n") == [
        f'Papel "É". Estranho|f|f|f|{OWNERS}',
        f"{OWNERS}|f|f|f|",
        f"{READER}|f|t|t|pg_read_all_data",
        f'{RESTORER}|f|t|t|Papel "É". Estranho postgres rica_app rica_auditoria rica_leitura so nas "globais"',
        f"{SUPERUSER}|t|t|t|",
        f"postgres|f|f|f|{OWNERS}",
        f"rica_app|f|f|f|{OWNERS} rica_leitura",
        f"rica_auditoria|f|f|f|{OWNERS}",
        f"rica_leitura|f|f|f|{OWNERS}",
        f'so nas "globais"|f|f|f|{OWNERS} rica_app',
    ]


def test_a_dump_that_names_the_superuser_does_not_become_it(origin: Server, target: Throwaway) -> None:
    name = origin.made("alheia", f"CREATE ROLE {SUPERUSER}; CREATE TABLE t (); ALTER TABLE t OWNER TO {SUPERUSER}")
    restored = target.restore(origin.dump(name), CUSTOM)
    assert refused(restored) == [("42501", "ALTER TABLE", "public.t", LOSS)]


def test_what_the_dump_makes_the_database_do_does_not_reach_the_superuser(origin: Server, target: Throwaway) -> None:
    settings = (
        "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET search_path = outro, pg_catalog'; "
        "EXECUTE 'ALTER DATABASE ' || current_database() || ' SET default_transaction_read_only = on'; END $$;\n"
    )
    assert said(target.restore(edited(origin.dump("rica", "-Fp"), settings), PLAIN)) == (0, (RESTRICTED,), (), None)
    assert target.sql(RESTORED, "SHOW search_path; SHOW default_transaction_read_only") == '"$user", public\noff'


def edited(plain: bytes, statements: str) -> bytes:
    """Put statements before the end of a plain SQL dump."""
    at = plain.index(b"--\n-- PostgreSQL database dump complete\n")
    return plain[:at] + statements.encode() + plain[at:]


# ── extensions ───────────────────────────────────────────────────────────────────────────────────────────────────────

NOT_TRUSTED = """
    CREATE SCHEMA ferramentas;
    CREATE EXTENSION pg_buffercache WITH SCHEMA ferramentas;
    CREATE VIEW paginas AS SELECT count(*) AS quantas FROM ferramentas.pg_buffercache;
"""


def test_an_extension_that_the_settings_name_is_made_by_the_superuser(origin: Server, target: Throwaway) -> None:
    name = origin.made("com_extensao", NOT_TRUSTED)
    restored = target.restore(origin.dump(name), CUSTOM)
    assert refused(restored) == [
        ("42P06", "CREATE SCHEMA", "ferramentas", HARMLESS),
        ("42501", "COMMENT ON EXTENSION", "pg_buffercache", HARMLESS),
    ]
    archive, database = contents(target, CUSTOM)
    assert database == archive


def test_one_that_they_do_not_name_is_not_allowed(origin: Server, target: Throwaway) -> None:
    cfg = SETTINGS.model_copy(update={"extensions": ()})
    restored = target.restore(origin.dump(origin.made("com_extensao", NOT_TRUSTED)), CUSTOM, cfg)
    assert ("42501", "CREATE EXTENSION IF NOT EXISTS", "pg_buffercache", Meaning.NOT_ALLOWED) in refused(restored)


def test_one_that_the_machine_lacks_is_named(origin: Server, target: Throwaway) -> None:
    plain = origin.dump(origin.made("com_extensao", NOT_TRUSTED), "-Fp").replace(b"pg_buffercache", b"pg_nao_existe_")
    restored = target.restore(plain, PLAIN)
    assert ("0A000", "CREATE EXTENSION IF NOT EXISTS", "pg_nao_existe_", Meaning.NO_EXTENSION) in refused(restored)


# ── what only a superuser may ────────────────────────────────────────────────────────────────────────────────────────

SUPERUSERS_OWN = """
    CREATE FUNCTION nada() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE EVENT TRIGGER gatilho ON ddl_command_end EXECUTE FUNCTION nada();
    COMMENT ON EVENT TRIGGER gatilho IS 'x';
    CREATE FOREIGN DATA WRAPPER longe;
    CREATE SERVER servidor FOREIGN DATA WRAPPER longe;
    CREATE USER MAPPING FOR PUBLIC SERVER servidor;
    CREATE FOREIGN TABLE de_longe (a int) SERVER servidor;
    CREATE PUBLICATION tudo FOR ALL TABLES;
    CREATE SUBSCRIPTION assinatura CONNECTION 'host=/nowhere' PUBLICATION p WITH (connect = false);
    CREATE CAST (int4 AS date) WITHOUT FUNCTION;
"""


def test_what_only_a_superuser_may_create_is_named_and_is_no_loss(origin: Server, target: Throwaway) -> None:
    name = origin.made("de_superusuario", SUPERUSERS_OWN)
    try:
        restored = target.restore(origin.dump(name), CUSTOM)
    finally:
        origin.sql(name, "ALTER SUBSCRIPTION assinatura SET (slot_name = NONE); DROP SUBSCRIPTION assinatura")
    assert meanings(restored) == {PRIVILEGED}
    assert {error.subject for error in restored.errors} == {
        "gatilho", "longe", "servidor", "public", "public.de_longe", "tudo", "assinatura", "",
    }  # fmt: skip


# ── hostile ones ─────────────────────────────────────────────────────────────────────────────────────────────────────

ESCAPING = """
    CREATE FUNCTION foge(x int) RETURNS int LANGUAGE plpgsql AS $$
    BEGIN
        IF current_database() = 'BASE' THEN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''TOCA'''; END IF;
        RETURN x;
    END $$;
    CREATE FUNCTION parece_constante(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
        'BEGIN RETURN public.foge(x); END';
    CREATE DOMAIN dominio AS int CHECK (parece_constante(VALUE) = VALUE);
    CREATE TABLE indexada (a int); CREATE INDEX indice ON indexada (parece_constante(a));
    CREATE TABLE conferida (a int CHECK (parece_constante(a) = a));
    CREATE TABLE gerada (a int, b int GENERATED ALWAYS AS (parece_constante(a)) STORED);
    CREATE TABLE de_dominio (a dominio);
    CREATE MATERIALIZED VIEW vista AS SELECT foge(1);
    CREATE TABLE alvo (a int DEFAULT foge(2));
    CREATE FUNCTION dispara() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM public.foge(1); RETURN NEW; END';
    CREATE TRIGGER gatilho BEFORE INSERT ON alvo FOR EACH ROW EXECUTE FUNCTION dispara();
    INSERT INTO indexada VALUES (1); INSERT INTO conferida VALUES (1); INSERT INTO gerada VALUES (1);
    INSERT INTO de_dominio VALUES (1);
""".replace("BASE", RESTORED).replace("TOCA", TOUCH)
REACHING_OUT = """
    INSERT INTO public.alvo VALUES (1);
    INSERT INTO public.alvo (a) VALUES (DEFAULT);
    SELECT pg_catalog.lo_import('/etc/passwd');
    SELECT pg_catalog.pg_read_file('/etc/passwd');
    LOAD '/tmp/x.so';
    CREATE FUNCTION public.de_c() RETURNS int LANGUAGE c AS '/tmp/x.so', 'x';
    ALTER SYSTEM SET archive_command = 'x';
"""


def test_functions_that_would_run_a_program_are_refused_wherever_they_are_used(
    origin: Server, target: Throwaway
) -> None:
    restored = target.restore(origin.dump(origin.made("foge", ESCAPING)), CUSTOM)
    assert sorted(refused(restored)) == [
        ("42501", "COPY", "public.conferida", HOSTILE),
        ("42501", "COPY", "public.de_dominio", HOSTILE),
        ("42501", "COPY", "public.gerada", HOSTILE),
        ("42501", "CREATE INDEX", "public.indexada indice", HOSTILE),
        ("42501", "REFRESH MATERIALIZED VIEW", "public.vista", HOSTILE),
    ]
    assert not target.canary.exists()


def test_statements_that_reach_out_of_the_database_are_refused(origin: Server, target: Throwaway) -> None:
    script = origin.dump(origin.made("foge", ESCAPING), "-Fp", "--schema-only", "--exclude-table=vista")
    restored = target.restore(edited(script, REACHING_OUT), PLAIN)
    assert refused(restored) == [
        ("42501", "INSERT INTO", "public.alvo", HOSTILE),
        ("42501", "SELECT", "pg_catalog.lo_import", HOSTILE),
        ("42501", "SELECT", "pg_catalog.pg_read_file", HOSTILE),
        ("42501", "LOAD", "", HOSTILE),
        ("42501", "CREATE FUNCTION", "public.de_c", HOSTILE),
        ("42501", "ALTER SYSTEM SET", "archive_command", HOSTILE),
    ]
    assert restored.errors[0].count == 2
    assert not target.canary.exists()


def test_an_archive_whose_rows_would_be_fed_to_a_program_is_refused(origin: Server, target: Throwaway) -> None:
    columns = ", ".join(f"coluna_de_nome_comprido_{n}" for n in range(5))
    script = f"CREATE TABLE alvo ({columns.replace(',', ' text,')} text)"
    archive = origin.dump(origin.made("remendada", script), "-Fc", "-Z0")
    before = f"COPY public.alvo ({columns}) FROM stdin;".encode()
    after = f"COPY public.alvo FROM PROGRAM '{TOUCH}';".encode().ljust(len(before))
    assert archive.count(before) == 1
    restored = target.restore(archive.replace(before, after), CUSTOM)
    assert refused(restored) == [("42501", "COPY", "public.alvo", HOSTILE)]
    assert not target.canary.exists()


def test_the_programs_would_run_if_a_superuser_asked(target: Throwaway) -> None:
    target.sql("postgres", f"CREATE TEMPORARY TABLE t (a text); COPY t FROM PROGRAM '{TOUCH}'")
    assert target.canary.exists()
    target.canary.unlink()


def test_rows_of_a_refused_copy_are_neither_run_nor_kept(origin: Server, target: Throwaway) -> None:
    rows = f"\\! {TOUCH}\nMARIA CANARIA dos Anjos;\nit's\tx\\t`{TOUCH}`\nDROP TABLE CANARIA;\n"
    script = f"COPY public.nao_ha (a, b) FROM stdin;\n{rows}\\.\n"
    restored = target.restore(edited(origin.dump("postgres", "-Fp"), script), PLAIN)
    assert refused(restored)[0] == ("42P01", "COPY", "public.nao_ha", LOSS)
    assert {(error.statement, error.subject) for error in restored.errors[1:]} <= {("", "")}  # 18 passes over them
    assert LineKind.UNKNOWN not in dict_of(restored)
    assert "CANARIA" not in repr(restored)
    assert not target.canary.exists()


def test_a_psql_that_cannot_be_restricted_is_not_trusted_with_a_plain_dump(
    origin: Server, target: Throwaway, tmp_path: Path
) -> None:
    tmp_path.parent.parent.chmod(0o755)
    place = target.cluster.log.with_name("velhos")
    place.mkdir()
    target.cluster.give(place)
    binaries = target.cluster.binaries
    old = place / "psql"
    old.write_text(f'#!/bin/sh\ncase "$*" in *restrict*) exit 1;; *) exec {binaries.bin}/psql "$@";; esac\n')
    target.cluster.give(old).chmod(0o700)
    launcher = replace(target.cluster.launcher, binaries=replace(binaries, bin=place))
    target.empty()
    copied = target.copy(origin.dump("postgres", "-Fp"), PLAIN)
    with pytest.raises(OperatorError) as caught:
        restore(replace(target.cluster, launcher=launcher), SETTINGS, copied, Archive(), None)
    assert (caught.value.code, caught.value.subject) == ("backup.old_psql", str(place))
    shutil.rmtree(place)


# ── the machine ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_server_that_stops_is_not_the_backups_fault(origin: Server, target: Throwaway) -> None:
    script = "SELECT pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid());\n"
    with pytest.raises(OperatorError) as caught:
        target.restore(edited(origin.dump("postgres", "-Fp"), script), PLAIN)
    assert (caught.value.code, caught.value.subject) == ("backup.interrupted", "57P01")


def test_a_restore_that_does_not_end_is_stopped(origin: Server, target: Throwaway) -> None:
    cfg = SETTINGS.model_copy(update={"restore_timeout_minutes": 1 / 60})
    with pytest.raises(OperatorError) as caught:
        target.restore(edited(origin.dump("postgres", "-Fp"), "SELECT pg_sleep(77);\n"), PLAIN, cfg)
    assert (caught.value.code, caught.value.subject) == ("postgres.timed_out", "psql")

"""Archives, the restored database and the live one, read as the SQL that PostgreSQL makes of them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tasks.backup.collect.reading import BLOCK_BYTES, dump_contents, read_both, read_copy, read_live, read_restored
from tasks.backup.model.contents import Contents, TableData
from tasks.backup.model.found import Fault, Form
from tasks.backup.model.throwaway import RESTORED
from tasks.core.errors import OperatorError
from tasks.core.secret import Secret
from tests.tasks.backup.restoring import LIMIT, SETTINGS, Server, Throwaway

CUSTOM, DIRECTORY, PLAIN = Form.CUSTOM, Form.DIRECTORY, Form.PLAIN


@pytest.fixture(scope="module")
def snapshot(origin: Server) -> Contents:
    """Return what pg_dump says of the live database."""
    launcher = origin.cluster.launcher
    contents, done = dump_contents(
        launcher, "pg_dump", f"--dbname={origin.cluster.conninfo('rica')}", limit=LIMIT, environ={"LC_ALL": "C"}
    )
    done.checked()
    return contents


WAYS = {
    "custom": (CUSTOM, ("-Fc",)),
    "plain": (PLAIN, ("-Fp",)),
    "every name quoted": (CUSTOM, ("-Fc", "--quote-all-identifiers")),
    "partitions loaded through their root": (CUSTOM, ("-Fc", "--load-via-partition-root")),
    "telling its entries' numbers": (PLAIN, ("-Fp", "-v")),
    "triggers disabled while loading": (PLAIN, ("-Fp", "--disable-triggers")),
    "owners by session": (PLAIN, ("-Fp", "--use-set-session-authorization")),
    "cleaning before": (PLAIN, ("-Fp", "--clean", "--if-exists")),
}


@pytest.mark.parametrize(("form", "options"), WAYS.values(), ids=WAYS.keys())
def test_however_a_dump_was_taken_it_holds_what_the_live_database_held(
    origin: Server, target: Throwaway, snapshot: Contents, form: Form, options: tuple[str, ...]
) -> None:
    fetched = target.copy(origin.dump("rica", *options), form)
    found = read_copy(target.cluster, SETTINGS, fetched)
    assert (found.contents, found.fault) == (snapshot, None)


def test_a_directory_holds_it_too(origin: Server, target: Throwaway, snapshot: Contents) -> None:
    found = read_copy(target.cluster, SETTINGS, target.copy(origin.dump_folder("rica"), DIRECTORY))
    assert (found.contents, found.fault) == (snapshot, None)


def test_rows_as_insert_are_counted_and_all_else_is_the_same(
    origin: Server, target: Throwaway, snapshot: Contents
) -> None:
    found = read_copy(target.cluster, SETTINGS, target.copy(origin.dump("rica", "-Fp", "--inserts"), PLAIN))
    rows = sum(table.rows for table in snapshot.tables)
    assert found.contents == replace(snapshot, tables=(), inserts=rows)


def test_what_was_restored_is_what_was_dumped(origin: Server, target: Throwaway, snapshot: Contents) -> None:
    target.restore(origin.dump("rica"), CUSTOM)
    archive, database = read_both(target.cluster, SETTINGS, target.copy(origin.dump("rica"), CUSTOM))
    assert (archive.contents, database.contents) == (snapshot, snapshot)
    assert (archive.fault, database.fault) == (None, None)


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        pytest.param(
            "UPDATE public.pessoas SET nome = nome || '!' WHERE id = (SELECT min(id) FROM public.pessoas)", "tables"
        ),
        pytest.param("ALTER FUNCTION public.soma(int, int) COST 7", "entries"),
        pytest.param("SELECT setval('public.unidades_id_seq', 7777)", "positions"),
        pytest.param("SELECT lo_put(oid, 0, '!') FROM pg_largeobject_metadata LIMIT 1", "large_objects"),
    ],
)
def test_one_change_is_a_difference_in_its_place_alone(
    origin: Server, target: Throwaway, snapshot: Contents, harm: str, kind: str
) -> None:
    target.restore(origin.dump("rica"), CUSTOM)
    target.sql(RESTORED, f"SET session_replication_role = replica; {harm}")
    changed = read_restored(target.cluster, SETTINGS).contents
    assert getattr(changed, kind) != getattr(snapshot, kind)
    assert replace(changed, **{kind: getattr(snapshot, kind)}) == snapshot


@pytest.mark.parametrize("encoding", ["LATIN1", "UTF8"])
def test_a_database_is_read_in_its_own_encoding(origin: Server, target: Throwaway, encoding: str) -> None:
    name = origin.made(
        f"codificada_{encoding}",
        'CREATE TABLE "ação" (t text); INSERT INTO "ação" VALUES (\'canária\')',
        options=f"ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'",
    )
    dump = origin.dump(name, "-Fc", "-E", encoding)
    target.restore(dump, CUSTOM)
    archive, database = read_both(target.cluster, SETTINGS, target.copy(dump, CUSTOM))
    assert archive.contents == database.contents
    assert (archive.contents.encoding, archive.contents.tables[0].table) == (encoding, 'public."ação"')


@pytest.mark.parametrize(("form", "option"), [(CUSTOM, "-Fc"), (PLAIN, "-Fp")])
def test_a_dump_that_breaks_off_is_told_with_what_was_read(
    origin: Server, target: Throwaway, snapshot: Contents, form: Form, option: str
) -> None:
    dump = origin.dump("rica", option)
    found = read_copy(target.cluster, SETTINGS, target.copy(dump[: len(dump) * 4 // 5], form))
    assert (found.fault, found.contents.complete) == (Fault.TRUNCATED, False)
    assert 0 < len(found.contents.entries) <= len(snapshot.entries)


def test_a_directory_that_lacks_a_file_is_incomplete(origin: Server, target: Throwaway) -> None:
    files = origin.dump_folder("rica")
    del files[max(name for name in files if name.endswith(".dat.gz"))]
    assert read_copy(target.cluster, SETTINGS, target.copy(files, DIRECTORY)).fault is Fault.INCOMPLETE


def test_a_restored_database_that_cannot_be_read_is_told(origin: Server, target: Throwaway) -> None:
    target.restore(origin.dump("rica"), CUSTOM)
    target.sql(RESTORED, "ALTER ROLE marias_reader NOBYPASSRLS")
    assert read_restored(target.cluster, SETTINGS).fault is Fault.UNREADABLE


def test_a_program_that_does_not_end_is_stopped(origin: Server) -> None:
    with pytest.raises(OperatorError) as caught:
        dump_contents(origin.cluster.launcher, "sleep", "60", limit=timedelta(milliseconds=100))
    assert caught.value.code == "postgres.timed_out"


def test_more_than_a_block_is_read_whole(origin: Server) -> None:
    script = (
        "CREATE TABLE larga (t text); INSERT INTO larga SELECT repeat('CANARIA ', 5000) FROM generate_series(1, 100)"
    )
    database = origin.cluster.conninfo(origin.made("larga", script))
    contents, _ = dump_contents(origin.cluster.launcher, "pg_dump", f"--dbname={database}", limit=LIMIT)
    copied = "COPY larga TO STDOUT"
    size = len(origin.cluster.run("psql", "-XAtq", "-d", "larga", "-c", copied, timeout=LIMIT).checked().stdout)
    digest = origin.sql(
        "larga", "SELECT encode(sha256(convert_to(string_agg(t || E'\\n', ''), 'UTF8')), 'hex') FROM larga"
    )
    assert size > 10 * BLOCK_BYTES
    assert contents.tables == (TableData(table="public.larga", rows=100, digest=digest),)


# ── the live database ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_live_database_is_read_without_its_rows(origin: Server, target: Throwaway, snapshot: Contents) -> None:
    found = read_live(target.cluster, SETTINGS, Secret(origin.cluster.conninfo("rica")))
    assert found.fault is None
    kept = tuple(entry for entry in snapshot.entries if entry.name != "LARGE OBJECTS")
    assert (found.contents.entries, found.contents.tables, found.contents.positions) == (kept, (), ())


@pytest.mark.parametrize("database", ["nunca", "rica"])
def test_a_live_database_that_does_not_answer_is_a_fault_and_no_error(
    origin: Server, target: Throwaway, database: str
) -> None:
    user = "ninguem" if database == "rica" else ""
    found = read_live(target.cluster, SETTINGS, Secret(origin.cluster.conninfo(database, user=user)))
    assert (found.contents, found.fault) == (Contents(), Fault.UNREADABLE)

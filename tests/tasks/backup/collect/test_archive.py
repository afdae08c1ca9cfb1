"""Copies read before anything of them is run: header, outline, and every fault that can be seen from outside."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tasks.backup.collect.archive import binaries_for
from tasks.backup.model.contents import LargeObjects
from tasks.backup.model.drill import Header, Placed
from tasks.backup.model.found import Fault, Fetched, Form
from tests.tasks.backup.restoring import SETTINGS, TOUCH, Dump, Server, Throwaway

CUSTOM, DIRECTORY, PLAIN = Form.CUSTOM, Form.DIRECTORY, Form.PLAIN
EXTENSIONS = tuple(Placed(extension=name, schema="extensions") for name in ("citext", "pgcrypto", "unaccent"))
ROLES = ('Papel "É". Estranho', "postgres", "rica_app", "rica_auditoria", "rica_leitura")


@pytest.mark.parametrize(
    ("dumped", "form"),
    [
        pytest.param(lambda origin: origin.dump("rica"), CUSTOM, id="custom"),
        pytest.param(lambda origin: origin.dump_folder("rica"), DIRECTORY, id="directory"),
        pytest.param(lambda origin: origin.unpacked("rica"), DIRECTORY, id="tar, unpacked"),
        pytest.param(lambda origin: origin.dump("rica", "-Fp"), PLAIN, id="plain"),
    ],
)
def test_a_good_copy_tells_its_header_and_its_outline(
    origin: Server, target: Throwaway, dumped: Callable[[Server], Dump], form: Form
) -> None:
    read = target.read(dumped(origin), form)
    version = origin.sql("postgres", "SHOW server_version").split(" ", 1)[0]
    assert read.header is not None
    expected = Header(database="rica", created_at=None, server=version, pg_dump=version, entries=138)
    if form is PLAIN:
        assert read.header == replace(expected, database="", entries=115)
    else:
        assert replace(read.header, created_at=None) == expected
        assert read.header.created_at is not None
        assert datetime.now(UTC) - read.header.created_at < timedelta(minutes=10)
    outline = read.outline
    assert (read.fault, read.extensions, outline.roles) == (None, EXTENSIONS, ROLES)
    assert (len(outline.entries), outline.encoding, outline.complete) == (115, "UTF8", True)
    assert (outline.tables, outline.positions, outline.large_objects, outline.inserts) == ((), (), LargeObjects(), 0)


def test_the_outline_is_the_same_whatever_the_format(origin: Server, target: Throwaway) -> None:
    dumps = (
        (origin.dump("rica"), CUSTOM),
        (origin.dump_folder("rica"), DIRECTORY),
        (origin.dump("rica", "-Fp"), PLAIN),
    )
    custom, directory, plain = (target.read(dump, form).outline for dump, form in dumps)
    assert custom == directory == plain


# ── what is broken ───────────────────────────────────────────────────────────────────────────────────────────────────


def without(files: Dump, name: str) -> Dump:
    assert not isinstance(files, bytes)
    left = {key: body for key, body in files.items() if not key.startswith(name)}
    assert len(left) < len(files)
    return left


def replaced(dump: Dump, before: bytes, after: bytes) -> Dump:
    assert isinstance(dump, bytes)
    found = dump.count(before)
    assert found == 1
    return dump.replace(before, after)


def with_end(text: str, *options: str) -> Callable[[Server], Dump]:
    """Return what makes a plain dump that ends in `text`."""
    mark = b"--\n-- PostgreSQL database dump complete\n"
    return lambda origin: replaced(origin.dump("rica", "-Fp", *options), mark, text.encode() + mark)


def dump_of(*options: str) -> Callable[[Server], Dump]:
    return lambda origin: origin.dump("rica", *options)


@pytest.mark.parametrize(
    ("dumped", "form", "fault"),
    [
        (lambda o: without(o.dump_folder("rica"), "36"), DIRECTORY, Fault.INCOMPLETE),
        (lambda o: without(o.dump_folder("rica"), "blob_70002"), DIRECTORY, Fault.INCOMPLETE),
        (lambda o: without(o.dump_folder("rica"), "blobs"), DIRECTORY, Fault.INCOMPLETE),
        (lambda o: o.dump("rica")[:2000], CUSTOM, Fault.TRUNCATED),
        (lambda o: replaced(o.dump("rica"), b"ncoding = 'UTF8'", b"ncoding = 'XXX8'"), CUSTOM, Fault.CORRUPT),
        (lambda o: o.dump("rica", "-Fp")[:-100], PLAIN, Fault.TRUNCATED),
        (lambda o: o.dump("rica", "-Fp")[:40_000], PLAIN, Fault.TRUNCATED),
        (dump_of("-Fp", "--create"), PLAIN, Fault.OTHER_FORMAT),
        (with_end(f"\\! {TOUCH}\n"), PLAIN, Fault.HOSTILE),
        (with_end(f"SELECT $x$ $$ $x$ \\! {TOUCH}\n$$ $$;"), PLAIN, Fault.HOSTILE),
        (with_end(f"COPY t FROM PROGRAM '{TOUCH}';\n"), PLAIN, Fault.HOSTILE),
        (with_end(f"\\! {TOUCH}\n", "--create"), PLAIN, Fault.HOSTILE),
    ],
    ids=[
        "a directory without a table's rows", "a directory without a large object", "a directory without their list",
        "cut in the table of contents", "a changed table of contents", "cut before its end", "cut among its rows",
        "a dump that makes its own database", "a shell", "a shell behind a dollar quote", "a program",
        "a shell in another database",
    ],
)  # fmt: skip
def test_a_copy_that_cannot_or_must_not_be_restored_is_named(
    origin: Server, target: Throwaway, dumped: Callable[[Server], Dump], form: Form, fault: Fault
) -> None:
    assert target.read(dumped(origin), form).fault is fault
    assert not target.canary.exists()


def test_an_archive_whose_definitions_were_changed_into_a_program_is_hostile(origin: Server, target: Throwaway) -> None:
    comment = "COMMENT ON TABLE public.alvo IS 'comprido o bastante para que caiba um programa';"
    archive = origin.dump(origin.made("alterada", f"CREATE TABLE alvo (a text); {comment}"))
    program = f"COPY public.alvo FROM PROGRAM '{TOUCH}';"
    changed = replaced(archive, comment.encode(), program.encode().ljust(len(comment)))
    assert target.read(changed, CUSTOM).fault is Fault.HOSTILE
    assert not target.canary.exists()


# ── which programs ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("dumped", "form"),
    [(dump_of(), CUSTOM), (lambda o: o.dump_folder("rica"), DIRECTORY), (dump_of("-Fp"), PLAIN)],
)
def test_the_programs_are_those_of_the_major_version_that_wrote_the_dump(
    origin: Server, target: Throwaway, dumped: Callable[[Server], Dump], form: Form
) -> None:
    fetched = target.copy(dumped(origin), form)
    assert binaries_for(SETTINGS, target.cluster.launcher.folder, fetched) == origin.cluster.binaries


@pytest.mark.parametrize("major", [b"9.6", b"14.", b"99."])
def test_a_dump_of_a_major_version_that_the_machine_lacks_is_named(
    origin: Server, target: Throwaway, major: bytes
) -> None:
    plain = origin.dump("rica", "-Fp").replace(b"by pg_dump version 15.", b"by pg_dump version " + major)
    fetched = target.copy(plain, PLAIN)
    assert binaries_for(SETTINGS, target.cluster.launcher.folder, fetched) is Fault.OTHER_MAJOR


@pytest.mark.parametrize(
    ("dump", "form", "fault"),
    [
        (b"PGDMP\x01", CUSTOM, Fault.TRUNCATED),
        ({"3.dat": b""}, DIRECTORY, Fault.INCOMPLETE),
        (b"--\n-- PostgreSQL database cluster dump\n--\n", PLAIN, Fault.OTHER_FORMAT),
    ],
)
def test_a_copy_that_names_no_version_is_told_by_its_fault(
    target: Throwaway, dump: Dump, form: Form, fault: Fault
) -> None:
    assert binaries_for(SETTINGS, target.cluster.launcher.folder, target.copy(dump, form)) is fault


def test_what_could_not_be_fetched_needs_no_programs(target: Throwaway) -> None:
    fetched = Fetched(sha256="", form=None, fault=Fault.WRONG_KEY, seconds=0)
    assert binaries_for(SETTINGS, target.cluster.launcher.folder, fetched) is Fault.WRONG_KEY

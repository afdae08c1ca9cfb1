"""What a dump says of itself, in its first bytes and in pg_restore's listing."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tasks.backup.formats.archive import (
    HEAD_BYTES,
    Versions,
    definitions,
    missing_files,
    parse_head,
    parse_listing,
    peek,
)
from tasks.backup.model.drill import Header
from tasks.backup.model.found import Fault, Form

LISTING = """;
; Archive created at 2026-10-06 06:00:07 UTC
;     dbname: assist_marias
;     TOC Entries: 6
;     Compression: -1
;     Dump Version: 1.14-0
;     Format: CUSTOM
;     Integer: 4 bytes
;     Offset: 8 bytes
;     Dumped from database version: 15.18 (Debian 15.18-0+deb12u1)
;     Dumped by pg_dump version: 16.4
;
;
; Selected TOC Entries:
;
219; 1259 16398 TABLE public atendimentos app
225; 1259 16426 TABLE public parte app
3275; 0 0 TABLE ATTACH public parte app
3432; 0 16398 TABLE DATA public atendimentos app
3454; 0 0 SEQUENCE SET public atendimentos_id_seq app
"""
PLAIN = b"""--
-- PostgreSQL database dump
--

\\restrict aZ09

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 16.4

SET statement_timeout = 0;
"""
CLUSTER = b"--\n-- PostgreSQL database cluster dump\n--\n"
GOOD = Versions(server_major=15, pg_dump_major=16)


def integer(value: int) -> bytes:
    return bytes([value < 0]) + abs(value).to_bytes(4, "little")


def text(value: str) -> bytes:
    return integer(len(value)) + value.encode()


def archive(  # noqa: PLR0913 - the parts of a header
    minor: int = 14,
    *,
    major: int = 1,
    form: int = 1,
    int_bytes: int = 4,
    server: str = "15.18 (Debian)",
    tail: bytes = b"",
) -> bytes:
    """Make the head of an archive as WriteHead of pg_backup_archiver.c does."""
    compression = integer(-1) if minor < 15 else b"\1"
    moment = b"".join(map(integer, (7, 0, 6, 6, 9, 126, 0)))
    fixed = b"PGDMP" + bytes([major, minor, 0, int_bytes, 8, form])
    return fixed + compression + moment + text("assist_marias") + text(server) + text("16.4") + tail


@pytest.mark.parametrize(
    ("head", "form", "found"),
    [
        pytest.param(archive(14), Form.CUSTOM, GOOD, id="custom of 14 and 15"),
        pytest.param(archive(15), Form.CUSTOM, GOOD, id="custom of 16 and 17"),
        pytest.param(archive(16), Form.CUSTOM, GOOD, id="custom of 18"),
        pytest.param(archive(14, form=3), Form.DIRECTORY, GOOD, id="a directory's table of contents"),
        pytest.param(PLAIN, Form.PLAIN, GOOD, id="plain SQL"),
        pytest.param(b"", Form.CUSTOM, Fault.EMPTY, id="nothing"),
        pytest.param(b"PGD", Form.CUSTOM, Fault.TRUNCATED, id="the beginning of an archive"),
        pytest.param(archive()[:-2], Form.CUSTOM, Fault.TRUNCATED, id="an archive cut in its head"),
        pytest.param(b"<html>", Form.CUSTOM, Fault.NOT_AN_ARCHIVE, id="an error page"),
        pytest.param(archive(99), Form.CUSTOM, Fault.OTHER_MAJOR, id="a version of the format to come"),
        pytest.param(archive(8), Form.CUSTOM, Fault.OTHER_MAJOR, id="a version of the format long gone"),
        pytest.param(archive(major=2), Form.CUSTOM, Fault.OTHER_MAJOR, id="another major version of the format"),
        pytest.param(archive(form=3), Form.CUSTOM, Fault.CORRUPT, id="a file that says it is a directory"),
        pytest.param(archive(int_bytes=9), Form.CUSTOM, Fault.TRUNCATED, id="integers too long"),
        pytest.param(
            archive(int_bytes=9, tail=b"\xff" * HEAD_BYTES)[:HEAD_BYTES], Form.CUSTOM, Fault.CORRUPT, id="noise"
        ),
        pytest.param(archive(server="quinze"), Form.CUSTOM, Fault.CORRUPT, id="a version that is none"),
        pytest.param(PLAIN[:20], Form.PLAIN, Fault.TRUNCATED, id="the beginning of plain SQL"),
        pytest.param(PLAIN[:70], Form.PLAIN, Fault.TRUNCATED, id="plain SQL cut before its versions"),
        pytest.param(PLAIN[:40].ljust(HEAD_BYTES), Form.PLAIN, Fault.OTHER_FORMAT, id="plain SQL without versions"),
        pytest.param(CLUSTER, Form.PLAIN, Fault.OTHER_FORMAT, id="a whole cluster"),
        pytest.param(b"-- MySQL dump 10.13\n", Form.PLAIN, Fault.NOT_AN_ARCHIVE, id="another program's SQL"),
    ],
)
def test_the_first_bytes_say_which_versions_a_dump_is_of(head: bytes, form: Form, found: Versions | Fault) -> None:
    assert peek(head, form) == found


def test_a_listing_is_read_whole_and_its_wall_clock_is_that_of_the_machine_that_made_it() -> None:
    assert parse_listing(LISTING, ZoneInfo("America/Sao_Paulo")) == Header(
        database="assist_marias",
        created_at=datetime(2026, 10, 6, 9, 0, 7, tzinfo=UTC),
        server="15.18",
        pg_dump="16.4",
        entries=5,
    )


@pytest.mark.parametrize("listing", ["", "nonsense", LISTING.replace("CUSTOM", "UNKNOWN")])
def test_what_is_no_listing_gives_no_header(listing: str) -> None:
    assert parse_listing(listing, ZoneInfo("UTC")) is None


def test_plain_sql_names_neither_its_database_nor_its_time() -> None:
    header = Header(database="", created_at=None, server="15.18", pg_dump="16.4", entries=7)
    assert parse_head(PLAIN, entries=7) == header


def test_what_holds_rows_is_left_out_of_a_listing_of_definitions() -> None:
    assert definitions(LISTING) == LISTING[: LISTING.index("3432;")]


WITH_LARGE_OBJECTS = LISTING + "3433; 0 0 TABLE DATA public parte app\n3434; 0 0 BLOBS - BLOBS \n"
WHOLE = ("toc.dat", "3432.dat.gz", "3433.dat", "blob_5.dat.zst", "blobs.toc")


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        pytest.param(WHOLE, 0, id="whole"),
        pytest.param(tuple(name.replace("blobs", "blobs_3434") for name in WHOLE), 0, id="whole, of 17 and later"),
        pytest.param((*WHOLE[:1], *WHOLE[2:]), 1, id="a table's rows"),
        pytest.param((*WHOLE[:3], *WHOLE[4:]), 1, id="a large object"),
        pytest.param(WHOLE[:4], 1, id="the list of large objects"),
        pytest.param(("toc.dat", "34320.dat", "blobs.toc"), 3, id="all of it"),
    ],
)
def test_a_directory_is_missing_the_files_that_its_lists_name(names: tuple[str, ...], missing: int) -> None:
    assert missing_files(WITH_LARGE_OBJECTS, names, "5 blob_5.dat\n") == missing

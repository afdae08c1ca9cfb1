"""What a file is, and what pg_restore's listing says of it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tasks.backup.formats.archive import head_fault, parse_listing
from tasks.backup.model.facts import Fault, Header

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


@pytest.mark.parametrize(
    ("head", "fault"),
    [
        pytest.param(b"PGDMP\x01\x0e", None, id="an archive in custom format"),
        pytest.param(b"", Fault.EMPTY, id="nothing"),
        pytest.param(b"PGD", Fault.TRUNCATED, id="the beginning of one"),
        pytest.param(b"\x1f\x8b\x08", Fault.OTHER_FORMAT, id="gzip"),
        pytest.param(b"\x28\xb5\x2f\xfd", Fault.OTHER_FORMAT, id="zstd"),
        pytest.param(b"age-encryption.org/v1\n", Fault.OTHER_FORMAT, id="age"),
        pytest.param(b"--\n-- PostgreSQL database dump\n", Fault.OTHER_FORMAT, id="plain SQL"),
        pytest.param(b"toc.dat".ljust(257, b"\0") + b"ustar\0", Fault.OTHER_FORMAT, id="tar"),
        pytest.param(b"<?xml version='1.0'?><Error>", Fault.NOT_AN_ARCHIVE, id="an error page"),
    ],
)
def test_the_first_bytes_say_what_a_file_is(head: bytes, fault: Fault | None) -> None:
    assert head_fault(head) is fault


def test_a_listing_is_read_whole_and_its_wall_clock_is_that_of_the_machine_that_made_it() -> None:
    assert parse_listing(LISTING, ZoneInfo("America/Sao_Paulo")) == Header(
        database="assist_marias",
        created_at=datetime(2026, 10, 6, 9, 0, 7, tzinfo=UTC),
        server="15.18",
        pg_dump="16.4",
        entries=5,
        tables=("public atendimentos app", "public parte app"),
        data=("public atendimentos app",),
    )


@pytest.mark.parametrize("listing", ["", "nonsense", LISTING.replace("CUSTOM", "TAR")])
def test_what_is_no_listing_of_a_custom_archive_gives_no_header(listing: str) -> None:
    assert parse_listing(listing, ZoneInfo("UTC")) is None

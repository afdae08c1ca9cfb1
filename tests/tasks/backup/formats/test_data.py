"""Rows and positions, counted while the archive's data streams by."""

from datetime import timedelta

import pytest

from tasks.backup.formats.data import LONGEST_LINE_BYTES, DataCounter
from tasks.backup.model.facts import ArchiveData, Fault, Position, TableRows

STREAM = r"""--
-- Data for Name: atendimentos; Type: TABLE DATA; Schema: public; Owner: app
--

COPY public.atendimentos (id, nota) FROM stdin;
1	\\.
2	linha\\.\n\\.\nCOPY public.outra (a) FROM stdin;
3	\N
\.


COPY public.vazia (a) FROM stdin;
\.


COPY public.sem_colunas  FROM stdin;


\.


COPY "Nome ""com"" (tudo)"."de, tudo" ("a b", c) FROM stdin;
COPY public.x (a) FROM stdin;	SELECT pg_catalog.setval('public.x', 1, true);
\.


COPY public.atendimentos (id, nota) FROM stdin;
4	mais
\.


SELECT pg_catalog.setval('public.atendimentos_id_seq', 4, true);
SELECT pg_catalog.setval('"D''água"."S"', -77, false);
SELECT pg_catalog.lo_create('4242');
""".encode()
COUNTED = ArchiveData(
    rows=(
        TableRows(table='"Nome ""com"" (tudo)"."de, tudo"', rows=1),
        TableRows(table="public.atendimentos", rows=4),
        TableRows(table="public.sem_colunas", rows=2),
        TableRows(table="public.vazia", rows=0),
    ),
    positions=(
        Position(sequence='"D\'água"."S"', last_value=-77, is_called=False),
        Position(sequence="public.atendimentos_id_seq", last_value=4, is_called=True),
    ),
    blocks=5,
    fault=None,
    seconds=1.5,
)


def counted(stream: bytes, size: int, fault: Fault | None = None) -> ArchiveData:
    counter = DataCounter()
    for at in range(0, len(stream), size):
        counter.feed(stream[at : at + size])
    return counter.result(fault, timedelta(seconds=1.5))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 100_000])
def test_rows_are_counted_alike_however_the_stream_is_cut(size: int) -> None:
    assert counted(STREAM, size) == COUNTED


def test_a_name_in_another_encoding_is_read_as_latin_1() -> None:
    stream = 'COPY public."Ação" (a) FROM stdin;\n1\n\\.\n'.encode("latin-1")
    assert counted(stream, 1000).rows == (TableRows(table='public."Ação"', rows=1),)


def test_rows_written_as_inserts_are_no_blocks() -> None:
    stream = b"INSERT INTO public.atendimentos VALUES (1, 'linha\nCOPY sem fim');\n"
    assert counted(stream, 7) == ArchiveData(rows=(), positions=(), blocks=0, fault=None, seconds=1.5)


def test_a_stream_that_breaks_off_keeps_its_fault_and_what_was_seen() -> None:
    assert counted(b"COPY public.a (a) FROM stdin;\n1\n2\n", 4, Fault.TRUNCATED) == ArchiveData(
        rows=(TableRows(table="public.a", rows=2),), positions=(), blocks=1, fault=Fault.TRUNCATED, seconds=1.5
    )


def test_memory_stays_small_whatever_a_line_is_long() -> None:
    counter = DataCounter()
    long = b"x" * (4 * LONGEST_LINE_BYTES)
    for _ in range(8):
        counter.feed(b"INSERT INTO public.a VALUES ('" + long)
        assert len(counter._held) <= LONGEST_LINE_BYTES  # noqa: SLF001 - what it holds is what is tested
    counter.feed(b"');\nCOPY public.a (a) FROM stdin;\n" + long + b"\n")
    assert len(counter._held) <= LONGEST_LINE_BYTES  # noqa: SLF001
    counter.feed(b"\\.\n")
    assert counter.result(None, timedelta()).rows == (TableRows(table="public.a", rows=1),)

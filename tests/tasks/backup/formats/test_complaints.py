"""What pg_dump complains of, as it wrote it (recorded with 15.18), and nothing of it but a code and a name."""

import pytest

from tasks.backup.formats.complaints import UNKNOWN, Complaint, complaint

CASES = {
    "rows hidden by row-level security": (
        """\
pg_dump: error: query failed: ERROR:  query would be affected by row-level security policy for table "beneficiarias"
pg_dump: detail: Query was: COPY public.beneficiarias (id, nome, "Nome Social") TO stdout;
""",
        Complaint(sqlstate="42501", subject="public.beneficiarias", hidden_rows=True),
    ),
    "a table that the role may not read": (
        """\
pg_dump: error: query failed: ERROR:  permission denied for table u
pg_dump: detail: Query was: LOCK TABLE public.u IN ACCESS SHARE MODE
""",
        Complaint(sqlstate="42501", subject="public.u", hidden_rows=False),
    ),
    "of many tables, the one that the server names": (
        """\
pg_dump: error: query failed: ERROR:  permission denied for table u
pg_dump: detail: Query was: LOCK TABLE public.t, public.u IN ACCESS SHARE MODE
""",
        Complaint(sqlstate="42501", subject="u", hidden_rows=False),
    ),
    "a large object": (
        """\
pg_dump: error: query failed: ERROR:  permission denied for large object 70001
pg_dump: detail: Query was: SELECT pg_catalog.lo_open('70001', 262144)
""",
        Complaint(sqlstate="42501", subject="large object 70001", hidden_rows=False),
    ),
    "a quoted name": (
        """\
pg_dump: error: query failed: ERROR:  permission denied for table Nome "x" y
pg_dump: detail: Query was: COPY "Área"."Nome ""x"" y" (id) TO stdout;
""",
        Complaint(sqlstate="42501", subject='"Área"."Nome ""x"" y"', hidden_rows=False),
    ),
    "a row that cannot be read, of which nothing is told": (
        """\
pg_dump: error: Dumping the contents of table "beneficiarias" failed: PQgetResult() failed.
pg_dump: detail: Error message from server: ERROR:  invalid byte sequence for encoding "UTF8": 0xc3 CANARIA
pg_dump: detail: Command was: COPY public.beneficiarias (id, nome) TO stdout;
""",
        Complaint(sqlstate="22021", subject="public.beneficiarias", hidden_rows=False),
    ),
    "a server that went away": (
        """\
pg_dump: error: Dumping the contents of table "eventos" failed: PQgetResult() failed.
pg_dump: detail: Error message from server: server closed the connection unexpectedly
pg_dump: detail: Command was: COPY auditoria.eventos (id) TO stdout;
""",
        Complaint(sqlstate="08006", subject="auditoria.eventos", hidden_rows=False),
    ),
    "a snapshot that is gone": (
        """\
pg_dump: error: query failed: ERROR:  invalid snapshot identifier: "00000003-1-1"
pg_dump: detail: Query was: SET TRANSACTION SNAPSHOT '00000003-1-1'
""",
        Complaint(sqlstate="22023", subject="", hidden_rows=False),
    ),
    "a server that speaks Portuguese: the object is told all the same": (
        """\
pg_dump: error: query failed: ERRO:  permissão negada para tabela u
pg_dump: detail: Query was: LOCK TABLE public.u IN ACCESS SHARE MODE
""",
        Complaint(sqlstate=UNKNOWN, subject="public.u", hidden_rows=False),
    ),
    "a connection that cannot be made": (
        """\
pg_dump: error: connection to server on socket "/run/.s.PGSQL.5432" failed: No such file or directory
""",
        Complaint(sqlstate="08001", subject="", hidden_rows=False),
    ),
    "no word at all": ("", Complaint(sqlstate=UNKNOWN, subject="", hidden_rows=False)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_complaint_becomes_a_code_and_a_name(case: str) -> None:
    written, expected = CASES[case]
    assert complaint(written.encode()) == expected


def test_bytes_that_are_no_text_are_borne() -> None:
    assert complaint(b"pg_dump: error: \xff permission denied for table \xff") == Complaint(
        sqlstate="42501", subject='"\ufffd"', hidden_rows=False
    )

"""What pg_restore and psql say, and what the server's log says behind it."""

import pytest

from tasks.backup.formats.messages import archive_fault, count_lines, server_errors
from tasks.backup.model.drill import LineKind, Lines, Meaning, ServerError
from tasks.backup.model.found import Fault

COPY_FAILED = """\
pg_restore: error: COPY failed for table "eventos": ERROR:  new row for relation "eventos" violates check constraint "c"
DETAIL:  Failing row contains (-1, CANARIA).
CONTEXT:  COPY eventos, line 1: "-1\tCANARIA"
pg_restore: warning: errors ignored on restore: 2
""".splitlines()

PSQL = """\
psql:<stdin>:5: error: backslash commands are restricted; only \\unrestrict is allowed
psql:<stdin>:31: WARNING:  01000
psql:<stdin>:40: ERROR:  42P01
psql:<stdin>:41: error: backslash commands are restricted; only \\unrestrict is allowed
psql:<stdin>:42: error: invalid command \\CANARIA
psql:<stdin>:99: error: \\unrestrict: wrong key
""".splitlines()

LOG = """\
23514|ERROR:  new row for relation "eventos" violates check constraint "c"
23514|STATEMENT:  COPY auditoria.eventos (id, acao) FROM stdin;
\t
23503|ERROR:  insert or update on table "atendimentos" violates foreign key constraint "CANARIA"
23503|STATEMENT:  ALTER TABLE ONLY public.atendimentos
\t    ADD CONSTRAINT atendimentos_usuario_fkey FOREIGN KEY (usuario_id) REFERENCES public.usuarios(id);
22P02|ERROR:  invalid input syntax for type integer: "CANARIA
\t23514|STATEMENT:  COPY public.CANARIA FROM stdin;"
22P02|STATEMENT:  INSERT INTO public."SequelizeMeta" VALUES ('CANARIA');
22P02|ERROR:  invalid input syntax for type integer: "CANARIA"
22P02|STATEMENT:  INSERT INTO public."SequelizeMeta" VALUES ('CANARIA');
23505|ERROR:  could not create unique index "CANARIA"
23505|STATEMENT:  CREATE UNIQUE INDEX usuarios_email ON public.usuarios USING btree (email);
42501|ERROR:  must be owner of extension citext
42501|STATEMENT:  COMMENT ON EXTENSION citext IS 'CANARIA';
42601|ERROR:  syntax error at or near "CANARIA"
42601|STATEMENT:  SELECT CANARIA;
42710|ERROR:  policy "x" for table "t" already exists
42710|STATEMENT:  CREATE POLICY "Só ""x"" y" ON public."T 1" FOR SELECT USING ((nome = 'CANARIA'::text));
42501|ERROR:  permission denied for schema x
42501|STATEMENT:  GRANT SELECT(id),UPDATE(nome) ON TABLE public."T 1" TO rica_app;
42704|ERROR:  type "x" does not exist
42704|STATEMENT:  CREATE TRIGGER "Um, dois" BEFORE INSERT OR UPDATE OF a ON x.t EXECUTE FUNCTION f('CANARIA');
57014|ERROR:  COPY from stdin failed: CANARIA
57014|STATEMENT:  COPY public.usuarios (nome) FROM stdin;
08006|FATAL:  connection to client lost
57P01|FATAL:  terminating connection due to administrator command
00000|LOG:  CANARIA
"""


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("pg_restore: error: could not read from input file: end of file", Fault.TRUNCATED),
        ("pg_restore: error: input file is too short (read 3, expected 5)", Fault.TRUNCATED),
        ("pg_restore: error: could not uncompress data: incorrect data check", Fault.CORRUPT),
        ("pg_restore: error: could not find block ID 3449 in archive -- possibly corrupt archive", Fault.CORRUPT),
        ("pg_restore: error: unsupported version (1.16) in file header", Fault.OTHER_MAJOR),
        ("pg_restore: error: archive is compressed, but this installation does not", Fault.OTHER_FORMAT),
        ('pg_restore: error: could not open input file "/x/3.dat": No such file or directory', Fault.INCOMPLETE),
        ("pg_restore: error: input file does not appear to be a valid archive", Fault.NOT_AN_ARCHIVE),
        ("pg_restore: error: input file appears to be a text format dump. Please use psql.", Fault.OTHER_FORMAT),
        ("pg_restore: error: something never seen before", None),
        ("could not read from input file: end of file", None),
    ],
)
def test_a_fault_of_the_archive_is_known_by_pg_restores_words(line: str, fault: Fault | None) -> None:
    assert archive_fault([line]) is fault


def test_a_cut_archive_is_called_cut_even_when_its_lost_blocks_look_corrupt() -> None:
    corrupt = "pg_restore: error: could not find block ID 3449 in archive -- possibly corrupt archive"
    assert archive_fault([corrupt, "pg_restore: error: could not read from input file: end of file"]) is Fault.TRUNCATED


@pytest.mark.parametrize("lines", [COPY_FAILED, PSQL])
def test_every_line_is_counted_by_what_it_means(lines: list[str]) -> None:
    harmless = 1 if lines is COPY_FAILED else 3
    assert count_lines(lines) == (
        Lines(kind=LineKind.HARMLESS, count=harmless),
        Lines(kind=LineKind.SERVER, count=1),
        Lines(kind=LineKind.CONTINUED, count=2),
    )


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("pg_restore: warning: a warning of a version to come", id="a warning that we do not know"),
        pytest.param("DETAIL:  more of nothing", id="a continuation of nothing"),
        pytest.param("pg_restore: error: a worker process died unexpectedly", id="a death without a cause"),
        pytest.param("pg_restore: pg_restore: error: COPY failed", id="two lines torn into one"),
        pytest.param("psql:<stdin>:6: error: backslash commands are restricted; only x", id="a command out of place"),
        pytest.param("psql: error: connection to server failed", id="no connection"),
    ],
)
def test_a_line_that_is_not_known_harmless_is_unknown(line: str) -> None:
    assert count_lines([line]) == (Lines(kind=LineKind.UNKNOWN, count=1),)


def test_the_servers_errors_are_counted_by_code_and_object_and_no_value_is_kept() -> None:
    assert server_errors(LOG.splitlines()) == (
        ServerError(sqlstate="23514", statement="COPY", subject="auditoria.eventos", count=1),
        ServerError(
            sqlstate="23503",
            statement="ALTER TABLE ONLY",
            subject="public.atendimentos atendimentos_usuario_fkey",
            count=1,
        ),
        ServerError(sqlstate="22P02", statement="INSERT INTO", subject='public."SequelizeMeta"', count=2),
        ServerError(
            sqlstate="23505", statement="CREATE UNIQUE INDEX", subject="public.usuarios usuarios_email", count=1
        ),
        ServerError(
            sqlstate="42501",
            statement="COMMENT ON EXTENSION",
            subject="citext",
            count=1,
            meaning=Meaning.HARMLESS,
        ),
        ServerError(sqlstate="42601", statement="", subject="", count=1),
        ServerError(sqlstate="42710", statement="CREATE POLICY", subject='public."T 1" "Só ""x"" y"', count=1),
        ServerError(sqlstate="42501", statement="GRANT", subject='public."T 1"', count=1),
        ServerError(sqlstate="42704", statement="CREATE TRIGGER", subject='x.t "Um, dois"', count=1),
        ServerError(sqlstate="57P01", statement="", subject="", count=1, meaning=Meaning.MACHINE),
    )

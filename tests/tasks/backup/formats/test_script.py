"""What a dump's SQL holds, read in blocks of any size."""

from hashlib import sha256

import pytest

from tasks.backup.formats.script import ScriptReader
from tasks.backup.formats.sections import LONGEST_LINE_BYTES
from tasks.backup.model.contents import Contents, Entry, LargeObjects, Position, TableData

HEAD = (
    "--\n-- PostgreSQL database dump\n--\n\n\\restrict a\n\nSET client_encoding = 'UTF8';\nSET row_security = off;\n\n"
)
TAIL = "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n\n"


def entry(  # noqa: PLR0913 - a heading's parts
    name: str, kind: str, body: str, *, schema: str = "public", owner: str = "app", prefix: str = ""
) -> str:
    return f"--\n-- {prefix}Name: {name}; Type: {kind}; Schema: {schema}; Owner: {owner}\n--\n\n{body}\n\n\n"


def rows(table: str, statement: str, lines: str) -> str:
    schema, _, name = table.partition(".")
    return entry(name, "TABLE DATA", f"{statement}\n{lines}\\.", schema=schema, prefix="Data for ")


def read(script: str | bytes, size: int = 1 << 20, unowned: str = "") -> Contents:
    stream = script.encode() if isinstance(script, str) else script
    reader = ScriptReader(unowned=unowned)
    for at in range(0, len(stream), size):
        reader.feed(stream[at : at + size])
    return reader.contents()


def definition(sql: str) -> str:
    return sha256(sql.encode()).hexdigest()


def added(*blocks: str) -> str:
    total = sum(int(sha256(block.encode()).hexdigest(), 16) for block in blocks)
    return f"{total % 2**256:064x}"


SCRIPT = "".join(
    (
        HEAD,
        entry(
            "Área", "SCHEMA", 'CREATE SCHEMA "Área";\n\n\nALTER SCHEMA "Área" OWNER TO ana;', schema="-", owner="ana"
        ),
        entry(
            "f()",
            "FUNCTION",
            "CREATE FUNCTION public.f() RETURNS text   \n    AS $_$\n\n"
            "--\n-- Name: nada; Type: TABLE; Schema: public; Owner: ninguem\n--\n"
            "COPY public.nada (a) FROM stdin;\nALTER TABLE x OWNER TO app;\n$_$;\n\n\n"
            "ALTER FUNCTION public.f() OWNER TO app;\n\nSET default_tablespace = '';",
        ),
        entry("atendimentos", "TABLE", "CREATE TABLE public.atendimentos (\n    id integer\n);"),
        entry("EXTENSION pg_trgm", "COMMENT", "COMMENT ON EXTENSION pg_trgm IS 'x';", schema="-", owner=""),
        rows(
            "public.atendimentos",
            "COPY public.atendimentos (id, nota) FROM stdin;",
            "1\t\\\\.\n2\tlinha\\\\.\\n\\\\.\n",
        ),
        rows("public.vazia", "COPY public.vazia (a) FROM stdin;", ""),
        rows("public.sem_colunas", "COPY public.sem_colunas  FROM stdin;", "\n\n"),
        rows(
            'Nome "com" (tudo).de, tudo e outra',
            'COPY "Nome ""com"" (tudo)"."de, tudo\ne outra" ("a b", c) FROM stdin;',
            "COPY public.x (a) FROM stdin;\tSELECT pg_catalog.setval('public.x', 1, true);\n",
        ),
        rows("public.atendimentos", "COPY public.mae (id, nota) FROM stdin;", "4\tmais\n"),
        entry("s", "SEQUENCE SET", "SELECT pg_catalog.setval('public.s', 4, true);"),
        entry("S", "SEQUENCE SET", "SELECT pg_catalog.setval('\"D''água\".\"S\nq\"', -77, false);", schema="D'água"),
        entry(
            "4242",
            "BLOB",
            "SELECT pg_catalog.lo_create('4242');\n\n\nALTER LARGE OBJECT 4242 OWNER TO app;",
            schema="-",
        ),
        entry(
            "BLOBS",
            "BLOBS",
            "BEGIN;\n\nSELECT pg_catalog.lo_open('4242', 131072);\nSELECT pg_catalog.lowrite(0, '\\x6f6c61');\n"
            "SELECT pg_catalog.lowrite(0, '\\x21');\nSELECT pg_catalog.lo_close(0);\n\nCOMMIT;",
            schema="-",
            owner="-",
            prefix="Data for ",
        ),
        entry("mv", "MATERIALIZED VIEW DATA", "REFRESH MATERIALIZED VIEW public.mv;"),
        TAIL,
    )
)
BODY = (
    "CREATE FUNCTION public.f() RETURNS text\n    AS $_$\n"
    "--\n-- Name: nada; Type: TABLE; Schema: public; Owner: ninguem\n--\n"
    "COPY public.nada (a) FROM stdin;\nALTER TABLE x OWNER TO app;\n$_$;\n"
)
CONTENTS = Contents(
    entries=(
        Entry(
            kind="BLOB",
            schema="",
            name="LARGE OBJECTS",
            owner="app",
            digest=definition("SELECT pg_catalog.lo_create('4242');\n"),
        ),
        Entry(kind="FUNCTION", schema="public", name="f()", owner="app", digest=definition(BODY)),
        Entry(kind="SCHEMA", schema="", name="Área", owner="ana", digest=definition('CREATE SCHEMA "Área";\n')),
        Entry(
            kind="TABLE",
            schema="public",
            name="atendimentos",
            owner="app",
            digest=definition("CREATE TABLE public.atendimentos (\n    id integer\n);\n"),
        ),
    ),
    tables=(
        TableData(
            table='"Nome ""com"" (tudo)"."de, tudo e outra"',
            rows=1,
            digest=added("COPY public.x (a) FROM stdin;\tSELECT pg_catalog.setval('public.x', 1, true);\n"),
        ),
        TableData(table="public.atendimentos", rows=3, digest=added("1\t\\\\.\n2\tlinha\\\\.\\n\\\\.\n", "4\tmais\n")),
        TableData(table="public.sem_colunas", rows=2, digest=added("\n\n")),
        TableData(table="public.vazia", rows=0, digest=added("")),
    ),
    positions=(
        Position(sequence='"D\'água"."S q"', last_value=-77, is_called=False),
        Position(sequence="public.s", last_value=4, is_called=True),
    ),
    large_objects=LargeObjects(count=1, digest=added("4242\nola!")),
    encoding="UTF8",
    complete=True,
    roles=("ana", "app"),
)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 100_000])
def test_a_dump_is_read_alike_however_it_is_cut(size: int) -> None:
    assert read(SCRIPT, size) == CONTENTS


def test_the_order_of_entries_and_blocks_does_not_matter() -> None:
    apart = "\n\n\n--\n-- "
    first, *others, last = (SCRIPT.removeprefix(HEAD).removeprefix("--\n-- ")).split(apart)
    turned = apart.join((*reversed(others), first))
    assert read(f"{HEAD}--\n-- {turned}{apart}{last}") == CONTENTS


INSERTS = "".join(
    (
        HEAD,
        entry(
            "a",
            "TABLE DATA",
            "INSERT INTO public.a VALUES (1, 'linha\nCOPY public.b (a) FROM stdin;\nINSERT de novo');\n"
            "INSERT INTO public.a VALUES (2, NULL);",
            prefix="Data for ",
        ),
        entry("b", "TABLE DATA", "INSERT INTO public.b VALUES (3);", prefix="Data for "),
        rows("public.c", "COPY public.c (a) FROM stdin;", "1\n"),
        TAIL,
    )
)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 100_000])
def test_rows_written_as_inserts_are_counted_and_are_no_blocks(size: int) -> None:
    contents = read(INSERTS, size)
    assert (contents.inserts, contents.tables, contents.complete) == (
        3,
        (TableData(table="public.c", rows=1, digest=added("1\n")),),
        True,
    )


def test_a_table_without_rows_in_the_dump_is_an_entry_without_data() -> None:
    contents = read(HEAD + entry("vazia", "TABLE", "CREATE TABLE public.vazia (a int);") + TAIL)
    assert ([e.label for e in contents.entries], contents.tables) == (["TABLE public.vazia"], ())


def test_every_role_that_a_dump_names_is_told_but_everybodys_and_the_systems_own() -> None:
    script = "".join(
        (
            HEAD,
            entry(
                "TABLE t",
                "ACL",
                "GRANT SELECT ON TABLE public.t TO leitora;\nREVOKE ALL ON TABLE public.t FROM PUBLIC;",
            ),
            entry("TABLE u", "ACL", 'GRANT ALL ON TABLE public.u TO "Com ""aspas"" TO x" WITH GRANT OPTION;'),
            entry("TABLE v", "ACL", "SET SESSION AUTHORIZATION doadora;\nGRANT ALL ON TABLE public.v TO pg_monitor;"),
            entry(
                "DEFAULT PRIVILEGES FOR TABLES",
                "DEFAULT ACL",
                'ALTER DEFAULT PRIVILEGES FOR ROLE "Dona" IN SCHEMA public GRANT SELECT ON TABLES  TO outra;',
            ),
            entry(
                "t p", "POLICY", "CREATE POLICY p ON public.t FOR SELECT TO \"R 1\", r2 USING ((a = 'TO ela'::text));"
            ),
            entry("t q", "POLICY", "CREATE POLICY q ON public.t USING (true);", owner="postgres"),
            entry(
                "USER MAPPING um", "USER MAPPING", "CREATE USER MAPPING FOR remota SERVER s;", owner="pg_database_owner"
            ),
            TAIL,
        )
    )
    assert read(script).roles == (
        'Com "aspas" TO x',
        "Dona",
        "R 1",
        "app",
        "doadora",
        "leitora",
        "outra",
        "postgres",
        "r2",
        "remota",
    )


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(
            "SET default_table_access_method = heap;\n\nCREATE TABLE public.t (\n    a integer\n);\n\n\n\n"
            "ALTER TABLE public.t OWNER TO app;",
            id="what stands between entries, blank lines",
        ),
        pytest.param('CREATE TABLE "public"."t" (\n    "a" integer\n);', id="needless quotes"),
        pytest.param(
            "SET SESSION AUTHORIZATION 'app';\n\nCREATE TABLE public.t (\n    a integer\n);", id="session's role"
        ),
    ],
)
def test_ways_of_writing_one_definition_are_no_difference(other: str) -> None:
    plain = "CREATE TABLE public.t (\n    a integer\n);"
    assert read(HEAD + entry("t", "TABLE", other) + TAIL) == read(HEAD + entry("t", "TABLE", plain) + TAIL)


@pytest.mark.parametrize("change", ["peso * 11", "peso  * 10", "'peso' * 10"])
def test_any_other_change_of_a_definition_is_one(change: str) -> None:
    def function(body: str) -> Contents:
        return read(HEAD + entry("f()", "FUNCTION", f"CREATE FUNCTION public.f() AS $$ SELECT {body} $$;") + TAIL)

    assert function(change).entries != function("peso * 10").entries


def test_what_the_restorer_owns_is_nobodys() -> None:
    owned = entry("t", "TABLE", "CREATE TABLE public.t (a int);\n\n\nALTER TABLE public.t OWNER TO r;", owner="r")
    unowned = entry("t", "TABLE", "CREATE TABLE public.t (a int);", owner="-")
    assert read(HEAD + owned + TAIL, unowned="r") == read(HEAD + unowned + TAIL)


def test_single_large_objects_are_added_up_and_not_listed() -> None:
    grants = "".join(
        entry(f"LARGE OBJECT {n}", "ACL", f"GRANT SELECT ON LARGE OBJECT {n} TO ana;", schema="-") for n in (1, 2)
    )
    assert read(HEAD + grants + TAIL).entries == (
        Entry(
            kind="ACL",
            schema="",
            name="LARGE OBJECTS",
            owner="app",
            digest=added(*(f"GRANT SELECT ON LARGE OBJECT {n} TO ana;\n" for n in (1, 2))),
        ),
    )


def test_a_dump_that_breaks_off_is_not_complete_and_keeps_what_was_seen() -> None:
    cut = HEAD + rows("public.a", "COPY public.a (a) FROM stdin;", "1\n2\n")
    contents = read(cut[: cut.index("\n\\.")], 4)
    assert (contents.complete, contents.tables) == (
        False,
        (TableData(table="public.a", rows=1, digest=added("1\n2")),),
    )


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_dump_that_breaks_off_before_the_first_row_has_none(size: int) -> None:
    cut = HEAD + entry("a", "TABLE DATA", "COPY public.a (a) FROM stdin;", prefix="Data for ").rstrip() + "\n"
    assert read(cut, size).tables == (TableData(table="public.a", rows=0, digest=added("")),)


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("encoding", "data", "invalid"),
    [
        pytest.param("UTF8", "ação\n".encode(), (), id="valid"),
        pytest.param("UTF8", b"a\xe7\xe3o\n", ("public.a",), id="latin 1 inside"),
        pytest.param("SQL_ASCII", b"a\xff\n", ("public.a",), id="no encoding at all"),
        pytest.param("LATIN1", b"a\xe7\xe3o\n", (), id="another encoding is the server's to check"),
    ],
)
def test_text_that_is_not_utf_8_is_told_by_table(
    size: int, encoding: str, data: bytes, invalid: tuple[str, ...]
) -> None:
    before, after = rows("public.a", "COPY public.a (a) FROM stdin;", "|").encode().split(b"|")
    script = HEAD.replace("UTF8", encoding).encode() + before + data + after + TAIL.encode()
    assert (read(script, size).encoding, read(script, size).invalid_text) == (encoding, invalid)


def test_names_in_another_encoding_are_read_as_latin_1() -> None:
    script = (HEAD + rows("public.Ação", 'COPY public."Ação" (a) FROM stdin;', "1\n")).encode("latin-1")
    assert read(script).tables == (TableData(table='public."Ação"', rows=1, digest=added("1\n")),)


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param("--\n-- Name: ; Type: ; Schema: ; Owner: \n" * 3, id="empty headings"),
        pytest.param(
            entry("x", "TABLE DATA", "COPY nonsense FROM stdin;\n1", prefix="Data for "), id="rows without an end"
        ),
        pytest.param(entry("x", "SEQUENCE SET", "SELECT pg_catalog.setval('x', 1e9, maybe);"), id="no position"),
        pytest.param(entry("x", "BLOBS", "SELECT pg_catalog.lowrite(0, '\\xzz');"), id="no hex"),
        pytest.param(entry("x", "FUNCTION", "CREATE FUNCTION x AS $a$ '"), id="a quote never closed"),
        pytest.param("\0\xff\n\\.\n\\.\n", id="no SQL"),
    ],
)
def test_nonsense_is_read_without_an_error(lie: str) -> None:
    assert read(lie) == read(lie, 1)


def test_memory_stays_small_whatever_a_line_is_long() -> None:
    reader = ScriptReader()
    long = b"x" * (4 * LONGEST_LINE_BYTES)
    for start in (b"SELECT '", entry("t", "COMMENT", "COMMENT ON TABLE t IS '").encode().rstrip()):
        reader.feed(start)
        for _ in range(8):
            reader.feed(long)
            assert len(reader._held) <= LONGEST_LINE_BYTES  # noqa: SLF001 - what it holds is what is tested
        reader.feed(b"';\n")
    reader.feed(rows("public.a", "COPY public.a (a) FROM stdin;", "").removesuffix("\\.\n\n\n").encode() + long)
    assert len(reader._held) <= LONGEST_LINE_BYTES  # noqa: SLF001
    reader.feed(b"\n\\.\n")
    assert [table.rows for table in reader.contents().tables] == [1]


def test_memory_stays_small_however_many_objects_a_dump_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.backup.formats.definitions.BUDGET_BYTES", 20_000)
    script = HEAD + "".join(entry(f"t{n}", "TABLE", "CREATE TABLE x ();") for n in range(1000)) + TAIL
    contents = read(script)
    assert len(contents.entries) < 50
    assert contents.entries[0].label == "TABLE "

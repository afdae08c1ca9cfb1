"""Plain SQL looked through before psql sees it: what would leave the database, and what only looks like that."""

import re
from pathlib import Path

import pytest

from tasks.backup.formats.plain import Extensions, Scanner, Threat, hostile
from tasks.backup.model.drill import Placed

RICH = Path(__file__).parents[1] / "rich.sql"
GOOD = {
    "nothing": "",
    "psql's own restriction": "\\restrict aZ09\nSELECT 1;\n\\unrestrict aZ09\n",
    "a backslash in a string": "SELECT '\\! x';",
    "a backslash in a string of several lines": "SELECT 'a\n\\! x\n';",
    "a string that ends in a backslash": "SELECT 'C:\\', 'x';",
    "a doubled quote": "SELECT 'it''s \\! x';",
    "an escaped quote": "SELECT E'it\\'s \\! x', e'\\\\', E'''\\'\\! x';",
    "a name that only ends in e": "SELECT date'2026-01-01', e.\"\\! x\" FROM e;",
    "a quoted name": 'SELECT "\\! x", "a""\\! x";',
    "a comment": "-- \\! x's\nSELECT 1;",
    "a comment of several lines": "/* \\! x /* '\n */ \\! y */ SELECT 1;",
    "a comment that begins like no comment": "SELECT 1-/* \\! x */-1; SELECT 4/2, 5 - -3;",
    "a dollar quote": "DO $$ \\! x ' $$; SELECT $fim$ $$ \\! x $outro$ $fim$;",
    "a function in the SQL standard's form": "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END;",
    "a parameter and a name with dollars": "SELECT $1, a$b, a$b$ FROM t;",
    "rows": "COPY public.t (a) FROM stdin;\n\\! x\nCOPY a FROM PROGRAM 'x'\n'\n\\.\nSELECT 1;",
    "no rows": "COPY public.t (a) FROM stdin;\n\\.\nCOPY public.u FROM stdin;\n\\.\n",
    "rows of a table with an odd name": 'COPY public."it\'s; ""x""" ("a;b") FROM stdin;\n\\! x\n\\.\n',
    "a column that is called copy": "SELECT copy\n FROM t; SELECT t.copy FROM program;",
    "what a copy hands out": "COPY t TO stdout;",
    "old strings": "\nSET standard_conforming_strings = off;\nSELECT 'it\\'s \\! x';",
}
BAD = {
    "a shell": ("\\! x\n", Threat.COMMAND),
    "a shell behind a statement": ("SELECT 1; \\! x", Threat.COMMAND),
    "a shell within a statement": ("SELECT 1 \\! x\n;", Threat.COMMAND),
    "a query sent to a program": ("SELECT 1 \\g |x", Threat.COMMAND),
    "a file": ("\\i /etc/passwd\n", Threat.COMMAND),
    "a shell within a variable": ("\\set a `x`\n", Threat.COMMAND),
    "a shell behind psql's own restriction": ("\\restrict a \\! x\n", Threat.COMMAND),
    "a shell behind rows": ("COPY t FROM stdin;\n1\n\\.\n\\! x\n", Threat.COMMAND),
    "a shell behind no rows": ("COPY t FROM stdin;\n\\.\n\\! x\n", Threat.COMMAND),
    "a shell behind a dollar quote": ("SELECT $a$ $b$ $a$ \\! x $b$;", Threat.COMMAND),
    "a shell behind an open dollar": ("SELECT $a $ \\! x $a $;", Threat.COMMAND),
    "a shell behind a name with dollars": ("SELECT a$$ \\! x $$;", Threat.COMMAND),
    "a shell behind a number and dollars": ("SELECT 1$$ ' $$; \\! x '", Threat.COMMAND),
    "a shell behind a comment in a comment": ("/* /* */ ' */ \\! x '", Threat.COMMAND),
    "a shell behind a line's comment": ("-- /* '\n\\! x */ '", Threat.COMMAND),
    "a shell behind a quote in a comment": ("SELECT 1; -- it's\n\\! x -- '", Threat.COMMAND),
    "a shell behind a string that ends in a backslash": ("SELECT '\\'; \\! x '", Threat.COMMAND),
    "a shell behind an escaped string": ("SELECT E'\\\\'; \\! x '", Threat.COMMAND),
    "a shell behind an escaped string's doubled quote": ("SELECT E'a''\\''; \\! x '", Threat.COMMAND),
    "a shell behind a name that ends in e": ("SELECT fe'\\'; \\! x '", Threat.COMMAND),
    "a shell behind a connection": ("\\connect x\n\\! x\n", Threat.COMMAND),
    "a shell within a connection": ("\\connect `x`\n", Threat.COMMAND),
    "a shell in old strings": ("\nSET standard_conforming_strings = off;\nSELECT '\\''; \\! x '", Threat.COMMAND),
    "a program": ("COPY t FROM PROGRAM 'x';", Threat.PROGRAM),
    "a program, without an end": ("COPY t FROM PROGRAM 'x'", Threat.PROGRAM),
    "a program that is fed": ("COPY (SELECT 'a;b' FROM t) TO PROGRAM 'x';", Threat.PROGRAM),
    "a program in small letters": ("copy\nt\nfrom\tprogram 'x';", Threat.PROGRAM),
    "a program behind comments": ("; /* a */ -- b\nCOPY t FROM /* c */ -- d\n PROGRAM 'x';", Threat.PROGRAM),
    "a program behind rows": ("COPY t FROM stdin;\n\\.\n\nCOPY t FROM PROGRAM 'x';", Threat.PROGRAM),
    "a program in a dollar quote": ("COPY t FROM PROGRAM $$x$$;", Threat.PROGRAM),
    "a file of the server's": ("COPY t FROM '/etc/passwd';", Threat.PROGRAM),
    "a file of the server's, escaped": ("COPY t FROM E'/etc/passwd';", Threat.PROGRAM),
    "another database": ("CREATE DATABASE x;\n\\connect x\n", Threat.OTHER_DATABASE),
    "another database, as pg_dumpall says it": (
        "\\connect -reuse-previous=on \"dbname='x y'\"\n",
        Threat.OTHER_DATABASE,
    ),
}


ROWS = "".join(f"{n}\t\\\\! x'\n" for n in range(1000))


def blocks(script: str, size: int) -> list[bytes]:
    data = script.encode()
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1024])
@pytest.mark.parametrize("script", GOOD.values(), ids=GOOD)
def test_what_stays_inside_is_no_threat_in_blocks_of_any_size(script: str, size: int) -> None:
    assert hostile(blocks(script, size)) is None


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1024])
@pytest.mark.parametrize(("script", "threat"), BAD.values(), ids=BAD)
def test_what_leaves_the_database_is_named_in_blocks_of_any_size(script: str, threat: Threat, size: int) -> None:
    assert hostile(blocks(script, size)) is threat


@pytest.mark.parametrize("size", [7, 100, 4096, 1_000_000])
def test_all_but_the_rows_is_handed_on_whatever_the_size_of_blocks(size: int) -> None:
    lines = (
        "SELECT 1;",
        "COPY t (a) FROM stdin;",
        ROWS + r"\.",
        "",
        r"SELECT $$\! x$$;",
        "COPY u FROM stdin;",
        r"\.",
        "--",
    )
    script = "\n".join((*lines, "-- fim", ""))
    handed_on = list[bytes]()
    scanner = Scanner(handed_on.append)
    for block in blocks(script, size):
        scanner.feed(block)
    assert scanner.threat() is None
    assert b"".join(handed_on).decode() == script.replace(ROWS, "")


def test_a_word_or_a_string_that_never_ends_is_not_held_in_memory() -> None:
    for begin in (b"", b"'", b'"', b"E'", b"$$", b"/*", b"--", b"COPY ", b"\\restrict ", b"COPY t FROM stdin;\n"):
        scanner = Scanner()
        scanner.feed(begin)
        for _ in range(40):
            scanner.feed(b"x" * 65536)
            assert len(scanner._held) <= 512 * 1024  # noqa: SLF001 - the one thing that could grow


def test_the_extensions_of_a_script_are_noted_with_their_schemas_however_it_is_cut() -> None:
    script = RICH.read_text(encoding="utf-8").replace("CREATE EXTENSION", "CREATE EXTENSION IF NOT EXISTS")
    script += (
        '\nCREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA "Área ""1"".x";\nCREATE EXTENSION IF NOT EXISTS so;\n'
    )
    for size in (3, 64, 1_000_000):
        extensions = Extensions()
        for block in blocks(script, size):
            extensions.feed(block)
        assert extensions.placed() == (
            *(Placed(extension=name, schema="extensions") for name in ("citext", "unaccent")),
            Placed(extension="uuid-ossp", schema='Área "1".x'),
            Placed(extension="so", schema=""),
        )
    assert len(re.findall(r"^CREATE EXTENSION", script, re.MULTILINE)) == 4

"""What is in a database, by name, number and digest: never a row, never a definition's text.

The same value is made of four things, so that any two of them can be compared: an archive (as pg_restore writes it), a
plain SQL dump, the restored database and the live one (as pg_dump writes them).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One object as a dump's comment names it ("Name: …; Type: …; Schema: …; Owner: …"), and its definition's digest.

    `digest` is the SHA-256 (hex) of the SQL that dumps write for it, without what depends on how a dump was taken:
    blanks at line ends, empty lines, needless quotes, and the owner (who stands here; "" where a dump names none). What
    is said of single large objects stands under one name, its digests added up as those of TableData.
    """

    kind: str
    schema: str
    name: str
    owner: str
    digest: str

    @property
    def label(self) -> str:
        """Return its name for people: "FUNCTION public.marca()", "TABLE public.usuarios", "SCHEMA auditoria"."""
        return f"{self.kind} {self.schema}.{self.name}" if self.schema else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableData:
    """Rows of one table and the digest of its COPY data.

    `digest` is the sum (mod 2^256, hex) of the SHA-256 of each of its COPY blocks: rows in their order, blocks in any.
    """

    table: str
    rows: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a sequence stands."""

    sequence: str
    last_value: int
    is_called: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeObjects:
    """How many large objects there are, and the sum (as of TableData) of the SHA-256 of each: id, line end, content."""

    count: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a dump's SQL holds. Tuples are sorted, so equal contents are equal values.

    `encoding`: its client_encoding. `complete`: its last line is pg_dump's own. `inserts`: rows that stand as INSERT
    and not as COPY (they are counted, not compared). `invalid_text`: tables whose data is not valid UTF-8 (only
    looked for in UTF8 and SQL_ASCII dumps). `roles`: all that it names as owner, grantee or policy's role, without
    PostgreSQL's own (pg_…).
    """

    entries: tuple[Entry, ...] = ()
    tables: tuple[TableData, ...] = ()
    positions: tuple[Position, ...] = ()
    large_objects: LargeObjects = LargeObjects()
    encoding: str = ""
    complete: bool = False
    inserts: int = 0
    invalid_text: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

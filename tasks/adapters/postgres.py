"""A live PostgreSQL database, read only: names from its catalogue, counts, positions and times. Never a row."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from tasks.core.errors import OperatorError

_TABLES = sql.SQL("""
    SELECT n.nspname, c.relname, c.relkind = 'p',
           EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
     ORDER BY 1, 2""")
# The column that a sequence feeds (serial: deptype 'a', identity: 'i'), where it is of an integer type.
_SEQUENCES = sql.SQL("""
    SELECT n.nspname, c.relname, s.seqincrement, tn.nspname, t.relname, t.relkind = 'p', a.attname
      FROM pg_sequence s
      JOIN pg_class c ON c.oid = s.seqrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
                           AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
      LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                              AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
      LEFT JOIN pg_class t ON t.oid = a.attrelid
      LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
     ORDER BY 1, 2""")
_NO_COLUMN = frozenset({"42P01", "42703", "3F000"})  # no such table, column, schema
_TOO_SLOW = "57014"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sqlstate:
    """PostgreSQL's five-letter code of an error; empty when the server gave none."""

    sqlstate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; `partitioned`: its rows lie in its partitions; `extension`: an extension brought it."""

    schema: str
    name: str
    partitioned: bool
    extension: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """Where a sequence stands; `behind` is how many numbers that its column holds it would give out again."""

    schema: str
    name: str
    last_value: int
    is_called: bool
    behind: int


class Database:
    """An open read-only session. Methods raise OperatorError postgres.refused, postgres.too_slow."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        """Read by `connection`; use `connect` to get one that is bounded and read-only."""
        self._connection = connection

    def tables(self) -> tuple[Table, ...]:
        """Return every table and partitioned table that is not the system's, by schema and name."""
        return tuple(
            Table(schema=schema, name=name, partitioned=partitioned, extension=extension)
            for schema, name, partitioned, extension in self._rows(_TABLES, "pg_class")
        )

    def count(self, table: Table) -> int:
        """Return a table's own rows: those of its partitions with it, those of tables that inherit from it without."""
        query = sql.SQL("SELECT count(*) FROM {}").format(_from(table.schema, table.name, whole=table.partitioned))
        return int(self._rows(query, f"{table.schema}.{table.name}")[0][0])

    def sequences(self) -> tuple[Sequence, ...]:
        """Return where every sequence stands, by schema and name."""
        return tuple(self._sequence(row) for row in self._rows(_SEQUENCES, "pg_sequence"))

    def newest(self, schema: str, table: str, column: str) -> datetime | None:
        """Return the latest finite time in a column of dates or times (without a zone: UTC's); None without any.

        Raises OperatorError postgres.no_column when there is no such table or column.
        """
        query = sql.SQL("SELECT max({0})::timestamptz FROM {1} WHERE isfinite({0})").format(
            sql.Identifier(column), sql.Identifier(schema, table)
        )
        newest: datetime | None = self._rows(query, f"{schema}.{table}.{column}")[0][0]
        return newest.astimezone(UTC) if newest else None

    def _sequence(self, row: tuple[Any, ...]) -> Sequence:
        schema, name, step, of_schema, of_table, whole, column = row
        state = sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(schema, name))
        ((last_value, is_called),) = self._rows(state, f"{schema}.{name}")
        behind = 0
        if column is not None and step > 0:
            following = last_value + (step if is_called else 0)
            query = sql.SQL("SELECT greatest(0, max({})::numeric - {} + 1) FROM {}").format(
                sql.Identifier(column), sql.Literal(following), _from(of_schema, of_table, whole=whole)
            )
            behind = int(self._rows(query, f"{of_schema}.{of_table}.{column}")[0][0])
        return Sequence(schema=schema, name=name, last_value=last_value, is_called=is_called, behind=behind)

    def _rows(self, query: sql.SQL | sql.Composed, subject: str) -> list[tuple[Any, ...]]:
        with _translated(subject):
            return self._connection.execute(query).fetchall()


@contextmanager
def connect(conninfo: str, *, limit: timedelta) -> Iterator[Database]:
    """Open a session that writes nothing, trusts no schema of the database's own, and gives each query `limit`.

    Raises OperatorError postgres.no_connection.
    """
    settings = {
        "default_transaction_read_only": "on",
        "search_path": "pg_catalog",
        "statement_timeout": str(round(limit.total_seconds() * 1000)),
        "timezone": "UTC",
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    try:
        connection = psycopg.connect(conninfo, options=options, autocommit=True)
    except psycopg.Error:
        raise OperatorError("postgres.no_connection") from None
    with connection:
        yield Database(connection)


def _from(schema: str, table: str, *, whole: bool) -> sql.Composed:
    only = sql.SQL("") if whole else sql.SQL("ONLY ")
    return sql.Composed([only, sql.Identifier(schema, table)])


@contextmanager
def _translated(subject: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        code = error.sqlstate or ""
        if code in _NO_COLUMN:
            raise OperatorError("postgres.no_column", subject) from None
        if code == _TOO_SLOW:
            raise OperatorError("postgres.too_slow", subject, Sqlstate(sqlstate=code)) from None
        raise OperatorError("postgres.refused", subject, Sqlstate(sqlstate=code)) from None

"""A PostgreSQL database that is asked: names, numbers, times and verdicts. Never a row, never another text."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql

from tasks.core.errors import OperatorError

CATALOG_ONLY = "pg_catalog"
NO_ROWS, NULL, TEXT = "no rows", "null", "text"
_NO_COLUMN = frozenset({"42P01", "42703", "3F000"})  # no such table, column, schema
_TOO_SLOW = "57014"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sqlstate:
    """PostgreSQL's five-letter code of an error; empty when the server gave none."""

    sqlstate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question's number, or the SQLSTATE of why there is none ("?" when the server gave none)."""

    subject: str
    number: int
    sqlstate: str = ""


class Database:
    """An open session. Methods raise OperatorError postgres.refused, postgres.too_slow, postgres.no_column."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        """Ask by `connection`; use `connect` to get one that is bounded."""
        self._connection = connection
        self.major = connection.info.server_version // 10_000

    def names(self, query: str, subject: str) -> tuple[str, ...]:
        """Return the names that a query finds."""
        return tuple(str(name) for (name,) in self._rows(query, subject))

    def named(self, query: str, subject: str) -> tuple[tuple[str, str], ...]:
        """Return the names that a query finds, each with a text about it (another query, a statement)."""
        return tuple((str(name), str(text)) for name, text in self._rows(query, subject))

    def counts(self, query: str, subject: str) -> tuple[Asked, ...]:
        """Return the names that a query finds, each with a number."""
        return tuple(Asked(subject=str(name), number=int(number)) for name, number in self._rows(query, subject))

    def ask(self, subject: str, query: str) -> Asked:
        """Return a query's one number; its error is an answer too."""
        try:
            found = self._connection.execute(query.encode()).fetchone()
        except psycopg.Error as error:
            return Asked(subject=subject, number=0, sqlstate=error.sqlstate or "?")
        return Asked(subject=subject, number=int(found[0]) if found else 0)

    def newest(self, schema: str, table: str, column: str) -> datetime | None:
        """Return the latest finite time in a column of dates or times (without a zone: UTC's); None without any."""
        query = sql.SQL("SELECT max({0})::timestamptz FROM {1} WHERE isfinite({0})").format(
            sql.Identifier(column), sql.Identifier(schema, table)
        )
        newest: datetime | None = self._rows(query, f"{schema}.{table}.{column}")[0][0]
        return newest.astimezone(UTC) if newest else None

    def answer(self, query: str, subject: str) -> str:
        """Return the first value of the first row of one statement: a number, true, false, null, or that it is a text.

        NO_ROWS when there is none. No more than that row is fetched.
        """
        with _translated(subject), self._connection.cursor() as cursor:
            first = next(iter(cursor.stream(query.encode())), None)
        return NO_ROWS if first is None else _word(first[0] if first else None)

    def execute(self, statement: str, subject: str) -> None:
        """Run a statement that answers nothing."""
        with _translated(subject):
            self._connection.execute(statement.encode())

    def refusal(self, statement: str) -> str:
        """Try a statement and undo it; return the SQLSTATE of what kept it from being done, or ""."""
        try:
            with self._connection.transaction(force_rollback=True):
                self._connection.execute(statement.encode())
        except psycopg.Error as error:
            return error.sqlstate or "?"
        return ""

    def _rows(self, query: str | sql.Composed, subject: str) -> list[tuple[Any, ...]]:
        with _translated(subject):
            return self._connection.execute(query if isinstance(query, sql.Composed) else query.encode()).fetchall()


@contextmanager
def connect(
    conninfo: str, *, limit: timedelta, read_only: bool = True, search_path: str = CATALOG_ONLY
) -> Iterator[Database]:
    """Open a session that by itself writes nothing and trusts no schema of the database's own; a query has `limit`.

    `search_path` "": the database's own. Raises OperatorError postgres.no_connection.
    """
    settings = {
        "default_transaction_read_only": "on" if read_only else "off",
        "statement_timeout": str(round(limit.total_seconds() * 1000)),
        "timezone": "UTC",
        "client_encoding": "UTF8",
    } | ({"search_path": search_path} if search_path else {})
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    try:
        connection = psycopg.connect(conninfo, options=options, autocommit=True)
    except psycopg.Error:
        raise OperatorError("postgres.no_connection") from None
    with connection:
        yield Database(connection)


def ask_all(
    conninfo: str, questions: Sequence[tuple[str, str]], *, limit: timedelta, sessions: int
) -> tuple[Asked, ...]:
    """Ask many questions (subject, query) in several read-only sessions at once; the answers come in their order.

    Raises OperatorError postgres.no_connection.
    """
    waiting = iter(enumerate(questions))
    answers: dict[int, Asked] = {}

    def work() -> None:
        with connect(conninfo, limit=limit) as database:
            for number, (subject, query) in waiting:  # shared by all sessions
                answers[number] = database.ask(subject, query)

    with ThreadPoolExecutor(sessions) as pool:
        for session in [pool.submit(work) for _ in range(min(sessions, len(questions)))]:
            session.result()
    return tuple(answers[number] for number in range(len(questions)))


def _word(value: object) -> str:
    match value:
        case None:
            return NULL
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float() | Decimal() if Decimal(value).is_finite():
            return f"{Decimal(str(value)):f}"
        case _:
            return TEXT


@contextmanager
def _translated(subject: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        code = error.sqlstate or ""
        if code in _NO_COLUMN:
            raise OperatorError("postgres.no_column", subject, Sqlstate(sqlstate=code)) from None
        if code == _TOO_SLOW:
            raise OperatorError("postgres.too_slow", subject, Sqlstate(sqlstate=code)) from None
        raise OperatorError("postgres.refused", subject, Sqlstate(sqlstate=code)) from None

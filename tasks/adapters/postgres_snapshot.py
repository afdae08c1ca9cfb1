"""A live PostgreSQL database at one instant: a snapshot that programs join, and what the catalogue says in it.

Never a row. The connection string may hold a password: no error, no repr and no argument list shows any part of it.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from os import fsdecode
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import conninfo, sql

from tasks.core.errors import OperatorError, TransientError
from tasks.core.secret import Secret

CONNECT_SECONDS = 10
LOCK_LIMIT = timedelta(minutes=5)  # for each table that somebody alters just now
LOCK_TRIES = 3

_TABLES = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
       AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"""
_SERVER = """
    SELECT current_database(), now(), current_setting('server_version'),
           CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text,
           has_function_privilege('pg_control_system()', 'EXECUTE')"""
_IDENTIFIER = "SELECT system_identifier::text FROM pg_control_system()"
_COLLATION = "SELECT coalesce(datcollversion, '') FROM pg_database WHERE datname = current_database()"
_COLLATION_SINCE = 15
_TRANSACTION_TIMEOUT_SINCE = 17_00_00
_EXTENSIONS = "SELECT extname, extversion FROM pg_extension ORDER BY 1"
_ROLES = """
    SELECT r.rolname, r.rolcanlogin, r.rolsuper, r.rolbypassrls,
           array(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
                  WHERE m.member = r.oid ORDER BY 1)
      FROM pg_roles r ORDER BY 1"""
# As pg_dump chooses (getIndexes, pg_dump.c): an index of a partitioned table is dumped even when it is invalid.
_OMITTED = """
    SELECT n.nspname, c.relname
      FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE NOT (i.indisready AND (i.indisvalid OR t.relkind = 'p'))
       AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
     ORDER BY 1, 2"""
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_LOCK = sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE")
_EXPORT = "SELECT pg_export_snapshot()"
_NEWEST = sql.SQL("SELECT max({0})::timestamptz FROM {1} WHERE isfinite({0})")
_ABOUT_THE_COLUMN = "42"  # class of SQLSTATE: not there, of another type, not to be read
# libpq gives no SQLSTATE of a refused connection, so it is told by PostgreSQL's own phrases.
_REFUSALS = tuple(
    (re.compile(phrase), sqlstate)
    for phrase, sqlstate in (
        ("password authentication failed|no password supplied", "28P01"),
        ('authentication failed|no pg_hba\\.conf entry|not permitted to log in|role ".*" does not exist', "28000"),
        ('database ".*" does not exist', "3D000"),
        ("permission denied for database", "42501"),
        ("too many (?:clients|connections)|connection slots", "53300"),
        ("starting up|shutting down|not accepting connections|recovery mode", "57P03"),
    )
)
_PASSING = frozenset({"53300", "57P03"})
# What a program is not given of the connection's own options: it is sent to the very server that answered, and writes
# in the database's own encoding.
_KEPT = frozenset({b"service", b"client_encoding", b"target_session_attrs", b"load_balance_hosts"})
_WITHOUT_VARIABLE = frozenset(
    {b"keepalives", b"keepalives_idle", b"keepalives_interval", b"keepalives_count", b"tcp_user_timeout"}
)

_Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """PostgreSQL's five-letter code of an error; empty when it could not be told."""

    sqlstate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where and when a snapshot was taken; `system_identifier` is empty when the role may not read it."""

    database: str
    at: datetime
    version: str
    system_identifier: str
    lsn: str
    collation_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A role of the server, and the names of the roles that it is a member of."""

    name: str
    login: bool
    superuser: bool
    bypass_rls: bool
    member_of: tuple[str, ...]


class Snapshot:
    """An open read-only session that holds one snapshot. Methods raise OperatorError postgres.snapshot_refused."""

    def __init__(self, connection: _Connection, name: str, identifier: str) -> None:
        """Hold the snapshot `identifier`; use `exported` to get one. Errors call the database `name`."""
        self._connection, self._name, self.id = connection, name, identifier
        self.major = connection.info.server_version // 10_000

    @property
    def environ(self) -> dict[str, str]:
        """Return the variables by which a program connects exactly as this session did; one of them is the password.

        Linux shows a process's environment to its own user and to root alone, and it leaves no file to destroy.
        """
        pgconn = self._connection.pgconn
        handed = {o.envvar: o.val for o in pgconn.info if o.envvar and o.val and o.keyword not in _KEPT}
        answered = {b"PGHOST": pgconn.host, b"PGHOSTADDR": pgconn.hostaddr, b"PGPORT": pgconn.port}
        named = {fsdecode(name): fsdecode(value) for name, value in {**handed, **answered}.items() if value}
        return named | {"HOME": str(Path.home())}  # where libpq looks for root certificates

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return the options of the connection that have no variable, for the program's arguments: numbers only."""
        given = (o for o in self._connection.pgconn.info if o.keyword in _WITHOUT_VARIABLE and o.val)
        options = " ".join(f"{fsdecode(o.keyword)}={int(o.val or 0)}" for o in given)
        return (f"--dbname={options}",) if options else ()

    def server(self) -> Server:
        """Return the server and database, the transaction's time, and how far its write-ahead log is."""
        database, at, version, lsn, may_identify = self._rows(_SERVER)[0]
        return Server(
            database=database,
            at=at.astimezone(UTC),
            version=version.split()[0],
            system_identifier=self._rows(_IDENTIFIER)[0][0] if may_identify else "",
            lsn=lsn or "",
            collation_version=self._rows(_COLLATION)[0][0] if self.major >= _COLLATION_SINCE else "",
        )

    def extensions(self) -> tuple[tuple[str, str], ...]:
        """Return name and version of every extension, by name."""
        return tuple((name, version) for name, version in self._rows(_EXTENSIONS))

    def accounts(self) -> tuple[Account, ...]:
        """Return every role of the server, by name."""
        return tuple(
            Account(name=name, login=login, superuser=superuser, bypass_rls=bypass_rls, member_of=tuple(member_of))
            for name, login, superuser, bypass_rls, member_of in self._rows(_ROLES)
        )

    def omitted_indexes(self) -> tuple[tuple[str, str], ...]:
        """Return schema and name of every invalid index: pg_dump leaves them out."""
        return tuple((schema, name) for schema, name in self._rows(_OMITTED))

    def newest(self, columns: Sequence[str]) -> tuple[tuple[str, datetime | None], ...]:
        """Return the latest finite time in each of `columns` (schema.table.column), None without any.

        A column that cannot be asked (not there, of another type, not to be read) is left out.
        """
        found = []
        for column in columns:
            *table, name = column.split(".")
            query = _NEWEST.format(sql.Identifier(name), sql.Identifier(*table))
            with suppress(_NotToBeAsked):
                latest = self._rows(query, column)[0][0]
                found.append((column, latest and latest.astimezone(UTC)))
        return tuple(found)

    def _rows(self, query: LiteralString | sql.Composed, subject: str = "") -> list[tuple[Any, ...]]:
        try:
            with self._connection.transaction():  # a savepoint: the snapshot outlives a refused query
                return self._connection.execute(query).fetchall()
        except psycopg.Error as error:
            refusal = Refusal(sqlstate=error.sqlstate or "")
        raising = _NotToBeAsked if subject and refusal.sqlstate.startswith(_ABOUT_THE_COLUMN) else OperatorError
        raise raising("postgres.snapshot_refused", subject or self._name, refusal)


class _NotToBeAsked(OperatorError):
    pass


@contextmanager
def exported(source: Secret, name: str, *, limit: timedelta) -> Iterator[Snapshot]:
    """Open a session by the connection string in `source` and hold a snapshot until the block ends.

    Each query gets `limit`. Errors call the database `name`. Raises OperatorError postgres.no_conninfo,
    postgres.login_refused, postgres.snapshot_refused, and TransientError postgres.out_of_reach.
    """
    with closing(_opened(source, name)) as connection:
        try:
            _prepare(connection, limit)
            _begin(connection)
            [(identifier,)] = connection.execute(_EXPORT)
        except psycopg.Error as error:
            refusal = Refusal(sqlstate=error.sqlstate or "")
        else:
            yield Snapshot(connection, name, identifier)
            return
    raise OperatorError("postgres.snapshot_refused", name, refusal)


def _opened(source: Secret, name: str) -> _Connection:
    # Raises outside of `except`: what psycopg raises carries the whole connection, and would travel as the context.
    options = _options(source)
    if options is None:
        raise OperatorError("postgres.no_conninfo", name)
    try:
        return psycopg.connect(**options, autocommit=True)
    except psycopg.Error as error:
        code, passing = _refusal(error)
    if passing:
        raise TransientError("postgres.out_of_reach", name, Refusal(sqlstate=code))
    raise OperatorError("postgres.login_refused", name, Refusal(sqlstate=code))


def _options(source: Secret) -> dict[str, Any] | None:
    try:
        given = conninfo.conninfo_to_dict(source.reveal())
    except (psycopg.Error, UnicodeError):
        return None
    ours = {"client_encoding": "utf8", "fallback_application_name": "marias"}
    return {"connect_timeout": CONNECT_SECONDS, **given, **ours}


def _refusal(error: psycopg.Error) -> tuple[str, bool]:
    """Return the SQLSTATE of a refused connection ("": unknown), and whether it can pass by itself."""
    text, asked = str(error), getattr(error.pgconn, "used_password", False)
    code = next((sqlstate for phrase, sqlstate in _REFUSALS if phrase.search(text)), "")
    answered = code or asked or "FATAL:" in text
    return code, code in _PASSING or not answered


def _prepare(connection: _Connection, limit: timedelta) -> None:
    spans = {"statement_timeout": limit, "lock_timeout": LOCK_LIMIT}
    settings = {
        "search_path": "pg_catalog",
        "timezone": "UTC",
        "row_security": "off",  # rows that the role may not see are an error, not missing
        "idle_in_transaction_session_timeout": "0",  # it waits for the programs
        **({"transaction_timeout": "0"} if connection.info.server_version >= _TRANSACTION_TIMEOUT_SINCE else {}),
        **{name: str(round(span.total_seconds() * 1000)) for name, span in spans.items()},
    }
    for name, value in settings.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))


def _begin(connection: _Connection) -> None:
    """Begin a transaction and, before it has a snapshot, keep tables from being truncated or rewritten.

    Else a table that is truncated after the snapshot, and before a program that joins it has locked it, looks empty.
    Whatever else stands in the way of locking is left to the program: it meets the same, and says where.
    """
    for _ in range(LOCK_TRIES):  # a table can be dropped after it was listed
        tables = [sql.Identifier(*names) for names in connection.execute(_TABLES)]
        connection.execute(_BEGIN)
        if not tables:
            return
        try:
            connection.execute(_LOCK.format(sql.SQL(", ").join(tables)))
        except psycopg.Error:
            connection.execute("ROLLBACK")
        else:
            return
    connection.execute(_BEGIN)

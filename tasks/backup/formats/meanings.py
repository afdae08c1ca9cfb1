"""What a refusal of the server means for the backup: a table of SQLSTATEs, statements and PostgreSQL's own phrases."""

import re
from dataclasses import dataclass

from tasks.backup.model.drill import Meaning


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """Patterns that an error must begin with ("": anything does)."""

    sqlstate: str = ""
    statement: str = ""
    message: str = ""
    meaning: Meaning

    def fits(self, sqlstate: str, statement: str, message: str) -> bool:
        return all(
            re.match(pattern, text)
            for pattern, text in (
                (self.sqlstate, sqlstate),
                (self.statement, statement),
                (self.message, message),
            )
        )


_DENIED = "42501"
_MISSING = "42501|42704|42P01|42883"  # refused, or of something that was refused before
_NAME = r'(?:"(?:[^"]|"")+"|[^\s"])+'
_FOREIGN = "EVENT TRIGGER|FOREIGN DATA WRAPPER|SERVER|FOREIGN SERVER|FOREIGN TABLE|USER MAPPING|SUBSCRIPTION"
_PRIVILEGED = "CAST|ACCESS METHOD|TEXT SEARCH (?:PARSER|TEMPLATE)|OPERATOR (?:CLASS|FAMILY)|TRANSFORM|TYPE|AGGREGATE"
_REACHES_OUT = (
    r"(?:lo_(?:im|ex)port|pg_read_\w+|pg_ls_\w+|pg_stat_file|pg_file_\w+|pg_logdir_ls|pg_reload_conf|pg_rotate_logfile"
    r"|pg_terminate_backend|dblink_connect_u)"
)

# The first row that fits. Messages of PostgreSQL 14 to 18 in English (the server's lc_messages is C).
_ROWS = (
    # a statement that takes nothing away when it is refused: the archive's content is all there
    _Row(statement=r"COMMENT ON EXTENSION ", sqlstate="42", meaning=Meaning.HARMLESS),
    _Row(statement=r"CREATE EXTENSION ", sqlstate="42710", meaning=Meaning.HARMLESS),  # it is there
    _Row(statement=r"CREATE SCHEMA ", sqlstate="42P06", meaning=Meaning.HARMLESS),  # it is there
    _Row(statement=r"DROP ", sqlstate="42|3F|2BP01", meaning=Meaning.HARMLESS),  # pg_dump --clean, on nothing
    _Row(
        statement=rf"ALTER [A-Z ]+ {_NAME}\s+(?:DROP|DETACH|ALTER COLUMN {_NAME} DROP) ",
        sqlstate="42|3F",
        meaning=Meaning.HARMLESS,
    ),
    _Row(statement=r"SELECT pg_catalog\.lo_unlink\(", sqlstate="42704", meaning=Meaning.HARMLESS),
    _Row(statement=r"SET default_tablespace ", sqlstate="22023|42", meaning=Meaning.HARMLESS),
    _Row(statement=r"SET \w+ =", sqlstate="42704", meaning=Meaning.HARMLESS),  # a setting of another minor version
    # this machine
    _Row(statement=r"CREATE EXTENSION ", sqlstate="0A000|42704|55000|58P01|F0000", meaning=Meaning.NO_EXTENSION),
    _Row(sqlstate="53|57P|58", meaning=Meaning.MACHINE),
    # out of the database
    _Row(
        sqlstate=_DENIED,
        message=r".* to COPY (?:to or from an external program|(?:from|to) a file)",
        meaning=Meaning.HOSTILE,
    ),
    _Row(sqlstate=_DENIED, message=rf"permission denied for function {_REACHES_OUT}", meaning=Meaning.HOSTILE),
    _Row(sqlstate=_DENIED, message=r"permission denied for language ", meaning=Meaning.HOSTILE),
    _Row(sqlstate=_DENIED, message=r"absolute path not allowed|path must be in or below", meaning=Meaning.HOSTILE),
    _Row(sqlstate=_DENIED, message=r"access to library ", meaning=Meaning.HOSTILE),
    _Row(sqlstate=_DENIED, statement=r"ALTER SYSTEM |LOAD |(?:CREATE|ALTER) (?:ROLE|USER) ", meaning=Meaning.HOSTILE),
    # what only a superuser may
    _Row(sqlstate=_DENIED, statement=r"CREATE (?:EXTENSION |.*LANGUAGE )", meaning=Meaning.NOT_ALLOWED),
    _Row(
        sqlstate=_MISSING,
        statement=rf"(?:CREATE|ALTER|COMMENT ON|GRANT .* ON|REVOKE .* ON) (?:{_FOREIGN}) ",
        meaning=Meaning.PRIVILEGED,
    ),
    _Row(sqlstate="42704", message="publication .* does not exist", meaning=Meaning.PRIVILEGED),  # FOR ALL TABLES
    _Row(sqlstate=_DENIED, statement=rf"CREATE (?:{_PRIVILEGED}) ", meaning=Meaning.PRIVILEGED),
    _Row(sqlstate=_DENIED, statement=r"SET SESSION AUTHORIZATION ", meaning=Meaning.PRIVILEGED),
    _Row(sqlstate=_DENIED, message=r"must be superuser|only superuser", meaning=Meaning.PRIVILEGED),
    _Row(sqlstate=_DENIED, message=r"permission denied to (?:create|alter|set|change)", meaning=Meaning.PRIVILEGED),
)


def meaning_of(sqlstate: str, statement: str, message: str) -> Meaning:
    """Return what an error means; one that is not known to mean anything else is a loss."""
    return next((row.meaning for row in _ROWS if row.fits(sqlstate, statement, message)), Meaning.LOSS)

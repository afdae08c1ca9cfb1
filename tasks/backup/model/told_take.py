"""The names and numbers that the words of an error of `marias backup` need."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How the keys of a database's backups are recognised."""

    prefix: str
    pattern: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Majors:
    """The server's major version, and that of the programs on this machine."""

    server: int
    programs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """The database that the connection string leads to."""

    inside: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dumped:
    """How pg_dump ended: its exit code (negative: the signal), and the SQLSTATE that it met ("?" when unknown)."""

    exit_code: int
    sqlstate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Incomplete:
    """In how many of how many places the manifest stands, and the code of what kept it from the others."""

    stored: int
    places: int
    cause: str

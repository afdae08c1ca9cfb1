"""The SQL by which the superuser makes a database fit to be restored by somebody who is none, and cleans up after."""

from collections.abc import Iterator

from tasks.backup.model.contents import Contents
from tasks.backup.model.drill import Placed
from tasks.backup.model.manifest import Role
from tasks.backup.model.throwaway import OWNERS, READER, RESTORED, RESTORER, ROLES

PREDEFINED = "pg_"  # what PostgreSQL's own roles begin with: some of them may run programs
RESERVED = ("public", "none", *ROLES)
LONGEST_NAME_BYTES = 63
# A dump in SQL_ASCII says nothing of its encoding; whether its text is UTF-8 is asked elsewhere.
SAYS_NOTHING = ("SQL_ASCII", "")
UTF8 = "UTF8"
CTYPES = ("C.UTF-8", "C")


def databases(encoding: str) -> tuple[str, ...]:
    """Return statements of which the first that succeeds makes the database.

    In the dump's encoding, or in UTF-8 where that is none that a server can have; sorted by bytes; letters told by all
    of Unicode, where the machine and the encoding can.
    """
    encodings = (UTF8,) if encoding in SAYS_NOTHING else (encoding, UTF8)
    return tuple(
        f"CREATE DATABASE {RESTORED} TEMPLATE template0 ENCODING {literal(one)} LC_COLLATE 'C' LC_CTYPE '{ctype}'"
        for one in encodings
        for ctype in CTYPES
    )


def stubs(outline: Contents, known: tuple[Role, ...] | None) -> tuple[str, ...]:
    """Return the roles to be made: those of the dump and of the globals file, but none of PostgreSQL's own."""
    named = sorted({*outline.roles, *(role.name for role in known or ())})
    return tuple(role for role in named if _may_be_made(role))


def roles(outline: Contents, known: tuple[Role, ...] | None) -> str:
    """Return the statements that make everybody; run in the new database.

    Owners of schemas get what ALTER … OWNER TO demands, by way of a role that all are members of. No role gets the
    attributes or predefined memberships that it has in production.
    """
    names = stubs(outline, known)
    return "\n".join(
        (
            f"CREATE ROLE {OWNERS};",
            f"CREATE ROLE {RESTORER} LOGIN BYPASSRLS;",  # a foreign key is checked with all rows in sight
            f"CREATE ROLE {READER} LOGIN BYPASSRLS IN ROLE pg_read_all_data;",
            # For these sessions alone the server logs its errors and the statements it refused: pg_restore writes no
            # SQLSTATE, and with several jobs no name. The log lies beside the data itself, and goes with it.
            f"ALTER ROLE {RESTORER} SET log_min_messages = error;",
            f"ALTER ROLE {RESTORER} SET log_min_error_statement = error;",
            *(f"CREATE ROLE {name(stub)}; GRANT {OWNERS} TO {name(stub)};" for stub in names),
            *(f"GRANT {name(stub)} TO {RESTORER};" for stub in names),
            *_memberships(names, known or ()),
            f"ALTER DATABASE {RESTORED} OWNER TO {RESTORER};",
            f"GRANT CREATE ON DATABASE {RESTORED} TO {OWNERS};",
            f"GRANT USAGE, CREATE ON SCHEMA public TO {OWNERS};",
            f"ALTER DEFAULT PRIVILEGES FOR ROLE {RESTORER} GRANT USAGE, CREATE ON SCHEMAS TO {OWNERS};",
        )
    )


def extension(placed: Placed) -> str:
    """Return the statements that create an extension which only a superuser may create."""
    if not placed.schema:
        return f"CREATE EXTENSION IF NOT EXISTS {name(placed.extension)};"
    schema = name(placed.schema)
    return (
        f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {RESTORER};\n"
        f"CREATE EXTENSION IF NOT EXISTS {name(placed.extension)} WITH SCHEMA {schema};"
    )


# What only the restoring needed; and settings that the dump may have given the database, so that nobody runs by them.
RESET = f"ALTER DATABASE {RESTORED} RESET ALL; ALTER ROLE {RESTORER} IN DATABASE {RESTORED} RESET ALL;"
REVOKE = f"DROP OWNED BY {OWNERS};"


def name(text: str) -> str:
    """Return a name as SQL's identifier."""
    return '"' + text.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as SQL's literal."""
    return "'" + text.replace("'", "''") + "'"


def _may_be_made(role: str) -> bool:
    fits = 0 < len(role.encode()) <= LONGEST_NAME_BYTES
    return fits and role not in RESERVED and not role.startswith(PREDEFINED)


def _memberships(names: tuple[str, ...], known: tuple[Role, ...]) -> Iterator[str]:
    for role in known:
        for group in role.member_of:
            if role.name in names and group in names:
                yield f"GRANT {name(group)} TO {name(role.name)};"

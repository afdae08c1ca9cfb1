"""What a refusal means; what a real server says of each is tested where real dumps are restored."""

import pytest

from tasks.backup.formats.meanings import meaning_of
from tasks.backup.model.drill import Meaning

DENIED = "42501"
MEMBER, PRIVILEGES = "must be superuser or a member of the", "must be superuser or have privileges of the"


@pytest.mark.parametrize(
    ("sqlstate", "statement", "message", "meaning"),
    [
        # nothing is lost
        (DENIED, "COMMENT ON EXTENSION citext IS 'x';", "must be owner of extension citext", Meaning.HARMLESS),
        ("42P06", "CREATE SCHEMA x;", 'schema "x" already exists', Meaning.HARMLESS),
        ("42710", "CREATE EXTENSION plpgsql;", 'extension "plpgsql" already exists', Meaning.HARMLESS),
        ("42P01", "DROP TABLE public.t;", 'table "t" does not exist', Meaning.HARMLESS),
        ("3F000", "DROP FUNCTION x.f(a integer);", 'schema "x" does not exist', Meaning.HARMLESS),
        ("2BP01", "DROP SCHEMA public;", "cannot drop schema public", Meaning.HARMLESS),
        ("42P01", 'ALTER TABLE ONLY public."T, ""1""" DROP CONSTRAINT t_pkey;', "", Meaning.HARMLESS),
        ("42P01", "ALTER TABLE IF EXISTS x.t ALTER COLUMN id DROP DEFAULT;", "", Meaning.HARMLESS),
        ("42P01", "ALTER TABLE x.mae DETACH PARTITION x.filha;", "", Meaning.HARMLESS),
        ("42704", "SELECT pg_catalog.lo_unlink('4');", "large object 4 does not exist", Meaning.HARMLESS),
        ("22023", "SET default_tablespace = rapido;", 'tablespace "rapido" does not exist', Meaning.HARMLESS),
        ("42704", "SET transaction_timeout = 0;", "unrecognized configuration parameter", Meaning.HARMLESS),
        # this machine
        ("0A000", "CREATE EXTENSION IF NOT EXISTS postgis;", "is not available", Meaning.NO_EXTENSION),
        ("58P01", "CREATE EXTENSION IF NOT EXISTS postgis;", "could not open", Meaning.NO_EXTENSION),
        (DENIED, "CREATE EXTENSION dblink;", "permission denied to create extension", Meaning.NOT_ALLOWED),
        (DENIED, "CREATE OR REPLACE PROCEDURAL LANGUAGE plpython3u;", "must be superuser", Meaning.NOT_ALLOWED),
        ("53100", "COPY public.t (a) FROM stdin;", "could not extend file", Meaning.MACHINE),
        ("57P01", "", "terminating connection", Meaning.MACHINE),
        ("58030", "CREATE INDEX i ON t (a);", "could not read", Meaning.MACHINE),
        # out of the database, in the words of 14, of 15 and of 16
        (
            DENIED,
            "COPY t FROM PROGRAM 'x';",
            f"{MEMBER} pg_execute_server_program role to COPY to or from an external program",
            Meaning.HOSTILE,
        ),
        (
            DENIED,
            "CREATE INDEX i ON t (f(a));",
            "permission denied to COPY to or from an external program",
            Meaning.HOSTILE,
        ),
        (DENIED, "COPY t FROM '/x';", "permission denied to COPY from a file", Meaning.HOSTILE),
        (
            DENIED,
            "COPY t TO '/x';",
            f"{PRIVILEGES} pg_write_server_files role to COPY to a file",
            Meaning.HOSTILE,
        ),
        (DENIED, "SELECT lo_import('/x');", "permission denied for function lo_import", Meaning.HOSTILE),
        (
            DENIED,
            "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'x';",
            "permission denied for language c",
            Meaning.HOSTILE,
        ),
        (DENIED, "ALTER SYSTEM SET a = 'x';", "permission denied to set parameter", Meaning.HOSTILE),
        (DENIED, "CREATE ROLE x SUPERUSER;", "must be superuser to create superusers", Meaning.HOSTILE),
        # what only a superuser may, and what follows from it
        (DENIED, "CREATE EVENT TRIGGER x ON ddl_command_end", "permission denied to create event", Meaning.PRIVILEGED),
        ("42704", "ALTER EVENT TRIGGER x OWNER TO y;", 'event trigger "x" does not exist', Meaning.PRIVILEGED),
        ("42704", "CREATE SERVER x FOREIGN DATA WRAPPER y;", "does not exist", Meaning.PRIVILEGED),
        ("42P01", "GRANT SELECT ON FOREIGN TABLE x TO y;", "does not exist", Meaning.PRIVILEGED),
        (DENIED, "CREATE PUBLICATION x FOR ALL TABLES;", "must be superuser to create", Meaning.PRIVILEGED),
        ("42704", "ALTER PUBLICATION x OWNER TO y;", 'publication "x" does not exist', Meaning.PRIVILEGED),
        (DENIED, "CREATE CAST (integer AS date) WITHOUT FUNCTION;", "must be owner of type", Meaning.PRIVILEGED),
        (DENIED, "CREATE FUNCTION f() RETURNS int LEAKPROOF", "only superuser can define", Meaning.PRIVILEGED),
        (DENIED, "SET SESSION AUTHORIZATION x;", "permission denied to set session", Meaning.PRIVILEGED),
        # the rest is a loss
        ("23503", "ALTER TABLE ONLY x.t", "violates foreign key constraint", Meaning.LOSS),
        ("42P01", "ALTER TABLE ONLY x.t", 'relation "x.t" does not exist', Meaning.LOSS),
        ("42704", "CREATE TABLE x.t (", 'type "x.y" does not exist', Meaning.LOSS),
        (DENIED, "ALTER TABLE x.t OWNER TO y;", 'must be member of role "y"', Meaning.LOSS),
        ("42704", "ALTER TABLE x.t OWNER TO y;", 'role "y" does not exist', Meaning.LOSS),
        ("P0001", "COPY t FROM stdin;", "to COPY from a file", Meaning.LOSS),
        ("23505", "DROP TABLE x;", "", Meaning.LOSS),
    ],
)
def test_a_refusal_means(sqlstate: str, statement: str, message: str, meaning: Meaning) -> None:
    assert meaning_of(sqlstate, statement, message) is meaning

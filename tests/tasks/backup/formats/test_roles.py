"""Roles out of what pg_dumpall --globals-only writes."""

import pytest

from tasks.backup.formats.roles import parse_globals
from tasks.backup.model.manifest import Role

WRITTEN = r"""--
-- PostgreSQL database cluster dump
--

\restrict Xk2

SET default_transaction_read_only = off;

CREATE ROLE assist_app;
ALTER ROLE assist_app WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS PASSWORD 'SCRAM-SHA-256$4096:c2FsdA==$LOGIN;=:x' VALID UNTIL '2030-01-01 00:00:00+00';
CREATE ROLE "relatório ""do"" mês";
ALTER ROLE "relatório ""do"" mês" WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION BYPASSRLS;
CREATE ROLE postgres;
ALTER ROLE postgres WITH SUPERUSER INHERIT CREATEROLE CREATEDB LOGIN REPLICATION BYPASSRLS;
COMMENT ON ROLE assist_app IS 'first line
CREATE ROLE nobody;
it''s over';
COMMENT ON ROLE postgres IS E'a \' quote; CREATE ROLE nobody;';

ALTER ROLE assist_app SET search_path TO 'public', 'CREATE ROLE nobody;';
ALTER ROLE assist_app IN DATABASE assist_marias SET work_mem TO '64MB';

GRANT "relatório ""do"" mês" TO assist_app WITH INHERIT TRUE GRANTED BY postgres;
GRANT pg_read_all_data TO assist_app GRANTED BY postgres;
GRANT CREATE ON TABLESPACE rapido TO assist_app;

\unrestrict Xk2
"""  # noqa: E501 - as it is written

APP = Role(name="assist_app", login=True, member_of=("pg_read_all_data", 'relatório "do" mês'))
REPORT = Role(name='relatório "do" mês', bypass_rls=True)
ROOT = Role(name="postgres", login=True, superuser=True, bypass_rls=True)


def test_each_role_is_read_with_what_it_may_and_is_a_member_of() -> None:
    assert parse_globals(WRITTEN) == (APP, ROOT, REPORT)


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("", ()),
        ("pg_dumpall: error: connection to server failed: it's down", ()),
        ("CREATE ROLE a LOGIN;", (Role(name="a", login=True),)),
        ("CREATE USER a WITH NOLOGIN; CREATE GROUP b;", (Role(name="a"), Role(name="b"))),
        ("CREATE ROLE a; GRANT b TO a; GRANT b TO c;", (Role(name="a", member_of=("b",)),)),
        (r"CREATE ROLE a PASSWORD 'ends with \'; CREATE ROLE b;", (Role(name="a"), Role(name="b"))),
        ("CREATE ROLE a; CREATE ROLE cut", (Role(name="a"),)),
        ("-- CREATE ROLE a;\nCREATE ROLE b;", (Role(name="b"),)),
    ],
)
def test_of_other_text_only_whole_statements_count(text: str, roles: tuple[Role, ...]) -> None:
    assert parse_globals(text) == roles


def test_no_password_stays() -> None:
    assert "SCRAM" not in repr(parse_globals(WRITTEN))

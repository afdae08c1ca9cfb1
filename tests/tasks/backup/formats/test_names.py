"""Names of database objects in one form."""

import pytest

from tasks.backup.formats.names import canonical, on_one_line, qualified, roles_in, unquoted

ODD = '"Área"."Nome, com ""aspas"" e . ponto"'


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        pytest.param(("public", "beneficiarias"), "public.beneficiarias", id="plain names stay"),
        pytest.param(("public", "SequelizeMeta"), 'public."SequelizeMeta"', id="capitals are quoted"),
        pytest.param(("Área", 'Nome, com "aspas" e . ponto'), ODD, id="quotes are doubled"),
    ],
)
def test_a_name_is_written_as_sql_writes_it(parts: tuple[str, ...], name: str) -> None:
    assert qualified(*parts) == name


@pytest.mark.parametrize("sql", ["public.usuarios", '"public"."usuarios"', 'public."usuarios"'])
def test_however_the_sql_quotes_it_the_name_is_one(sql: str) -> None:
    assert canonical(sql) == "public.usuarios"


def test_a_quoted_name_survives_whole() -> None:
    assert canonical(ODD) == ODD


def test_an_identifier_is_told_without_its_quotes() -> None:
    assert (unquoted("app"), unquoted('"Com ""aspas"""')) == ("app", 'Com "aspas"')


def test_a_list_of_roles_is_told_without_everybody_but_with_a_role_that_is_called_so() -> None:
    listed = 'PUBLIC, app, "Equipe, de ""apoio""", CURRENT_USER, SESSION_USER, CURRENT_ROLE, "PUBLIC"'
    assert roles_in(listed) == ("app", 'Equipe, de "apoio"', "PUBLIC")


def test_a_name_of_several_lines_stands_on_one() -> None:
    assert on_one_line("a\nb\r\nc") == "a b  c"

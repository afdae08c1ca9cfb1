"""Names of database objects in one form."""

import pytest

from tasks.backup.formats.names import canonical, listed, qualified

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


@pytest.mark.parametrize(
    ("tail", "known", "name"),
    [
        pytest.param("public usuarios app", (), "public.usuarios", id="schema, name, owner"),
        pytest.param("public a b app", (), 'public."a b"', id="a blank is most likely the table's"),
        pytest.param("public a b app", ("public.a",), "public.a", id="unless a known table says it is the owner's"),
        pytest.param("a b c app", ('"a b".c',), '"a b".c', id="or the schema's"),
        pytest.param('Área Nome, com "aspas" e . ponto app', (ODD,), ODD, id="any name that is known"),
    ],
)
def test_a_name_is_found_in_a_line_that_quotes_nothing(tail: str, known: tuple[str, ...], name: str) -> None:
    assert listed(tail, frozenset(known)) == name

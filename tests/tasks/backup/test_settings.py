"""[backup]: what is refused."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from tasks.backup.settings import Backup

DATABASE: dict[str, Any] = {"newest_row": ["public.atendimentos.criado_em"], "rpo_hours": 24, "rto_minutes": 60}
LEAST: dict[str, Any] = {"bucket": "assist-marias-backups", "databases": {"assist_marias": DATABASE}}
ASSERTION = {
    "name": "há usuárias",
    "query": "SELECT count(*) FROM usuarios",
    "timeout_seconds": 30.0,
    "expect": ">= 1",
}


def backup(**changes: object) -> Backup:
    return Backup.model_validate(LEAST | changes)


def database(**changes: object) -> Backup:
    return backup(databases={"assist_marias": DATABASE | changes})


def test_the_least_that_must_be_said_is_enough() -> None:
    settings = backup()
    one = settings.databases["assist_marias"]
    assert (one.rpo, one.rto, settings.child_limit, settings.zone.key) == (
        timedelta(hours=24),
        timedelta(hours=1),
        timedelta(minutes=90),
        "UTC",
    )


def test_all_that_can_be_said_of_a_database_is_understood() -> None:
    said = {
        "prefix": "postgres/",
        "pattern": r".+\.dump(\.age)?",
        "globals_pattern": r"globals-.+\.sql",
        "newest_row": ("public.atendimentos.criado_em", "auditoria.eventos.em"),
        "without_data": ("public.sessoes",),
        "not_large_objects": ("public.arquivos.dono",),
        "roles": ("app", "leitura"),
        "min_size_bytes": 4096,
        "rpo_hours": 0.5,
        "rto_minutes": 10.0,
        "assertions": (ASSERTION,),
        "command": {"argv": ("npm", "run", "migrate:check"), "folder": "/srv/app", "timeout_minutes": 5.0},
        "source": "secretsmanager:assist-marias/ops/backup#database_url",
        "compare_live": True,
        "manifest_required": True,
    }
    assert database(**said).databases["assist_marias"].model_dump() == said


@pytest.mark.parametrize(
    "name", ["assist_marias", "Bate papo", 'a"b', "ação"], ids=["plain", "blank", "quote", "accent"]
)
def test_a_database_may_be_named_as_postgresql_allows(name: str) -> None:
    assert tuple(backup(databases={name: DATABASE}).databases) == (name,)


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param({"bucket": "Backups"}, id="a bucket that cannot be"),
        pytest.param({"databases": {}}, id="no database"),
        pytest.param({"timezone": "America/Sao_Paolo"}, id="a zone that there is not"),
        pytest.param({"timezone": "../etc/passwd"}, id="a zone that is a path"),
        pytest.param({"age_identity": "AGE-SECRET-KEY-1ABC"}, id="a secret itself"),
        pytest.param({"jobs": 65}, id="more jobs than sense"),
        pytest.param({"space_factor": 1}, id="room for less than a copy and a database"),
        pytest.param({"restore_timeout_minute": 5}, id="a mistyped key"),
    ],
)
def test_a_mistake_is_refused_by_its_own_key(mistake: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        backup(**mistake)
    assert {error["loc"][0] for error in caught.value.errors()} == set(mistake)


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param({"pattern": "(["}, id="a pattern that is none"),
        pytest.param({"globals_pattern": "*"}, id="a pattern of globals that is none"),
        pytest.param({"newest_row": []}, id="nothing that shows how fresh the data is"),
        pytest.param({"newest_row": ["atendimentos.criado_em"]}, id="a column without its schema"),
        pytest.param({"without_data": ["sessoes"]}, id="a table without its schema"),
        pytest.param({"not_large_objects": ["public.sessoes"]}, id="a table and no column"),
        pytest.param({"min_size_bytes": 0}, id="nothing is enough"),
        pytest.param({"rpo_hours": 0}, id="no RPO"),
        pytest.param({"rto_minutes": -1}, id="no RTO"),
        pytest.param({"source": "postgresql://app:senha@banco/assist_marias"}, id="a password"),
        pytest.param({"command": {"argv": []}}, id="a program without a name"),
        pytest.param({"command": {"argv": ["npm"], "shell": True}}, id="a shell"),
        pytest.param({"rto_minute": 5}, id="a mistyped key"),
    ],
)
def test_a_mistake_about_a_database_is_refused_by_its_own_key(mistake: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        database(**mistake)
    assert {error["loc"][:3] for error in caught.value.errors()} == {
        ("databases", "assist_marias", key) for key in mistake
    }


@pytest.mark.parametrize("expect", [">= 1", "<=0", "= -3", "< 12.5", ">  0", "true", "false", "no rows"])
def test_what_can_be_expected_of_an_answer(expect: str) -> None:
    told = database(assertions=[ASSERTION | {"expect": expect}])
    assert told.databases["assist_marias"].assertions[0].expect == expect


@pytest.mark.parametrize(
    "mistake",
    [
        *({"expect": expect} for expect in ("== 1", "1", "!= 0", ">= um", "= 1; --", "TRUE", "no row", "")),
        *({"name": name} for name in ("", " x", "x", "x" * 81)),
        {"query": "SELECT"},
    ],
    ids=str,
)
def test_a_statement_that_says_nothing_is_refused(mistake: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as caught:
        database(assertions=[ASSERTION | mistake])
    assert [error["loc"] for error in caught.value.errors()] == [
        ("databases", "assist_marias", "assertions", 0, key) for key in mistake
    ]

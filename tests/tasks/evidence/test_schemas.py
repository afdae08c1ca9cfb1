"""The published schemas: up to date, and accepting what is written."""

import json
import tomllib

import pytest
from jsonschema import Draft202012Validator, ValidationError

from deployments import schemas
from tasks.environment import FOLDER
from tests.tasks.evidence.world import World
from tests.tasks.evidence.writer import attempt, outcome


@pytest.mark.parametrize("name", schemas.MODELS)
def test_the_published_schema_is_the_models(name: str) -> None:
    assert (schemas.FOLDER / name).read_text(encoding="utf-8") == schemas.text(name), (
        "stale: run python -m deployments.schemas"
    )


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((schemas.FOLDER / name).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_productions_environment_satisfies_the_published_schema() -> None:
    written = tomllib.loads((FOLDER / "production.toml").read_text(encoding="utf-8"))
    validator("environment.schema.json").validate(written)
    with pytest.raises(ValidationError):
        validator("environment.schema.json").validate(written | {"shedules": True})


def test_what_is_written_satisfies_the_published_schemas(closed: World) -> None:
    entry = closed.store.get("lab/ledger/00000002.json")
    assert entry is not None
    validator("ledger-entry.schema.json").validate(json.loads(entry))
    validator("outcome.schema.json").validate(json.loads(outcome(attempt("run-1"))))


def test_an_unknown_key_satisfies_neither_schema(closed: World) -> None:
    entry = closed.store.get("lab/ledger/00000002.json")
    assert entry is not None
    with pytest.raises(ValidationError):
        validator("ledger-entry.schema.json").validate(json.loads(entry) | {"more": 1})
    with pytest.raises(ValidationError):
        validator("outcome.schema.json").validate(json.loads(outcome(attempt("run-1"))) | {"more": 1})

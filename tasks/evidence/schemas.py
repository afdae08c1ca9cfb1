"""The JSON Schemas of what a run leaves behind, as published in docs/schemas.

`python -m tasks.evidence.schemas` writes them again after a change of the models.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from tasks.evidence.document import Document
from tasks.evidence.entry import Statement

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"

MODELS: Mapping[str, type[BaseModel]] = {
    "outcome.schema.json": Document,
    "ledger-entry.schema.json": Statement,
}


def text(model: type[BaseModel]) -> str:
    """Return a model's JSON Schema (draft 2020-12) as it is published."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **model.model_json_schema(mode="serialization", by_alias=True),
    }
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(folder: Path = FOLDER) -> None:
    """Write every schema into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, model in MODELS.items():
        (folder / name).write_text(text(model), encoding="utf-8")


if __name__ == "__main__":
    write()

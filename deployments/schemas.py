"""The JSON Schemas of environments and of what a run leaves behind, as published in docs/schemas.

`python -m deployments.schemas` writes them again after a change of the models.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from tasks.environment import Environment
from tasks.evidence.document import Document
from tasks.evidence.entry import Statement

FOLDER = Path(__file__).parents[1] / "docs" / "schemas"

Side = Literal["validation", "serialization"]
MODELS: Mapping[str, tuple[type[BaseModel], Side]] = {
    "environment.schema.json": (Environment, "validation"),  # what a person may write
    "outcome.schema.json": (Document, "serialization"),  # what a run writes
    "ledger-entry.schema.json": (Statement, "serialization"),
}


def text(name: str) -> str:
    """Return a schema (JSON Schema, draft 2020-12) as it is published."""
    model, side = MODELS[name]
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **model.model_json_schema(mode=side, by_alias=True),
    }
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(folder: Path = FOLDER) -> None:
    """Write every schema into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in MODELS:
        (folder / name).write_text(text(name), encoding="utf-8")


if __name__ == "__main__":
    write()

"""The JSON Schemas of environments, of what a run leaves behind and of manifests, as published in docs/schemas.

`python -m deployments.schemas` writes them again after a change of the models.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tasks.backup.formats import manifest
from tasks.environment import Environment
from tasks.evidence.document import Document
from tasks.evidence.entry import Statement

FOLDER = Path(__file__).parents[1] / "docs" / "schemas"

MODELS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "environment.schema.json": lambda: Environment.model_json_schema(mode="validation"),  # what a person may write
    "outcome.schema.json": lambda: Document.model_json_schema(mode="serialization"),  # what a run writes
    "ledger-entry.schema.json": lambda: Statement.model_json_schema(mode="serialization"),
    "backup-manifest.schema.json": manifest.json_schema,  # what `marias backup` writes
}


def text(name: str) -> str:
    """Return a schema (JSON Schema, draft 2020-12) as it is published."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **MODELS[name]()}
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(folder: Path = FOLDER) -> None:
    """Write every schema into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in MODELS:
        (folder / name).write_text(text(name), encoding="utf-8")


if __name__ == "__main__":
    write()

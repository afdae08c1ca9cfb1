"""The manifest of a backup: its exact bytes, its JSON Schema, and where it and its backup lie."""

import json
from collections.abc import Iterable
from datetime import datetime
from re import fullmatch
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from tasks.backup.model.manifest import SCHEMA, Manifest, Place
from tasks.backup.settings import Backup, Database
from tasks.settings import Evidence

_MANIFEST = TypeAdapter(Manifest)


def to_bytes(manifest: Manifest) -> bytes:
    """Return the exact bytes: JSON with sorted keys, a line for each object, table and sequence; UTF-8.

    Two manifests of one database can be compared with `diff`, and a line found with `grep`.
    """
    return f"{_text(_MANIFEST.dump_python(manifest, mode='json'))}\n".encode()


def read(body: bytes) -> Manifest | None:
    """Return the manifest that `body` holds, or None when it is none.

    Only the exact bytes that `to_bytes` writes are one: an unknown key, another schema or another spacing is none.
    """
    try:
        manifest = _MANIFEST.validate_json(body)
    except ValidationError:
        return None
    return manifest if manifest.schema == SCHEMA and to_bytes(manifest) == body else None


def json_schema() -> JsonSchemaValue:
    """Return the JSON Schema of what is written."""
    schema = _MANIFEST.json_schema(mode="serialization", schema_generator=_Exact)
    schema["properties"]["schema"] = {"const": SCHEMA, "title": "Schema"}
    return schema


def backup_key(database: str, settings: Database, at: datetime) -> str:
    """Return the key of a backup of `database` taken at `at` (UTC)."""
    return f"{settings.prefix}{database}-{at:%Y%m%d-%H%M%S}.dump"


def places(cfg: Backup, evidence: Evidence, environment: str, database: str, key: str) -> tuple[Place, Place]:
    """Return where the manifest of the backup `key` lies: in the evidence bucket, and beside the backup."""
    name = f"{key.removesuffix('/')}.manifest.json"  # a directory's key ends with a slash
    return (
        Place(bucket=evidence.bucket, key=f"{environment}/manifests/{database}/{name.rpartition('/')[2]}"),
        Place(bucket=cfg.bucket, key=name),
    )


def is_found(key: str, settings: Database, beside: Place) -> bool:
    """Return whether a backup under `key` will be taken for one, and its manifest and signature for none."""
    names = (key, beside.key, beside.signature)
    found = [bool(fullmatch(settings.pattern, name.removeprefix(settings.prefix))) for name in names]
    return found == [True, False, False]


class _Exact(GenerateJsonSchema):
    """What is written has every key, and no other."""

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        whole = super().dataclass_schema(schema)
        return {**whole, "required": list(whole["properties"]), "additionalProperties": False}


def _text(value: Any, margin: str = "") -> str:  # noqa: ANN401 - any JSON
    """Return a value's JSON; what holds objects is spread over lines, one for each of them."""
    inner = f"{margin} "
    if isinstance(value, dict) and any(map(_holds_objects, value.values())):
        parts = (f"{json.dumps(name)}: {_text(part, inner)}" for name, part in sorted(value.items()))
        return _spread("{}", parts, margin)
    if isinstance(value, list) and _holds_objects(value):
        return _spread("[]", (_text(part, inner) for part in value), margin)
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _holds_objects(value: Any) -> bool:  # noqa: ANN401 - any JSON
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(part, dict) for part in value))


def _spread(brackets: str, parts: Iterable[str], margin: str) -> str:
    lines = f",\n{margin} ".join(parts)
    return f"{brackets[0]}\n{margin} {lines}\n{margin}{brackets[1]}"

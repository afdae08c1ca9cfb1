"""A manifest's exact bytes, what is none, and where it lies."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from jsonschema import Draft202012Validator, ValidationError

from deployments import schemas
from tasks.backup.formats.manifest import backup_key, is_found, places, read, to_bytes
from tasks.backup.model.manifest import Place
from tasks.backup.settings import Backup, Database
from tasks.settings import Evidence
from tests.tasks.backup.manifests import KEY, MANIFEST, TEXT

BODY = to_bytes(MANIFEST)
AT = datetime(2026, 10, 6, 9, tzinfo=UTC)
DATABASE = Database(prefix="postgres/", newest_row=("public.a.em",), rpo_hours=24, rto_minutes=60)
EVIDENCE = Evidence(bucket="evidence", signing_key="env:KEY")
BACKUP = Backup(bucket="backups", databases={"assist_marias": DATABASE})


def test_a_manifest_is_written_with_a_line_for_each_thing_that_it_names() -> None:
    assert BODY.decode() == TEXT


def test_what_was_written_is_read_as_it_was() -> None:
    assert read(BODY) == MANIFEST


def test_one_changed_row_is_one_changed_line() -> None:
    (table,) = MANIFEST.contents.tables
    changed = replace(MANIFEST, contents=replace(MANIFEST.contents, tables=(replace(table, rows=3),)))
    lines = zip(BODY.splitlines(), to_bytes(changed).splitlines(), strict=True)
    assert sum(one != other for one, other in lines) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(TEXT, "", id="nothing"),
        pytest.param(TEXT, "null\n", id="no object"),
        pytest.param(TEXT, "[]\n", id="a list"),
        pytest.param(TEXT, TEXT[:-200], id="cut"),
        pytest.param(TEXT, f"{TEXT}\n", id="more behind it"),
        pytest.param("manifest/1", "manifest/2", id="another schema"),
        pytest.param(' "size_bytes": 9000', ' "size_bytes": 9000,\n "size_kb": 9', id="a key too many"),
        pytest.param(' "omitted": ["public.torto"],\n', "", id="a key too few"),
        pytest.param('"rows": 2', '"rows": "2"', id="a number as text"),
        pytest.param('"rows": 2', '"rows": 2.5', id="a part of a row"),
        pytest.param('"rows": 2', '"rows":2', id="another spacing"),
        pytest.param('"complete": true', '"complete": "yes"', id="a word for true"),
        pytest.param("2026-10-06T09", "2026-13-06T09", id="no such month"),
        pytest.param(' "key":', ' "key": "other",\n "key":', id="a key twice"),
    ],
)
def test_any_other_bytes_are_no_manifest(old: str, new: str) -> None:
    assert old in TEXT
    assert read(TEXT.replace(old, new).encode()) is None


def test_bytes_that_are_no_text_are_no_manifest() -> None:
    assert read(b"\xff\xfe\x00") is None


def test_what_is_written_satisfies_the_published_schema_and_nothing_more_or_less_does() -> None:
    schema = json.loads((schemas.FOLDER / "backup-manifest.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    published, written = Draft202012Validator(schema), json.loads(BODY)
    published.validate(written)
    for wrong in (
        written | {"more": 1},
        written | {"schema": "marias-ops/backup-manifest/2"},
        {key: value for key, value in written.items() if key != "omitted"},
        written | {"contents": written["contents"] | {"more": 1}},
    ):
        with pytest.raises(ValidationError):
            published.validate(wrong)


def test_a_backups_key_names_database_and_second() -> None:
    assert backup_key("assist_marias", DATABASE, AT) == KEY


def test_a_manifest_lies_in_the_evidence_and_beside_the_backup() -> None:
    assert places(BACKUP, EVIDENCE, "lab", "assist_marias", KEY) == (
        Place(bucket="evidence", key="lab/manifests/assist_marias/assist_marias-20261006-090000.dump.manifest.json"),
        Place(bucket="backups", key="postgres/assist_marias-20261006-090000.dump.manifest.json"),
    )


@pytest.mark.parametrize("key", ["a//b.dump", "b.dump", "a/b.dump/"])
def test_a_manifests_key_is_the_backups_own_however_that_is_spelt(key: str) -> None:
    second, beside = places(BACKUP, EVIDENCE, "lab", "assist_marias", key)
    assert (second.key, beside.key) == (
        "lab/manifests/assist_marias/b.dump.manifest.json",
        f"{key.removesuffix('/')}.manifest.json",
    )
    assert beside.signature == f"{beside.key}.sig"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        pytest.param(r".+\.dump", True, id="by its ending"),
        pytest.param(r"assist_marias-\d{8}-\d{6}\.dump", True, id="whole"),
        pytest.param(r"assist-.*", False, id="the key is none"),
        pytest.param(r"assist_marias-\d{8}\.dump", False, id="the key is one without a time"),
        pytest.param(r"assist_marias.*", False, id="the manifest would be taken for a backup"),
        pytest.param(r".+\.(dump|sig)", False, id="the signature would be taken for a backup"),
    ],
)
def test_a_pattern_that_finds_the_backup_and_not_its_manifest(pattern: str, found: bool) -> None:  # noqa: FBT001
    settings = DATABASE.model_copy(update={"pattern": pattern})
    beside = places(BACKUP, EVIDENCE, "lab", "assist_marias", KEY)[1]
    assert is_found(KEY, settings, beside) is found

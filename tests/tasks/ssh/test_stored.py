"""A key as it is stored: what is written is read again, and what is none is told apart."""

import json
from datetime import UTC, datetime

import pytest

from tasks.ssh.formats import stored
from tasks.ssh.formats.stored import StoredKey
from tests.tasks.ssh.values import OLD, OLDER

WHOLE = StoredKey(
    private_key="-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----\n",
    public_key=f"{OLD.line} comment",
    created_at=datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC),
    made_by="marias-ops",
    replaces="v1",
    retired=(OLD, OLDER),
    environment="lab",
)


def test_what_was_written_is_read_again() -> None:
    for key in (WHOLE, StoredKey(private_key="x")):
        assert stored.read(stored.write(key)) == key


def test_a_person_may_store_the_private_half_alone_and_other_things_beside_it() -> None:
    assert stored.read('{"private_key": "x", "note": 1}') == StoredKey(private_key="x")


@pytest.mark.parametrize("text", ["2026-11-24", "2026-11-24T00:00:00", "2026-11-23T21:00:00-03:00"])
def test_a_time_without_a_zone_is_utc(text: str) -> None:
    found = stored.read(json.dumps({"private_key": "x", "created_at": text}))
    assert found == StoredKey(private_key="x", created_at=datetime(2026, 11, 24, tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "[]",
        "null",
        '"private_key"',
        "{}",
        '{"private_key": null}',
        '{"private_key": ["x"]}',
        '{"private_key": "x", "public_key": 1}',
        '{"private_key": "x", "created_at": "yesterday"}',
        '{"private_key": "x", "created_at": 1}',
        '{"private_key": "x", "retired": ["ssh-ed25519"]}',
        '{"private_key": "x", "retired": ["ssh-ed25519 !"]}',
        '{"private_key": "x", "retired": 1}',
        '{"private_key": "x", "retired": [1]}',
    ],
)
def test_what_is_no_stored_key_is_none(text: str) -> None:
    assert stored.read(text) is None


def test_nothing_of_a_stored_key_shows() -> None:
    assert "OPENSSH" not in f"{WHOLE!r} {WHOLE}"
    assert sorted(json.loads(stored.write(WHOLE))) == [
        "created_at",
        "environment",
        "made_by",
        "private_key",
        "public_key",
        "replaces",
        "retired",
    ]

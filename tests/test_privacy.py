"""After a whole run on data full of planted words, none of them, and no secret, is anywhere it must not be."""

import base64
import json
from pathlib import Path

import pytest

from deployments.following import TERMINAL, follow
from deployments.lab import postgres, slack
from deployments.lab.lab import Lab
from flows import closing
from tasks.adapters import prefect_api, secrets
from tasks.adapters.secret_stages import SecretStages
from tasks.environment import load

PERSONAL = b"CANARIA"  # in every personal text of the lab's database


@pytest.fixture(scope="module")
def ran(server: Lab) -> str:
    """Run, through a worker, the restore test on a good and on a truncated backup; return the good run's id."""
    good = prefect_api.create_run("backup-restore-test", "lab", {})
    cut = prefect_api.create_run("backup-restore-test", "lab", {"backup": server.backups.truncated})
    assert [end_of(run_id) for run_id in (good, cut)] == ["Passed", "Unfulfilled"]
    return good


@pytest.fixture(scope="module")
def rotated(server: Lab) -> str:
    """Rotate, through a worker, the key of CI; return the run's id."""
    if server.fleet.missing:
        pytest.skip(server.fleet.missing)
    run_id = prefect_api.create_run("ssh-rotation", "lab", {"purpose": "deploy", "rotate_now": True, "dry_run": False})
    assert end_of(run_id) == "Passed"
    return run_id


def end_of(run_id: str) -> str:
    """Return the name of a run's last state."""
    *_, last = follow(run_id, timeout_seconds=120)
    assert last.run.state_type in TERMINAL
    return last.run.state_name


@pytest.fixture(scope="module")
def forbidden(server: Lab) -> tuple[bytes, ...]:
    """Return what must be nowhere: the planted word, and the lab's secrets."""
    settings = load("lab")
    key = secrets.resolve(settings.evidence.signing_key, settings.aws).reveal()
    longest_line = max(key.splitlines(), key=len)
    return (PERSONAL, slack.TOKEN.encode(), longest_line.encode())


@pytest.fixture(scope="module")
def private_lines(server: Lab, rotated: str) -> tuple[bytes, ...]:
    """Return a line of every private key that was in use before the rotation or after it."""
    settings = load("lab")
    versions = SecretStages(settings.aws, settings.ssh.purposes["deploy"].secret).versions()
    keys = [json.loads(version.text.reveal())["private_key"] for version in versions]
    assert len(keys) > 1
    return tuple(max(key.splitlines(), key=len).encode() for key in keys)


def decoded(path: Path) -> bytes:
    """Return a file's bytes, and behind them what Prefect's result storage holds inside in base64."""
    body = path.read_bytes()
    try:
        result = json.loads(body)["result"]
    except (ValueError, KeyError, TypeError):
        return body
    return body + base64.b64decode(result)


def test_no_planted_word_and_no_secret_is_in_what_prefect_keeps(
    server: Lab, ran: str, forbidden: tuple[bytes, ...]
) -> None:
    home = server.guarded.path
    kept = [p for p in home.rglob("*") if p.is_file() and p.suffix != ".dump"]
    assert any(p.name == "prefect.db" for p in kept)
    bodies = ((p.relative_to(home), decoded(p)) for p in kept)
    found = {(name, word) for name, body in bodies for word in forbidden if word in body}
    assert found == set()


def test_no_private_key_is_in_what_prefect_keeps_in_evidence_or_in_a_message(
    server: Lab, rotated: str, private_lines: tuple[bytes, ...]
) -> None:
    store, home = closing.store_of(load("lab")), server.guarded.path
    kept = [(str(p.relative_to(home)), decoded(p)) for p in home.rglob("*") if p.is_file()]
    left = [(key, store.get(key) or b"") for key in store.keys("lab/ssh-rotation/") if rotated in key]
    told = [(m.key, json.dumps([m.text, m.blocks]).encode()) for m in server.people.messages if rotated in m.key]
    assert (any(name.endswith("prefect.db") for name, _ in kept), len(left) > 1, len(told)) == (True, True, 1)
    found = {name for name, body in (*kept, *left, *told) if any(line in body for line in private_lines)}
    assert found == set()


def test_no_planted_word_and_no_secret_is_in_the_evidence(server: Lab, ran: str, forbidden: tuple[bytes, ...]) -> None:
    store = closing.store_of(load("lab"))
    keys = [key for key in store.keys("lab/") if "/backup-restore-test/" in key]
    assert any(ran in key for key in keys)
    bodies = ((key, store.get(key) or b"") for key in keys)
    found = {(key, word) for key, body in bodies for word in forbidden if word in body}
    assert found == set()


def test_no_planted_word_and_no_secret_is_in_a_message(server: Lab, ran: str, forbidden: tuple[bytes, ...]) -> None:
    told = [json.dumps([m.text, m.blocks]) for m in server.people.messages if ran in m.key]
    assert len(told) == 1
    written = "".join([*told, *(m.subject + m.body for m in server.mail.messages)]).encode()
    assert [word for word in forbidden if word in written] == []


def test_a_word_hidden_in_result_storage_would_be_found(tmp_path: Path) -> None:
    planted = tmp_path / "result"
    planted.write_text(json.dumps({"result": base64.b64encode(b"x" + PERSONAL).decode()}))
    assert PERSONAL in decoded(planted)
    assert PERSONAL in postgres.SCRIPT.read_bytes()

"""The lab's GitHub refuses what GitHub would refuse, and answers as GitHub's own description says."""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from nacl.public import PublicKey, SealedBox

from deployments.lab import contracts, github
from deployments.lab.github import ENVIRONMENTS, REPOSITORY, TOKEN, LabGithub, Place

HEADERS = {"Authorization": f"Bearer {TOKEN}", "X-GitHub-Api-Version": "2026-03-10", "User-Agent": "tests"}
ENVIRONMENT = f"repos/{REPOSITORY}/environments/PRODUCTION"
KEY, VERSION = Place(REPOSITORY, "PRODUCTION", "KEY"), Place(REPOSITORY, "PRODUCTION", "VERSION")

needs_contracts = pytest.mark.skipif(contracts.load("github") is None, reason="the folder of contracts is not here")


@pytest.fixture(scope="module")
def running() -> Iterator[LabGithub]:
    with github.running() as hub:
        yield hub


@pytest.fixture
def hub(running: LabGithub) -> LabGithub:
    running.forget()
    return running


def call(hub: LabGithub, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
    """Return status and body of an answer; a header that is empty is not sent."""
    sent = {name: value for name, value in (HEADERS | headers).items() if value}
    request = httpx.Request(method, f"{hub.address}{path}", headers=sent, json=body)
    with httpx.Client() as client:
        answer = client.send(request)
    return answer.status_code, answer.json() if answer.content else None


def sealed(hub: LabGithub, value: str) -> dict[str, str]:
    _, key = call(hub, "GET", f"{ENVIRONMENT}/secrets/public-key")
    box = SealedBox(PublicKey(b64decode(key["key"])))
    return {"key_id": key["key_id"], "encrypted_value": b64encode(box.encrypt(value.encode())).decode()}


def test_secrets_and_variables_are_kept_and_answered_as_described(hub: LabGithub) -> None:
    variable = {"name": "VERSION", "value": "1"}
    statuses = [
        call(hub, "PUT", f"{ENVIRONMENT}/secrets/KEY", sealed(hub, "a"))[0],
        call(hub, "PUT", f"{ENVIRONMENT}/secrets/KEY", sealed(hub, "b"))[0],
        call(hub, "PATCH", f"{ENVIRONMENT}/variables/VERSION", variable)[0],
        call(hub, "POST", f"{ENVIRONMENT}/variables", variable)[0],
        call(hub, "POST", f"{ENVIRONMENT}/variables", variable)[0],
        call(hub, "PATCH", f"{ENVIRONMENT}/variables/VERSION", variable | {"value": "2"})[0],
    ]
    assert statuses == [201, 204, 404, 201, 409, 204]
    assert (hub.secrets, hub.variables) == ({KEY: "b"}, {VERSION: "2"})
    _, one = call(hub, "GET", f"{ENVIRONMENT}/variables/VERSION")
    assert (one["name"], one["value"]) == ("VERSION", "2")
    _, every = call(hub, "GET", f"{ENVIRONMENT}/variables")
    assert [(found["name"], found["value"]) for found in every["variables"]] == [("VERSION", "2")]
    assert call(hub, "GET", f"repos/{REPOSITORY}/environments/STAGING/variables")[1]["total_count"] == 0
    assert hub.faults == []


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (ENVIRONMENT, {"Authorization": "Bearer another"}, 401),
        (ENVIRONMENT, {"X-GitHub-Api-Version": "2030-01-01"}, 400),
        (ENVIRONMENT, {"X-GitHub-Api-Version": ""}, 400),
        ("repos/another/one/environments/PRODUCTION", {}, 404),
        (f"repos/{REPOSITORY}/environments/NONE", {}, 404),
    ],
)
def test_who_may_not_and_what_is_not_there_is_refused(
    hub: LabGithub, path: str, headers: dict[str, str], status: int
) -> None:
    assert call(hub, "GET", f"{path}/variables", **headers)[0] == status


def test_what_was_not_sealed_for_the_key_of_now_is_refused(hub: LabGithub) -> None:
    hub.change_key_once_read(1)
    bodies = (sealed(hub, "a"), sealed(hub, "a") | {"encrypted_value": "AAAA"}, sealed(hub, "x" * 49_153))
    assert [call(hub, "PUT", f"{ENVIRONMENT}/secrets/KEY", body)[0] for body in bodies] == [422] * 3
    assert call(hub, "PUT", f"{ENVIRONMENT}/secrets/GITHUB_KEY", sealed(hub, "a"))[0] == 422
    assert call(hub, "PUT", f"{ENVIRONMENT}/secrets/KEY", sealed(hub, "x" * 49_152))[0] == 201


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "secrets/KEY", None, 404),
        ("PATCH", "secrets/KEY", {}, 404),
        ("GET", "variables/NONE", None, 404),
        ("POST", "variables", ["VERSION"], 400),
        ("POST", "variables", {"name": "1", "value": "x"}, 422),
    ],
)
def test_what_it_does_not_know_is_refused(hub: LabGithub, method: str, path: str, body: object, status: int) -> None:
    assert call(hub, method, f"{ENVIRONMENT}/{path}", body)[0] == status
    assert (hub.secrets, hub.variables) == ({}, {})


@needs_contracts
def test_what_breaks_githubs_contract_is_kept(hub: LabGithub) -> None:
    call(hub, "POST", f"{ENVIRONMENT}/variables", {"name": "VERSION"})
    call(hub, "GET", "repos")
    fault, unknown = hub.faults
    assert fault == f'POST /{ENVIRONMENT}/variables: body: "value" is a required property'
    assert unknown.startswith("GET /repos: ")


def test_without_the_contracts_nothing_is_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(contracts.VARIABLE, str(tmp_path))
    with github.running(environments=ENVIRONMENTS[:1]) as hub:
        call(hub, "GET", "repos")
        assert (hub.contract, hub.faults) == (None, [])

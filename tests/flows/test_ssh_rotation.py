"""The rotation's body, whole, on real SSH servers: what it does in each world, and that nobody is locked out."""

from collections.abc import Iterator

import pytest
from prefect.logging.handlers import APILogHandler

from deployments.lab.lab import Lab
from flows import closing
from flows.ssh_rotation import ssh_rotation
from tasks.adapters import prefect_api
from tasks.core.findings import Verdict
from tasks.environment import load
from tasks.evidence.document import Document
from tests.flows import runs
from tests.tasks.ssh.cases import CASES, Case
from tests.tasks.ssh.world import World, mapping, told


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_run_leaves_each_world_as_it_must(world: World, case: Case) -> None:
    world.hosts = case.hosts
    case.harm(world)
    before = {target: world.content(target) for target in case.proofs}
    outcome = world.run(**case.parameters)
    world.heal()
    after = {target: world.content(target) for target in case.proofs}
    held = {getattr(found.data, "why", "") for found in outcome.findings if found.rule == "ssh.target_held"}
    assert (outcome.verdict, told(outcome), held) == (
        case.verdict,
        list(case.findings),
        {case.why} if case.why else set(),
    )
    assert mapping(outcome) == case.proofs
    assert world.stored == case.stored
    assert {target: world.opens(target) for target in case.proofs} == case.opened
    assert {target: world.others(content) for target, content in after.items()} == {
        target: world.others(content) for target, content in before.items()
    }
    assert [target for target in case.untouched if after[target] != before[target]] == []


# ── through Prefect ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def lab(server: Lab) -> Iterator[Lab]:
    if server.fleet.missing:
        pytest.skip(server.fleet.missing)
    yield server
    APILogHandler().flush()  # while there is a server: what is left is sent when this process ends, again and again


def ended(run_id: str) -> tuple[str, Document, set[str]]:
    """Return a run's state, its outcome.json, and the files that it left."""
    store = closing.store_of(load("lab"))
    (prefix,) = {key.rpartition("/")[0] for key in store.keys("lab/ssh-rotation/") if run_id in key}
    body = store.get(f"{prefix}/outcome.json")
    assert body is not None
    files = {key.rpartition("/")[2] for key in store.keys(f"{prefix}/")}
    return prefect_api.read_run(run_id).state_name, Document.model_validate_json(body), files


def test_a_run_that_passed_leaves_its_evidence_and_tells_the_team(lab: Lab) -> None:
    run_id = runs.here(ssh_rotation, {"purpose": "deploy", "rotate_now": True})
    state, document, files = ended(run_id)
    assert (state, document.verdict, document.subject, document.findings) == ("Passed", Verdict.PASSED, "deploy", ())
    assert files >= {"outcome.json", "notices.json", "accounts.csv", "keys.csv", "lines.csv", "stored-keys.csv"}
    (message,) = [m for m in lab.people.messages if m.key == f"{run_id}:1:ended"]
    assert document.summary in message.text


def test_a_run_that_was_refused_says_why_and_what_to_do_now(lab: Lab) -> None:
    run_id = runs.here(ssh_rotation, {"purpose": "copias", "rotate_now": True})
    state, document, _ = ended(run_id)
    (found,) = document.findings
    assert (state, document.verdict, found.rule, found.subject) == (
        "Unfulfilled",
        Verdict.FAILED,
        "ssh.target_host_key",
        "copias@copias01",
    )
    (message,) = [m for m in lab.people.messages if m.key == f"{run_id}:1:ended"]
    told_of = f"{message.text} {message.blocks}"
    assert found.data["offered"] in told_of
    assert "host_keys" in told_of
    assert document.changes == ()

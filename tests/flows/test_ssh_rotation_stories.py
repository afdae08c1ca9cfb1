"""The rotation over several runs, beside others, and in worlds that take more than a line to tell."""

import json
import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from prefect import Task

from deployments.lab.serving import Failure
from deployments.lab.sshd import pair
from tasks.adapters.ssh import Endpoint, connect
from tasks.core.attempt import Trigger
from tasks.core.errors import OperatorError
from tasks.core.findings import Change, ChangeState, Outcome, Verdict
from tasks.core.secret import Secret
from tasks.secret_sync import steps as sync
from tasks.ssh import steps
from tasks.ssh.model.keys import CURRENT, PENDING, PublicKey
from tasks.ssh.model.told import Digests, OfPurpose, OnTarget
from tests import bare
from tests.tasks.ssh import cases
from tests.tasks.ssh.cases import DB, HELD, ONE, PREVIOUS, ROTATED, STRANDED, TWO, UNTOUCHED, WAITING, WITH_DB
from tests.tasks.ssh.denying import denying
from tests.tasks.ssh.world import ACCOUNT, COPY, COPY_VERSION, DUE, NEAR, USUAL, YOUNG, World, mapping, on_disk, told

MADE = Change(what="ssh.change.key_made", subject="ops", state=ChangeState.DONE)
GRACE = timedelta(days=8)


def replaced(*targets: str, state: ChangeState = ChangeState.DONE) -> tuple[Change, ...]:
    return tuple(Change(what="ssh.change.key_replaced", subject=target, state=state) for target in targets)


def rows(outcome: Outcome, name: str) -> list[tuple[str | float, ...]]:
    return [row for table in outcome.tables if table.name == name for row in table.rows]


def callers(world: World) -> list[int]:
    """Return how many connections each server has taken so far."""
    return [host.log().count("Connection from") for host in world.ssh.hosts.values()]


# ── one run after another ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_differs_by_the_line_of_the_key_alone_which_keeps_its_options(world: World) -> None:
    world.write(TWO, "old", options=NEAR)
    outcome = world.run()
    assert outcome.changes == (MADE, *replaced(ONE, TWO))
    assert world.content(ONE) == world.exchanged(ONE, "old", "new")
    assert world.content(TWO) == world.exchanged(TWO, "old", "new", NEAR)
    assert {name: outcome.measures[name] for name in ("accounts", "proved", "to_change")} == {
        "accounts": 2,
        "proved": 2,
        "to_change": 2,
    }


def test_a_second_run_changes_nothing(world: World) -> None:
    world.hosts = cases.ONE_ALONE
    world.run()
    before = on_disk(world), world.versions
    outcome = world.run()
    assert (outcome.verdict, outcome.changes, outcome.measures["to_change"]) == (Verdict.PASSED, (), 0)
    assert {Path(p).name for p in dict(on_disk(world).items() ^ before[0].items())} <= {
        ".ssh"
    }  # a trial was made there
    assert world.versions == before[1]


def test_a_host_that_was_left_behind_is_finished_when_it_is_back_and_no_other_is_touched(world: World) -> None:
    world.hosts = WITH_DB
    cases.down("db-1", optional=True)(world)
    world.run()
    world.heal()
    before = {target: world.content(target) for target in (ONE, TWO)}
    outcome = world.run()
    assert (outcome.verdict, outcome.changes) == (Verdict.PASSED, replaced(DB))
    assert (world.stored, world.opens(DB)) == (ROTATED, {"new"})
    assert {target: world.content(target) for target in (ONE, TWO)} == before


def test_a_host_that_missed_two_rotations_is_brought_to_the_newest_key(world: World) -> None:
    world.hosts = ("web-1", "db-1")
    cases.down("db-1", optional=True)(world)
    world.run()
    world.run(rotate_now=True)
    assert world.stored == {"new-2": (CURRENT,), "new": (PREVIOUS, HELD), "old": (HELD,)}
    world.heal()
    outcome = world.run()
    assert (outcome.verdict, outcome.changes) == (Verdict.PASSED, replaced(DB))
    assert world.stored == {"new-2": (CURRENT,), "new": (PREVIOUS,)}
    assert (world.opens(DB), world.opens(ONE)) == ({"new-2"}, {"new-2"})


def test_a_key_that_waited_for_a_host_goes_on_when_it_is_back(world: World) -> None:
    cases.down("web-2")(world)
    world.run()
    world.heal()
    outcome = world.run()
    assert (outcome.verdict, outcome.changes) == (Verdict.PASSED, replaced(ONE, TWO))
    assert (world.stored, world.opens(ONE), world.opens(TWO)) == (ROTATED, {"new"}, {"new"})


def test_a_pending_key_that_somebody_threw_away_is_not_taken_up_again_and_removed_where_it_stands(world: World) -> None:
    cases.down("web-2")(world)
    world.run()
    world.stages.move(PENDING, to=None, off=next(v.id for v in world.stages.versions() if PENDING in v.stages))
    world.heal()
    outcome = world.run()
    assert (outcome.verdict, told(outcome)) == (Verdict.PASSED, [])
    assert world.stored == {"new-2": (CURRENT,), "old": (PREVIOUS,)}
    assert (world.opens(ONE), world.opens(TWO)) == ({"new-2"}, {"new-2"})


def test_a_key_of_two_purposes_leaves_their_common_accounts_with_the_last_of_them(world: World) -> None:
    world.hosts = cases.ONE_ALONE
    both = [{"group": "all", "accounts": [ACCOUNT]}]
    other = f"{world.secret}-other"
    world.services.secrets.create_secret(Name=other, SecretString=world.text("old", age=YOUNG))
    secrets = {"ops": world.secret, "deploy": other}
    world.ssh_changes["purposes"] = {name: {"secret": secret, "access": both} for name, secret in secrets.items()}
    try:
        first = world.run(purpose="ops", rotate_now=True)
        assert (first.verdict, told(first)) == (Verdict.PASSED, [])
        assert world.opens(ONE) == {"old", "new"}
        both_told = world.run(purpose="deploy", rotate_now=True)
        assert (both_told.verdict, told(both_told)) == (Verdict.PASSED, [])
        assert world.opens(ONE) == {"new"}  # and the other purpose's, whose name this world does not know
        private = json.loads(world.services.secrets.get_secret_value(SecretId=other)["SecretString"])["private_key"]
        assert world.ssh.hosts["web-1"].accepts(ACCOUNT, Secret(private))
    finally:
        world.services.secrets.delete_secret(SecretId=other, ForceDeleteWithoutRecovery=True)


def test_a_key_of_two_purposes_stays_on_a_server_that_the_other_knows_under_another_name(world: World) -> None:
    one = world.ssh.hosts["web-1"]
    alias = {"address": "localhost", "port": one.port, "host_keys": (one.host_key,)}
    other = f"{world.secret}-other"
    world.services.secrets.create_secret(Name=other, SecretString=world.text("old", age=YOUNG))
    named = {"address": "127.0.0.1", "port": one.port, "host_keys": (one.host_key,)}
    world.ssh_changes["hosts"] = {"web-1": named, "alias": alias}
    world.ssh_changes["purposes"] = {
        "ops": {"secret": world.secret, "access": [{"host": "web-1", "accounts": [ACCOUNT]}]},
        "deploy": {"secret": other, "access": [{"host": "alias", "accounts": [ACCOUNT]}]},
    }
    try:
        world.run(purpose="ops", rotate_now=True)
        assert world.opens(ONE) == {"old", "new"}
    finally:
        world.services.secrets.delete_secret(SecretId=other, ForceDeleteWithoutRecovery=True)


def test_a_key_that_two_purposes_have_in_common_is_told(world: World) -> None:
    world.hosts = cases.ONE_ALONE
    other = f"{world.secret}-other"
    world.services.secrets.create_secret(Name=other, SecretString=world.text("old", age=YOUNG))
    both = [{"group": "all", "accounts": [ACCOUNT]}]
    secrets = {"ops": world.secret, "deploy": other}
    world.ssh_changes["purposes"] = {name: {"secret": secret, "access": both} for name, secret in secrets.items()}
    try:
        outcome = world.run(purpose="deploy", dry_run=True)
    finally:
        world.services.secrets.delete_secret(SecretId=other, ForceDeleteWithoutRecovery=True)
    assert told(outcome) == [("ssh.key_of_two_purposes", world.key("old").fingerprint)]


def test_when_github_is_down_the_old_key_stays_and_the_next_run_finishes(world: World) -> None:
    hub, place = world.services.hub, f"{COPY.repository}:{COPY.environment}/{COPY.name}"
    world.hosts, world.copied = cases.ONE_ALONE, True
    hub.fail_next(20, Failure(status=503))
    outcome = world.run()
    assert (outcome.verdict, told(outcome)) == (
        Verdict.ATTENTION,
        [("github.unreachable", place), ("ssh.unfinished", "ops")],
    )
    assert (world.stored, world.opens(ONE), mapping(outcome)) == (STRANDED, {"old", "new"}, {ONE: "added"})
    hub.failures.clear()
    outcome = world.run()
    copied = Change(what="sync.change.copy", subject=place, state=ChangeState.DONE)
    assert (outcome.verdict, outcome.changes) == (Verdict.PASSED, (*replaced(ONE), copied))
    assert (world.stored, world.opens(ONE)) == (ROTATED, {"new"})
    assert (hub.secrets[COPY], hub.variables[COPY_VERSION]) == (world.keys["new"].reveal(), world.current)


def test_the_key_before_is_kept_for_its_grace_and_then_let_go(world: World) -> None:
    old = world.current
    new = world.put("new", age=GRACE)
    world.stages.move(CURRENT, to=new, off=old)
    world.stages.move(PENDING, to=None, off=new)
    for target in (ONE, TWO):
        world.write(target, "new")
    outcome = world.run()
    assert (outcome.verdict, outcome.result, world.stored) == (Verdict.PASSED, "previous_retired", {"new": (CURRENT,)})


def test_the_key_before_is_not_let_go_while_a_host_knows_no_other(world: World) -> None:
    old = world.current
    new = world.put("new", age=GRACE)
    world.stages.move(CURRENT, to=new, off=old)
    world.stages.move(PENDING, to=None, off=new)
    world.write(ONE, "new")  # TWO was restored from a copy of before
    outcome = world.run()
    assert told(outcome) == []
    assert (outcome.verdict, world.opens(ONE), world.opens(TWO)) == (Verdict.PASSED, {"new"}, {"new"})
    assert outcome.changes == replaced(TWO)


def test_an_old_key_that_stands_as_an_authority_is_not_called_gone(world: World) -> None:
    world.hosts = cases.ONE_ALONE
    world.write(ONE, "old", before=f"cert-authority {world.public('old')}\n".encode())
    outcome = world.run()
    assert (outcome.verdict, told(outcome)) == (Verdict.FAILED, [("ssh.other_source", ONE)])


def test_a_young_key_is_not_due_and_no_host_is_asked(world: World) -> None:
    world.age(YOUNG)
    calls, versions = callers(world), world.versions
    outcome = world.run(trigger=Trigger.SCHEDULE)
    assert (outcome.verdict, outcome.result, outcome.findings, outcome.tables) == (
        Verdict.PASSED,
        "nothing_due",
        (),
        (),
    )
    assert round(outcome.measures["age_days ops"], 3) == YOUNG.days
    assert (callers(world), world.versions) == (calls, versions)


def test_a_key_that_came_back_is_told_to_who_looks_and_goes_when_they_say_so(world: World) -> None:
    world.hosts = cases.ONE_ALONE
    world.run()
    world.write(ONE, "new", "old")
    outcome = world.run(dry_run=True)
    assert (outcome.verdict, told(outcome)) == (Verdict.ATTENTION, [("ssh.drift", ONE)])
    outcome = world.run()
    assert (outcome.verdict, outcome.changes, world.opens(ONE)) == (Verdict.PASSED, replaced(ONE), {"new"})


# ── a simulation, and the plan that was agreed to ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("compromised", [False, True])
def test_a_simulation_changes_nothing_and_its_plan_can_be_agreed_to(world: World, *, compromised: bool) -> None:
    world.hosts = cases.ONE_ALONE
    world.copied = True
    before = on_disk(world), world.versions
    outcome = world.run(dry_run=True, compromised=compromised)
    assert (on_disk(world), world.versions, world.services.hub.calls) == (*before, [])
    assert (outcome.verdict, outcome.result, outcome.changes) == (Verdict.PASSED, "planned", ())
    file = world.host(ONE).file(ACCOUNT)
    assert rows(outcome, "lines")[:2] == [
        ("ops", ONE, f"{file}: - 3 {world.key('old').fingerprint} []"),
        ("ops", ONE, f"{file}: + 3 SHA256:(nova) []"),
    ]
    assert rows(outcome, "copies") == [("ops", f"{COPY.repository}:{COPY.environment}/{COPY.name}")]
    digest = digest_of(outcome)
    outcome = world.run(plan=digest, compromised=compromised)
    assert "copies" not in {table.name for table in outcome.tables}
    assert (world.stored, world.opens(ONE)) == (ROTATED, {"new"})
    assert told(outcome) == ([("ssh.compromise_removed", "ops")] if compromised else [])


def digest_of(outcome: Outcome) -> str:
    """Return the code in the command that a simulation tells."""
    return outcome.subject.partition("--plan ")[2].partition(" ")[0]


def test_a_plan_that_is_no_longer_the_one_agreed_to_is_refused(world: World) -> None:
    agreed = digest_of(world.run(dry_run=True))
    cases.down("web-2")(world)
    now = digest_of(world.run(dry_run=True))
    before = world.content(ONE), world.versions
    with pytest.raises(OperatorError) as caught:
        world.run(plan=agreed)
    assert (caught.value.code, caught.value.subject, caught.value.data) == (
        "ssh.other_plan",
        agreed,
        Digests(agreed=agreed, now=now),
    )
    assert (world.content(ONE), world.versions) == before


# ── what is stored ───────────────────────────────────────────────────────────────────────────────────────────────────


def foreign(world: World) -> None:
    world.services.secrets.put_secret_value(SecretId=world.secret, SecretString="theirs", VersionStages=[PENDING])


def of_another_key(world: World) -> None:
    world.put("theirs")
    second = world.put("second", "THEIRS")
    world.stages.move(CURRENT, to=second, off=world.current)


def malformed(world: World) -> None:
    world.store_alone("not JSON")


def nothing(world: World) -> None:
    world.store_alone(None)


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (foreign, "ssh.foreign_pending"),
        (of_another_key, "ssh.foreign_pending"),
        (malformed, "ssh.bad_stored_key"),
        (nothing, "ssh.no_current_key"),
    ],
)
def test_keys_that_are_not_as_they_should_be_are_an_error_and_nothing_is_changed(
    world: World, harm: Callable[[World], None], code: str
) -> None:
    harm(world)
    before = on_disk(world), world.services.secrets.list_secret_version_ids(SecretId=world.secret)["Versions"]
    with pytest.raises(OperatorError) as caught:
        world.run()
    data = OfPurpose(purpose="ops", secret=world.secret)
    assert (caught.value.code, caught.value.subject, caught.value.data) == (code, "ops", data)
    assert before == (
        on_disk(world),
        world.services.secrets.list_secret_version_ids(SecretId=world.secret)["Versions"],
    )


def test_what_is_wrong_with_one_purpose_keeps_no_other_from_its_rotation(world: World) -> None:
    access = [{"host": "web-1", "accounts": [ACCOUNT]}]
    empty = {"secret": f"{world.secret}-none", "access": [{"host": "web-1", "accounts": ["deploy"]}]}
    world.ssh_changes["purposes"] = {"deploy": empty, "ops": {"secret": world.secret, "access": access}}
    outcome = world.run()
    assert (outcome.verdict, told(outcome)) == (Verdict.FAILED, [("secret.missing", empty["secret"])])
    assert (world.stored, world.opens(ONE)) == (ROTATED, {"new"})
    assert mapping(outcome) == {ONE: "proved", "": "purpose_unread"}


def test_an_account_of_another_purpose_whose_key_cannot_be_read_is_left_as_it_is(world: World) -> None:
    other, access = f"{world.secret}-other", [{"host": "web-1", "accounts": [ACCOUNT]}]
    world.services.secrets.create_secret(Name=other, SecretString="not JSON")
    world.ssh_changes["purposes"] = {
        "deploy": {"secret": other, "access": access},
        "ops": {"secret": world.secret, "access": [*access, {"host": "web-2", "accounts": [ACCOUNT]}]},
    }
    world.people.clear()
    outcome = world.run(purpose="ops")
    assert told(outcome) == [("ssh.target_held", ONE), ("ssh.waiting", "ops")]
    assert outcome.findings[0].data == OnTarget(purpose="ops", why="ssh.bad_stored_key")
    assert (world.content(ONE), world.opens(ONE), world.opens(TWO)) == (world.written[ONE], {"old"}, {"old", "new"})


def test_two_environments_do_not_share_a_secret(world: World) -> None:
    world.store_alone(world.text("old", age=DUE, environment="other"))
    before = on_disk(world), world.versions
    with pytest.raises(OperatorError, match=r"^ssh.other_environment: ops$"):
        world.run()
    assert (on_disk(world), world.versions) == before


def test_progress_goes_forward_over_all_purposes(world: World) -> None:
    second = f"{world.secret}-2"
    world.services.secrets.create_secret(Name=second, SecretString=world.text("second", age=DUE))
    world.write(TWO, "second")
    world.ssh_changes["purposes"] = {
        name: {"secret": secret, "access": [{"host": host, "accounts": [ACCOUNT]}]}
        for name, secret, host in (("ops", world.secret, "web-1"), ("deploy", second, "web-2"))
    }
    shown = list[float]()
    assert world.run(progress=lambda percent, _text: shown.append(percent)).verdict is Verdict.PASSED
    assert shown == sorted(shown)
    assert shown == [0, 17.5, 30, 45, 60, 75, 90]


def test_a_purpose_that_is_not_configured_is_an_error_that_names_those_that_are(world: World) -> None:
    with pytest.raises(OperatorError, match=r"^ssh.no_such_purpose: other$"):
        world.run(purpose="other")


def test_who_may_not_read_the_keys_is_told_so(world: World) -> None:
    with denying(world.services.cloud, "GetSecretValue") as world.aws, pytest.raises(OperatorError) as caught:
        world.run()
    assert (caught.value.code, caught.value.subject) == ("secret.denied", world.secret)


@pytest.mark.parametrize("compromised", [False, True])
def test_who_may_not_store_a_key_changes_nothing(world: World, *, compromised: bool) -> None:
    world.hosts = cases.ONE_ALONE
    before = {target: world.content(target) for target in (ONE,)}
    with denying(world.services.cloud, "PutSecretValue") as world.aws:
        outcome = world.run(compromised=compromised)
    still = [("ssh.may_still_open", ONE), ("ssh.still_current", "ops")] if compromised else []
    assert (outcome.verdict, told(outcome)) == (
        Verdict.FAILED if compromised else Verdict.ATTENTION,
        [*still, ("secret.denied", world.secret), ("ssh.unfinished", "ops")],
    )
    assert ({t: world.content(t) for t in before}, world.stored) == (before, UNTOUCHED)


def test_who_may_not_promote_a_key_leaves_both_everywhere(world: World) -> None:
    world.hosts = cases.ONE_ALONE
    with denying(world.services.cloud, "UpdateSecretVersionStage") as world.aws:
        outcome = world.run()
    assert told(outcome) == [("secret.denied", world.secret), ("ssh.unfinished", "ops")]
    assert (world.stored, world.opens(ONE)) == (WAITING, {"old", "new"})


# ── hosts and accounts ───────────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_that_is_not_there_stops_its_purpose(world: World) -> None:
    world.access = [{"host": "web-1", "accounts": [ACCOUNT, "nobody-has-it"]}]
    outcome = world.run()
    assert (outcome.verdict, told(outcome)) == (Verdict.FAILED, [("ssh.lost", "nobody-has-it@web-1")])
    assert (world.stored, world.opens(ONE), world.content(ONE)) == (UNTOUCHED, {"old"}, world.written[ONE])


def test_a_host_behind_another_is_reached_by_way_of_it(world: World) -> None:
    world.host_changes["web-2"] = {"jump": {"host": "web-1", "account": ACCOUNT, "purpose": "ops"}}
    world.ssh.hosts["web-1"].configure(AllowTcpForwarding="no")
    assert told(world.run()) == [("ssh.target_unreachable", TWO), ("ssh.waiting", "ops")]
    world.ssh.hosts["web-1"].configure()
    outcome = world.run()
    assert (outcome.verdict, world.opens(ONE), world.opens(TWO)) == (Verdict.PASSED, {"new"}, {"new"})


def test_a_host_behind_one_that_is_down_is_out_of_reach(world: World) -> None:
    world.ssh.hosts["db-1"].stop()
    world.hosts = ("web-1", "web-2", "db-1")
    world.host_changes["db-1"] = {"required": False}
    world.host_changes["web-2"] = {"jump": {"host": "db-1", "account": ACCOUNT, "purpose": "ops"}, "required": False}
    outcome = world.run()
    assert told(outcome) == [("ssh.target_unreachable", DB), ("ssh.target_unreachable", TWO)]
    assert mapping(outcome) == {ONE: "proved", TWO: "unknown", DB: "unknown"}
    assert world.opens(ONE) == {"new"}


def test_many_accounts_of_a_host_that_lets_one_in_at_a_time_are_all_rotated(world: World) -> None:
    targets = [f"{account}@web-1" for account in ("deploy", "ops", "backup")]
    for target in targets:
        world.write(target, "old")
    world.access = [{"host": "web-1", "accounts": ["deploy", "ops", "backup"]}]
    world.ssh.hosts["web-1"].configure(MaxStartups="1")
    world.ssh_changes["tries"] = 4
    outcome = world.run()
    assert (outcome.verdict, mapping(outcome)) == (Verdict.PASSED, dict.fromkeys(targets, "proved"))
    world.ssh.hosts["web-1"].configure()
    assert [world.opens(target) for target in targets] == [{"new"}] * 3


def test_an_edit_after_which_the_new_key_is_refused_is_taken_back_and_the_rest_is_left(world: World) -> None:
    world.keys["old"] = pair("rsa", bits=3072).private
    world.store_alone(world.text("old", age=timedelta(days=100)))
    world.hosts = WITH_DB
    for target in (ONE, TWO, DB):
        world.write(target, "old")
    world.ssh.hosts["web-1"].configure(PubkeyAcceptedAlgorithms="rsa-sha2-512")
    outcome = world.run()
    world.ssh.hosts["web-1"].configure()
    assert (outcome.verdict, told(outcome)) == (
        Verdict.FAILED,
        [("ssh.stopped", "ops"), ("ssh.key_too_old", "ops"), ("ssh.target_held", ONE), ("ssh.waiting", "ops")],
    )
    assert outcome.changes == (MADE, *replaced(ONE, state=ChangeState.UNDONE))
    assert {t: world.content(t) for t in (ONE, TWO, DB)} == world.written
    assert world.stored == WAITING


# ── others at the same time ──────────────────────────────────────────────────────────────────────────────────────────


def test_of_two_runs_at_once_both_work_with_one_key(world: World) -> None:
    world.hosts = USUAL
    with ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        for module in (steps, sync):
            stack.enter_context(bare.plain_steps(module, bare.nobody))  # once, for both
        outcomes = [future.result() for future in [pool.submit(bare.rotation, world.settings) for _ in range(2)]]
    assert {found.rule for outcome in outcomes for found in outcome.findings} <= {
        "ssh.changed_meanwhile",
        "ssh.unfinished",
        "secret.stage_lost",
    }
    last = world.run()
    assert (last.verdict, mapping(last), world.opens(ONE), world.opens(TWO)) == (
        Verdict.PASSED,
        {ONE: "proved", TWO: "proved"},
        {"new"},
        {"new"},
    )
    assert world.stored == ROTATED


def test_a_deploy_that_is_under_way_goes_on_and_reads_its_key_again_to_reconnect(world: World) -> None:
    world.hosts = cases.ONE_ALONE
    world.copied = True
    host = world.host(ONE)
    where = Endpoint(name="web-1", address="127.0.0.1", port=host.port, host_keys=(host.host_key,))
    with connect(where, seconds=5) as deploy:
        deploy.login(ACCOUNT, world.keys["old"])
        assert world.run().verdict is Verdict.PASSED
        assert deploy.run("echo migrated", b"", seconds=5).out == b"migrated\n"
    with connect(where, seconds=5) as again, pytest.raises(OperatorError, match=r"^ssh.login_refused"):
        again.login(ACCOUNT, world.keys["old"])
    with connect(where, seconds=5) as again:
        again.login(ACCOUNT, Secret(world.services.hub.secrets[COPY]))
        assert again.run("echo smoke", b"", seconds=5).out == b"smoke\n"


# ── the inventory ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_stands_on_the_accounts_is_told(world: World) -> None:
    weak, ecdsa, shared = pair("rsa").public, pair("ecdsa").public, pair().public
    extra = f"{weak} a\n{ecdsa} b\n{shared} c\nno key at all\n".encode()
    world.write(ONE, "old", before=extra)
    world.write(TWO, "old", before=f"{shared} c\n".encode())
    world.ssh_changes["ecdsa"] = False
    outcome = world.run(dry_run=True)
    prints = [PublicKey.of(key).fingerprint for key in (weak, ecdsa, shared)]
    assert told(outcome) == [
        *(("ssh.weak_key", one) for one in sorted(prints[:2])),
        *(("ssh.unknown_key", one) for one in sorted(prints)),
        ("ssh.shared_key", prints[2]),
        ("ssh.unparsable_lines", ONE),
    ]
    found = [(row[0], row[3], row[4]) for row in rows(outcome, "keys")]
    assert found == [
        (ONE, "desconhecido", "ssh-rsa (2048)"),
        (ONE, "desconhecido", "ecdsa-sha2-nistp256 (256)"),
        (ONE, "desconhecido", "ssh-ed25519 (256)"),
        (ONE, "marias-ops (ops)", "ssh-ed25519 (256)"),
        (ONE, f"Ana de {ONE}", "ssh-ed25519 (256)"),
        (TWO, "desconhecido", "ssh-ed25519 (256)"),
        (TWO, "marias-ops (ops)", "ssh-ed25519 (256)"),
        (TWO, f"Ana de {TWO}", "ssh-ed25519 (256)"),
    ]


def test_a_key_is_known_since_the_first_inventory_and_a_broken_one_is_passed_over(world: World) -> None:
    world.hosts = cases.ONE_ALONE
    day = "production/ssh-rotation/2026-01-05"
    fingerprint = world.key("old").fingerprint
    known = f"Conta,Impressão digital,Vista desde,De quem\n{ONE},{fingerprint},2026-01-05,x\n"
    for key, body in ((f"{day}/a/attempt-1/keys.csv", known), (f"{day}/b/attempt-1/keys.csv", "a,b,c\nx,y,no day\n")):
        world.services.buckets.put_object(Bucket=world.bucket, Key=key, Body=body.encode("utf-8-sig"))
    outcome = world.run(dry_run=True)
    assert [row[2] for row in rows(outcome, "keys") if row[1] == fingerprint] == ["2026-01-05"]
    assert outcome.coverage == ()


def test_evidence_that_cannot_be_read_holds_up_no_rotation(world: World) -> None:
    world.hosts = cases.ONE_ALONE
    world.bucket = "no-such-bucket"
    outcome = world.run(compromised=True)
    assert [entry.what for entry in outcome.coverage if not entry.assessed] == ["ssh.first_seen"]
    assert (world.stored, world.opens(ONE)) == (ROTATED, {"new"})


# ── the private key ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_private_key_is_in_a_log_an_outcome_a_fact_a_file_an_environment_or_a_command(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hosts, world.copied = cases.ONE_ALONE, True
    caplog.set_level(logging.DEBUG)
    facts: list[str] = []
    for module in (steps, sync):
        for name, step in tuple(vars(module).items()):
            if isinstance(step, Task):
                monkeypatch.setattr(module, name, telling(step.fn, facts))
    with watched() as seen:
        outcomes = [world.run(dry_run=True), world.run(), world.run(rotate_now=True, compromised=True)]
    assert sorted(world.stored) == ["new", "new-2"]
    assert [outcome.verdict for outcome in outcomes] == [Verdict.PASSED, Verdict.PASSED, Verdict.ATTENTION]
    lines = [line for secret in world.keys.values() for line in secret.reveal().splitlines()[2:-1]]
    assert len(lines) >= 3 * 3
    files = [str(path).encode() + b" " + path.read_bytes() for path in everything(world)]
    texts = [caplog.text, world.told, *map(repr, outcomes), *facts, str(dict(os.environ))]
    places = (*(text.encode() for text in texts), *files, *seen)
    assert [line for line in lines if any(line.encode() in place for place in places)] == []
    assert all(world.key("new").fingerprint in text for text in (world.told, "".join(facts), repr(outcomes)))


def telling(step: Callable[..., Any], facts: list[str]) -> Callable[..., Any]:
    def told_of(*args: object, **kwargs: object) -> Any:  # noqa: ANN401 - whatever the step returns
        answer = step(*args, **kwargs)
        facts.append(repr((args, kwargs, answer)))
        return answer

    return told_of


def everything(world: World) -> list[Path]:
    """Return what the servers have written, but for their own keys."""
    found = (path for host in world.ssh.hosts.values() for path in host.folder.rglob("*"))
    return [path for path in found if path.is_file() and not path.name.startswith("host_key_")]


@contextmanager
def watched() -> Iterator[set[bytes]]:
    """Collect the arguments and the environment of every process there is, again and again."""
    seen, over = set[bytes](), Event()

    def look() -> None:
        while not over.wait(0.01):
            for name in ("cmdline", "environ"):
                for file in Path("/proc").glob(f"[0-9]*/{name}"):
                    with suppress(OSError):
                        seen.add(file.read_bytes())

    watching = Thread(target=look)
    watching.start()
    try:
        yield seen
    finally:
        over.set()
        watching.join()
    assert any(b"sshd" in one for one in seen)

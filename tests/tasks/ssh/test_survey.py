"""Every account as it is: what its server answers, what stands in its files, what an edit would meet."""

import os
from datetime import timedelta
from threading import Timer
from typing import Any

import pytest

from deployments.lab.sshd import Fault, misbehaving
from tasks.adapters.s3 import S3
from tasks.core.attempt import Attempt, Trigger
from tasks.core.findings import Table
from tasks.evidence.store import BucketStore
from tasks.reports.csv import to_csv
from tasks.ssh.collect import past
from tasks.ssh.collect.reach import Reach
from tasks.ssh.collect.survey import each, look
from tasks.ssh.collect.vault import Vault
from tasks.ssh.model.keys import Answer, PublicKey
from tasks.ssh.model.rotated import INVENTORY, FirstSeen
from tasks.ssh.model.seen import KeyLine, Seen, State
from tasks.ssh.model.targets import Target, targets_of
from tests.tasks.ssh import cases
from tests.tasks.ssh.cases import ONE, TWO
from tests.tasks.ssh.values import NOW
from tests.tasks.ssh.world import ACCOUNT, NEAR, Harm, World, on_disk

ACCEPTED, REFUSED = Answer.ACCEPTED, Answer.REFUSED


def looked(world: World, *, trial: bool = False) -> Seen:
    (one,) = survey(world, trial=trial)[:1]
    return one


def survey(world: World, *, trial: bool = False) -> tuple[Seen, ...]:
    reach = Reach(cfg=world.cfg, vault=Vault(world.cfg, world.aws))
    return each(
        reach, targets_of(world.cfg, "ops"), lambda reach, target: look(reach, target, trial=trial), lambda *_: None
    )


def test_an_account_tells_who_may_enter_and_what_stands_in_its_file_without_comments_or_values(world: World) -> None:
    world.write(ONE, "old", options=NEAR, before=b"no key\n")
    one, person = looked(world), world.people[ONE]
    (file,) = one.files
    assert (one.state, one.why, one.answers, one.by) == (
        State.PROVED,
        "",
        {world.key("old").fingerprint: ACCEPTED},
        world.key("old").fingerprint,
    )
    assert (file.path, file.unparsable, file.trouble) == (str(world.host(ONE).file(ACCOUNT)), (3,), "")
    usual: dict[str, Any] = {"kind": "ssh-ed25519", "bits": 256}
    assert file.lines == (
        KeyLine(number=4, fingerprint=world.key("old").fingerprint, options=("from", "no-agent-forwarding"), **usual),
        KeyLine(number=5, fingerprint=PublicKey.of(person.public).fingerprint, options=("command", "no-pty"), **usual),
    )
    assert "Ana" not in repr(one)
    assert "10.0.0.0" not in repr(one)
    assert one.server.startswith("OpenSSH_")


@pytest.mark.parametrize(
    ("names", "state"),
    [(("old",), State.FRESH), (("old", "new"), State.ADDED), (("new",), State.PROVED), ((), State.LOST)],
)
def test_where_an_account_stands_is_what_its_server_answers(world: World, names: tuple[str, ...], state: State) -> None:
    world.put("new", retired=("old",))
    world.write(ONE, *names)
    one = looked(world)
    fingerprints = {name: world.key(name).fingerprint for name in ("new", "old")}
    expected = {key: ACCEPTED if name in names else REFUSED for name, key in fingerprints.items()}
    assert (one.state, one.answers) == (state, expected)


def test_an_account_that_only_a_key_opens_whose_private_half_is_gone_is_lost(world: World) -> None:
    world.text("retired")
    world.store_alone(world.text("old", retired=("retired",)))
    world.write(ONE, "retired")
    one = looked(world)
    assert (one.state, one.answers[world.key("retired").fingerprint], one.by) == (State.LOST, ACCEPTED, "")


def test_an_old_key_that_opens_nothing_from_here_keeps_an_account_from_being_proved(world: World) -> None:
    world.put("new", retired=("old",))
    world.write(ONE, "new", before=f'from="10.9.8.7" {world.public("old")}\n'.encode())
    assert looked(world).state is State.RETIRED


def test_a_look_changes_nothing_and_a_trial_leaves_nothing(world: World) -> None:
    before = on_disk(world)
    survey(world)
    assert on_disk(world) == before
    survey(world, trial=True)
    after = on_disk(world)
    assert {path for path, facts in after.items() if facts != before.get(path)} == {
        str(world.host(target).file(ACCOUNT).parent) for target in (ONE, TWO)
    }  # whose time is that of the trial
    assert after.keys() == before.keys()


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (cases.hard_linked, "ssh.trouble.hard_links"),
        (cases.forced, "ssh.trouble.no_shell"),
        (cases.without_sudo, "ssh.trouble.no_sudo"),
    ],
)
def test_what_an_edit_would_meet_is_found_before_and_the_answers_stand(world: World, harm: Harm, why: str) -> None:
    harm(world)
    _, two = survey(world, trial=True)
    assert (two.why, two.answers) == (why, {world.key("old").fingerprint: ACCEPTED})


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (Fault.CLOSE, "ssh.answer.dropped"),
        (Fault.RESET, "ssh.answer.reset ssh.answer.dropped"),  # which of them depends on who is quicker
        (Fault.GARBAGE, "ssh.answer.not_ssh"),
        (Fault.BUSY, "ssh.answer.busy"),
        (Fault.HANG, "ssh.answer.no_banner"),
    ],
)
def test_no_answer_is_never_a_refusal(world: World, fault: Fault, answer: str) -> None:
    host = world.host(ONE)
    host.stop()
    world.ssh_changes |= {"connect_seconds": 0.5}
    with misbehaving(fault, port=host.port):
        one, two = survey(world)
    assert (one.state, one.why, one.answers) == (State.UNKNOWN, "ssh.unreachable", {})
    assert one.answer in answer.split()
    assert two.state is State.PROVED


def test_a_frozen_server_does_not_stop_the_others(world: World) -> None:
    world.ssh_changes |= {"connect_seconds": 0.5}
    world.host(ONE).freeze()
    one, two = survey(world)
    assert (one.state, two.state) == (State.UNKNOWN, State.PROVED)


def test_a_host_that_does_not_answer_at_first_is_tried_again(world: World) -> None:
    world.ssh_changes |= {"tries": 10}
    world.host(ONE).stop()
    starting = Timer(0.1, world.host(ONE).start)
    starting.start()
    assert looked(world).state is State.PROVED
    starting.join()


def test_what_nobody_foresaw_is_one_account_s_trouble(world: World) -> None:
    def work(_reach: Reach, target: Target) -> Seen:
        if target.host == "web-1":
            raise ZeroDivisionError("secret text")
        return Seen(target=target, state=State.PROVED, at=NOW)

    told_of: list[tuple[int, int]] = []
    reach = Reach(cfg=world.cfg, vault=Vault(world.cfg, world.aws))
    found = each(reach, targets_of(world.cfg, "ops"), work, lambda number, of: told_of.append((number, of)))
    assert [(one.state, one.why) for one in found] == [(State.UNKNOWN, "core.unexpected"), (State.PROVED, "")]
    assert "secret text" not in repr(found)
    assert told_of == [(1, 2), (2, 2)]


def test_links_are_followed_as_sshd_follows_them(world: World) -> None:
    file = world.host(ONE).file(ACCOUNT)
    real = file.with_name("real")
    file.rename(real)
    file.symlink_to("real")
    person = world.host(ONE).accounts[ACCOUNT]
    os.chown(file, person.uid, person.gid, follow_symlinks=False)
    assert [found.path for found in looked(world).files] == [str(real)]


# ── what earlier inventories tell ────────────────────────────────────────────────────────────────────────────────────


def test_since_when_a_key_stands_is_the_earliest_that_any_inventory_tells(world: World) -> None:
    store = BucketStore(S3(world.aws), world.bucket)
    attempt = Attempt(
        duty="ssh-rotation", environment="lab", flow_run_id="r", number=1, trigger=Trigger.PERSON, started_at=NOW
    )
    assert past.first_seen(S3(world.aws), world.settings.evidence, attempt) == ()
    today = NOW.replace(hour=0)
    old, young = today - timedelta(days=100), today - timedelta(days=2)
    inventories = {
        "lab/ssh-rotation/2026-08-01/r1/attempt-1": [("ops@web", "SHA256:a", old)],
        "lab/ssh-rotation/2026-11-01/r2/attempt-1": [("ops@db", "SHA256:b", young)],
        "lab/ssh-rotation/2026-11-02/r3/attempt-1": [("ops@web", "SHA256:a", young), ("ops@db", "SHA256:b", today)],
        "staging/ssh-rotation/2026-11-02/r4/attempt-1": [("ops@web", "SHA256:c", old)],
    }
    for folder, found in inventories.items():
        rows = tuple((account, key, f"{at:%Y-%m-%d}", "Ana, ops") for account, key, at in found)
        table = Table(name=INVENTORY, title="", columns=("a", "b", "c", "d"), rows=rows)
        store.put_new(f"{folder}/{INVENTORY}.csv", to_csv(table), "text/csv")
        store.put_new(f"{folder}/accounts.csv", b"other", "text/csv")
    assert set(past.first_seen(S3(world.aws), world.settings.evidence, attempt)) == {
        FirstSeen(account="ops@web", fingerprint="SHA256:a", at=old),
        FirstSeen(account="ops@db", fingerprint="SHA256:b", at=young),
    }

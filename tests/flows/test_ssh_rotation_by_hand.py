"""Keys that people store, put back or change on accounts by hand, before and while a rotation works on them."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from tasks.core.attempt import Trigger
from tasks.core.findings import Verdict
from tasks.ssh.apply import edit
from tasks.ssh.model.keys import CURRENT, HOLD, PROVED
from tasks.ssh.rules import due
from tests.tasks.ssh import cases
from tests.tasks.ssh.cases import DB, ONE, PREVIOUS, TWO
from tests.tasks.ssh.world import ACCOUNT, COPY, YOUNG, World, mapping, told

WEB_AND_DB = ("web-1", "db-1")
TWO_FILES = (".ssh/authorized_keys", ".ssh/authorized_keys2")


@pytest.fixture(autouse=True)
def _every_day_is_a_working_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due, "is_business_day", lambda _day: True)


def move_back(world: World) -> None:
    """Make the key before the current one again, as people do in the console."""
    previous = next(version.id for version in world.stages.versions() if PREVIOUS in version.stages)
    world.stages.move(CURRENT, to=previous, off=world.current)


# ── in the store ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_that_a_person_put_in_anothers_place_is_given_to_the_accounts_the_next_morning(world: World) -> None:
    world.put_by_hand("theirs")
    outcome = world.run(trigger=Trigger.SCHEDULE)
    assert (outcome.verdict, told(outcome)) == (Verdict.PASSED, [])
    assert (world.opens(ONE), world.opens(TWO)) == ({"theirs"}, {"theirs"})
    assert world.stored == {"theirs": (CURRENT, PROVED), "old": (PREVIOUS,)}
    assert world.run(trigger=Trigger.SCHEDULE).result == "nothing_due"


def rotated_at_once(world: World) -> None:
    world.put_by_hand("theirs")
    world.run(rotate_now=True)


def rotated_for_a_leak(world: World) -> None:
    world.put_by_hand("theirs")
    world.run(compromised=True)


def put_twice(world: World) -> None:
    for name in ("theirs", "again"):
        world.put_by_hand(name)
        world.run()


@pytest.mark.parametrize("then", [rotated_at_once, rotated_for_a_leak, put_twice])
def test_a_host_that_knows_only_the_key_before_one_put_by_hand_is_not_lost(
    world: World, then: Callable[[World], None]
) -> None:
    world.hosts = WEB_AND_DB
    cases.down("db-1", optional=True)(world)
    then(world)
    world.heal()
    outcome = world.run()
    assert (told(outcome), mapping(outcome)) == ([], {ONE: "proved", DB: "proved"})
    assert len(world.opens(DB)) == 1


def test_a_key_that_lost_its_stage_serves_again_when_a_person_gives_it_one(world: World) -> None:
    old = world.current
    for name in ("theirs", "again"):
        world.put_by_hand(name)
    assert {("ssh.lost", ONE), ("ssh.lost", TWO)} <= set(told(world.run()))
    world.stages.move(f"{HOLD}{old}", to=old, off=None)
    outcome = world.run()
    assert (told(outcome), world.opens(ONE), world.opens(TWO)) == ([], {"again"}, {"again"})


def test_a_host_that_was_down_when_an_old_key_was_made_the_current_one_again_is_not_lost(world: World) -> None:
    world.hosts = WEB_AND_DB
    world.run()
    move_back(world)
    cases.down("db-1", optional=True)(world)
    world.run(trigger=Trigger.SCHEDULE)
    world.heal()
    outcome = world.run(trigger=Trigger.SCHEDULE)
    assert (told(outcome), mapping(outcome)) == ([], {ONE: "proved", DB: "proved"})


def test_a_key_that_was_proved_once_and_is_the_current_one_again_is_given_to_the_accounts_again(world: World) -> None:
    world.hosts = WEB_AND_DB
    world.put_by_hand("theirs")
    world.run()
    cases.down("db-1", optional=True)(world)
    world.run(rotate_now=True)
    world.heal()
    move_back(world)
    world.run(trigger=Trigger.SCHEDULE)
    assert (world.opens(ONE), world.opens(DB)) == ({"theirs"}, {"theirs"})


def test_a_key_that_was_moved_back_and_forth_is_given_to_the_accounts_again(world: World) -> None:
    world.hosts = cases.ONE_ALONE
    world.ssh_changes["max_age_days"] = 365
    world.run(rotate_now=True)
    for opens in ("old", "new"):
        move_back(world)
        world.run(trigger=Trigger.SCHEDULE)
        assert world.opens(ONE) == {opens}
    assert world.run(trigger=Trigger.SCHEDULE).result == "nothing_due"


def test_the_same_key_stored_again_is_not_taken_from_the_accounts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hosts = cases.ONE_ALONE
    world.age(YOUNG)
    world.put_by_hand("old", environment="production")
    edits = list[object]()
    monkeypatch.setattr(edit, "_replaced", lambda *given: edits.append(given))
    outcome = world.run()
    assert (told(outcome), edits, world.opens(ONE)) == ([], [], {"old"})


def test_the_keys_before_one_that_was_stored_again_are_not_forgotten(world: World) -> None:
    world.hosts = cases.ONE_ALONE
    world.store_alone(world.text("new", age=timedelta(days=20), retired=("old",)))
    world.write(ONE, "new")
    world.put_by_hand("new")
    world.ssh_changes["grace_days"] = 0
    for _ in range(2):
        world.run(trigger=Trigger.SCHEDULE)
    world.write(ONE, "new", "old")
    world.run()
    assert world.opens(ONE) == {"new"}


@pytest.mark.parametrize("read_only", ["web-1", "web-2"])
def test_ci_keeps_its_key_while_an_account_cannot_take_the_one_that_a_person_put(world: World, read_only: str) -> None:
    world.copied = True
    world.services.hub.secrets[COPY] = world.keys["old"].reveal()
    world.put_by_hand("theirs")
    world.ssh.hosts[read_only].make_read_only(ACCOUNT)
    outcome = world.run()
    assert told(outcome)[-1] == ("ssh.waiting", "ops")
    assert world.services.hub.secrets[COPY] == world.keys["old"].reveal()
    assert "old" in world.opens(ONE) & world.opens(TWO)


def test_a_leaked_key_is_named_also_when_another_was_put_in_its_place_by_hand(world: World) -> None:
    world.hosts = cases.ONE_ALONE
    world.put_by_hand("theirs")
    (found,) = world.run(compromised=True).findings
    assert (found.rule, world.key("old").fingerprint in str(found.data)) == ("ssh.compromise_removed", True)


def test_another_environment_that_was_faster_ends_the_run(world: World) -> None:
    world.hosts = cases.ONE_ALONE

    def other_was_faster(step: str, _seconds: float) -> None:
        if step == "survey":
            world.put("new", environment="other")

    outcome = world.run(other_was_faster)
    assert told(outcome)[0] == ("ssh.other_environment", "ops")
    assert (world.content(ONE), world.opens(ONE)) == (world.written[ONE], {"old"})


# ── on an account, while a rotation works on it ──────────────────────────────────────────────────────────────────────


@pytest.fixture
def second(world: World) -> Iterator[Path]:
    """Yield where a second file of keys may stand, which sshd reads as well."""
    host = world.ssh.hosts["web-1"]
    host.configure(AuthorizedKeysFile=" ".join(TWO_FILES))
    world.hosts, world.host_changes["web-1"] = cases.ONE_ALONE, {"authorized_keys": TWO_FILES}
    path = host.file(ACCOUNT).with_name("authorized_keys2")
    yield path
    with suppress(FileNotFoundError):
        path.unlink()
    host.configure()


@pytest.mark.parametrize("options", ["", 'from="192.0.2.9" '], ids=["opens", "opens from elsewhere"])
@pytest.mark.parametrize(("step", "compromised"), [("add", False), ("survey", False), ("survey", True)])
def test_an_old_key_that_comes_into_another_file_after_the_survey_is_removed_there_too(
    world: World, second: Path, step: str, options: str, *, compromised: bool
) -> None:
    def put(ended: str, _seconds: float) -> None:
        if ended == step:
            second.write_text(f"{options}{world.public('old')} old\n")
            second.chmod(0o600)
            os.chown(second, second.parent.stat().st_uid, second.parent.stat().st_gid)

    outcome = world.run(put, compromised=compromised)
    assert (mapping(outcome), world.public("old") in second.read_text()) == ({ONE: "proved"}, False)


@pytest.mark.parametrize("transport", ["shell", "sftp"])
@pytest.mark.parametrize("step", ["survey", "add"])
def test_a_file_that_moves_after_the_survey_is_found_where_it_is(
    world: World, second: Path, step: str, transport: str
) -> None:
    world.host_changes["web-1"]["transport"] = transport
    file = world.host(ONE).file(ACCOUNT)

    def move(ended: str, _seconds: float) -> None:
        if ended == step:
            file.rename(second)

    outcome = world.run(move)
    assert (mapping(outcome), world.opens(ONE)) == ({ONE: "proved"}, {"new"})


@pytest.mark.parametrize("step", ["survey", "add"])
@pytest.mark.parametrize("transport", ["shell", "sftp"])
def test_a_mode_that_was_mended_after_the_survey_stays(world: World, step: str, transport: str) -> None:
    world.hosts, world.host_changes["web-1"] = cases.ONE_ALONE, {"transport": transport}
    file = world.host(ONE).file(ACCOUNT)
    file.chmod(0o644)

    def mend(ended: str, _seconds: float) -> None:
        if ended == step:
            file.chmod(0o600)

    assert world.run(mend).verdict is Verdict.PASSED
    assert file.stat().st_mode & 0o777 == 0o600

"""One account on its way to the wanted key: each edit is proved on a fresh connection, or taken back."""

from collections.abc import Callable
from threading import Lock
from time import sleep

import pytest

from tasks.adapters.ssh.files import Files, NotEdited, RemoteFile
from tasks.core.errors import OperatorError
from tasks.ssh.apply import advance, edit, fleet
from tasks.ssh.collect.reach import Reach, Visit
from tasks.ssh.collect.vault import Vault
from tasks.ssh.model.keys import Answer
from tasks.ssh.model.plan import Why
from tasks.ssh.model.seen import Seen, State
from tasks.ssh.model.targets import Target, targets_of
from tests.tasks.ssh.cases import ONE, TWO
from tests.tasks.ssh.values import cfg, seen
from tests.tasks.ssh.world import ACCOUNT, World

ACCEPTED, REFUSED = Answer.ACCEPTED, Answer.REFUSED
Work = Callable[[Reach, Target], Seen]


@pytest.fixture
def half(world: World) -> World:
    """Return a world in which the new key is pending, and no host knows it."""
    world.put("new", retired=("old",))
    return world


def reach(world: World) -> Reach:
    return Reach(cfg=world.cfg, vault=Vault(world.cfg, world.aws))


def worked(world: World, work: Work) -> Seen:
    return work(reach(world), targets_of(world.cfg, "ops")[0])


def answers(world: World, new: Answer, old: Answer) -> dict[str, Answer]:
    return {world.key("new").fingerprint: new, world.key("old").fingerprint: old}


def told(one: Seen) -> tuple[State, str, bool]:
    return one.state, one.why, one.undone


def lines(world: World, *shown: str) -> tuple[str, ...]:
    file = world.host(ONE).file(ACCOUNT)
    named = {f"{{{name}}}": f"ssh-ed25519 {world.key(name).fingerprint}" for name in ("old", "new")}
    texts = list(shown)
    for name, fingerprint in named.items():
        texts = [text.replace(name, fingerprint) for text in texts]
    return tuple(f"{file}: {text}" for text in texts)


def test_a_key_is_added_beside_the_old_one_and_proved(half: World) -> None:
    one = worked(half, advance.add)
    assert (told(one), one.answers) == ((State.ADDED, "", False), answers(half, ACCEPTED, ACCEPTED))
    assert (one.by, one.diff) == (half.key("new").fingerprint, lines(half, "+ 4 {new}"))
    assert half.opens(ONE) == {"old", "new"}


def test_what_is_added_already_is_only_proved(half: World) -> None:
    half.write(ONE, "old", "new")
    one = worked(half, advance.add)
    assert (told(one), one.diff, half.content(ONE)) == ((State.ADDED, "", False), (), half.written[ONE])


def test_other_keys_are_removed_and_proved_to_open_nothing(half: World) -> None:
    half.write(ONE, "old", "new")
    one = worked(half, advance.prove)
    assert (told(one), one.answers) == ((State.PROVED, "", False), answers(half, ACCEPTED, REFUSED))
    assert one.diff == lines(half, "- 3 {old}")
    assert half.opens(ONE) == {"new"}


def test_nothing_is_removed_before_the_wanted_key_opens(half: World) -> None:
    one = worked(half, advance.prove)
    assert (told(one), half.content(ONE), half.opens(ONE)) == ((State.FRESH, "", False), half.written[ONE], {"old"})


def test_nothing_is_written_where_no_key_opens(half: World) -> None:
    half.write(ONE)
    for work in (advance.add, advance.prove, advance.exchange):
        assert told(worked(half, work)) == (State.LOST, "", False)
    assert half.content(ONE) == half.written[ONE]


def test_an_exchange_tells_both_edits(half: World) -> None:
    one = worked(half, advance.exchange)
    assert (told(one), one.diff) == ((State.PROVED, "", False), lines(half, "+ 4 {new}", "- 3 {old}"))


def test_an_exchange_ends_where_the_key_could_not_be_added(half: World) -> None:
    half.host(ONE).configure(AuthorizedKeysCommand=f"/bin/echo {half.public('old')}", AuthorizedKeysCommandUser=ACCOUNT)
    half.write(ONE)
    assert told(worked(half, advance.exchange)) == (State.HELD, "ssh.trouble.other_source", False)


def test_a_key_that_no_file_holds_and_that_still_opens_comes_from_elsewhere(half: World) -> None:
    half.write(ONE, "old", "new")
    half.host(ONE).configure(AuthorizedKeysCommand=f"/bin/echo {half.public('old')}", AuthorizedKeysCommandUser=ACCOUNT)
    one = worked(half, advance.prove)
    assert told(one) == (State.OTHER_SOURCE, "ssh.trouble.other_source", False)
    assert half.public("old").encode() not in half.content(ONE)


def refuse_after(half: World, monkeypatch: pytest.MonkeyPatch, name: str, then: Callable[[], object]) -> None:
    """Let something happen on the host between an edit and its proof."""
    change = advance.EDITS

    def edited(here: Visit, edits: list[edit.Edited]) -> None:
        getattr(edit, name)(here, edits)
        then()

    replaced = {
        goal: {state: edited if one is getattr(edit, name) else one for state, one in edits.items()}
        for goal, edits in change.items()
    }
    monkeypatch.setattr(advance, "EDITS", replaced)


@pytest.mark.parametrize(("name", "work"), [("add", advance.add), ("remove", advance.prove)])
def test_an_edit_after_which_the_wanted_key_is_refused_is_taken_back(
    half: World, monkeypatch: pytest.MonkeyPatch, name: str, work: Work
) -> None:
    if name == "remove":
        half.write(ONE, "old", "new")
    revoked = half.host(ONE).place("srv") / "revoked"

    def revoke() -> None:
        revoked.write_text(f"{half.public('new')}\n")
        half.host(ONE).configure(RevokedKeys=str(revoked))

    refuse_after(half, monkeypatch, name, revoke)
    one = worked(half, work)
    assert told(one) == (State.HELD, "ssh.trouble.not_accepted", True)
    assert half.content(ONE) == half.written[ONE]
    half.host(ONE).configure()
    assert "old" in half.opens(ONE)


def test_what_somebody_else_wrote_meanwhile_is_not_taken_back(half: World, monkeypatch: pytest.MonkeyPatch) -> None:
    revoked = half.host(ONE).place("srv") / "revoked"

    def revoke() -> None:
        with half.host(ONE).file(ACCOUNT).open("ab") as file:
            file.write(b"\n# written meanwhile\n")
        revoked.write_text(f"{half.public('new')}\n")
        half.host(ONE).configure(RevokedKeys=str(revoked))

    refuse_after(half, monkeypatch, "add", revoke)
    assert told(worked(half, advance.add)) == (State.HELD, "ssh.trouble.not_accepted", True)
    assert half.content(ONE).endswith(b"\n# written meanwhile\n")
    assert half.public("new").encode() in half.content(ONE)


def test_an_edit_that_somebody_else_made_since_the_server_was_asked_is_looked_at_again(
    half: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made_by_another(_here: Visit, _edits: list[edit.Edited]) -> None:
        half.write(ONE, "old", "new")

    monkeypatch.setattr(advance, "EDITS", {**advance.EDITS, State.ADDED: {State.FRESH: made_by_another}})
    assert told(worked(half, advance.add)) == (State.ADDED, "", False)


def test_a_file_that_the_server_will_not_write_holds_the_account_with_what_it_answered(
    half: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_here: Visit, _edits: list[edit.Edited]) -> None:
        raise OperatorError("ssh.not_edited", "file", NotEdited(reason="EIO"))

    monkeypatch.setattr(advance, "EDITS", {**advance.EDITS, State.ADDED: {State.FRESH: refused}})
    one = worked(half, advance.add)
    assert (told(one), one.answers) == ((State.HELD, "ssh.not_edited", False), answers(half, REFUSED, ACCEPTED))


def test_of_two_files_the_one_that_was_changed_is_told_when_the_other_cannot_be(
    half: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = half.host(ONE).file(ACCOUNT).with_name("authorized_keys2")
    second.write_text(f"{half.public('old')} again\n")
    second.chmod(0o600)
    half.host(ONE).configure(AuthorizedKeysFile=".ssh/authorized_keys .ssh/authorized_keys2")
    replaced = edit._replaced  # noqa: SLF001 - the second file, at the last moment

    def only_the_first(here: Visit, files: Files, file: RemoteFile, change: edit.Change) -> edit.Edited:
        if file.path.endswith("2"):
            raise OperatorError("ssh.not_edited", file.path, NotEdited(reason="EIO"))
        return replaced(here, files, file, change)

    monkeypatch.setattr(edit, "_replaced", only_the_first)
    one = worked(half, advance.add)
    assert (told(one), one.diff) == ((State.HELD, "ssh.not_edited", False), lines(half, "+ 4 {new}"))


def test_a_fleet_is_left_when_its_first_account_failed_and_says_how_far_it_came(half: World) -> None:
    half.write(ONE)
    targets, told_of = targets_of(half.cfg, "ops"), list[tuple[int, int]]()
    done = fleet.worked(reach(half), targets, advance.add, Why.AGE, lambda number, of: told_of.append((number, of)))
    assert ([one.state for one in done], told_of) == ([State.LOST], [(1, 2)])
    done = fleet.worked(reach(half), targets, advance.exchange, Why.COMPROMISED, lambda *_: None)
    assert [one.state for one in done] == [State.LOST, State.PROVED]
    assert half.opens(TWO) == {"new"}


def test_a_fleet_begins_with_one_account_has_a_quarter_in_work_and_no_more_begin_when_too_many_failed() -> None:
    begun, most, lock, now = list[str](), list[int](), Lock(), list[str]()

    def work(_reach: object, one: Target) -> Seen:
        with lock:
            begun.append(one.host)
            now.append(one.host)
            most.append(len(now))
        sleep(0.02)
        with lock:
            now.remove(one.host)
        return seen(State.HELD if int(one.host[1:]) in range(6, 12) else State.ADDED, one.host)

    many = [Target(purpose="ops", host=f"h{number}", account="ops") for number in range(20)]
    done = fleet.worked(Reach(cfg=cfg(), vault=None), many, work, Why.AGE, lambda *_: None)  # type: ignore[arg-type]
    assert [one.target for one in done] == [one for one in many if one.host in begun]
    assert (begun[:2], most[:2], max(most)) == (["h0", "h1"], [1, 1], 5)
    assert 11 <= len(done) <= 16

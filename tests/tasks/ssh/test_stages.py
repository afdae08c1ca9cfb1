"""A key's way through the stages of its secret: each move may be made twice, and a kill after any is no harm."""

import json
from datetime import timedelta

import pytest

from tasks.core.errors import OperatorError
from tasks.ssh.apply import stages
from tasks.ssh.collect.vault import Vault
from tasks.ssh.model.keys import CURRENT, HOLD, PENDING, PROVED, Keys, PublicKey
from tasks.ssh.model.plan import PurposePlan, Why
from tasks.ssh.model.told import OfPurpose
from tests.tasks.ssh.cases import HELD, PREVIOUS, ROTATED, STRANDED, WAITING
from tests.tasks.ssh.world import World

NO_GRACE, GRACE = timedelta(0), timedelta(days=7)


def vault(world: World) -> Vault:
    return Vault(world.cfg, world.aws)


def staged(world: World, *, new_key: bool = True, base: str = "") -> Keys:
    part = PurposePlan(purpose="ops", why=Why.AGE, base=base or world.current, new_key=new_key)
    return stages.stage(vault(world), part, "lab")


def test_a_new_key_is_pending_before_anybody_knows_it_and_names_all_before_it(world: World) -> None:
    world.text("older")
    world.store_alone(world.text("old", retired=("older",)))
    found = staged(world)
    assert world.stored == WAITING
    assert found.all == tuple(map(world.key, ("new", "old", "older")))
    assert found.pending is not None
    assert found.pending.key.kind == "ssh-ed25519"
    written = json.loads(world.stages.at(PENDING).text.reveal())
    assert (written["environment"], found.environment) == ("lab", "lab")
    assert written["public_key"] == f"{world.public('new')} marias-ops ops {found.pending.created_at:%Y-%m-%d}"


def promote(world: World) -> Keys:
    """Promote what is pending now, as after it was verified."""
    return stages.promote(vault(world), "ops", verified=wanted(world))


def wanted(world: World) -> str:
    """Return the id of the version that every account should know alone."""
    return vault(world).ring("ops").keys.wanted.id


def test_what_was_not_verified_is_neither_promoted_nor_settled(world: World) -> None:
    staged(world)
    with pytest.raises(OperatorError, match=r"ssh\.changed_meanwhile"):
        stages.promote(vault(world), "ops", verified="another")
    with pytest.raises(OperatorError, match=r"ssh\.changed_meanwhile"):
        stages.settle(vault(world), "ops", proved="another", grace=NO_GRACE)
    assert world.stored == WAITING


def test_a_key_is_made_once_however_often_and_by_whomever_it_is_staged(world: World) -> None:
    first = staged(world)
    again = staged(world)
    assert (first.versions, world.stored) == (again.versions, WAITING)


def test_of_two_at_the_same_moment_both_go_on_with_the_key_of_the_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stages._made  # noqa: SLF001 - the moment between looking and storing

    def later(keys: Keys, thrown_away: tuple[PublicKey, ...], environment: str) -> object:
        monkeypatch.setattr(stages, "_made", made)
        staged(world)
        return made(keys, thrown_away, environment)

    monkeypatch.setattr(stages, "_made", later)
    found = staged(world)
    assert world.stored == WAITING
    assert found.wanted.key == world.key("new")


def test_no_key_is_made_that_the_plan_does_not_want(world: World) -> None:
    assert staged(world, new_key=False).pending is None
    assert world.stored == {"old": (CURRENT,)}


def test_a_plan_for_another_current_key_is_refused(world: World) -> None:
    with pytest.raises(OperatorError) as caught:
        staged(world, base="another")
    error = caught.value
    assert (error.code, error.data) == ("ssh.changed_meanwhile", OfPurpose(purpose="ops", secret=world.secret))
    assert world.stored == {"old": (CURRENT,)}


def test_keys_that_were_thrown_away_are_not_taken_up_again_and_there_is_an_end_to_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "TRIES", 3)
    for _ in range(3):
        found = staged(world)
        world.stages.move(PENDING, to=None, off=found.wanted.id)
    with pytest.raises(OperatorError, match=r"^ssh.changed_meanwhile: ops$"):
        staged(world)
    assert world.stored == {"old": (CURRENT,)}


def test_a_promotion_holds_the_key_before_it(world: World) -> None:
    staged(world)
    for _ in range(2):
        found = promote(world)
        assert world.stored == STRANDED
        assert (found.current.key, [version.key for version in found.held]) == (world.key("new"), [world.key("old")])


@pytest.mark.parametrize("moves", [1, 2, 3])
def test_a_promotion_that_was_cut_off_after_any_move_is_finished_by_the_next(world: World, moves: int) -> None:
    staged(world)
    old, new = world.current, next(v.id for v in world.stages.versions() if PENDING in v.stages)
    steps = ((f"{HOLD}{old}", old, None), (CURRENT, new, old), (PENDING, None, new))
    for stage, to, off in steps[:moves]:
        world.stages.move(stage, to=to, off=off)
    promote(world)
    assert world.stored == STRANDED


def test_holds_stay_until_all_is_proved_and_the_previous_key_for_its_grace(world: World) -> None:
    staged(world)
    promote(world)
    stages.settle(vault(world), "ops", proved="", grace=NO_GRACE)
    assert world.stored == STRANDED
    stages.settle(vault(world), "ops", proved=wanted(world), grace=GRACE)
    assert world.stored == ROTATED
    for _ in range(2):
        stages.settle(vault(world), "ops", proved=wanted(world), grace=NO_GRACE)
        assert world.stored == {"new": (CURRENT,)}


def test_the_previous_key_is_not_let_go_while_another_is_pending(world: World) -> None:
    staged(world)
    promote(world)
    assert world.stored == STRANDED
    world.put("newer", retired=("new", "old"))
    stages.settle(vault(world), "ops", proved=wanted(world), grace=NO_GRACE)
    assert world.stored == {"newer": (PENDING,), "new": (CURRENT,), "old": (PREVIOUS,)}


def test_keys_of_two_rotations_are_held_side_by_side(world: World) -> None:
    for _ in range(2):
        staged(world)
        promote(world)
    names = {"new": (PREVIOUS, HELD), "new-2": (CURRENT,), "old": (HELD,)}
    assert sorted(world.stored.values()) == sorted(names.values())
    stages.settle(vault(world), "ops", proved=wanted(world), grace=GRACE)
    assert sorted(world.stored.values()) == [(CURRENT,), (PREVIOUS,)]


def test_a_key_that_a_person_put_is_marked_once_it_is_proved_and_the_one_before_stays_known(world: World) -> None:
    world.put_by_hand("theirs")
    for _ in range(2):
        found = stages.settle(vault(world), "ops", proved=wanted(world), grace=NO_GRACE)
        assert world.stored == {"theirs": (CURRENT, PROVED), "old": (PREVIOUS,)}
        assert found.all == tuple(map(world.key, ("theirs", "old")))


def test_the_mark_of_a_key_that_a_person_put_goes_with_the_next_rotation(world: World) -> None:
    world.put_by_hand("theirs")
    stages.settle(vault(world), "ops", proved=wanted(world), grace=NO_GRACE)
    staged(world)
    promote(world)
    found = stages.settle(vault(world), "ops", proved=wanted(world), grace=NO_GRACE)
    assert world.stored == {"new": (CURRENT,)}
    assert found.all == tuple(map(world.key, ("new", "theirs", "old")))


def test_the_mark_is_moved_from_one_key_that_a_person_put_to_the_next(world: World) -> None:
    for name in ("first", "second"):
        world.put_by_hand(name)
        stages.settle(vault(world), "ops", proved=wanted(world), grace=NO_GRACE)
    assert world.stored == {"second": (CURRENT, PROVED), "first": (PREVIOUS,)}

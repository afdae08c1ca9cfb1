"""What a run means to do, how far it may go, and when a new key may become the current one."""

from datetime import timedelta
from itertools import combinations

import pytest

from tasks.adapters.ssh.files import Trouble
from tasks.core.errors import OperatorError
from tasks.ssh.model.keys import CURRENT, PENDING, Keys
from tasks.ssh.model.plan import Action, Plan, PurposePlan, Step, Survey, Why
from tasks.ssh.model.seen import Seen, State
from tasks.ssh.model.targets import Target
from tasks.ssh.model.told import Digests
from tasks.ssh.rules import planning
from tests.tasks.ssh.values import (
    ACCEPTED,
    NEW,
    NOW,
    OLD,
    OLDER,
    PREVIOUS,
    REFUSED,
    cfg,
    file,
    half,
    keys,
    line,
    opened_by_old,
    seen,
    target,
    version,
)

ROTATE, FINISH, LEAVE, NOTHING = Action.ROTATE, Action.FINISH, Action.LEAVE, Action.NOTHING
STOPPED = "ssh.why.fleet_stopped"
NO_SPACE = "ssh.trouble.no_space"


def part(found: Keys, why: Why, *looked: Seen) -> PurposePlan:
    (made,) = planning.plan([Survey(keys=found, seen=looked)], {"ops": why}).purposes
    return made


def actions(found: Keys, why: Why, *looked: Seen) -> list[tuple[Action, str]]:
    return [(step.action, step.why) for step in part(found, why, *looked).steps]


def test_a_due_key_is_exchanged_wherever_the_old_one_opens() -> None:
    older = {OLD.fingerprint: ACCEPTED, OLDER.fingerprint: ACCEPTED}
    looked = (opened_by_old(), opened_by_old("db", answers=older, state=State.ADDED))
    assert part(keys(), Why.AGE, *looked) == PurposePlan(
        purpose="ops",
        why=Why.AGE,
        base="old",
        new_key=True,
        steps=(
            Step(target=target(), action=ROTATE, old=(OLD.fingerprint,)),
            Step(target=target("db"), action=ROTATE, old=tuple(sorted(older))),
        ),
    )


def test_a_half_rotation_is_finished_where_it_is_not_done() -> None:
    looked = [seen(state) for state in (State.FRESH, State.ADDED, State.RETIRED, State.PROVED)]
    found = part(half(), Why.HALF, *looked)
    assert [step.action for step in found.steps] == [FINISH, FINISH, FINISH, NOTHING]
    assert [step.old for step in found.steps] == [(OLD.fingerprint,), (OLD.fingerprint,), (), ()]
    assert (found.new_key, found.base) == (False, "old")


@pytest.mark.parametrize(
    ("why", "found", "one", "expected"),
    [
        (Why.AGE, keys(), opened_by_old(why=NO_SPACE), (LEAVE, NO_SPACE)),
        (Why.AGE, keys(), seen(State.UNKNOWN, why="ssh.unreachable"), (LEAVE, "ssh.unreachable")),
        (Why.HALF, half(), seen(State.FRESH, why=NO_SPACE), (LEAVE, NO_SPACE)),
        (Why.HALF, half(), seen(State.RETIRED, why=NO_SPACE), (FINISH, NO_SPACE)),
        (Why.HALF, half(), seen(State.PROVED, why=NO_SPACE), (NOTHING, NO_SPACE)),
        (Why.LOOK, keys(), seen(State.UNKNOWN, why="ssh.unreachable"), (NOTHING, "ssh.unreachable")),
        (Why.LOOK, half(PREVIOUS), seen(State.ADDED), (FINISH, "")),
        (Why.LOOK, half(PREVIOUS), seen(State.FRESH), (FINISH, "")),
    ],
    ids=[
        "a full disk keeps a due key",
        "silence keeps it, too",
        "a full disk keeps a half rotation",
        "where nothing need be written it does not",
        "where all is done it does not matter",
        "who looks is told",
        "who looks may have a key removed that came back",
        "and the current one added again",
    ],
)
def test_what_is_in_the_way_leaves_an_account_as_it_is(
    why: Why, found: Keys, one: Seen, expected: tuple[Action, str]
) -> None:
    assert actions(found, why, one) == [expected]


def test_a_lost_account_stops_its_purpose_but_for_a_compromised_key() -> None:
    looked = (opened_by_old(), seen(State.LOST, "db"))
    assert actions(keys(), Why.AGE, *looked) == [(LEAVE, STOPPED), (LEAVE, STOPPED)]
    assert actions(keys(), Why.COMPROMISED, *looked) == [(ROTATE, ""), (LEAVE, STOPPED)]


def test_no_key_is_made_that_no_account_could_learn() -> None:
    unknown = seen(State.UNKNOWN, why="ssh.unreachable")
    assert part(keys(), Why.AGE, unknown).possible is False
    assert part(half(), Why.HALF, unknown).possible is True
    assert part(keys(), Why.AGE, unknown, opened_by_old("db")).possible is True


# ── the digest ───────────────────────────────────────────────────────────────────────────────────────────────────────

BASE = PurposePlan(
    purpose="ops",
    why=Why.AGE,
    base="old",
    new_key=True,
    steps=(Step(target=target(), action=ROTATE, old=("a", "b")), Step(target=target("db"), action=LEAVE, old=())),
)


def changed(**known: object) -> PurposePlan:
    first = {"target": target(), "action": ROTATE, "old": ("a", "b"), **known}
    return PurposePlan(**{**fields(BASE), "steps": (Step(**first), BASE.steps[1])})  # type: ignore[arg-type]


def fields(of: PurposePlan) -> dict[str, object]:
    return {name: getattr(of, name) for name in ("purpose", "why", "base", "new_key", "steps")}


def test_the_digest_is_of_targets_old_keys_and_actions() -> None:
    plans = (
        BASE,
        changed(target=target("other")),
        changed(old=("a",)),
        changed(action=FINISH),
        PurposePlan(**{**fields(BASE), "new_key": False}),  # type: ignore[arg-type]
        PurposePlan(**{**fields(BASE), "purpose": "deploy"}),  # type: ignore[arg-type]
        PurposePlan(**{**fields(BASE), "why": Why.COMPROMISED}),  # type: ignore[arg-type]
    )
    digests = [Plan(purposes=(one,)).digest for one in plans]
    assert [a == b for a, b in combinations(digests, 2)] == [False] * 21
    assert {len(digest) for digest in digests} == {16}


def test_the_digest_does_not_depend_on_order_reasons_or_versions() -> None:
    same = PurposePlan(**{**fields(BASE), "why": Why.ASKED, "base": "x", "steps": BASE.steps[::-1]})  # type: ignore[arg-type]
    assert Plan(purposes=(same,)).digest == Plan(purposes=(BASE,)).digest
    assert Plan(purposes=(changed(old=("b", "a")),)).digest == Plan(purposes=(BASE,)).digest


def test_any_plan_is_agreed_to_where_none_was_named_and_no_other_where_one_was() -> None:
    surveys, why = [Survey(keys=keys(), seen=(opened_by_old(), opened_by_old("db")))], {"ops": Why.AGE}
    plan = planning.plan(surveys, why)
    now = plan.digest
    assert [planning.agreed(surveys, why, digest) for digest in ("", now)] == [plan, plan]
    with pytest.raises(OperatorError) as caught:
        planning.agreed(surveys, why, "0123456789abcdef")
    error = caught.value
    assert (error.code, error.data) == ("ssh.other_plan", Digests(agreed="0123456789abcdef", now=now))


def test_what_only_a_trial_finds_leaves_an_account_out_of_the_plan_that_was_agreed_to() -> None:
    why, seen_then = {"ops": Why.AGE}, (opened_by_old(), opened_by_old("db"))
    then = planning.plan([Survey(keys=keys(), seen=seen_then)], why).digest
    for trouble in Trouble:
        surveys = [Survey(keys=keys(), seen=(opened_by_old(why=trouble), seen_then[1]))]
        if trouble in planning.TRIED:
            assert planning.agreed(surveys, why, then) == planning.plan(surveys, why)
        else:
            with pytest.raises(OperatorError, match=r"^ssh.other_plan"):
                planning.agreed(surveys, why, then)


def test_the_lines_that_would_change_are_told_by_fingerprints_and_names_of_options() -> None:
    lines = (line(OLD, 1, options=("from", "restrict")), line(OLDER, 2), line(NEW, 3))
    one = opened_by_old(files=(file(*lines),))
    found = keys(retired=(OLDER,))
    assert planning.diff(one, found, new_key=True) == (
        f"/k: - 1 {OLD.fingerprint} [from,restrict]",
        "/k: + 1 SHA256:(nova) [from,restrict]",
        f"/k: - 2 {OLDER.fingerprint} []",
        "/k: + 2 SHA256:(nova) []",
    )
    assert planning.diff(one, half(), new_key=False) == (f"/k: - 1 {OLD.fingerprint} [from,restrict]",)
    fresh = opened_by_old(files=(file(lines[0]),))
    assert planning.diff(fresh, half(), new_key=False) == (
        f"/k: - 1 {OLD.fingerprint} [from,restrict]",
        f"/k: + 1 {NEW.fingerprint} [from,restrict]",
    )


# ── how far ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("total", "room"),
    [
        (1, [1, 1]),
        (3, [1, 1, 1, 1]),
        (9, [1, 1, 3, 3]),
        (40, [1, 2, 2, 10, 10]),
        (200, [1, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 50, 50]),
    ],
)
def test_one_target_is_first_then_a_twentieth_at_once_and_then_a_quarter(total: int, room: list[int]) -> None:
    assert [planning.at_once([seen(State.ADDED)] * done, total) for done in range(len(room))] == room


def test_from_the_first_that_fails_on_it_is_a_twentieth_again() -> None:
    done = [seen(State.ADDED)] * 100
    assert [planning.at_once([*done, seen(state)], 200) for state in (State.PROVED, State.HELD)] == [50, 10]


@pytest.mark.parametrize(
    ("states", "total", "stops"),
    [
        ([State.ADDED], 10, False),
        ([State.HELD], 10, True),
        ([State.HELD], 1, True),
        ([State.ADDED, State.HELD, State.UNKNOWN], 10, False),
        ([State.ADDED, State.HELD, State.UNKNOWN, State.FRESH], 10, True),
        ([State.ADDED, State.OTHER_SOURCE, State.PROVED, State.RETIRED], 4, False),
        ([State.ADDED, State.LOST], 100, True),
    ],
    ids=["none", "the first", "the only one", "exactly the share", "more", "all open", "one is lost"],
)
def test_the_rest_is_left_when_the_first_or_too_many_failed(states: list[State], total: int, *, stops: bool) -> None:
    results = [seen(state) for state in states]
    assert planning.too_many_failed(results, total, Why.AGE, cfg(stop_share=0.2)) is stops
    assert planning.too_many_failed(results, total, Why.COMPROMISED, cfg(stop_share=0.2)) is False


WEB, DB = target("web"), target("db")
OPEN = seen(State.ADDED)
OPEN_DB = seen(State.RETIRED, "db")


@pytest.mark.parametrize(
    ("looked", "waits", "later", "compromised"),
    [
        ((OPEN, OPEN_DB), (), (), ()),
        ((OPEN, seen(State.UNKNOWN, "db")), (), (), ()),
        ((seen(State.UNKNOWN), OPEN_DB), (WEB,), (), ()),
        ((seen(State.HELD), OPEN_DB), (WEB,), (WEB,), ()),
        ((OPEN, seen(State.LOST, "db")), (DB,), (DB,), ()),
        ((seen(State.UNKNOWN), seen(State.HELD, "db")), (WEB, DB), (WEB, DB), (WEB, DB)),
    ],
    ids=["all open", "an optional one does not", "a required one does not", "it is held", "one is lost", "none opens"],
)
def test_a_pending_key_waits_for_every_required_account_for_some_days(
    looked: tuple[Seen, ...], waits: tuple[Target, ...], later: tuple[Target, ...], compromised: tuple[Target, ...]
) -> None:
    patient = cfg(patience_days=3)
    exactly = keys(version(NEW, PENDING, age=timedelta(days=3)), version(OLD, CURRENT))
    after = keys(version(NEW, PENDING, age=timedelta(days=3, microseconds=1)), version(OLD, CURRENT))
    assert planning.missing(half(), looked, Why.AGE, patient) == waits
    assert planning.missing(exactly, looked, Why.AGE, patient) == waits
    assert planning.missing(after, looked, Why.AGE, patient) == later
    assert planning.missing(half(), looked, Why.COMPROMISED, patient) == compromised
    assert planning.waits_until(half(), patient) == NOW + timedelta(days=3)


def test_nothing_waits_where_nothing_is_pending() -> None:
    assert planning.missing(half(PREVIOUS), (seen(State.UNKNOWN),), Why.HALF, cfg()) == ()


def test_refused_and_unanswered_are_never_the_same() -> None:
    silent = seen(State.UNKNOWN, answers={NEW.fingerprint: REFUSED})
    assert actions(half(), Why.HALF, silent) == [(LEAVE, STOPPED)]

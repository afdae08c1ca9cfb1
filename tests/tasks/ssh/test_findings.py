"""What is wrong after a run, and how bad it is."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tasks.core.errors import OperatorError
from tasks.core.findings import Change, ChangeState, Coverage, Finding, Severity
from tasks.core.pt_br import SAO_PAULO
from tasks.ssh import rules
from tasks.ssh.model.keys import CURRENT, Keys
from tasks.ssh.model.plan import Action, Plan, PurposePlan, Step, Why
from tasks.ssh.model.rotated import Rotated
from tasks.ssh.model.seen import Seen, State
from tasks.ssh.model.told import Aged, HostKeys, OnTarget, Stopped, Waiting
from tasks.ssh.rules import findings
from tests.tasks.ssh.values import (
    NEW,
    NOW,
    OLD,
    OTHER,
    PREVIOUS,
    cfg,
    half,
    keys,
    opened_by_old,
    seen,
    target,
    version,
)

CFG = cfg()
CRITICAL, HIGH, MEDIUM = Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM
PROMOTED = half(PREVIOUS)


def rotated(
    *before: Seen,
    found: Keys = PROMOTED,
    why: Why = Why.AGE,
    action: Action = Action.ROTATE,
    latest: tuple[Seen, ...] = (),
) -> Rotated:
    steps = tuple(Step(target=one.target, action=action, old=(), why=one.why) for one in before)
    part = PurposePlan(purpose="ops", why=why, base="old", new_key=why is not Why.LOOK, steps=steps)
    return Rotated(part=part, keys=found, before=before).after(part.targets if latest else (), latest)


def on(rule: str, severity: Severity, host: str = "web", why: str = "", answer: str = "") -> Finding:
    data = OnTarget(purpose="ops", why=why, answer=answer)
    return Finding(rule=rule, severity=severity, subject=f"ops@{host}", data=data)


CHANGED = replace(
    seen(State.UNKNOWN, why="ssh.host_key_changed", answer="SHA256:x"), host="web", pinned=OTHER.fingerprint
)
UNPINNED = replace(seen(State.UNKNOWN, "db", why="ssh.host_key_unknown", answer="SHA256:x"), host="jump")


@pytest.mark.parametrize(
    ("one", "found"),
    [
        (seen(State.LOST), on("ssh.lost", CRITICAL)),
        (seen(State.OTHER_SOURCE, why="w"), on("ssh.other_source", CRITICAL, why="w")),
        (seen(State.UNKNOWN, why="u", answer="a"), on("ssh.target_unreachable", HIGH, why="u", answer="a")),
        (seen(State.UNKNOWN, "db", why="u"), on("ssh.target_unreachable", MEDIUM, "db", why="u")),
        (seen(State.HELD, why="h"), on("ssh.target_held", HIGH, why="h")),
        (seen(State.FRESH, why="h"), on("ssh.target_held", HIGH, why="h")),
        (
            CHANGED,
            Finding(
                rule="ssh.target_host_key",
                severity=CRITICAL,
                subject="ops@web",
                data=HostKeys(host="web", offered="SHA256:x", pinned=OTHER.fingerprint),
            ),
        ),
        (
            UNPINNED,
            Finding(
                rule="ssh.target_unpinned",
                severity=HIGH,
                subject="ops@db",
                data=HostKeys(host="jump", offered="SHA256:x", pinned="–"),
            ),
        ),
        (seen(State.PROVED), None),
        (seen(State.ADDED), None),
        (seen(State.PROVED, why="ssh.trouble.no_space"), None),
    ],
)
def test_each_state_of_an_account_is_told_with_its_weight(one: Seen, found: Finding | None) -> None:
    assert list(findings.of_targets(rotated(one), CFG)) == ([found] if found else [])


def test_an_account_that_was_left_on_its_key_is_told_though_that_alone_opens_it() -> None:
    left = rotated(opened_by_old(why="w"), found=keys(), action=Action.LEAVE)
    assert list(findings.of_targets(left, CFG)) == [on("ssh.target_held", HIGH, why="w")]


def test_a_fleet_that_was_stopped_is_told_with_its_numbers() -> None:
    done = rotated(opened_by_old(), opened_by_old("db"), latest=(seen(State.HELD, why="w"),))
    data = Stopped(failed=1, of=2, left=1)
    assert list(findings.of_rotation(done, CFG)) == [
        Finding(rule="ssh.stopped", severity=CRITICAL, subject="ops", data=data)
    ]


def test_a_key_that_waits_says_until_when_and_trouble_says_what_it_left() -> None:
    waiting = replace(rotated(opened_by_old(), found=half()), waiting=(target(),))
    until = (NOW + timedelta(days=3)).astimezone(SAO_PAULO)
    data = Waiting(missing=1, until=until)
    assert list(findings.of_rotation(waiting, CFG)) == [
        Finding(rule="ssh.waiting", severity=MEDIUM, subject="ops", data=data)
    ]
    error = OperatorError("secret.denied", "name")
    troubled = replace(rotated(opened_by_old(), found=keys()), trouble=error)
    assert list(findings.of_rotation(troubled, CFG)) == [
        Finding(rule="secret.denied", severity=HIGH, subject="name", data=error.data),
        Finding(rule="ssh.unfinished", severity=HIGH, subject="ops"),
    ]


@pytest.mark.parametrize(("days", "old"), [(90.0, False), (90.5, True)], ids=["exactly 90 days", "half a day more"])
def test_a_key_that_is_too_old_says_how_old(days: float, *, old: bool) -> None:
    done = rotated(opened_by_old(), found=keys(age=timedelta(days=days)))
    aged = Finding(rule="ssh.key_too_old", severity=HIGH, subject="ops", data=Aged(days=days, limit=90))
    assert list(findings.of_rotation(done, CFG)) == ([aged] if old else [])


def test_where_a_compromised_key_may_still_open_is_told_for_all_that_is_not_proved() -> None:
    before = (opened_by_old(), opened_by_old("db"))
    latest = (seen(State.PROVED), seen(State.UNKNOWN, "db", why="w"))
    done = rotated(*before, why=Why.COMPROMISED, latest=latest)
    assert list(findings.of_rotation(done, CFG)) == [on("ssh.may_still_open", CRITICAL, "db", why="w")]


def test_before_another_key_is_stored_a_compromised_one_opens_everything() -> None:
    before = (opened_by_old(), opened_by_old("db"))
    simulated = rotated(*before, found=keys(), why=Why.COMPROMISED)
    denied = replace(simulated, trouble=OperatorError("secret.denied", "name"))
    left = rotated(*before, found=keys(), why=Why.COMPROMISED, action=Action.LEAVE)
    why = "ssh.why.still_current"
    still = [
        Finding(rule="ssh.still_current", severity=CRITICAL, subject="ops"),
        on("ssh.may_still_open", CRITICAL, why=why),
        on("ssh.may_still_open", CRITICAL, "db", why=why),
    ]
    assert list(findings.of_rotation(simulated, CFG)) == []
    assert list(findings.of_rotation(denied, CFG))[2:] == still
    assert list(findings.of_rotation(left, CFG)) == still


@pytest.mark.parametrize("state", [State.ADDED, State.FRESH, State.RETIRED])
def test_who_only_looks_is_told_of_keys_that_came_back(state: State) -> None:
    looked = rotated(seen(state), seen(State.PROVED, "db"), why=Why.LOOK)
    assert list(findings.of_rotation(looked, CFG)) == [on("ssh.drift", HIGH)]


def test_every_account_is_covered_and_one_that_is_not_proved_says_its_state() -> None:
    done = rotated(seen(State.PROVED), seen(State.UNKNOWN, "db", why="w"))
    assert list(findings.coverage([done], past_read=True)) == [
        Coverage(what="ssh.proof", required=False, assessed=True, subject="ops@web"),
        Coverage(what="ssh.proof", required=False, assessed=False, why="ssh.state.unknown", subject="ops@db"),
    ]
    assert list(findings.coverage([rotated(found=keys(), why=Why.GRACE)], past_read=True)) == []


def test_inventories_that_were_not_read_are_told_also_by_a_simulation() -> None:
    assert list(findings.coverage((), past_read=False)) == [
        Coverage(what="ssh.first_seen", required=False, assessed=False, why="ssh.why.past_unread")
    ]


def test_keys_that_could_not_be_read_leave_open_whose_others_are() -> None:
    assert list(findings.coverage((), past_read=True, owners=False)) == [
        Coverage(what="ssh.owners", required=False, assessed=False, why="ssh.why.purpose_unread")
    ]


def test_changes_are_the_new_key_every_account_that_was_worked_on_and_the_copies() -> None:
    copy = Change(what="sync.change.copy", subject="c", state=ChangeState.DONE)
    before = (opened_by_old(), opened_by_old("db"), opened_by_old("x"))
    latest = (seen(State.PROVED), seen(State.HELD, "db", undone=True), seen(State.ADDED, "x"))
    done = replace(rotated(*before, latest=latest), copies=(copy,))
    assert list(rules.changes([done])) == [
        Change(what="ssh.change.key_made", subject="ops", state=ChangeState.DONE),
        Change(what="ssh.change.key_replaced", subject="ops@web", state=ChangeState.DONE),
        Change(what="ssh.change.key_replaced", subject="ops@db", state=ChangeState.UNDONE),
        Change(what="ssh.change.key_replaced", subject="ops@x", state=ChangeState.FAILED),
        copy,
    ]
    assert list(rules.changes([rotated(opened_by_old(), found=keys())])) == []


def test_what_was_seen_before_is_told_as_it_stands_to_the_new_key() -> None:
    done = rotated(opened_by_old(), seen(State.LOST, "db", answers={}), seen(State.UNKNOWN, "x"))
    assert [one.state for one in done.seen] == [State.FRESH, State.LOST, State.UNKNOWN]
    assert (done.begun, replace(done, keys=keys()).begun) == (True, False)


def test_lines_that_were_changed_stay_told_when_the_account_is_seen_again() -> None:
    added = rotated(opened_by_old(), latest=(seen(State.ADDED, diff=("+ 1",)),))
    done = added.after((target(),), (seen(State.PROVED, diff=("- 1",)),))
    (last,) = done.seen
    assert (last.diff, done.proved, done.unproved, done.left) == (("+ 1", "- 1"), True, (), ())


def test_measures_count_accounts_and_tell_the_keys_ages() -> None:
    done = rotated(seen(State.PROVED), seen(State.UNKNOWN, "db"))
    young = keys(version(NEW, CURRENT, age=timedelta(days=2)))
    other = keys(version(OLD, CURRENT, age=timedelta(hours=36)), purpose="deploy")
    done = replace(done, keys=young)
    assert rules.measures(Plan(purposes=(done.part,)), [done], [keys(), other]) == {
        "accounts": 2,
        "proved": 1,
        "to_change": 2,
        "age_days ops": 2.0,
        "age_days deploy": 1.5,
    }

"""What is due, what is planned, how far it may go, and what is wrong."""

from collections.abc import Iterator, Mapping, Sequence

from tasks.core.errors import OperatorError
from tasks.core.findings import Change, ChangeState, Finding, Severity
from tasks.ssh.model.keys import Keys
from tasks.ssh.model.plan import Action, Plan, Why
from tasks.ssh.model.rotated import FirstSeen, Rotated
from tasks.ssh.model.seen import State
from tasks.ssh.rules import findings, inventory
from tasks.ssh.rules.inventory import Standing
from tasks.ssh.settings import Ssh


def all_findings(  # noqa: PLR0913 - all that is known at the end
    done: Sequence[Rotated],
    keys: Sequence[Keys],
    unread: Sequence[OperatorError],
    standing: Sequence[Standing],
    cfg: Ssh,
    *,
    owners: bool,
) -> Iterator[Finding]:
    """Yield everything that is wrong: with keys that could not be read, with rotations, targets, and the inventory.

    Without all `owners` (a purpose's keys could not be read) no key is called unknown.
    """
    for error in unread:
        yield Finding(rule=error.code, severity=Severity.CRITICAL, subject=error.subject, data=error.data)
    yield from findings.of_keys(_as_last_read(keys, done))
    for each in done:
        yield from findings.of_rotation(each, cfg)
        yield from findings.of_targets(each, cfg)
    seen = [one for each in done for one in each.before]
    now = max((each.keys.read_at for each in done), default=None)
    if now:
        found = inventory.findings(standing, seen, cfg, now)
        yield from (one for one in found if owners or one.rule != "ssh.unknown_key")


def standing(
    done: Sequence[Rotated], keys: Sequence[Keys], cfg: Ssh, first: Sequence[FirstSeen]
) -> tuple[Standing, ...]:
    """Return every key that was found on the accounts before anything was changed."""
    known = [*keys, *(each.keys for each in done)]  # a run may forget a key that it has removed
    return inventory.standing([one for each in done for one in each.before], known, cfg, first)


def result(plan: Plan, *, dry_run: bool) -> str | None:
    """Return what kind of end it is, where that is not an ordinary one."""
    only_grace = all(
        part.why is Why.GRACE and all(step.action is Action.NOTHING for step in part.steps) for part in plan.purposes
    )
    return "planned" if dry_run else "previous_retired" if plan.purposes and only_grace else None


def changes(done: Sequence[Rotated]) -> Iterator[Change]:
    """Yield what was changed, or was to be; a simulation changed nothing."""
    for each in done:
        if each.part.new_key and each.keys.wanted.id != each.part.base:
            yield Change(what="ssh.change.key_made", subject=each.part.purpose, state=ChangeState.DONE)
        for seen in each.seen:
            if seen.target in each.latest:
                yield Change(what="ssh.change.key_replaced", subject=str(seen.target), state=_state(each, seen.target))
        yield from each.copies


def _state(each: Rotated, target: object) -> ChangeState:
    seen = next(one for one in each.seen if one.target == target)
    if seen.state is State.PROVED:
        return ChangeState.DONE
    return ChangeState.UNDONE if seen.undone else ChangeState.FAILED


def measures(plan: Plan, done: Sequence[Rotated], keys: Sequence[Keys]) -> Mapping[str, float]:
    """Return how many accounts there are, how many are proved, how many were to be worked on; and the keys' ages."""
    seen = [one for each in done for one in each.seen]
    steps = [step for part in plan.purposes for step in part.steps]
    return {
        "accounts": len(seen),
        "proved": sum(one.state is State.PROVED for one in seen),
        "to_change": sum(step.action in {Action.ROTATE, Action.FINISH} for step in steps),
        **ages(_as_last_read(keys, done)),
    }


def _as_last_read(keys: Sequence[Keys], done: Sequence[Rotated]) -> tuple[Keys, ...]:
    latest = {each.keys.purpose: each.keys for each in done}
    return tuple(latest.get(each.purpose, each) for each in keys)


def ages(keys: Sequence[Keys]) -> Mapping[str, float]:
    """Return the age in days of each purpose's current key."""
    return {f"age_days {each.purpose}": each.age / findings.DAY for each in keys}

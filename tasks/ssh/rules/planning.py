"""What is to be done on each target, in which order, and how far it may go."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil

from tasks.core.errors import OperatorError
from tasks.ssh.model.keys import Keys
from tasks.ssh.model.plan import Action, Plan, PurposePlan, Step, Survey, Why
from tasks.ssh.model.seen import Seen, State
from tasks.ssh.model.targets import Target
from tasks.ssh.model.told import Digests
from tasks.ssh.rules.due import makes_a_key
from tasks.ssh.settings import Ssh

TRIED = frozenset(
    f"ssh.trouble.{name}" for name in ("read_only", "immutable", "no_space", "hard_links", "denied", "loose_modes")
)
FEW, MANY = 0.05, 0.25  # shares of a purpose's targets


def plan(surveys: Sequence[Survey], why: Mapping[str, Why]) -> Plan:
    """Return what is to be done.

    Where one target is LOST nothing is done for its whole purpose, but for a compromised key: that goes from the rest.
    """
    return Plan(purposes=tuple(_part(survey, why[survey.keys.purpose]) for survey in surveys))


def _part(survey: Survey, why: Why) -> PurposePlan:
    new_key = makes_a_key(survey.keys, why)
    stopped = why is not Why.COMPROMISED and any(seen.state is State.LOST for seen in survey.seen)
    return PurposePlan(
        purpose=survey.keys.purpose,
        why=why,
        base=survey.keys.current.id,
        new_key=new_key,
        steps=tuple(_step(seen, survey.keys, why, new_key=new_key, stopped=stopped) for seen in survey.seen),
    )


def _step(seen: Seen, keys: Keys, why: Why, *, new_key: bool, stopped: bool) -> Step:
    stays = "" if new_key else keys.wanted.key.fingerprint
    edits = new_key or seen.state not in {State.RETIRED, State.PROVED}
    left = stopped or seen.state in {State.LOST, State.UNKNOWN} or (edits and bool(seen.why))
    done = seen.state is State.PROVED and not new_key
    looks = done or (why is Why.LOOK and seen.state not in {State.ADDED, State.FRESH, State.RETIRED})
    actions = ((looks, Action.NOTHING), (left, Action.LEAVE), (new_key, Action.ROTATE), (True, Action.FINISH))
    return Step(
        target=seen.target,
        action=next(action for holds, action in actions if holds),
        old=tuple(sorted(seen.others(stays))),
        why=seen.why or ("ssh.why.fleet_stopped" if left else ""),
    )


def diff(seen: Seen, keys: Keys, *, new_key: bool) -> tuple[str, ...]:
    """Return what an edit would change in a target's files, line by line; a key yet to be made has no fingerprint."""
    stays = "" if new_key else keys.wanted.key.fingerprint
    old = {key.fingerprint for key in keys.all} - {stays}
    there = {line.fingerprint for file in seen.files for line in file.lines}
    added = () if stays in there else (stays or "SHA256:(nova)",)
    return tuple(
        f"{file.path}: {sign} {line.number} {fingerprint} [{','.join(line.options)}]"
        for file in seen.files
        for line in file.lines
        if line.fingerprint in old
        for sign, fingerprint in (("-", line.fingerprint), *(("+", new) for new in added))
    )


def agreed(surveys: Sequence[Survey], why: Mapping[str, Why], digest: str) -> Plan:
    """Return what is to be done; OperatorError ssh.other_plan unless `digest` is "" or that plan's own.

    A simulation tries nothing on the hosts: that an account must be left alone for what a trial found is agreed to.
    """
    now, untried = plan(surveys, why), plan([_untried(survey) for survey in surveys], why)
    if digest not in {"", now.digest, untried.digest}:
        raise OperatorError("ssh.other_plan", digest, Digests(agreed=digest, now=now.digest))
    return now


def _untried(survey: Survey) -> Survey:
    return replace(survey, seen=tuple(replace(one, why="" if one.why in TRIED else one.why) for one in survey.seen))


def at_once(results: Sequence[Seen], total: int) -> int:
    """Return how many targets may be worked on at the same time: one at first, then a twentieth, then a quarter of all.

    From the first that fails on it is a twentieth again; what is in work then is finished.
    """
    few, failed = ceil(total * FEW), any(not seen.state.opens for seen in results)
    return 1 if not results else few if failed or len(results) <= few else ceil(total * MANY)


def too_many_failed(results: Sequence[Seen], total: int, why: Why, cfg: Ssh) -> bool:
    """Return whether no other target of a purpose may be begun.

    So it is when the first target of several failed, when more than the share failed, or when one is lost. A
    compromised key is removed wherever it can be.
    """
    if why is Why.COMPROMISED:
        return False
    failed = sum(not seen.state.opens for seen in results)
    first = len(results) == 1 and total > 1
    lost = any(seen.state is State.LOST for seen in results)
    return lost or failed > (0 if first else cfg.stop_share * total)


def missing(keys: Keys, seen: Sequence[Seen], why: Why, cfg: Ssh) -> tuple[Target, ...]:
    """Return the targets that keep the wanted key from being the only one; () when it may be.

    A pending key, which is to become the current one, and one that a person made the current one. It waits for every
    required target, for `patience_days`; a lost one, and the first of all, it waits for in any case.
    After a compromise it waits for one alone.
    """
    closed = tuple(one for one in seen if not one.state.opens)
    if keys.pending is None and not keys.unproved_by_hand:
        return ()
    if len(closed) == len(seen):
        return tuple(one.target for one in closed)
    patient = why is not Why.COMPROMISED
    waits = patient and keys.read_at <= waits_until(keys, cfg)
    return tuple(
        one.target
        for one in closed
        if (patient and one.state is State.LOST)
        or (cfg.hosts[one.target.host].required and (waits or (patient and one.state is not State.UNKNOWN)))
    )


def waits_until(keys: Keys, cfg: Ssh) -> datetime:
    """Return until when the wanted key waits for required targets; after that they stay on the key they know."""
    return keys.wanted.created_at + timedelta(days=cfg.patience_days)

"""What is wrong after a run: with targets, with a purpose's rotation."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from tasks.core.findings import Coverage, Finding, Severity
from tasks.core.pt_br import SAO_PAULO
from tasks.ssh.model.keys import Keys
from tasks.ssh.model.plan import Action, Why
from tasks.ssh.model.rotated import Rotated
from tasks.ssh.model.seen import Seen, State
from tasks.ssh.model.told import Aged, Fingerprint, HostKeys, Names, OnTarget, Stopped, Waiting
from tasks.ssh.rules import planning
from tasks.ssh.settings import Ssh

DAY = timedelta(days=1)
_HOST_KEYS = {
    "ssh.host_key_changed": ("ssh.target_host_key", Severity.CRITICAL),
    "ssh.host_key_unknown": ("ssh.target_unpinned", Severity.HIGH),
}


def of_targets(done: Rotated, cfg: Ssh) -> Iterator[Finding]:
    """Yield what is wrong with targets as they were last seen; what would be in the way of no edit is nothing."""
    left = {step.target for step in done.part.steps if step.action is Action.LEAVE}
    for one in done.seen:
        if one.state is State.LOST:
            yield _on(one, "ssh.lost", Severity.CRITICAL)
        elif one.why in _HOST_KEYS:
            rule, severity = _HOST_KEYS[one.why]
            yield Finding(
                rule=rule,
                severity=severity,
                subject=str(one.target),
                data=HostKeys(host=one.host, offered=one.answer, pinned=one.pinned or "–"),
            )
        elif one.state is State.UNKNOWN:
            required = cfg.hosts[one.target.host].required
            yield _on(one, "ssh.target_unreachable", Severity.HIGH if required else Severity.MEDIUM)
        elif one.state is State.OTHER_SOURCE:
            yield _on(one, "ssh.other_source", Severity.CRITICAL)
        elif one.why and (one.state is not State.PROVED or one.target in left):
            yield _on(one, "ssh.target_held", Severity.HIGH)


def of_keys(keys: Sequence[Keys]) -> Iterator[Finding]:
    """Yield the keys that two purposes have in common: neither can retire it while the other lives by it."""
    purposes = defaultdict[str, list[str]](list)
    for each in keys:
        purposes[each.current.key.fingerprint].append(each.purpose)
    for fingerprint, names in purposes.items():
        if len(names) > 1:
            data = Names(names=", ".join(names))
            yield Finding(rule="ssh.key_of_two_purposes", severity=Severity.MEDIUM, subject=fingerprint, data=data)


def of_rotation(done: Rotated, cfg: Ssh) -> Iterator[Finding]:
    """Yield what is wrong with a purpose's rotation as a whole."""
    part, keys = done.part, done.keys
    if done.left:
        failed = sum(not seen.state.opens for seen in done.latest.values())
        data = Stopped(failed=failed, of=len(part.targets), left=len(done.left))
        yield Finding(rule="ssh.stopped", severity=Severity.CRITICAL, subject=part.purpose, data=data)
    if done.waiting:
        data_ = Waiting(missing=len(done.waiting), until=planning.waits_until(keys, cfg).astimezone(SAO_PAULO))
        yield Finding(rule="ssh.waiting", severity=Severity.MEDIUM, subject=part.purpose, data=data_)
    if done.trouble:
        error = done.trouble
        yield Finding(rule=error.code, severity=Severity.HIGH, subject=error.subject, data=error.data)
        yield Finding(rule="ssh.unfinished", severity=Severity.HIGH, subject=part.purpose)
    if part.why is Why.COMPROMISED and done.ended:
        yield from _of_compromise(done)
    if part.why is Why.LOOK:
        drifted = (one for one in done.seen if one.state in {State.ADDED, State.FRESH, State.RETIRED})
        yield from (_on(one, "ssh.drift", Severity.HIGH) for one in drifted)
    days = keys.age / DAY
    if days > cfg.max_age_days:
        aged = Aged(days=days, limit=cfg.max_age_days)
        yield Finding(rule="ssh.key_too_old", severity=Severity.HIGH, subject=part.purpose, data=aged)


def _of_compromise(done: Rotated) -> Iterator[Finding]:
    """Yield where a compromised key may still work; where nowhere, that it did until now.

    It may in an account that is LOST, too: it is refused from here, but nobody could look into the file.
    """
    if not done.begun:
        yield Finding(rule="ssh.still_current", severity=Severity.CRITICAL, subject=done.part.purpose)
    open_still = [one for one in done.seen if one.state is not State.PROVED or one.lent or not done.begun]
    for one in open_still:
        reasons = (
            (not done.begun, "ssh.why.still_current"),
            (bool(one.lent), "ssh.why.lent"),
            (True, one.why or f"ssh.state.{one.state}"),
        )
        why = next(why for holds, why in reasons if holds)
        yield _on(replace(one, why=why), "ssh.may_still_open", Severity.CRITICAL)
    if done.begun and not open_still:
        opened = {key for one in done.before for key in one.others(done.keys.wanted.key.fingerprint)}
        for key in sorted(opened):
            data = Fingerprint(fingerprint=key)
            yield Finding(rule="ssh.compromise_removed", severity=Severity.MEDIUM, subject=done.part.purpose, data=data)


def coverage(done: Sequence[Rotated], *, past_read: bool, owners: bool = True) -> Iterator[Coverage]:
    """Yield, target by target, whether the proof was given that it is opened by the wanted key alone.

    One that is still lacking is a reservation, not a failure: the next run gives it, and findings say what is wrong.
    """
    if not past_read:
        yield Coverage(what="ssh.first_seen", required=False, assessed=False, why="ssh.why.past_unread")
    if not owners:
        yield Coverage(what="ssh.owners", required=False, assessed=False, why="ssh.why.purpose_unread")
    for one in (one for each in done for one in each.seen):
        proved = one.state is State.PROVED
        why = "" if proved else f"ssh.state.{one.state}"
        yield Coverage(what="ssh.proof", required=False, assessed=proved, why=why, subject=str(one.target))


def _on(one: Seen, rule: str, severity: Severity) -> Finding:
    data = OnTarget(purpose=one.target.purpose, why=one.why, answer=one.answer)
    return Finding(rule=rule, severity=severity, subject=str(one.target), data=data)

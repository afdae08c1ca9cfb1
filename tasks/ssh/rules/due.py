"""Which purposes are due, by the age of their keys: looked at every working morning, so none is late."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from tasks.core.calendar import is_business_day, next_business_morning, today
from tasks.core.errors import OperatorError
from tasks.ssh.model.keys import PREVIOUS, Keys
from tasks.ssh.model.plan import Why
from tasks.ssh.model.told import Names, OfEnvironment
from tasks.ssh.settings import Ssh

MARGIN = timedelta(hours=1)  # a rotation takes its time, and is over before the key's last minute


def purposes(cfg: Ssh, wanted: str) -> tuple[str, ...]:
    """Return the purposes that a run is about: the one that was asked for, else all.

    Raises OperatorError ssh.no_such_purpose.
    """
    if wanted and wanted not in cfg.purposes:
        raise OperatorError("ssh.no_such_purpose", wanted, Names(names=", ".join(cfg.purposes)))
    return (wanted,) if wanted else tuple(cfg.purposes)


def of_environment(keys: Keys, secret: str, environment: str) -> Keys:
    """Return the keys, unless they are another environment's: each would let go of what the other's accounts know.

    Raises OperatorError ssh.other_environment.
    """
    if keys.environment not in {"", environment}:
        data = OfEnvironment(secret=secret, theirs=keys.environment, ours=environment)
        raise OperatorError("ssh.other_environment", keys.purpose, data)
    return keys


def due(
    keys: Sequence[Keys], cfg: Ssh, *, unattended: bool, rotate_now: bool = False, compromised: bool = False
) -> Mapping[str, Why]:
    """Return the purposes that are to be worked on, and why: the first reason that holds.

    Unattended, nothing is begun on a day on which nobody would be there. A person sees those that are not due, too.
    """
    if unattended and not all(is_business_day(today(each.read_at)) for each in keys):
        return {}
    why = {each.purpose: _why(each, cfg, rotate_now=rotate_now, compromised=compromised) for each in keys}
    return {purpose: found for purpose, found in why.items() if not (unattended and found is Why.LOOK)}


def _why(keys: Keys, cfg: Ssh, *, rotate_now: bool, compromised: bool) -> Why:
    """Return the first reason that holds; exactly the age is allowed, and not passed before the next morning."""
    now, born = keys.read_at, keys.current.created_at
    last = born + timedelta(days=cfg.max_age_days)
    table = (
        (compromised, Why.COMPROMISED),
        (rotate_now, Why.ASKED),
        (keys.pending is not None, Why.HALF),
        (last < next_business_morning(now) + MARGIN, Why.AGE),
        (bool(keys.held), Why.HALF),
        (keys.unproved_by_hand, Why.HALF),
        (_is_over(keys, timedelta(days=cfg.grace_days)), Why.GRACE),
        (True, Why.LOOK),
    )
    return next(why for holds, why in table if holds)


def _is_over(keys: Keys, grace: timedelta) -> bool:
    kept = keys.at(PREVIOUS) is not None and not keys.put_by_hand
    return kept and keys.current.created_at + grace <= keys.read_at


def makes_a_key(keys: Keys, why: Why) -> bool:
    """Return whether a new key is to be made: never beside a pending one, which is finished first."""
    return keys.pending is None and why in {Why.AGE, Why.ASKED, Why.COMPROMISED}

"""What a run means to do, target by target, and the digest by which a person agrees to it."""

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum

from tasks.ssh.model.keys import Keys
from tasks.ssh.model.seen import Seen
from tasks.ssh.model.targets import Target


class Why(StrEnum):
    """Why a purpose is worked on."""

    AGE = "ssh.due.age"  # its key would pass the age before the next business morning
    HALF = "ssh.due.half"  # a rotation is not finished
    GRACE = "ssh.due.grace"  # the key before has passed its grace
    ASKED = "ssh.due.asked"  # a person asked for it
    COMPROMISED = "ssh.due.compromised"
    LOOK = "ssh.due.look"  # nothing is due, but a person wants to see


class Action(StrEnum):
    """What is to be done on a target."""

    ROTATE = "ssh.action.rotate"  # add a key yet to be made, prove it, remove the others, prove that
    FINISH = "ssh.action.finish"  # the same, with the key that is stored already
    LEAVE = "ssh.action.leave"  # nothing, now: no answer, or its file cannot be edited
    NOTHING = "ssh.action.nothing"  # it is only looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One target's part of a plan; `old` are the fingerprints of the keys that open it and shall not, afterwards."""

    target: Target
    action: Action
    old: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurposePlan:
    """One purpose's part of a plan; `base` is the version that was current when it was made."""

    purpose: str
    why: Why
    base: str
    new_key: bool
    steps: tuple[Step, ...] = ()

    @property
    def possible(self) -> bool:
        """Return whether there is a point in beginning: no key is made that no target could learn."""
        return bool(self.targets) or not self.new_key

    @property
    def targets(self) -> tuple[Target, ...]:
        """Return the targets that are to be worked on."""
        return tuple(step.target for step in self.steps if step.action in {Action.ROTATE, Action.FINISH})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run means to do."""

    purposes: tuple[PurposePlan, ...]

    @property
    def digest(self) -> str:
        """Return 16 characters over every target, the keys that now open it, and what is to be done to it and how."""
        rows = [
            (part.purpose, part.new_key, part.why is Why.COMPROMISED, str(step.target), sorted(step.old), step.action)
            for part in self.purposes
            for step in part.steps
        ]
        return hashlib.sha256(json.dumps(sorted(rows)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A purpose's keys, and every target as it was seen before anything was changed."""

    keys: Keys
    seen: tuple[Seen, ...]

"""What came of a purpose's part of a plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tasks.core.errors import OperatorError
from tasks.core.findings import Change
from tasks.ssh.model.keys import Keys
from tasks.ssh.model.plan import PurposePlan
from tasks.ssh.model.seen import Seen, State, regarding
from tasks.ssh.model.targets import Target

INVENTORY = "keys"  # the table of all keys: its first columns are account, fingerprint, first seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """How far a purpose came: its keys as last read, and every target as last seen, in the plan's order.

    `left` are the targets that the last phase did not touch, because too many others failed; `waiting` those that keep
    the pending key from becoming the current one. `copies` are the changes to copies outside; `trouble` ended the work
    before its end.
    """

    part: PurposePlan
    keys: Keys
    before: tuple[Seen, ...]
    latest: Mapping[Target, Seen] = field(default_factory=dict)
    left: tuple[Target, ...] = ()
    waiting: tuple[Target, ...] = ()
    copies: tuple[Change, ...] = ()
    trouble: OperatorError | None = None

    @property
    def seen(self) -> tuple[Seen, ...]:
        """Return every target as last seen, regarding the key that is wanted now."""
        wanted = self.keys.wanted.key.fingerprint
        return tuple(regarding(self.latest.get(seen.target, seen), wanted) for seen in self.before)

    @property
    def begun(self) -> bool:
        """Return whether the key that the plan wants is stored; before that every target is on the key that was."""
        return not self.part.new_key or self.keys.wanted.id != self.part.base

    @property
    def ended(self) -> bool:
        """Return whether it was tried; of a simulation only where there was nothing to be tried."""
        return bool(self.latest or self.waiting or self.trouble) or not self.part.possible

    @property
    def unproved(self) -> tuple[Target, ...]:
        """Return the targets to be worked on that the wanted key opens, but perhaps not alone."""
        here = {seen.target: seen.state for seen in self.seen}
        return tuple(t for t in self.part.targets if here[t].opens and here[t] is not State.PROVED)

    @property
    def proved(self) -> bool:
        """Return whether every target is proved: the wanted key opens it, and no other does."""
        return all(seen.state is State.PROVED for seen in self.seen)

    def after(self, targets: Sequence[Target], seen: Sequence[Seen]) -> "Rotated":
        """Return it after a phase for `targets`, of which some may not have been `seen`; changed lines stay told."""
        left = tuple(target for target in targets if target not in {one.target for one in seen})
        told = {one.target: replace(one, diff=(*self._diff(one.target), *one.diff)) for one in seen}
        return replace(self, left=left, latest={**self.latest, **told})

    def _diff(self, target: Target) -> tuple[str, ...]:
        return self.latest[target].diff if target in self.latest else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstSeen:
    """Since when a key is known to stand on an account."""

    account: str
    fingerprint: str
    at: datetime

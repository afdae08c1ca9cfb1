"""What findings and errors of the rotation carry for their words."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OfPurpose:
    """Which purpose, and in which secret its keys lie."""

    purpose: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfEnvironment:
    """A secret, whose environment's keys it holds, and who wanted to use it."""

    secret: str
    theirs: str
    ours: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names there are."""

    names: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """The plan that was agreed to, and the one that would be carried out now."""

    agreed: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OnTarget:
    """A target's purpose, what is in the way (a code with a label) and what came instead of an answer."""

    purpose: str
    why: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostKeys:
    """The host key that a server shows, and those that are pinned."""

    host: str
    offered: str
    pinned: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Which key."""

    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """After how many failures, of how many accounts, the rest was left alone, and how many those are."""

    failed: int
    of: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How many required accounts a new key waits for, and until when."""

    missing: int
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Aged:
    """How old a key is, and how old it may be."""

    days: float
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAt:
    """A key: its kind and size, whose it is (as far as known), and on which lines of which accounts it stands."""

    kind: str
    bits: int
    owner: str
    places: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A key that stands on several accounts."""

    accounts: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenSince:
    """A key: where it has stood for too long, since when at the first of them, how long that is, and whose it is."""

    since: datetime
    days: float
    owner: str
    places: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesAt:
    """Lines of a file that are neither key, comment nor blank."""

    numbers: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Weak:
    """Algorithms of a server that are too weak."""

    algorithms: str
    software: str

"""Keys as they are known without their private halves."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

CURRENT, PENDING, PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"
HOLD = "MARIAS-HOLD-"  # + the version's id: kept because some target may still know nothing else
PROVED = "MARIAS-PROVED"  # of a current key that a person put in another's place: it opens every target now


class Answer(StrEnum):
    """What an SSH server says of a public key; no answer, a reset or a time-out is never a refusal."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A public key: its type (`ssh-ed25519`) and its blob (RFC 4253, section 6.6)."""

    kind: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """Return what `ssh-keygen -l` prints: SHA256: and 43 characters."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    @property
    def line(self) -> str:
        """Return type and base64, as they stand in authorized_keys."""
        return f"{self.kind} {base64.b64encode(self.blob).decode()}"

    @classmethod
    def of(cls, line: str) -> "PublicKey":
        """Return the key of a line of type, base64 and any comment; ValueError when it is none."""
        kind, encoded, *_comment = line.split()
        return cls(kind=kind, blob=base64.b64decode(encoded, validate=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One stored key: the version of the secret that holds it, and the stages that point at it.

    `environment` and `retired` as it tells of itself: whose accounts it is for, and every key before it. One that a
    person stored tells nothing.
    """

    id: str
    stages: tuple[str, ...]
    key: PublicKey
    created_at: datetime
    environment: str = ""
    retired: tuple[PublicKey, ...] = ()

    @property
    def held(self) -> bool:
        """Return whether it is kept for targets that may know nothing else."""
        return any(stage.startswith(HOLD) for stage in self.stages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """All keys of a purpose: `versions` have a private half in the store, `retired` is every public key before them.

    `retired` comes newest first, without those in `versions`.
    """

    purpose: str
    read_at: datetime
    versions: tuple[Version, ...]
    retired: tuple[PublicKey, ...] = ()

    def at(self, stage: str) -> Version | None:
        """Return the version that a stage points at."""
        return next((version for version in self.versions if stage in version.stages), None)

    @property
    def current(self) -> Version:
        """Return the version in use; every purpose that was read has one."""
        found = self.at(CURRENT)
        assert found is not None, self.purpose  # noqa: S101 - the vault refuses a secret without one
        return found

    @property
    def age(self) -> timedelta:
        """Return how old the current key was when it was read."""
        return self.read_at - self.current.created_at

    @property
    def pending(self) -> Version | None:
        """Return the version that is not current yet, but shall be."""
        found = self.at(PENDING)
        return None if found == self.current else found

    @property
    def environment(self) -> str:
        """Return whose accounts the keys are for; "" when none of them tells."""
        return next((version.environment for version in self.versions if version.environment), "")

    @property
    def put_by_hand(self) -> bool:
        """Return whether a person put the current key in another's place: it does not tell of all keys before it."""
        previous, told = self.at(PREVIOUS), {self.current.key, *self.current.retired}
        return previous is not None and not {previous.key, *previous.retired} <= told

    @property
    def unproved_by_hand(self) -> bool:
        """Return whether accounts may not know a current key yet that a person chose: put by hand, or moved back to."""
        moved = self.put_by_hand or self.at(PROVED) is not None
        return moved and PROVED not in self.current.stages

    @property
    def held(self) -> tuple[Version, ...]:
        """Return the versions that are kept for targets that may know nothing else."""
        return tuple(version for version in self.versions if version.held and version != self.current)

    @property
    def wanted(self) -> Version:
        """Return the version that shall open every target, alone: the pending one, else the current."""
        return self.pending or self.current

    @property
    def all(self) -> tuple[PublicKey, ...]:
        """Return every key, the wanted one first."""
        return (self.wanted.key, *self.others)

    @property
    def others(self) -> tuple[PublicKey, ...]:
        """Return every other key that ever was this purpose's, stored ones first: none of them shall open anything."""
        keys = dict.fromkeys((*(version.key for version in self.versions), *self.retired))
        return tuple(key for key in keys if key != self.wanted.key)  # the same key may be stored twice

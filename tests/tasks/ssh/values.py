"""Keys, targets and answers made up for tests of what judges them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tasks.ssh.model.keys import CURRENT, HOLD, PENDING, Answer, Keys, PublicKey, Version
from tasks.ssh.model.seen import KeyLine, KeysFile, Seen, State
from tasks.ssh.model.targets import Target
from tasks.ssh.settings import Ssh

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a Tuesday, 09:00 in São Paulo
OLD, NEW, OLDER, OTHER = (
    PublicKey(kind="ssh-ed25519", blob=b"\0\0\0\x0bssh-ed25519\0\0\0 " + Random(seed).randbytes(32))  # noqa: S311
    for seed in range(4)
)
NAMES = {OLD: "old", NEW: "new", OLDER: "older", OTHER: "other"}
BEFORE = {NEW: (OLD, OLDER), OLD: (OLDER,)}
ACCEPTED, REFUSED, UNKNOWN = Answer.ACCEPTED, Answer.REFUSED, Answer.UNKNOWN
PREVIOUS = "AWSPREVIOUS"
HELD = f"{HOLD}old"


def cfg(**changes: Any) -> Ssh:  # noqa: ANN401 - of the section
    """Return settings with two hosts of a group, the second not required, and the purpose ops."""
    host = {"address": "127.0.0.1", "groups": ["all"]}
    usual = {
        "hosts": {"web": {**host, "host_keys": [OTHER.line]}, "db": {**host, "required": False}},
        "purposes": {"ops": {"secret": "ops", "access": [{"group": "all", "accounts": ["ops"]}]}},
    }
    return Ssh.model_validate({**usual, **changes})


def version(key: PublicKey, *stages: str, age: timedelta = timedelta(0)) -> Version:
    """Return a stored key."""
    return Version(id=NAMES[key], stages=stages, key=key, created_at=NOW - age, retired=BEFORE.get(key, ()))


def keys(
    *versions: Version, age: timedelta = timedelta(0), retired: tuple[PublicKey, ...] = (), purpose: str = "ops"
) -> Keys:
    """Return the keys of a purpose: the old one, so old, unless others are given."""
    stored = versions or (version(OLD, CURRENT, age=age),)
    return Keys(purpose=purpose, read_at=NOW, versions=stored, retired=retired)


def half(*stages: str) -> Keys:
    """Return the keys while the new one is pending, or as `stages` say of the old one after the promotion."""
    if stages:
        return keys(version(NEW, CURRENT), version(OLD, *stages, age=timedelta(days=89)))
    return keys(version(NEW, PENDING), version(OLD, CURRENT, age=timedelta(days=89)))


def target(host: str = "web", account: str = "ops", purpose: str = "ops") -> Target:
    """Return an account of a host."""
    return Target(purpose=purpose, host=host, account=account)


def seen(state: State, host: str = "web", **known: Any) -> Seen:  # noqa: ANN401 - of `Seen`
    """Return what a target in this state answers about the new, the old and the older key."""
    answered = {
        State.FRESH: (REFUSED, ACCEPTED),
        State.ADDED: (ACCEPTED, ACCEPTED),
        State.OTHER_SOURCE: (ACCEPTED, ACCEPTED),
        State.HELD: (REFUSED, ACCEPTED),
        State.RETIRED: (ACCEPTED, REFUSED),
        State.PROVED: (ACCEPTED, REFUSED),
        State.LOST: (REFUSED, REFUSED),
        State.UNKNOWN: (),
    }
    answers = dict(zip((NEW.fingerprint, OLD.fingerprint), answered[state], strict=False))
    return Seen(**{"target": target(host), "state": state, "at": NOW, "answers": answers, **known})


def opened_by_old(host: str = "web", **known: Any) -> Seen:  # noqa: ANN401 - of `Seen`
    """Return what a target answers while there is no key but the old one."""
    return replace(seen(State.PROVED, host, answers={OLD.fingerprint: ACCEPTED}), **known)


def line(key: PublicKey, number: int = 1, **known: Any) -> KeyLine:  # noqa: ANN401 - of `KeyLine`
    """Return a line with a key."""
    usual = {"number": number, "kind": key.kind, "fingerprint": key.fingerprint, "bits": 256}
    return KeyLine(**{**usual, **known})


def file(*lines: KeyLine, **known: Any) -> KeysFile:  # noqa: ANN401 - of `KeysFile`
    """Return a file with these lines."""
    usual = {"path": "/k", "lines": lines}
    return KeysFile(**{**usual, **known})

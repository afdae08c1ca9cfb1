"""What the keys that stand on the accounts say: whose, how strong, how old, and where else."""

from datetime import timedelta

import pytest

from tasks.core.findings import Finding, Severity
from tasks.ssh.model.keys import PublicKey
from tasks.ssh.model.rotated import FirstSeen
from tasks.ssh.model.seen import KeyLine, Seen, State
from tasks.ssh.model.told import KeyAt, LinesAt, SeenSince, Shared, Weak
from tasks.ssh.rules import inventory
from tasks.ssh.rules.inventory import Standing
from tests.tasks.ssh.values import NEW, NOW, OLD, OLDER, OTHER, cfg, file, keys, line, opened_by_old, seen, target

KNOWN = cfg(known_keys=[{"owner": "Ana", "key": f"{OTHER.line} a comment"}])
LIMIT = timedelta(days=KNOWN.max_age_days)


def standing(*looked: Seen, first: tuple[FirstSeen, ...] = ()) -> tuple[Standing, ...]:
    return inventory.standing(looked, [keys(retired=(OLDER,))], KNOWN, first)


def rules(*looked: Seen, first: tuple[FirstSeen, ...] = ()) -> list[Finding]:
    return list(inventory.findings(standing(*looked, first=first), looked, KNOWN, NOW))


def test_every_line_is_told_once_with_its_owner_its_age_and_where_else_its_key_stands() -> None:
    since, used = NOW - timedelta(days=9), NOW - timedelta(hours=1)
    web = opened_by_old(files=(file(line(OLD), line(OTHER, 2)),), last_used={OTHER.fingerprint: used})
    db = opened_by_old("db", files=(file(line(OTHER, 7)), file(line(OLDER), line(NEW, 2), path="/l")))
    first = (FirstSeen(account="ops@web", fingerprint=OTHER.fingerprint, at=since),)
    usual = {"path": "/k", "ours": False, "since": NOW, "last_used": None}
    expected = [
        {"account": "ops@web", "line": line(OLD), "owner": "marias-ops (ops)", "ours": True},
        {
            "account": "ops@web",
            "line": line(OTHER, 2),
            "owner": "Ana",
            "since": since,
            "last_used": used,
            "accounts": ("ops@web", "ops@db"),
        },
        {"account": "ops@db", "line": line(OTHER, 7), "owner": "Ana", "accounts": ("ops@web", "ops@db")},
        {"account": "ops@db", "path": "/l", "line": line(OLDER), "owner": "marias-ops (ops)", "ours": True},
        {"account": "ops@db", "path": "/l", "line": line(NEW, 2), "owner": ""},
    ]
    assert standing(web, db, db, first=first) == tuple(
        Standing(**{**usual, "accounts": (one["account"],), **one})  # type: ignore[arg-type]
        for one in expected
    )


@pytest.mark.parametrize(
    ("kind", "bits", "weak", "weak_without_ecdsa"),
    [
        ("ssh-ed25519", 256, False, False),
        ("ssh-rsa", 3072, False, False),
        ("ssh-rsa", 3071, True, True),
        ("ssh-dss", 1024, True, True),
        ("ecdsa-sha2-nistp256", 256, False, True),
        ("sk-ecdsa-sha2-nistp256@openssh.com", 256, False, False),
    ],
)
def test_which_keys_are_weak(kind: str, bits: int, *, weak: bool, weak_without_ecdsa: bool) -> None:
    one = line(OTHER, kind=kind, bits=bits)
    assert (inventory.weak(one, KNOWN), inventory.weak(one, cfg(ecdsa=False))) == (weak, weak_without_ecdsa)


def at(one: KeyLine, places: str, owner: str = "–") -> KeyAt:
    return KeyAt(kind=one.kind, bits=one.bits, places=places, owner=owner)


def test_an_unknown_and_a_weak_key_are_told_once_with_all_places() -> None:
    unknown, weak = line(NEW, 1), line(OTHER, 2, kind="ssh-rsa", bits=2048)
    looked = [opened_by_old(target=target(f"web{n}"), files=(file(unknown, weak, line(OLD, 3)),)) for n in range(5)]
    found = [one for one in rules(*looked) if one.rule != "ssh.shared_key"]
    places = [", ".join(f"ops@web{n} (/k:{number})" for n in range(3)) + " e mais 2" for number in (1, 2)]
    assert found == [
        Finding(rule="ssh.unknown_key", severity=Severity.MEDIUM, subject=NEW.fingerprint, data=at(unknown, places[0])),
        Finding(
            rule="ssh.weak_key", severity=Severity.HIGH, subject=OTHER.fingerprint, data=at(weak, places[1], "Ana")
        ),
    ]


@pytest.mark.parametrize(
    ("age", "old"), [(LIMIT, False), (LIMIT + timedelta(days=1), True)], ids=["exactly 90 days", "a day more"]
)
def test_a_key_that_has_stood_too_long_is_told_but_not_one_of_ours(age: timedelta, *, old: bool) -> None:
    first = tuple(FirstSeen(account="ops@web", fingerprint=key.fingerprint, at=NOW - age) for key in (OTHER, OLD))
    found = Finding(
        rule="ssh.old_key",
        severity=Severity.MEDIUM,
        subject=OTHER.fingerprint,
        data=SeenSince(since=NOW - age, days=age / timedelta(days=1), owner="Ana", places="ops@web (/k:1)"),
    )
    looked = opened_by_old(files=(file(line(OTHER), line(OLD, 2)),))
    assert rules(looked, first=first) == ([found] if old else [])


@pytest.mark.parametrize(
    ("key", "places", "shared"),
    [
        (OTHER, [("web", "ops"), ("db", "ops")], False),
        (OTHER, [("web", "ops"), ("db", "deploy")], True),
        (NEW, [("web", "ops"), ("db", "ops")], True),
        (OLD, [("web", "ops"), ("db", "deploy")], False),
        (NEW, [("web", "ops")], False),
    ],
    ids=["one account everywhere", "accounts of two names", "nobody's", "one of ours", "one account"],
)
def test_a_key_that_opens_more_than_its_owner_needs_is_told_once(
    key: PublicKey, places: list[tuple[str, str]], *, shared: bool
) -> None:
    looked = [opened_by_old(target=target(*place), files=(file(line(key)),)) for place in places]
    accounts = ", ".join(sorted(f"{account}@{host}" for host, account in places))
    data = Shared(accounts=accounts, count=len(places))
    found = Finding(rule="ssh.shared_key", severity=Severity.LOW, subject=key.fingerprint, data=data)
    assert [one for one in rules(*looked) if one.rule == "ssh.shared_key"] == ([found] if shared else [])


def test_lines_that_do_not_parse_and_weak_servers_are_told_once() -> None:
    files = (file(line(OLD), unparsable=(3, 5)),)
    web = opened_by_old(files=files, weak=("ssh-dss", "3des-cbc"), server="OpenSSH_5.3")
    assert rules(web, web, seen(State.UNKNOWN, "db")) == [
        Finding(
            rule="ssh.unparsable_lines",
            severity=Severity.LOW,
            subject="ops@web",
            data=LinesAt(numbers="3, 5", path="/k"),
        ),
        Finding(
            rule="ssh.weak_algorithms",
            severity=Severity.LOW,
            subject="web",
            data=Weak(algorithms="ssh-dss, 3des-cbc", software="OpenSSH_5.3"),
        ),
    ]

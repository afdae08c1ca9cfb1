"""What the keys that stand on the accounts say: whose they are, how strong, how old, and where else they stand."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tasks.core.findings import Finding, Severity
from tasks.core.pt_br import listed
from tasks.ssh.model.keys import Keys, PublicKey
from tasks.ssh.model.rotated import FirstSeen
from tasks.ssh.model.seen import KeyLine, Seen
from tasks.ssh.model.told import KeyAt, LinesAt, SeenSince, Shared, Weak
from tasks.ssh.settings import Ssh

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A key on a line of a file of an account; `owner` is "" when nobody knows, `ours` a purpose's, now or once.

    `accounts` are all on which the key stands, this one too: one tuple for all lines of the key.
    """

    account: str
    path: str
    line: KeyLine
    owner: str
    ours: bool
    since: datetime
    last_used: datetime | None
    accounts: tuple[str, ...]


def standing(seen: Sequence[Seen], keys: Sequence[Keys], cfg: Ssh, first: Sequence[FirstSeen]) -> tuple[Standing, ...]:
    """Return every key of every account, in the order in which the accounts were looked at, each line once."""
    owners = {PublicKey.of(known.key).fingerprint: known.owner for known in cfg.known_keys}
    ours = {key.fingerprint: f"marias-ops ({each.purpose})" for each in keys for key in each.all}
    since = {(each.account, each.fingerprint): each.at for each in first}
    lines = {
        (str(one.target), file.path, line.number): (line, one)
        for one in seen
        for file in one.files
        for line in file.lines
    }
    found = defaultdict[str, dict[str, None]](dict)
    for (account, _path, _number), (line, _one) in lines.items():
        found[line.fingerprint][account] = None
    places = {fingerprint: tuple(accounts) for fingerprint, accounts in found.items()}
    return tuple(
        Standing(
            account=account,
            path=path,
            line=line,
            owner=ours.get(line.fingerprint, "") or owners.get(line.fingerprint, ""),
            ours=line.fingerprint in ours,
            since=since.get((account, line.fingerprint), one.at),
            last_used=one.last_used.get(line.fingerprint),
            accounts=places[line.fingerprint],
        )
        for (account, path, _number), (line, one) in lines.items()
    )


def findings(keys: Sequence[Standing], seen: Sequence[Seen], cfg: Ssh, now: datetime) -> Iterator[Finding]:
    """Yield what is wrong with the keys that stand there, and with the servers' algorithms."""
    places = defaultdict[str, list[Standing]](list)
    for key in keys:
        places[key.line.fingerprint].append(key)
    for standing in places.values():
        yield from _of_key(standing, cfg, now)
    yield from _of_files(seen)
    yield from _of_servers(seen)


def _of_key(places: Sequence[Standing], cfg: Ssh, now: datetime) -> Iterator[Finding]:
    """Yield what is wrong with one key, wherever it stands."""
    first, owner = places[0], places[0].owner or "–"
    old = [key for key in places if not key.ours and (now - key.since) / DAY > cfg.max_age_days]
    where = KeyAt(kind=first.line.kind, bits=first.line.bits, owner=owner, places=_told(places))
    since = min((key.since for key in old), default=now)
    oldest = SeenSince(since=since, days=(now - since) / DAY, owner=owner, places=_told(old))
    shared = Shared(accounts=listed(sorted(first.accounts)), count=len(first.accounts))
    table: tuple[tuple[bool, str, Severity, object], ...] = (
        (not first.owner, "ssh.unknown_key", Severity.MEDIUM, where),
        (any(weak(key.line, cfg) for key in places), "ssh.weak_key", Severity.HIGH, where),
        (bool(old), "ssh.old_key", Severity.MEDIUM, oldest),
        (_is_shared(first), "ssh.shared_key", Severity.LOW, shared),
    )
    for holds, rule, severity, data in table:
        if holds:
            yield Finding(rule=rule, severity=severity, subject=first.line.fingerprint, data=data)


def _told(places: Sequence[Standing]) -> str:
    return listed([f"{key.account} ({key.path}:{key.line.number})" for key in places])


def _is_shared(key: Standing) -> bool:
    """Return whether a key opens more than its owner needs: accounts of several names, or of no declared owner."""
    names = {account.partition("@")[0] for account in key.accounts}
    return len(key.accounts) > 1 and not key.ours and (len(names) > 1 or not key.owner)


def weak(line: KeyLine, cfg: Ssh) -> bool:
    """Return whether a key is too weak: DSA, RSA with too few bits, ECDSA where the policy says so."""
    return (
        line.kind == "ssh-dss"
        or (line.kind == "ssh-rsa" and line.bits < cfg.rsa_bits)
        or (line.kind.startswith("ecdsa-") and not cfg.ecdsa)
    )


def _of_files(seen: Sequence[Seen]) -> Iterator[Finding]:
    found = {(str(one.target), file.path): file.unparsable for one in seen for file in one.files if file.unparsable}
    for (account, path), numbers in found.items():
        data = LinesAt(numbers=", ".join(map(str, numbers)), path=path)
        yield Finding(rule="ssh.unparsable_lines", severity=Severity.LOW, subject=account, data=data)


def _of_servers(seen: Sequence[Seen]) -> Iterator[Finding]:
    found: Mapping[str, Seen] = {one.target.host: one for one in seen if one.weak}
    for host, one in found.items():
        data = Weak(algorithms=", ".join(one.weak), software=one.server)
        yield Finding(rule="ssh.weak_algorithms", severity=Severity.LOW, subject=host, data=data)

"""One ledger entry by itself: its signature, its shape, its place, and the files that it names."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from pydantic import ValidationError

from tasks.adapters import signing
from tasks.core.errors import NO_DATA
from tasks.core.findings import Finding, Severity
from tasks.evidence.document import Document
from tasks.evidence.entry import Entry, entry_key, read, signature_key
from tasks.evidence.flaws import Digests, Fields, Gap
from tasks.evidence.store import Store

AGREE = ("duty", "environment", "flow_run_id", "attempt", "trigger", "verdict")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What stands under an entry's number: its SHA-256 ("" when nothing does), what it says, what is wrong with it."""

    number: int
    digest: str
    entry: Entry | None = None
    findings: tuple[Finding, ...] = ()


def flaw(rule: str, subject: str, data: object = NO_DATA, severity: Severity = Severity.CRITICAL) -> Finding:
    """Return a finding of the verifier."""
    return Finding(rule=rule, severity=severity, subject=subject, data=data)


def examine(store: Store, environment: str, trusted: str, signed: frozenset[int | None], number: int) -> Link:
    """Return what is to be said of one entry; `trusted` is the public key ("": none), `signed` the numbers signed."""
    key = entry_key(environment, number)
    body = store.get(key)
    if body is None:  # gone since it was listed
        return Link(number=number, digest="", findings=(flaw("ledger.entry_missing", key, Gap(count=1)),))
    digest, entry = sha256(body).hexdigest(), read(body)
    armored = store.get(signature_key(environment, number, digest))
    refused = armored is not None and not signing.verify(trusted, body, armored.decode(errors="replace"))
    checks = (
        (armored is None and number in signed, "ledger.entry_changed"),
        (armored is None and number not in signed, "ledger.entry_unsigned"),
        (refused and trusted != "", "ledger.signature_invalid"),
        (entry is None, "ledger.entry_unreadable"),
        (entry is not None and entry.key != key, "ledger.entry_misplaced"),
    )
    findings = [flaw(rule, key) for holds, rule in checks if holds]
    files = _files(store, entry) if entry else ()
    return Link(number=number, digest=digest, entry=entry, findings=(*findings, *files))


def _files(store: Store, entry: Entry) -> Iterator[Finding]:
    for name, expected in entry.subjects.items():
        body = store.get(name)
        found = sha256(body or b"").hexdigest()
        if body is None:
            yield flaw("ledger.file_missing", name)
        elif found != expected:
            yield flaw("ledger.file_changed", name, Digests(expected=expected, found=found))
        elif name.endswith("/outcome.json"):
            yield from _outcome(name, body, entry)


def _outcome(name: str, body: bytes, entry: Entry) -> Iterator[Finding]:
    try:
        document = Document.model_validate_json(body)
    except ValidationError:
        yield flaw("ledger.outcome_unreadable", name)
        return
    differing = [field for field in AGREE if getattr(document, field) != getattr(entry.predicate, field)]
    if differing:
        yield flaw("ledger.outcome_disagrees", name, Fields(fields=", ".join(differing)))

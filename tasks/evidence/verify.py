"""What `marias evidence verify` does: names every entry and file that was changed, removed, put in or replaced.

docs/verify-evidence.md does the same by hand.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from operator import itemgetter

from tasks.adapters import signing
from tasks.core.errors import OperatorError
from tasks.core.findings import Coverage, Finding, Severity
from tasks.evidence.entry import FIRST_PREV, entry_key, folder, seq_of, signers_key
from tasks.evidence.examine import Link, examine, flaw
from tasks.evidence.flaws import Digests, Gap, Versions
from tasks.evidence.ledger import allowed_signers
from tasks.evidence.store import Store

READERS = 8
# Folders that hold no run's evidence: of the backups' manifests (signed by themselves), of receipts for overdue runs.
NO_EVIDENCE = ("manifests", "overdue")
AFTER_ALL = 100_000_000  # where findings stand that belong to no entry

Flaw = tuple[int, Finding]  # with the number of the entry that it belongs to


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was looked at and found, in the order of the entries; `head` is the SHA-256 of the newest one."""

    entries: int
    files: int
    head: str
    findings: tuple[Finding, ...]
    coverage: tuple[Coverage, ...]


def verify(
    store: Store,
    environment: str,
    public_key: str = "",
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Verification:
    """Check an environment's ledger from its first entry to its newest, and every file that the entries name.

    `public_key` ("ssh-ed25519 AAAA…") is the key to trust; without it the one that lies beside the ledger is taken,
    which proves no more than that all agree. `progress` is told how many of how many entries are done.
    Raises OperatorError ledger.bad_public_key.
    """
    keys = tuple(store.keys(f"{environment}/"))
    ours = tuple(key for key in keys if key.startswith(folder(environment)))
    numbers = tuple(seq for key in ours if key.endswith(".json") and (seq := seq_of(environment, key)))
    signed = frozenset(seq_of(environment, key) for key in ours if key.endswith(".sig"))
    trusted, about_key = _trusted(store, environment, public_key)
    links: list[Link] = []
    with ThreadPoolExecutor(READERS) as pool:
        for link in pool.map(partial(examine, store, environment, trusted, signed), numbers):
            links.append(link)
            progress(len(links), len(numbers))
    about_versions, unknown = _versions(store, environment)
    flaws = (
        *(about_key if ours else ()),
        *((link.number, finding) for link in links for finding in link.findings),
        *_order(environment, links),
        *about_versions,
        *_unnamed(environment, keys, links),
    )
    return Verification(
        entries=len(links),
        files=sum(len(link.entry.subjects) for link in links if link.entry),
        head=links[-1].digest if links else "",
        findings=tuple(finding for _number, finding in sorted(flaws, key=itemgetter(0))),
        coverage=(
            _coverage("ledger.versions", unknown),
            _coverage("ledger.signing_key", "" if public_key else "ledger.key_beside_ledger"),
        ),
    )


def _coverage(what: str, why: str) -> Coverage:
    return Coverage(what=what, required=False, assessed=not why, why=why)


def _trusted(store: Store, environment: str, public_key: str) -> tuple[str, tuple[Flaw, ...]]:
    """Return the key to trust ("" when there is none), and what is wrong with the one beside the ledger."""
    subject = signers_key(environment)
    text = (store.get(subject) or b"").decode(errors="replace")
    beside = text.rpartition('" ')[2].removesuffix("\n")
    key = " ".join(public_key.split()[:2]) or beside  # a given key without its comment
    readable = signing.read_public_key(key) is not None
    if public_key and not readable:
        raise OperatorError("ledger.bad_public_key", environment)
    if readable and text == allowed_signers(key):
        return key, ()
    rule = "ledger.signers_changed" if public_key else "ledger.signers_unreadable"
    return key if public_key else "", ((0, flaw(rule, subject)),)


def _order(environment: str, links: Sequence[Link]) -> Iterator[Flaw]:
    """Look at the entries as a chain: none missing, each naming the bytes before it, each attempt entered once."""
    if not links:
        yield 0, flaw("ledger.empty", folder(environment), severity=Severity.HIGH)
    runs: set[tuple[str, int]] = set()
    for before, link in pairwise((Link(number=0, digest=FIRST_PREV), *links)):
        key, first = entry_key(environment, link.number), before.number + 1
        if link.number > first:
            yield first, flaw("ledger.entry_missing", entry_key(environment, first), Gap(count=link.number - first))
        elif link.entry and before.digest and link.entry.predicate.prev != before.digest:
            digests = Digests(expected=before.digest, found=link.entry.predicate.prev)
            yield link.number, flaw("ledger.chain_broken", key, digests)
        if link.entry and link.entry.run in runs:
            yield link.number, flaw("ledger.attempt_twice", key)
        runs |= {link.entry.run} if link.entry else set()


def _versions(store: Store, environment: str) -> tuple[tuple[Flaw, ...], str]:
    """Return the keys of the ledger that were not written exactly once, or why that cannot be known."""
    found = store.versions(folder(environment))
    versions = tuple(found or ())
    if found is None:
        return (), "ledger.offline_copy"
    if versions and all(version.version_id == "null" for version in versions):
        return (), "ledger.not_versioned"
    counts = Counter((version.key, version.delete_marker) for version in versions)
    kept = {key: Versions(versions=counts[key, False], delete_markers=counts[key, True]) for key, _marker in counts}
    return tuple(
        (seq_of(environment, key) or 0, flaw("ledger.key_rewritten", key, data))
        for key, data in kept.items()
        if data != Versions(versions=1, delete_markers=0)
    ), ""


def _unnamed(environment: str, keys: Sequence[str], links: Sequence[Link]) -> Iterator[Flaw]:
    """Look at what no entry names: strangers in the ledger, files added to a closed attempt, attempts without entry."""
    named = {name: link.number for link in links if link.entry for name in link.entry.subjects}
    closed = {name.rpartition("/")[0]: number for name, number in named.items()}
    unclosed: set[str] = set()
    for key in keys:
        parent = key.rpartition("/")[0]
        if key.startswith(tuple(f"{environment}/{name}/" for name in NO_EVIDENCE)):
            continue
        if key.startswith(folder(environment)):
            if seq_of(environment, key) is None:
                yield AFTER_ALL, flaw("ledger.foreign_key", key, severity=Severity.HIGH)
        elif key not in named and parent in closed:
            yield closed[parent], flaw("ledger.file_unnamed", key, severity=Severity.HIGH)
        elif key not in named:
            unclosed.add(parent)
    for parent in sorted(unclosed):
        yield AFTER_ALL, flaw("ledger.attempt_without_entry", f"{parent}/", severity=Severity.INFO)

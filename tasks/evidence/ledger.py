"""The signed ledger: one entry per run and attempt, each naming the bytes of the one before.

No lock and no database: an entry is created under the next number with If-None-Match, so of two writers at once one
wins, and the other reads on and tries the number after. The signature is written first: a writer that is killed in
between leaves a signature over an entry that does not stand, which is harmless, and never an unsigned entry.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from itertools import takewhile
from random import SystemRandom
from time import sleep

from tasks.adapters.s3 import AlreadyThere
from tasks.adapters.signing import NAMESPACE, Signer
from tasks.core.attempt import Attempt
from tasks.core.errors import OperatorError, TransientError
from tasks.core.findings import Verdict
from tasks.evidence.entry import (
    FIRST_PREV,
    PRINCIPAL,
    Entry,
    Predicate,
    entry_key,
    folder,
    read,
    seq_of,
    signature_key,
    signers_key,
    statement,
)
from tasks.evidence.flaws import Tries
from tasks.evidence.store import Store

TRIES = 40
PAUSE_SECONDS = 0.25


def append(  # noqa: PLR0913 - what an entry says
    store: Store,
    signer: Signer,
    attempt: Attempt,
    verdict: Verdict,
    subjects: Mapping[str, str],
    *,
    since: datetime,
    approvals: Sequence[str] = (),
) -> Entry:
    """Enter an attempt in the ledger and return its entry; the one that stands already, when there is one.

    `subjects` is the SHA-256 of every file of the run by its key in the store. `since` bounds the look back: earlier
    than the attempt can have been entered, with room for clocks that differ. Raises OperatorError ledger.other_key
    when the ledger is signed by another key, TransientError ledger.busy after TRIES lost races.
    """
    environment, run = attempt.environment, (attempt.flow_run_id, attempt.number)
    _publish(store, signer, environment)
    seq, prev = 0, FIRST_PREV
    for _ in range(TRIES):
        newer = tuple(_newest_first(store, environment, since, after=seq))
        for _seq, _digest, entry in newer:
            if entry is not None and entry.run == run:
                return entry
        if newer:
            seq, prev, _entry = newer[0]
        predicate = Predicate(
            duty=attempt.duty,
            environment=environment,
            flow_run_id=attempt.flow_run_id,
            attempt=attempt.number,
            trigger=attempt.trigger,
            verdict=verdict,
            approvals=tuple(approvals),
            seq=seq + 1,
            prev=prev,
            recorded_at=datetime.now(UTC),
        )
        written = _write(store, signer, predicate, subjects)
        if written is not None:
            return written
        sleep(SystemRandom().uniform(0, PAUSE_SECONDS))
    raise TransientError("ledger.busy", environment, Tries(tries=TRIES))


def entry_for(store: Store, attempt: Attempt, *, since: datetime) -> Entry | None:
    """Return the attempt's entry, looking from the newest back to the first one recorded before `since`."""
    run = (attempt.flow_run_id, attempt.number)
    entries = _newest_first(store, attempt.environment, since)
    return next((entry for _seq, _digest, entry in entries if entry is not None and entry.run == run), None)


def recorded(store: Store, environment: str, *, since: datetime) -> frozenset[tuple[str, int]]:
    """Return the flow run id and attempt of every entry recorded at or after `since`."""
    return frozenset(
        entry.run
        for _seq, _digest, entry in _newest_first(store, environment, since)
        if entry is not None and entry.predicate.recorded_at >= since
    )


def allowed_signers(public_key: str) -> str:
    """Return the exact text of the file that says which key signs (ssh-keygen(1), ALLOWED SIGNERS)."""
    return f'{PRINCIPAL} namespaces="{NAMESPACE}" {public_key}\n'


def _publish(store: Store, signer: Signer, environment: str) -> None:
    key, text = signers_key(environment), allowed_signers(signer.public_key).encode()
    try:
        if store.get(key) != text:
            store.put_new(key, text, "text/plain")
    except AlreadyThere:
        raise OperatorError("ledger.other_key", key) from None


def _newest_first(
    store: Store, environment: str, since: datetime, *, after: int = 0
) -> Iterator[tuple[int, str, Entry | None]]:
    """Yield number, SHA-256 and entry of what is newer than `after`, down to the first one recorded before `since`.

    The entry is None where the bytes are none: the chain goes on over it, and verify names it.
    """
    start, end = entry_key(environment, after), f"{folder(environment)}:"  # in ASCII the colon follows the digits
    keys = takewhile(lambda key: key < end, store.keys(folder(environment), start))
    numbers = [number for key in keys if (number := seq_of(environment, key))]
    for number in reversed(numbers):
        body = store.get(entry_key(environment, number))
        if body is not None:
            entry = read(body)
            yield number, sha256(body).hexdigest(), entry
            if entry is not None and entry.predicate.recorded_at < since:
                return


def _write(store: Store, signer: Signer, predicate: Predicate, subjects: Mapping[str, str]) -> Entry | None:
    """Write signature, then entry; return None when somebody else took the number."""
    body = statement(predicate, subjects).to_json()
    digest = sha256(body).hexdigest()
    environment, seq = predicate.environment, predicate.seq
    store.put_new(signature_key(environment, seq, digest), signer.sign(body).encode(), "text/plain")
    try:
        store.put_new(entry_key(environment, seq), body, "application/json")
    except AlreadyThere:
        return None
    return read(body)

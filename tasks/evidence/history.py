"""Earlier runs of a duty, as their evidence tells of them: what a trend and a comparison are made of."""

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain, groupby, islice

from pydantic import ValidationError

from tasks.core.findings import DEAD
from tasks.evidence.document import Document
from tasks.evidence.store import Store

logger = logging.getLogger(__name__)


def earlier(store: Store, environment: str, duty: str, *, before: datetime, limit: int) -> tuple[Document, ...]:
    """Return the outcomes of at most `limit` runs of a duty that started before `before` (exclusive), newest first.

    A run counts by its last attempt, and only when it came to its own end: neither a simulation nor a run that
    close-runs declared dead. An outcome that cannot be read is passed over (`evidence verify` is what names it). Days
    are read whole, and no day further back than needed. Raises what the store raises.
    """
    last = f"{before.astimezone(UTC):%Y-%m-%d}"
    folder = f"{environment}/{duty}/"
    outcomes = [key.split("/") for key in store.keys(folder) if key.endswith("/outcome.json")]
    days = groupby(sorted(outcomes, reverse=True), key=lambda parts: parts[2])
    newest = chain.from_iterable(_ended(store, map("/".join, keys)) for day, keys in days if day <= last)
    return tuple(islice((document for document in newest if document.started_at < before), limit))


def _ended(store: Store, keys: Iterable[str]) -> list[Document]:
    """Return the last attempt of each run of one day that came to its own end, newest run first."""
    attempts = sorted(_read(store, keys), key=lambda document: document.attempt)
    runs = {document.flow_run_id: document for document in attempts}
    kept = (document for document in runs.values() if not document.dry_run and document.result not in DEAD)
    return sorted(kept, key=lambda document: document.started_at, reverse=True)


def _read(store: Store, keys: Iterable[str]) -> Iterator[Document]:
    for key in keys:
        try:
            yield Document.model_validate_json(store.get(key) or b"")
        except ValidationError:
            logger.warning("an outcome cannot be read", extra={"key": key})

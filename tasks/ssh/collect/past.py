"""Since when keys are known to stand on accounts: what the inventories in the evidence say."""

import csv
import logging
from datetime import UTC, datetime
from io import StringIO
from itertools import islice

from tasks.adapters.s3 import S3
from tasks.core.attempt import Attempt
from tasks.evidence.store import BucketStore, Store
from tasks.settings import Evidence
from tasks.ssh.model.rotated import INVENTORY, FirstSeen

logger = logging.getLogger(__name__)

MOST = 200  # inventories; each tells again what those before it knew of the same accounts


def first_seen(s3: S3, evidence: Evidence, attempt: Attempt) -> tuple[FirstSeen, ...]:
    """Return the earliest that the newest inventories know; raises what the store raises.

    A run looks at the accounts of some purposes only, so that no inventory tells of all.
    """
    store = BucketStore(s3, evidence.bucket)
    folder, ending = f"{attempt.environment}/{attempt.duty}/", f"/{INVENTORY}.csv"
    newest = sorted((key for key in store.keys(folder) if key.endswith(ending)), key=_day, reverse=True)[:MOST]
    found: dict[tuple[str, str], datetime] = {}
    for known in (known for key in newest for known in _read(store, key)):
        which = (known.account, known.fingerprint)
        found[which] = min(known.at, found.get(which, known.at))
    return tuple(FirstSeen(account=account, fingerprint=key, at=at) for (account, key), at in found.items())


def _read(store: Store, key: str) -> tuple[FirstSeen, ...]:
    try:
        rows = csv.reader(StringIO((store.get(key) or b"").decode("utf-8-sig"), newline=""))
        return tuple(
            FirstSeen(account=account, fingerprint=fingerprint, at=datetime.fromisoformat(since).replace(tzinfo=UTC))
            for account, fingerprint, since, *_ in islice(rows, 1, None)
        )
    except ValueError:
        logger.warning("an inventory cannot be read", extra={"key": key})
        return ()


def _day(key: str) -> str:
    return key.split("/")[2]

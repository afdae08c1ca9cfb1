"""Earlier tests of a database, as their evidence tells of them."""

from itertools import islice

from tasks.adapters.s3 import S3
from tasks.backup.model.drill import Past
from tasks.core.attempt import Attempt
from tasks.evidence.history import earlier
from tasks.evidence.store import BucketStore
from tasks.settings import Evidence

SHOWN = 12  # three years of quarters
READ = 5 * SHOWN  # some are of other databases


def earlier_tests(s3: S3, evidence: Evidence, attempt: Attempt, database: str, *, several: bool) -> tuple[Past, ...]:
    """Return at most SHOWN tests of `database` that came to an end before this attempt, newest first.

    With `several` databases each has measures of its own ("rows assist_marias"). Runs that came to none are left out.
    """
    store = BucketStore(s3, evidence.bucket)
    documents = earlier(store, attempt.environment, attempt.duty, before=attempt.started_at, limit=READ)
    ending = f" {database}" if several else ""
    ran = (document for document in documents if f"size_bytes{ending}" in document.measures)
    return tuple(Past.of(document.started_at, document.measures, ending) for document in islice(ran, SHOWN))

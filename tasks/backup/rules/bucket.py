"""What the bucket tells before a byte is fetched, and the checksum once it is."""

from collections.abc import Iterator
from statistics import median

from tasks.backup.model.drill import Drill
from tasks.backup.model.told import Shrunk, Sums, TooSmall
from tasks.backup.settings import Database
from tasks.core.findings import Finding, Severity

SHRUNK = 0.5  # of the median of the backups before it
ENOUGH_BEFORE = 3


def size(drill: Drill, database: Database) -> Iterator[Finding]:
    """Yield that the backup is smaller than believable, else than half the median of at least three before it."""
    found = drill.found
    if found.size_bytes < database.min_size_bytes:
        small = TooSmall(size_bytes=found.size_bytes, least_bytes=database.min_size_bytes)
        yield Finding(rule="backup.too_small", severity=Severity.CRITICAL, subject=found.key, data=small)
        return
    usual = median(found.previous_sizes) if len(found.previous_sizes) >= ENOUGH_BEFORE else 0
    if found.size_bytes < SHRUNK * usual:
        shrunk = Shrunk(size_bytes=found.size_bytes, median_bytes=round(usual))
        yield Finding(rule="backup.shrunk", severity=Severity.HIGH, subject=found.key, data=shrunk)


def newer(drill: Drill) -> Iterator[Finding]:
    """Yield newer backups that were deleted, or never wholly uploaded."""
    for key in drill.found.newer_deleted:
        yield Finding(rule="backup.newer_deleted", severity=Severity.HIGH, subject=key)
    for key in drill.found.newer_unfinished:
        yield Finding(rule="backup.upload_unfinished", severity=Severity.HIGH, subject=key)


def checksum(drill: Drill) -> Iterator[Finding]:
    """Yield that the object is not what the .sha256 beside it says."""
    expected, found = drill.found.expected_sha256, drill.fetched.sha256
    if expected and found and expected != found:
        sums = Sums(expected=expected, found=found)
        yield Finding(rule="backup.checksum_mismatch", severity=Severity.CRITICAL, subject=drill.found.key, data=sums)

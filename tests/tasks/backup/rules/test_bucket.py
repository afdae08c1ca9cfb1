"""What the bucket tells, and the checksum."""

import pytest

from tasks.backup.model.drill import Drill
from tasks.backup.model.told import Shrunk, Sums, TooSmall
from tasks.backup.rules import findings
from tasks.core.findings import Finding
from tests.tasks.backup.drills import KEY, SETTINGS, SHA, Cases, critical, fetched, found, high

OTHER = "cd" * 32

CASES: Cases = {
    "a size below the least": (
        found(size_bytes=1023),
        (critical("backup.too_small", KEY, TooSmall(size_bytes=1023, least_bytes=1024)),),
    ),
    "a size below the least says all: not that it shrank too": (
        found(size_bytes=1023, previous_sizes=(9000, 9000, 9000)),
        (critical("backup.too_small", KEY, TooSmall(size_bytes=1023, least_bytes=1024)),),
    ),
    "the least size itself is allowed": (found(size_bytes=1024), ()),
    "less than half of those before": (
        found(size_bytes=4749, previous_sizes=(8000, 11000, 10000, 9000)),
        (high("backup.shrunk", KEY, Shrunk(size_bytes=4749, median_bytes=9500)),),
    ),
    "half of those before is allowed": (found(size_bytes=4750, previous_sizes=(8000, 11000, 10000, 9000)), ()),
    "two before it are not enough to call it shrunk": (found(previous_sizes=(90000, 90000)), ()),
    "it grew": (found(previous_sizes=(1024, 1024, 1024)), ()),
    "newer ones were deleted": (
        found(newer_deleted=("postgres/a.dump", "postgres/b.dump")),
        (high("backup.newer_deleted", "postgres/a.dump"), high("backup.newer_deleted", "postgres/b.dump")),
    ),
    "a newer upload was never ended": (
        found(newer_unfinished=("postgres/a.dump",)),
        (high("backup.upload_unfinished", "postgres/a.dump"),),
    ),
    "the .sha256 beside it says something else": (
        found(expected_sha256=OTHER),
        (critical("backup.checksum_mismatch", KEY, Sums(expected=OTHER, found=SHA)),),
    ),
    "the .sha256 beside it agrees": (found(expected_sha256=SHA), ()),
    "nothing was fetched to be summed": (fetched(found(expected_sha256=OTHER), sha256=""), ()),
}


@pytest.mark.parametrize(("drill", "expected"), CASES.values(), ids=CASES.keys())
def test_a_departure_in_the_bucket_is_found_and_nothing_else(drill: Drill, expected: tuple[Finding, ...]) -> None:
    assert findings(drill, SETTINGS) == expected

"""What `marias evidence verify` checks, and how it says what it found."""

from collections.abc import Iterator
from pathlib import Path

from deployments.words import label, tell
from tasks.adapters.s3 import S3
from tasks.environment import load
from tasks.evidence import verify as evidence
from tasks.evidence.store import BucketStore, FolderStore, Store
from tasks.evidence.verify import Verification


def verify(environment: str, folder: str, public_key: str) -> Verification:
    """Verify an environment's evidence in its bucket, or in an offline copy of the bucket in `folder`."""
    if folder:
        store: Store = FolderStore(Path(folder))
        return evidence.verify(store, environment, public_key)
    settings = load(environment)
    return evidence.verify(BucketStore(S3(settings.aws), settings.evidence.bucket), settings.name, public_key)


def lines(verification: Verification) -> Iterator[str]:
    """Yield what a person reads: each finding, what was not assessed, and the counts."""
    for finding in verification.findings:
        yield f"✗ {tell(finding.rule, finding.subject, finding.data).message}"
    for coverage in verification.coverage:
        if not coverage.assessed:
            yield f"? {label(coverage.what)}: {label(coverage.why)}"
    counts = f"{verification.entries} entradas, {verification.files} arquivos, {len(verification.findings)} achados"
    yield f"{'✗' if verification.findings else '✓'} {counts}"

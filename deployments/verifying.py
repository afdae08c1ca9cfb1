"""What `marias evidence verify` checks, and how it says what it found."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deployments.terminal import UsageError
from deployments.words import label, tell
from tasks.adapters.s3 import S3
from tasks.core.findings import Finding, Severity
from tasks.environment import load
from tasks.evidence import verify as evidence
from tasks.evidence.store import BucketStore, FolderStore
from tasks.evidence.verify import Verification


def verify(environment: str, folder: str, public_key: str) -> Verification:
    """Verify an environment's evidence in its bucket, or in an offline copy of the bucket in `folder`.

    An offline copy needs no settings: `environment` is then only the name of its folder in the copy. Raises UsageError
    when there is no such folder.
    """
    if folder:
        if not Path(folder, environment).is_dir():
            raise UsageError(
                f"--folder {folder}: there is no folder '{environment}' in it. Copy the whole bucket there."
            )
        return evidence.verify(FolderStore(Path(folder)), environment, public_key)
    settings = load(environment)
    return evidence.verify(BucketStore(S3(settings.aws), settings.evidence.bucket), settings.name, public_key)


def lines(verification: Verification) -> Iterator[str]:
    """Yield what a person reads: each finding with what to do, what was not assessed, and the counts."""
    for finding in verification.findings:
        said = tell(finding.rule, finding.subject, finding.data)
        yield f"{'✗' if _breaks(finding) else '·'} {said.message}\n  {said.remedy}"
    for coverage in verification.coverage:
        if not coverage.assessed:
            yield f"? {label(coverage.what)}: {label(coverage.why)}"
    counts = f"{verification.entries} entradas, {verification.files} arquivos, {len(verification.findings)} achados"
    yield f"{'✗' if broken(verification) else '✓'} {counts}"


def broken(verification: Verification) -> bool:
    """Return whether anything is wrong; a run that is just ending, and has no entry yet, is not."""
    return any(map(_breaks, verification.findings))


def _breaks(finding: Finding) -> bool:
    return finding.severity is not Severity.INFO


def as_json(verification: Verification) -> dict[str, Any]:
    """Return a verification for a program, each finding told as in outcome.json."""
    return {**asdict(verification), "findings": [_told(finding) for finding in verification.findings]}


def _told(finding: Finding) -> dict[str, Any]:
    said = tell(finding.rule, finding.subject, finding.data)
    return {**asdict(finding), "title": said.title, "message": said.message, "remedy": said.remedy}

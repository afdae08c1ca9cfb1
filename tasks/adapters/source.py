"""Which code is running: the release and the commit, for the evidence."""

import os
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@cache
def code() -> str:
    """Return `marias-ops <version> (<commit>)`; the commit is MARIAS_COMMIT, else the checkout's, else `unknown`."""
    try:
        release = version("marias-ops")
    except PackageNotFoundError:
        release = "unreleased"
    return f"marias-ops {release} ({os.environ.get('MARIAS_COMMIT') or _commit()})"


def _commit() -> str:
    command = ("git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=3, check=True)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()

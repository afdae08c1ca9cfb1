"""The lab, once per session, for the tests that need a Prefect server and a worker."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.apply import apply
from deployments.lab import lab as laboratory
from deployments.lab import orchestrator
from deployments.lab.lab import Lab

HOME = tempfile.mkdtemp(prefix="marias-tests-prefect-")  # before Prefect is imported: nothing is left in a home folder
os.environ["PREFECT_HOME"] = HOME
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
ROOT = Path(__file__).resolve().parent.parent
TRIAL = ROOT / "tests" / "flows" / "prefect.yaml"


@pytest.fixture(scope="session")
def server() -> Iterator[Lab]:
    """Yield a running lab with a Prefect server and a worker, which also knows the trial duty."""
    before = dict(os.environ)
    with laboratory.running() as lab:
        laboratory.attach(lab.variables)
        os.environ["PYTHONPATH"] = str(ROOT)
        try:
            apply("lab")
            apply("lab", catalogue=TRIAL, prune=False)
            with orchestrator.worker(lab.guarded, lab.variables, limit=6):
                yield lab
        finally:
            os.environ.clear()
            os.environ.update(before)

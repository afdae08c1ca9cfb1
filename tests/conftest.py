"""The lab, once per session, for the tests that need a Prefect server and a worker; and SSH servers alone."""

import atexit
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentUpdate

from deployments.apply import apply
from deployments.lab import lab as laboratory
from deployments.lab import orchestrator
from deployments.lab.lab import Lab
from deployments.lab.sshd import LabSsh, unavailable
from deployments.lab.sshd import running as running_ssh
from tasks.adapters.guardian import scratch_base

HOME = tempfile.mkdtemp(prefix="marias-tests-prefect-")  # before Prefect is imported: nothing is left in a home folder
os.environ["PREFECT_HOME"] = HOME
os.environ["MPLCONFIGDIR"] = HOME  # matplotlib keeps a list of fonts
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
ROOT = Path(__file__).resolve().parent.parent
TRIAL = ROOT / "tests" / "flows" / "prefect.yaml"
TRACED = "COVERAGE_PROCESS_CONFIG"
ENGINE = shlex.join((sys.executable, "-m", "prefect.engine"))
HOSTS = ("web-1", "web-2", "db-1")
ACCOUNTS = ("deploy", "ops", "backup")
ROOM_BYTES = 50_000_000


@pytest.fixture(scope="session")
def server() -> Iterator[Lab]:
    """Yield a running lab with a Prefect server and a worker, which also knows the trial duty."""
    before = dict(os.environ)
    os.environ.pop(TRACED, None)  # the server runs no line of ours
    with laboratory.running() as lab:
        os.environ.update({name: value for name, value in before.items() if name == TRACED})
        laboratory.attach(lab.variables)
        os.environ["PYTHONPATH"] = str(ROOT)
        try:
            apply("lab")
            apply_trial()
            with orchestrator.worker(lab.guarded, lab.variables, limit=6):
                yield lab
        finally:
            os.environ.clear()
            os.environ.update(before)


def apply_trial() -> None:
    """Let the server know the trial duty; its runs begin without two processes of Prefect's own that prepare a place.

    The restore test's runs keep them, as in production.
    """
    apply("lab", catalogue=TRIAL, prune=False)
    with get_client(sync_client=True) as client:
        for name in ("trial/lab", "close-runs/lab"):
            deployment = client.read_deployment_by_name(name)
            client.update_deployment(deployment.id, DeploymentUpdate(job_variables={"command": ENGINE}))


@pytest.fixture(scope="session")
def ssh_servers() -> Iterator[LabSsh]:
    """Yield three running servers with three accounts each."""
    if why := unavailable():
        pytest.skip(why)
    with running_ssh(scratch_base(ROOM_BYTES), dict.fromkeys(HOSTS, ACCOUNTS)) as lab:
        yield lab


@pytest.fixture
def ssh(ssh_servers: LabSsh) -> LabSsh:
    """Return the servers as they were at first: running, no option changed, no key authorized anywhere."""
    ssh_servers.reset()
    return ssh_servers

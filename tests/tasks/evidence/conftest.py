"""Evidence buckets in the lab's S3."""

from collections.abc import Iterator

import pytest

from deployments.lab import aws
from deployments.lab.aws import LabAws
from tests.tasks.evidence.world import World, new_world
from tests.tasks.evidence.writer import attempt, close


@pytest.fixture(scope="session")
def cloud() -> Iterator[LabAws]:
    with aws.running() as running:
        yield running


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in aws.CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def world(cloud: LabAws) -> World:
    """Make an empty evidence bucket that keeps versions."""
    return new_world(cloud)


@pytest.fixture
def closed(world: World) -> World:
    """Close three attempts, run-1 to run-3, one after another."""
    store, signer = world.store, world.signer
    for number in (1, 2, 3):
        close(store, signer, attempt(f"run-{number}"))
    return world

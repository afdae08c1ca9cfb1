"""AWS on loopback for the adapters of its services."""

from collections.abc import Iterator

import pytest

from deployments.lab import aws
from deployments.lab.aws import LabAws


@pytest.fixture(scope="module")
def cloud() -> Iterator[LabAws]:
    with aws.running() as running:
        yield running


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process be known to it."""
    for name, value in aws.CREDENTIALS.items():
        monkeypatch.setenv(name, value)

"""What the tests of this room read from: a database to dump, a throwaway server, S3; each started once for all."""

from collections.abc import Iterator

import pytest

from deployments.lab import aws
from tasks.adapters.postgres_server import find_binaries
from tasks.adapters.s3 import S3
from tests.tasks.backup.restoring import Server, Throwaway, source, throwaway


@pytest.fixture(scope="package")
def origin() -> Iterator[Server]:
    with source(find_binaries()) as server:
        yield server


@pytest.fixture(scope="package")
def target() -> Iterator[Throwaway]:
    with throwaway(find_binaries()) as server:
        yield server


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with pytest.MonkeyPatch.context() as patch, aws.running() as cloud:
        for name, value in aws.CREDENTIALS.items():
            patch.setenv(name, value)
        yield S3(cloud.settings)

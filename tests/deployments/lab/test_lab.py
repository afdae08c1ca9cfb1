"""Two labs side by side, each in a process of its own; one of them is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from boto3.session import Session

from deployments.lab import seed
from deployments.lab.slack import TOKEN
from tasks.adapters.guardian_process import lock_of, members

ROOT = Path(__file__).resolve().parents[3]
MANIFESTS = 4  # objects: two backups' manifests, each with its signature
PROCESSES = 6  # PostgreSQL's own few, and the Prefect server
GONE_SECONDS = 10  # the guardian's promise
# A lab with a Prefect server that is just starting, kept up until its standard input ends.
LAB = """
import json, sys
from deployments.lab import lab, orchestrator
with lab.running(with_prefect=False) as up:
    port = up.addresses["prefect"].rpartition(":")[2]
    command = ("prefect", "server", "start", "--host", "127.0.0.1", "--port", port)
    with orchestrator.child(up.guarded, "server", command, up.variables):
        facts = {"addresses": dict(up.addresses), "good": up.backups.good}
        print(json.dumps(facts), flush=True)
        sys.stdin.read()
"""


@dataclass(frozen=True, slots=True)
class Other:
    """A lab in another process."""

    process: subprocess.Popen[bytes]
    folders: tuple[Path, ...]
    addresses: Mapping[str, str]
    good: str

    @property
    def s3(self):  # type: ignore[no-untyped-def]  # noqa: ANN201 - one of boto3's made-up classes
        session = Session(aws_access_key_id="lab", aws_secret_access_key="lab", region_name=seed.REGION)  # noqa: S106
        return session.client("s3", endpoint_url=self.addresses["aws"])

    def post(self, text: str) -> None:
        """Send a message to its Slack."""
        address = f"{self.addresses['slack']}chat.postMessage"
        given = {"channel": "#ops-assist", "text": text}
        httpx.post(address, json=given, headers={"Authorization": f"Bearer {TOKEN}"}).raise_for_status()

    @property
    def texts(self) -> list[str]:
        """Return what its Slack was sent."""
        return [m["text"] for m in httpx.get(f"{self.addresses['inbox']}messages.json").json()["slack"]]

    @property
    def processes(self) -> set[int]:
        """Return the processes that belong to its folders."""
        return {pid for folder in self.folders for pid in members(folder)}

    @property
    def left(self) -> list[Path | int]:
        """Return what there still is of its folders and their processes."""
        return [p for folder in self.folders for p in (folder, lock_of(folder)) if p.exists()] + [*self.processes]


@contextmanager
def starting(place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a lab whose folders lie in `place`, which everybody may enter: a database server does not run as root."""
    place.mkdir(mode=0o755)
    environ = {**os.environ, "TMPDIR": str(place), "PYTHONPATH": str(ROOT)}
    command = (sys.executable, "-c", LAB)
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def up(process: subprocess.Popen[bytes], place: Path) -> Other:
    """Wait until a lab is up."""
    assert process.stdout
    facts = json.loads(process.stdout.readline())
    return Other(process, tuple(path for path in place.iterdir() if path.is_dir()), facts["addresses"], facts["good"])


@pytest.fixture(scope="module")
def labs() -> Iterator[tuple[Other, Other]]:
    with TemporaryDirectory(prefix="labs-") as name:
        Path(name).chmod(0o755)
        one, two = Path(name, "one"), Path(name, "two")
        with starting(one) as first, starting(two) as second:
            yield up(first, one), up(second, two)
        until(lambda: [*one.iterdir(), *two.iterdir()] == [])


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + GONE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


def test_two_labs_side_by_side_share_nothing(labs: tuple[Other, Other]) -> None:
    one, two = labs
    places = [set(lab.addresses.values()) - {lab.addresses["smtp_host"]} for lab in labs]
    assert places[0] & places[1] == set()
    assert [len(lab.folders) for lab in labs] == [3, 3]
    one.s3.put_object(Bucket=seed.EVIDENCE, Key="mine", Body=b"one")
    one.post("oi")
    assert [lab.s3.list_objects_v2(Bucket=seed.EVIDENCE)["KeyCount"] for lab in labs] == [MANIFESTS + 1, MANIFESTS]
    assert (one.texts, two.texts) == (["oi"], [])
    until(lambda: all(len(lab.processes) >= PROCESSES for lab in labs))


def test_a_lab_that_is_killed_is_gone_within_seconds_and_the_other_goes_on(labs: tuple[Other, Other]) -> None:
    one, two = labs
    one.process.send_signal(signal.SIGKILL)
    one.process.wait()
    until(lambda: one.left == [])
    assert [path for path in two.folders if not path.exists()] == []
    assert two.s3.head_object(Bucket=seed.BACKUPS, Key=two.good)["ContentLength"] > 0


def test_a_lab_that_is_ended_leaves_nothing(labs: tuple[Other, Other]) -> None:
    _, two = labs
    assert two.process.stdin
    two.process.stdin.close()
    assert two.process.wait(60) == 0
    assert two.left == []

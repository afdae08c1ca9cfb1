"""The ledger's writer, against the lab's S3."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

import pytest

from tasks.adapters.s3 import AlreadyThere
from tasks.adapters.signing import Signer, verify
from tasks.core.errors import OperatorError, TransientError
from tasks.core.secret import Secret
from tasks.evidence import ledger
from tasks.evidence.entry import FIRST_PREV, read
from tasks.evidence.flaws import Tries
from tasks.evidence.store import FolderStore
from tasks.evidence.verify import verify as verify_ledger
from tests.tasks.evidence.world import World, private_key
from tests.tasks.evidence.writer import STARTED, append, attempt, close, files

ROOT = Path(__file__).parents[3]


def numbers(world: World) -> list[str]:
    return [key for key in world.store.keys("lab/ledger/") if key.endswith(".json")]


def writer(world: World, how: str, runs: list[str]) -> "subprocess.Popen[bytes]":
    command = [
        sys.executable,
        "-m",
        "tests.tasks.evidence.writer",
        world.cloud.address,
        world.bucket,
        how,
        ",".join(runs),
    ]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "WRITER_KEY": world.key})


def test_an_entry_is_a_signed_in_toto_statement_that_names_the_one_before(world: World) -> None:
    store, signer = world.store, world.signer
    first = close(store, signer, attempt("run-1"))
    second = close(store, signer, attempt("run-2"))
    body = store.get("lab/ledger/00000002.json")
    assert body is not None
    recorded_at = second.predicate.recorded_at.isoformat().replace("+00:00", "Z")
    subjects = ",".join(
        f'{{"digest":{{"sha256":"{sha256(content).hexdigest()}"}},"name":"{name}"}}'
        for name, content in sorted(files(attempt("run-2")).items())
    )
    assert body.decode() == (
        '{"_type":"https://in-toto.io/Statement/v1","predicate":{"approvals":[],"attempt":1,'
        '"duty":"backup-restore-test","environment":"lab","flow_run_id":"run-2",'
        f'"prev":"{first.sha256}","recorded_at":"{recorded_at}","seq":2,"trigger":"schedule","verdict":"passed"}},'
        '"predicateType":"https://assistmovemarias.org/marias-ops/ledger/1",'
        f'"subject":[{subjects}]}}\n'
    )
    assert (first.predicate.seq, first.predicate.prev) == (1, FIRST_PREV)
    assert second == read(body)
    signature = store.get(f"lab/ledger/signatures/00000002-{second.sha256}.sig")
    assert signature is not None
    assert verify(signer.public_key, body, signature.decode())
    assert store.get("lab/ledger/allowed_signers") == (
        f'marias-ops namespaces="marias-ops-ledger" {signer.public_key}\n'.encode()
    )


def test_the_same_attempt_appended_twice_keeps_its_first_entry(world: World) -> None:
    store, signer = world.store, world.signer
    first = close(store, signer, attempt("run-1"))
    close(store, signer, attempt("run-2"))
    assert append(store, signer, attempt("run-1")) == first
    assert len(numbers(world)) == 2
    assert ledger.entry_for(store, attempt("run-1"), since=STARTED) == first
    assert ledger.entry_for(store, attempt("run-1", number=2), since=STARTED) is None


def test_the_look_back_ends_at_the_first_entry_recorded_before_since(world: World) -> None:
    store, signer = world.store, world.signer
    entries = [close(store, signer, attempt(f"run-{number}")) for number in (1, 2, 3)]
    since = entries[2].predicate.recorded_at
    assert ledger.recorded(store, "lab", since=since) == {("run-3", 1)}
    assert ledger.recorded(store, "lab", since=since - timedelta(days=1)) == {(f"run-{n}", 1) for n in (1, 2, 3)}
    assert ledger.entry_for(store, attempt("run-1"), since=since) is None


def test_two_writers_in_threads_make_one_whole_chain(world: World) -> None:
    runs = [f"run-{number}" for number in range(20)]
    with ThreadPoolExecutor(2) as pool:
        list(
            pool.map(lambda half: [close(world.store, world.signer, attempt(r)) for r in half], (runs[:10], runs[10:]))
        )
    found = verify_ledger(world.store, "lab", world.signer.public_key)
    assert (found.entries, found.files, found.findings) == (20, 80, ())


def test_two_writers_in_processes_make_one_whole_chain(world: World) -> None:
    runs = [f"run-{number}" for number in range(20)]
    for run in runs:
        key = f"{attempt(run).prefix}outcome.json"
        world.put(key, files(attempt(run))[key])
    writers = [writer(world, "living", runs[:10]), writer(world, "living", runs[10:])]
    assert [process.wait(timeout=60) for process in writers] == [0, 0]
    found = verify_ledger(world.store, "lab", world.signer.public_key)
    assert (found.entries, found.files, found.findings) == (20, 20, ())


def test_the_same_attempt_appended_by_four_at_once_has_one_entry(world: World) -> None:
    with ThreadPoolExecutor(4) as pool:
        entries = list(pool.map(lambda _: close(world.store, world.signer, attempt("run-1")), range(4)))
    assert len({entry.sha256 for entry in entries}) == 1
    assert numbers(world) == ["lab/ledger/00000001.json"]


def test_a_writer_killed_between_signature_and_entry_does_no_harm(world: World) -> None:
    for key, body in files(attempt("run-1")).items():
        world.put(key, body)
    assert writer(world, "dying", ["run-1"]).wait(timeout=60) == -9
    left = list(world.store.keys("lab/ledger/"))
    assert (len(left), numbers(world)) == (2, [])  # allowed_signers and a signature
    append(world.store, world.signer, attempt("run-1"))
    found = verify_ledger(world.store, "lab", world.signer.public_key)
    assert (found.entries, found.files, found.findings) == (1, 4, ())


def test_a_second_key_is_refused_before_anything_is_written(closed: World) -> None:
    before = list(closed.store.keys(""))
    with pytest.raises(OperatorError) as caught:
        append(closed.store, Signer(Secret(private_key())), attempt("run-4"))
    assert (caught.value.code, caught.value.subject) == ("ledger.other_key", "lab/ledger/allowed_signers")
    assert list(closed.store.keys("")) == before


def test_the_chain_goes_on_over_bytes_that_are_no_entry(closed: World) -> None:
    closed.put("lab/ledger/00000004.json", b"{}")
    entry = close(closed.store, closed.signer, attempt("run-4"))
    assert (entry.predicate.seq, entry.predicate.prev) == (5, sha256(b"{}").hexdigest())


class RecordingStore(FolderStore):
    """A folder that remembers what was written."""

    written: ClassVar[list[str]] = []

    def put_new(self, key: str, body: bytes, content_type: str) -> None:
        """Write, and remember."""
        self.written.append(key)
        super().put_new(key, body, content_type)


class RivalledStore(FolderStore):
    """A folder in which somebody else is always faster."""

    def put_new(self, key: str, body: bytes, content_type: str) -> None:
        """Refuse entries."""
        if key.endswith(".json"):
            raise AlreadyThere("s3.already_there", key)
        super().put_new(key, body, content_type)


def test_without_a_rival_the_signature_is_written_and_then_the_entry_and_no_more(tmp_path: Path, world: World) -> None:
    store = RecordingStore(tmp_path)
    for run in ("run-1", "run-2", "run-3"):
        entry = append(store, world.signer, attempt(run))
    assert store.written[-2:] == [f"lab/ledger/signatures/00000003-{entry.sha256}.sig", "lab/ledger/00000003.json"]
    assert len(store.written) == 7  # allowed_signers, and two for each entry


def test_a_writer_that_always_loses_gives_up_and_says_how_often_it_tried(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "PAUSE_SECONDS", 0)
    with pytest.raises(TransientError) as caught:
        append(RivalledStore(tmp_path), world.signer, attempt("run-1"))
    assert (caught.value.code, caught.value.subject, caught.value.data) == (
        "ledger.busy",
        "lab",
        Tries(tries=40),
    )


def test_a_folder_is_a_ledger_too(tmp_path: Path, world: World) -> None:
    store = FolderStore(tmp_path)
    entries = [close(store, world.signer, attempt(run)) for run in ("run-1", "run-2", "run-1")]
    assert [entry.predicate.seq for entry in entries] == [1, 2, 1]
    found = verify_ledger(store, "lab", world.signer.public_key)
    assert (found.entries, found.files, found.findings) == (2, 8, ())

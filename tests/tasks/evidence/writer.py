"""Attempts to be closed; and a process of its own that closes some, or is killed while it does."""

import os
import signal
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256

from tasks.adapters.s3 import S3
from tasks.adapters.signing import Signer
from tasks.core.attempt import Attempt, Trigger
from tasks.core.findings import Verdict
from tasks.core.secret import Secret
from tasks.evidence import ledger
from tasks.evidence.document import Document
from tasks.evidence.entry import Entry
from tasks.evidence.store import BucketStore, Store
from tasks.settings import Aws

STARTED = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def attempt(run: str, number: int = 1) -> Attempt:
    return Attempt(
        duty="backup-restore-test",
        environment="lab",
        flow_run_id=run,
        number=number,
        trigger=Trigger.SCHEDULE,
        started_at=STARTED,
    )


def outcome(of: Attempt) -> bytes:
    return Document(
        duty=of.duty,
        title="Teste de restauração",
        environment=of.environment,
        code="marias-ops 0.1.0",
        flow_run_id=of.flow_run_id,
        attempt=of.number,
        trigger=of.trigger,
        started_at=of.started_at,
        finished_at=of.started_at,
        dry_run=of.dry_run,
        verdict=Verdict.PASSED,
        result=None,
        subject="",
        summary="Restauração concluída.",
        safe="",
        findings=(),
        changes=(),
        coverage=(),
        measures={"restore_seconds": 1.5},
    ).to_json()


def files(of: Attempt) -> dict[str, bytes]:
    bodies = {
        "notices.json": b'{"notices": []}\n',
        "outcome.json": outcome(of),
        "report.html": "<!doctype html><title>Relatório</title>\n".encode(),
        "tables.csv": b"tabela;linhas\nbeneficiarias;12\n",
    }
    return {f"{of.prefix}{name}": body for name, body in bodies.items()}


def append(store: Store, signer: Signer, of: Attempt, bodies: Mapping[str, bytes] | None = None) -> Entry:
    subjects = {key: sha256(body).hexdigest() for key, body in (files(of) if bodies is None else bodies).items()}
    return ledger.append(store, signer, of, Verdict.PASSED, subjects, since=STARTED)


def close(store: Store, signer: Signer, of: Attempt, bodies: Mapping[str, bytes] | None = None) -> Entry:
    for key, body in (files(of) if bodies is None else bodies).items():
        store.put_new(key, body, "application/octet-stream")
    return append(store, signer, of, bodies)


class DyingStore(BucketStore):
    """A store whose process is killed when it is about to write an entry."""

    def put_new(self, key: str, body: bytes, content_type: str) -> None:
        """Write what is no entry."""
        if key.endswith(".json"):
            os.kill(os.getpid(), signal.SIGKILL)
        super().put_new(key, body, content_type)


STORES = {"living": BucketStore, "dying": DyingStore}


def main(endpoint: str, bucket: str, how: str, runs: str) -> None:
    """Append entries in a process of its own; the key comes in by the environment."""
    store = STORES[how](S3(Aws(endpoint=endpoint, timeout_seconds=5)), bucket)
    signer = Signer(Secret(os.environ["WRITER_KEY"]))
    for run in runs.split(","):
        append(store, signer, attempt(run), {f"{attempt(run).prefix}outcome.json": outcome(attempt(run))})


if __name__ == "__main__":
    main(*sys.argv[1:])

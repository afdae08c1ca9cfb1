"""Keeps a lab up until it is told to end: what `marias lab up` starts in the background."""

import json
import os
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

from deployments.apply import apply
from deployments.lab import lab, orchestrator


def main(state: Path) -> None:
    """Start lab, server and worker, write `state` (pid, addresses, variables) when all is ready, wait for SIGTERM."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    with ExitStack() as stack:
        stack.callback(state.unlink, missing_ok=True)  # last of all: gone means ended
        running = stack.enter_context(lab.running())
        lab.attach(running.variables)
        apply("lab")
        stack.enter_context(orchestrator.worker(running.guarded, running.variables))
        facts = {"pid": os.getpid(), "addresses": dict(running.addresses), "variables": dict(running.variables)}
        facts["backups"] = {"good": running.backups.good, "truncated": running.backups.truncated}
        partial = state.with_suffix(".partial")
        partial.write_text(json.dumps(facts, indent=1), encoding="utf-8")
        partial.rename(state)
        ended.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Keeps a lab up until it is told to end: what `marias lab up` starts in the background."""

import json
import os
import signal
import sys
import traceback
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from deployments.apply import apply
from deployments.background import LabError
from deployments.lab import lab, orchestrator
from deployments.words import tell
from tasks.core.errors import known

ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(state: Path) -> None:
    """Start lab, server and worker, write `state` (pid, addresses, variables) when all is ready, wait for SIGTERM."""
    for number in ENDINGS:
        signal.signal(number, _end)
    with ExitStack() as stack:
        stack.callback(state.unlink, missing_ok=True)  # last of all: gone means ended
        running = stack.enter_context(lab.running())
        lab.attach(running.variables)
        apply("lab")
        stack.enter_context(orchestrator.worker(running.guarded, running.variables))
        facts = {"pid": os.getpid(), "addresses": dict(running.addresses), "variables": dict(running.variables)}
        facts["backups"] = asdict(running.backups)
        partial = state.with_suffix(".partial")
        partial.write_text(json.dumps(facts, indent=1), encoding="utf-8")
        partial.rename(state)
        while True:
            signal.pause()


def _end(*_: object) -> NoReturn:
    """Unwind from wherever the lab is, also while it starts; a second signal does not disturb that."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    sys.exit(0)


def _tell(error: Exception) -> NoReturn:
    """End the log with the sentences that whoever waits for the lab is shown."""
    cause = known(error)
    said = tell(cause.code, cause.subject, cause.data)
    text = str(error).partition("\n")[0] if isinstance(error, LabError) else f"{said.message} {said.remedy}"
    sys.exit(f"{traceback.format_exc()}\n{text}")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except Exception as error:  # noqa: BLE001 - told to whoever waits, with its traceback in the log
        _tell(error)

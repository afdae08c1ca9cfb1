"""One file per duty: each reads as the headings of the runbook."""

import logging

from prefect.exceptions import FailedRun
from prefect.logging import get_logger


def _is_no_verdict(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], FailedRun))


for _room in ("flows", "tasks"):  # Prefect ships these loggers' lines to a run's log, but leaves them at WARNING
    logging.getLogger(_room).setLevel(logging.INFO)
# a flow that returns a Failed state gives its verdict; Prefect's engine logs a traceback of its own internals for it
get_logger("flow_runs").addFilter(_is_no_verdict)

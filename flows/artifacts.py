"""What a run shows in the Prefect UI while it goes and when it has ended; never evidence: its history is trimmed."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from tasks.core.labels import SEVERITIES
from tasks.evidence.document import Document

logger = logging.getLogger(__name__)


def progress(name: str) -> Callable[[float, str], None]:
    """Return a function that shows percent and what is being done: in the run's log, and as a progress artifact."""
    artifact: UUID | None = None
    with _dispensable():
        artifact = cast("UUID", create_progress_artifact(0.0, key=f"{name}-progress", description="Andamento"))

    def show(percent: float, text: str) -> None:
        logger.info("%3.0f%% %s", percent, text)
        if artifact is not None:
            with _dispensable():
                update_progress_artifact(artifact, progress=percent, description=text)

    return show


def show(document: Document, markdown: str) -> None:
    """Leave the report where a person in the Prefect UI looks first."""
    findings = [
        {"gravidade": SEVERITIES[f.severity], "código": f.rule, "sobre": f.subject, "mensagem": f.message}
        for f in document.findings
    ]
    with _dispensable():
        create_markdown_artifact(markdown, key=f"{document.duty}-report", description=document.summary)
        if findings:
            create_table_artifact(findings, key=f"{document.duty}-findings", description="Achados")


@contextmanager
def _dispensable() -> Iterator[None]:
    """Let no trouble with the server's pictures of a run become the run's own."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - nothing rests on an artifact
        logger.warning("an artifact could not be stored: %s", type(error).__name__)

"""The messages to people, made from what is known and nothing else."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tasks.core.pt_br import duration
from tasks.core.wording import Told
from tasks.evidence.document import Document
from tasks.notices import limits
from tasks.notices.block_kit import Block, draw
from tasks.notices.limits import clean, fit, one_line
from tasks.notices.telling import Item, Part, Telling, pages, tell_end
from tasks.settings import Links

BY_MAIL: Final = "Este aviso veio por e-mail porque não foi possível entregá-lo no Slack."
UNRECORDED: Final = (
    "A execução terminou, mas o registro dela não: o resultado abaixo pode não ter sido guardado nem avisado."
)
SWEEP: Final = "O encerramento automático (close-runs) tenta de novo a cada cinco minutos."


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One notice, ready for each way out.

    `key` is the same whoever sends it; `since` is when it can first have been sent (None: any time). `text` and
    `blocks` are Slack's, escaped and within its limits; `subject` and `body` are the mail's, plain.
    """

    key: str
    since: datetime | None
    text: str
    blocks: tuple[Block, ...]
    subject: str
    body: str


def end_of_run(document: Document, links: Links, report_key: str) -> Message:
    """Return the notice that a run has ended, well or not; `report_key` is the report's in the evidence store."""
    key = f"{document.flow_run_id}:{document.attempt}:ended"
    return _message(key, document.started_at, tell_end(document, links, report_key))


def overdue(duty: str, flow_run_id: str, limit: timedelta, links: Links) -> Message:
    """Return the notice that a run is still Running after its duty's limit."""
    still = f"A execução continua em andamento depois do limite de {duration(limit)}."
    todo = (
        "Abra a execução e veja o último passo do registro. Se ela não estiver avançando, cancele-a no Prefect: "
        "o encerramento automático avisa o resultado em poucos minutos."
    )
    telling = Telling(
        headline=f"△ Demora além do limite · {duty}",
        sentence=f"Demora além do limite: {duty}. {still}",
        parts=(
            Part(heading="", items=(Item(text=still),)),
            Part(heading="O que fazer agora", items=(Item(text=todo),)),
        ),
        context=(f"Execução: {flow_run_id}",),
        links=pages(links, duty, flow_run_id, ""),
    )
    return _message(f"{flow_run_id}:overdue", None, telling)


def plain(document: Document, links: Links | None = None, report_key: str = "") -> str:
    """Return the notice of a run's end as lines for a terminal or a state's message, whole."""
    return _lines(tell_end(document, links, report_key))


def unrecorded(document: Document, told: Told, links: Links | None = None) -> str:
    """Return what to say of a run that could not be recorded, because of the error `told`: all that is known of it."""
    return f"{UNRECORDED} {told.message} {told.remedy}\n{SWEEP}\n\n{plain(document, links)}"


def _message(key: str, since: datetime | None, telling: Telling) -> Message:
    return Message(
        key=key,
        since=since,
        text=fit(telling.sentence, limits.NOTIFICATION),
        blocks=draw(telling),
        subject=one_line(f"[marias-ops] {telling.headline}")[: limits.SUBJECT],
        body=f"{_lines(telling)}\n\n{BY_MAIL}\n",
    )


def _lines(telling: Telling) -> str:
    # The space after an address ends the link where Prefect logs a state, which writes line ends as \n.
    paragraphs = (
        one_line(telling.headline),
        *("\n".join(_part(part)) for part in telling.parts),
        "\n".join(telling.context),
        "\n".join(f"{link.title}: {link.address} " for link in telling.links),
    )
    return "\n\n".join(filter(None, paragraphs))


def _part(part: Part) -> list[str]:
    indent = "  " if part.heading else ""
    lines = [part.heading] if part.heading else []
    for item in part.items:
        said = (item.strong, item.text, item.remedy and f"Como resolver: {item.remedy}")
        body = [line for text in said if text for line in clean(text).splitlines()]
        lines += [f"{indent}{'  ' if item.strong and place else ''}{line}" for place, line in enumerate(body)]
    return lines

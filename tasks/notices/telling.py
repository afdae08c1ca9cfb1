"""What a document says to people, in order and in words, before anything is drawn for Slack, mail or a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final
from urllib.parse import quote

from tasks.core import labels
from tasks.core.attempt import Trigger
from tasks.core.findings import ChangeState, Severity
from tasks.core.pt_br import count, duration, listed, moment
from tasks.evidence.document import ChangeRecord, CoverageRecord, Document, FindingRecord
from tasks.notices.limits import one_line
from tasks.settings import Links

SHOWN: Final = 5
_WORST_FIRST = (
    ChangeState.FAILED,
    ChangeState.NOT_REACHED,
    ChangeState.UNDONE,
    ChangeState.DONE,
    ChangeState.SKIPPED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing said: a short lead-in, the sentence, and (findings only) how to mend it."""

    strong: str = ""
    text: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A heading (empty for what stands before all others) and the things said under it."""

    heading: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A page worth opening."""

    title: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """A notice before it is drawn; `sentence` is the whole of it for a phone or a screen reader."""

    headline: str
    sentence: str
    parts: tuple[Part, ...]
    context: tuple[str, ...]
    links: tuple[Link, ...]


def tell_end(document: Document, links: Links | None, report_key: str) -> Telling:
    """Return what is said when a run has ended; nothing but the document is used."""
    end = labels.ending(document.verdict, document.result)
    flags = labels.flags(document.trigger, dry_run=document.dry_run)
    environment = labels.ENVIRONMENTS.get(document.environment, one_line(document.environment))
    where = (environment, *(flag.word for flag in flags))
    title, summary = one_line(document.title), _sentence(document.summary)
    parts = (
        Part(heading="", items=tuple(Item(strong=flag.loud, text=flag.text) for flag in flags)),
        Part(heading="", items=_only(summary)),
        Part(heading="O que aconteceu", items=_happened(document.findings, end.todo)),
        Part(heading="O que não foi verificado", items=_unassessed(document.coverage)),
        Part(heading="O que mudou", items=_changed(document.changes)),
        Part(heading="O que está seguro", items=_only(document.safe)),
        Part(heading="O que fazer agora", items=_only(end.todo)),
    )
    return Telling(
        headline=" · ".join((f"{end.symbol} {end.name}", title, *where)),
        sentence=f"{end.name}: {title} ({', '.join(where)}). {one_line(summary)}".strip(),
        parts=tuple(part for part in parts if part.items),
        context=_context(document),
        links=pages(links, document.duty, _on_server(document), report_key) if links else (),
    )


def pages(links: Links, duty: str, flow_run_id: str, report_key: str) -> tuple[Link, ...]:
    """Return the pages worth opening; none of the run when `flow_run_id` is empty, no report when `report_key` is."""
    report = Link(title="Relatório com as provas", address=links.evidence.replace("{key}", quote(report_key)))
    run = Link(title="Execução no Prefect", address=links.run.replace("{run}", quote(flow_run_id)))
    return (
        *((run,) if flow_run_id else ()),
        *((report,) if report_key else ()),
        Link(title="Página do runbook", address=links.runbook.replace("{duty}", quote(duty))),
        *(Link(title=title, address=address) for title, address in links.dashboards.items()),
    )


def _on_server(document: Document) -> str:
    """Return the id under which the server knows the run; "" for break-glass, whose server is gone with it."""
    return "" if document.trigger is Trigger.BREAK_GLASS else document.flow_run_id


def _happened(findings: Sequence[FindingRecord], todo: str) -> tuple[Item, ...]:
    """Return the worst findings first; a remedy that is said under “O que fazer agora” is not said twice."""
    order = list(Severity)
    worst = sorted(findings, key=lambda finding: order.index(finding.severity))
    items = tuple(
        Item(
            strong=f"{f'{place}. ' if len(worst) > 1 else ''}{one_line(f.title)} ({labels.SEVERITIES[f.severity]})",
            text=_sentence(f.message),
            remedy="" if f.remedy == todo else _sentence(f.remedy),
        )
        for place, f in enumerate(worst[:SHOWN], start=1)
    )
    return items + _rest(len(worst), "achado", "achados")


def _unassessed(coverage: Sequence[CoverageRecord]) -> tuple[Item, ...]:
    """Tell what was not judged, what has the same reason on one line."""
    missing = sorted((c for c in coverage if not c.assessed), key=lambda c: (not c.required, c.why))
    groups = [
        (required, why, listed([one_line(c.about) for c in same], most=SHOWN))
        for (required, why), same in groupby(missing, key=lambda c: (c.required, c.why))
    ]
    items = tuple(
        Item(text=f"• {what} ({labels.REQUIREMENTS[required]}): {one_line(why) or '?'}")
        for required, why, what in groups[:SHOWN]
    )
    return items + _rest(len(groups), "item", "itens")


def _changed(changes: Sequence[ChangeRecord]) -> tuple[Item, ...]:
    ordered = sorted(changes, key=lambda change: _WORST_FIRST.index(change.state))
    items = tuple(
        Item(text=f"• {one_line(f'{c.what} {c.subject}')}: {labels.CHANGES[c.state]}") for c in ordered[:SHOWN]
    )
    return items + _rest(len(ordered), "mudança", "mudanças")


def _rest(total: int, one: str, many: str) -> tuple[Item, ...]:
    left = total - SHOWN
    return (Item(text=f"… e mais {count(left, one, many)} no relatório."),) if left > 0 else ()


def _only(text: str) -> tuple[Item, ...]:
    return (Item(text=_sentence(text)),) if text.strip() else ()


def _context(document: Document) -> tuple[str, ...]:
    facts = (
        f"Disparada por: {labels.TRIGGERS[document.trigger]}",
        f"Período: {one_line(document.period)}" if document.period else "",
        f"Início: {moment(document.started_at)}",
        f"Duração: {duration(document.finished_at - document.started_at)}",
        f"Tentativa: {document.attempt}",
        f"Execução: {one_line(document.flow_run_id)}",
    )
    return tuple(fact for fact in facts if fact)


def _sentence(text: str) -> str:
    """Return `text` with a full stop where it has no end of its own."""
    text = text.strip()
    return text if not text or text[-1] in ".!?…:" else f"{text}."

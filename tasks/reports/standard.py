"""The order in which every report is told."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import chain
from types import MappingProxyType
from typing import Final

from tasks.core import labels
from tasks.core.findings import Chart, Severity, Table, Verdict
from tasks.core.pt_br import count, duration, moment, number, size
from tasks.evidence.document import Document
from tasks.reports.blocks import (
    Block,
    Facts,
    FindingBlock,
    Heading,
    Note,
    Paragraph,
    TableBlock,
    Tone,
    VerdictBanner,
    chart_block,
    table_block,
)

LIMIT: Final = (
    "O registro assinado prova que os bytes deste relatório não mudaram desde que foram guardados e que a ordem das "
    "entradas não foi interrompida. Ele não prova que o executor disse a verdade, nem que as entradas mais novas ainda "
    "estão lá. Para conferir: marias evidence verify."
)

TONES: Final[Mapping[Verdict, Tone]] = {
    Verdict.PASSED: Tone.GOOD,
    Verdict.ATTENTION: Tone.WARN,
    Verdict.INCONCLUSIVE: Tone.UNKNOWN,
    Verdict.FAILED: Tone.BAD,
}

# A measure's unit is the end of its name.
UNITS: Final[Mapping[str, Callable[[float], str]]] = {
    "_seconds": lambda value: duration(timedelta(seconds=value)),
    "_minutes": lambda value: duration(timedelta(minutes=value)),
    "_hours": lambda value: duration(timedelta(hours=value)),
    "_days": lambda value: f"{number(value)} d",
    "_bytes": size,
    "_percent": lambda value: f"{number(value)}%",
}

_NO_LABELS: Final[Mapping[str, str]] = MappingProxyType({})


def layout(
    document: Document,
    middle: Sequence[Block],
    tables: Sequence[Table],
    names: Mapping[str, str] = _NO_LABELS,
    *,
    charts: Sequence[Chart] = (),
) -> tuple[Block, ...]:
    """Return a report: verdict, meaning, findings, what was checked, measures, charts, the duty's own part, the record.

    `names` are the duty's labels (Wording.labels), for its measures and results.
    """
    sections: tuple[tuple[Block, ...], ...] = (
        _verdict(document),
        _findings(document),
        _coverage(document),
        _measures(document, names),
        (Heading(text="Gráficos"), *map(chart_block, charts)) if charts else (),
        tuple(middle),
        (Heading(text="Tabelas"), *map(table_block, tables)) if tables else (),
        _changes(document),
        _identity(document, names),
        (Heading(text="O que este relatório prova"), Paragraph(text=LIMIT)),
    )
    return tuple(chain.from_iterable(sections))


def _verdict(document: Document) -> tuple[Block, ...]:
    end = labels.ending(document.verdict, document.result)
    environment = labels.ENVIRONMENTS.get(document.environment, document.environment)
    flags = labels.flags(document.trigger, dry_run=document.dry_run)
    banner = VerdictBanner(
        tone=TONES[document.verdict],
        symbol=end.symbol,
        verdict=end.name,
        summary=document.summary,
        context=f"{environment} · {moment(document.started_at)}",
    )
    return (
        banner,
        *(Note(tone=Tone.WARN, strong=flag.loud, text=flag.text) for flag in flags),
        Heading(text="O que significa"),
        Paragraph(text=end.meaning),
        *((Paragraph(strong="O que está seguro:", text=document.safe),) if document.safe else ()),
        Paragraph(strong="O que fazer agora:", text=end.todo),
    )


def _findings(document: Document) -> tuple[Block, ...]:
    order = list(Severity)
    worst = sorted(document.findings, key=lambda finding: order.index(finding.severity))
    drawn = (
        FindingBlock(
            severity=f.severity, title=f.title, subject=f.subject, message=f.message, remedy=f.remedy, rule=f.rule
        )
        for f in worst
    )
    return (Heading(text="Achados"), *(drawn if worst else (Paragraph(text="Nenhum achado."),)))


def _coverage(document: Document) -> tuple[Block, ...]:
    """Return what was judged and what was not, the latter first."""
    if not document.coverage:
        return ()
    ordered = sorted(document.coverage, key=lambda c: (c.assessed, not c.required))
    missing = sum(not c.assessed for c in ordered)
    rows = tuple((c.about, labels.REQUIREMENTS[c.required], "sim" if c.assessed else "não", c.why) for c in ordered)
    unproved = (
        f"Sem verificação: {number(missing)} de {count(len(ordered), 'item', 'itens')}. Sobre isso, nada se afirma."
    )
    title = "Item por item"
    if missing:
        table = TableBlock(title=title, columns=_COVERAGE, rows=rows)
        return (Heading(text="O que não foi verificado"), Paragraph(text=unproved), table)
    table = TableBlock(title=title, columns=_COVERAGE[:-1], rows=tuple(row[:-1] for row in rows))
    return (Heading(text="O que foi verificado"), Paragraph(text=_ALL), table)


_ALL: Final = "Tudo o que a rotina deve verificar foi verificado."
_COVERAGE: Final = ("Item", "Exigência", "Verificado", "Motivo")


def _measures(document: Document, names: Mapping[str, str]) -> tuple[Block, ...]:
    if not document.measures:
        return ()
    rows = tuple(_measure(name, value, names) for name, value in document.measures.items())
    return (Heading(text="Medidas"), Facts(rows=rows))


def _measure(name: str, value: float, names: Mapping[str, str]) -> tuple[str, str]:
    # "<measure>", or "<measure> <subject>" where a run had several subjects
    measure, _, subject = name.partition(" ")
    unit = next((suffix for suffix in UNITS if measure.endswith(suffix)), "")
    label = names.get(measure, measure.removesuffix(unit).replace("_", " "))
    return f"{label} ({subject})" if subject else label, UNITS.get(unit, number)(value)


def _changes(document: Document) -> tuple[Block, ...]:
    if not document.changes:
        return ()
    rows = tuple((c.what, c.subject, labels.CHANGES[c.state]) for c in document.changes)
    table = TableBlock(title="Mudanças, na ordem em que foram feitas", columns=("Mudança", "Onde", "Estado"), rows=rows)
    return (Heading(text="Mudanças"), table)


def _identity(document: Document, names: Mapping[str, str]) -> tuple[Block, ...]:
    result = document.result or ""
    rows = (
        ("Rotina", f"{document.title} ({document.duty})"),
        ("Ambiente", labels.ENVIRONMENTS.get(document.environment, document.environment)),
        ("Sobre", document.subject),
        ("Resultado", names.get(result, result)),
        ("Período", document.period or ""),
        ("Início", moment(document.started_at)),
        ("Fim", moment(document.finished_at)),
        ("Duração", duration(document.finished_at - document.started_at)),
        ("Disparada por", labels.TRIGGERS[document.trigger]),
        ("Simulação", "sim" if document.dry_run else "não"),
        ("Execução", document.flow_run_id),
        ("Tentativa", number(document.attempt)),
        ("Programa", document.code),
    )
    return (Heading(text="Identificação da execução"), Facts(rows=tuple(row for row in rows if row[1])))

"""The restore test's report: what was tested, what was proved, what was not; and the tables kept beside it."""

from tasks.backup.model.facts import Drill, LineKind
from tasks.backup.rules import compared, newest
from tasks.core.findings import Outcome, Table, Verdict
from tasks.core.pt_br import moment
from tasks.reports.blocks import Block, Heading, Paragraph

_LINES: dict[LineKind, str] = {
    LineKind.HARMLESS: "inofensivas",
    LineKind.SERVER: "recusas do servidor",
    LineKind.ARCHIVE: "falhas de leitura do arquivo",
    LineKind.CONTINUED: "continuação de uma mensagem",
    LineKind.UNKNOWN: "desconhecidas",
}
_PROVED: dict[Verdict, str] = {
    Verdict.PASSED: (
        "O arquivo foi lido até o fim; o servidor não recusou nenhum comando e nenhuma linha do pg_restore ficou sem "
        "explicação; cada tabela tem exatamente as linhas que o arquivo contém; cada sequência está na posição gravada "
        "nele; e os dados estão dentro do RPO."
    ),
    Verdict.ATTENTION: "O backup foi restaurado e as linhas conferem; os achados acima dizem o que merece correção.",
    Verdict.INCONCLUSIVE: "Nada: o que era preciso julgar não pôde ser julgado (veja acima o que não foi verificado).",
    Verdict.FAILED: "Que este backup não serve como está: os achados acima dizem o que falta e por quê.",
}
_LIMITS = (
    "Não há manifesto feito junto com o backup, portanto a completude em relação à produção não está provada: este "
    "teste compara o banco restaurado com o próprio arquivo, e linhas que já faltavam quando o pg_dump rodou não "
    "aparecem. Contam-se linhas, não se comparam valores. Donos e permissões não são restaurados (os papéis não vão no "
    "arquivo); objetos grandes, visões materializadas, funções e gatilhos são restaurados, mas não comparados."
)
_DESTROYED = (
    "O teste rodou em um PostgreSQL próprio, sem rede, com usuário sem privilégios, em uma pasta só dele. Este "
    "relatório só é escrito depois que o servidor parou e a pasta inteira, com a cópia do backup, foi apagada e "
    "conferida. Nenhuma linha do banco foi registrada: só nomes, contagens, posições e horários."
)
_NONE = "–"


def build(outcome: Outcome) -> tuple[Block, ...]:
    """Return the middle of the report, for an auditor; an outcome that an error made has none."""
    if outcome.result is not None:
        return ()
    return (
        Heading(text="O que ficou provado"),
        Paragraph(text=_PROVED[outcome.verdict]),
        Heading(text="O que este teste não prova"),
        Paragraph(text=_LIMITS),
        Heading(text="Destruição da cópia"),
        Paragraph(text=_DESTROYED),
    )


def tables(drill: Drill) -> tuple[Table, ...]:
    """Return what was tested, rows per table, sequences, and pg_restore's lines by kind; none that would be empty."""
    made = (_tested(drill), _rows(drill), _sequences(drill), _lines(drill))
    return tuple(table for table in made if table.rows)


def _tested(drill: Drill) -> Table:
    found, header = drill.found, drill.archive.header
    rows: list[tuple[str, str | int]] = [
        ("Objeto", found.key),
        ("Tamanho (bytes)", found.size_bytes),
        ("SHA-256", drill.fetched.sha256),
        ("Chegada ao bucket", moment(found.modified_at)),
    ]
    if header:
        rows += [
            ("Banco", header.database),
            ("Início do pg_dump", moment(header.created_at)),
            ("Servidor de origem", f"PostgreSQL {header.server}"),
            ("pg_dump", header.pg_dump),
            ("Objetos na lista do arquivo", header.entries),
        ]
    rows += [(f"Linha mais nova em {row.column}", moment(row.at) if row.at else _NONE) for row in newest(drill)]
    return Table(name="backup", title="O backup testado", columns=("Item", "Valor"), rows=tuple(rows))


def _rows(drill: Drill) -> Table:
    rows = tuple(
        (
            c.table,
            _NONE if c.expected is None else c.expected,
            _NONE if c.restored is None else c.restored,
            _yes(c.expected in {None, c.restored}),
        )
        for c in compared(drill)
    )
    columns = ("Tabela", "Linhas no arquivo", "Linhas restauradas", "Conferem")
    return Table(name="tables", title="Linhas por tabela", columns=columns, rows=rows)


def _sequences(drill: Drill) -> Table:
    proof = drill.proof
    read = proof is not None and proof.data.fault is None
    restored = {s.position.sequence: s for s in proof.database.sequences} if proof else {}
    rows = tuple(
        (
            position.sequence,
            position.last_value,
            found.position.last_value if found else _NONE,
            _yes(found is not None and found.position == position),
            found.behind if found else _NONE,
        )
        for position in (proof.data.positions if proof and read else ())
        for found in (restored.get(position.sequence),)
    )
    columns = ("Sequência", "Posição no arquivo", "Posição restaurada", "Conferem", "Números repetidos")
    return Table(name="sequences", title="Sequências", columns=columns, rows=rows)


def _lines(drill: Drill) -> Table:
    counts = {lines.kind: lines.count for lines in drill.proof.restore.lines} if drill.proof else {}
    rows = tuple((label, counts.get(kind, 0)) for kind, label in _LINES.items()) if drill.proof else ()
    return Table(name="restore-lines", title="Linhas escritas pelo pg_restore", columns=("Tipo", "Linhas"), rows=rows)


def _yes(holds: bool) -> str:  # noqa: FBT001 - one question
    return "sim" if holds else "não"

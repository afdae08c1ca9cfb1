"""The restore test's report: what was proved and on what knowledge, what was not; tables and trends kept beside it."""

from urllib.parse import quote

from tasks.backup.model.drill import LineKind, Past
from tasks.backup.model.found import Form, Layer
from tasks.backup.model.told import Against
from tasks.backup.rules import Tested, archive, differences, policy
from tasks.backup.rules.claims import Claim
from tasks.backup.wording.labels import LABELS
from tasks.core.findings import Chart, Objective, Outcome, Series, Table, Verdict
from tasks.core.pt_br import moment
from tasks.reports.blocks import Block, Heading, Paragraph

_LINES: dict[LineKind, str] = {
    LineKind.HARMLESS: "inofensivas",
    LineKind.SERVER: "recusas do servidor",
    LineKind.ARCHIVE: "falhas de leitura do arquivo",
    LineKind.CONTINUED: "continuação de uma mensagem",
    LineKind.UNKNOWN: "desconhecidas",
}
_FORMS: dict[Form, str] = {Form.CUSTOM: "custom", Form.DIRECTORY: "pasta ou tar", Form.PLAIN: "SQL"}
_LAYERS: dict[Layer, str] = {Layer.AGE: "age", Layer.GZIP: "gzip", Layer.ZSTD: "zstd", Layer.TAR: "tar"}
_PROVED: dict[Verdict, str] = {
    Verdict.PASSED: (
        "O backup foi restaurado sem superusuário em um PostgreSQL vazio, sem que nada fosse recusado. Os dados e as "
        "definições do banco restaurado são, byte a byte, os do arquivo; as sequências, os índices e as chaves estão "
        "íntegros; os dados estão dentro do RPO. A tabela de provas diz em que cada afirmação se baseia."
    ),
    Verdict.ATTENTION: (
        "O backup foi restaurado. Os achados acima dizem o que merece correção; a tabela de provas diz o que vale cada "
        "afirmação, e em que ela se baseia."
    ),
    Verdict.INCONCLUSIVE: "Nada: o que era preciso julgar não pôde ser julgado (veja acima o que não foi verificado).",
    Verdict.FAILED: "Que o backup não serve como está: os achados acima dizem o que falta e por quê.",
}
_COMPLETE = (
    "Com o manifesto, feito na mesma fotografia (snapshot) do banco que o backup, a completude está provada até o "
    "último byte. Não se prova que a máquina de teste disse a verdade, nem que a produção estava certa naquele momento."
)
_NOT_COMPLETE = (
    "A completude não está provada (completeness not proved): sem um manifesto feito junto com o backup, este teste "
    "compara o banco restaurado com o próprio arquivo, e linhas que já faltavam quando o pg_dump rodou não aparecem. "
    "'marias backup' grava o manifesto."
)
_INCOMPLETE = (
    "A completude não vale: pelo manifesto, feito junto com o backup, o que há no arquivo não é o que havia no banco. "
    "Os achados acima dizem o que falta ou mudou."
)
_COMPLETENESS = Claim(what="backup.completeness", knowledge=Against.MANIFEST, why="")
_DESTROYED = (
    "O teste rodou em um PostgreSQL próprio, sem porta de rede, com usuário sem privilégios, em uma pasta só dele. "
    "Este relatório só é escrito depois que o servidor parou e a pasta inteira, com a cópia do backup, foi apagada e "
    "conferida. Nenhuma linha do banco foi registrada: só nomes, contagens, posições, somas (SHA-256) e horários."
)
_NONE = "–"
_MINUTE_SECONDS = 60


def build(outcome: Outcome) -> tuple[Block, ...]:
    """Return the middle of the report, for an auditor; an outcome that an error made has none."""
    if outcome.result == "error":
        return ()
    return (
        Heading(text="O que ficou provado"),
        Paragraph(text=_PROVED[outcome.verdict]),
        Heading(text="O que este teste não prova"),
        Paragraph(text=_completeness(outcome)),
        Heading(text="Destruição da cópia"),
        Paragraph(text=_DESTROYED),
    )


def _completeness(outcome: Outcome) -> str:
    if _COMPLETENESS.broken_by(outcome.findings):
        return _INCOMPLETE
    tested = {entry.subject for entry in outcome.coverage if entry.what == "backup.archive"}
    complete = {entry.subject for entry in outcome.coverage if entry.what == _COMPLETENESS.what and entry.assessed}
    return _COMPLETE if tested and tested <= complete else _NOT_COMPLETE


def tables(test: Tested, *, several: bool) -> tuple[Table, ...]:
    """Return what was claimed and tested, rows and sequences side by side, what was asked; none that would be empty."""
    made = (_claims(test), _tested(test), _rows(test), _sequences(test), _answers(test), _lines(test))
    ending, of = _of(test, several=several)
    return tuple(
        Table(name=f"{t.name}{ending}", title=f"{t.title}{of}", columns=t.columns, rows=t.rows) for t in made if t.rows
    )


def charts(test: Tested, *, several: bool) -> tuple[Chart, ...]:
    """Return the trend of restoring against the RTO (minutes) and of the data's age against the RPO (hours)."""
    all_tests = (*reversed(test.past), Past.of(test.drill.found.read_at, test.measures))
    points = tuple(past.at for past in all_tests)
    ending, of = _of(test, several=several)

    def line(label: str, *keys: str, scale: float) -> Series:
        return Series(name=label, values=tuple(_sum(past, keys, scale) for past in all_tests))

    return (
        Chart(
            name=f"restore-time{ending}",
            title=f"Tempo de restauração{of}",
            unit="min",
            points=points,
            series=(
                line("baixar e restaurar", "download_seconds", "restore_seconds", scale=_MINUTE_SECONDS),
                line("restaurar", "restore_seconds", scale=_MINUTE_SECONDS),
                line("comparar e provar", "verify_seconds", scale=_MINUTE_SECONDS),
            ),
            objectives=(Objective(name="RTO", value=test.database.rto_minutes),),
        ),
        Chart(
            name=f"data-age{ending}",
            title=f"Atraso dos dados{of}",
            unit="h",
            points=points,
            series=(line("atraso", "rpo_hours", scale=1),),
            objectives=(Objective(name="RPO", value=test.database.rpo_hours),),
        ),
    )


def _of(test: Tested, *, several: bool) -> tuple[str, str]:
    """Return how a database's own files end (as part of a key) and their titles, when there are several."""
    name = test.drill.found.database
    return (f"-{quote(name, safe='')}", f" ({name})") if several else ("", "")


def _sum(past: Past, keys: tuple[str, ...], scale: float) -> float | None:
    values = [getattr(past, key) for key in keys]
    return None if None in values else sum(values) / scale


def _claims(test: Tested) -> Table:
    rows = tuple(
        (
            LABELS[claim.what],
            LABELS[claim.knowledge],
            f"não provado: {LABELS[claim.why]}" if claim.why else _result(claim.broken_by(test.findings)),
        )
        for claim in test.claims
    )
    return Table(
        name="proofs", title="O que foi provado", columns=("Afirmação", "Baseia-se em", "Resultado"), rows=rows
    )


def _result(broken: int) -> str:
    return f"não vale: {broken} achado(s)" if broken else "provado"


def _tested(test: Tested) -> Table:
    drill = test.drill
    found, fetched, header, place = drill.found, drill.fetched, drill.archive.header, drill.place
    manifest = drill.beside.manifest
    rows: list[tuple[str, str | int]] = [
        ("Objeto", found.key),
        ("Tamanho (bytes)", found.size_bytes),
        ("SHA-256", fetched.sha256 or _NONE),
        ("Soma conferida", _checked(test)),
        ("Chegada ao bucket", moment(found.modified_at)),
        ("Classe de armazenamento", found.storage_class),
        ("O bucket guarda versões", _yes(found.versioned)),
        ("Forma", ", ".join([*(_LAYERS[layer] for layer in fetched.layers), *_form(fetched.form)]) or _NONE),
    ]
    if header:
        rows += [
            ("Banco", header.database or _NONE),
            ("Início do pg_dump", moment(header.created_at) if header.created_at else _NONE),
            ("Servidor de origem", f"PostgreSQL {header.server}"),
            ("pg_dump", header.pg_dump),
            ("Objetos na lista do arquivo", header.entries),
        ]
    if place:
        rows += [
            ("Restaurado em", f"PostgreSQL {place.major}"),
            ("Rede do servidor descartável", "nenhuma (isolado pelo kernel)" if place.isolated else "sem porta aberta"),
            ("Pasta descartável", "em memória" if place.in_memory else "em disco"),
        ]
    if manifest:
        rows += [
            ("Manifesto de", moment(manifest.origin.taken_at)),
            ("Cópias do manifesto (de 2)", drill.beside.places),
            ("LSN do manifesto", manifest.origin.lsn or _NONE),
        ]
    rows += [(f"Linha mais nova em {c.column}", moment(c.at) if c.at else _NONE) for c in policy.newest(drill)]
    return Table(name="backup", title="O backup testado", columns=("Item", "Valor"), rows=tuple(rows))


def _form(form: Form | None) -> list[str]:
    return [_FORMS[form]] if form else []


def _checked(test: Tested) -> str:
    drill = test.drill
    ways = (
        ("S3", drill.fetched.checked_by_s3),
        (".sha256", bool(drill.fetched.sha256 and drill.found.expected_sha256)),
        ("manifesto", bool(drill.fetched.sha256 and drill.beside.manifest)),
    )
    return ", ".join(name for name, there in ways if there) or "nenhuma soma guardada"


def _rows(test: Tested) -> Table:
    proof, manifest = archive.read_whole(test.drill), test.drill.beside.manifest
    compared = differences.tables(proof.data.contents, proof.restored.reading.contents) if proof else ()
    taken = {table.table: table.rows for table in manifest.contents.tables} if manifest else {}
    rows = tuple(
        (c.table, taken.get(c.table, _NONE), _shown(c.expected), _shown(c.found), _yes(c.same)) for c in compared
    )
    columns = ("Tabela", "Linhas no manifesto", "Linhas no arquivo", "Linhas restauradas", "Bytes iguais")
    return Table(name="tables", title="Linhas por tabela", columns=columns, rows=rows)


def _shown(rows: int | None) -> str | int:
    return _NONE if rows is None else rows


def _sequences(test: Tested) -> Table:
    proof = archive.read_whole(test.drill)
    promised = proof.data.contents.positions if proof else ()
    there = {p.sequence: p for p in proof.restored.reading.contents.positions} if proof else {}
    rows = tuple(
        (
            p.sequence,
            p.last_value,
            there[p.sequence].last_value if p.sequence in there else _NONE,
            _yes(there.get(p.sequence) == p),
        )
        for p in promised
    )
    columns = ("Sequência", "Posição no arquivo", "Posição restaurada", "Conferem")
    return Table(name="sequences", title="Sequências", columns=columns, rows=rows)


def _answers(test: Tested) -> Table:
    proof, expected = test.drill.proof, {a.name: a.expect for a in test.database.assertions}
    answers = proof.restored.answers if proof else ()
    rows = tuple(
        (a.name, expected[a.name], _answer(a.value), _yes(not a.sqlstate and policy.holds(expected[a.name], a)))
        for a in answers
    )
    columns = ("Afirmação", "Esperado", "Resposta", "Vale")
    return Table(name="assertions", title="Afirmações da equipe", columns=columns, rows=rows)


def _answer(value: str) -> str:
    return LABELS[policy.ANSWERS[value]] if value in policy.ANSWERS else value or _NONE


def _lines(test: Tested) -> Table:
    proof = test.drill.proof
    counts = {lines.kind: lines.count for lines in proof.restore.lines} if proof else {}
    rows = tuple((label, counts.get(kind, 0)) for kind, label in _LINES.items()) if proof else ()
    return Table(name="restore-lines", title="Linhas escritas ao restaurar", columns=("Tipo", "Linhas"), rows=rows)


def _yes(holds: bool) -> str:  # noqa: FBT001 - one question
    return "sim" if holds else "não"

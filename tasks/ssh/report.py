"""The rotation's report: the plan and its code, every account before and after, every key that was found."""

from collections.abc import Iterator, Sequence
from datetime import UTC

from tasks.core.findings import Outcome, Table, Verdict
from tasks.core.pt_br import listed, moment
from tasks.notices.words import LABELS as COMMON
from tasks.reports.blocks import Block, Heading, Paragraph
from tasks.ssh.model.plan import Plan, PurposePlan, Step
from tasks.ssh.model.rotated import INVENTORY, Rotated
from tasks.ssh.model.seen import Seen
from tasks.ssh.rules import planning
from tasks.ssh.rules.inventory import Standing
from tasks.ssh.wording.labels import LABELS

_NONE = "–"
_HOW = (
    "Cada conta foi julgada pelo que o próprio sshd respondeu, e não por um registro nosso. A prova é uma conexão "
    "nova, com a chave do servidor conferida: pergunta por todas as chaves que já foram desta finalidade (sem assinar "
    "nada) e depois entra com a chave vigente. Falta de resposta nunca conta como recusa."
)
_LIMITS = (
    "Não se prova o acesso de outras origens: uma linha com from= pode abrir de um endereço que não é o desta máquina, "
    "e por isso toda linha com chave antiga é removida do arquivo, abra ela daqui ou não. Chaves por outro caminho "
    "(AuthorizedKeysCommand, certificados) só aparecem se abrirem a conta daqui. Comentários das chaves e valores de "
    "opções não são guardados: podem citar pessoas."
)
_PLANNED = (
    "Nada foi alterado. Para executar exatamente este plano, e nenhum outro: “{command}”. No formulário: as mesmas "
    "opções, sem a simulação, e o código em “Plano combinado”. Se alguma conta mudar até lá, a execução será recusada "
    "e nada será feito."
)


def build(outcome: Outcome) -> tuple[Block, ...]:
    """Return the middle of the report; an outcome that an error made, or that found nothing due, has none."""
    if outcome.result in {"error", "nothing_due", "previous_retired"}:
        return ()
    planned = (Heading(text="Como executar este plano"), Paragraph(text=_PLANNED.format(command=outcome.subject)))
    return (
        *(planned if outcome.result == "planned" else ()),
        Heading(text="Como se provou" if outcome.verdict is Verdict.PASSED else "Como se prova"),
        Paragraph(text=_HOW),
        Heading(text="O que isto não prova"),
        Paragraph(text=_LIMITS),
    )


def subject(plan: Plan) -> str:
    """Return what the run is about: its purposes."""
    return ", ".join(part.purpose for part in plan.purposes)


def command(plan: Plan, environment: str, **parameters: object) -> str:
    """Return the command that carries out exactly this plan, made with these parameters; empty ones are left out."""
    asked = {name: "true" if value is True else value for name, value in parameters.items() if value}
    given = (f" -p {name}={value}" for name, value in asked.items())
    return f"marias run ssh-rotation -e {environment} --plan {plan.digest}{''.join(given)}"


def tables(
    done: Sequence[Rotated], standing: Sequence[Standing], planned: Sequence[tuple[str, str]] = ()
) -> tuple[Table, ...]:
    """Return accounts, changed lines, copies to be written, stored keys, and the inventory; none that would be empty.

    `planned` are the copies of a simulation: purpose and place.
    """
    made = (_accounts(done), _lines(done), _copies(planned), _stored(done), _inventory(standing))
    return tuple(table for table in made if table.rows)


def _accounts(done: Sequence[Rotated]) -> Table:
    rows = tuple(
        _account(each.part, step, before, after)
        for each in done
        for step, before, after in zip(each.part.steps, each.before, each.seen, strict=True)
    )
    columns = ("Finalidade", "Conta", "Motivo", "Ação", "Antes", "Depois", "O que impede")
    return Table(name="accounts", title="Contas", columns=columns, rows=rows)


def _account(part: PurposePlan, step: Step, before: Seen, after: Seen) -> tuple[str, ...]:
    why = after.why or step.why
    states = (LABELS[f"ssh.state.{seen.state}"] for seen in (before, after))
    said = (LABELS[part.why], LABELS[step.action], *states, {**COMMON, **LABELS}.get(why, _NONE))
    return (part.purpose, str(step.target), *said)


def _lines(done: Sequence[Rotated]) -> Table:
    rows = tuple((each.part.purpose, str(seen.target), line) for each in done for seen, line in _diffs(each))
    columns = ("Finalidade", "Conta", "Linha (chaves por impressão digital)")
    return Table(name="lines", title="Linhas de chaves, antes (-) e depois (+)", columns=columns, rows=rows)


def _diffs(each: Rotated) -> Iterator[tuple[Seen, str]]:
    """Yield the lines that were changed; of accounts that were not worked on, those that would be."""
    targets = set(each.part.targets)
    for seen in each.before:
        if seen.target in each.latest:
            yield from ((seen, line) for line in each.latest[seen.target].diff)
        elif seen.target in targets and not each.latest:
            yield from ((seen, line) for line in planning.diff(seen, each.keys, new_key=each.part.new_key))


def _copies(planned: Sequence[tuple[str, str]]) -> Table:
    title = "Cópias no GitHub que recebem a chave vigente"
    return Table(name="copies", title=title, columns=("Finalidade", "Cópia"), rows=tuple(planned))


def _stored(done: Sequence[Rotated]) -> Table:
    rows = tuple(
        (each.part.purpose, version.key.fingerprint, ", ".join(version.stages), moment(version.created_at))
        for each in done
        for version in each.keys.versions
    )
    columns = ("Finalidade", "Impressão digital", "Estágios", "Criada em")
    return Table(name="stored-keys", title="Chaves guardadas no Secrets Manager", columns=columns, rows=rows)


def _inventory(standing: Sequence[Standing]) -> Table:
    rows = tuple(
        (
            key.account,
            key.line.fingerprint,
            f"{key.since.astimezone(UTC):%Y-%m-%d}",
            key.owner or "desconhecido",
            f"{key.line.kind} ({key.line.bits})",
            ",".join(key.line.options) or _NONE,
            f"{key.path}:{key.line.number}",
            moment(key.last_used) if key.last_used else _NONE,
            listed([account for account in key.accounts if account != key.account]) or _NONE,
        )
        for key in standing
    )
    kept = ("Conta", "Impressão digital", "Vista desde")  # what the next run reads
    columns = (*kept, "De quem", "Tipo (bits)", "Opções", "Onde", "Último uso", "Também em")
    return Table(name=INVENTORY, title="Chaves nas contas, antes de qualquer troca", columns=columns, rows=rows)

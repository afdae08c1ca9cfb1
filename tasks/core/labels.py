"""The names that operators read for what core distinguishes: ends of a run, severities, triggers, changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tasks.core.attempt import Trigger
from tasks.core.findings import ChangeState, Severity, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the end of a run is told: a sober symbol, its name, what it means, and what to do now."""

    symbol: str
    name: str
    meaning: str
    todo: str


_UNKNOWN_END = "A execução acabou sem resultado. Não se sabe até onde ela chegou, e por isso nada se afirma sobre ela."

ENDINGS: Final[Mapping[str, Ending]] = {
    Verdict.PASSED: Ending(
        symbol="✓",
        name="Tudo certo",
        meaning="A rotina foi cumprida, e tudo o que ela deve verificar estava como deveria.",
        todo="Nada. O relatório fica guardado como prova.",
    ),
    Verdict.ATTENTION: Ending(
        symbol="△",
        name="Cumprida com ressalvas",
        meaning="A rotina foi cumprida, mas há pontos que pedem cuidado ou que não puderam ser verificados.",
        todo="Trate cada ponto em horário de trabalho. Não é preciso executar a rotina de novo agora.",
    ),
    Verdict.INCONCLUSIVE: Ending(
        symbol="?",
        name="Sem conclusão",
        meaning="Algo obrigatório não pôde ser verificado. O resultado não prova que está bom, nem que está ruim.",
        todo="Resolva o que impediu a verificação e execute a rotina de novo.",
    ),
    Verdict.FAILED: Ending(
        symbol="✕",
        name="Falhou",
        meaning="A rotina não foi cumprida, ou encontrou um problema crítico.",
        todo="Resolva cada item, do mais grave ao menos grave, e execute a rotina de novo. "
        "A página do runbook mostra o passo a passo.",
    ),
    "crashed": Ending(
        symbol="■",
        name="Interrompida",
        meaning=_UNKNOWN_END,
        todo="Execute a rotina de novo: ela confere o que já foi feito antes de continuar. "
        "Se acontecer outra vez, olhe o registro da máquina do worker no horário do fim.",
    ),
    "cancelled": Ending(
        symbol="■",
        name="Cancelada",
        meaning=_UNKNOWN_END,
        todo="Se o cancelamento foi intencional, não há nada a fazer. Se não foi, execute a rotina de novo.",
    ),
    "expired": Ending(
        symbol="■",
        name="Sem aprovação",
        meaning="A execução parou à espera de aprovação e não continuou.",
        todo="Se a mudança ainda for necessária, inicie uma nova execução e combine antes quem vai aprovar.",
    ),
    "never_started": Ending(
        symbol="■",
        name="Não começou",
        meaning="A execução não começou, e por isso a rotina não fez nada.",
        todo="Confira no Prefect se o worker está ativo e execute a rotina de novo.",
    ),
    "unrecorded": Ending(
        symbol="■",
        name="Sem registro",
        meaning=_UNKNOWN_END,
        todo="Confira o acesso do worker ao repositório de evidências e execute a rotina de novo.",
    ),
}

SEVERITIES: Final[Mapping[Severity, str]] = {
    Severity.CRITICAL: "crítico",
    Severity.HIGH: "alto",
    Severity.MEDIUM: "médio",
    Severity.LOW: "baixo",
    Severity.INFO: "informativo",
}

REQUIREMENTS: Final[Mapping[bool, str]] = {True: "obrigatório", False: "não reprova por si só"}

TRIGGERS: Final[Mapping[Trigger, str]] = {
    Trigger.SCHEDULE: "agendamento",
    Trigger.PERSON: "uma pessoa",
    Trigger.CI: "CI",
    Trigger.FLOW: "outra rotina",
    Trigger.AUTOMATION: "automação",
    Trigger.BREAK_GLASS: "emergência (break-glass)",
}

CHANGES: Final[Mapping[ChangeState, str]] = {
    ChangeState.DONE: "feita",
    ChangeState.UNDONE: "desfeita",
    ChangeState.SKIPPED: "dispensada",
    ChangeState.FAILED: "falhou",
    ChangeState.NOT_REACHED: "não alcançada",
}

ENVIRONMENTS: Final[Mapping[str, str]] = {"production": "produção", "staging": "homologação", "lab": "laboratório"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """What sets a run apart from an ordinary one: in a word, loudly, and explained."""

    word: str
    loud: str
    text: str


BREAK_GLASS: Final = Flag(
    word="execução de emergência",
    loud="EXECUÇÃO DE EMERGÊNCIA (break-glass)",
    text="Foi feita à mão, fora do servidor Prefect e sem as travas dele. "
    "Confirme com a equipe que era mesmo necessária.",
)
DRY_RUN: Final = Flag(
    word="simulação",
    loud="SIMULAÇÃO (dry run)",
    text="Nada foi alterado. O que aparece abaixo é o que seria feito.",
)


def ending(verdict: Verdict, result: str | None) -> Ending:
    """Return how to tell an end: by its result where that has words of its own (a dead run), else by its verdict."""
    return ENDINGS.get(result or "", ENDINGS[verdict])


def flags(trigger: Trigger, *, dry_run: bool) -> tuple[Flag, ...]:
    """Return what sets a run apart, the gravest first."""
    known = ((trigger is Trigger.BREAK_GLASS, BREAK_GLASS), (dry_run, DRY_RUN))
    return tuple(flag for holds, flag in known if holds)

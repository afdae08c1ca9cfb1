"""Sentences that no feature owns, and how a duty's own are completed by them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tasks.core.wording import Told, Wording, Words
from tasks.notices.words.ledger import LEDGER
from tasks.notices.words.machine import MACHINE
from tasks.notices.words.runs import RUNS
from tasks.notices.words.services import SERVICES
from tasks.notices.words.ssh import SSH, SSH_LABELS

COMMON: Final[Mapping[str, Words]] = {**RUNS, **SERVICES, **SSH, **MACHINE, **LEDGER}

_COMMON_WORDING: Final = Wording(title="", purpose="", interrupted="", codes=COMMON)

SUMMARIES: Final[Mapping[str, str]] = {
    "crashed": "A execução foi interrompida antes do fim e não deixou resultado.",
    "cancelled": "A execução foi cancelada antes do fim.",
    "expired": "A aprovação não veio a tempo e a execução foi encerrada.",
    "never_started": "A execução estava marcada, mas não começou.",
    "unrecorded": "A execução terminou, mas não conseguiu guardar o resultado.",
    "error": "Um erro impediu a rotina de chegar ao fim. {title}.",
}

LABELS: Final[Mapping[str, str]] = {
    **SSH_LABELS,
    "run.whole": "A rotina inteira",
    "run.crashed": "a execução foi interrompida",
    "run.cancelled": "a execução foi cancelada",
    "run.expired": "a aprovação não veio a tempo",
    "run.never_started": "a execução não começou",
    "run.unrecorded": "o resultado não foi guardado",
    "ledger.versions": "Versões dos arquivos do registro",
    "ledger.offline_copy": "uma cópia não guarda as versões; verifique também o próprio bucket",
    "ledger.not_versioned": "o bucket não guarda versões",
    "ledger.signing_key": "Origem da chave pública",
    "ledger.key_beside_ledger": "foi usada a chave que está ao lado do registro, o que só prova que tudo combina "
    "entre si; informe a chave guardada fora do bucket",
}


def tell(code: str, subject: str, data: object) -> Told:
    """Return the sentences of a common code."""
    return _COMMON_WORDING.tell(code, subject, data)


def spoken(wording: Wording) -> Wording:
    """Return a duty's wording completed by the common codes, summaries and labels; the duty's own come first."""
    return replace(
        wording,
        codes={**COMMON, **wording.codes},
        summaries={**SUMMARIES, **wording.summaries},
        labels={**LABELS, **wording.labels},
    )

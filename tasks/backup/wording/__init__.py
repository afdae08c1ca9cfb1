"""The words of the restore test, in Brazilian Portuguese."""

from tasks.backup.wording.archive import ARCHIVE
from tasks.backup.wording.contents import CONTENTS
from tasks.backup.wording.errors import ERRORS
from tasks.backup.wording.labels import LABELS
from tasks.backup.wording.phrases import UNTOUCHED
from tasks.backup.wording.policy import POLICY
from tasks.backup.wording.take import TAKE
from tasks.core.wording import Wording

# What is being done, as progress shows it.
FINDING = "procurando o backup"
FETCHING = "baixando, decifrando e descomprimindo"
STARTING = "subindo o PostgreSQL descartável"
RESTORING = "restaurando sem superusuário"
COMPARING = "comparando byte a byte o restaurado com o arquivo"
EXAMINING = "examinando índices, chaves, textos e afirmações"
DESTROYED = "cluster descartável e cópia destruídos"

WORDING = Wording(
    title="Teste de restauração de backup",
    purpose=(
        "Restaura o backup mais recente de cada banco em um PostgreSQL descartável e prova que o que voltou é o que o "
        "arquivo e o manifesto contêm."
    ),
    interrupted=(
        f"{UNTOUCHED} O cluster descartável e a cópia do backup, se já existiam, são apagados em segundos, mesmo "
        "quando o processo morre; a próxima execução confere e apaga o que tenha sobrado. O backup fica sem prova até "
        "um novo teste."
    ),
    safe=UNTOUCHED,
    codes={**ERRORS, **ARCHIVE, **CONTENTS, **POLICY, **TAKE},
    summaries={
        "passed": (
            "{subject} foi restaurado por inteiro: {tables:,.0f} tabelas e {rows:,.0f} linhas em "
            "{restore_seconds:seconds}, dados com {rpo_hours:hours} de atraso."
        ),
        "attention": "{subject} foi restaurado ({tables:,.0f} tabelas, {rows:,.0f} linhas), com ressalvas.",
        "inconclusive": "Não foi possível provar nem reprovar {subject}.",
        "failed": "{subject} não serve como está.",
        "error": "O teste não pôde ser feito. {title}.",
    },
    labels=LABELS,
)

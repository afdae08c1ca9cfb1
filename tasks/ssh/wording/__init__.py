"""The words of the rotation, in Brazilian Portuguese."""

from tasks.core.wording import Wording
from tasks.ssh.wording.errors import ERRORS
from tasks.ssh.wording.inventory import INVENTORY
from tasks.ssh.wording.labels import LABELS
from tasks.ssh.wording.rotation import ROTATION

# What is being done, as progress shows it.
READING = "lendo as chaves guardadas"
LOOKING = "perguntando a cada servidor e lendo os arquivos de chaves"
ADDING = "acrescentando a chave nova e provando cada conta"
PROVING = "removendo as chaves antigas e provando que nada mais abrem"

SAFE = (
    "Nenhuma conta perdeu acesso por esta rotina: uma chave antiga só sai de uma conta por uma conexão feita com a "
    "nova, e toda chave que alguma conta ainda possa precisar continua guardada."
)

WORDING = Wording(
    title="Rotação de chaves SSH",
    purpose=(
        "Troca as chaves SSH de operação antes de 90 dias, prova que a nova abre cada conta e que as antigas não abrem "
        "mais nada."
    ),
    interrupted=(
        f"{SAFE} Interrompida, a troca continua de onde parou na próxima execução: o estado de cada conta é perguntado "
        "ao servidor, e a chave nova já está guardada antes de qualquer conta conhecê-la."
    ),
    safe=SAFE,
    codes={**ERRORS, **ROTATION, **INVENTORY},
    summaries={
        "passed": "{subject}: {proved:.0f} de {accounts:.0f} conta(s) provadas, só a chave vigente abre.",
        "attention": "{subject}: {proved:.0f} de {accounts:.0f} conta(s) provadas, com ressalvas. {title}.",
        "inconclusive": "{subject}: não foi possível julgar. {title}.",
        "failed": "{subject}: {proved:.0f} de {accounts:.0f} conta(s) provadas. {title}.",
        "planned": "{to_change:.0f} de {accounts:.0f} conta(s) receberiam mudanças; nada foi alterado. Este plano se "
        "executa com “{subject}”.",
        "previous_retired": "{subject}: a chave anterior passou da carência e saiu do cofre.",
        "nothing_due": "Nenhuma chave vence antes do próximo dia útil, e nenhuma troca ficou pela metade.",
        "error": "A rotação não pôde ser feita. {title}.",
    },
    labels=LABELS,
)

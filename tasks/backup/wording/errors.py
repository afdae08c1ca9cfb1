"""Why a test could not be made."""

from collections.abc import Mapping

from tasks.backup.model.told import Interrupted, Known, Searched
from tasks.backup.wording.phrases import GONE, UNTOUCHED
from tasks.core.wording import Words

ERRORS: Mapping[str, Words] = {
    "backup.none_found": Words(
        title="Nenhum backup encontrado",
        message=(
            "Do banco {database} não há, no bucket {bucket}, nenhum objeto sob '{prefix}' cujo resto do nome siga o "
            "padrão '{pattern}' e que tenha chegado até o dia pedido (ou até agora, se nenhum foi pedido)."
        ),
        remedy=(
            "Confira se o job de backup rodou e para onde ele envia. Se o nome dos arquivos mudou, ajuste prefix e "
            "pattern do banco em [backup.databases] do ambiente."
        ),
        safe=UNTOUCHED,
        data=Searched,
    ),
    "backup.no_such_key": Words(
        title="O backup pedido não existe",
        message="Não há objeto '{subject}' no bucket {bucket}.",
        remedy="Copie a chave inteira como o console do S3 a mostra, ou deixe o campo vazio: testa o mais recente.",
        safe=UNTOUCHED,
        data=Searched,
    ),
    "backup.no_such_database": Words(
        title="Banco desconhecido",
        message="'{subject}' não está entre os bancos configurados: {names}.",
        remedy="Escolha um dos nomes acima, ou deixe o campo vazio: testa todos.",
        safe=UNTOUCHED,
        data=Known,
    ),
    "backup.which_database": Words(
        title="Falta dizer de qual banco é o backup",
        message="Há mais de um banco configurado ({names}), e pela chave '{subject}' não se sabe de qual é o backup.",
        remedy="Informe também o banco.",
        safe=UNTOUCHED,
        data=Known,
    ),
    "backup.bad_date": Words(
        title="Data inválida",
        message="'{subject}' não é uma data no formato AAAA-MM-DD.",
        remedy="Escreva, por exemplo, 2026-10-05; vazio testa o mais recente.",
        safe=UNTOUCHED,
    ),
    "backup.old_psql": Words(
        title="psql antigo demais",
        message="O psql em {subject} não tem \\restrict: um backup em SQL não pode ser restaurado com segurança.",
        remedy="Atualize o PostgreSQL do worker para a última correção da mesma versão principal, ou aponte "
        "postgres_bin.",
        safe=UNTOUCHED + GONE,
    ),
    "backup.interrupted": Words(
        title="A máquina interrompeu a restauração",
        message="A restauração parou por causa da máquina do teste, não do backup (PostgreSQL: {cause}).",
        remedy="Veja memória e disco da máquina do worker (classe 53: sem recursos; 57: interrompido; 58: falha do "
        "sistema) e rode o teste de novo. O backup continua sem prova até lá.",
        safe=UNTOUCHED + GONE,
        data=Interrupted,
    ),
}

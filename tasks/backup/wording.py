"""The words of the restore test, in Brazilian Portuguese."""

from tasks.backup.model.told import (
    Behind,
    Interrupted,
    OtherDatabase,
    PositionGap,
    Refused,
    RowGap,
    Searched,
    Slow,
    Stale,
    TooSmall,
    Unexplained,
)
from tasks.core.wording import Wording, Words

# What is being done, as progress shows it.
FINDING = "procurando o backup"
STARTING = "subindo o PostgreSQL descartável"
FETCHING = "baixando e lendo o arquivo"
RESTORING = "restaurando"
VERIFYING = "comparando o restaurado com o arquivo"
DESTROYED = "cluster descartável destruído"

_UNTOUCHED = "O bucket de backups só foi lido e a produção não foi tocada."
_NEW_BACKUP = (
    "Trate como se este backup não existisse: gere agora um backup novo, rode este teste sobre ele e guarde o anterior "
    "bom até o novo passar."
)
_LOOK_AT_THE_JOB = "Veja o registro do job de backup: espaço em disco, código de saída do pg_dump e envio interrompido."

_CODES: dict[str, Words] = {
    # errors: the test could not be made
    "backup.none_found": Words(
        title="Nenhum backup encontrado",
        message=(
            "No bucket {bucket} não há nenhum objeto sob '{prefix}' cujo resto do nome siga o padrão '{pattern}'."
        ),
        remedy=(
            "Confira se o job de backup rodou e para onde ele envia. Se o nome dos arquivos mudou, ajuste prefix e "
            "pattern em [backup] do ambiente."
        ),
        safe=_UNTOUCHED,
        data=Searched,
    ),
    "backup.no_such_key": Words(
        title="O backup pedido não existe",
        message="Não há objeto '{subject}' no bucket {bucket}.",
        remedy="Copie a chave inteira como o console do S3 a mostra, ou deixe o campo vazio: testa o mais recente.",
        safe=_UNTOUCHED,
        data=Searched,
    ),
    "backup.interrupted": Words(
        title="A máquina interrompeu a restauração",
        message="A restauração parou por causa da máquina do teste, não do backup (PostgreSQL: {cause}).",
        remedy="Veja memória e disco da máquina do worker (classe 53: sem recursos; 57: interrompido; 58: falha do "
        "sistema) e rode o teste de novo. O backup continua sem prova até lá.",
        safe=_UNTOUCHED + " O cluster descartável já foi apagado.",
        data=Interrupted,
    ),
    "backup.no_extension": Words(
        title="Extensão que falta nesta máquina",
        message="O backup usa a extensão {subject}, que o PostgreSQL desta máquina não tem. Nada se diz do backup.",
        remedy="Instale a extensão no PostgreSQL do worker (o pacote contrib, ou o dela) e rode o teste de novo.",
        safe=_UNTOUCHED + " O cluster descartável já foi apagado.",
    ),
    # findings: the archive
    "backup.empty_object": Words(
        title="Backup vazio",
        message="O objeto {subject} tem zero bytes.",
        remedy=f"{_NEW_BACKUP} {_LOOK_AT_THE_JOB}",
    ),
    "backup.too_small": Words(
        title="Backup pequeno demais",
        message="{subject} tem {size_bytes} bytes; abaixo de {least_bytes} ele não pode estar inteiro.",
        remedy=f"{_NEW_BACKUP} {_LOOK_AT_THE_JOB}",
        data=TooSmall,
    ),
    "backup.not_an_archive": Words(
        title="O objeto não é um backup",
        message="{subject} não começa como um arquivo do pg_dump nem como outro formato conhecido.",
        remedy=(
            "Veja o que foi enviado sob este nome (uma mensagem de erro? outro arquivo?) e corrija o job. "
            f"{_NEW_BACKUP}"
        ),
    ),
    "backup.truncated": Words(
        title="Backup cortado",
        message="{subject} acaba antes do fim: faltam dados.",
        remedy=f"{_NEW_BACKUP} {_LOOK_AT_THE_JOB}",
    ),
    "backup.corrupt": Words(
        title="Backup corrompido",
        message="{subject} tem bytes alterados: o conteúdo não confere com o que o pg_dump gravou.",
        remedy=f"{_NEW_BACKUP} Se o bucket tem versões, confira se o objeto foi substituído depois de enviado.",
    ),
    "backup.unreadable": Words(
        title="Backup ilegível",
        message="O pg_restore não conseguiu ler {subject} até o fim, por um motivo que este teste não conhece.",
        remedy=f"Rode 'pg_restore --list' sobre o arquivo, à mão, para ver o motivo. {_NEW_BACKUP}",
    ),
    "backup.wrong_database": Words(
        title="Backup de outro banco",
        message="O arquivo {subject} contém o banco '{inside}'; esperado: '{expected}'.",
        remedy="Corrija o banco que o job exporta, ou database em [backup] se o banco mudou de nome. Não restaure "
        "este arquivo em produção.",
        data=OtherDatabase,
    ),
    "backup.nothing_dumped": Words(
        title="Backup sem tabelas",
        message="O arquivo {subject} não contém nenhuma tabela.",
        remedy=f"Confira banco, esquema e permissões do usuário que exporta. {_NEW_BACKUP}",
    ),
    "backup.schema_only": Words(
        title="Backup só com a estrutura",
        message="O arquivo {subject} traz as tabelas, mas nenhum dado.",
        remedy=f"Tire --schema-only (ou --section) do job de backup. {_NEW_BACKUP}",
    ),
    "backup.rows_not_dumped": Words(
        title="Tabela sem os dados",
        message="O backup traz a tabela {subject}, mas não os dados dela.",
        remedy="Se a exclusão (--exclude-table-data) é intencional, inclua a tabela em without_data de [backup]; "
        f"senão, corrija o job. {_NEW_BACKUP}",
    ),
    # findings: the restore
    "backup.restore_refused": Words(
        title="Perda na restauração",
        message="O PostgreSQL recusou {count} vez(es) '{statement}' em {subject} (SQLSTATE {sqlstate}).",
        remedy="O que foi recusado não existe no banco restaurado. Procure o código na tabela de SQLSTATE da página do "
        "runbook; corrija a causa na produção (por exemplo, uma chave estrangeira violada) e gere um backup novo.",
        data=Refused,
    ),
    "backup.restore_unexplained": Words(
        title="Restauração com mensagens desconhecidas",
        message="O pg_restore escreveu {lines} linha(s) que não são sabidamente inofensivas ao restaurar {subject}.",
        remedy="Restaure à mão (página do runbook) e leia as mensagens. Se forem inofensivas, a lista de linhas "
        "conhecidas do teste precisa delas.",
        data=Unexplained,
    ),
    "backup.table_missing": Words(
        title="Tabela não restaurada",
        message="A tabela {subject} está na lista do backup e não existe no banco restaurado.",
        remedy=f"Veja os achados de perda na restauração sobre a mesma tabela. {_NEW_BACKUP}",
    ),
    "backup.table_unexpected": Words(
        title="Tabela a mais",
        message="A tabela {subject} apareceu no banco restaurado e não está na lista do backup.",
        remedy="Descubra o que a criou (uma função ou um gatilho do próprio backup) antes de confiar neste arquivo.",
    ),
    "backup.row_count_mismatch": Words(
        title="Linhas perdidas",
        message="{subject}: {expected} linhas no backup, {restored} restauradas.",
        remedy="Os dados desta tabela não voltam por este backup. Veja os achados de perda na restauração sobre ela; "
        f"corrija a causa. {_NEW_BACKUP}",
        data=RowGap,
    ),
    "backup.sequence_missing": Words(
        title="Sequência não restaurada",
        message="A sequência {subject} tem posição no backup e não existe no banco restaurado.",
        remedy="Novos registros falhariam. Veja os achados de perda na restauração e corrija a causa.",
    ),
    "backup.sequence_mismatch": Words(
        title="Sequência fora de posição",
        message="{subject} deveria estar em {expected} e está em {restored}.",
        remedy="Depois de uma restauração real, acerte com setval antes de abrir o sistema; procure a causa.",
        data=PositionGap,
    ),
    "backup.sequence_behind": Words(
        title="Sequência atrasada",
        message="{subject} entregaria de novo {count} número(s) que a coluna já contém.",
        remedy="A produção provavelmente tem o mesmo defeito: acerte lá com setval(…, max(coluna)). Depois de uma "
        "restauração real, faça o mesmo antes de abrir o sistema.",
        data=Behind,
    ),
    # findings: the policy
    "backup.no_new_backup": Words(
        title="Backup velho demais",
        message=(
            "O backup mais recente, {subject}, mostra a situação de {oldest:%d/%m/%Y %H:%M} (São Paulo): "
            "{age_hours:hours} de atraso, RPO de {rpo_hours:g} h. Nenhum backup mais novo chegou ao bucket."
        ),
        remedy="O job de backup parou ou não consegue enviar: conserte e gere um backup agora.",
        data=Stale,
    ),
    "backup.old_archive": Words(
        title="Arquivo antigo sob nome novo",
        message=(
            "{subject} chegou ao bucket dentro do RPO, mas o arquivo é velho: mostra a situação de "
            "{oldest:%d/%m/%Y %H:%M} (São Paulo), {age_hours:hours} de atraso, RPO de {rpo_hours:g} h."
        ),
        remedy="O job está reenviando um arquivo velho: veja por que o pg_dump não gera outro. Se a diferença são "
        "horas inteiras, confira timezone em [backup].",
        data=Stale,
    ),
    "backup.old_rows": Words(
        title="Dados parados",
        message=(
            "O arquivo {subject} é recente, mas a linha mais nova é de {oldest:%d/%m/%Y %H:%M} (São Paulo): "
            "{age_hours:hours} de atraso, RPO de {rpo_hours:g} h."
        ),
        remedy="O backup pode vir de uma réplica parada ou de um banco que não é o de produção. Se é normal que nada "
        "mude por tanto tempo, escolha outras colunas em newest_row.",
        data=Stale,
    ),
    "backup.no_newest_row": Words(
        title="Coluna de atualidade sem datas",
        message="A coluna {subject}, que deveria mostrar a linha mais nova, não tem nenhuma data no banco restaurado.",
        remedy=f"Se a tabela não é vazia na produção, os dados dela se perderam. {_NEW_BACKUP}",
    ),
    "backup.rto_exceeded": Words(
        title="Restauração acima do RTO",
        message="Baixar e restaurar levou {took_minutes:minutes}; o RTO é de {rto_minutes:g} min.",
        remedy="Veja se a máquina do teste estava ocupada. Se o tempo se repete, o RTO não se cumpre: mais núcleos, "
        "disco mais rápido, ou outro tipo de backup.",
        data=Slow,
    ),
}

_LABELS: dict[str, str] = {
    # measures
    "size_bytes": "Tamanho do backup",
    "download_seconds": "Tempo para baixar",
    "restore_seconds": "Tempo para restaurar",
    "verify_seconds": "Tempo para comparar",
    "drill_seconds": "Tempo total, do backup encontrado à última comparação",
    "tables": "Tabelas restauradas",
    "rows": "Linhas restauradas",
    "rpo_hours": "Atraso dos dados (a comparar com o RPO)",
    # coverage
    "backup.archive": "Arquivo examinado",
    "backup.rows": "Linhas por tabela comparadas com o arquivo",
    "backup.sequences": "Posição das sequências comparada com o arquivo",
    "backup.freshness": "Atualidade da linha mais nova",
    "backup.why.other_format": "o arquivo está em um formato que este teste ainda não lê (gzip, zstd, age, tar, SQL)",
    "backup.why.newer_version": (
        "o arquivo foi feito por um pg_dump mais novo que o PostgreSQL desta máquina; instale a versão dele no worker, "
        "ou aponte postgres_bin"
    ),
    "backup.why.archive_broken": "o arquivo não pôde ser lido até o fim",
    "backup.why.not_copy": "os dados não estão em blocos COPY (pg_dump --inserts), e só esses se contam",
    "backup.why.no_column": "uma coluna de newest_row não existe no banco restaurado",
}

WORDING = Wording(
    title="Teste de restauração de backup",
    purpose=(
        "Restaura o backup mais recente em um PostgreSQL descartável e compara o que voltou com o que o arquivo contém."
    ),
    interrupted=(
        f"{_UNTOUCHED} O cluster descartável e a cópia do backup, se já existiam, são apagados em segundos, mesmo "
        "quando o processo morre; a próxima execução confere e apaga o que tenha sobrado. O backup fica sem prova até "
        "um novo teste."
    ),
    safe=_UNTOUCHED,
    codes=_CODES,
    summaries={
        "passed": (
            "O backup {subject} foi restaurado por inteiro: {tables:,.0f} tabelas e {rows:,.0f} linhas em "
            "{restore_seconds:seconds}, dados com {rpo_hours:hours} de atraso."
        ),
        "attention": "O backup {subject} foi restaurado ({tables:,.0f} tabelas, {rows:,.0f} linhas), com ressalvas.",
        "inconclusive": "Não foi possível provar nem reprovar o backup {subject}.",
        "failed": "O backup {subject} não serve como está.",
        "error": "O teste não pôde ser feito. {title}.",
    },
    labels=_LABELS,
)

"""What is wrong with the object, the archive in it, or its restore."""

from collections.abc import Mapping

from tasks.backup.model.told import OtherDatabase, OtherKey, Refused, Shrunk, Sums, TooSmall, Unexplained
from tasks.backup.wording.phrases import LOOK_AT_THE_JOB, NEW_BACKUP
from tasks.core.wording import Words

ARCHIVE: Mapping[str, Words] = {
    # the bucket
    "backup.too_small": Words(
        title="Backup pequeno demais",
        message="{subject} tem {size_bytes:,} bytes; com menos de {least_bytes:,} ele não pode estar inteiro.",
        remedy=f"{NEW_BACKUP} {LOOK_AT_THE_JOB}",
        data=TooSmall,
    ),
    "backup.shrunk": Words(
        title="Backup encolheu de repente",
        message="{subject} tem {size_bytes:,} bytes; os anteriores tinham {median_bytes:,} (mediana).",
        remedy="Veja se uma limpeza grande foi feita de propósito. Se não, compare as linhas por tabela deste "
        "relatório (se houver) com as do teste anterior antes que a retenção apague o último backup inteiro.",
        data=Shrunk,
    ),
    "backup.newer_deleted": Words(
        title="Backup mais novo apagado",
        message="O objeto {subject}, mais novo que o testado, foi apagado do bucket.",
        remedy="Descubra quem o apagou (CloudTrail) e por quê. Com versões no bucket, ele ainda pode ser recuperado "
        "apagando o marcador de exclusão.",
    ),
    "backup.upload_unfinished": Words(
        title="Envio de backup não terminado",
        message="O envio de {subject} começou depois do backup testado e nunca terminou.",
        remedy=f"O backup mais novo não chegou. {LOOK_AT_THE_JOB} O pedaço enviado não aparece no console: "
        "cancele-o com 'aws s3api abort-multipart-upload'.",
    ),
    "backup.checksum_mismatch": Words(
        title="Soma de verificação diferente",
        message="{subject} não é o arquivo que o .sha256 ao lado descreve (esperado {expected:.12}…, lido "
        "{found:.12}…).",
        remedy=f"O objeto ou o .sha256 foi alterado ou trocado depois de gerado. {NEW_BACKUP} Se o bucket tem versões, "
        "compare os dois com as versões anteriores.",
        data=Sums,
    ),
    # the object
    "backup.empty_object": Words(
        title="Backup vazio",
        message="O objeto {subject} tem zero bytes.",
        remedy=f"{NEW_BACKUP} {LOOK_AT_THE_JOB}",
    ),
    "backup.not_an_archive": Words(
        title="O objeto não é um backup",
        message="{subject} não começa como um arquivo do pg_dump, nem como outro formato conhecido.",
        remedy=(
            f"Veja o que foi enviado sob este nome (uma mensagem de erro? outro arquivo?) e corrija o job. {NEW_BACKUP}"
        ),
    ),
    "backup.truncated": Words(
        title="Backup cortado",
        message="{subject} acaba antes do fim: faltam dados.",
        remedy=f"{NEW_BACKUP} {LOOK_AT_THE_JOB}",
    ),
    "backup.corrupt": Words(
        title="Backup corrompido",
        message="{subject} tem bytes alterados: o conteúdo não confere com o que o pg_dump gravou.",
        remedy=f"{NEW_BACKUP} Se o bucket tem versões, confira se o objeto foi substituído depois de enviado.",
    ),
    "backup.incomplete": Words(
        title="Backup em pasta incompleto",
        message="Em {subject} falta um dos arquivos que o índice do backup promete.",
        remedy=f"O envio da pasta parou no meio. {NEW_BACKUP}",
    ),
    "backup.wrong_key": Words(
        title="Backup cifrado para outra chave",
        message="A identidade age configurada não abre {subject}.",
        remedy="Quem tem a chave certa? Sem ela este backup não existe. Ponha a chave pública certa no job de backup "
        "(ou a identidade certa em age_identity) e gere um backup novo.",
    ),
    "backup.hostile": Words(
        title="Backup que tenta executar programas",
        message="{subject} tenta sair do banco ao ser restaurado (comando do psql, COPY … PROGRAM ou arquivo do "
        "servidor). Nada foi executado.",
        remedy="Não restaure este arquivo em lugar nenhum. Trate como incidente de segurança: preserve o objeto e suas "
        "versões, descubra quem o gravou, e avise o DevOps Lead.",
    ),
    "backup.unreadable": Words(
        title="Backup ilegível",
        message="O pg_restore não conseguiu ler {subject} até o fim, por um motivo que este teste não conhece.",
        remedy=f"Rode à mão 'pg_restore -f /dev/null ARQUIVO' para ver o motivo. {NEW_BACKUP}",
    ),
    "backup.wrong_database": Words(
        title="Backup de outro banco",
        message="O arquivo {subject} contém o banco '{inside}'; esperado: '{expected}'.",
        remedy="Corrija o banco que o job exporta, ou o nome em [backup.databases] se o banco mudou de nome. Não "
        "restaure este arquivo em produção.",
        data=OtherDatabase,
    ),
    "backup.nothing_dumped": Words(
        title="Backup sem tabelas",
        message="O arquivo {subject} não contém nenhuma tabela.",
        remedy=f"Confira banco, esquema e permissões do usuário que exporta. {NEW_BACKUP}",
    ),
    "backup.schema_only": Words(
        title="Backup só com a estrutura",
        message="O arquivo {subject} traz as tabelas, mas nenhum dado.",
        remedy=f"Tire --schema-only (ou --section) do job de backup. {NEW_BACKUP}",
    ),
    "backup.rows_not_dumped": Words(
        title="Tabela sem os dados",
        message="O backup traz a tabela {subject}, mas não os dados dela.",
        remedy="Se a exclusão (--exclude-table-data) é intencional, inclua a tabela em without_data do banco; "
        f"senão, corrija o job. {NEW_BACKUP}",
    ),
    "backup.role_missing": Words(
        title="Papel que a restauração real não encontraria",
        message="O backup usa o papel {subject}, que não está entre os papéis conhecidos da produção.",
        remedy="Guarde os papéis junto com o backup (pg_dumpall --globals-only, globals_pattern) ou liste o papel em "
        "roles. Em uma restauração real, crie o papel antes: senão donos e permissões se perdem.",
    ),
    # the restore
    "backup.restore_refused": Words(
        title="Perda na restauração",
        message="O PostgreSQL recusou {count} vez(es) '{statement}' em {subject} (SQLSTATE {sqlstate}).",
        remedy="O que foi recusado não existe no banco restaurado. Procure o código na tabela de SQLSTATE da página do "
        "runbook; corrija a causa na produção (por exemplo, uma chave estrangeira violada, ou uma extensão que o job "
        "deixa de fora com -n) e gere um backup novo.",
        data=Refused,
    ),
    "backup.restore_unexplained": Words(
        title="Restauração com mensagens desconhecidas",
        message="A restauração de {subject} escreveu {lines} linha(s) que não são sabidamente inofensivas.",
        remedy="Restaure à mão (página do runbook) e leia as mensagens. Se forem inofensivas, a lista de linhas "
        "conhecidas do teste precisa delas.",
        data=Unexplained,
    ),
    # the manifest itself
    "backup.manifest_missing": Words(
        title="Backup sem manifesto",
        message="Ao lado de {subject} não há manifesto, e este banco o exige.",
        remedy="Gere os backups com 'marias backup', que grava o manifesto assinado. Sem ele não se prova que o backup "
        "está completo.",
    ),
    "backup.manifest_bad_signature": Words(
        title="Manifesto sem assinatura válida",
        message="O manifesto de {subject} não tem a assinatura da chave do registro: alguém o alterou, ou o "
        "escreveu sem ela. Ele não foi usado.",
        remedy="Trate como incidente: compare com a cópia no bucket de evidências e com as versões do objeto, e "
        "descubra quem o gravou.",
    ),
    "backup.manifest_unreadable": Words(
        title="Manifesto ilegível",
        message="O manifesto de {subject} não pôde ser lido (outro esquema, ou bytes estragados) e não foi usado.",
        remedy="Compare com a cópia no bucket de evidências; se também não serve, gere um backup novo com 'marias "
        "backup'.",
    ),
    "backup.manifest_foreign": Words(
        title="Manifesto de outro backup",
        message="O manifesto ao lado de {subject} foi escrito para {key}; ele não foi usado.",
        remedy="Um dos dois foi copiado ou renomeado: descubra qual. Até lá não se prova que o backup está completo.",
        data=OtherKey,
    ),
    "backup.manifests_differ": Words(
        title="Os dois manifestos não são iguais",
        message="O manifesto ao lado de {subject} não é o mesmo que está guardado no bucket de evidências.",
        remedy="Alguém trocou um deles. Só se usa um que tenha a assinatura da chave do registro. Trate como incidente "
        "e compare os dois.",
    ),
    "backup.altered": Words(
        title="Objeto trocado depois do backup",
        message="{subject} não é o arquivo que foi gravado: o manifesto tem SHA-256 {expected:.12}…, o objeto tem "
        "{found:.12}….",
        remedy=f"O objeto foi alterado ou trocado. {NEW_BACKUP} Se o bucket tem versões, recupere a versão original.",
        data=Sums,
    ),
}

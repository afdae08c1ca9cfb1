"""Names of measures, claims, reasons and knowledge."""

from collections.abc import Mapping

LABELS: Mapping[str, str] = {
    # measures
    "size_bytes": "Tamanho do backup",
    "download_seconds": "Tempo para baixar",
    "restore_seconds": "Tempo para restaurar",
    "verify_seconds": "Tempo para comparar e provar",
    "drill_seconds": "Tempo total, do backup encontrado à última prova",
    "tables": "Tabelas restauradas",
    "rows": "Linhas restauradas",
    "rpo_hours": "Atraso dos dados (a comparar com o RPO)",
    "backup.measure.rows": "o número de linhas restauradas",
    "backup.measure.size_bytes": "o tamanho em bytes",
    "backup.measure.drill_seconds": "a duração em segundos",
    "backup.answer.no_rows": "nenhuma linha",
    "backup.answer.null": "nulo",
    "backup.answer.text": "um texto (não guardado)",
    # knowledge: also said in the middle of a sentence, after "n" or "pel"
    "backup.against.artefact": "o próprio arquivo",
    "backup.against.manifest": "o manifesto do backup",
    "backup.against.live": "o banco em produção",
    "backup.against.policy": "a configuração",
    # claims
    "backup.archive": "Arquivo lido até o fim, do banco certo",
    "backup.restored": "Tudo o que o arquivo contém foi aceito pelo servidor",
    "backup.structure": "Estrutura restaurada igual à do arquivo (tabelas, funções, gatilhos, índices, permissões …)",
    "backup.rows": "Dados restaurados iguais aos do arquivo, byte a byte",
    "backup.sequences": "Posição das sequências igual à do arquivo",
    "backup.soundness": "Dados íntegros por dentro (índices, chaves, textos, objetos grandes, sequências)",
    "backup.completeness": "Completude: igual ao banco no momento do backup",
    "backup.roles": "Papéis que o backup usa são conhecidos",
    "backup.live": "Estrutura igual à do banco em produção hoje",
    "backup.freshness": "Atualidade da linha mais nova",
    "backup.assertions": "Afirmações da equipe",
    "backup.command": "Programa da equipe sobre o banco restaurado",
    "backup.privileged": "Objeto que só um superusuário pode criar",
    # checks, where one could not be made
    "backup.matview_unpopulated": "Visões materializadas preenchidas",
    "backup.table_unlogged": "Nenhuma tabela UNLOGGED",
    "backup.index_invalid": "Índices válidos",
    "backup.collation_version": "Versão da ordenação (collation)",
    "backup.sequence_behind": "Sequências à frente de suas colunas",
    "backup.foreign_key_broken": "Chaves estrangeiras conferidas linha a linha",
    "backup.large_object_dangling": "Referências a objetos grandes",
    "backup.constraint_broken": "Regras NOT VALID conferidas linha a linha",
    "backup.constraint_not_validated": "Regras validadas",
    "backup.heap_corrupt": "Páginas das tabelas (amcheck)",
    "backup.index_corrupt": "Índices comparados com as tabelas (amcheck)",
    # reasons
    "backup.why.no_key": "o arquivo está cifrado (age) e nenhuma identidade está configurada em age_identity",
    "backup.why.other_format": (
        "o arquivo está em uma forma que este teste não lê (dump de um servidor inteiro, backup físico, outra "
        "compressão)"
    ),
    "backup.why.other_major": (
        "o arquivo é de outra versão principal do PostgreSQL do que a desta máquina; instale a mesma versão no worker, "
        "ou aponte postgres_bin"
    ),
    "backup.why.cold": "o objeto está em uma classe fria do S3 (Glacier); peça a restauração no console e repita",
    "backup.why.no_extension": "o backup usa uma extensão que o PostgreSQL desta máquina não tem; instale-a no worker",
    "backup.why.not_allowed": (
        "o backup usa uma extensão que só um superusuário pode criar; se confia nela, inclua-a em extensions de "
        "[backup]"
    ),
    "backup.why.archive_broken": "o arquivo não pôde ser lido até o fim",
    "backup.why.restored_unread": "o banco restaurado não pôde ser lido até o fim; veja a máquina do teste e repita",
    "backup.why.unfit": (
        "uma afirmação não pôde ser consultada porque escreve, não é um único SELECT válido, passou do prazo "
        "ou a máquina a interrompeu; corrija-a em [backup.databases] ou teste de novo"
    ),
    "backup.why.not_done": "o teste não chegou a fazer isto",
    "backup.why.not_copy": "os dados não estão em blocos COPY (pg_dump --inserts) e não há manifesto",
    "backup.why.no_column": "uma coluna de newest_row não existe no banco restaurado",
    "backup.why.older": "foi pedido um backup que não é o mais recente",
    "backup.why.no_manifest": "não há manifesto feito junto com o backup (marias backup)",
    "backup.why.manifest_unusable": "o manifesto encontrado não pôde ser usado (veja os achados)",
    "backup.why.roles_unknown": "nada diz quais papéis a produção tem (roles, globals_pattern ou manifesto)",
    "backup.why.not_asked": "não foi pedido (compare_live)",
    "backup.why.live_unread": "o banco em produção não pôde ser lido",
    "backup.why.no_amcheck": "a extensão amcheck não existe no PostgreSQL desta máquina (pacote postgresql-contrib)",
    "backup.why.refused": "o PostgreSQL recusou a consulta; o SQLSTATE está no registro da execução",
    "backup.why.privileged": "foi deixado de fora: o teste restaura sem superusuário",
}

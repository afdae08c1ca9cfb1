"""What is missing, changed or rotten inside."""

from collections.abc import Mapping

from tasks.backup.model.told import Counted, Difference, More, PositionGap, RowGap
from tasks.backup.wording.phrases import NEW_BACKUP
from tasks.core.wording import Words

CONTENTS: Mapping[str, Words] = {
    "backup.object_missing": Words(
        title="Objeto que falta",
        message="{subject} está n{against} e não veio no backup restaurado.",
        remedy="Se falta em relação à produção e uma migração o criou depois do backup, é o esperado. Se não, veja os "
        f"achados de perda na restauração sobre o mesmo nome, e as opções -n e -t do job. {NEW_BACKUP}",
        data=Difference,
    ),
    "backup.object_unexpected": Words(
        title="Objeto a mais",
        message="{subject} apareceu no backup restaurado e não está n{against}.",
        remedy="Descubra o que o criou (uma função ou um gatilho do próprio backup, uma migração recente) antes de "
        "confiar neste arquivo.",
        data=Difference,
    ),
    "backup.definition_changed": Words(
        title="Definição diferente",
        message="{subject} não está definido como n{against}: mudou o corpo, o valor padrão, o tipo, o dono, uma "
        "permissão ou o estado.",
        remedy="Compare a definição com a do repositório de migrações. Se ninguém a mudou de propósito, trate como "
        "incidente e não restaure este arquivo em produção.",
        data=Difference,
    ),
    "backup.row_count_mismatch": Words(
        title="Linhas perdidas",
        message="{subject}: {expected:,} linha(s) n{against}, {found:,} no backup restaurado.",
        remedy="Os dados desta tabela não voltam por este backup. Veja os achados de perda na restauração sobre ela "
        f"e as permissões de quem exporta (segurança por linha). {NEW_BACKUP}",
        data=RowGap,
    ),
    "backup.values_changed": Words(
        title="Valores alterados",
        message="{subject} tem tantas linhas quanto n{against}, mas não as mesmas: algum valor mudou.",
        remedy="Algo alterou os dados depois que foram lidos (um gatilho na restauração, um arquivo trocado, um "
        f"ataque). {NEW_BACKUP} Se não sabe o que foi, trate como incidente.",
        data=Difference,
    ),
    "backup.large_objects_mismatch": Words(
        title="Objetos grandes diferentes",
        message="Objetos grandes: {expected:,} n{against}, {found:,} no backup restaurado. Faltam alguns, ou o "
        "conteúdo de algum mudou.",
        remedy=f"Tire --no-blobs do job; se ele usa -n ou -t, acrescente --blobs. {NEW_BACKUP}",
        data=RowGap,
    ),
    "backup.sequence_missing": Words(
        title="Sequência sem posição",
        message="A sequência {subject} tem uma posição n{against} e nenhuma no backup restaurado.",
        remedy="Novos registros falhariam ou repetiriam números. Veja os achados de perda na restauração sobre ela.",
        data=Difference,
    ),
    "backup.sequence_mismatch": Words(
        title="Sequência fora de posição",
        message="A sequência {subject} está na posição {found:,}; pel{against}, deveria estar na {expected:,}.",
        remedy="Depois de uma restauração real, acerte com setval antes de abrir o sistema; procure a causa.",
        data=PositionGap,
    ),
    "backup.sequence_behind": Words(
        title="Sequência atrasada",
        message="A sequência {subject} daria de novo {count:,} número(s) que a coluna já contém.",
        remedy="A produção provavelmente tem o mesmo defeito: acerte lá com setval(…, max(coluna)). Depois de uma "
        "restauração real, faça o mesmo antes de abrir o sistema.",
        data=Counted,
    ),
    "backup.invalid_text": Words(
        title="Texto que não é texto",
        message="A tabela {subject} contém bytes que não são UTF-8 válido.",
        remedy="O banco de origem guarda texto sem verificar a codificação (SQL_ASCII) ou foi danificado. Corrija lá "
        "as linhas: a aplicação pode falhar ao lê-las.",
    ),
    "backup.matview_unpopulated": Words(
        title="Visão materializada vazia",
        message="A visão materializada {subject} não foi preenchida: consultá-la dá erro.",
        remedy="Rode REFRESH MATERIALIZED VIEW na produção antes do próximo backup, ou logo depois de uma restauração "
        "real.",
        data=Counted,
    ),
    "backup.large_object_dangling": Words(
        title="Referência a objeto grande que não existe",
        message="{subject} aponta {count:,} vez(es) para objetos grandes que não estão no backup.",
        remedy="Anexos se perderam: tire --no-blobs do job. Se a coluna não guarda objetos grandes, liste-a em "
        "not_large_objects.",
        data=Counted,
    ),
    "backup.table_unlogged": Words(
        title="Tabela UNLOGGED",
        message="{subject} é UNLOGGED: volta vazia de qualquer queda do servidor e de backups físicos.",
        remedy="Se os dados importam: ALTER TABLE … SET LOGGED na produção.",
        data=Counted,
    ),
    "backup.foreign_key_broken": Words(
        title="Chave estrangeira violada",
        message="{subject}: {count:,} linha(s) apontam para outra que não existe.",
        remedy="Corrija as linhas na produção. Em uma restauração real a regra não protege estes dados.",
        data=Counted,
    ),
    "backup.index_invalid": Words(
        title="Índice inválido",
        message="O índice {subject} existe mas está marcado como inválido: não é usado e não garante unicidade.",
        remedy="REINDEX INDEX CONCURRENTLY na produção, ou apague-o.",
        data=Counted,
    ),
    "backup.index_omitted": Words(
        title="Índice que o pg_dump deixou de fora",
        message="O índice {subject} é inválido na produção, e por isso não está no backup.",
        remedy="Na produção: REINDEX INDEX CONCURRENTLY, ou apague-o se sobrou de uma tentativa.",
    ),
    "backup.constraint_broken": Words(
        title="Regra que os dados não cumprem",
        message="A regra {subject} está como NOT VALID e os dados não a cumprem.",
        remedy="Corrija as linhas na produção e rode ALTER TABLE … VALIDATE CONSTRAINT.",
        data=Counted,
    ),
    "backup.constraint_not_validated": Words(
        title="Regra nunca validada",
        message="A regra {subject} está como NOT VALID, embora os dados a cumpram.",
        remedy="Rode ALTER TABLE … VALIDATE CONSTRAINT na produção.",
        data=Counted,
    ),
    "backup.heap_corrupt": Words(
        title="Tabela danificada",
        message="O amcheck encontrou {count} defeito(s) nas páginas de {subject} no banco restaurado.",
        remedy="Disco ou memória da máquina do teste podem estar com defeito: teste de novo em outra máquina.",
        data=Counted,
    ),
    "backup.index_corrupt": Words(
        title="Índice que não combina com a tabela",
        message="O amcheck encontrou {count} defeito(s) no índice {subject} do banco restaurado.",
        remedy="Uma função do índice marcada IMMUTABLE que não é, ou uma ordenação que mudou. Corrija a função na "
        "produção e recrie o índice.",
        data=Counted,
    ),
    "backup.collation_version": Words(
        title="Versão da ordenação mudou",
        message="{subject} foi criado com outra versão da ordenação (collation) do que a instalada.",
        remedy="Na produção: REINDEX dos índices de texto e, depois, ALTER … REFRESH COLLATION VERSION.",
        data=Counted,
    ),
    "backup.and_more": Words(
        title="E mais",
        message="{subject}: há mais {count:,} achados deste tipo, que não estão listados um a um.",
        remedy="Comece pelos primeiros: costumam ter a mesma causa.",
        data=More,
    ),
}

"""Why a backup could not be taken, or only without its manifest."""

from collections.abc import Mapping

from tasks.backup.model.told_take import Dumped, Incomplete, Inside, Majors, Naming
from tasks.core.wording import Words

NOTHING_STORED = "Nenhum backup foi guardado; o banco só foi lido e os backups anteriores estão intactos."

TAKE: Mapping[str, Words] = {
    "backup.take_no_source": Words(
        title="Banco sem conexão configurada",
        message="O ambiente não diz de onde ler o banco {subject}: falta source em [backup.databases.{subject}].",
        remedy="Acrescente em source a referência do segredo que guarda a conexão (libpq) do banco.",
        safe="Nada foi lido nem gravado.",
    ),
    "backup.take_other_database": Words(
        title="A conexão leva a outro banco",
        message="A conexão configurada para {subject} leva ao banco {inside}.",
        remedy="Corrija dbname no segredo de source, ou o nome em [backup.databases].",
        safe=NOTHING_STORED,
        data=Inside,
    ),
    "backup.take_same_second": Words(
        title="Outro backup tem o mesmo nome",
        message="Outro 'marias backup' começou no mesmo segundo e já gravou {subject}.",
        remedy="O dele vale. Confira que terminou bem; se não terminou, tire outro agora.",
        safe="Este comando não gravou nada; os backups anteriores estão intactos.",
    ),
    "backup.take_key": Words(
        title="O nome do backup não combina com as configurações",
        message=(
            "Sob '{prefix}', o padrão '{pattern}' não acharia o backup {subject}, ou tomaria o manifesto dele por um "
            "backup."
        ),
        remedy="Acerte pattern em [backup.databases] do ambiente; '.+\\.dump' serve.",
        safe=NOTHING_STORED,
        data=Naming,
    ),
    "backup.take_other_major": Words(
        title="Programas de outra versão do PostgreSQL",
        message="O servidor é da versão {server}, e os programas em {subject} são da {programs}.",
        remedy="Instale nesta máquina o pacote postgresql-{server}, ou indique a pasta dele em postgres_bin.",
        safe=NOTHING_STORED,
        data=Majors,
    ),
    "backup.take_hidden_rows": Words(
        title="A segurança por linha esconderia linhas do backup",
        message=(
            "O papel da conexão não pode ver todas as linhas de {subject} (row-level security; pg_dump terminou com "
            "{exit_code}, SQLSTATE {sqlstate})."
        ),
        remedy="Dê BYPASSRLS a esse papel, como superusuário: ALTER ROLE … BYPASSRLS.",
        safe=NOTHING_STORED,
        data=Dumped,
    ),
    "backup.take_refused": Words(
        title="O pg_dump não terminou bem",
        message="O pg_dump terminou com {exit_code} (SQLSTATE {sqlstate}; objeto: {subject}).",
        remedy=(
            "42501: falta permissão (pg_read_all_data). 55P03: outra sessão prende uma tabela; rode de novo. Os outros "
            "códigos estão na página do runbook (backup.md)."
        ),
        safe=NOTHING_STORED + " O texto do erro não foi guardado, porque poderia citar dados de pessoas.",
        data=Dumped,
    ),
    "backup.take_without_manifest": Words(
        title="Backup guardado sem o manifesto completo",
        message="O backup {subject} está guardado, mas o manifesto só está em {stored} de {places} lugares ({cause}).",
        remedy="Resolva a causa e tire outro backup.",
        safe="O backup está inteiro; sem manifesto, o teste de restauração não pode provar que ele está completo.",
        data=Incomplete,
    ),
    # of the adapter tasks/adapters/postgres_snapshot.py (COMMON or here)
}

"""Sentences of the machine that runs a duty: its disk, its temporary folders, its PostgreSQL."""

from collections.abc import Mapping
from typing import Final

from tasks.adapters.guardian import NoSpace, Unusable
from tasks.adapters.postgres import Sqlstate
from tasks.adapters.postgres_server import NoBinaries, ProgramFailed, StartFailed, TimedOut, TooOld
from tasks.adapters.postgres_snapshot import Refusal
from tasks.core.wording import Words

_ONLY_READ: Final = "O banco só foi lido."
MACHINE: Final[Mapping[str, Words]] = {
    "disk.no_space": Words(
        title="Sem espaço em disco",
        message="São necessários {needed_mb} MB em {subject}, mas só há {free_mb} MB livres.",
        remedy="Libere espaço nessa máquina, ou indique no arquivo do ambiente uma pasta em um disco maior, e execute "
        "de novo.",
        safe="Nada foi alterado; o que já tinha sido copiado foi apagado.",
        data=NoSpace,
    ),
    "guardian.no_folder": Words(
        title="Pasta temporária não pôde ser criada",
        message="O sistema recusou criar uma pasta em {subject} ({reason}).",
        remedy="Confira se a pasta existe, tem espaço e permite escrita.",
        safe="Nada foi copiado para essa pasta.",
        data=Unusable,
    ),
    "guardian.not_started": Words(
        title="O guardião não iniciou",
        message="O processo que garante a destruição de {subject} não respondeu.",
        remedy="Confira a memória e o limite de processos da máquina e execute de novo.",
        safe="Sem guardião nenhum dado é restaurado.",
    ),
    "guardian.not_destroyed": Words(
        title="Pasta temporária não foi destruída",
        message="A pasta {subject} ainda existe e pode conter dados pessoais.",
        remedy="Apague {subject} à mão nessa máquina agora; a próxima execução também tentará.",
        safe="O backup e o banco de produção não foram alterados.",
    ),
    "postgres.no_binaries": Words(
        title="PostgreSQL não encontrado",
        message="Não há um PostgreSQL utilizável nesta máquina (servidor e programas, todos na mesma pasta). "
        "Procurado em: {looked_in}.",
        remedy="Instale nela o pacote postgresql ou marias-ops[embedded], ou corrija a pasta dos programas no arquivo "
        "do ambiente.",
        safe="Nada foi restaurado nem alterado.",
        data=NoBinaries,
    ),
    "postgres.too_old": Words(
        title="PostgreSQL antigo demais",
        message="É necessária a versão {wanted} ou mais nova; a mais nova encontrada é a {found}.",
        remedy="Instale o PostgreSQL {wanted} na máquina que executa a tarefa.",
        safe="Nada foi restaurado nem alterado.",
        data=TooOld,
    ),
    "postgres.start_failed": Words(
        title="PostgreSQL temporário não iniciou",
        message="O programa {program} terminou com o código {exit_code} antes de ficar pronto (SQLSTATE: {sqlstate}).",
        remedy="Confira as opções do servidor, a memória e o espaço da máquina.",
        safe="O servidor temporário foi destruído; produção não foi tocada.",
        data=StartFailed,
    ),
    "postgres.timed_out": Words(
        title="Programa do PostgreSQL passou do prazo",
        message="{program} não terminou em {seconds} s e foi encerrado.",
        remedy="Confira a carga da máquina; se o arquivo for maior que o habitual, aumente o prazo.",
        safe="O processo e seus filhos foram encerrados; produção não foi tocada.",
        data=TimedOut,
    ),
    "postgres.program_failed": Words(
        title="Programa do PostgreSQL falhou",
        message="{program} terminou com o código {exit_code}.",
        remedy="Execute de novo; se repetir, avise quem mantém o marias-ops com o código.",
        safe="Produção não foi tocada.",
        data=ProgramFailed,
    ),
    "postgres.unreachable": Words(
        title="Pasta fechada ao usuário sem privilégios",
        message="O PostgreSQL não roda como root, e o usuário nobody não consegue passar por {subject}.",
        remedy="Use uma pasta temporária aberta à passagem, como /dev/shm ou /tmp.",
        safe="Nada foi restaurado nem alterado.",
    ),
    "postgres.path_too_long": Words(
        title="Caminho longo demais",
        message="O caminho {subject} não deixa lugar para o socket do PostgreSQL (limite de 107 bytes).",
        remedy="Use uma pasta temporária de caminho mais curto.",
        safe="Nada foi restaurado nem alterado.",
    ),
    "postgres.no_connection": Words(
        title="O banco não aceitou a conexão",
        message="Não foi possível conectar ao PostgreSQL.",
        remedy="Se era o servidor descartável, ele caiu: veja a memória da máquina do worker e execute de novo.",
        safe="Nada foi escrito no banco.",
    ),
    "postgres.no_conninfo": Words(
        title="Conexão malformada",
        message="O segredo com a conexão de {subject} não é uma conexão da libpq.",
        remedy="Escreva-a como “host=… dbname=… user=… password=…”, ou como postgresql://….",
        safe=_ONLY_READ,
    ),
    "postgres.login_refused": Words(
        title="O banco recusou a conexão",
        message="O servidor de {subject} respondeu, mas recusou a conexão (SQLSTATE: {sqlstate}).",
        remedy="28P01: senha. 28000: papel ou pg_hba.conf. 3D000: o banco não existe. 42501: falta CONNECT.",
        safe=_ONLY_READ,
        data=Refusal,
    ),
    "postgres.out_of_reach": Words(
        title="Banco fora de alcance",
        message="Não foi possível falar com o servidor de {subject} (SQLSTATE: {sqlstate}).",
        remedy="Confira se o servidor está de pé e aceita conexões (53300: todas em uso; 57P03: iniciando), e rode de "
        "novo.",
        safe=_ONLY_READ,
        data=Refusal,
    ),
    "postgres.snapshot_refused": Words(
        title="O banco recusou uma consulta",
        message="O PostgreSQL recusou uma consulta sobre {subject} (SQLSTATE {sqlstate}).",
        remedy="57014: passou do prazo; veja se o banco está ocupado. Outro código: veja a página do runbook "
        "(backup.md).",
        safe=_ONLY_READ,
        data=Refusal,
    ),
    "postgres.no_column": Words(
        title="Coluna que não existe",
        message="O banco não tem a coluna {subject}.",
        remedy="Confira o nome no arquivo do ambiente.",
        safe="Nada foi escrito no banco.",
    ),
    "postgres.too_slow": Words(
        title="Consulta lenta demais",
        message="A consulta sobre {subject} passou do tempo permitido e foi cancelada (SQLSTATE {sqlstate}).",
        remedy="Veja se a máquina está ocupada e execute de novo; se repetir, aumente o limite no arquivo do ambiente.",
        safe="Nada foi escrito no banco.",
        data=Sqlstate,
    ),
    "postgres.refused": Words(
        title="O banco recusou uma consulta",
        message="O PostgreSQL recusou uma consulta sobre {subject} (SQLSTATE {sqlstate}).",
        remedy="42883 ou 42846: a coluna configurada não é de data ou horário. Outro código: veja a página do runbook.",
        safe="Nada foi escrito no banco. O texto do erro não foi guardado, porque poderia citar dados de pessoas.",
        data=Sqlstate,
    ),
}

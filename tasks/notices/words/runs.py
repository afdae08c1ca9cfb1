"""Sentences of the frame: how runs end, and what keeps one from starting."""

from collections.abc import Mapping
from typing import Final

from tasks.core.errors import Unexpected
from tasks.core.labels import ENDINGS
from tasks.core.wording import Words
from tasks.settings import Known, Mistakes

RUNS: Final[Mapping[str, Words]] = {
    "core.unexpected": Words(
        title="Erro que a rotina não conhece",
        message="A rotina parou em {place} por um erro inesperado ({kind}).",
        remedy="Abra a execução no Prefect e envie o identificador dela a quem mantém o marias-ops. "
        "Executar de novo só ajuda se a causa já tiver passado.",
        safe="O texto do erro não foi guardado, porque poderia conter dados de pessoas.",
        data=Unexpected,
    ),
    "core.timed_out": Words(
        title="Tempo esgotado",
        message="“{subject}” passou do tempo permitido e foi encerrado.",
        remedy="Veja se o sistema envolvido está lento ou fora do ar e execute a rotina de novo.",
        safe="O que estava em andamento foi encerrado; nada continua rodando.",
    ),
    "run.crashed": Words(
        title="A execução foi interrompida",
        message="O processo parou antes do fim e não deixou resultado. As causas mais comuns são a máquina ter "
        "reiniciado, falta de memória ou o encerramento do worker.",
        remedy=ENDINGS["crashed"].todo,
    ),
    "run.cancelled": Words(
        title="A execução foi cancelada",
        message="Alguém, ou uma automação, cancelou a execução antes do fim.",
        remedy=ENDINGS["cancelled"].todo,
    ),
    "run.expired": Words(
        title="A aprovação não veio a tempo",
        message="A execução esperava uma aprovação; o prazo acabou e ela foi encerrada sem continuar.",
        remedy=ENDINGS["expired"].todo,
    ),
    "run.never_started": Words(
        title="A execução não começou",
        message="A execução estava marcada, mas terminou sem que nenhum worker a iniciasse.",
        remedy=ENDINGS["never_started"].todo,
    ),
    "run.unrecorded": Words(
        title="O resultado não foi guardado",
        message="A execução chegou ao fim, mas não conseguiu guardar o próprio resultado.",
        remedy=ENDINGS["unrecorded"].todo,
    ),
    "environment.unknown": Words(
        title="Ambiente desconhecido",
        message="O ambiente “{subject}” não existe. Os que existem são: {names}.",
        remedy="Confira o nome, ou crie o arquivo do ambiente em {folder}.",
        safe="Nada fora do marias-ops foi tocado.",
        data=Known,
    ),
    "environment.invalid": Words(
        title="Configuração com erros",
        message="A configuração {subject} não pode ser usada. Erros encontrados: {count}.\n{mistakes}",
        remedy="Corrija todos os erros da lista e execute de novo.",
        safe="Nada fora do marias-ops foi tocado.",
        data=Mistakes,
    ),
    "prefect.no_address": Words(
        title="Endereço do Prefect não definido",
        message="A variável PREFECT_API_URL não está definida, então não há servidor Prefect a quem pedir a execução.",
        remedy="Defina PREFECT_API_URL, suba o laboratório com “make up” ou, em emergência, use “marias run --here”.",
        safe="Nenhuma execução foi criada.",
    ),
    "prefect.unreachable": Words(
        title="Servidor Prefect fora de alcance",
        message="Não foi possível falar com o servidor Prefect em {subject}.",
        remedy="Confira se o servidor está de pé e se o endereço está certo. Em emergência, use “marias run --here”.",
        safe="Nenhuma execução foi criada.",
    ),
    "prefect.silent": Words(
        title="Servidor Prefect não responde",
        message="O servidor Prefect em {subject} aceita a conexão, mas não responde.",
        remedy="Reinicie o servidor e tente de novo. Em emergência, use “marias run --here”.",
        safe="Nenhuma execução foi criada.",
    ),
    "prefect.not_started": Words(
        title="Servidor Prefect temporário não subiu",
        message="O servidor temporário da execução de emergência não ficou pronto em {subject}.",
        remedy="Veja memória, CPU e disco desta máquina, ou rode o mesmo comando em outra.",
        safe="A rotina não começou: nada foi lido nem alterado.",
    ),
    "prefect.lost": Words(
        title="Conexão com o Prefect perdida",
        message="A conexão com o servidor Prefect em {subject} caiu no meio de um pedido.",
        remedy="Confira se o servidor está de pé e procure a execução na página dele antes de pedir outra.",
        safe="Nada foi cancelado: uma execução que já existia continua no worker.",
    ),
    "prefect.answered": Words(
        title="O Prefect recusou o pedido",
        message="O servidor Prefect recusou um pedido ({subject}).",
        remedy="401 ou 403: confira PREFECT_API_AUTH_STRING. 404 ou 405: confira PREFECT_API_URL. De 500 em diante: "
        "veja o registro do servidor.",
        safe="Nada foi cancelado: uma execução que já existia continua no worker.",
    ),
    "prefect.no_run": Words(
        title="Execução não encontrada",
        message="O servidor Prefect não conhece a execução {subject}.",
        remedy="Confira o identificador; execuções antigas são apagadas do servidor, mas continuam nas evidências.",
    ),
    "prefect.no_deployment": Words(
        title="Rotina não instalada no servidor",
        message="O servidor Prefect não conhece “{subject}”.",
        remedy="Execute “marias apply” para esse ambiente e tente de novo.",
        safe="Nenhuma execução foi criada.",
    ),
    "prefect.refused": Words(
        title="O Prefect recusou o pedido",
        message="O servidor Prefect recusou criar a execução de “{subject}”.",
        remedy="Confira os parâmetros no formulário da rotina e tente de novo.",
        safe="Nenhuma execução foi criada.",
    ),
}

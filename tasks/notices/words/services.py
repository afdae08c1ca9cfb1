"""Sentences of the services that duties call."""

from collections.abc import Mapping
from typing import Final

from tasks.adapters.aws import AwsAnswer
from tasks.adapters.github import GitHubReply
from tasks.adapters.mail import MailReply
from tasks.adapters.secret_stages import Stage
from tasks.adapters.slack import SlackReply
from tasks.core.wording import Words

SERVICES: Final[Mapping[str, Words]] = {
    "slack.token_refused": Words(
        title="O Slack recusou o token",
        message="O Slack não aceita o token do bot (resposta: {error}).",
        remedy="Gere um novo token no aplicativo do Slack e grave-o no segredo indicado em [slack] token.",
        safe="O token não aparece nesta mensagem nem nos registros.",
        data=SlackReply,
    ),
    "slack.no_channel": Words(
        title="Canal do Slack não encontrado",
        message="O canal {subject} não existe, está arquivado ou não é visível para o bot (resposta: {error}).",
        remedy="Confira o canal em [slack] channels; em canal privado, convide o bot.",
        data=SlackReply,
    ),
    "slack.not_in_channel": Words(
        title="O bot não está no canal",
        message="O bot não participa do canal {subject} e por isso não pode escrever nele (resposta: {error}).",
        remedy="No Slack, convide o bot para o canal com /invite.",
        data=SlackReply,
    ),
    "slack.rate_limited": Words(
        title="O Slack pediu para esperar",
        message="O Slack recebeu mensagens demais e pediu uma espera mais longa que a permitida (resposta: {error}).",
        remedy="Nada, se foi uma vez só. Se repetir, veja o que mais envia mensagens com o mesmo bot.",
        data=SlackReply,
    ),
    "slack.unreachable": Words(
        title="Slack fora de alcance",
        message="Não foi possível falar com o Slack (resposta: {error}).",
        remedy="Confira a situação do Slack e a rede do worker.",
        data=SlackReply,
    ),
    "slack.refused": Words(
        title="O Slack recusou a mensagem",
        message="O Slack recusou a chamada para {subject} (resposta: {error}).",
        remedy="Se a resposta for missing_scope, dê ao aplicativo a permissão que falta. "
        "Nos outros casos, avise quem mantém o marias-ops.",
        data=SlackReply,
    ),
    "mail.unreachable": Words(
        title="Servidor de e-mail fora de alcance",
        message="Não foi possível falar com o servidor de e-mail {subject} ({reply}).",
        remedy="Confira o endereço e a porta em [mail] e a rede do worker.",
        data=MailReply,
    ),
    "mail.refused": Words(
        title="O servidor de e-mail recusou a mensagem",
        message="O servidor de e-mail {subject} recusou a mensagem (resposta: {reply}).",
        remedy="Confira usuário, senha, remetente e destinatários em [mail].",
        data=MailReply,
    ),
    "s3.no_bucket": Words(
        title="Bucket inexistente",
        message="O bucket “{subject}” não existe (resposta da AWS: {answer}).",
        remedy="Confira o nome do bucket no arquivo do ambiente, a região e a conta da AWS.",
        safe="Nada foi gravado nem apagado.",
        data=AwsAnswer,
    ),
    "s3.no_object": Words(
        title="Objeto inexistente",
        message="O objeto “{subject}” não está mais no bucket (resposta da AWS: {answer}).",
        remedy="Veja se uma regra de retenção o apagou e execute a rotina de novo.",
        safe="Nada foi gravado nem apagado.",
        data=AwsAnswer,
    ),
    "s3.denied": Words(
        title="Sem permissão no S3",
        message="A AWS recusou o acesso ao bucket “{subject}” (resposta: {answer}).",
        remedy="Confira as credenciais do worker e a política IAM descrita no README. "
        "Sem a permissão s3:ListBucket, a AWS também recusa objetos que apenas não existem.",
        safe="Nada foi gravado nem apagado.",
        data=AwsAnswer,
    ),
    "s3.unreachable": Words(
        title="S3 fora de alcance",
        message="O S3 não respondeu, ou pediu para esperar, ao acessar o bucket “{subject}” ({answer}), mesmo "
        "depois de novas tentativas.",
        remedy="Confira a rede da máquina do worker e o status da AWS e execute a rotina de novo.",
        safe="Objetos só são criados inteiros e nunca substituídos; repetir não estraga nada.",
        data=AwsAnswer,
    ),
    "s3.already_there": Words(
        title="O objeto já existe com outro conteúdo",
        message="Já existe outro conteúdo em “{subject}”. Ele não foi substituído.",
        remedy="Veja se outro processo já encerrou esta execução; o que está gravado é o que vale.",
        safe="O conteúdo existente está intacto.",
    ),
    "s3.failed": Words(
        title="O S3 recusou o pedido",
        message="O S3 recusou um pedido no bucket “{subject}” (resposta da AWS: {answer}).",
        remedy="Procure esse código na documentação do S3. InvalidObjectState quer dizer que o objeto está arquivado "
        "e precisa ser restaurado antes.",
        safe="Nada foi gravado nem apagado.",
        data=AwsAnswer,
    ),
    "s3.not_versioned": Words(
        title="Bucket sem versionamento",
        message="O bucket “{subject}” não guarda versões: um registro substituído ou apagado não deixaria rastro.",
        remedy="Ative o versionamento do bucket.",
    ),
    "secret.missing": Words(
        title="Segredo ausente",
        message="Não há nada em “{subject}”, ou o valor está vazio.",
        remedy="Crie o segredo, ou corrija a referência no arquivo do ambiente.",
        safe="O conteúdo de segredos não é mostrado nem guardado.",
    ),
    "secret.malformed": Words(
        title="Segredo em formato inesperado",
        message="“{subject}” existe, mas não contém o texto esperado: um segredo do Secrets Manager deve ser um objeto "
        "JSON com essa chave, e um arquivo deve ser texto UTF-8.",
        remedy="Corrija o segredo, ou a chave depois de # na referência.",
        safe="O conteúdo de segredos não é mostrado nem guardado.",
    ),
    "secret.denied": Words(
        title="Sem permissão para um segredo",
        message="O acesso a “{subject}” foi recusado (resposta: {answer}).",
        remedy="Confira as credenciais do worker e se a política dele permite, nesse nome, "
        "secretsmanager:GetSecretValue e, para a rotina que troca o segredo, ListSecretVersionIds, PutSecretValue e "
        "UpdateSecretVersionStage; para um arquivo, confira o dono e as permissões.",
        safe="O conteúdo de segredos não é mostrado nem guardado.",
        data=AwsAnswer,
    ),
    "secret.unreachable": Words(
        title="Secrets Manager fora de alcance",
        message="O Secrets Manager não respondeu, ou pediu para esperar, no acesso a “{subject}” ({answer}), mesmo "
        "depois de novas tentativas.",
        remedy="Confira a rede da máquina do worker e o status da AWS e execute a rotina de novo.",
        safe="O conteúdo de segredos não é mostrado nem guardado.",
        data=AwsAnswer,
    ),
    "secret.failed": Words(
        title="O segredo não pôde ser lido ou gravado",
        message="Não foi possível ler ou gravar “{subject}” (resposta: {answer}).",
        remedy="Procure esse código na documentação do Secrets Manager; para um arquivo, confira o caminho.",
        safe="O conteúdo de segredos não é mostrado nem guardado.",
        data=AwsAnswer,
    ),
    "secret.token_used": Words(
        title="Versão do segredo já usada",
        message="O segredo “{subject}” já tem uma versão {version} com outro conteúdo. Ela não foi substituída.",
        remedy="Veja no Secrets Manager (ou no CloudTrail) quem a gravou e execute a rotina de novo.",
        safe="As versões existentes estão intactas.",
        data=Stage,
    ),
    "secret.stage_lost": Words(
        title="Outra pessoa ou programa mudou as etapas do segredo",
        message="No segredo “{subject}”, a etapa {stage} não está onde devia (versão {version}): alguém a moveu ao "
        "mesmo tempo.",
        remedy="Veja no CloudTrail quem moveu a etapa (UpdateSecretVersionStage ou PutSecretValue), combine para que "
        "só uma rotina troque este segredo e execute-a de novo.",
        safe="Nenhuma versão foi apagada.",
        data=Stage,
    ),
    "github.denied": Words(
        title="O GitHub recusou o token",
        message="O GitHub recusou o acesso a {subject} (resposta: {answer}).",
        remedy="Confira a validade do token indicado em [github] token e se ele pode escrever “Environments” desse "
        "repositório; se o token for novo, grave-o no segredo.",
        safe="O token não aparece nesta mensagem nem nos registros.",
        data=GitHubReply,
    ),
    "github.not_found": Words(
        title="Repositório ou ambiente não encontrado no GitHub",
        message="{subject} (repositório:ambiente) não existe no GitHub, ou o token não o vê (resposta: {answer}).",
        remedy="Crie o ambiente em Settings → Environments, ou corrija o nome em [secret_sync]; em repositório "
        "privado, confira se o token o inclui.",
        safe="Nada foi gravado ali.",
        data=GitHubReply,
    ),
    "github.unreachable": Words(
        title="GitHub fora de alcance",
        message="O GitHub não respondeu como devia, ou pediu para esperar, no acesso a {subject} ({answer}), mesmo "
        "depois de novas tentativas.",
        remedy="Confira githubstatus.com e a rede da máquina do worker e execute a rotina de novo.",
        safe="Repetir não estraga nada: o segredo é gravado inteiro, e a variável com a versão só depois dele.",
        data=GitHubReply,
    ),
    "github.refused": Words(
        title="O GitHub recusou o pedido",
        message="O GitHub recusou um pedido sobre {subject} (resposta: {answer}).",
        remedy="HTTP 301 ou 307: o repositório mudou de nome, corrija-o em [secret_sync]. HTTP 422: o nome não é "
        "permitido, o valor passa de 48 KB ou o ambiente já tem 100 segredos.",
        safe="O valor anterior do segredo continua lá.",
        data=GitHubReply,
    ),
    "signing.bad_key": Words(
        title="Chave de assinatura inválida",
        message="A chave que assina o registro não é uma chave privada {subject} sem senha no formato OpenSSH.",
        remedy="Gere uma com ssh-keygen -t ed25519 -N '' e guarde o arquivo inteiro no segredo de [evidence] "
        "signing_key.",
        safe="Nada foi assinado; o registro está intacto.",
    ),
    "s3.cold": Words(
        title="Objeto arquivado",
        message="O objeto “{subject}” está em uma classe de armazenamento fria (Glacier) e não pode ser lido agora.",
        remedy="Peça a restauração do objeto no console do S3, espere terminar e execute a rotina de novo.",
        safe="Nada foi gravado nem apagado.",
    ),
    "s3.checksum_mismatch": Words(
        title="Bytes alterados no S3",
        message="Os bytes de “{subject}” não conferem com a soma que o S3 guardou quando o objeto foi enviado.",
        remedy="Baixe o objeto outra vez, à mão; se a soma ainda não conferir, trate-o como perdido e veja as versões "
        "anteriores.",
        safe="Nada foi gravado nem apagado.",
    ),
    "age.bad_identity": Words(
        title="Identidade age inválida",
        message="O segredo indicado para abrir backups cifrados não contém uma identidade age ({subject}).",
        remedy="Guarde no segredo o arquivo que o age-keygen gera e confira age_identity em [backup].",
        safe="Nada foi alterado.",
    ),
    "age.bad_recipient": Words(
        title="Destinatário age inválido",
        message="“{subject}” não é um destinatário age (age1…).",
        remedy="Corrija age_recipients em [backup].",
        safe="Nada foi gravado.",
    ),
    "age.wrong_key": Words(
        title="Cifrado para outra chave",
        message="O arquivo está cifrado (age) para outra chave, ou com senha.",
        remedy="Confira age_identity e para quem o job cifra.",
        safe="Nada foi alterado.",
    ),
    "age.cut": Words(
        title="Arquivo age cortado",
        message="O arquivo age acaba antes do fim.",
        remedy="Gere e envie o arquivo de novo.",
        safe="Nada foi alterado.",
    ),
    "age.altered": Words(
        title="Arquivo age alterado",
        message="O arquivo age tem bytes alterados.",
        remedy="Gere e envie o arquivo de novo.",
        safe="Nada foi alterado.",
    ),
}

"""What went wrong with accounts, or with the rotation of a purpose."""

from collections.abc import Mapping

from tasks.core.wording import Words
from tasks.ssh.model.told import Aged, Fingerprint, HostKeys, Names, OnTarget, Stopped, Waiting

ROTATION: Mapping[str, Words] = {
    "ssh.lost": Words(
        title="Conta que nenhuma chave guardada abre",
        message="O servidor recusou todas as chaves guardadas da finalidade {purpose} para {subject}.",
        remedy=(
            "Confira se a conta existe e se o nome está certo em [ssh.purposes]. Se existe, o arquivo de chaves foi "
            "mexido ou o sshd o ignora (dono ou modo de ~, ~/.ssh e do arquivo; AllowUsers): 'journalctl -u ssh' diz "
            "por quê. Entre pelo console do provedor (página do runbook). Até lá as outras contas da finalidade ficam "
            "como estão, a não ser com compromised."
        ),
        data=OnTarget,
    ),
    "ssh.target_host_key": Words(
        title="O servidor mostra outra chave de host",
        message=(
            "{subject}: o servidor {host} mostrou a chave de host {offered}, mas a fixada é {pinned}. Ninguém entrou "
            "nele, e nenhuma chave foi enviada."
        ),
        remedy=(
            "Pode ser um servidor reinstalado, ou alguém no meio do caminho. Confira no console do provedor "
            "(ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub). Só se for a mesma, ponha a linha nova em host_keys."
        ),
        data=HostKeys,
    ),
    "ssh.target_unpinned": Words(
        title="Servidor sem chave de host fixada",
        message="{subject}: o servidor {host} mostrou a chave de host {offered}, e nenhuma está fixada.",
        remedy=(
            "Confira a impressão digital por um caminho de confiança (console do provedor: ssh-keygen -lf "
            "/etc/ssh/ssh_host_ed25519_key.pub) e ponha a linha pública em host_keys de [ssh.hosts.{host}]."
        ),
        data=HostKeys,
    ),
    "ssh.target_unreachable": Words(
        title="Conta fora de alcance",
        message="Não foi possível perguntar a {subject} ({why}; {answer}). Não se sabe quais chaves a abrem.",
        remedy=(
            "Confira o servidor e a rede até ele. A chave que ele conhece continua guardada, e a próxima execução "
            "termina exatamente o que faltou."
        ),
        data=OnTarget,
    ),
    "ssh.target_held": Words(
        title="Conta que não pôde ser alterada",
        message="{subject}: {why}. A chave antiga continua valendo nela.",
        remedy="Resolva o que impede, no servidor; a próxima execução termina o que faltou.",
        data=OnTarget,
    ),
    "ssh.other_source": Words(
        title="Uma chave antiga ainda abre a conta, ou pode abrir",
        message="{subject}: uma chave antiga da finalidade {purpose} ainda abre a conta ({why}).",
        remedy=(
            "Ela vem de outro lugar: veja 'sshd -T -C user=CONTA' (AuthorizedKeysFile, AuthorizedKeysCommand, "
            "TrustedUserCAKeys) e retire-a de lá. A próxima execução confere."
        ),
        data=OnTarget,
    ),
    "ssh.may_still_open": Words(
        title="A chave comprometida talvez ainda abra",
        message="Não está provado que a chave comprometida de {purpose} deixou de abrir {subject} ({why}).",
        remedy=(
            "Isole este servidor (firewall: só o worker entra) ou, pelo console do provedor, troque a linha da chave "
            "vazada pela chave pública vigente. Depois execute a rotina de novo, até a conta estar provada."
        ),
        data=OnTarget,
    ),
    "ssh.still_current": Words(
        title="A chave comprometida continua vigente",
        message="Nenhuma chave nova foi criada para {subject}: a comprometida ainda é a atual.",
        remedy="Assim que uma conta responder, execute de novo, outra vez com compromised=true.",
    ),
    "ssh.compromise_removed": Words(
        title="Chave retirada de todas as contas",
        message="A chave {fingerprint} de {subject} não abre mais nenhuma conta. Não se sabe se alguém entrou com ela.",
        remedy=(
            "Em cada servidor: journalctl -u ssh -u sshd --since -90days | grep -F '{fingerprint}' (ou "
            "/var/log/auth.log*). Se há entrada que não é de vocês, é um incidente (runbook, seção 5)."
        ),
        data=Fingerprint,
    ),
    "ssh.drift": Words(
        title="Uma chave antiga voltou",
        message="{subject}: além da vigente, uma chave antiga de {purpose} abre a conta ou está no arquivo.",
        remedy="Execute a rotação sem simulação: ela remove a chave e prova. Descubra quem a recolocou.",
        data=OnTarget,
    ),
    "ssh.stopped": Words(
        title="A troca parou: falhas demais",
        message=(
            "Na finalidade {subject}, {failed} de {of} conta(s) falharam, e por isso outras {left} não foram tocadas: "
            "as chaves que as abriam continuam valendo nelas."
        ),
        remedy="Veja o que há de comum nas contas que falharam, resolva, e execute de novo: continua de onde parou.",
        data=Stopped,
    ),
    "ssh.waiting": Words(
        title="A chave nova espera por contas obrigatórias",
        message=(
            "Na finalidade {subject}, a chave nova ainda não abre {missing} conta(s) obrigatória(s), e por isso a "
            "anterior continua valendo em todas. Por servidores que não respondem a espera vai até "
            "{until:%d/%m/%Y %H:%M} (São Paulo); por contas que respondem e não aceitam a chave, não tem prazo."
        ),
        remedy=(
            "Ponha os servidores no ar. Depois do prazo a troca segue sem eles: ficam na chave antiga, que continua "
            "guardada. Um servidor que não existe mais deve sair de [ssh.hosts]."
        ),
        data=Waiting,
    ),
    "sync.stale": Words(
        title="A cópia no GitHub não acompanhou o segredo",
        message="O segredo mudou várias vezes enquanto {subject} era escrita, e não se sabe de qual versão ela é.",
        remedy="Espere quem está mudando o segredo terminar, e execute de novo.",
    ),
    "ssh.key_of_two_purposes": Words(
        title="Uma chave serve a duas finalidades",
        message="A chave {subject} é a atual de mais de uma finalidade: {names}. Por isso fica nas contas comuns.",
        remedy="Rode a rotação dessas finalidades com rotate_now: depois da última, a chave some de todas as contas.",
        data=Names,
    ),
    "ssh.unfinished": Words(
        title="A troca ficou pela metade",
        message="Na finalidade {subject} a troca parou antes do fim (veja o outro achado). As antigas ainda valem.",
        remedy="Resolva a causa. A próxima execução continua exatamente de onde esta parou.",
    ),
    "ssh.key_too_old": Words(
        title="Chave além do prazo",
        message="A chave atual de {subject} tem {days:.1f} dias; o limite é de {limit}.",
        remedy="Os outros achados dizem o que impediu a troca. Resolva, e execute a rotina hoje.",
        data=Aged,
    ),
}

"""Sentences of the adapter that talks to SSH servers, and the labels of what it heard and found."""

from collections.abc import Mapping
from typing import Final

from tasks.adapters.ssh.errors import Answer, HostKey, SshAnswer, TooMuch
from tasks.adapters.ssh.files import NotEdited, Trouble
from tasks.core.wording import Words

_NOTHING_CHANGED = "Esta tentativa não alterou nada no servidor."

SSH: Final[Mapping[str, Words]] = {
    "ssh.unreachable": Words(
        title="Servidor SSH fora de alcance",
        message="Não foi possível falar com o servidor {subject}: {answer}.",
        remedy="Confira se a máquina está no ar, o endereço e a porta em [ssh.hosts.{subject}] e a rede do worker, e "
        "execute a rotina de novo: ela termina só o que falta.",
        safe="Silêncio nunca conta como recusa: as chaves que abriam o servidor continuam guardadas.",
        data=SshAnswer,
    ),
    "ssh.host_key_unknown": Words(
        title="Servidor sem chave fixada",
        message="Nenhuma chave do servidor {subject} está fixada. Ele mostrou {fingerprint}, que pode ser a dele ou a "
        "de outra máquina no caminho.",
        remedy="Obtenha a impressão digital por um meio confiável: no console da máquina, e não pela rede, com "
        "ssh-keygen -lf e o ssh_host_…_key.pub desse tipo em /etc/ssh. Se for {fingerprint}, ponha a linha "
        "“{offered}” em host_keys de [ssh.hosts.{subject}].",
        safe="Ninguém tentou entrar nesse servidor e nenhuma chave foi mostrada a ele.",
        data=HostKey,
    ),
    "ssh.host_key_changed": Words(
        title="A chave do servidor não é a fixada",
        message="O servidor {subject} mostrou a chave {fingerprint}, e a fixada é {pinned}. Pode ser uma máquina "
        "reinstalada ou alguém no caminho.",
        remedy="Até saber por quê, não entre nesse servidor. Compare a impressão digital no console da máquina, com "
        "ssh-keygen -lf e o ssh_host_…_key.pub desse tipo em /etc/ssh. Se for {fingerprint}, troque a linha em "
        "host_keys de [ssh.hosts.{subject}] por “{offered}”; se não for, trate como incidente.",
        safe="Ninguém tentou entrar nesse servidor e nenhuma chave foi mostrada a ele.",
        data=HostKey,
    ),
    "ssh.login_refused": Words(
        title="Acesso SSH recusado",
        message="O servidor não deixou entrar em {subject}: {answer}.",
        remedy="Confira se a conta existe, se sshd a aceita (AllowUsers, AuthenticationMethods) e se a chave pública "
        "está no arquivo de chaves dela; o registro do sshd diz o motivo.",
        safe=_NOTHING_CHANGED,
        data=SshAnswer,
    ),
    "ssh.bad_key": Words(
        title="Chave privada ilegível",
        message="A chave guardada para entrar em {subject} não é uma chave privada sem senha no formato OpenSSH "
        "(Ed25519, ECDSA ou RSA).",
        remedy="Confira o segredo da finalidade em [ssh.purposes]: ele deve guardar o arquivo inteiro que ssh-keygen "
        "-t ed25519 -N '' gera.",
        safe="O conteúdo de segredos não é mostrado nem guardado.",
    ),
    "ssh.too_much": Words(
        title="Resposta grande demais",
        message="Um comando no servidor {subject} respondeu com mais de {most_bytes:,} bytes e foi interrompido.",
        remedy="Veja se o shell da conta escreve algo sem parar ao abrir (.bashrc, ForceCommand).",
        safe="O arquivo de chaves é o antigo ou o novo, sempre inteiro.",
        data=TooMuch,
    ),
    "ssh.no_sftp": Words(
        title="Servidor sem SFTP",
        message="O servidor {subject} não oferece SFTP a essa conta.",
        remedy='Ative “Subsystem sftp internal-sftp” no sshd_config, ou use transport = "shell" em '
        "[ssh.hosts.{subject}].",
        safe=_NOTHING_CHANGED,
    ),
    "ssh.file_changed": Words(
        title="Outro programa alterou o arquivo de chaves",
        message="O arquivo de chaves ({subject}) mudou repetidas vezes entre a leitura e a gravação.",
        remedy="Veja o que mais escreve nesse arquivo (cloud-init, agente do provedor, Ansible) e execute a rotina de "
        "novo quando ele tiver acabado.",
        safe="O que o outro programa escreveu ficou como estava.",
    ),
    "ssh.not_edited": Words(
        title="O arquivo de chaves não pôde ser gravado",
        message="O arquivo de chaves ({subject}) não pôde ser gravado (resposta do sistema: {reason}).",
        remedy="Confira espaço em disco, dono e permissões da pasta e do arquivo, e execute a rotina de novo.",
        safe="O arquivo antigo está inteiro: a troca é feita de uma só vez ou não é feita.",
        data=NotEdited,
    ),
    Trouble.NO_SHELL: Words(
        title="Conta sem shell",
        message="O servidor não executa comandos para {subject}: a conta não tem shell, ou um ForceCommand responde "
        "no lugar dele, ou faltam programas comuns.",
        remedy='Dê à conta um shell POSIX, ou use transport = "sftp" em [ssh.hosts].',
        safe=_NOTHING_CHANGED,
    ),
    Trouble.NO_SUDO: Words(
        title="Sem sudo sem senha",
        message="Para {subject}, “sudo -n” não é permitido.",
        remedy="Permita sudo sem senha a essa conta, ou tire sudo = true de onde ela aparece em [ssh.purposes].",
        safe=_NOTHING_CHANGED,
    ),
    Trouble.NO_SFTP: Words(
        title="SFTP incompleto",
        message="O servidor SFTP de {subject} não tem as extensões posix-rename, hardlink e fsync do OpenSSH, sem as "
        "quais um arquivo não é trocado com segurança.",
        remedy='Use transport = "shell" em [ssh.hosts], ou o internal-sftp do OpenSSH.',
        safe=_NOTHING_CHANGED,
    ),
}

SSH_LABELS: Final[Mapping[str, str]] = {
    Answer.NAME: "o nome não foi encontrado no DNS",
    Answer.NO_ROUTE: "não há rota até ele",
    Answer.REFUSED: "nada atende nessa porta",
    Answer.NETWORK: "a rede falhou",
    Answer.TIMEOUT: "não respondeu a tempo",
    Answer.RESET: "a conexão foi cortada",
    Answer.NO_BANNER: "aceitou a conexão, mas não se apresentou a tempo",
    Answer.DROPPED: "fechou a conexão antes de se apresentar, como faz o sshd com conexões demais (MaxStartups)",
    Answer.BUSY: "tem conexões demais à espera (MaxStartups)",
    Answer.PENALTY: "não atende este endereço por um tempo (PerSourcePenalties)",
    Answer.NOT_SSH: "quem atende nessa porta não fala SSH",
    Answer.KEX: "a troca de chaves falhou, ou não há algoritmo seguro em comum",
    Answer.CLOSED: "fechou a conexão",
    Answer.SILENT: "conectou, mas não respondeu ao que foi perguntado",
    Answer.JUMP: "não foi possível entrar na máquina que leva até ele",
    Answer.NO_SESSION: "deixou entrar, mas não abriu uma sessão",
    Answer.NOT_FORWARDED: "a máquina que leva até ele não permite a passagem (AllowTcpForwarding)",
    Answer.KEY: "não aceita a chave",
    Answer.MORE_FACTORS: "aceita a chave, mas pede também senha ou código",
    Trouble.READ_ONLY: "o sistema de arquivos é só de leitura",
    Trouble.IMMUTABLE: "o arquivo é imutável (chattr +i ou +a)",
    Trouble.NO_SPACE: "não há espaço em disco",
    Trouble.HARD_LINKS: "o arquivo tem outro nome (hard link), que ficaria com o conteúdo antigo",
    Trouble.MISSING: "o arquivo de chaves não existe",
    Trouble.DENIED: "falta permissão para ler ou trocar o arquivo",
    Trouble.NOT_A_FILE: "não é um arquivo comum",
    Trouble.TOO_LARGE: "o arquivo tem mais de 1 MiB",
    Trouble.LOOSE_MODES: "outros podem escrever no arquivo ou nas pastas dele, e o sshd o ignora (StrictModes)",
    Trouble.NO_SHELL: "a conta não tem shell",
    Trouble.NO_SUDO: "sudo sem senha não é permitido",
    Trouble.NO_SFTP: "o SFTP não tem as extensões necessárias",
}

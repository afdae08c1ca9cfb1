"""What is wrong with the keys that stand on accounts, and with servers."""

from collections.abc import Mapping

from tasks.core.wording import Words
from tasks.ssh.model.told import KeyAt, LinesAt, SeenSince, Shared, Weak

INVENTORY: Mapping[str, Words] = {
    "ssh.unknown_key": Words(
        title="Chave de dono desconhecido",
        message="Ninguém declarou a chave {subject} ({kind} de {bits} bits), que está em {places}.",
        remedy=(
            "Descubra de quem é (todos os lugares: tabela “Chaves nas contas” do relatório, ou keys.csv na evidência). "
            "Se deve ficar, declare-a em known_keys; se não, remova as linhas."
        ),
        data=KeyAt,
    ),
    "ssh.weak_key": Words(
        title="Chave fraca",
        message="A chave {subject} é {kind} de {bits} bits, e está em {places}. Dono: {owner}.",
        remedy="Peça ao dono uma chave Ed25519 e remova esta.",
        data=KeyAt,
    ),
    "ssh.old_key": Words(
        title="Chave há tempo demais na conta",
        message=(
            "A chave {subject} está há tempo demais em {places}: foi vista pela primeira vez em {since:%d/%m/%Y} "
            "(há {days:.0f} dias). Dono: {owner}."
        ),
        remedy="Peça ao dono que a troque.",
        data=SeenSince,
    ),
    "ssh.shared_key": Words(
        title="Chave em várias contas",
        message="A chave {subject} está em {count} contas: {accounts}.",
        remedy="Quem a tiver abre todas. Veja se é mesmo necessário.",
        data=Shared,
    ),
    "ssh.unparsable_lines": Words(
        title="Linhas ilegíveis no arquivo de chaves",
        message="Em {subject}, as linhas {numbers} de {path} não são chave nem comentário; ficaram intactas.",
        remedy="O sshd as ignora. Corrija ou remova.",
        data=LinesAt,
    ),
    "ssh.weak_algorithms": Words(
        title="Servidor oferece algoritmos fracos",
        message="{subject} ({software}) oferece: {algorithms}.",
        remedy="Retire-os em sshd_config (KexAlgorithms, Ciphers, MACs, HostKeyAlgorithms).",
        data=Weak,
    ),
}

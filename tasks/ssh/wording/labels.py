"""Names of measures, states, actions, reasons and troubles."""

from collections.abc import Mapping

LABELS: Mapping[str, str] = {
    # measures
    "accounts": "Contas olhadas",
    "proved": "Contas provadas (só a chave vigente abre)",
    "to_change": "Contas a mudar",
    "age_days": "Idade da chave vigente em dias",
    # results
    "planned": "simulação",
    "previous_retired": "chave anterior retirada",
    "nothing_due": "nada a fazer",
    # coverage
    "ssh.proof": "Prova de que só a chave vigente abre a conta",
    "ssh.first_seen": "Desde quando cada chave está na conta",
    "ssh.owners": "De quem é cada chave que está nas contas",
    "ssh.why.purpose_unread": "as chaves de uma finalidade não puderam ser lidas",
    "ssh.why.past_unread": "os inventários anteriores não puderam ser lidos",
    # states
    "ssh.state.fresh": "só a chave antiga abre",
    "ssh.state.added": "a antiga e a nova abrem",
    "ssh.state.retired": "só a nova abre; o arquivo ainda não foi conferido",
    "ssh.state.proved": "provada: só a vigente abre",
    "ssh.state.lost": "nenhuma chave guardada abre daqui",
    "ssh.state.held": "o arquivo não pôde ser alterado",
    "ssh.state.other_source": "uma chave removida ainda abre",
    "ssh.state.unknown": "sem resposta",
    # why a purpose is worked on
    "ssh.due.age": "a chave venceria antes do próximo dia útil",
    "ssh.due.half": "uma troca anterior não terminou",
    "ssh.due.grace": "a chave anterior passou da carência",
    "ssh.due.asked": "pedida por uma pessoa",
    "ssh.due.compromised": "chave comprometida",
    "ssh.due.look": "nada vence; só conferência",
    # actions
    "ssh.action.rotate": "trocar pela chave nova",
    "ssh.action.finish": "terminar a troca",
    "ssh.action.leave": "deixar como está",
    "ssh.action.nothing": "nada a fazer",
    # changes
    "ssh.change.key_made": "Chave nova guardada para",
    "ssh.change.key_replaced": "Chave trocada e provada em",
    "sync.change.copy": "Cópia da chave trocada em",
    # what is in the way
    "ssh.why.lent": "outra finalidade da mesma conta usa a mesma chave: troque-a também",
    "ssh.why.still_current": "nenhuma chave nova foi criada",
    "ssh.why.fleet_stopped": "outra conta da finalidade não abre com chave alguma",
    "ssh.unreachable": "o servidor não respondeu",
    "ssh.host_key_changed": "o servidor mostra outra chave de host",
    "ssh.host_key_unknown": "o servidor não tem chave de host fixada",
    "ssh.login_refused": "o servidor aceitou a chave na pergunta, mas recusou a entrada",
    "ssh.bad_key": "a chave guardada não pôde ser lida",
    "ssh.no_sftp": "o servidor não oferece SFTP à conta",
    "ssh.too_much": "o servidor respondeu com mais dados do que o esperado",
    "ssh.file_changed": "outro programa escreve no arquivo ao mesmo tempo",
    "ssh.not_edited": "o servidor recusou a alteração do arquivo",
    "ssh.trouble.other_source": (
        "a chave não está em nenhum arquivo que se possa editar (AuthorizedKeysCommand, outro caminho)"
    ),
    "ssh.trouble.authority": "a chave antiga está no arquivo como cert-authority: retire essa linha à mão",
    "ssh.no_current_key": "a chave de outra finalidade da mesma conta falta no cofre",
    "ssh.bad_stored_key": "a chave de outra finalidade da mesma conta não pôde ser lida",
    "ssh.foreign_pending": "outra finalidade da mesma conta tem um AWSPENDING de outra origem",
    "ssh.trouble.not_accepted": "o sshd não aceitou a chave nova depois da edição; a edição foi desfeita",
}

"""Sentences of the ledger: what keeps an entry from being written, and what verifying it finds."""

from collections.abc import Mapping
from typing import Final

from tasks.core.wording import Words
from tasks.evidence.flaws import Digests, Fields, Gap, Tries, Versions

LEDGER: Final[Mapping[str, Words]] = {
    "ledger.other_key": Words(
        title="O registro é assinado por outra chave",
        message="A chave deste ambiente não é a que está em “{subject}”. Nada foi registrado.",
        remedy="Confira o segredo de [evidence] signing_key. Se a chave não mudou, alguém alterou esse arquivo: "
        "rode marias evidence verify com a chave pública guardada fora do bucket.",
        safe="As entradas existentes estão intactas; o close-runs registra a execução quando a chave voltar.",
    ),
    "ledger.busy": Words(
        title="Registro muito disputado",
        message="Outros processos ocuparam o próximo número do registro de “{subject}” {tries} vezes seguidas.",
        remedy="Não é preciso fazer nada: o close-runs registra a execução em alguns minutos.",
        safe="A cadeia do registro está inteira.",
        data=Tries,
    ),
    "ledger.bad_public_key": Words(
        title="Chave pública inválida",
        message="A chave informada para verificar “{subject}” não é uma chave pública Ed25519 no formato OpenSSH.",
        remedy="Informe a linha inteira, que começa com ssh-ed25519.",
        safe="Nada foi verificado nem alterado.",
    ),
    "ledger.empty": Words(
        title="Registro vazio",
        message="Não há nenhuma entrada em “{subject}”.",
        remedy="Confira o nome do ambiente e o caminho da cópia. Se já houve execuções, o registro foi apagado.",
    ),
    "ledger.entry_missing": Words(
        title="Falta uma entrada",
        message="Entradas que faltam em sequência: {count}. A primeira seria “{subject}”.",
        remedy="Procure a versão anterior no bucket e descubra quem a removeu.",
        data=Gap,
    ),
    "ledger.entry_changed": Words(
        title="Entrada alterada",
        message="O conteúdo de “{subject}” não é o que foi assinado com esse número.",
        remedy="Recupere a versão anterior no bucket e descubra quem a alterou.",
    ),
    "ledger.entry_unsigned": Words(
        title="Entrada sem assinatura",
        message="Não há assinatura para “{subject}”: a entrada foi acrescentada sem a chave, ou a assinatura foi "
        "removida.",
        remedy="Procure nas versões do bucket quem gravou a entrada e quem apagou a assinatura.",
    ),
    "ledger.signature_invalid": Words(
        title="Assinatura inválida",
        message="A assinatura de “{subject}” não confere com a chave pública usada.",
        remedy="Confira se a chave pública é a certa. Se for, a assinatura ou a entrada foi trocada.",
    ),
    "ledger.entry_unreadable": Words(
        title="Entrada ilegível",
        message="“{subject}” não tem a forma de uma entrada do registro.",
        remedy="Recupere a versão anterior no bucket e descubra quem a alterou.",
    ),
    "ledger.entry_misplaced": Words(
        title="Entrada fora do lugar",
        message="A entrada em “{subject}” pertence a outro número ou a outro ambiente.",
        remedy="Compare com as versões do bucket: entradas foram trocadas, ou uma foi posta no meio.",
    ),
    "ledger.chain_broken": Words(
        title="Cadeia rompida",
        message="“{subject}” aponta para uma entrada anterior que não é a que está lá: o SHA-256 da que está lá é "
        "{expected}, e a entrada aponta para {found}.",
        remedy="A entrada anterior, ou esta, foi alterada, trocada ou posta no meio.",
        data=Digests,
    ),
    "ledger.attempt_twice": Words(
        title="Execução registrada duas vezes",
        message="“{subject}” registra uma tentativa que já tinha uma entrada.",
        remedy="Vale a primeira entrada. Avise quem mantém o marias-ops.",
    ),
    "ledger.key_rewritten": Words(
        title="Arquivo do registro regravado ou apagado",
        message="“{subject}” deveria ter sido gravado uma única vez, mas o bucket guarda versões: {versions}, "
        "marcas de exclusão: {delete_markers}.",
        remedy="Compare as versões no bucket e descubra quem regravou ou apagou.",
        data=Versions,
    ),
    "ledger.foreign_key": Words(
        title="Arquivo estranho no registro",
        message="“{subject}” não é entrada, assinatura nem chave do registro.",
        remedy="Descubra quem o gravou.",
    ),
    "ledger.signers_changed": Words(
        title="A chave ao lado do registro é outra",
        message="“{subject}” não contém a chave pública informada.",
        remedy="Descubra quem trocou o arquivo. As assinaturas foram verificadas com a chave informada.",
    ),
    "ledger.signers_unreadable": Words(
        title="A chave ao lado do registro não pôde ser lida",
        message="“{subject}” falta ou foi alterado; as assinaturas não puderam ser verificadas.",
        remedy="Verifique de novo informando a chave pública guardada fora do bucket.",
    ),
    "ledger.file_missing": Words(
        title="Falta um arquivo",
        message="“{subject}” consta do registro e não está mais lá.",
        remedy="Recupere a versão anterior no bucket e descubra quem o removeu.",
    ),
    "ledger.file_changed": Words(
        title="Arquivo alterado",
        message="“{subject}” não é o que foi registrado: o SHA-256 deveria ser {expected}, e é {found}.",
        remedy="Recupere a versão anterior no bucket e descubra quem o alterou.",
        data=Digests,
    ),
    "ledger.file_unnamed": Words(
        title="Arquivo acrescentado depois",
        message="“{subject}” está na pasta de uma execução encerrada, e a entrada dela não o cita.",
        remedy="Descubra quem o gravou; ele não faz parte da evidência.",
    ),
    "ledger.attempt_without_entry": Words(
        title="Execução ainda sem entrada",
        message="Nenhuma entrada cita arquivos de “{subject}”.",
        remedy="Se a execução terminou há pouco, espere o close-runs. Se isso não mudar, uma entrada foi removida.",
    ),
    "ledger.outcome_unreadable": Words(
        title="Resultado ilegível",
        message="“{subject}” não tem a forma de um resultado.",
        remedy="O arquivo é o que foi registrado. Avise quem mantém o marias-ops.",
    ),
    "ledger.outcome_disagrees": Words(
        title="Resultado e registro não combinam",
        message="“{subject}” e a entrada que o cita dizem coisas diferentes nestes campos: {fields}.",
        remedy="Se a entrada não foi alterada, avise quem mantém o marias-ops.",
        data=Fields,
    ),
}

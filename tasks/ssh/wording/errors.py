"""Why a rotation is refused, or a purpose's keys cannot be read."""

from collections.abc import Mapping

from tasks.core.wording import Words
from tasks.ssh.model.told import Digests, Names, OfEnvironment, OfPurpose

UNTOUCHED = "Nada foi alterado: nem contas, nem segredos."

ERRORS: Mapping[str, Words] = {
    "ssh.no_such_purpose": Words(
        title="Finalidade desconhecida",
        message="'{subject}' não está entre as finalidades configuradas: {names}.",
        remedy="Escolha um dos nomes acima, ou deixe o campo vazio: trata de todas.",
        safe=UNTOUCHED,
        data=Names,
    ),
    "ssh.no_current_key": Words(
        title="Falta a chave atual",
        message="O segredo {secret} da finalidade {purpose} não tem versão AWSCURRENT.",
        remedy=(
            'Guarde nele a chave que hoje abre as contas, como JSON: {{"private_key": "…"}} (formato OpenSSH, sem '
            "senha). A página do runbook mostra como."
        ),
        safe=UNTOUCHED,
        data=OfPurpose,
    ),
    "ssh.bad_stored_key": Words(
        title="Chave guardada ilegível",
        message=(
            "Uma versão do segredo {secret} (finalidade {purpose}) não é um JSON com private_key no formato OpenSSH "
            "sem senha, ou a chave pública dela não corresponde à privada."
        ),
        remedy="Confira as versões desse segredo no console da AWS e corrija ou retire o estágio da que está errada.",
        safe=UNTOUCHED,
        data=OfPurpose,
    ),
    "ssh.foreign_pending": Words(
        title="AWSPENDING de outra origem",
        message=(
            "O segredo {secret} (finalidade {purpose}) tem uma versão AWSPENDING que não foi feita por esta rotina "
            "para a chave que hoje é a atual."
        ),
        remedy=(
            "Se o JSON dela diz made_by: marias-ops, a chave atual foi mudada à mão no meio de uma troca, e contas "
            "podem conhecer só a pendente: dê a essa versão o estágio MARIAS-HOLD-VERSÃO, e só então retire "
            "AWSPENDING. Se não, descubra quem a criou (CloudTrail: PutSecretValue) e, se ninguém precisa dela, retire "
            "AWSPENDING. Depois execute de novo."
        ),
        safe=UNTOUCHED,
        data=OfPurpose,
    ),
    "ssh.other_environment": Words(
        title="O segredo é de outro ambiente",
        message=(
            "O segredo {secret} (finalidade {subject}) guarda a chave das contas do ambiente '{theirs}', e este é "
            "'{ours}'."
        ),
        remedy=(
            "Dê a cada ambiente um segredo próprio (página do runbook): com um só, cada um retiraria a chave que abre "
            "as contas do outro. Se o ambiente apenas mudou de nome, termine antes, com o nome antigo, o que estiver "
            "pela metade; depois grave de novo a versão AWSCURRENT, igual, com o nome novo no campo environment."
        ),
        safe=UNTOUCHED,
        data=OfEnvironment,
    ),
    "ssh.changed_meanwhile": Words(
        title="A chave atual mudou durante a execução",
        message="O segredo {secret} (finalidade {purpose}) passou a outra versão depois que o plano foi feito.",
        remedy="Outra execução ou uma pessoa trocou a chave. Execute de novo: a rotina olha tudo outra vez.",
        safe="Nenhuma chave nova foi criada por esta execução.",
        data=OfPurpose,
    ),
    "ssh.other_plan": Words(
        title="O plano não é mais o combinado",
        message="Foi combinado o plano {agreed}, mas agora o plano seria {now}.",
        remedy=(
            "O código vale só com as mesmas opções da simulação (purpose, rotate_now, compromised). Se eram as mesmas, "
            "alguma conta mudou: rode a simulação de novo, veja o que mudou, e combine o plano novo."
        ),
        safe=UNTOUCHED,
        data=Digests,
    ),
}

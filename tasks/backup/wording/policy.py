"""What the settings ask for and the backup does not keep."""

from collections.abc import Mapping

from tasks.backup.model.told import Answered, Ended, Refused, Slow, Stale, Unlike
from tasks.backup.wording.phrases import NEW_BACKUP
from tasks.core.wording import Words

POLICY: Mapping[str, Words] = {
    "backup.no_new_backup": Words(
        title="Backup velho demais",
        message=(
            "{subject} mostra a situação de {oldest:%d/%m/%Y %H:%M} (São Paulo): {age_hours:hours} de atraso, RPO de "
            "{rpo_hours:g} h. Ele chegou ao bucket há mais tempo do que o RPO permite."
        ),
        remedy="Se você pediu um backup antigo, é o esperado. Se este é o mais recente, o job de backup parou ou não "
        "consegue enviar: conserte e gere um backup agora.",
        data=Stale,
    ),
    "backup.old_archive": Words(
        title="Arquivo antigo sob nome novo",
        message=(
            "{subject} chegou ao bucket dentro do RPO, mas o arquivo é velho: mostra a situação de "
            "{oldest:%d/%m/%Y %H:%M} (São Paulo), {age_hours:hours} de atraso, RPO de {rpo_hours:g} h."
        ),
        remedy="O job está reenviando um arquivo velho: veja por que o pg_dump não gera outro. Se a diferença são "
        "horas inteiras, confira timezone em [backup].",
        data=Stale,
    ),
    "backup.old_rows": Words(
        title="Dados parados",
        message=(
            "O arquivo {subject} é recente, mas a linha mais nova é de {oldest:%d/%m/%Y %H:%M} (São Paulo): "
            "{age_hours:hours} de atraso, RPO de {rpo_hours:g} h."
        ),
        remedy="O backup pode vir de uma réplica parada ou de um banco que não é o de produção. Se é normal que nada "
        "mude por tanto tempo, escolha outras colunas em newest_row.",
        data=Stale,
    ),
    "backup.no_newest_row": Words(
        title="Coluna de atualidade sem datas",
        message="A coluna {subject}, que deveria mostrar a linha mais nova, não tem nenhuma data no banco restaurado.",
        remedy=f"Se a tabela não é vazia na produção, os dados dela se perderam. {NEW_BACKUP}",
    ),
    "backup.rto_exceeded": Words(
        title="Restauração acima do RTO",
        message="Baixar e restaurar levou {took_minutes:minutes}; o RTO é de {rto_minutes:g} min.",
        remedy="Veja se a máquina do teste estava ocupada. Se o tempo se repete, o RTO não se cumpre: mais núcleos, "
        "disco mais rápido, ou outro tipo de backup.",
        data=Slow,
    ),
    "backup.unlike_before": Words(
        title="Teste pequeno ou rápido demais",
        message="Ao testar {subject}, {measure} ficou em {value:,.0f}; a mediana dos quatro testes anteriores é "
        "{median:,.0f}.",
        remedy="Um teste que de repente fica muito menor costuma não ter testado o que devia. Compare as tabelas deste "
        "relatório com as do anterior e descubra o que falta.",
        data=Unlike,
    ),
    "backup.assertion_failed": Words(
        title="Afirmação da equipe não vale",
        message="'{subject}': esperado {expected}, resposta {answer}.",
        remedy="Rode a consulta na produção. Se lá vale, o backup perdeu dados; se não, corrija a produção ou a "
        "afirmação em [backup.databases].",
        data=Answered,
    ),
    "backup.assertion_error": Words(
        title="Afirmação da equipe não pôde ser consultada",
        message="A consulta de '{subject}' foi recusada pelo PostgreSQL (SQLSTATE {sqlstate}).",
        remedy="Se a tabela ou a coluna mudou de nome, corrija a consulta; senão, falta algo no backup.",
        data=Refused,
    ),
    "backup.command_failed": Words(
        title="Programa da equipe falhou sobre o banco restaurado",
        message="{subject} terminou com código {exit_code} depois de {seconds:seconds} ('?': parado pelo prazo; 127: "
        "não encontrado).",
        remedy="A saída do programa não é guardada (pode conter dados de pessoas). Restaure à mão (página do runbook) "
        "e rode o mesmo comando para ver o motivo.",
        data=Ended,
    ),
}

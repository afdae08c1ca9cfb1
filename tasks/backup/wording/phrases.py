"""Sentences that several codes share."""

UNTOUCHED = "O bucket de backups só foi lido e a produção não foi tocada."
GONE = " O cluster descartável já foi apagado."
NEW_BACKUP = (
    "Trate como se este backup não existisse: gere agora um backup novo, rode este teste sobre ele e guarde o anterior "
    "bom até o novo passar."
)
LOOK_AT_THE_JOB = "Veja o registro do job de backup: espaço em disco, código de saída do pg_dump e envio interrompido."

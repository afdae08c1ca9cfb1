"""What `marias backup` does: takes a backup with its manifest, and says what came of it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import Any, NoReturn

from deployments.terminal import UsageError
from tasks.adapters import secrets
from tasks.adapters.s3 import S3
from tasks.adapters.signing import Signer
from tasks.backup.apply import take as taking
from tasks.backup.apply.take import Taken
from tasks.core.errors import OperatorError
from tasks.core.pt_br import count, duration, size
from tasks.environment import Environment, load
from tasks.evidence.entry import signers_key
from tasks.evidence.ledger import allowed_signers

TERMINATED = 128 + signal.SIGTERM


def settings_for(environment: str, database: str) -> Environment:
    """Return the settings of an environment in which `database` can be backed up.

    Raises UsageError when it knows no such database, and OperatorError backup.take_no_source.
    """
    settings = load(environment)
    chosen = settings.backup.databases.get(database)
    if chosen is None:
        there = ", ".join(settings.backup.databases)
        raise UsageError(f"There is no database '{database}' in [backup.databases]. There are: {there}.")
    if chosen.source is None:
        raise OperatorError("backup.take_no_source", database)
    return settings


def take(settings: Environment, database: str) -> Taken:
    """Take a backup of `database`; raises what tasks.backup.apply.take raises, and the errors of secrets and keys."""
    aws, s3 = settings.aws, S3(settings.aws)
    signer = Signer(secrets.resolve(settings.evidence.signing_key, aws))
    _check_signer(s3, settings, signer)
    source = secrets.resolve(settings.backup.databases[database].source or "", aws)
    with _terminable():
        return taking.take(
            s3, settings.backup, settings.evidence, settings.name, database, source=source, signer=signer
        )


def lines(taken: Taken) -> Iterator[str]:
    """Yield what a person reads."""
    manifest, contents = taken.manifest, taken.manifest.contents
    took = duration(timedelta(seconds=taken.seconds))
    rows = count(sum(table.rows for table in contents.tables), "linha", "linhas")
    tables = count(len(contents.tables), "tabela", "tabelas")
    yield f"✓ Backup de {manifest.origin.database} guardado em {took}, com manifesto."
    yield f"  Objeto     s3://{taken.bucket}/{manifest.key}"
    yield f"  Tamanho    {size(manifest.size_bytes)} (SHA-256 {manifest.sha256})"
    yield f"  Conteúdo   {rows} em {tables}"
    for place in taken.places:
        yield f"  Manifesto  {place.address}"
    for index in manifest.omitted:
        yield f"  △ O índice {index} é inválido no banco, e o pg_dump não o inclui: recrie-o com REINDEX."


def as_json(taken: Taken) -> dict[str, Any]:
    """Return what a program reads."""
    manifest, contents = taken.manifest, taken.manifest.contents
    return {
        "exit_code": 0,
        "database": manifest.origin.database,
        "object": f"s3://{taken.bucket}/{manifest.key}",
        "key": manifest.key,
        "size_bytes": manifest.size_bytes,
        "sha256": manifest.sha256,
        "rows": sum(table.rows for table in contents.tables),
        "tables": len(contents.tables),
        "omitted_indexes": list(manifest.omitted),
        "manifests": [place.address for place in taken.places],
        "seconds": round(taken.seconds, 3),
    }


def _check_signer(s3: S3, settings: Environment, signer: Signer) -> None:
    # A manifest signed by another key than the ledger's would be believed by nobody, and be found out months later.
    key = signers_key(settings.name)
    published = s3.get(settings.evidence.bucket, key)
    if published is not None and published != allowed_signers(signer.public_key).encode():
        raise OperatorError("ledger.other_key", key)


@contextmanager
def _terminable() -> Iterator[None]:
    # systemd and cron stop a job by SIGTERM: as an exception it ends the upload, too, and not only the process.
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(TERMINATED)

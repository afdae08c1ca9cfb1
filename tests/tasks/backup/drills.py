"""A good drill as values, for rules and reports to be shown departures from."""

from datetime import UTC, datetime, timedelta

from tasks.backup.model.facts import (
    Archive,
    ArchiveData,
    Database,
    Drill,
    Fetched,
    Found,
    Header,
    LineKind,
    Lines,
    NewestRow,
    Position,
    Proof,
    Restore,
    RestoredSequence,
    RestoredTable,
    TableRows,
)
from tasks.backup.settings import Backup

NOW = datetime(2026, 10, 6, 12, tzinfo=UTC)
KEY = "postgres/assist_marias-20261006-0600.dump"
SETTINGS = Backup(
    bucket="backups",
    database="assist_marias",
    newest_row=("public.atendimentos.criado_em", "public.usuarios.criado_em"),
    rpo_hours=24,
    rto_minutes=1,
)
HEADER = Header(
    database="assist_marias",
    created_at=NOW - timedelta(hours=6),
    server="15.18",
    pg_dump="15.18",
    entries=12,
    tables=("public atendimentos app", "public usuarios app"),
    data=("public atendimentos app", "public usuarios app"),
)
RESTORE = Restore(exit_code=0, lines=(), errors=(), fault=None, seconds=20.0)
POSITION = Position(sequence="public.usuarios_id_seq", last_value=2, is_called=True)
DATA = ArchiveData(
    rows=(TableRows(table="public.atendimentos", rows=3), TableRows(table="public.usuarios", rows=2)),
    positions=(POSITION,),
    blocks=2,
    fault=None,
    seconds=1.0,
)
DATABASE = Database(
    tables=(
        RestoredTable(table="public.atendimentos", rows=3),
        RestoredTable(table="public.usuarios", rows=2),
    ),
    sequences=(RestoredSequence(position=POSITION),),
    newest=(
        NewestRow(column="public.atendimentos.criado_em", exists=True, at=NOW - timedelta(hours=7)),
        NewestRow(column="public.usuarios.criado_em", exists=True, at=NOW - timedelta(days=90)),
    ),
    read_at=NOW + timedelta(seconds=30),
    seconds=2.0,
)
GOOD = Drill(
    found=Found(key=KEY, size_bytes=9000, modified_at=NOW - timedelta(hours=5), read_at=NOW),
    fetched=Fetched(sha256="ab" * 32, seconds=4.0),
    archive=Archive(header=HEADER),
    proof=Proof(restore=RESTORE, data=DATA, database=DATABASE),
)
REFUSED_LINES = (
    Lines(kind=LineKind.HARMLESS, count=1),
    Lines(kind=LineKind.SERVER, count=1),
    Lines(kind=LineKind.CONTINUED, count=3),
)

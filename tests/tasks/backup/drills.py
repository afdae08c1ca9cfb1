"""A good drill as values, and the small hands that make departures from it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from tasks.backup.model.contents import Contents, Entry, LargeObjects, Position, TableData
from tasks.backup.model.drill import (
    Archive,
    Drill,
    Header,
    NewestRow,
    Past,
    Place,
    Proof,
    Reading,
    Restore,
    Restored,
    ServerError,
)
from tasks.backup.model.found import Fault, Fetched, Form, Found
from tasks.backup.model.manifest import Beside, Manifest, Origin, Role, Trust
from tasks.backup.settings import Database
from tasks.core.errors import NO_DATA
from tasks.core.findings import Finding, Severity

Part = TypeVar("Part")

NOW = datetime(2026, 10, 6, 12, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
KEY = "postgres/assist_marias-20261006-0600.dump"
SHA = "ab" * 32
SETTINGS = Database(
    prefix="postgres/",
    newest_row=("public.atendimentos.criado_em", "public.usuarios.criado_em"),
    rpo_hours=24,
    rto_minutes=1,
)


def entry(kind: str, name: str, *, schema: str = "public", owner: str = "app", digest: str = "aa") -> Entry:
    return Entry(kind=kind, schema=schema, name=name, owner=owner, digest=digest)


OUTLINE = Contents(
    entries=(entry("FUNCTION", "marca()"), entry("TABLE", "atendimentos"), entry("TABLE", "usuarios")),
    encoding="UTF8",
    roles=("app",),
)
CONTENTS = replace(
    OUTLINE,
    tables=(
        TableData(table="public.atendimentos", rows=3, digest="a3"),
        TableData(table="public.usuarios", rows=2, digest="b2"),
    ),
    positions=(Position(sequence="public.usuarios_id_seq", last_value=2, is_called=True),),
    large_objects=LargeObjects(count=1, digest="c1"),
    complete=True,
)
ATENDIMENTOS, USUARIOS = CONTENTS.tables
(POSITION,) = CONTENTS.positions
HEADER = Header(
    database="assist_marias", created_at=NOW - 6 * HOUR, server="15.18", pg_dump="15.18", entries=len(OUTLINE.entries)
)
NEWEST, OTHER_NEWEST = (
    NewestRow(column="public.atendimentos.criado_em", exists=True, at=NOW - 7 * HOUR),
    NewestRow(column="public.usuarios.criado_em", exists=True, at=NOW - timedelta(days=90)),
)
RESTORED = Restored(
    reading=Reading(contents=CONTENTS, fault=None, seconds=1.5),
    newest=(NEWEST, OTHER_NEWEST),
    violations=(),
    unchecked=(),
    answers=(),
    command=None,
    partitioned=(),
    read_at=NOW + 30 * SECOND,
    seconds=2.0,
)
GOOD = Drill(
    found=Found(
        database="assist_marias", key=KEY, size_bytes=9000, modified_at=NOW - 5 * HOUR, read_at=NOW, parts=(KEY,)
    ),
    fetched=Fetched(sha256=SHA, form=Form.CUSTOM, seconds=4.0),
    archive=Archive(header=HEADER, outline=OUTLINE),
    place=Place(major=15, isolated=True, in_memory=True),
    proof=Proof(
        restore=Restore(exit_code=0, lines=(), errors=(), fault=None, seconds=20.0),
        data=Reading(contents=CONTENTS, fault=None, seconds=1.0),
        restored=RESTORED,
    ),
)
MANIFEST = Manifest(
    key=KEY,
    size_bytes=9000,
    sha256=SHA,
    origin=Origin(
        database="assist_marias",
        taken_at=NOW - 6 * HOUR,
        server="15.18",
        pg_dump="15.18",
        system_identifier="7300000000000000001",
        lsn="0/1A2B3C4",
        collation_version="2.36",
    ),
    contents=CONTENTS,
    newest=(),
    extensions=(),
    roles=(Role(name="app"),),
    omitted=(),
)
# The same, with a manifest that can be trusted.
PROVED = replace(GOOD, beside=Beside(trust=Trust.TRUSTED, manifest=MANIFEST, places=2))
PAST = Past(
    at=NOW - timedelta(days=90),
    size_bytes=9000.0,
    rows=5.0,
    download_seconds=4.0,
    restore_seconds=20.0,
    verify_seconds=3.5,
    drill_seconds=30.0,
    rpo_hours=7.0,
)


# ── departures: each takes the drill it departs from ─────────────────────────────────────────────────────────────────


def but(part: Part, **changes: object) -> Part:
    """Return a part with changes; a name that it does not have is a TypeError."""
    return replace(part, **changes)  # type: ignore[type-var]


def settings(**changes: object) -> Database:
    """Return the settings with changes, checked as those of a file are."""
    return Database.model_validate(SETTINGS.model_dump() | changes)


def found(drill: Drill = GOOD, **changes: object) -> Drill:
    return replace(drill, found=but(drill.found, **changes))


def fetched(drill: Drill = GOOD, **changes: object) -> Drill:
    return replace(drill, fetched=but(drill.fetched, **changes))


def header(drill: Drill = GOOD, **changes: object) -> Drill:
    return replace(drill, archive=replace(drill.archive, header=but(HEADER, **changes)))


def outline(drill: Drill = GOOD, **changes: object) -> Drill:
    return replace(drill, archive=replace(drill.archive, outline=but(drill.archive.outline, **changes)))


def proof(drill: Drill = GOOD, **changes: object) -> Drill:
    return replace(drill, proof=but(drill.proof, **changes))


def restore(drill: Drill = GOOD, **changes: object) -> Drill:
    return proof(drill, restore=but(whole(drill).restore, **changes))


def data(drill: Drill = GOOD, fault: Fault | None = None, **changes: object) -> Drill:
    """Return it with other contents in the archive."""
    reading = whole(drill).data
    return proof(drill, data=replace(reading, contents=but(reading.contents, **changes), fault=fault))


def restored(drill: Drill = GOOD, **changes: object) -> Drill:
    """Return it with another restored database."""
    return proof(drill, restored=but(whole(drill).restored, **changes))


def there(drill: Drill = GOOD, fault: Fault | None = None, **changes: object) -> Drill:
    """Return it with other contents in the restored database."""
    reading = whole(drill).restored.reading
    return restored(drill, reading=replace(reading, contents=but(reading.contents, **changes), fault=fault))


def both(drill: Drill = GOOD, **changes: object) -> Drill:
    """Return it with the same other contents in the archive and in the restored database."""
    return there(data(drill, None, **changes), None, **changes)


def refusing(*errors: ServerError, drill: Drill = GOOD) -> Drill:
    return restore(drill, exit_code=1, errors=errors)


def unread(fault: Fault, drill: Drill = GOOD) -> Drill:
    """Return it with an archive of which not even the list could be read."""
    return replace(drill, archive=Archive(fault=fault), place=None, proof=None)


def beside(trust: Trust, **changes: object) -> Drill:
    return replace(GOOD, beside=but(Beside(trust=trust), **changes))


def taken(drill: Drill = PROVED, **changes: object) -> Drill:
    """Return it with another manifest."""
    return replace(drill, beside=replace(drill.beside, manifest=but(MANIFEST, **changes)))


def written(**changes: object) -> Drill:
    """Return it with a manifest of other contents."""
    return taken(contents=but(CONTENTS, **changes))


def whole(drill: Drill) -> Proof:
    """Return the proof of a drill that has one."""
    assert drill.proof
    return drill.proof


Cases = dict[str, tuple[Drill, tuple[Finding, ...]]]  # a departure, and all that is found of it


# ── what is expected ─────────────────────────────────────────────────────────────────────────────────────────────────


def critical(rule: str, subject: str, told: object = NO_DATA) -> Finding:
    return Finding(rule=rule, severity=Severity.CRITICAL, subject=subject, data=told)


def high(rule: str, subject: str, told: object = NO_DATA) -> Finding:
    return Finding(rule=rule, severity=Severity.HIGH, subject=subject, data=told)


def medium(rule: str, subject: str, told: object = NO_DATA) -> Finding:
    return Finding(rule=rule, severity=Severity.MEDIUM, subject=subject, data=told)

"""What the backup is, and what it promises, before it is compared with anything."""

from collections.abc import Collection, Iterator, Mapping

from tasks.backup.formats.names import canonical, qualified
from tasks.backup.model.drill import Drill, Proof
from tasks.backup.model.found import Fault
from tasks.backup.model.told import OtherDatabase
from tasks.backup.settings import Database
from tasks.core.findings import Finding, Severity

# Faults that are the backup's own, by the name they are told under …
BROKEN: Mapping[Fault, str] = {
    Fault.EMPTY: "backup.empty_object",
    Fault.NOT_AN_ARCHIVE: "backup.not_an_archive",
    Fault.TRUNCATED: "backup.truncated",
    Fault.CORRUPT: "backup.corrupt",
    Fault.INCOMPLETE: "backup.incomplete",
    Fault.WRONG_KEY: "backup.wrong_key",
    Fault.HOSTILE: "backup.hostile",
    Fault.UNREADABLE: "backup.unreadable",
}
# … and faults that only say that this test cannot read it.
BEYOND_US: Mapping[Fault, str] = {
    Fault.NO_KEY: "backup.why.no_key",
    Fault.OTHER_FORMAT: "backup.why.other_format",
    Fault.OTHER_MAJOR: "backup.why.other_major",
    Fault.COLD: "backup.why.cold",
}


def fault(drill: Drill) -> Fault | None:
    """Return the first reason why the backup could not be read to its end."""
    proof = drill.proof
    return drill.fetched.fault or drill.archive.fault or ((proof.data.fault or proof.restore.fault) if proof else None)


def read_whole(drill: Drill) -> Proof | None:
    """Return the proof, when the archive was read to its end: of one that breaks off what came back says nothing."""
    return None if fault(drill) else drill.proof


def unreadable(drill: Drill) -> Iterator[Finding]:
    """Yield the one name for why the backup cannot be read to its end, when that is the backup's own fault."""
    why = fault(drill)
    if why and why in BROKEN:
        yield Finding(rule=BROKEN[why], severity=Severity.CRITICAL, subject=drill.found.key)


def wrong_database(drill: Drill) -> Iterator[Finding]:
    """Yield that another database is inside (a plain SQL dump does not say which)."""
    header = drill.archive.header
    if header and header.database and header.database != drill.found.database:
        data = OtherDatabase(inside=header.database, expected=drill.found.database)
        yield Finding(rule="backup.wrong_database", severity=Severity.CRITICAL, subject=drill.found.key, data=data)


def without_rows(drill: Drill, database: Database) -> Iterator[Finding]:
    """Yield that there is no table, no row, or that a table came without its rows although it should not."""
    proof = read_whole(drill)
    if not proof or proof.data.contents.inserts:
        return
    promised = promised_tables(drill)
    dumped = {table.table for table in proof.data.contents.tables}
    spared = {canonical(name) for name in database.without_data} | set(proof.restored.partitioned)
    if not promised:
        yield Finding(rule="backup.nothing_dumped", severity=Severity.CRITICAL, subject=drill.found.key)
    elif not dumped and promised - spared:
        yield Finding(rule="backup.schema_only", severity=Severity.CRITICAL, subject=drill.found.key)
    else:
        for table in sorted(promised - dumped - spared):
            yield Finding(rule="backup.rows_not_dumped", severity=Severity.CRITICAL, subject=table)


def roles(drill: Drill, database: Database) -> Iterator[Finding]:
    """Yield roles that the backup names and nobody knows: neither settings, nor globals file, nor manifest.

    PostgreSQL's own are always there. Nothing is yielded where nothing says which roles there are.
    """
    known = known_roles(drill, database)
    if known is None:
        return
    for role in drill.archive.outline.roles:
        if role not in known and role != "public" and not role.startswith("pg_"):
            yield Finding(rule="backup.role_missing", severity=Severity.HIGH, subject=role)


def known_roles(drill: Drill, database: Database) -> Collection[str] | None:
    """Return the roles that a real restore would find, by the first that says: settings, globals file, manifest."""
    if database.roles:
        return database.roles
    if drill.globals is not None:
        return tuple(role.name for role in drill.globals)
    return tuple(role.name for role in drill.beside.manifest.roles) if drill.beside.manifest else None


def promised_tables(drill: Drill) -> frozenset[str]:
    """Return the tables that the backup lists."""
    return frozenset(qualified(e.schema, e.name) for e in drill.archive.outline.entries if e.kind == "TABLE")

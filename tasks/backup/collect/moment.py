"""Reads what a manifest says beside the contents: of the snapshot, the server and its roles."""

from tasks.adapters.postgres_snapshot import Server, Snapshot
from tasks.backup.formats.names import qualified
from tasks.backup.model.contents import Contents
from tasks.backup.model.manifest import Extension, Manifest, Newest, Origin, Role
from tasks.backup.settings import Database


def draft(snapshot: Snapshot, server: Server, settings: Database, key: str, pg_dump: str) -> Manifest:
    """Return the manifest of `key` as far as it is known before anything is dumped; `roles` are all of the server's.

    Raises OperatorError postgres.snapshot_refused.
    """
    return Manifest(
        key=key,
        size_bytes=0,
        sha256="",
        origin=Origin(
            database=server.database,
            taken_at=server.at,
            server=server.version,
            pg_dump=pg_dump,
            system_identifier=server.system_identifier,
            lsn=server.lsn,
            collation_version=server.collation_version,
        ),
        contents=Contents(),
        newest=tuple(Newest(column=column, at=at) for column, at in snapshot.newest(settings.newest_row)),
        extensions=tuple(Extension(name=name, version=version) for name, version in snapshot.extensions()),
        roles=tuple(
            Role(
                name=account.name,
                login=account.login,
                superuser=account.superuser,
                bypass_rls=account.bypass_rls,
                member_of=account.member_of,
            )
            for account in snapshot.accounts()
        ),
        omitted=tuple(qualified(*index) for index in snapshot.omitted_indexes()),
    )

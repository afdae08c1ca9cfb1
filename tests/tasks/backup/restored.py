"""A throwaway server with an empty database in it, as it stands when a backup has been restored."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from tasks.adapters.guardian import guarded_folder
from tasks.adapters.postgres_server import Cluster, cluster, find_binaries
from tasks.backup.model.throwaway import READER, RESTORED, RESTORER, SUPERUSER
from tasks.backup.settings import Backup, Database

LIMIT = timedelta(minutes=1)
ROLES = f"""
    CREATE ROLE dona; CREATE ROLE {RESTORER} LOGIN BYPASSRLS IN ROLE dona;
    CREATE ROLE {READER} LOGIN BYPASSRLS IN ROLE pg_read_all_data;"""


@contextmanager
def server() -> Iterator[Cluster]:
    """Run the server with its roles and an empty database; `dona` owns what the tests make."""
    options = {"lo_compat_privileges": "on"}
    base = Path(gettempdir())
    with (
        guarded_folder("marias-test-restored", base) as folder,
        cluster(find_binaries(), folder, superuser=SUPERUSER, options=options) as running,
    ):
        psql(running, ROLES, "postgres")
        psql(running, f"CREATE DATABASE {RESTORED} OWNER {RESTORER}", "postgres")
        yield running


@contextmanager
def database(running: Cluster, sql: str) -> Iterator[None]:
    """Fill the database for a while: `sql` is run as dona, what follows "-- root" as a superuser without triggers.

    So are rows let in that a constraint refuses.
    """
    as_owner, _, as_root = sql.partition("-- root\n")
    allowed = f"GRANT CREATE ON SCHEMA public TO dona; GRANT CREATE ON DATABASE {RESTORED} TO dona;"
    try:
        psql(
            running,
            f"{allowed} SET ROLE dona; {as_owner}; RESET ROLE; SET session_replication_role = replica; {as_root}",
        )
        yield
    finally:
        psql(running, "DROP OWNED BY dona CASCADE")


def psql(running: Cluster, sql: str, dbname: str = RESTORED) -> None:
    """Run SQL as the superuser."""
    arguments = ("-Xq", "-v", "ON_ERROR_STOP=1", "-d", dbname)
    running.run("psql", *arguments, timeout=LIMIT, stdin=sql.encode()).checked()


def settings(**changes: Any) -> tuple[Backup, Database]:  # noqa: ANN401 - whatever TOML holds
    """Return the least settings, with `changes` to the database's."""
    one = {"newest_row": ("public.t.quando",), "rpo_hours": 24, "rto_minutes": 60} | changes
    backup = Backup.model_validate({"bucket": "testes", "databases": {"x": one}, "restore_timeout_minutes": 1})
    return backup, backup.databases["x"]

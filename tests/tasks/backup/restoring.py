"""A server to dump from and a throwaway one to restore into, for tests of what stands between them."""

import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from tempfile import gettempdir

from tasks.adapters.guardian import guarded_folder
from tasks.adapters.postgres_server import Binaries, Cluster, cluster
from tasks.backup.apply.restore import OPTIONS, restore
from tasks.backup.collect.archive import read_archive
from tasks.backup.collect.fetch import copy_of
from tasks.backup.model.drill import Archive, Restore
from tasks.backup.model.found import Fetched, Form
from tasks.backup.model.manifest import Role
from tasks.backup.model.throwaway import RESTORED, SUPERUSER
from tasks.backup.settings import Backup

KIND = "marias-test-restore"
LIMIT = timedelta(minutes=1)
RICH = Path(__file__).with_name("rich.sql")
CANARY = "canario"  # the file that a hostile dump tries to make, in the folder where the server works
TOUCH = f"touch {CANARY}"
SETTINGS = Backup.model_validate(
    {
        "bucket": "assist-marias-test-backups",
        "extensions": ["dblink", "pg_buffercache"],
        "databases": {"rica": {"newest_row": ["public.a.b"], "rpo_hours": 24, "rto_minutes": 60}},
    }
)
Dump = bytes | Mapping[str, bytes]  # a file, or the files of a directory
_DROP_ROLES = "SELECT format('DROP ROLE %I', rolname) FROM pg_roles WHERE rolname !~ '^pg_' AND NOT rolsuper \\gexec"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server and what tests do with it."""

    cluster: Cluster

    def sql(self, database: str, script: str) -> str:
        """Run SQL as the superuser and return its answer."""
        arguments = ("-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database)
        return (
            self.cluster.run("psql", *arguments, timeout=LIMIT, stdin=script.encode()).checked().stdout.decode().strip()
        )

    def made(self, database: str, script: str, *, options: str = "") -> str:
        """Make a database by a script unless there is one of that name, and return its name."""
        if not self.sql("postgres", f"SELECT datname FROM pg_database WHERE datname = '{database}'"):  # noqa: S608 - names of our own
            self.sql("postgres", f'CREATE DATABASE "{database}" TEMPLATE template0 {options}')
            self.sql(database, script)
        return database

    def dump(self, database: str, *options: str) -> bytes:
        """Return a dump of a database, in the custom format unless `options` say otherwise."""
        return self.cluster.run("pg_dump", *(options or ("-Fc",)), database, timeout=LIMIT).checked().stdout

    def unpacked(self, database: str) -> dict[str, bytes]:
        """Return the files of a dump in the tar format."""
        with tarfile.open(fileobj=BytesIO(self.dump(database, "-Ft"))) as tar:
            return {member.name: file.read() for member in tar if (file := tar.extractfile(member))}

    def dump_folder(self, database: str, *options: str) -> dict[str, bytes]:
        """Return the files of a dump in the directory format."""
        place = self.cluster.log.with_name("dumped")
        place.mkdir()
        self.cluster.give(place)
        self.cluster.run("pg_dump", "-Fd", *options, "-f", str(place), database, timeout=LIMIT).checked()
        files = {file.name: file.read_bytes() for file in place.iterdir()}
        shutil.rmtree(place)
        return files


@dataclass(frozen=True, slots=True, kw_only=True)
class Throwaway(Server):
    """A server to restore into, as often as wanted."""

    @property
    def canary(self) -> Path:
        """Return the file that a hostile dump tries to make."""
        return self.cluster.log.with_name("data") / CANARY

    def copy(self, dump: Dump, form: Form) -> Fetched:
        """Lay a dump where a fetched copy lies, as fetching does it."""
        place = copy_of(self.cluster.launcher.folder)
        _remove(place)
        if isinstance(dump, bytes):
            place.write_bytes(dump)
        else:
            place.mkdir()
            for name, body in dump.items():
                (place / name).write_bytes(body)
        return fetched(form)

    def read(self, dump: Dump, form: Form, cfg: Backup = SETTINGS) -> Archive:
        """Read a dump."""
        return read_archive(self.cluster, cfg, self.copy(dump, form))

    def restore(self, dump: Dump, form: Form, cfg: Backup = SETTINGS, known: tuple[Role, ...] | None = None) -> Restore:
        """Read and restore a dump that is fit for it into an emptied server."""
        self.empty()
        fetched = self.copy(dump, form)
        archive = read_archive(self.cluster, cfg, fetched)
        assert archive.fault is None
        return restore(self.cluster, cfg, fetched, archive, known)

    def empty(self) -> None:
        """Drop the restored database and every role but the superuser, and remove the canary."""
        self.canary.unlink(missing_ok=True)
        self.sql("postgres", f"DROP DATABASE IF EXISTS {RESTORED} WITH (FORCE)")
        self.sql("postgres", _DROP_ROLES)


def fetched(form: Form) -> Fetched:
    """Return what fetching says of a copy."""
    return Fetched(sha256="", form=form, seconds=0)


@contextmanager
def source(binaries: Binaries) -> Iterator[Server]:
    """Run a server to dump from, with the rich database in it."""
    with guarded_folder(KIND, Path(gettempdir())) as folder, cluster(binaries, folder) as running:
        server = Server(cluster=running)
        server.made("rica", RICH.read_text(encoding="utf-8"))
        yield server


@contextmanager
def throwaway(binaries: Binaries) -> Iterator[Throwaway]:
    """Run a server to restore into, as the restore test does."""
    with (
        guarded_folder(KIND, Path(gettempdir())) as folder,
        cluster(binaries, folder, superuser=SUPERUSER, options=OPTIONS) as running,
    ):
        yield Throwaway(cluster=running)


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)

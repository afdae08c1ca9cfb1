"""Takes a backup of the live database, and the manifest of the same snapshot.

Two pg_dump join the snapshot: the archive of one streams to S3, the SQL of the other is read for what it holds. The
manifest is written when pg_dump has ended well and every byte of the archive is known, and only then the upload is
completed. So a kill at any moment leaves no object, or a whole one with its signed manifest. A manifest without its
object is harmless: no other backup is given its key.
"""

import logging
import re
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from tasks.adapters import age
from tasks.adapters.guardian import Folder, guarded_folder, sweep
from tasks.adapters.postgres_server import Account, Completed, Launcher, find_binaries
from tasks.adapters.postgres_snapshot import Snapshot, exported
from tasks.adapters.s3 import S3, AlreadyThere
from tasks.adapters.signing import Signer
from tasks.backup.collect.moment import draft
from tasks.backup.collect.reading import dump_contents
from tasks.backup.formats.complaints import complaint
from tasks.backup.formats.manifest import backup_key, is_found, places, to_bytes
from tasks.backup.formats.names import canonical
from tasks.backup.model.contents import Contents
from tasks.backup.model.manifest import Manifest, Place
from tasks.backup.model.told_take import Dumped, Incomplete, Inside, Majors, Naming
from tasks.backup.settings import Backup, Database
from tasks.core.errors import OperatorError, known
from tasks.core.secret import Secret
from tasks.settings import Evidence

KIND = "marias-backup"
BLOCK_BYTES = 1024 * 1024
# The snapshot's session holds every table already, so pg_dump waits only behind somebody who waits for that session.
LOCK_LIMIT = timedelta(seconds=15)
VERSION_LIMIT = timedelta(seconds=15)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A backup that was taken, and where its manifest lies."""

    bucket: str
    manifest: Manifest
    places: tuple[Place, ...]
    seconds: float


def take(  # noqa: PLR0913 - what is read, by what right, and where it goes
    s3: S3, cfg: Backup, evidence: Evidence, environment: str, database: str, *, source: Secret, signer: Signer
) -> Taken:
    """Take a backup of `database` (a name in cfg.databases), read through the connection string in `source`.

    Raises OperatorError backup.take_other_database, backup.take_key, backup.take_other_major,
    backup.take_hidden_rows, backup.take_refused, and what PostgreSQL, age and S3 raise: nothing was stored. Only
    backup.take_without_manifest leaves a backup: a backup is worth more than its manifest.
    """
    began, settings, base = time.monotonic(), cfg.databases[database], Path(tempfile.gettempdir())
    sweep(KIND, base)
    # On the way out the folder goes first, and with it every pg_dump: so whatever reads from one comes to its end.
    with (
        ThreadPoolExecutor(1, "contents") as pool,
        ExitStack() as streams,
        exported(source, database, limit=cfg.child_limit) as snapshot,
        guarded_folder(KIND, base) as folder,
    ):
        launcher = _launcher(cfg, snapshot, folder)
        begun = _begun(snapshot, settings, database, _version(launcher))
        where = places(cfg, evidence, environment, database, begun.key)
        _check_key(begun.key, settings, where[-1])
        dump = _Dump(launcher=launcher, snapshot=snapshot, settings=settings, limit=cfg.child_limit)
        sealing = _Sealing(s3=s3, signer=signer, draft=begun, places=where, contents=pool.submit(dump.contents))
        plain = streams.enter_context(closing(dump.archive()))
        archive = streams.enter_context(closing(_encrypted(plain, cfg.age_recipients)))
        blocks = streams.enter_context(closing(sealing.blocks(archive)))
        try:
            s3.put_stream(cfg.bucket, begun.key, blocks, "application/octet-stream")
        except AlreadyThere:
            raise OperatorError("backup.take_same_second", begun.key) from None
    seconds = time.monotonic() - began
    log.info("backup stored", extra={"key": begun.key, "seconds": seconds, "manifests": sealing.stored})
    return Taken(bucket=cfg.bucket, manifest=sealing.whole(), places=where, seconds=seconds)


def _launcher(cfg: Backup, snapshot: Snapshot, folder: Folder) -> Launcher:
    """Return what starts pg_dump as the user that we are: a local server may ask who that is.

    Only the programs of the server's own major version: what another one writes is not what the test compares.
    """
    binaries = find_binaries(cfg.postgres_bin, major=snapshot.major)
    if binaries.major != snapshot.major:
        majors = Majors(server=snapshot.major, programs=binaries.major)
        raise OperatorError("backup.take_other_major", str(binaries.bin), majors)
    return Launcher(binaries=binaries, folder=folder, account=Account())


def _version(launcher: Launcher) -> str:
    done = launcher.run("pg_dump", "--version", timeout=VERSION_LIMIT).checked()
    found = re.search(rb"\(PostgreSQL\) (\S+)", done.stdout)
    return found[1].decode() if found else ""


def _begun(snapshot: Snapshot, settings: Database, database: str, pg_dump: str) -> Manifest:
    server = snapshot.server()
    if server.database != database:
        raise OperatorError("backup.take_other_database", database, Inside(inside=server.database))
    return draft(snapshot, server, settings, backup_key(database, settings, server.at), pg_dump)


def _check_key(key: str, settings: Database, beside: Place) -> None:
    if not is_found(key, settings, beside):
        raise OperatorError("backup.take_key", key, Naming(prefix=settings.prefix, pattern=settings.pattern))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dump:
    """Both pg_dump: joined to one snapshot, and given the connection in their environment alone."""

    launcher: Launcher
    snapshot: Snapshot
    settings: Database
    limit: timedelta

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return what both are started with."""
        return (
            *self.snapshot.arguments,
            f"--snapshot={self.snapshot.id}",
            f"--lock-wait-timeout={round(LOCK_LIMIT.total_seconds() * 1000)}",
            *(f"--exclude-table-data={canonical(name)}" for name in self.settings.without_data),
        )

    def archive(self) -> Generator[bytes, None, None]:
        """Yield an archive in custom format; comes to its end only when pg_dump ended well."""
        options, environ = ("--format=custom", *self.arguments), self.snapshot.environ
        with self.launcher.piped("pg_dump", *options, timeout=self.limit, environ=environ) as (stream, ended):
            while block := stream.read(BLOCK_BYTES):
                yield block
            _check(ended.result())

    def contents(self) -> Contents:
        """Return what the snapshot holds."""
        contents, ended = dump_contents(
            self.launcher, "pg_dump", *self.arguments, limit=self.limit, environ=self.snapshot.environ
        )
        _check(ended)
        return contents


def _check(ended: Completed) -> None:
    if ended.returncode:
        why = complaint(ended.stderr)
        code = "backup.take_hidden_rows" if why.hidden_rows else "backup.take_refused"
        raise OperatorError(code, why.subject, Dumped(exit_code=ended.returncode, sqlstate=why.sqlstate))


def _encrypted(blocks: Iterator[bytes], recipients: Sequence[str]) -> Generator[bytes, None, None]:
    yield from age.encrypt(blocks, recipients) if recipients else blocks


@dataclass(slots=True, kw_only=True)
class _Sealing:
    """Hashes an archive on its way, and writes its manifest behind the last byte, before the object can be seen."""

    s3: S3
    signer: Signer
    draft: Manifest
    places: tuple[Place, ...]
    contents: Future[Contents]
    manifest: Manifest | None = None
    stored: int = 0
    error: OperatorError | None = None

    def blocks(self, archive: Iterator[bytes]) -> Generator[bytes, None, None]:
        """Yield the blocks of `archive`; AlreadyThere when another backup has this key."""
        digest, size = sha256(), 0
        for block in archive:
            digest.update(block)
            size += len(block)
            yield block
        try:
            contents = self.contents.result()
        except Exception as error:  # noqa: BLE001 - a backup is worth more than its manifest
            self.error = known(error)
        else:
            roles = tuple(role for role in self.draft.roles if role.name in contents.roles)
            self.manifest = replace(
                self.draft, size_bytes=size, sha256=digest.hexdigest(), contents=contents, roles=roles
            )
            self._write(self.manifest)

    def _write(self, manifest: Manifest) -> None:
        # The second place first: it is the one that is believed. In each the signature first: no manifest is unsigned.
        body = to_bytes(manifest)
        signature = self.signer.sign(body).encode()
        for place in self.places:
            try:
                self.s3.put_new(place.bucket, place.signature, signature, "text/plain")
                self.s3.put_new(place.bucket, place.key, body, "application/json")
                self.stored += 1
            except AlreadyThere:
                raise
            except OperatorError as error:
                self.error = error

    def whole(self) -> Manifest:
        """Return the manifest when it stands in every place; OperatorError backup.take_without_manifest else."""
        if self.manifest is None or self.error:
            cause = self.error.code if self.error else ""
            data = Incomplete(stored=self.stored, places=len(self.places), cause=cause)
            raise OperatorError("backup.take_without_manifest", self.draft.key, data)
        return self.manifest

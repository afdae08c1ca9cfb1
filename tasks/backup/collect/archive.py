"""Reads what the copy in the throwaway folder says of itself, before anything of it is run."""

import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from tasks.adapters.guardian import Folder
from tasks.adapters.postgres_server import Binaries, Cluster, Completed, find_binaries
from tasks.backup.collect.fetch import copy_of
from tasks.backup.formats.archive import (
    HEAD_BYTES,
    Versions,
    definitions,
    missing_files,
    parse_head,
    parse_listing,
    peek,
)
from tasks.backup.formats.layers import TOC
from tasks.backup.formats.messages import archive_fault
from tasks.backup.formats.plain import FAULTS, Extensions, Scanner, hostile
from tasks.backup.formats.script import ScriptReader
from tasks.backup.model.contents import Contents, LargeObjects
from tasks.backup.model.drill import Archive, Placed
from tasks.backup.model.found import Fault, Fetched, Form
from tasks.backup.settings import Backup
from tasks.core.errors import OperatorError

logger = logging.getLogger(__name__)

BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Script:
    """A dump's SQL without its rows: what it holds, and why it must not be run."""

    outline: Contents
    extensions: tuple[Placed, ...]
    fault: Fault | None


def binaries_for(cfg: Backup, folder: Folder, fetched: Fetched) -> Binaries | Fault:
    """Return PostgreSQL's programs of the major version that wrote the dump (never older than its server), or why not.

    Raises OperatorError postgres.no_binaries.
    """
    if fetched.form is None:
        return fetched.fault or Fault.UNREADABLE
    place = copy_of(folder)
    if fetched.form is Form.DIRECTORY and not (place / TOC).exists():
        return Fault.INCOMPLETE
    versions = peek(_head(place, fetched.form), fetched.form)
    if not isinstance(versions, Versions):
        return Fault.HOSTILE if fetched.form is Form.PLAIN and _is_hostile(place) else versions
    try:
        binaries = find_binaries(cfg.postgres_bin, major=versions.pg_dump_major)
    except OperatorError as error:
        if error.code != "postgres.too_old":
            raise
        return Fault.OTHER_MAJOR
    return binaries if binaries.major == versions.pg_dump_major else Fault.OTHER_MAJOR


def read_archive(cluster: Cluster, cfg: Backup, fetched: Fetched) -> Archive:
    """Return the dump's header and outline, or why it cannot or must not be restored; nothing of it is run.

    From here on the copy belongs to the server's user. Raises OperatorError postgres.timed_out, postgres.start_failed.
    """
    place = copy_of(cluster.launcher.folder)
    for path in (place, *(place.iterdir() if place.is_dir() else ())):
        cluster.give(path)
    _name_large_objects(place)
    read = _read_plain(place) if fetched.form is Form.PLAIN else _read_listed(cluster, cfg, place)
    extra = {"fault": read.fault, "entries": len(read.outline.entries), "roles": len(read.outline.roles)}
    logger.info("archive read", extra=extra)
    return read


def _head(place: Path, form: Form) -> bytes:
    with (place / TOC if form is Form.DIRECTORY else place).open("rb") as file:
        return file.read(HEAD_BYTES)


def _is_hostile(place: Path) -> bool:
    with place.open("rb", buffering=0) as file:
        threat = hostile(iter(lambda: file.read(BLOCK_BYTES), b""))
    return threat is not None and FAULTS[threat] is Fault.HOSTILE


def _name_large_objects(place: Path) -> None:
    # pg_dump's own tar, unpacked, since 17: its table of contents calls "5.dat" what lies in it as "blobs_5.toc".
    for listed in place.glob("blobs_*.toc"):
        called = place / f"{listed.stem.removeprefix('blobs_')}.dat"
        if not called.exists():
            os.link(listed, called)


def _read_plain(place: Path) -> Archive:
    with place.open("rb", buffering=0) as file:
        script = _read(file)
    fault = script.fault or (None if script.outline.complete else Fault.TRUNCATED)
    header = parse_head(_head(place, Form.PLAIN), entries=len(script.outline.entries))
    return Archive(header=header, fault=fault, outline=script.outline, extensions=script.extensions)


def _read_listed(cluster: Cluster, cfg: Backup, place: Path) -> Archive:
    listed = cluster.run("pg_restore", "--list", str(place), timeout=cfg.child_limit)
    listing = listed.stdout.decode(errors="replace")
    header = parse_listing(listing, cfg.zone)
    if listed.returncode or header is None:
        return Archive(fault=archive_fault(listed.complaints()) or Fault.UNREADABLE)
    if place.is_dir() and _lacks_files(place, listing):
        return Archive(header=header, fault=Fault.INCOMPLETE)
    script, done = _read_definitions(cluster, cfg, place, definitions(listing))
    broken = (archive_fault(done.complaints()) or Fault.UNREADABLE) if done.returncode else None
    fault = script.fault or broken
    return Archive(header=header, fault=fault, outline=script.outline, extensions=script.extensions)


def _lacks_files(place: Path, listing: str) -> bool:
    names = [path.name for path in place.iterdir()]
    large_objects = "".join(path.read_text(errors="replace") for path in place.glob("blobs*.toc"))
    return missing_files(listing, names, large_objects) > 0


def _read_definitions(cluster: Cluster, cfg: Backup, place: Path, wanted: str) -> tuple[_Script, Completed]:
    wishes = cluster.log.with_name("definitions")
    wishes.write_text(wanted, encoding="utf-8")
    cluster.give(wishes)
    arguments = (f"--use-list={wishes}", "--file=-", str(place))
    with cluster.launcher.piped("pg_restore", *arguments, timeout=cfg.child_limit) as (stream, ended):
        return _read(stream), ended.result()


def _read(stream: IO[bytes]) -> _Script:
    pieces = list[bytes]()
    scanner, reader, extensions = Scanner(pieces.append), ScriptReader(), Extensions()
    while block := stream.read(BLOCK_BYTES):
        scanner.feed(block)
        sql = b"".join(pieces)
        pieces.clear()
        reader.feed(sql)
        extensions.feed(sql)
    threat = scanner.threat()
    reader.feed(b"".join(pieces))
    outline = replace(reader.contents(), tables=(), positions=(), large_objects=LargeObjects(), inserts=0)
    return _Script(outline=outline, extensions=extensions.placed(), fault=FAULTS[threat] if threat else None)

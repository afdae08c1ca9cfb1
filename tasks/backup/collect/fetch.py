"""Brings the backup into the throwaway folder: one pass over the stream, hashed, opened and unpacked on the way."""

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.adapters import age
from tasks.adapters.guardian import MEGABYTE, Folder, no_folder, no_space, scratch_base
from tasks.adapters.s3 import S3
from tasks.backup.collect.disk import EMPTY_CLUSTER_BYTES, remove, write
from tasks.backup.formats.faulty import Faulty
from tasks.backup.formats.layers import HEAD_BYTES, TOC, peel, recognise
from tasks.backup.formats.roles import parse_globals
from tasks.backup.formats.tar import Member
from tasks.backup.model.found import Fault, Fetched, Form, Found, Layer
from tasks.backup.model.manifest import Role
from tasks.backup.settings import Backup
from tasks.core.errors import OperatorError
from tasks.core.secret import Secret

if TYPE_CHECKING:
    from hashlib import _Hash

logger = logging.getLogger(__name__)

CONNECTIONS = 4  # to S3 at a time, for the files of a directory dump
LONGEST_GLOBALS_BYTES = 16 * MEGABYTE
_NOT_JUDGED = frozenset({Fault.NO_KEY, Fault.COLD, Fault.OTHER_FORMAT})
# What adapters refuse that is the backup's own fault.
_FAULTS: Mapping[str, Fault] = {
    "age.wrong_key": Fault.WRONG_KEY,
    "age.cut": Fault.TRUNCATED,
    "age.altered": Fault.CORRUPT,
    "s3.cold": Fault.COLD,
    "s3.checksum_mismatch": Fault.CORRUPT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """One object, read to its end: what came of its bytes, or the fault in them."""

    sha256: str
    checked: bool
    form: Form | None
    fault: Fault | None


def copy_of(folder: Folder) -> Path:
    """Return where the copy lies: a file, or a directory for Form.DIRECTORY."""
    return folder.path / "backup"


def room(cfg: Backup, size_bytes: int) -> Path:
    """Return a folder with room for the throwaway server of a backup of `size_bytes`; nothing is made yet.

    Raises OperatorError disk.no_space, with the room that is needed: `space_factor` × the size, and an empty cluster;
    guardian.no_folder when the configured folder cannot be looked at.
    """
    needed = round(cfg.space_factor * size_bytes) + EMPTY_CLUSTER_BYTES
    if not cfg.scratch:
        return scratch_base(needed)
    place = Path(cfg.scratch)
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        raise no_folder(place, error) from None
    if free <= needed:
        raise no_space(place, needed, free)
    return place


def fetch(s3: S3, cfg: Backup, found: Found, folder: Folder, identity: Secret | None) -> Fetched:
    """Bring a copy of the backup into the folder, its layers taken off; nobody else can read it.

    The object is always read to its end, for its hash; with a fault no copy is left. Raises OperatorError
    disk.no_space before the disk is full, age.bad_identity, and what S3 raises.
    """
    began, copy, layers = time.monotonic(), copy_of(folder), list[Layer]()
    remove(copy)
    try:
        if found.key.endswith("/"):
            taken = _take_directory(s3, cfg.bucket, found.parts, copy)
        else:
            taken = _take(s3, cfg.bucket, found.key, partial(_unpack, copy=copy, identity=identity, layers=layers))
    except BaseException:
        remove(copy)
        raise
    if taken.fault:
        remove(copy)
    fetched = Fetched(
        sha256=taken.sha256,
        form=None if taken.fault else taken.form,
        layers=tuple(layers),
        fault=taken.fault,
        checked_by_s3=taken.checked,
        seconds=time.monotonic() - began,
    )
    logger.info("backup fetched", extra={"form": fetched.form, "layers": fetched.layers, "fault": fetched.fault})
    return fetched


def read_globals(s3: S3, cfg: Backup, found: Found, identity: Secret | None = None) -> tuple[Role, ...] | None:
    """Return the roles of the newest globals file, as far as it can be read; None without one that this test can read.

    It may be compressed and encrypted as a backup may.
    """
    if not found.globals_key:
        return None
    text = bytearray()
    taken = _take(s3, cfg.bucket, found.globals_key, partial(_read_text, text=text, identity=identity))
    logger.info("globals read", extra={"key": found.globals_key, "fault": taken.fault})
    return None if taken.fault in _NOT_JUDGED else parse_globals(text.decode(errors="replace"))


def _take(s3: S3, bucket: str, key: str, use: Callable[[Iterator[bytes]], Form]) -> _Taken:
    """Let `use` make something of an object's bytes, and read the rest of them."""
    digest, form, fault, checked = sha256(), None, None, False
    try:
        with s3.reading(bucket, key) as download:
            stored = _hashed(download.blocks(), digest)
            try:
                form = use(stored)
            except (Faulty, OperatorError) as error:
                fault = _fault_of(error)
            for _ in stored:
                pass
            checked = download.checked
    except OperatorError as error:
        fault = _fault_of(error)
    known = "" if fault is Fault.COLD else digest.hexdigest()
    return _Taken(sha256=known, checked=checked, form=form, fault=fault)


def _take_directory(s3: S3, bucket: str, keys: Sequence[str], copy: Path) -> _Taken:
    copy.mkdir(mode=0o700)
    names = {key.rpartition("/")[2]: key for key in sorted(keys)}
    with ThreadPoolExecutor(CONNECTIONS, "s3") as pool:
        parts = tuple(
            pool.map(lambda item: _take(s3, bucket, item[1], partial(_keep, name=item[0], copy=copy)), names.items())
        )
    lines = "".join(f"{part.sha256}  {name}\n" for name, part in zip(names, parts, strict=True))
    fault = next((part.fault for part in parts if part.fault), None) or _fault_in_toc(copy)
    return _Taken(
        sha256="" if fault is Fault.COLD else sha256(lines.encode()).hexdigest(),
        checked=all(part.checked for part in parts),
        form=Form.DIRECTORY,
        fault=fault,
    )


def _hashed(blocks: Iterator[bytes], digest: "_Hash") -> Iterator[bytes]:
    for block in blocks:
        digest.update(block)
        yield block


def _fault_of(error: Faulty | OperatorError) -> Fault:
    """Return what is wrong with the backup; raise again what is none of its doing."""
    fault = error.fault if isinstance(error, Faulty) else _FAULTS.get(error.code)
    if not fault:
        raise error
    return fault


def _unpack(stored: Iterator[bytes], copy: Path, identity: Secret | None, layers: list[Layer]) -> Form:
    with ExitStack() as opened:
        core = peel(stored, partial(_decrypt, opened, identity), layers)
        if isinstance(core.what, Fault):
            raise Faulty(core.what)
        if core.what is Form.DIRECTORY:
            copy.mkdir(mode=0o700)
        write(core.files, copy)
    fault = _fault_in_toc(copy) if core.what is Form.DIRECTORY else None
    if fault:
        raise Faulty(fault)
    return core.what


def _keep(stored: Iterator[bytes], name: str, copy: Path) -> Form:
    write(chain([Member(name=name)], stored), copy)
    return Form.DIRECTORY


def _read_text(stored: Iterator[bytes], text: bytearray, identity: Secret | None) -> Form:
    with ExitStack() as opened:
        for item in peel(stored, partial(_decrypt, opened, identity), []).files:
            block = item if isinstance(item, bytes) else b""
            if b"\0" in block or len(text) + len(block) > LONGEST_GLOBALS_BYTES:
                raise Faulty(Fault.OTHER_FORMAT)
            text += block
    return Form.PLAIN


def _decrypt(opened: ExitStack, identity: Secret | None, blocks: Iterator[bytes]) -> Iterator[bytes]:
    if identity is None:
        raise Faulty(Fault.NO_KEY)
    return opened.enter_context(closing(age.decrypt(blocks, identity)))


def _fault_in_toc(copy: Path) -> Fault | None:
    """Return what is wrong with a directory dump's table of contents."""
    try:
        with (copy / TOC).open("rb") as file:
            what = recognise(file.read(HEAD_BYTES))
    except FileNotFoundError:
        return Fault.INCOMPLETE
    if what is Form.DIRECTORY:
        return None
    return what if isinstance(what, Fault) else Fault.OTHER_FORMAT

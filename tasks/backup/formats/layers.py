"""What an object is, layer by layer: recognised by its content, taken off while it streams past, never held whole."""

import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath
from typing import IO, cast

from zstandard import ZstdCompressor, ZstdDecompressor, ZstdError

from tasks.backup.formats.faulty import Faulty
from tasks.backup.formats.tar import Member, untar
from tasks.backup.model.found import Fault, Form, Layer

HEAD_BYTES = 4096
DEPTH = 4  # layers at most
BLOCK_BYTES = 1024 * 1024

Blocks = Iterator[bytes]
Opener = Callable[[Blocks], Blocks]

TOC = "toc.dat"
_PART = re.compile(r"toc\.dat|(?:blob_)?\d+\.dat(?:\.gz|\.lz4|\.zst)?|blobs(?:_\d+)?\.toc")
_SCRIPT = "restore.sql"  # how pg_dump's own tar would be restored without pg_restore
_BASE_BACKUP = frozenset(
    {"PG_VERSION", "backup_label", "backup_manifest", "base", "global", "pg_wal", "tablespace_map"}
)
_TOO_WIDE = "too much memory"  # zstd --long beyond 128 MiB

# The first that fits says what it is.
_SIGNS: tuple[tuple[re.Pattern[bytes], Layer | Form | Fault], ...] = tuple(
    (re.compile(pattern, re.DOTALL | re.MULTILINE), what)
    for pattern, what in (
        (rb"PGDMP.{5}\x01", Form.CUSTOM),
        (rb"PGDMP.{5}\x03", Form.DIRECTORY),  # pg_dump gives a directory's the format of its tar
        (rb"PGDMP.{6}", Fault.CORRUPT),
        (rb"PGDMP", Fault.TRUNCATED),
        (rb"age-encryption\.org/v1\n|-----BEGIN AGE ENCRYPTED FILE-----", Layer.AGE),
        (rb"\x1f\x8b\x08", Layer.GZIP),
        (rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", Layer.ZSTD),
        (rb".{257}ustar", Layer.TAR),
        (rb"[^\0]*?^-- PostgreSQL database cluster dump\r?$", Fault.OTHER_FORMAT),
        (rb"[^\0]*?^-- PostgreSQL database dump\r?$", Form.PLAIN),
        # what others compress and encrypt with: xz, bzip2, lz4, zip, 7-Zip, age to come, PGP, openssl
        (rb"\xfd7zXZ\0|BZh[1-9]|\x04\x22\x4d\x18|PK\x03\x04|7z\xbc\xaf\x27\x1c", Fault.OTHER_FORMAT),
        (rb"age-encryption\.org/|-----BEGIN PGP MESSAGE-----|Salted__", Fault.OTHER_FORMAT),
        (rb"\x85..\x03|[\x84\xc1].\x03|\x8c.\x04|\xc3.\x04", Fault.OTHER_FORMAT),
    )
)
_BEGINNINGS = (
    b"PGDMP",
    b"age-encryption.org/v1\n",
    b"-----BEGIN AGE ENCRYPTED FILE-----",
    b"\x1f\x8b\x08",
    b"\x28\xb5\x2f\xfd",
    b"--\n-- PostgreSQL database dump\n",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """What was inside all layers: each file, followed by its bytes; one without a name unless it is a directory."""

    what: Form | Fault
    files: Iterator[Member | bytes]


def recognise(head: bytes) -> Layer | Form | Fault:
    """Return what begins with `head` (HEAD_BYTES, or all of it): a layer to take off, a dump, or why it is neither.

    Form.DIRECTORY is a directory's table of contents.
    """
    if not head:
        return Fault.EMPTY
    known = next((what for sign, what in _SIGNS if sign.match(head)), None)
    cut = any(beginning.startswith(head) for beginning in _BEGINNINGS)
    return known or (Fault.TRUNCATED if cut else Fault.NOT_AN_ARCHIVE)


def is_part(name: str) -> bool:
    """Return whether a file of this name (without its folder) belongs to a directory dump."""
    return _PART.fullmatch(name) is not None


def peel(blocks: Blocks, decrypt: Opener, layers: list[Layer]) -> Core:
    """Take off layers until there is none, or DEPTH of them; `layers` is told of each before it is taken off.

    Only what tells the layers apart is read yet. Here, and while the files are read, Faulty is raised.
    """
    openers: Mapping[Layer, Opener] = {Layer.AGE: decrypt, Layer.GZIP: _gunzip, Layer.ZSTD: _unzstd}
    while isinstance(what := recognise(head := _head(blocks)), Layer):
        if len(layers) == DEPTH:
            return Core(what=Fault.OTHER_FORMAT, files=iter(()))
        layers.append(what)
        blocks = chain([head], blocks)
        if what is not Layer.TAR:
            blocks = openers[what](blocks)
            continue
        files = untar(blocks)
        first = next(files, None)
        if isinstance(first, Member) and _belongs(PurePosixPath(first.name).name):
            return Core(what=Form.DIRECTORY, files=_directory(chain([first], files)))
        blocks = _sole(first, files)
    alone = Fault.INCOMPLETE if what is Form.DIRECTORY else what
    return Core(what=alone, files=chain([Member(name=""), head], blocks))


def _head(blocks: Blocks) -> bytes:
    head = b""
    for block in blocks:
        head += block
        if len(head) >= HEAD_BYTES:
            break
    return head


def _gunzip(blocks: Blocks) -> Blocks:
    """Yield what gzip packed, in one member or several; zeros between and behind them are padding."""
    member = None
    for block in blocks:
        packed = block
        while packed := packed if member else packed.lstrip(b"\0"):
            member = member or zlib.decompressobj(wbits=31)
            yield from _inflate(member, packed)
            packed = member.unused_data
            member = None if member.eof else member
    if member:
        raise Faulty(Fault.TRUNCATED)


def _inflate(member: "zlib._Decompress", packed: bytes) -> Blocks:
    # A block at a time: a few bytes can unpack to gigabytes.
    unpacked = b""
    while not member.eof and (packed or len(unpacked) == BLOCK_BYTES):
        try:
            unpacked = member.decompress(packed, BLOCK_BYTES)
        except zlib.error:
            raise Faulty(Fault.CORRUPT) from None
        packed = member.unconsumed_tail
        yield unpacked


class _Marked:
    """Blocks as the file that zstandard reads, and behind their end one more frame."""

    # Said often enough to be packed: as part of a block that was cut, the frame's own bytes are not what it unpacks to.
    MARK = b"the frames before this one were whole; " * 8
    FRAME = ZstdCompressor().compress(MARK)

    def __init__(self, blocks: Blocks) -> None:
        self._blocks, self.ended = blocks, False

    def read(self, _size: int) -> bytes:
        block = next((block for block in self._blocks if block), b"")
        if block or self.ended:
            return block
        self.ended = True
        return self.FRAME


def _unzstd(blocks: Blocks) -> Blocks:
    """Yield what zstd packed, in one frame or several.

    zstandard ends without a word where a frame was cut. So a frame of our own is put behind: only when all before it
    were whole does it unpack to what was packed.
    """
    source = _Marked(blocks)
    reader = ZstdDecompressor().stream_reader(cast("IO[bytes]", source), read_size=BLOCK_BYTES, read_across_frames=True)
    held, mark = b"", len(source.MARK)
    try:
        while unpacked := reader.read(BLOCK_BYTES):
            held += unpacked
            yield held[:-mark]
            held = held[-mark:]
    except ZstdError as error:
        ours = Fault.OTHER_FORMAT if _TOO_WIDE in str(error) else Fault.CORRUPT
        raise Faulty(Fault.TRUNCATED if source.ended else ours) from None
    if held != source.MARK:
        raise Faulty(Fault.TRUNCATED)


def _belongs(name: str) -> bool:
    return is_part(name) or name == _SCRIPT


def _directory(files: Iterator[Member | bytes]) -> Iterator[Member | bytes]:
    """Yield the files of a directory dump, each under its name alone; all must lie in one folder."""
    seen, folder, wanted = set[str](), None, True
    for item in files:
        if isinstance(item, Member):
            path = PurePosixPath(item.name)
            _refuse(path, folder or path.parent, seen)
            folder, wanted = path.parent, path.name != _SCRIPT
            seen.add(path.name)
            item = Member(name=path.name)  # noqa: PLW2901 - the same file under its own name
        if wanted:
            yield item


def _refuse(path: PurePosixPath, folder: PurePosixPath, seen: set[str]) -> None:
    if path.is_absolute() or ".." in path.parts:
        raise Faulty(Fault.HOSTILE)
    if not _belongs(path.name) or path.parent != folder:
        raise Faulty(Fault.OTHER_FORMAT)
    if path.name in seen:
        raise Faulty(Fault.CORRUPT)


def _sole(first: Member | bytes | None, files: Iterator[Member | bytes]) -> Blocks:
    """Return the bytes of the one file in a tar that holds no directory dump."""
    if not isinstance(first, Member):
        raise Faulty(Fault.EMPTY)
    if _BASE_BACKUP & set(PurePosixPath(first.name).parts[:1]):
        raise Faulty(Fault.OTHER_FORMAT)
    head, more = b"", None
    for item in files:
        if isinstance(item, Member) or len(head) >= HEAD_BYTES:
            more = item
            break
        head += item
    what = recognise(head)
    if isinstance(what, Fault) or isinstance(more, Member):
        raise Faulty(what if isinstance(what, Fault) else Fault.OTHER_FORMAT)
    return chain([head, more or b""], _only_bytes(files))


def _only_bytes(files: Iterator[Member | bytes]) -> Blocks:
    for item in files:
        if isinstance(item, Member):
            raise Faulty(Fault.OTHER_FORMAT)
        yield item

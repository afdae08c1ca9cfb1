"""tar, read as it streams past: ustar, and what GNU tar and pax add for long names and large files.

Source: POSIX.1-2017, pax (ustar interchange format, extended header); GNU tar manual, "Basic Tar Format".
Not Python's tarfile: it calls an archive whole that was cut between two members, and holds any extended header whole.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tasks.backup.formats.faulty import Faulty
from tasks.backup.model.found import Fault

_RECORD_BYTES = 512
_LONGEST_HEADER_BYTES = 64 * 1024
_BASE_256 = 0x80
_FILES, _FOLDER, _COMMENT = frozenset({b"0", b"\0", b"7"}), b"5", b"g"
_PAX, _GNU_NAME = b"x", b"L"
_PAX_RECORD = re.compile(rb"\d+ ([^=\n]+)=(.*)\n")
# Of what else there is, these lead out of the folder or into the machine: links, devices, pipes.
_DANGEROUS = frozenset({b"1", b"2", b"3", b"4", b"6"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file in the archive; the blocks that follow it are its bytes."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    name: str
    size_bytes: int
    kind: bytes


class _Stream:
    """Bytes taken from blocks, as many as are wanted; Faulty TRUNCATED when there are not so many."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._rest = blocks, memoryview(b"")

    def pieces(self, size: int) -> Iterator[bytes]:
        while size:
            self._rest = self._rest or memoryview(self._next())
            piece, self._rest = self._rest[:size], self._rest[size:]
            size -= len(piece)
            yield bytes(piece)

    def exactly(self, size: int) -> bytes:
        return b"".join(self.pieces(size))

    def _next(self) -> bytes:
        block = next((block for block in self._blocks if block), None)
        if block is None:
            raise Faulty(Fault.TRUNCATED)
        return block

    def rest_is_zero(self) -> bool:
        tail = bytes(self._rest)
        return tail.count(0) == len(tail) and all(block.count(0) == len(block) for block in self._blocks)


def untar(blocks: Iterator[bytes]) -> Iterator[Member | bytes]:
    """Yield each file of an archive, followed by its bytes in blocks; folders are passed over, names are not judged.

    Raises Faulty: TRUNCATED without the two empty records at the end, CORRUPT for a header whose sum is wrong and for
    bytes behind the end, HOSTILE for links and devices, OTHER_FORMAT for what only one tar program knows.
    """
    stream, said = _Stream(blocks), dict[str, str]()
    while header := _header(stream):
        if header.kind in {_PAX, _GNU_NAME, _COMMENT}:
            said |= _said(header, stream)
            continue
        _refuse(header, said)
        size = _number(said["size"].encode(), 10) if "size" in said else header.size_bytes
        if header.kind in _FILES:
            yield Member(name=said.get("path", header.name))
            yield from stream.pieces(size)
            stream.exactly(-size % _RECORD_BYTES)
        said = {}
    if not stream.rest_is_zero():
        raise Faulty(Fault.CORRUPT)


def _header(stream: _Stream) -> _Header | None:
    record = stream.exactly(_RECORD_BYTES)
    if not any(record):
        if any(stream.exactly(_RECORD_BYTES)):
            raise Faulty(Fault.CORRUPT)
        return None
    if sum(record[:148]) + sum(b" " * 8) + sum(record[156:]) != _octal(record[148:156]):
        raise Faulty(Fault.CORRUPT)
    name, prefix = _text(record[:100]), _text(record[345:500])
    long = prefix and record[257:263] == b"ustar\0"
    return _Header(name=f"{prefix}/{name}" if long else name, size_bytes=_octal(record[124:136]), kind=record[156:157])


def _said(header: _Header, stream: _Stream) -> Mapping[str, str]:
    """Return what an extended header says of the file behind it (its path, its size)."""
    if header.size_bytes > _LONGEST_HEADER_BYTES:
        raise Faulty(Fault.OTHER_FORMAT)
    body = stream.exactly(header.size_bytes)
    stream.exactly(-header.size_bytes % _RECORD_BYTES)
    if header.kind == _GNU_NAME:
        return {"path": _text(body)}
    records = _PAX_RECORD.findall(body) if header.kind == _PAX else ()
    return {_text(key): _text(value) for key, value in records}


def _refuse(header: _Header, said: Mapping[str, str]) -> None:
    if header.kind in _DANGEROUS:
        raise Faulty(Fault.HOSTILE)
    known = header.kind in _FILES or (header.kind == _FOLDER and not header.size_bytes)
    if not known or any(key.startswith("GNU.sparse.") for key in said):
        raise Faulty(Fault.OTHER_FORMAT)


def _octal(field: bytes) -> int:
    if field[0] & _BASE_256:
        return int.from_bytes(bytes([field[0] & ~_BASE_256]) + field[1:])
    return _number(field.strip(b" \0") or b"0", 8)


def _number(digits: bytes, base: int) -> int:
    try:
        number = int(digits, base)
    except ValueError:
        raise Faulty(Fault.CORRUPT) from None
    if number < 0:
        raise Faulty(Fault.CORRUPT)
    return number


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode(errors="replace")

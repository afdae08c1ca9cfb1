"""What can happen to a dump between pg_dump and the bucket: each by the name that the cases use."""

import gzip
import io
import tarfile
from collections.abc import Callable, Mapping

import pyrage  # type: ignore[import-untyped]
import zstandard

Files = dict[str, bytes]
Body = bytes | Files
YEAR_AT = 5  # of an archive's creation time: seconds, minutes, hours, day, month, year

OWN = pyrage.x25519.Identity.generate()
OTHER = pyrage.x25519.Identity.generate()


def mangled(body: Body, how: str) -> Body:
    """Return a dump after one mishap: its name, then what it needs ("cut 0.6", "replace 15.18 16.18")."""
    for name, change in WAYS.items():
        if how == name or how.startswith(f"{name} "):
            return change(body, how.removeprefix(name).removeprefix(" "))
    raise KeyError(how)


def _cut(body: Body, kept: str) -> bytes:
    whole = _bytes(body)
    size = float(kept)
    return whole[: int(size * len(whole))] if 0 < size < 1 else whole[: int(size)]


def _flip(body: Body, where: str) -> bytes:
    changed = bytearray(_bytes(body))
    changed[int(float(where) * len(changed))] ^= 0x10
    return bytes(changed)


def _replace(body: Body, words: str) -> bytes:
    old, new = (word.encode() for word in words.split(" "))
    assert len(old) == len(new)
    assert old in _bytes(body)
    return _bytes(body).replace(old, new)


def _byte(body: Body, which: str) -> bytes:
    at, value = (int(number) for number in which.split(" "))
    changed = bytearray(_bytes(body))
    changed[at] = value
    return bytes(changed)


def _dated(body: Body, year: str) -> bytes:
    # PGDMP, three bytes of version, sizes of int and offset, format, compression; then ints of a sign and four bytes.
    changed = bytearray(_bytes(body))
    ints = 11 + (1 if tuple(changed[5:7]) >= (1, 15) else 5)
    at = ints + YEAR_AT * 5 + 1
    changed[at : at + 4] = (int(year) - 1900).to_bytes(4, "little")
    return bytes(changed)


def _gzip_in_two(body: Body, _: str) -> bytes:
    whole = _bytes(body)
    half = len(whole) // 2
    return gzip.compress(whole[:half]) + gzip.compress(whole[half:])


def _tar(body: Body, _: str) -> bytes:
    assert isinstance(body, dict)
    return tar({f"assist.dir/{name}": content for name, content in body.items()})


def tar(files: Mapping[str, bytes]) -> bytes:
    """Return a tar of files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _without_a_file(body: Body, _: str) -> Files:
    assert isinstance(body, dict)
    largest = max((name for name in body if name != "toc.dat"), key=lambda name: len(body[name]))
    return {name: content for name, content in body.items() if name != largest}


def _bytes(body: Body) -> bytes:
    assert isinstance(body, bytes)
    return body


WAYS: Mapping[str, Callable[[Body, str], Body]] = {
    "cut": _cut,
    "flip": _flip,
    "replace": _replace,
    "byte": _byte,
    "dated": _dated,
    "text": lambda _, text: text.encode(),
    "prepend": lambda body, text: text.encode() + _bytes(body),
    "append": lambda body, text: _bytes(body) + text.encode(),
    "gzip in two": _gzip_in_two,
    "gzip": lambda body, _: gzip.compress(_bytes(body), compresslevel=1),
    "zstd": lambda body, _: zstandard.compress(_bytes(body)),
    "age to another": lambda body, _: pyrage.encrypt(_bytes(body), [OTHER.to_public()]),
    "age": lambda body, _: pyrage.encrypt(_bytes(body), [OWN.to_public()]),
    "tar of strangers": lambda _, __: tar({"notas.txt": b"CANARIA", "foto.png": bytes(4000)}),
    "tar": _tar,
    "without a file": _without_a_file,
}

"""What a public key's blob holds (RFC 4253, section 6.6), as strictly as OpenSSH reads it."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping

from tasks.ssh.model.keys import PublicKey

CERTIFICATE = "-cert-v01@openssh.com"
_SPACE = re.compile(rb"[ \t\n\v\f\r]+")  # what OpenSSH's base64 decoder skips, wherever it stands
_ED25519_BYTES = 32
_LONGEST_NUMBER = 2048  # bytes
_CURVES: Mapping[bytes, int] = {b"nistp256": 256, b"nistp384": 384, b"nistp521": 521}
_EC = ("curve", "point")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "ssh-ed25519": ("ed25519",),
    "ssh-rsa": ("number", "size"),
    "ssh-dss": ("size", "number", "number", "number"),
    "ecdsa-sha2-nistp256": _EC,
    "ecdsa-sha2-nistp384": _EC,
    "ecdsa-sha2-nistp521": _EC,
    "sk-ssh-ed25519@openssh.com": ("ed25519", "text"),
    "sk-ecdsa-sha2-nistp256@openssh.com": (*_EC, "text"),
}
_SAME: Mapping[str, str] = {  # names of signatures, by which OpenSSH also knows the key
    "rsa-sha2-256": "ssh-rsa",
    "rsa-sha2-512": "ssh-rsa",
    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com": "sk-ecdsa-sha2-nistp256@openssh.com",
}


class _Bad(ValueError):
    """The blob is not what its type says."""


def key_of(kind: bytes, encoded: bytes) -> PublicKey | None:
    """Return the key of a type and its base64 as OpenSSH understands it, or None where it sees none.

    Numbers come without leading zeros, so that two ways of writing one key are the same key.
    """
    try:
        name = kind.decode("ascii")
        name = _SAME.get(name, name)
        blob = _decoded(encoded)
        return PublicKey(kind=name, blob=_canonical(name, blob))
    except ValueError:
        return None


def bits(key: PublicKey) -> int:
    """Return the size of a key as `ssh-keygen -l` prints it; 0 when its blob is not understood."""
    try:
        told = [item for item in _fields(key.kind, key.blob) if item[0] in {"ed25519", "size", "curve"}]
    except ValueError:
        return 0
    ((shape, value),) = told
    if shape == "size":
        return int.from_bytes(value).bit_length()
    return _CURVES.get(value, 256)


def _decoded(encoded: bytes) -> bytes:
    plain = _SPACE.sub(b"", encoded)
    blob = base64.b64decode(plain, validate=True)
    if base64.b64encode(blob) != plain:  # bits left over, or padding of another length
        raise binascii.Error
    return blob


def _canonical(kind: str, blob: bytes) -> bytes:
    if kind.endswith(CERTIFICATE):
        list(_fields(kind, blob))
        return blob
    name = kind.encode()
    values = (name, *(_trimmed(shape, value) for shape, value in _fields(kind, blob)))
    return b"".join(len(value).to_bytes(4) + value for value in values)


def _trimmed(shape: str, value: bytes) -> bytes:
    if shape not in {"number", "size"}:
        return value
    short = value.lstrip(b"\0")
    return b"\0" + short if short and short[0] & 0x80 else short


def _fields(kind: str, blob: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the fields of a blob with their shapes, of a certificate those of the certified key; _Bad at a flaw."""
    certificate = kind.endswith(CERTIFICATE)
    plain = _plain(kind)
    name, rest = _text(blob)
    if plain not in FIELDS or name != kind.encode():
        raise _Bad
    if certificate:
        _nonce, rest = _text(rest)
    for shape in FIELDS[plain]:
        value, rest = _text(rest)
        _check(shape, value, plain)
        yield shape, value
    if rest and not certificate:
        raise _Bad


def _plain(kind: str) -> str:
    if not kind.endswith(CERTIFICATE):
        return kind
    plain = kind.removesuffix(CERTIFICATE)
    return f"{plain}@openssh.com" if plain.startswith("sk-") else plain


def _text(rest: bytes) -> tuple[bytes, bytes]:
    end = 4 + int.from_bytes(rest[:4])
    if len(rest) < end or len(rest) < 4:  # noqa: PLR2004 - the length's own bytes
        raise _Bad
    return rest[4:end], rest[end:]


def _check(shape: str, value: bytes, kind: str) -> None:
    number = shape in {"number", "size"}
    if (
        (shape == "ed25519" and len(value) != _ED25519_BYTES)
        or (number and (value[:1] >= b"\x80" or len(value.lstrip(b"\0")) > _LONGEST_NUMBER))
        or (shape == "size" and kind == "ssh-rsa" and int.from_bytes(value).bit_length() < 1024)  # noqa: PLR2004
        or (
            shape == "curve"
            and (value not in _CURVES or not kind.removesuffix("@openssh.com").endswith(value.decode()))
        )
        or (shape == "point" and value[:1] != b"\x04")
    ):
        raise _Bad

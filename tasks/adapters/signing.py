"""Signatures as `ssh-keygen -Y` makes and checks them: Ed25519, SHA-512, the namespace of the ledger.

Source: PROTOCOL.sshsig of OpenSSH. With one key type, one hash and one namespace, every byte of a signature except
its last 64 is known beforehand: nothing is parsed that could be parsed wrongly.
"""

import struct
from base64 import b64decode, b64encode
from hashlib import sha512

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_private_key,
    load_ssh_public_key,
)

from tasks.core.errors import OperatorError
from tasks.core.secret import Secret

NAMESPACE = "marias-ops-ledger"

_KEY_TYPE = b"ssh-ed25519"
_HASH = b"sha512"
_MAGIC = b"SSHSIG"
_SIGNATURE_BYTES = 64
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_LINE = 70


class Signer:
    """The one key that signs the ledger."""

    def __init__(self, private_key: Secret) -> None:
        """Read an unencrypted Ed25519 key in OpenSSH's format; OperatorError signing.bad_key when it is none."""
        key = _private_key(private_key)
        if key is None:
            raise OperatorError("signing.bad_key", "Ed25519")
        self._key = key
        public = key.public_key()
        self.public_key: str = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    def sign(self, body: bytes) -> str:
        """Return the armored signature over `body`."""
        return _armored(_envelope(self._key.public_key()) + self._key.sign(_signed(body)))


def verify(public_key: str, body: bytes, armored: str) -> bool:
    """Return whether `armored` is a signature over exactly `body` by `public_key` ("ssh-ed25519 AAAA…").

    The armor must be, byte for byte, the one that ssh-keygen writes: nothing in the file can change unseen.
    """
    key, blob = read_public_key(public_key), _dearmored(armored)
    if key is None or blob[:-_SIGNATURE_BYTES] != _envelope(key) or armored != _armored(blob):
        return False
    try:
        key.verify(blob[-_SIGNATURE_BYTES:], _signed(body))
    except InvalidSignature:
        return False
    return True


def read_public_key(line: str) -> Ed25519PublicKey | None:
    """Return the Ed25519 key of an OpenSSH public key line, or None when it is none."""
    try:
        key = load_ssh_public_key(line.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PublicKey) else None


def _private_key(secret: Secret) -> Ed25519PrivateKey | None:
    # returns instead of raising, so that no parser's error travels as another error's context
    try:
        key = load_ssh_private_key(secret.reveal().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PrivateKey) else None


def _string(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def _signed(body: bytes) -> bytes:
    return _MAGIC + b"".join(map(_string, (NAMESPACE.encode(), b"", _HASH, sha512(body).digest())))


def _envelope(key: Ed25519PublicKey) -> bytes:
    """Return a signature's bytes up to the last 64."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    head = _MAGIC + struct.pack(">I", 1)
    head += b"".join(map(_string, (_string(_KEY_TYPE) + _string(raw), NAMESPACE.encode(), b"", _HASH)))
    inner = _string(_KEY_TYPE) + struct.pack(">I", _SIGNATURE_BYTES)
    return head + struct.pack(">I", len(inner) + _SIGNATURE_BYTES) + inner


def _armored(blob: bytes) -> str:
    text = b64encode(blob).decode()
    return "\n".join((_BEGIN, *(text[at : at + _LINE] for at in range(0, len(text), _LINE)), _END, ""))


def _dearmored(armored: str) -> bytes:
    try:
        return b64decode(armored.removeprefix(_BEGIN).partition(_END)[0])
    except ValueError:
        return b""

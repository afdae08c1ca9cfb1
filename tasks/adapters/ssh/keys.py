"""Key pairs: made, read and signed with, in memory alone."""

from base64 import b64decode, b64encode
from hashlib import sha256
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)
from paramiko.message import Message

from tasks.core.secret import Secret

PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey

_CURVES: Final = {256: SHA256(), 384: SHA384(), 521: SHA512()}


def new_key(comment: str) -> tuple[Secret, str]:
    """Return a new Ed25519 key: its private half as OpenSSH writes it without a passphrase, and its public line."""
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return Secret(text), f"{_public_line(key)} {comment}".rstrip()


def public_line(private: Secret) -> str | None:
    """Return type and base64 of a private key's public half; None when it is no unencrypted key of OpenSSH's format.

    Ed25519, ECDSA and RSA are known.
    """
    key = _private_key(private)
    return None if key is None else _public_line(key)


def fingerprint(blob: bytes) -> str:
    """Return what `ssh-keygen -l` prints for a public key's blob."""
    return "SHA256:" + b64encode(sha256(blob).digest()).decode().rstrip("=")


def blob_of(line: str) -> bytes:
    """Return the blob of a public line; ValueError when it has none."""
    return b64decode(line.split()[1], validate=True)


class Signer:
    """A private key that can only sign."""

    __slots__ = ("_key", "blob", "kind")

    def __init__(self, key: PrivateKey) -> None:
        """Hold `key`."""
        self._key = key
        line = _public_line(key)
        self.kind = line.split()[0]
        self.blob = blob_of(line)

    def sign(self, algorithm: str, data: bytes) -> bytes:
        """Return the signature over `data`, as it goes over the wire (RFC 4253, 5656, 8332, 8709)."""
        signature = Message()
        signature.add_string(algorithm)
        signature.add_string(self._raw(algorithm, data))
        return signature.asbytes()

    def _raw(self, algorithm: str, data: bytes) -> bytes:
        match self._key:
            case Ed25519PrivateKey() as key:
                return key.sign(data)
            case RSAPrivateKey() as key:
                return key.sign(data, PKCS1v15(), SHA256() if algorithm == "rsa-sha2-256" else SHA512())
            case key:
                numbers = Message()
                for number in decode_dss_signature(key.sign(data, ECDSA(_CURVES[key.curve.key_size]))):
                    numbers.add_mpint(number)
                return numbers.asbytes()


def signer(private: Secret) -> Signer | None:
    """Return what signs with a private key; None when it is no unencrypted key of OpenSSH's format."""
    key = _private_key(private)
    return None if key is None else Signer(key)


def _private_key(secret: Secret) -> PrivateKey | None:
    # returns instead of raising, so that no parser's error travels as another error's context
    try:
        key = load_ssh_private_key(secret.reveal().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey) else None


def _public_line(key: PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

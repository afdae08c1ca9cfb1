"""Keys of the lab, and whether one opens an account: asked without any adapter of the project."""

import logging
import socket
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from io import StringIO

import paramiko
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from deployments.background import LabError
from tasks.core.secret import Secret

PATIENCE_SECONDS = 8.0
TRY_SECONDS = 3.0
BETWEEN_SECONDS = 0.02
LOGGER = "deployments.lab.sshd.paramiko"
RSA_BITS = 2048


logging.getLogger(LOGGER).setLevel(logging.CRITICAL)  # a broken connection is an answer here, no mishap


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A key pair: the private half as OpenSSH writes it, and the public half's line without a comment."""

    private: Secret
    public: str


def pair(kind: str = "ed25519", *, bits: int = RSA_BITS) -> Pair:
    """Make a key pair: ed25519, ecdsa, or rsa of so many bits."""
    key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    match kind:
        case "ecdsa":
            key = ec.generate_private_key(ec.SECP256R1())
        case "rsa":
            key = rsa.generate_private_key(65537, bits)
        case _:
            key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return Pair(private=Secret(private), public=public)


def accepts(port: int, account: str, private: Secret) -> bool:
    """Return whether the server at `port` lets this key in.

    A connection that breaks off is no answer, and is tried again; raises LabError when there was none in time.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            return _logs_in(port, account, _load(private))
        except (paramiko.SSHException, EOFError, OSError):
            time.sleep(BETWEEN_SECONDS)
    raise LabError(f"the SSH server on port {port} did not say whether a key opens {account}")


def _logs_in(port: int, account: str, key: paramiko.PKey) -> bool:
    with socket.create_connection(("127.0.0.1", port), TRY_SECONDS) as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with closing(paramiko.Transport(stream)) as transport:
            transport.set_log_channel(LOGGER)
            transport.banner_timeout = transport.auth_timeout = TRY_SECONDS
            transport.start_client(timeout=TRY_SECONDS)
            try:
                transport.auth_publickey(account, key)
            except paramiko.AuthenticationException:
                if not transport.is_active():  # it hung up before it answered
                    raise EOFError from None
                return False
            return transport.is_authenticated()


def _load(private: Secret) -> paramiko.PKey:
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        with suppress(paramiko.SSHException):
            return kind.from_private_key(StringIO(private.reveal()))
    raise LabError("this is no private key")

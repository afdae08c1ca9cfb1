"""Signatures: ours for ssh-keygen, ssh-keygen's for us, and what neither accepts."""

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tasks.adapters.signing import NAMESPACE, Signer, verify
from tasks.core.errors import OperatorError
from tasks.core.secret import Secret

BODY = "olá\n".encode()
SSH_KEYGEN = shutil.which("ssh-keygen")
needs_ssh_keygen = pytest.mark.skipif(SSH_KEYGEN is None, reason="ssh-keygen is not installed")


def private_key() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def ssh_keygen(*args: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    assert SSH_KEYGEN is not None
    return subprocess.run([SSH_KEYGEN, *args], input=stdin, capture_output=True, check=False, timeout=20)


@needs_ssh_keygen
def test_ssh_keygen_accepts_our_signature(tmp_path: Path) -> None:
    signer = Signer(Secret(private_key()))
    (tmp_path / "signers").write_text(f'ops namespaces="{NAMESPACE}" {signer.public_key}\n', encoding="utf-8")
    (tmp_path / "sig").write_text(signer.sign(BODY), encoding="utf-8")
    arguments = (
        "-Y",
        "verify",
        "-f",
        str(tmp_path / "signers"),
        "-I",
        "ops",
        "-n",
        NAMESPACE,
        "-s",
        str(tmp_path / "sig"),
    )
    assert ssh_keygen(*arguments, stdin=BODY).returncode == 0
    assert ssh_keygen(*arguments, stdin=BODY + b" ").returncode != 0


@needs_ssh_keygen
def test_ssh_keygen_makes_the_very_signature_that_we_make(tmp_path: Path) -> None:
    key = tmp_path / "key"
    assert ssh_keygen("-q", "-t", "ed25519", "-N", "", "-C", "operações", "-f", str(key)).returncode == 0
    made = ssh_keygen("-Y", "sign", "-q", "-f", str(key), "-n", NAMESPACE, stdin=BODY)
    signer = Signer(Secret(key.read_text(encoding="utf-8")))
    assert made.stdout.decode() == signer.sign(BODY)
    assert verify(key.with_suffix(".pub").read_text(encoding="utf-8"), BODY, made.stdout.decode())


@needs_ssh_keygen
@pytest.mark.parametrize("arguments", [("-n", "another"), ("-n", NAMESPACE, "-O", "hashalg=sha256")])
def test_another_namespace_or_hash_is_not_accepted(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    key = tmp_path / "key"
    key.write_text(private_key(), encoding="utf-8")
    key.chmod(0o600)
    made = ssh_keygen("-Y", "sign", "-q", "-f", str(key), *arguments, stdin=BODY)
    assert made.stdout.startswith(b"-----BEGIN SSH SIGNATURE-----")
    public_key = Signer(Secret(key.read_text(encoding="utf-8"))).public_key
    assert not verify(public_key, BODY, made.stdout.decode())


def test_no_byte_of_a_signature_can_change() -> None:
    signer = Signer(Secret(private_key()))
    armored = signer.sign(BODY)
    assert verify(signer.public_key, BODY, armored)
    for at, letter in enumerate(armored):
        changed = f"{armored[:at]}{chr(ord(letter) ^ 1)}{armored[at + 1 :]}"
        assert not verify(signer.public_key, BODY, changed)
    for changed in ("", armored.rstrip("\n"), f"{armored}\n", armored.replace("\n", "\r\n"), f"ã{armored}"):
        assert not verify(signer.public_key, BODY, changed)


def test_other_bytes_and_another_key_are_not_accepted() -> None:
    signer, other = Signer(Secret(private_key())), Signer(Secret(private_key()))
    armored = signer.sign(BODY)
    assert not verify(signer.public_key, BODY + b"\n", armored)
    assert not verify(other.public_key, BODY, armored)
    assert not verify("", BODY, armored)
    assert not verify("ssh-ed25519 AAAA", BODY, armored)


def test_a_key_pasted_without_its_last_line_break_is_a_key() -> None:
    text = private_key()
    assert Signer(Secret(text.rstrip("\n"))).public_key == Signer(Secret(text)).public_key


def test_what_is_no_ed25519_key_is_refused_and_not_shown() -> None:
    other = (
        generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    )
    for text in (other, "canary", private_key().replace("A", "B"), ""):
        with pytest.raises(OperatorError) as caught:
            Signer(Secret(text))
        assert (caught.value.code, caught.value.subject) == ("signing.bad_key", "Ed25519")
        assert caught.value.__context__ is None

"""age: what is sealed comes back while it streams; keys that do not fit; what was cut or changed."""

import io
import threading
from collections.abc import Iterator
from random import Random

import pyrage  # type: ignore[import-untyped]
import pytest

from tasks.adapters import age
from tasks.core.errors import OperatorError, TransientError
from tasks.core.secret import Secret

OWN, OTHER = (pyrage.x25519.Identity.generate() for _ in range(2))
IDENTITY = Secret(f"# created: 2026-11-24T09:00:00Z\n# public key: {OWN.to_public()}\n{OWN}\n")
BODY = Random(5).randbytes(300_000)  # noqa: S311 - the same bytes every time
CHUNK = 65_536 + 16


def blocks(body: bytes, size: int = 10_007) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def sealed(*, armored: bool = False) -> bytes:
    out = io.BytesIO()
    pyrage.encrypt_io(io.BytesIO(BODY), out, [OWN.to_public()], armored=armored)
    return out.getvalue()


def payload_at(body: bytes | bytearray) -> int:
    return body.index(b"\n", body.index(b"\n---") + 1) + 1 + 16  # behind the header comes a nonce of 16 bytes


def decrypted(body: bytes, identity: Secret = IDENTITY) -> bytes:
    return b"".join(age.decrypt(blocks(body), identity))


def code(body: bytes, identity: Secret = IDENTITY) -> str:
    with pytest.raises(OperatorError) as caught:
        decrypted(body, identity)
    assert caught.value.subject == "age"
    return caught.value.code


def test_what_age_sealed_is_opened() -> None:
    assert decrypted(sealed()) == BODY
    assert decrypted(sealed(armored=True)) == BODY


def test_what_we_seal_age_opens_for_each_recipient() -> None:
    body = b"".join(age.encrypt(blocks(BODY), [str(OTHER.to_public()), str(OWN.to_public())]))
    assert pyrage.decrypt(body, [OWN]) == pyrage.decrypt(body, [OTHER]) == BODY


def test_nothing_is_sealed_and_opened_too() -> None:
    assert decrypted(b"".join(age.encrypt(iter(()), [str(OWN.to_public())]))) == b""


def test_one_of_several_identities_is_enough() -> None:
    assert decrypted(sealed(), Secret(f"{OTHER}\n{OWN}")) == BODY


def test_what_is_sealed_to_somebody_else_is_told_from_what_is_broken() -> None:
    assert code(sealed(), Secret(str(OTHER))) == "age.wrong_key"
    assert code(pyrage.passphrase.encrypt(BODY, "senha")) == "age.wrong_key"


@pytest.mark.parametrize("where", ["header", "nonce", "chunk", "between chunks", "last byte", "armor"])
def test_a_cut_is_a_cut(where: str) -> None:
    body = sealed(armored=where == "armor")
    at = 0 if where == "armor" else payload_at(body)
    kept = {
        "header": 60,
        "nonce": at - 3,
        "chunk": at + CHUNK + 99,
        "between chunks": at + 2 * CHUNK,
        "last byte": len(body) - 1,
        "armor": len(body) // 2,
    }
    assert code(body[: kept[where]]) == "age.cut"


@pytest.mark.parametrize("where", ["header", "first chunk", "third chunk"])
def test_a_changed_bit_is_a_change(where: str) -> None:
    body = bytearray(sealed())
    at = payload_at(body)
    body[{"header": at - 20, "first chunk": at + 7, "third chunk": at + 2 * CHUNK + 7}[where]] ^= 1
    assert code(bytes(body)) == "age.altered"


def test_what_comes_before_a_change_is_whole() -> None:
    body = bytearray(sealed())
    body[payload_at(body) + 3 * CHUNK] ^= 1
    came = list[bytes]()
    with pytest.raises(OperatorError):
        came.extend(age.decrypt(blocks(bytes(body)), IDENTITY))
    assert b"".join(came) == BODY[: 3 * 65_536]


@pytest.mark.parametrize(
    "text",
    ["", "# nothing", "AGE-SECRET-KEY-1XX", f"{OWN}\nrubbish"],
    ids=["empty", "a comment", "cut", "and rubbish"],
)
def test_an_identity_that_is_none_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(OperatorError) as caught:
        decrypted(sealed(), Secret(text))
    assert (caught.value.code, caught.value.subject) == ("age.bad_identity", "AGE-SECRET-KEY-1…")
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_a_recipient_that_is_none_is_named() -> None:
    with pytest.raises(OperatorError) as caught:
        age.encrypt(iter(()), ["age1nobody"])
    assert (caught.value.code, caught.value.subject) == ("age.bad_recipient", "age1nobody")


def test_an_error_of_the_stream_stays_what_it_is() -> None:
    def breaking() -> Iterator[bytes]:
        yield sealed()[:100_000]
        raise TransientError("s3.unreachable", "bucket")

    with pytest.raises(TransientError) as caught:
        b"".join(age.decrypt(breaking(), IDENTITY))
    assert caught.value.code == "s3.unreachable"


def test_left_early_nothing_runs_on() -> None:
    before = threading.active_count()
    asked = list[int]()

    def endless() -> Iterator[bytes]:
        yield sealed()[:200_000]
        while True:
            asked.append(1)
            yield BODY

    stream = age.encrypt(endless(), [str(OWN.to_public())])
    next(stream)
    stream.close()
    came = len(asked)
    assert threading.active_count() == before
    assert len(asked) == came

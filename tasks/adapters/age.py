"""age: backups encrypted to somebody, opened and made while they stream past.

Source: https://age-encryption.org/v1. The payload is sealed in chunks of 64 KiB, each with a MAC of its own; the last
one is marked. Of the last chunk a MAC that does not hold cannot tell a cut from a change: it is called a cut.
"""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

import pyrage  # type: ignore[import-untyped]
from pyrage import x25519

from tasks.core.errors import OperatorError
from tasks.core.secret import Secret

BLOCK_BYTES = 1024 * 1024

_NO_KEY_FITS = "No matching keys found"


class _Source:
    """An iterator of blocks as the file that pyrage reads; `ended` once it has been told so, `error` of the blocks."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._block, self._at = blocks, b"", 0
        self.ended = False
        self.error: BaseException | None = None

    def read(self, size: int) -> bytes:
        while self._at >= len(self._block) and not self.ended:
            self._block, self._at = self._next(), 0
        begin, self._at = self._at, self._at + size
        return self._block[begin : self._at]

    def _next(self) -> bytes:
        try:
            block = next(self._blocks, None)
        except BaseException as error:
            self.error = error
            raise
        self.ended = block is None
        return block or b""


def decrypt(blocks: Iterator[bytes], identity: Secret) -> Generator[bytes, None, None]:
    """Yield the plain bytes of an age file, armored or not; `blocks` are read in a thread that ends with the generator.

    `identity` is what age-keygen writes: a line AGE-SECRET-KEY-1… or several, comments allowed. What was yielded
    before an error was whole. Raises OperatorError age.bad_identity, age.wrong_key (encrypted to somebody else, or
    with a passphrase), age.cut (it ends too soon), age.altered.
    """
    keys = _identities(identity)
    return _through(blocks, lambda source, sink: pyrage.decrypt_io(source, sink, keys))


def encrypt(blocks: Iterator[bytes], recipients: Sequence[str]) -> Generator[bytes, None, None]:
    """Yield `blocks` encrypted to `recipients` (age1…); OperatorError age.bad_recipient names the one that is none."""
    keys = [_recipient(text) for text in recipients]
    return _through(blocks, lambda source, sink: pyrage.encrypt_io(source, sink, keys))


def _through(blocks: Iterator[bytes], work: Callable[[_Source, BinaryIO], None]) -> Generator[bytes, None, None]:
    # Left early, the pipe is closed first, which ends the thread, which is then awaited.
    source = _Source(blocks)
    reader, writer = os.pipe()
    with ThreadPoolExecutor(1, "age") as pool, os.fdopen(reader, "rb", BLOCK_BYTES) as out:
        done = pool.submit(_work, work, source, writer)
        while block := out.read(BLOCK_BYTES):
            yield block
        failed = done.exception()
    if source.error:
        raise source.error
    if failed:
        raise OperatorError(_code(failed, source), "age") from None


def _work(work: Callable[[_Source, BinaryIO], None], source: _Source, writer: int) -> None:
    with os.fdopen(writer, "wb", BLOCK_BYTES) as sink:
        work(source, sink)


def _code(failed: BaseException, source: _Source) -> str:
    if isinstance(failed, pyrage.DecryptError) and str(failed) == _NO_KEY_FITS:
        return "age.wrong_key"
    return "age.cut" if source.ended else "age.altered"


def _identities(identity: Secret) -> Sequence[x25519.Identity]:
    keys = tuple(_identity(line) for line in _lines(identity.reveal()))
    if not keys or None in keys:
        raise OperatorError("age.bad_identity", "AGE-SECRET-KEY-1…")
    return [key for key in keys if key]


def _lines(text: str) -> Iterable[str]:
    return (line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))


def _identity(line: str) -> x25519.Identity | None:
    # None instead of an error: what is raised in between would carry the secret
    try:
        return x25519.Identity.from_str(line)
    except pyrage.IdentityError:
        return None


def _recipient(text: str) -> x25519.Recipient:
    try:
        return x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        raise OperatorError("age.bad_recipient", text) from None

"""The bytes beneath SSH: a TCP connection, or a channel through a jump host."""

import errno
import socket
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic
from typing import Final

from paramiko.channel import Channel
from paramiko.ssh_exception import ChannelException, SSHException
from paramiko.transport import Transport

from tasks.adapters.ssh.errors import Answer

_QUICKACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)  # Linux
_ERRNO: Final[Mapping[int | None, Answer]] = {
    errno.ECONNREFUSED: Answer.REFUSED,
    errno.ECONNRESET: Answer.RESET,
    errno.EHOSTUNREACH: Answer.NO_ROUTE,
    errno.ENETUNREACH: Answer.NO_ROUTE,
    errno.ETIMEDOUT: Answer.TIMEOUT,
}
_LOST: Final = (SSHException, EOFError, OSError)
_CHANNEL: Final[Mapping[int, Answer]] = {1: Answer.NOT_FORWARDED, 2: Answer.REFUSED}  # RFC 4254, 5.1


class Unconnected(Exception):
    """No stream came about; `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        """Say why."""
        super().__init__(answer)
        self.answer = answer


class Stream:
    """What paramiko reads and writes: a socket that never waits to be thrifty, and never for ever.

    SSH's small packets meet Nagle's algorithm on one side and delayed acknowledgement on the other, 40 ms at a time.
    TCP_NODELAY lasts; TCP_QUICKACK must be set anew after each read (tcp(7)).
    """

    def __init__(self, inner: socket.socket | Channel, *, stalled_seconds: float) -> None:
        """Wrap `inner`; a peer that takes no byte for `stalled_seconds` is given up."""
        self._inner = inner
        self._stalled_seconds = stalled_seconds
        self._stalled_since: float | None = None
        self._link = inner if isinstance(inner, socket.socket) else None

    def recv(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; none at the end."""
        received = self._inner.recv(size)
        if self._link is not None and _QUICKACK is not None:
            self._link.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        return received

    def send(self, data: bytes) -> int:
        """Return how many of the bytes were taken."""
        try:
            sent = self._inner.send(data)
        except TimeoutError:
            self._stalled_since = self._stalled_since or monotonic()
            if monotonic() - self._stalled_since > self._stalled_seconds:
                raise ConnectionAbortedError from None  # after a time-out paramiko tries for ever
            raise
        self._stalled_since = None
        return sent

    def settimeout(self, seconds: float | None) -> None:
        """Let no read or write take longer: paramiko looks up as often as that."""
        self._inner.settimeout(seconds)

    def finish(self) -> None:
        """Let the other side know that nothing more comes, and go on reading."""
        with suppress(*_LOST):
            if isinstance(self._inner, Channel):
                self._inner.shutdown_write()
            else:
                self._inner.shutdown(socket.SHUT_WR)

    def shutdown(self) -> None:
        """End both directions: whoever waits for bytes wakes at once."""
        with suppress(*_LOST):  # the other side was first, or what is beneath
            if isinstance(self._inner, Channel):
                self._inner.close()
            else:
                self._inner.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give it back."""
        with suppress(*_LOST):
            self._inner.close()

    @property
    def _closed(self) -> bool:  # paramiko asks every socket
        return self._inner.fileno() < 0 if isinstance(self._inner, socket.socket) else self._inner.closed


def tcp(address: str, port: int, *, seconds: float) -> Stream:
    """Return a stream to the first address of a name that takes the connection within `seconds` in all."""
    try:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # a label too long for DNS
        raise Unconnected(Answer.NAME) from None
    deadline, last = monotonic() + seconds, Answer.NAME
    for left, (family, *_, place) in zip(range(len(found), 0, -1), found, strict=True):
        link = socket.socket(family, socket.SOCK_STREAM)
        try:
            link.settimeout(max(0.01, (deadline - monotonic()) / left))
            link.connect(place)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            link.close()
            last = answer_of(error)
        else:
            return Stream(link, stalled_seconds=seconds)
    raise Unconnected(last)


def tunnel(jump: Transport, address: str, port: int, *, seconds: float) -> Stream:
    """Return a stream to an address as a logged-in jump host sees it."""
    try:
        channel = jump.open_channel("direct-tcpip", (address, port), ("127.0.0.1", 0), timeout=seconds)
    except ChannelException as error:
        raise Unconnected(_CHANNEL.get(error.code, Answer.NO_ROUTE)) from None
    except (SSHException, EOFError, OSError):
        raise Unconnected(Answer.TIMEOUT if jump.is_active() else Answer.CLOSED) from None
    return Stream(channel, stalled_seconds=seconds)


def answer_of(error: OSError) -> Answer:
    """Return what an error of the network is called here."""
    return Answer.TIMEOUT if isinstance(error, TimeoutError) else _ERRNO.get(error.errno, Answer.NETWORK)

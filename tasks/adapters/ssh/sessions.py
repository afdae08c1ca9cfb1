"""Commands and SFTP over a connection that is logged in, with a deadline each.

paramiko waits without end for a server to take up a request; here it is sent, and what follows tells.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, cast

from paramiko.channel import Channel
from paramiko.common import cMSG_CHANNEL_REQUEST
from paramiko.message import Message
from paramiko.sftp import SFTPError
from paramiko.sftp_client import SFTPClient
from paramiko.ssh_exception import ChannelException, SSHException

from tasks.adapters.ssh.errors import Answer, TooMuch, unreachable
from tasks.adapters.ssh.transport import QuietTransport
from tasks.core.errors import OperatorError, TransientError

NO_EXIT_CODE: Final = -1

_PIECE: Final = 32768
_LOOK_SECONDS: Final = 0.1  # how often it is looked what else can be read, or sent
_END_SECONDS: Final = 0.2  # a lost connection closes its channels a moment before itself
_LOST: Final = (SSHException, EOFError, OSError)  # a time-out is an OSError


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """What a command answered; NO_EXIT_CODE when it was killed, or the server would not run it."""

    exit_code: int
    out: bytes
    err: bytes


def run(transport: QuietTransport, command: str, stdin: bytes, *, deadline: float, most_bytes: int) -> Completed:
    """Return what a command answered (see Connection.run)."""
    with _session(transport, deadline) as channel:
        try:
            _request(channel, "exec", command)
            out, err = _exchanged(channel, stdin, deadline, most_bytes)
        except _LOST:
            raise _cut(transport) from None
        if max(len(out), len(err)) > most_bytes:
            raise OperatorError("ssh.too_much", transport.host, TooMuch(most_bytes=most_bytes))
        if not channel.status_event.wait(_left(deadline)):
            raise _cut(transport)
        code = channel.recv_exit_status()
        if code == NO_EXIT_CODE and not _lives(transport):
            raise _cut(transport)
        return Completed(exit_code=code, out=out, err=err)


@contextmanager
def sftp(transport: QuietTransport, *, deadline: float) -> Iterator[SFTPClient]:
    """Lend an SFTP client (see Connection.sftp)."""
    with _session(transport, deadline) as channel:
        try:
            _request(channel, "subsystem", "sftp")
            client = SFTPClient(cast("Any", _Timed(channel, deadline)))
        except (*_LOST, SFTPError):
            if _left(deadline) and _lives(transport):
                raise OperatorError("ssh.no_sftp", transport.host) from None
            raise _cut(transport) from None
        try:
            yield client
        except (SSHException, EOFError, TimeoutError):
            raise _cut(transport) from None
        except OSError:
            if _lives(transport):
                raise
            raise _cut(transport) from None


class _Timed:
    """A channel as an SFTP client wants it, closed to it when the time is up."""

    def __init__(self, channel: Channel, deadline: float) -> None:
        self._channel = channel
        self._deadline = deadline
        self.get_name = channel.get_name
        self.close = channel.close

    def recv(self, size: int) -> bytes:
        self._wind()
        return self._channel.recv(size)

    def send(self, data: bytes) -> int:
        self._wind()
        return self._channel.send(data)

    def _wind(self) -> None:
        left = _left(self._deadline)
        if not left:
            raise TimeoutError
        self._channel.settimeout(left)


@contextmanager
def _session(transport: QuietTransport, deadline: float) -> Iterator[Channel]:
    try:
        channel = transport.open_session(timeout=_left(deadline))
    except ChannelException:
        raise unreachable(transport.host, Answer.NO_SESSION) from None
    except _LOST:
        raise _cut(transport) from None
    try:
        yield channel
    finally:
        with suppress(*_LOST):
            channel.close()


def _request(channel: Channel, kind: str, what: str) -> None:
    """Ask for a command or a subsystem (RFC 4254, 6.5); a refusal closes the channel."""
    request = Message()
    request.add_byte(cMSG_CHANNEL_REQUEST)
    request.add_int(channel.remote_chanid)
    request.add_string(kind)
    request.add_boolean(True)  # noqa: FBT003 - wants a reply
    request.add_string(what)
    cast("QuietTransport", channel.get_transport()).send(request)


def _exchanged(channel: Channel, stdin: bytes, deadline: float, most_bytes: int) -> tuple[bytes, bytes]:
    """Return both outputs, read while the input is written: a full window on one side must not stop the other."""
    out, err, left = bytearray(), bytearray(), cast("memoryview | None", memoryview(stdin))
    channel.settimeout(_LOOK_SECONDS)
    while max(len(out), len(err)) <= most_bytes:
        if not _left(deadline):
            raise TimeoutError
        left = None if left is None else _fed(channel, left)
        if left is None or channel.recv_ready():
            with suppress(TimeoutError):
                piece = channel.recv(_PIECE)
                out += piece
                if not piece:
                    break
        err += _ready(channel)
    return bytes(out), bytes(err + _ready(channel))


def _fed(channel: Channel, left: memoryview) -> memoryview | None:
    """Return what is still to be sent; None when all is, or the command takes no more."""
    try:
        while left:
            left = left[channel.send(left[:_PIECE].tobytes()) :]
        channel.shutdown_write()
    except TimeoutError:
        return left
    except OSError:
        return None
    return None


def _ready(channel: Channel) -> bytes:
    """Return what of stderr has come; at the end of stdout that is all of it."""
    pieces = []
    while channel.recv_stderr_ready():
        pieces.append(channel.recv_stderr(_PIECE))
    return b"".join(pieces)


def _left(deadline: float) -> float:
    return max(0.0, deadline - monotonic())


def _lives(transport: QuietTransport) -> bool:
    transport.join(_END_SECONDS)
    return transport.is_active()


def _cut(transport: QuietTransport) -> TransientError:
    return unreachable(transport.host, Answer.TIMEOUT if transport.is_active() else Answer.CLOSED)

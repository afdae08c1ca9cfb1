"""paramiko's transport, held to what is strong and made quiet; nothing of it is a secret's keeper.

What is overridden are the places where paramiko 5.1 waits too long, logs, starts a thread for a timer, or forgets what
the server said.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event
from time import monotonic
from typing import Any, Final, NamedTuple, cast

from paramiko.common import (
    MSG_SERVICE_ACCEPT,
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_PK_OK,
    MSG_USERAUTH_SUCCESS,
)
from paramiko.message import Message
from paramiko.packet import Packetizer
from paramiko.ssh_exception import SSHException
from paramiko.transport import Transport

from tasks.adapters.ssh.algorithms import CIPHERS, MACS, host_key_algorithms
from tasks.adapters.ssh.errors import Answer
from tasks.adapters.ssh.streams import Stream, answer_of

logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)  # a server's texts are not for our logs

ENDED: Final = -1

_BANNER_BYTES: Final = 8192
_BANNER_LINES: Final = 50
_JOIN_SECONDS: Final = 5.0
_FAREWELL_SECONDS: Final = 1.0
_SAID: Final = (("MaxStartups", Answer.BUSY), ("Not allowed at this time", Answer.PENALTY))


class Reply(NamedTuple):
    """A message of the authentication protocol: its number (RFC 4252, section 6), and what it holds.

    The last one, after which nothing comes, has the number ENDED.
    """

    kind: int
    message: Message


class _Down(SSHException):
    """The server said why it does not talk."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        self.answer = answer


class Replies:
    """What a transport takes for its handler of authentication: it keeps the server's replies until they are read."""

    def __init__(self) -> None:
        """Hold none yet."""
        self._let_in = False
        self._replies: SimpleQueue[Reply] = SimpleQueue()
        self._handler_table: dict[int, Callable[[Message], None]] = {
            kind: partial(self._keep, kind)
            for kind in (MSG_SERVICE_ACCEPT, MSG_USERAUTH_SUCCESS, MSG_USERAUTH_FAILURE, MSG_USERAUTH_PK_OK)
        }
        self._handler_table[MSG_USERAUTH_BANNER] = lambda _message: None

    def next(self, *, seconds: float) -> Reply | None:
        """Return the next reply; None when none came in time."""
        try:
            return self._replies.get(timeout=max(0.0, seconds))
        except Empty:
            return None

    def abort(self) -> None:
        """Take note that the connection ended."""
        self._replies.put(Reply(ENDED, Message()))

    def forget(self) -> None:
        """Let go of what leads back here."""
        self._handler_table.clear()

    def is_authenticated(self) -> bool:
        """Return whether the server has let us in."""
        return self._let_in

    def _keep(self, kind: int, message: Message) -> None:
        self._let_in = self._let_in or kind == MSG_USERAUTH_SUCCESS
        self._replies.put(Reply(kind, message))


class _Packets(Packetizer):
    """Packets without a timer's thread (whoever waits has a deadline), and with an end to a banner."""

    _banner_bytes = 0

    def start_handshake(self, timeout: float) -> None:
        """Start no timer."""

    def _read_timeout(self, timeout: float) -> bytes:  # read by it is the banner, and that alone
        received: bytes = super()._read_timeout(timeout)  # type: ignore[misc]
        self._banner_bytes += len(received)
        if self._banner_bytes > _BANNER_BYTES:
            raise _Down(Answer.NOT_SSH)
        return received


class QuietTransport(Transport):
    """One SSH connection: its handshake, and its one thread."""

    _preferred_ciphers = CIPHERS
    _preferred_macs = MACS
    _preferred_keys: tuple[str, ...]
    server_extensions: dict[str, bytes]

    def __init__(self, stream: Stream, host: str, first_kinds: Iterable[str], *, seconds: float) -> None:
        """Prepare a connection to `host` over `stream`; of its host keys it shall show one of `first_kinds`."""
        super().__init__(cast("Any", stream), packetizer_class=_Packets)
        self.stream = stream
        self.host = host
        self.replies = Replies()
        self.auth_handler = cast("Any", self.replies)
        self.farewell = ""  # what the server said when it hung up
        self.offered: dict[str, list[str]] = {}
        self._preferred_keys = host_key_algorithms(self._preferred_keys, first_kinds)
        self._spoke = False
        self._deadline = monotonic() + seconds

    @property
    def preferred_keys(self) -> Sequence[str]:
        """Return the types of host keys, best first; certificates, which paramiko adds, are not understood here."""
        return self._preferred_keys

    def shake_hands(self) -> Answer | None:
        """Return None when keys are exchanged, else what came instead."""
        done = Event()
        self.start_client(event=done)
        done.wait(max(0.0, self._deadline - monotonic()))
        if self.is_active() and self.initial_kex_done:
            return None
        return self._why() if done.is_set() else (Answer.TIMEOUT if self.remote_version else Answer.NO_BANNER)

    def send(self, message: Message) -> None:
        """Send a message of the authentication protocol."""
        self._send_user_message(message)  # type: ignore[attr-defined]

    def end(self) -> None:
        """Close the connection; its thread is gone when this returns.

        After a login the server is let have its say: cut off in it, OpenSSH counts a connection that never tried to log
        in, and blocks who has too many of those (PerSourcePenalties).
        """
        if self.replies.is_authenticated() and self.is_active():
            self.stream.finish()
            self.join(_FAREWELL_SECONDS)
        self.stream.shutdown()
        if self.ident is not None:
            self.join(_JOIN_SECONDS)
        self.close()
        self.stream.close()
        # what leads back here: with it, ciphers and buffers would stay until the garbage collector comes by
        self._handler_table.clear()  # type: ignore[attr-defined]
        self.replies.forget()
        self.kex_engine = self.saved_exception = cast("Any", None)

    def _why(self) -> Answer:
        match self.get_exception():
            case _Down() as error:
                return error.answer
            case EOFError() | None:
                return Answer.CLOSED if self.remote_version else Answer.NOT_SSH if self._spoke else Answer.DROPPED
            case OSError() as error:
                return answer_of(error)
            case _:
                return Answer.KEX if self.remote_version else Answer.NOT_SSH

    def _check_banner(self) -> None:
        """Read lines until the server names itself; what it says before that tells why it does not."""
        for _ in range(_BANNER_LINES):
            line = self.packetizer.readline(max(0.01, self._deadline - monotonic()))
            if line.startswith(("SSH-2.0-", "SSH-1.99-")):
                self.remote_version = line
                return
            self._spoke = True
            for words, answer in _SAID:
                if words in line:
                    raise _Down(answer)
        raise _Down(Answer.NOT_SSH)

    def _really_parse_kex_init(self, m: Message, ignore_first_byte: bool = False) -> dict[str, list[str]]:  # noqa: FBT001, FBT002
        parsed: dict[str, list[str]] = super()._really_parse_kex_init(m, ignore_first_byte)  # type: ignore[misc]
        if not ignore_first_byte:  # that would be our own
            self.offered = parsed
        return parsed

    def _parse_disconnect(self, m: Message) -> None:
        m.get_int()
        self.farewell = m.get_binary().decode(errors="replace")

    def _parse_debug(self, m: Message) -> None:
        """Read nothing of it: for a log, paramiko would go through a server's remarks byte by byte."""

    def _log(self, level: int, msg: object, *args: object) -> None:
        """Log nothing."""

"""Asking a server about public keys without a signature (RFC 4252, section 7), and logging in.

paramiko has only the second, and repeats the request for the service with each try; the few messages are sent here
instead. A server answers requests one after another (section 5.1), so they are sent at once.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, islice, repeat
from time import monotonic
from typing import Final

from paramiko.common import (
    MSG_SERVICE_ACCEPT,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_PK_OK,
    MSG_USERAUTH_SUCCESS,
    cMSG_SERVICE_REQUEST,
    cMSG_USERAUTH_REQUEST,
)
from paramiko.message import Message
from paramiko.ssh_exception import SSHException

from tasks.adapters.ssh.algorithms import RSA, signatures
from tasks.adapters.ssh.errors import Answer
from tasks.adapters.ssh.keys import Signer, blob_of
from tasks.adapters.ssh.transport import ENDED, QuietTransport, Reply

_TOO_MANY: Final = "Too many authentication failures"
_LOST: Final = (SSHException, EOFError, OSError)


class Dialogue:
    """Authentication over one connection: asked as often as the server bears it, then logged in."""

    def __init__(self, transport: QuietTransport) -> None:
        """Talk over `transport`, whose keys are exchanged."""
        self._transport = transport
        self._accepted = False  # the service, not a key
        self.open = True

    def ask(self, account: str, keys: Sequence[str], *, seconds: float) -> tuple[bool | None, ...]:
        """Return whether each public line would open `account`; None for each that was not answered."""
        deadline = monotonic() + seconds
        answers = self._answers(account, keys, deadline) if self._begun(deadline) else iter(())
        return tuple(islice(chain(answers, repeat(None)), len(keys)))

    def login(self, account: str, signer: Signer, *, seconds: float) -> Answer | None:
        """Return None when logged in, else what came instead: KEY and MORE_FACTORS are the server's own word."""
        deadline = monotonic() + seconds
        if not self._begun(deadline):
            return Answer.TIMEOUT if self._transport.is_active() else Answer.CLOSED
        came: Answer | None = Answer.KEY
        algorithms = [name for name in self._algorithms(signer.kind) if name != RSA]  # nothing is signed with SHA-1
        for left, algorithm in zip(range(len(algorithms), 0, -1), algorithms, strict=True):
            came = self._tried(account, signer, algorithm, deadline)
            if came is not Answer.KEY:
                break
            if not self.open:  # hung up over this refusal; the next algorithm might have let in
                return came if left == 1 else Answer.CLOSED
        return came

    def _tried(self, account: str, signer: Signer, algorithm: str, deadline: float) -> Answer | None:
        self._send(self._signed(account, signer, algorithm))
        reply = self._transport.replies.next(seconds=deadline - monotonic())
        if reply is None or reply.kind == ENDED:
            return self._ended(reply)
        if reply.kind == MSG_USERAUTH_SUCCESS:
            return None
        return Answer.MORE_FACTORS if reply.kind == MSG_USERAUTH_FAILURE and _partial(reply.message) else Answer.KEY

    def _begun(self, deadline: float) -> bool:
        """Return whether the server serves authentication; it is asked once."""
        if self._accepted or not self.open:
            return self.open
        request = Message()
        request.add_byte(cMSG_SERVICE_REQUEST)
        request.add_string("ssh-userauth")
        reply = self._transport.replies.next(seconds=deadline - monotonic()) if self._send(request) else None
        self.open = self._accepted = reply is not None and reply.kind == MSG_SERVICE_ACCEPT
        return self._accepted

    def _answers(self, account: str, keys: Sequence[str], deadline: float) -> Iterator[bool | None]:
        asked = [(line, self._algorithms(line.split(maxsplit=1)[0])) for line in keys]
        for line, algorithms in asked:
            for algorithm in algorithms:
                self._send(_request(account, algorithm, blob_of(line), signed=False))
        for line, algorithms in asked:
            yield self._told(line, len(algorithms), deadline)
            if not self.open:
                return

    def _told(self, line: str, questions: int, deadline: float) -> bool | None:
        """Return what as many replies say about one key."""
        accepted = False
        for left in range(questions, 0, -1):
            reply = self._transport.replies.next(seconds=deadline - monotonic())
            if reply is None or reply.kind == ENDED:  # a server hangs up over the refusal that is one too many
                refused = self._ended(reply) is Answer.KEY and left == 1
                return True if accepted else (False if refused else None)
            answer = _answer(reply, line)
            if answer is None:
                self.open = False
                return None
            accepted = accepted or answer
        return accepted

    def _ended(self, reply: Reply | None) -> Answer:
        """Return what the end of a dialogue says; it is of no more use.

        Only a reply that is the end, and so comes after all others, can say that a key was refused.
        """
        self.open = False
        if reply is None:
            return Answer.TIMEOUT
        return Answer.KEY if _TOO_MANY in self._transport.farewell else Answer.CLOSED

    def _signed(self, account: str, signer: Signer, algorithm: str) -> Message:
        request = _request(account, algorithm, signer.blob, signed=True)
        covered = Message()
        covered.add_string(self._transport.session_id or b"")
        covered.add_bytes(request.asbytes())
        request.add_string(signer.sign(algorithm, covered.asbytes()))
        return request

    def _algorithms(self, kind: str) -> tuple[str, ...]:
        understood = self._transport.server_extensions.get("server-sig-algs", b"")
        return signatures(kind, understood.decode(errors="replace").split(","))

    def _send(self, message: Message) -> bool:
        try:
            self._transport.send(message)
        except _LOST:
            return False
        return True


def _request(account: str, algorithm: str, blob: bytes, *, signed: bool) -> Message:
    request = Message()
    request.add_byte(cMSG_USERAUTH_REQUEST)
    for word in (account, "ssh-connection", "publickey"):
        request.add_string(word)
    request.add_boolean(signed)
    request.add_string(algorithm)
    request.add_string(blob)
    return request


def _partial(failure: Message) -> bool:
    failure.get_list()
    return failure.get_boolean()


def _answer(reply: Reply, line: str) -> bool | None:
    """Return what a reply to a question says about the key; None when it is no reply to it."""
    if reply.kind == MSG_USERAUTH_FAILURE:
        return _partial(reply.message)
    if reply.kind == MSG_USERAUTH_PK_OK:
        reply.message.get_text()  # the algorithm, then the key itself
        return True if reply.message.get_binary() == blob_of(line) else None
    return True if reply.kind == MSG_USERAUTH_SUCCESS else None

"""SSH connections whose server is known by a pinned key: asked about keys, logged in to, given commands.

Every wait has an end; no agent, no configuration file, no list of known hosts is read, and nothing is logged.
"""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from paramiko.sftp_client import SFTPClient

from tasks.adapters.ssh import sessions
from tasks.adapters.ssh.algorithms import weak
from tasks.adapters.ssh.asking import Dialogue
from tasks.adapters.ssh.errors import Answer, HostKey, SshAnswer, unreachable
from tasks.adapters.ssh.keys import blob_of, fingerprint, signer
from tasks.adapters.ssh.sessions import Completed
from tasks.adapters.ssh.streams import Stream, Unconnected, tcp, tunnel
from tasks.adapters.ssh.transport import QuietTransport
from tasks.core.errors import OperatorError
from tasks.core.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An SSH server: what it is called here, where it listens, and its own public keys (lines of type and base64)."""

    name: str
    address: str
    port: int
    host_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What a server says of itself; `weak` names the algorithms it offers that are no longer safe."""

    software: str
    host_key: str
    weak: tuple[str, ...]


class Connection:
    """A connection to the server that was meant, its host key being a pinned one."""

    def __init__(self, endpoint: Endpoint, transport: QuietTransport, server: ServerFacts, *, seconds: float) -> None:
        """Use `transport`, whose keys are exchanged; asking and logging in may take `seconds` each."""
        self.name = endpoint.name
        self.server = server
        self._transport = transport
        self._seconds = seconds
        self._dialogue = Dialogue(transport)

    @property
    def open(self) -> bool:
        """Return whether one can go on asking, or log in."""
        return self._dialogue.open and self._transport.is_active()

    def ask(self, account: str, keys: Sequence[str]) -> tuple[bool | None, ...]:
        """Return whether the server would accept each of these public lines for an account; nothing is signed.

        Each refusal counts against the server's MaxAuthTries (OpenSSH: 6, the login included); of an RSA key there
        are up to three, one for each algorithm. None stands for every key about which it said nothing: that is no
        refusal.
        """
        return self._dialogue.ask(account, keys, seconds=self._seconds)

    def login(self, account: str, private_key: Secret) -> None:
        """Log in with a key and nothing else.

        Raises OperatorError ssh.login_refused (the server does not accept the key, or wants more than a key),
        ssh.bad_key (no unencrypted key in OpenSSH's format), and TransientError ssh.unreachable.
        """
        signing = signer(private_key)
        who = f"{account}@{self.name}"
        if signing is None:
            raise OperatorError("ssh.bad_key", who)
        came = self._dialogue.login(account, signing, seconds=self._seconds)
        if came in {Answer.KEY, Answer.MORE_FACTORS}:
            raise OperatorError("ssh.login_refused", who, SshAnswer(answer=came))
        if came is not None:
            raise unreachable(self.name, came)

    def run(self, command: str, stdin: bytes, *, seconds: float, most_bytes: int = 4_000_000) -> Completed:
        """Return what a command answered to `stdin`.

        Raises OperatorError ssh.too_much (more than `most_bytes` on either of its outputs), and TransientError
        ssh.unreachable when it is cut off, or not done after `seconds`; what it did by then is not known.
        """
        return sessions.run(self._transport, command, stdin, deadline=monotonic() + seconds, most_bytes=most_bytes)

    @contextmanager
    def sftp(self, *, seconds: float) -> Iterator[SFTPClient]:
        """Lend an SFTP client for `seconds` in all.

        Raises OperatorError ssh.no_sftp, and TransientError ssh.unreachable; errors of files are paramiko's own.
        """
        with sessions.sftp(self._transport, deadline=monotonic() + seconds) as client:
            yield client

    def tunnel(self, endpoint: Endpoint, *, seconds: float) -> Stream:
        """Return a stream to another server as this one sees it."""
        return tunnel(self._transport, endpoint.address, endpoint.port, seconds=seconds)


@contextmanager
def connect(endpoint: Endpoint, *, seconds: float, through: Connection | None = None) -> Iterator[Connection]:
    """Lend a connection to a server (by way of another, logged-in one), its thread gone afterwards.

    TCP, banner and key exchange may take `seconds` in all, however slowly the bytes come; a name server has its own
    time limits. Raises OperatorError ssh.host_key_unknown (none is pinned), ssh.host_key_changed, and TransientError
    ssh.unreachable.
    """
    deadline = monotonic() + seconds
    stream = _stream(endpoint, through, seconds)
    kinds = [line.split(maxsplit=1)[0] for line in endpoint.host_keys]
    transport = QuietTransport(stream, endpoint.name, kinds, seconds=deadline - monotonic())
    try:
        came = transport.shake_hands()
        if came is not None:
            raise unreachable(endpoint.name, came)
        _check_host_key(endpoint, transport)
        yield Connection(endpoint, transport, _facts(transport), seconds=seconds)
    finally:
        transport.end()


def _stream(endpoint: Endpoint, through: Connection | None, seconds: float) -> Stream:
    try:
        if through is not None:
            return through.tunnel(endpoint, seconds=seconds)
        return tcp(endpoint.address, endpoint.port, seconds=seconds)
    except Unconnected as error:
        raise unreachable(endpoint.name, error.answer) from None


def _check_host_key(endpoint: Endpoint, transport: QuietTransport) -> None:
    pinned = [blob_of(line) for line in endpoint.host_keys]
    key = transport.get_remote_server_key()
    blob = key.asbytes()
    if blob in pinned:
        return
    offered = HostKey(
        offered=f"{key.get_name()} {b64encode(blob).decode()}",
        fingerprint=fingerprint(blob),
        pinned=", ".join(map(fingerprint, pinned)),
    )
    if pinned:
        raise OperatorError("ssh.host_key_changed", endpoint.name, offered)
    raise OperatorError("ssh.host_key_unknown", endpoint.name, offered)


def _facts(transport: QuietTransport) -> ServerFacts:
    return ServerFacts(
        software=transport.remote_version.split("-", 2)[2],
        host_key=fingerprint(transport.get_remote_server_key().asbytes()),
        weak=weak(transport.offered),
    )

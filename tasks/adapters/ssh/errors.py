"""What SSH servers' refusals and silences are called here."""

from dataclasses import dataclass
from enum import StrEnum

from tasks.core.errors import TransientError


class Answer(StrEnum):
    """Why a server could not be talked to; each has a label."""

    NAME = "ssh.answer.name"  # its name is not known
    NO_ROUTE = "ssh.answer.no_route"
    REFUSED = "ssh.answer.refused"  # nobody listens
    NETWORK = "ssh.answer.network"  # any other error of the network
    TIMEOUT = "ssh.answer.timeout"
    RESET = "ssh.answer.reset"
    NO_BANNER = "ssh.answer.no_banner"  # it took the connection and did not say who it is in time
    DROPPED = "ssh.answer.dropped"  # it closed the connection before it said who it is
    BUSY = "ssh.answer.busy"  # MaxStartups, said in words
    PENALTY = "ssh.answer.penalty"  # PerSourcePenalties, said in words
    NOT_SSH = "ssh.answer.not_ssh"
    KEX = "ssh.answer.kex"  # no algorithm in common, or a key exchange that went wrong
    CLOSED = "ssh.answer.closed"  # it closed the connection later than that
    SILENT = "ssh.answer.silent"  # connected, it answered nothing that it was asked
    JUMP = "ssh.answer.jump"  # nobody could log in to the host on the way
    NO_SESSION = "ssh.answer.no_session"  # logged in, but it opens no session
    NOT_FORWARDED = "ssh.answer.not_forwarded"  # the jump host may not connect to it
    KEY = "ssh.answer.key"  # it does not accept the key
    MORE_FACTORS = "ssh.answer.more_factors"  # it accepts the key, and wants a password or a code besides


@dataclass(frozen=True, slots=True, kw_only=True)
class SshAnswer:
    """What came instead of what was wanted: the code of an Answer."""

    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostKey:
    """The key by which a server named itself, as a line and as a fingerprint, and the fingerprints that were pinned."""

    offered: str
    fingerprint: str
    pinned: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TooMuch:
    """How many bytes a command may answer."""

    most_bytes: int


def unreachable(name: str, answer: Answer) -> TransientError:
    """Return the error of a server that cannot be talked to now."""
    return TransientError("ssh.unreachable", name, SshAnswer(answer=answer))

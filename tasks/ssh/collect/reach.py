"""How a target is reached: one handshake at a time per host, every key asked about, logged in with one it accepts."""

import random
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import accumulate
from threading import Lock

from tasks.adapters.ssh import Answer as Silence
from tasks.adapters.ssh import Connection, Endpoint, connect, unreachable
from tasks.adapters.ssh.files import Files, RemoteFile
from tasks.adapters.ssh.sftp_files import sftp
from tasks.adapters.ssh.shell_files import shell
from tasks.core.errors import TransientError
from tasks.ssh.collect.vault import Ring, Vault
from tasks.ssh.model.keys import Answer, PublicKey
from tasks.ssh.model.memory import Memory
from tasks.ssh.model.seen import Seen, State, state_of
from tasks.ssh.model.targets import Target, targets_of
from tasks.ssh.settings import Ssh, Transport

AT_ONCE = 5  # refusals that one connection bears beside a login, with OpenSSH's MaxAuthTries of 6
PAUSE_SECONDS = 0.5
SLOW = frozenset({Silence.TIMEOUT, Silence.NO_BANNER, Silence.NO_ROUTE, Silence.NAME})


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What is needed to reach targets; `gates` let one thread at a time knock at a host (MaxStartups)."""

    cfg: Ssh
    vault: Vault
    memory: Memory[RemoteFile] = field(default_factory=Memory)
    gates: defaultdict[str, Lock] = field(default_factory=lambda: defaultdict(Lock))
    silent: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))  # waits in vain, one after another

    def borrowed(self, target: Target) -> frozenset[PublicKey]:
        """Return the keys by which other purposes open the same account: they stay, whoever else once used them."""
        openers = self._openers[self._servers[target.host], target.account]
        others = (purpose for purpose in openers if purpose != target.purpose)
        keys = (self.vault.ring(purpose).keys for purpose in others)
        return frozenset(version.key for each in keys for version in (each.current, each.wanted, *each.held))

    @cached_property
    def _openers(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """Return the purposes that open each account of each host."""
        opened = defaultdict[tuple[str, str], tuple[str, ...]](tuple)
        for target in (target for purpose in self.cfg.purposes for target in targets_of(self.cfg, purpose)):
            server = self._servers[target.host]
            opened[server, target.account] = tuple(dict.fromkeys((*opened[server, target.account], target.purpose)))
        return opened

    @cached_property
    def _servers(self) -> Mapping[str, str]:
        """Return, for each host, the first name in the settings under one of its keys: a server may have several."""
        first, servers = dict[PublicKey, str](), dict[str, str]()
        for name, host in self.cfg.hosts.items():
            keys = [PublicKey.of(line) for line in host.host_keys]
            servers[name] = next((first[key] for key in keys if key in first), name)
            first = dict.fromkeys(keys, servers[name]) | first
        return servers


@dataclass(slots=True, kw_only=True)
class Visit:
    """One visit to a target: what it answered, and the connection that is logged in, if any key was accepted."""

    reach: Reach
    target: Target
    ring: Ring
    borrowed: frozenset[PublicKey]
    answers: dict[str, Answer]
    connection: Connection | None = None
    by: str = ""
    server: str = ""
    weak: tuple[str, ...] = ()

    @property
    def accepted(self) -> tuple[str, ...]:
        """Return the fingerprints of the keys that open it, the wanted one first."""
        return tuple(k.fingerprint for k in self.ring.keys.all if self.answers.get(k.fingerprint) is Answer.ACCEPTED)

    @property
    def superfluous(self) -> tuple[PublicKey, ...]:
        """Return the keys that shall not open the target: every one of the purpose but the wanted and the borrowed."""
        return tuple(key for key in self.ring.keys.others if key not in self.borrowed)

    @property
    def state(self) -> State:
        """Return where the target stands; LOST too when only keys open it whose private half is gone.

        Once the wanted key opens it, a borrowed one does not count.
        """
        wanted, kept = self.ring.keys.wanted.key.fingerprint, {key.fingerprint for key in self.borrowed}
        counted = {key: answer for key, answer in self.answers.items() if key == wanted or key not in kept}
        opened = self.answers[wanted] is Answer.ACCEPTED
        state = state_of(counted if opened else self.answers, wanted)
        return State.LOST if state is State.FRESH and not self.by else state

    def seen(self) -> Seen:
        """Return what was seen."""
        return Seen(
            target=self.target,
            state=self.state,
            at=datetime.now(UTC),
            answers=dict(self.answers),
            by=self.by,
            server=self.server,
            weak=self.weak,
            lent=tuple(
                key.fingerprint
                for key in self.ring.keys.others
                if key in self.borrowed and self.answers.get(key.fingerprint) is Answer.ACCEPTED
            ),
        )

    def files(self) -> Files:
        """Return the way to the target's files over the open connection."""
        assert self.connection is not None, self.target  # noqa: S101 - asked for only where somebody logged in
        cfg, host = self.reach.cfg, self.reach.cfg.hosts[self.target.host]
        if host.transport is Transport.SFTP:
            return sftp(self.connection, seconds=cfg.command_seconds)
        return shell(self.connection, sudo=self.target.sudo, seconds=cfg.command_seconds)


@contextmanager
def visit(reach: Reach, target: Target) -> Iterator[Visit]:
    """Ask a target about every key of its purpose, log in with the best that it accepts, and lend that connection.

    The wanted key is best, then stored ones in their order. A host that does not answer is tried again, a few times.
    Raises TransientError ssh.unreachable, OperatorError ssh.host_key_unknown, ssh.host_key_changed, ssh.login_refused.
    """
    ring = reach.vault.ring(target.purpose)
    with ExitStack() as stack:
        made = Visit(reach=reach, target=target, ring=ring, borrowed=reach.borrowed(target), answers={})
        for attempt in range(1, reach.cfg.tries + 1):
            try:
                _knock(stack, made)
                break
            except TransientError:
                if attempt == reach.cfg.tries:
                    raise
                time.sleep(PAUSE_SECONDS * 2**attempt * random.uniform(0.5, 1))  # noqa: S311 - chance, not secrecy
        yield made


def _knock(stack: ExitStack, made: Visit) -> None:
    """Connect as often as it takes to have every key asked about, and log in on each connection that allows it."""
    host, account = made.target.host, made.target.account
    left = [key for key in made.ring.keys.all if key.fingerprint not in made.answers]
    while True:
        with ExitStack() as inner, made.reach.gates[host]:
            connection = _heard(inner, made.reach, host)
            made.server, made.weak = connection.server.software, connection.server.weak
            asked = connection.ask(account, [key.line for key in _batch(left)])
            answered = [answer for answer in asked if answer is not None]
            if not answered and (left or not connection.open):
                raise unreachable(host, Silence.SILENT)
            for key, answer in zip(left, answered, strict=False):
                made.answers[key.fingerprint] = Answer.ACCEPTED if answer else Answer.REFUSED
            left = left[len(answered) :]
            by = next((key for key in made.accepted if key in made.ring.private), "")
            if by and connection.open:
                connection.login(account, made.ring.private[by])
                made.by, made.connection = by, connection
            if not left and (made.connection is connection or not by):
                stack.push(inner.pop_all())
                return


def _heard(stack: ExitStack, reach: Reach, host: str) -> Connection:
    """Connect, unless the host has kept others waiting in vain as often as one is tried: no fleet waits for it."""
    if reach.silent[host] >= reach.cfg.tries:
        raise unreachable(host, Silence.TIMEOUT)
    try:
        connection = _connected(stack, reach, host)
    except TransientError as error:
        reach.silent[host] += getattr(error.data, "answer", "") in SLOW
        raise
    reach.silent[host] = 0
    return connection


def _batch(left: list[PublicKey]) -> list[PublicKey]:
    """Return the next keys, whose refusals one connection bears: an RSA key is asked about by three algorithms."""
    weights = accumulate(3 if key.kind == "ssh-rsa" else 1 for key in left)
    return [key for key, weight in zip(left, weights, strict=True) if weight <= AT_ONCE] or left[:1]


def _connected(stack: ExitStack, reach: Reach, name: str) -> Connection:
    host = reach.cfg.hosts[name]
    through = None
    if host.jump:
        jump = Target(purpose=host.jump.purpose, host=host.jump.host, account=host.jump.account)
        through = stack.enter_context(visit(reach, jump)).connection
        if through is None:
            raise unreachable(name, Silence.JUMP)
    endpoint = Endpoint(name=name, address=host.address, port=host.port, host_keys=host.host_keys)
    return stack.enter_context(connect(endpoint, seconds=reach.cfg.connect_seconds, through=through))

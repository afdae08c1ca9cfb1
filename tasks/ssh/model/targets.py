"""What a purpose's key opens: an account of a host."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from operator import itemgetter

from tasks.ssh.settings import Ssh


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Target:
    """One account of one host, as far as one purpose's key opens it."""

    purpose: str
    host: str
    account: str
    sudo: bool = False

    def __str__(self) -> str:
        """Return it as people write it."""
        return f"{self.account}@{self.host}"


def targets_of(cfg: Ssh, purpose: str) -> tuple[Target, ...]:
    """Return the targets of a purpose, in the order of the settings; hosts of a group in the order of [ssh.hosts]."""
    return tuple(_targets(cfg, purpose))


def by_turns(targets: Sequence[Target]) -> tuple[Target, ...]:
    """Return targets so that neighbours are on different hosts, as far as can be: a host lets in one at a time."""
    turns: defaultdict[str, count[int]] = defaultdict(count)  # the first of each host, then the second of each, …
    return tuple(target for _turn, target in sorted(((next(turns[t.host]), t) for t in targets), key=itemgetter(0)))


def _targets(cfg: Ssh, purpose: str) -> Iterator[Target]:
    for access in cfg.purposes[purpose].access:
        for host in cfg.hosts_of(access):
            for account in access.accounts:
                yield Target(purpose=purpose, host=host, account=account, sudo=access.sudo)

"""SSH servers of the lab: real OpenSSH on loopback, with accounts that exist only for them."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployments.background import LabError
from deployments.lab.sshd.faults import Fault, misbehaving
from deployments.lab.sshd.host import LabHost, make
from deployments.lab.sshd.keys import Pair, pair
from deployments.lab.sshd.namespace import accounts, unavailable
from deployments.lab.sshd.ports import free_port
from tasks.adapters.guardian import guarded_folder, sweep

__all__ = ["KIND", "Fault", "LabHost", "LabSsh", "Pair", "misbehaving", "pair", "running", "unavailable"]
KIND = "marias-lab-sshd"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabSsh:
    """The running servers, by name."""

    hosts: Mapping[str, LabHost]

    def reset(self) -> None:
        """Bring every server and account back to how they were at first: no key is authorized anywhere."""
        for host in self.hosts.values():
            host.reset()


@contextmanager
def running(base: Path, hosts: Mapping[str, Sequence[str]]) -> Iterator[LabSsh]:
    """Run a server for each of `hosts` (its name, and the names of its accounts) in a guarded folder of `base`.

    Raises LabError where no such server can run, or one does not start.
    """
    if why := unavailable():
        raise LabError(why)
    sweep(KIND, base)
    with guarded_folder(KIND, base) as folder, ExitStack() as stack:
        made: dict[str, LabHost] = {}
        for name, people in hosts.items():
            place = folder.path / name
            port = free_port({host.port for host in made.values()})
            made[name] = make(name, place, folder, accounts(place, people), port)
            stack.callback(made[name].stop)
            made[name].reset()
        yield LabSsh(hosts=made)

"""The hosts of the lab: real SSH servers whose accounts know the keys that Secrets Manager holds, and one that lies."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from deployments.lab import sshd
from deployments.lab.aws import LabAws
from deployments.lab.sshd import LabSsh, Pair, pair

HOSTS: Final[Mapping[str, tuple[str, ...]]] = {
    "deploy01": ("deploy", "ops"),
    "app02": ("deploy", "ops"),
    "dados01": ("ops",),
    "copias01": ("copias",),  # it shows another host key than the one that is pinned
}
PURPOSES: Final = ("deploy", "ops", "copias")
OPTIONS: Final = {"deploy": "restrict "}  # what CI's key may do
AGE: Final = timedelta(days=89, hours=18)  # so that the keys are due at any hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The running hosts, None where this machine cannot run them (`missing` says why), and a person's public key."""

    ssh: LabSsh | None
    missing: str
    person: str
    pinned: Mapping[str, str]

    @property
    def values(self) -> dict[str, str]:
        """Return what the lab's environment wants to know; without servers, addresses where nobody listens."""
        ports = {name: str(self.ssh.hosts[name].port) if self.ssh else "9" for name in HOSTS}
        return {
            "ssh_person": self.person,
            **{f"{name}_port": port for name, port in ports.items()},
            **{f"{name}_key": key for name, key in self.pinned.items()},
        }


@contextmanager
def running(base: Path, cloud: LabAws) -> Iterator[Fleet]:
    """Run the hosts, their accounts opened by keys that Secrets Manager holds, some hours before they are too old."""
    keys, person = {purpose: pair() for purpose in PURPOSES}, pair().public
    _store(cloud, keys)
    if why := sshd.unavailable():
        yield absent(why)
        return
    with sshd.running(base, HOSTS) as ssh:
        for host in ssh.hosts.values():
            for account in host.accounts:
                host.write(account, _lines(account, keys[account], person))
        pinned = {name: host.host_key for name, host in ssh.hosts.items()}
        yield Fleet(ssh=ssh, missing="", person=person, pinned={**pinned, "copias01": pair().public})


def absent(why: str) -> Fleet:
    """Return the hosts where there are none."""
    return Fleet(ssh=None, missing=why, person=pair().public, pinned=dict.fromkeys(HOSTS, pair().public))


def _store(cloud: LabAws, keys: Mapping[str, Pair]) -> None:
    created = (datetime.now(UTC) - AGE).isoformat()
    client = cloud.client("secretsmanager")
    for purpose, key in keys.items():
        text = json.dumps({"private_key": key.private.reveal(), "created_at": created})
        client.create_secret(Name=f"assist-marias/ops/ssh/{purpose}", SecretString=text)


def _lines(account: str, key: Pair, person: str) -> str:
    own = f"# chaves de {account}\n{OPTIONS.get(account, '')}{key.public}\n"
    return f"{own}{person}\n" if account == "ops" else own

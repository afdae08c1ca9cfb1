"""The fleet that the rotation is measured on: real SSH servers, a key that opens every account, and the settings."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any, Final

from deployments.lab import aws
from deployments.lab.sshd import LabSsh, pair, running
from tasks.adapters.guardian import MEGABYTE, scratch_base
from tasks.settings import Aws, Evidence, Section
from tasks.ssh.settings import Ssh, Transport

BUCKET: Final = "assist-marias-bench-evidence"
PURPOSE: Final = "ops"
ROOM_BYTES: Final = 200 * MEGABYTE
OLD: Final = timedelta(days=80)
OTHERS: Final = 5  # keys of other people in each file


@dataclass(slots=True, kw_only=True)
class Fleet:
    """Running servers, all of whose accounts one key opens: `private`, kept as `secret`."""

    ssh: LabSsh
    cloud: aws.LabAws
    private: str = ""
    public: str = ""
    secret: str = ""
    ports: Mapping[int, int] = field(default_factory=dict)  # by which a server's port is reached, where not itself
    transport: Transport = Transport.SHELL

    @property
    def targets(self) -> int:
        """Return how many accounts there are."""
        return sum(len(host.accounts) for host in self.ssh.hosts.values())

    def begin_anew(self) -> None:
        """Put a new key in the store and on every account, among those of other people."""
        self.secret = f"bench/{token_hex(8)}"
        key, others = pair(), [f"{pair().public} person {number}\n" for number in range(OTHERS)]
        self.private, self.public = key.private.reveal(), key.public
        text = json.dumps({"private_key": self.private, "created_at": (datetime.now(UTC) - OLD).isoformat()})
        self.cloud.client("secretsmanager").create_secret(Name=self.secret, SecretString=text)
        for host in self.ssh.hosts.values():
            for account in host.accounts:
                host.write(account, "".join((*others, f"{self.public} ops\n")))

    def sections(self) -> Mapping[str, Any]:
        """Return the sections of an environment, as JSON."""
        hosts = {
            name: {
                "address": "127.0.0.1",
                "port": self.ports.get(host.port, host.port),
                "host_keys": host.host_keys,
                "transport": self.transport,
            }
            for name, host in self.ssh.hosts.items()
        }
        access = [{"host": name, "accounts": tuple(host.accounts)} for name, host in self.ssh.hosts.items()]
        ssh = Ssh.model_validate({"hosts": hosts, "purposes": {PURPOSE: {"secret": self.secret, "access": access}}})
        sections = (self.cloud.settings, Evidence(bucket=BUCKET, signing_key="env:NONE"), ssh)
        return dict(zip(("aws", "evidence", "ssh"), (one.model_dump(mode="json") for one in sections), strict=True))


@contextmanager
def fleet(cloud: aws.LabAws, hosts: int, accounts: int) -> Iterator[Fleet]:
    """Run servers with so many accounts each, as OpenSSH is configured by default."""
    names = {f"host{number:02}": [f"a{account:03}" for account in range(accounts)] for number in range(hosts)}
    with running(scratch_base(ROOM_BYTES), names) as ssh:
        yield Fleet(ssh=ssh, cloud=cloud)


@contextmanager
def store() -> Iterator[aws.LabAws]:
    """Run Secrets Manager and S3 in this process, which none of the ways shares."""
    with aws.running() as cloud:
        region = {"LocationConstraint": cloud.settings.region}
        cloud.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=region)
        yield cloud


def sections_of(values: Mapping[str, Any]) -> Mapping[str, Section]:
    """Return the sections that `Fleet.sections` gave as JSON."""
    kinds: Mapping[str, type[Section]] = {"aws": Aws, "evidence": Evidence, "ssh": Ssh}
    return {name: kind.model_validate(values[name]) for name, kind in kinds.items()}

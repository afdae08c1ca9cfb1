"""Where the rotation is run to be harmed: real SSH servers, Secrets Manager, GitHub, and every key there ever was."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any, Final

from deployments.lab import aws
from deployments.lab import github as lab_github
from deployments.lab.github import REPOSITORY, LabGithub, Place
from deployments.lab.sshd import LabHost, LabSsh, Pair, pair, running
from tasks.adapters.guardian import scratch_base
from tasks.adapters.ssh import public_line
from tasks.core.secret import Secret
from tasks.environment import Environment
from tasks.secret_sync.settings import SecretSync
from tasks.settings import Aws, Evidence, Github
from tasks.ssh.model.targets import targets_of
from tasks.ssh.settings import Ssh
from tests import bare
from tests.chaos.gate import Gate
from tests.chaos.ssh_body import TOKEN

ROOM_BYTES: Final = 50_000_000
HOSTS: Final = ("app01", "app02", "dados01")
ACCOUNTS: Final = ("deploy", "ops", "copias")
ACCESS: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "deploy": [{"group": "app", "accounts": ["deploy"]}],
    "ops": [
        {"group": "app", "accounts": ["ops"]},
        {"host": "dados01", "accounts": ["ops"]},
        {"host": "app01", "accounts": ["copias"], "sudo": True},
    ],
}
OPTIONAL, WITHOUT_SHELL = "dados01", "dados01"
COPY: Final = Place(REPOSITORY, "PRODUCTION", "DEPLOY_SSH_KEY")
BUCKET: Final = "assist-marias-chaos-evidence"
OLD: Final = timedelta(days=89, hours=12)  # so that a key is due

# What stands in files at first: {key} is the purpose's, {person} somebody's whom the settings know.
FILES: Final = (
    b"# chaves\n{key} a comment\n{person} ana@casa\n",
    b'{person} "x"\r\nrestrict,from="127.0.0.1,::1" {key} ci\r\n\r\n# fim\r\n',
    b"{key}",
    b'no-pty,environment="A=b c" {key}\n{key} the same, without options\n\xff\xfe no key\n{person}\n',
    b"cert-authority {person}\n\n  {key}\n#{person}\n{person} last line, cut off",
)
PATIENT: Final = {"connect_seconds": 8, "command_seconds": 20, "tries": 4}
HASTY: Final = {"connect_seconds": 0.7, "command_seconds": 3, "tries": 2}  # while a server is harmed


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """An account of a host, and the purpose whose key opens it."""

    purpose: str
    host: LabHost
    account: str

    def __str__(self) -> str:
        """Return it as people write it."""
        return f"{self.account}@{self.host.name}"

    def read(self) -> bytes | None:
        """Return what its authorized_keys holds; None where its disk comes or goes at this moment."""
        try:
            return self.host.file(self.account).read_bytes()
        except OSError:
            if self.account in self.host.disks or self.host.process is None:
                return None
            return b""


@dataclass(slots=True, kw_only=True)
class World:
    """All that a run is shown; `keys` are every key that was ever stored, by purpose, public line by private half.

    `away` are the hosts that nobody can reach now; `compromised` the purposes whose key is being removed at once.
    """

    ssh: LabSsh
    secrets: Any
    hub: LabGithub
    aws_gate: Gate
    github_gate: Gate
    purposes: tuple[str, ...]
    person: Pair = field(default_factory=pair)
    keys: dict[str, dict[str, Secret]] = field(default_factory=dict)
    first: dict[str, bytes] = field(default_factory=dict)
    added: dict[str, bytes] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    compromised: set[str] = field(default_factory=set)
    doors: tuple[Door, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    worlds: int = 0
    lock: RLock = field(default_factory=RLock)

    @property
    def access(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return what each purpose's key opens."""
        return {name: access for name, access in ACCESS.items() if name in self.purposes}

    def secret(self, purpose: str) -> str:
        """Return the name of a purpose's secret."""
        return f"chaos/{self.worlds}/{purpose}"

    def settings(self, patience: Mapping[str, float] = PATIENT) -> Environment:
        """Return settings that pin the hosts as they are now."""
        hosts = {
            name: {
                "address": "127.0.0.1",
                "port": host.port,
                "host_keys": host.host_keys,
                "required": name != OPTIONAL,
                "transport": "sftp" if name == WITHOUT_SHELL else "shell",
                "groups": ["app"] if name.startswith("app") else [],
            }
            for name, host in self.ssh.hosts.items()
        }
        purposes = {name: {"secret": self.secret(name), "access": access} for name, access in self.access.items()}
        known = [{"owner": "Ana, operações", "key": self.person.public}]
        section = {"hosts": hosts, "purposes": purposes, "known_keys": known, **patience}
        place = dict(zip(("repository", "environment", "name"), COPY, strict=True))
        sections = {
            "aws": Aws(endpoint=self.aws_gate.address, timeout_seconds=3),
            "evidence": Evidence(bucket=BUCKET, signing_key=f"env:{TOKEN}"),
            "github": Github(token=f"env:{TOKEN}", base_url=self.github_gate.address, timeout_seconds=2),
            "secret_sync": SecretSync.model_validate(
                {"copies": [{**place, "secret": self.secret("deploy"), "key": "private_key"}]}
            ),
            "ssh": Ssh.model_validate(section),
        }
        return bare.production().model_copy(update=sections)

    def begin_anew(self) -> None:
        """Give every purpose a new key that is nearly due, and every file its first content."""
        with self.lock:
            self.worlds += 1
            self.ssh.reset()
            self.hub.forget()
            self.keys, self.first, self.added = {}, {}, {}
            for purpose in self.access:
                key = pair()
                self.keys[purpose] = {key.public: key.private}
                created = (datetime.now(UTC) - OLD).isoformat()
                text = json.dumps({"private_key": key.private.reveal(), "created_at": created})
                self.secrets.create_secret(Name=self.secret(purpose), SecretString=text)
                if purpose == "deploy":
                    self.hub.secrets[COPY] = key.private.reveal()
            self.doors = tuple(self._doors(self.settings().ssh))
            for door, template in zip(self.doors, FILES * 2, strict=False):
                (line,) = self.keys[door.purpose]
                content = template.replace(b"{key}", line.encode()).replace(b"{person}", self.person.public.encode())
                door.host.write(door.account, content)
                self.first[str(door)], self.added[str(door)] = content, b""

    def declare(self, parameters: Mapping[str, Any]) -> None:
        """Take note of a compromise: until it is over, the key that CI has may open nothing."""
        if parameters.get("compromised"):
            self.compromised |= set(self.keys)

    def stored(self, purpose: str) -> tuple[str, ...]:
        """Return the public line of every version that has a label, the oldest first; each is remembered for good."""
        with self.lock:
            listed = self._listed(purpose)
            for version in (one["VersionId"] for one in listed if one["VersionId"] not in self.versions):
                text = self.secrets.get_secret_value(SecretId=self.secret(purpose), VersionId=version)["SecretString"]
                private = Secret(json.loads(text)["private_key"])
                self.versions[version] = str(public_line(private))
                self.keys[purpose].setdefault(self.versions[version], private)
            return tuple(self.versions[one["VersionId"]] for one in listed)

    def labels(self, purpose: str) -> Mapping[str, str]:
        """Return the public line at each label."""
        self.stored(purpose)
        listed = self._listed(purpose)
        return {label: self.versions[one["VersionId"]] for one in listed for label in one["VersionStages"]}

    def _listed(self, purpose: str) -> list[Any]:
        listed = self.secrets.list_secret_version_ids(SecretId=self.secret(purpose))["Versions"]
        return sorted(listed, key=lambda one: one["CreatedDate"])

    def _doors(self, cfg: Ssh) -> Iterator[Door]:
        for target in (target for purpose in cfg.purposes for target in targets_of(cfg, purpose)):
            yield Door(purpose=target.purpose, host=self.ssh.hosts[target.host], account=target.account)

    def copied(self) -> str:
        """Return the public line of the key that CI has."""
        return str(public_line(Secret(self.hub.secrets[COPY])))


@contextmanager
def world(purposes: tuple[str, ...] = tuple(ACCESS)) -> Iterator[World]:
    """Run servers and services, with gates before Secrets Manager and GitHub; the caller brings AWS's credentials."""
    os.environ[TOKEN] = lab_github.TOKEN
    with (
        running(scratch_base(ROOM_BYTES), dict.fromkeys(HOSTS, ACCOUNTS)) as ssh,
        aws.running() as cloud,
        lab_github.running() as hub,
    ):
        gates = Gate(cloud.address), Gate(hub.address)
        s3, region = cloud.client("s3"), cloud.settings.region
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": region})
        try:
            made = World(
                ssh=ssh,
                secrets=cloud.client("secretsmanager"),
                hub=hub,
                aws_gate=gates[0],
                github_gate=gates[1],
                purposes=purposes,
            )
            made.begin_anew()
            yield made
        finally:
            s3.delete_bucket(Bucket=BUCKET)
            for gate in gates:
                gate.close()
            del os.environ[TOKEN]

"""What the rotation is shown in tests: real SSH servers, keys in Secrets Manager, a GitHub, and who can get in."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deployments.lab import aws, github
from deployments.lab.aws import LabAws
from deployments.lab.github import REPOSITORY, LabGithub, Place
from deployments.lab.sshd import LabHost, LabSsh, Pair, pair
from tasks.adapters import github as hub_adapter
from tasks.adapters import secret_stages, secrets
from tasks.adapters.secret_stages import SecretStages
from tasks.adapters.ssh import public_line
from tasks.core.attempt import Attempt, Trigger
from tasks.core.findings import Outcome
from tasks.core.secret import Secret
from tasks.environment import Environment
from tasks.evidence.document import write
from tasks.notices.words import spoken
from tasks.reports.csv import to_csv
from tasks.reports.html import to_html
from tasks.reports.standard import layout
from tasks.secret_sync.settings import SecretSync
from tasks.settings import Aws, Evidence, Github
from tasks.ssh import report, wording
from tasks.ssh.collect import reach
from tasks.ssh.formats import stored
from tasks.ssh.formats.stored import MADE_BY, StoredKey
from tasks.ssh.model.keys import CURRENT, PENDING, PublicKey
from tasks.ssh.settings import Ssh
from tests import bare

ACCOUNT = "ops"
PURPOSE = "ops"
USUAL = ("web-1", "web-2")
DUE = timedelta(days=89, hours=18)  # its last hour comes before any morning after today
YOUNG = timedelta(days=5)
COPY = Place(REPOSITORY, "PRODUCTION", "OPS_KEY")
COPY_VERSION = Place(REPOSITORY, "PRODUCTION", "OPS_KEY_VERSION")
NEAR = 'from="127.0.0.1,10.0.0.0/8",no-agent-forwarding'

Harm = Callable[["World"], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The stand-ins, and clients of AWS that are made once: each takes a fifth of a second."""

    cloud: LabAws
    hub: LabGithub
    secrets: Any
    buckets: Any


@dataclass(slots=True, kw_only=True)
class World:
    """Accounts that `old` opens, whose purpose `ops` keeps it in a secret; `keys` by name are asked for by `opens`."""

    ssh: LabSsh
    services: Services
    bucket: str
    secret: str
    hosts: tuple[str, ...] = USUAL
    keys: dict[str, Secret] = field(default_factory=dict)
    people: dict[str, Pair] = field(default_factory=dict)
    aws: Aws = field(init=False)
    ssh_changes: dict[str, Any] = field(default_factory=dict)
    host_changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    access: list[dict[str, Any]] = field(default_factory=list)
    written: dict[str, bytes] = field(default_factory=dict)
    copied: bool = False
    told: str = ""

    def __post_init__(self) -> None:
        """Point at the stand-in."""
        self.aws = self.services.cloud.settings

    # ── the environment ──────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def settings(self) -> Environment:
        """Return production's environment with what the rotation uses pointing here."""
        copy = {"secret": self.secret, "key": "private_key", "name": COPY.name}
        copies = [{**copy, "repository": COPY.repository, "environment": COPY.environment}] if self.copied else []
        token = "env:LAB_GITHUB"  # noqa: S105 - a reference
        evidence = Evidence(bucket=self.bucket, signing_key="env:LAB_SIGNING")
        return production().model_copy(
            update={
                "aws": self.aws,
                "evidence": evidence,
                "github": Github(token=token, base_url=self.services.hub.address, timeout_seconds=5),
                "secret_sync": SecretSync.model_validate({"copies": copies}),
                "ssh": self.cfg,
            }
        )

    @property
    def cfg(self) -> Ssh:
        """Return [ssh]."""
        hosts = {name: {**self._host(name), **self.host_changes.get(name, {})} for name in self.hosts}
        access = self.access or [{"group": "all", "accounts": [ACCOUNT]}]
        known = [{"owner": f"Ana de {name}", "key": person.public} for name, person in self.people.items()]
        usual = {"tries": 1, "connect_seconds": 2, "command_seconds": 10, "known_keys": known}
        purposes = {PURPOSE: {"secret": self.secret, "access": access}}
        return Ssh.model_validate({**usual, "hosts": hosts, "purposes": purposes, **self.ssh_changes})

    def _host(self, name: str) -> dict[str, Any]:
        host = self.ssh.hosts[name]
        return {"address": "127.0.0.1", "port": host.port, "host_keys": (host.host_key,), "groups": ["all"]}

    # ── the store ────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def stages(self) -> SecretStages:
        """Return the secret, to be changed."""
        return SecretStages(self.services.cloud.settings, self.secret)

    @property
    def current(self) -> str:
        """Return the id of the current version."""
        return self.stages.at(CURRENT).id

    @property
    def stored(self) -> dict[str, tuple[str, ...]]:
        """Return the stages of every stored key by its name, holds without the version's id."""
        return {
            self.name_of(version.text): tuple(sorted(stage.replace(version.id, "*") for stage in version.stages))
            for version in self.stages.versions()
        }

    @property
    def versions(self) -> list[tuple[str, tuple[str, ...], str]]:
        """Return everything that the secret holds."""
        return [
            (version.id, tuple(sorted(version.stages)), version.text.reveal()) for version in self.stages.versions()
        ]

    def name_of(self, text: Secret) -> str:
        """Return what a stored key is called here; those that runs made are new, new-2, and so on."""
        private = json.loads(text.reveal())["private_key"]
        known = {secret.reveal(): name for name, secret in self.keys.items()}
        if private not in known:
            made = sum(name.startswith("new") for name in self.keys)
            known[private] = f"new-{made + 1}" if made else "new"
            self.keys[known[private]] = Secret(private)
        return known[private]

    def public(self, name: str) -> str:
        """Return a key's public line without a comment."""
        line = public_line(self.keys[name])
        assert line is not None
        return " ".join(line.split()[:2])

    def key(self, name: str) -> PublicKey:
        """Return a key's public half."""
        return PublicKey.of(self.public(name))

    def age(self, age: timedelta) -> None:
        """Let the only stored key be so old."""
        self.store_alone(self.text("old", age=age))

    def store_alone(self, text: str | None) -> None:
        """Let the secret hold one version, current, and nothing else; None for no version at all."""
        self.services.secrets.delete_secret(SecretId=self.secret, ForceDeleteWithoutRecovery=True)
        self.services.secrets.create_secret(Name=self.secret, **({} if text is None else {"SecretString": text}))

    def text(
        self,
        name: str,
        *,
        age: timedelta = timedelta(0),
        replaces: str = "",
        retired: tuple[str, ...] = (),
        environment: str = "",
    ) -> str:
        """Return a key as the rotation stores it, made if there is none of this name."""
        if name not in self.keys:
            self.keys[name] = pair().private
        return stored.write(
            StoredKey(
                private_key=self.keys[name].reveal(),
                public_key=self.public(name),
                created_at=datetime.now(UTC) - age,
                made_by=MADE_BY,
                replaces=replaces,
                retired=tuple(map(self.key, retired)),
                environment=environment,
            )
        )

    def put_by_hand(self, name: str, **more: Any) -> None:  # noqa: ANN401 - of the JSON
        """Put a private half in the current key's place, as people do in the console."""
        self.keys.setdefault(name, pair().private)
        text = json.dumps({"private_key": self.keys[name].reveal(), **more})
        self.services.secrets.put_secret_value(SecretId=self.secret, SecretString=text)

    def put(self, name: str, stage: str = PENDING, **known: Any) -> str:  # noqa: ANN401 - of `text`
        """Store a key as the rotation does, and return its version."""
        version, current = str(uuid4()), self.stages.at(CURRENT)
        told = {"replaces": current.id, "retired": (self.name_of(current.text),), **known}
        self.stages.put(version, Secret(self.text(name, **told)), stage)
        return version

    # ── the accounts ─────────────────────────────────────────────────────────────────────────────────────────────────

    def host(self, target: str) -> LabHost:
        """Return the host of a target."""
        return self.ssh.hosts[target.partition("@")[2]]

    def write(self, target: str, *names: str, options: str = "", before: bytes = b"") -> bytes:
        """Let an account know these keys and the key of a person of its own, among what must stay as it is."""
        person = self.people.setdefault(target, pair())
        lead = f"{options} " if options else ""
        lines = "".join(f"{lead}{self.public(name)} {name} key\n" for name in names)
        content = (
            b"# chaves\r\n\n" + before + lines.encode()
            + f'command="echo  a, ssh-rsa b",no-pty {person.public} Ana\r\n# fim sem quebra'.encode()
        )  # fmt: skip
        self.host(target).write(target.partition("@")[0], content)
        self.written[target] = content
        return content

    def content(self, target: str) -> bytes:
        """Return what an account's file holds now."""
        return self.host(target).file(target.partition("@")[0]).read_bytes()

    def opens(self, target: str) -> set[str]:
        """Return the names of the keys that open an account: asked without the project's adapter."""
        account = target.partition("@")[0]
        return {name for name, private in self.keys.items() if self.host(target).accepts(account, private)}

    def others(self, content: bytes) -> list[bytes]:
        """Return the lines of a file but for those with a key of the purpose."""
        ours = [self.public(name).encode() for name in self.keys]
        return [line for line in content.splitlines(keepends=True) if not any(key in line for key in ours)]

    def exchanged(self, target: str, old: str, new: str, options: str = "") -> bytes:
        """Return what an account's file should hold once `new` has taken the place of `old`."""
        lead = f"{options} " if options else ""
        line = f"{lead}{self.public(new)} {MADE_BY} {PURPOSE} {datetime.now(UTC):%Y-%m-%d}\n"
        return self.written[target].replace(f"{lead}{self.public(old)} {old} key\n".encode(), line.encode())

    # ── a run ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def run(self, ended: bare.Ended = bare.nobody, **parameters: Any) -> Outcome:  # noqa: ANN401 - the duty's own
        """Run the duty's body, and tell its outcome as the frame does: `told` is every text that a run leaves."""
        outcome = bare.rotation(self.settings, ended, **parameters)
        self.told = tell(outcome)
        for version in self.stages.versions():
            self.name_of(version.text)
        return outcome

    def heal(self) -> None:
        """Let every server run again, and answer everybody."""
        for host in self.ssh.hosts.values():
            host.thaw()
            host.start()
            if "MaxAuthTries" in host.options:  # a server that hangs up over each refusal tells no truth
                host.configure(**{name: value for name, value in host.options.items() if name != "MaxAuthTries"})


def tell(outcome: Outcome) -> str:
    """Return outcome.json, the report and the tables of an outcome: every code has its words, or this fails."""
    words, now = spoken(wording.WORDING), datetime.now(UTC)
    attempt = Attempt(
        duty="ssh-rotation",
        environment="lab",
        flow_run_id=str(uuid4()),
        number=1,
        trigger=Trigger.PERSON,
        started_at=now,
    )
    document = write(attempt, outcome, words, safe=wording.SAFE, code="test", finished_at=now)
    blocks = layout(document, report.build(outcome), outcome.tables, words.labels)
    tables = (to_csv(table).decode() for table in outcome.tables)
    return "\n".join((document.to_json().decode(), to_html(document.title, blocks), *tables))


production = cache(bare.production)


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    """Yield running stand-ins of AWS and GitHub, and let this process be known to them."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**aws.CREDENTIALS, "LAB_GITHUB": github.TOKEN}.items():
            patch.setenv(name, value)
        patch.setattr(secret_stages, "client", cache(secrets.client))  # each takes 30 ms, and a run makes ten
        patch.setattr(hub_adapter, "PAUSES_SECONDS", (0.01, 0.01))
        patch.setattr(reach, "PAUSE_SECONDS", 0.01)
        with aws.running() as cloud, github.running() as hub:
            clients = [cloud.client(name) for name in ("secretsmanager", "s3")]
            with closing(clients[0]), closing(clients[1]):
                yield Services(cloud=cloud, hub=hub, secrets=clients[0], buckets=clients[1])


@pytest.fixture
def world(ssh: LabSsh, services: Services) -> Iterator[World]:
    """Yield a world: one key, due, that opens the account `ops` of every host."""
    services.hub.forget()
    bucket, secret = f"evidence-{uuid4().hex[:12]}", f"assist-marias/{uuid4().hex}"
    where = {"LocationConstraint": services.cloud.settings.region}
    services.buckets.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
    made = World(ssh=ssh, services=services, bucket=bucket, secret=secret, keys={"old": pair().private})
    services.secrets.create_secret(Name=secret, SecretString=made.text("old", age=DUE))
    for name in ssh.hosts:
        made.write(f"{ACCOUNT}@{name}", "old")
    yield made
    made.heal()
    assert services.hub.faults == []


def mapping(outcome: Outcome) -> Mapping[str, str]:
    """Return how the proof of each account ended: `proved`, or its state."""
    return {one.subject: one.why.rpartition(".")[2] or "proved" for one in outcome.coverage}


def told(outcome: Outcome) -> list[tuple[str, str]]:
    """Return rule and subject of each finding."""
    return [(found.rule, found.subject) for found in outcome.findings]


def on_disk(world: World) -> dict[str, tuple[object, ...]]:
    """Return everything below the accounts' homes: what it is, whose, since when, and what it holds."""
    return {str(path): _facts(path) for host in world.ssh.hosts.values() for path in host.place("home").rglob("*")}


def _facts(path: Path) -> tuple[object, ...]:
    found = path.lstat()
    return found.st_mode, found.st_uid, found.st_ino, found.st_mtime_ns, path.is_file() and path.read_bytes()

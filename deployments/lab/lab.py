"""The whole lab: every stand-in, seeded, in one guarded folder; and the environment `lab` that points at it."""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

from prefect.context import refresh_global_settings_context

from deployments.lab import aws, fleet, github, orchestrator, postgres, programs, seed, slack, smtp
from deployments.lab.fleet import Fleet
from deployments.lab.github import LabGithub
from deployments.lab.slack import LabSlack
from deployments.lab.smtp import LabSmtp
from tasks.adapters import postgres_server
from tasks.adapters.guardian import Folder, guarded_folder, sweep
from tasks.environment import FOLDER, FOLDER_VARIABLE

NOWHERE = "http://127.0.0.1:9/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A running lab: `variables` are what a process needs in its environment to use it."""

    guarded: Folder
    variables: Mapping[str, str]
    addresses: Mapping[str, str]
    backups: seed.Backups
    people: LabSlack
    mail: LabSmtp
    github: LabGithub
    fleet: Fleet


@contextmanager
def running(*, with_prefect: bool = True) -> Iterator[Lab]:
    """Start the lab (and a Prefect server, not yet a worker) on free ports; stop and delete it when the block ends."""
    base = Path(tempfile.gettempdir())
    sweep("lab", base)
    with ExitStack() as stack:
        folder = stack.enter_context(guarded_folder("lab", base))
        binaries = postgres_server.find_binaries(str(programs.find("postgres").path or ""))
        database = stack.enter_context(postgres.running(base, binaries))
        cloud = stack.enter_context(aws.running())
        hosts = stack.enter_context(fleet.running(base, cloud))
        hub = stack.enter_context(github.running())
        mail = stack.enter_context(smtp.running())
        people = stack.enter_context(slack.running(mails=mail.messages))
        port = orchestrator.free_port()
        addresses = {
            "aws": cloud.address,
            "slack": people.address,
            "inbox": people.inbox_url,
            "smtp_host": mail.host,
            "smtp_port": str(mail.port),
            "github": hub.address,
            "prefect": f"http://127.0.0.1:{port}",
        }
        environments = folder.path / "environments"
        render(environments, {**addresses, **hosts.values, "postgres_bin": str(binaries.bin)})
        variables = {
            **orchestrator.settings(folder, port),
            **aws.CREDENTIALS,
            FOLDER_VARIABLE: str(environments),
            "MARIAS_LAB_DATABASE": database.address,
        }
        backups = seed.everything(cloud, people, database, variables)
        if with_prefect:
            stack.enter_context(orchestrator.server(folder, port, variables))
        yield Lab(
            guarded=folder,
            variables=variables,
            addresses=addresses,
            backups=backups,
            people=people,
            mail=mail,
            github=hub,
            fleet=hosts,
        )


def render(target: Path, values: Mapping[str, str]) -> None:
    """Write the lab's environment with its addresses filled in; numbers lose their quotes.

    GitHub and the hosts are nowhere unless `values` say where.
    """
    target.mkdir(exist_ok=True)
    values = {"github": NOWHERE, **fleet.absent("").values, **values}
    template = re.sub(r'"(\$\{\w+_port\})"', r"\1", (FOLDER / "lab.toml").read_text(encoding="utf-8"))
    (target / "lab.toml").write_text(Template(template).substitute(values), encoding="utf-8")


def attach(variables: Mapping[str, str]) -> None:
    """Point this process, and Prefect's settings in it, at a running lab."""
    os.environ.update(variables)
    refresh_global_settings_context()

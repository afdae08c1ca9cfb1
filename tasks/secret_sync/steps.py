"""The Prefect rim of the copies, shared by the duties that change a secret."""

from datetime import timedelta

from tasks.adapters import secrets
from tasks.adapters.github import GitHub
from tasks.adapters.secret_stages import SecretStages
from tasks.secret_sync import apply
from tasks.secret_sync.model import CopyState
from tasks.secret_sync.settings import SecretSync
from tasks.settings import Aws, Github
from tasks.steps import effect

SHORT = timedelta(minutes=10)


@effect(timeout=SHORT)
def refresh_copies(cfg: SecretSync, aws: Aws, github: Github, secret: str) -> tuple[CopyState, ...]:
    """Bring each copy of a secret to its current version, read anew; nothing is asked where there is no copy."""
    copies = cfg.of(secret)
    return apply.refresh(_github(github, aws), SecretStages(aws, secret), copies) if copies else ()


def _github(github: Github, aws: Aws) -> GitHub:
    return GitHub(github, secrets.resolve(github.token, aws))

"""Asks, changing nothing, whether this machine has what an environment's duties need."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from deployments.words import tell
from tasks.adapters import mail, postgres_server, prefect_api, secrets
from tasks.adapters.github import GitHub
from tasks.adapters.s3 import S3
from tasks.adapters.secret_stages import SecretStages
from tasks.adapters.signing import Signer
from tasks.adapters.slack import SlackApi
from tasks.core.errors import known
from tasks.core.findings import Finding
from tasks.core.secret import Secret
from tasks.environment import Environment, load
from tasks.secret_sync.settings import Copy

UNSHOWN = (
    "writing evidence (s3:PutObject)",
    "posting to Slack (chat:write)",
    "sending mail",
    "moving the stages of SSH keys (secretsmanager:PutSecretValue, UpdateSecretVersionStage)",
    "writing secrets of GitHub's environments",
)
READY, NOT_READY, NOT_CHECKED = "ready", "not ready", "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was checked (or could not be without a write), and what to do about it."""

    what: str
    state: str
    why: str = ""


def checks(environment: str) -> tuple[Check, ...]:
    """Return every check of an environment; raises OperatorError only when its settings cannot be read."""
    settings = load(environment)
    return tuple(_checks(settings))


def _checks(settings: Environment) -> Iterator[Check]:
    aws, slack = settings.aws, settings.slack
    questions: tuple[tuple[str, Callable[[], object]], ...] = (
        ("Prefect server", prefect_api.check),
        ("secret of the Slack bot", lambda: secrets.resolve(slack.token, aws)),
        ("secret of the plain webhook", lambda: secrets.resolve(slack.webhook, aws)),
        ("signing key of the ledger", lambda: Signer(secrets.resolve(settings.evidence.signing_key, aws))),
        ("Slack", lambda: SlackApi(slack, secrets.resolve(slack.token, aws)).check(tuple(slack.channels.values()))),
        ("mail server", lambda: mail.check(settings.mail, _password(settings))),
        (
            f"evidence bucket {settings.evidence.bucket}",
            lambda: S3(aws).ready(settings.evidence.bucket, versioned=True),
        ),
        (f"backup bucket {settings.backup.bucket}", lambda: S3(aws).ready(settings.backup.bucket)),
        ("GitHub token", lambda: secrets.resolve(settings.github.token, aws)),
        ("PostgreSQL server programs", lambda: postgres_server.find_binaries(settings.backup.postgres_bin)),
    )
    references = {
        "age identity that opens backups": settings.backup.age_identity,
        **{f"connection to the database {name}": one.source for name, one in settings.backup.databases.items()},
    }
    for what, reference in references.items():
        if reference:
            questions += ((what, partial(secrets.resolve, reference, aws)),)
    for name, purpose in settings.ssh.purposes.items():
        questions += ((f"SSH key of the purpose {name}", partial(_key, settings, purpose.secret)),)
    for copy in settings.secret_sync.copies:
        original = f"secretsmanager:{copy.secret}#{copy.key}"
        questions += ((f"original of {copy.place}", partial(secrets.resolve, original, aws)),)
        questions += ((f"GitHub environment of {copy.place}", partial(_environment, settings, copy)),)
    for what, ask in questions:
        yield from _answers(what, ask)
    for name, host in settings.ssh.hosts.items():
        why = "" if host.host_keys else "Nenhuma chave em host_keys: docs/runbooks/ssh-rotation.md, Preparar."
        yield Check(what=f"pinned key of the host {name}", state=NOT_READY if why else READY, why=why)
    for what in UNSHOWN:
        yield Check(what=what, state=NOT_CHECKED, why="only a write would show it")


def _key(settings: Environment, secret: str) -> tuple[Finding, ...]:
    return SecretStages(settings.aws, secret).ready()


def _environment(settings: Environment, copy: Copy) -> tuple[Finding, ...]:
    hub = GitHub(settings.github, secrets.resolve(settings.github.token, settings.aws))
    return hub.ready(copy.repository, copy.environment)


def _password(settings: Environment) -> Secret | None:
    reference = settings.mail.password
    return secrets.resolve(reference, settings.aws) if reference else None


def _answers(what: str, ask: Callable[[], object]) -> Iterator[Check]:
    try:
        answer = ask()
    except Exception as error:  # noqa: BLE001 - one check that cannot be made does not end the others
        cause = known(error)
        told = tell(cause.code, cause.subject, cause.data)
        yield Check(what=what, state=NOT_READY, why=f"{told.message} {told.remedy}")
        return
    findings = [f for f in answer if isinstance(f, Finding)] if isinstance(answer, tuple) else []
    for finding in findings:
        told = tell(finding.rule, finding.subject, finding.data)
        yield Check(what=what, state=NOT_READY, why=f"{told.message} {told.remedy}")
    if not findings:
        yield Check(what=what, state=READY)

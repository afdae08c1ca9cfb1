"""Asks, changing nothing, whether this machine has what an environment's duties need."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from deployments.words import tell
from tasks.adapters import mail, postgres_server, prefect_api, secrets
from tasks.adapters.s3 import S3
from tasks.adapters.signing import Signer
from tasks.adapters.slack import SlackApi
from tasks.core.errors import known
from tasks.core.findings import Finding
from tasks.core.secret import Secret
from tasks.environment import Environment, load

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
        ("PostgreSQL server programs", lambda: postgres_server.find_binaries(settings.backup.postgres_bin)),
    )
    references = {
        "age identity that opens backups": settings.backup.age_identity,
        **{f"connection to the database {name}": one.source for name, one in settings.backup.databases.items()},
    }
    for what, reference in references.items():
        if reference:
            questions += ((what, partial(secrets.resolve, reference, aws)),)
    for what, ask in questions:
        yield from _answers(what, ask)
    for what in ("writing evidence (s3:PutObject)", "posting to Slack (chat:write)", "sending mail"):
        yield Check(what=what, state=NOT_CHECKED, why="only a write would show it")


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

"""Where secrets lie: a reference becomes a Secret here, and only for the adapter that hands it on."""

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.adapters.aws import ERRORS, AwsAnswer, Kind, answer_of, config, kind_of, session
from tasks.core.errors import OperatorError, TransientError
from tasks.core.secret import Secret
from tasks.settings import Aws

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

logging.getLogger("botocore").setLevel(logging.INFO)  # louder, it logs what is sent and answered: the secrets

_ERRORS: Mapping[Kind, tuple[type[OperatorError], str]] = {
    Kind.DENIED: (OperatorError, "secret.denied"),
    Kind.PASSING: (TransientError, "secret.unreachable"),
}


@contextmanager
def translated(subject: str) -> Iterator[None]:
    """Raise what Secrets Manager refused within the block under its code, about `subject`."""
    try:
        yield
    except ERRORS as error:
        kind = kind_of(error)
        if kind is Kind.NO_SECRET:
            raise OperatorError("secret.missing", subject) from None
        raising, code = _ERRORS.get(kind, (OperatorError, "secret.failed"))
        raise raising(code, subject, answer_of(error)) from None


def client(aws: Aws) -> "SecretsManagerClient":
    """Return a client of Secrets Manager; safe between threads."""
    with session(aws) as shared:
        return shared.client("secretsmanager", endpoint_url=aws.endpoint or None, config=config(aws))


def resolve(ref: str, aws: Aws) -> Secret:
    """Return the secret that `ref` (`secretsmanager:NAME#key`, `env:NAME` or `file:PATH`) points at.

    A file loses the line breaks at its end. Raises OperatorError secret.missing (nothing there, or it is empty),
    secret.malformed (no JSON object with that key and a text, or no UTF-8), secret.denied, secret.failed, and
    TransientError secret.unreachable. The errors name the reference, which is no secret.
    """
    scheme, _, place = ref.partition(":")
    text = _SCHEMES[scheme](place, ref, aws)
    if text is None:
        raise OperatorError("secret.malformed", ref)
    if not text:
        raise OperatorError("secret.missing", ref)
    return Secret(text)


def _from_secrets_manager(place: str, ref: str, aws: Aws) -> str | None:
    name, _, key = place.partition("#")
    with translated(ref):
        # the stage is always named: while a secret is rotated, the newest version is not the current one
        found = client(aws).get_secret_value(SecretId=name, VersionStage="AWSCURRENT")
    return value(found.get("SecretString", ""), key)


def _from_environment(place: str, _ref: str, _aws: Aws) -> str:
    return os.environ.get(place, "")


def _from_file(place: str, ref: str, _aws: Aws) -> str | None:
    try:
        body = Path(place).read_bytes()
    except FileNotFoundError:
        return ""
    except OSError as error:
        code = "secret.denied" if isinstance(error, PermissionError) else "secret.failed"
        raise OperatorError(code, ref, AwsAnswer(answer=type(error).__name__)) from None
    return _decoded(body)


# The next two return None instead of raising: what json and the decoder raise carries the secret itself, and would
# travel with our error as its context.


def value(whole: str, key: str) -> str | None:
    """Return the text under `key` of a JSON object; None when it is none, or has no text there."""
    try:
        values = json.loads(whole)
    except ValueError:
        return None
    text = values.get(key) if isinstance(values, dict) else None
    return text if isinstance(text, str) else None


def _decoded(body: bytes) -> str | None:
    try:
        return body.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        return None


_SCHEMES: Mapping[str, Callable[[str, str, Aws], str | None]] = {
    "secretsmanager": _from_secrets_manager,
    "env": _from_environment,
    "file": _from_file,
}

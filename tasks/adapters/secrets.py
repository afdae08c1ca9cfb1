"""Where secrets lie: a reference becomes a Secret here, and only for the adapter that hands it on."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from tasks.adapters.aws import ERRORS, AwsAnswer, Kind, answer_of, config, kind_of, session
from tasks.core.errors import OperatorError, TransientError
from tasks.core.secret import Secret
from tasks.settings import Aws

_ERRORS: Mapping[Kind, tuple[type[OperatorError], str]] = {
    Kind.DENIED: (OperatorError, "secret.denied"),
    Kind.PASSING: (TransientError, "secret.unreachable"),
}


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
    with session(aws) as shared:
        client = shared.client("secretsmanager", endpoint_url=aws.endpoint or None, config=config(aws))
    try:
        # the stage is always named: while a secret is rotated, the newest version is not the current one
        found = client.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")
    except ERRORS as error:
        kind = kind_of(error)
        if kind is Kind.NO_SECRET:
            return ""
        raising, code = _ERRORS.get(kind, (OperatorError, "secret.failed"))
        raise raising(code, ref, answer_of(error)) from None
    return _value(found.get("SecretString", ""), key)


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


def _value(whole: str, key: str) -> str | None:
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

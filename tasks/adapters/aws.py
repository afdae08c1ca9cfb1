"""How AWS is called, and what its refusals mean: shared by the adapters of its services."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from threading import Lock

from boto3.session import Session
from botocore import exceptions as failures
from botocore.config import Config

from tasks.settings import Aws

TRIES = 3
ERRORS = (failures.ClientError, failures.BotoCoreError)


class Kind(StrEnum):
    """What an answer of AWS, or its absence, means."""

    NO_BUCKET = "no_bucket"
    NO_OBJECT = "no_object"
    NO_SECRET = "no_secret"  # noqa: S105 - a name
    STANDS = "stands"
    CONFLICT = "conflict"
    DENIED = "denied"
    PASSING = "passing"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsAnswer:
    """What was answered, as AWS's own error code or the class of the failure; never its message or body."""

    answer: str


_BY_CODE: Mapping[str, Kind] = {
    "NoSuchBucket": Kind.NO_BUCKET,
    "404": Kind.NO_BUCKET,  # HeadBucket's answer has no body, and so no code
    "NoSuchKey": Kind.NO_OBJECT,
    "ResourceNotFoundException": Kind.NO_SECRET,
    "PreconditionFailed": Kind.STANDS,
    "ConditionalRequestConflict": Kind.CONFLICT,
    "InvalidObjectState": Kind.OTHER,  # archived: a 403 that no permission mends
    # refusals that some services send with status 400
    "AccessDeniedException": Kind.DENIED,
    "ExpiredToken": Kind.DENIED,
    "ExpiredTokenException": Kind.DENIED,
    "InvalidSignatureException": Kind.DENIED,
    "UnrecognizedClientException": Kind.DENIED,
    "RequestTimeout": Kind.PASSING,
    "Throttling": Kind.PASSING,
    "ThrottlingException": Kind.PASSING,
}
_BY_STATUS: Mapping[int, Kind] = {
    401: Kind.DENIED,
    403: Kind.DENIED,
    429: Kind.PASSING,
    **dict.fromkeys(range(500, 600), Kind.PASSING),
}
_BY_CLASS: Mapping[type[failures.BotoCoreError], Kind] = {
    failures.NoCredentialsError: Kind.DENIED,
    failures.PartialCredentialsError: Kind.DENIED,
    failures.CredentialRetrievalError: Kind.DENIED,
    failures.TokenRetrievalError: Kind.DENIED,
    failures.ProfileNotFound: Kind.DENIED,
    failures.SSLError: Kind.OTHER,  # a certificate does not mend itself; before its base class
    failures.ConnectionError: Kind.PASSING,
    failures.HTTPClientError: Kind.PASSING,
    failures.IncompleteReadError: Kind.PASSING,
    failures.FlexibleChecksumError: Kind.PASSING,
}


def config(aws: Aws) -> Config:
    """Return how AWS is asked: every wait bounded, TRIES tries with jittered backoff."""
    return Config(
        connect_timeout=aws.timeout_seconds,
        read_timeout=aws.timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": TRIES},
        tcp_keepalive=True,
    )


@contextmanager
def session(aws: Aws) -> Iterator[Session]:
    """Lend the process's one session of a region, to make a client of: it reads AWS's models, which is slow, only once.

    A session is not safe between threads, so one at a time; the clients are.
    """
    with _making:
        yield _session(aws.region)


_making = Lock()


@cache
def _session(region: str) -> Session:
    return Session(region_name=region)


def kind_of(error: BaseException) -> Kind:
    """Return what `error` (one of ERRORS) means: by AWS's code, else by HTTP status, else by its class."""
    if isinstance(error, failures.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return _BY_CODE.get(_code(error), _BY_STATUS.get(status, Kind.OTHER))
    return next((kind for cls, kind in _BY_CLASS.items() if isinstance(error, cls)), Kind.OTHER)


def answer_of(error: BaseException) -> AwsAnswer:
    """Return AWS's own code for `error`, or the error's class."""
    code = _code(error) if isinstance(error, failures.ClientError) else type(error).__name__
    return AwsAnswer(answer=code if re.fullmatch(r"[\w.]{1,64}", code) else "?")


def _code(error: failures.ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")

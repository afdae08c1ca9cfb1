"""What S3's refusals are called here."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from botocore.exceptions import FlexibleChecksumError

from tasks.adapters.aws import ERRORS, Kind, answer_of, kind_of
from tasks.core.errors import OperatorError, TransientError


class AlreadyThere(OperatorError):
    """Other bytes already stand under the key that was to be created."""


_ERRORS: Mapping[Kind, tuple[type[OperatorError], str]] = {
    Kind.NO_BUCKET: (OperatorError, "s3.no_bucket"),
    Kind.NO_OBJECT: (OperatorError, "s3.no_object"),
    Kind.STANDS: (AlreadyThere, "s3.already_there"),
    Kind.DENIED: (OperatorError, "s3.denied"),
    Kind.CONFLICT: (TransientError, "s3.unreachable"),
    Kind.PASSING: (TransientError, "s3.unreachable"),
}
_ABOUT_THE_KEY = frozenset({Kind.NO_OBJECT, Kind.STANDS})


@contextmanager
def translated(bucket: str, key: str = "") -> Iterator[None]:
    """Raise what AWS refused within the block under its code: about `key` where that is meant, else `bucket`."""
    try:
        yield
    except FlexibleChecksumError:
        raise OperatorError("s3.checksum_mismatch", key) from None
    except ERRORS as error:
        kind = kind_of(error)
        raising, code = _ERRORS.get(kind, (OperatorError, "s3.failed"))
        raise raising(code, key if kind in _ABOUT_THE_KEY else bucket, answer_of(error)) from None

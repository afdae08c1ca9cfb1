"""The shape of a ledger entry (an in-toto Statement, v1), its exact bytes, and where it lies."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from tasks.core.attempt import Trigger
from tasks.core.findings import Verdict
from tasks.evidence.document import Part

TYPE: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Literal["https://assistmovemarias.org/marias-ops/ledger/1"] = (
    "https://assistmovemarias.org/marias-ops/ledger/1"
)
PRINCIPAL = "marias-ops"
FIRST_PREV = "0" * 64

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# No part of a key begins with a dot: a name out of a forged entry cannot lead out of a folder.
Key = Annotated[str, Field(pattern=r"^[^/.\x00-\x1f][^/\x00-\x1f]*(/[^/.\x00-\x1f][^/\x00-\x1f]*)+$", max_length=1024)]
_NUMBERED = re.compile(r"(?!0{8})(?:[0-9]{8}\.json)|signatures/[0-9]{8}-[0-9a-f]{64}\.sig")


class Digest(Part):
    """The digest of a file."""

    sha256: Sha256


class Subject(Part):
    """A file of the run: its key in the store, and its digest."""

    name: Key
    digest: Digest


class Predicate(Part):
    """What the entry says of the run, and its place in the chain: `prev` is the SHA-256 of the entry before it."""

    duty: str
    environment: str
    flow_run_id: str
    attempt: int = Field(ge=1)
    trigger: Trigger
    verdict: Verdict
    approvals: tuple[str, ...]
    seq: int = Field(ge=1, le=99_999_999)
    prev: Sha256
    recorded_at: datetime


class Statement(Part):
    """A ledger entry as it is written."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(default=TYPE, alias="_type")
    subject: tuple[Subject, ...] = Field(min_length=1)
    predicate_type: Literal["https://assistmovemarias.org/marias-ops/ledger/1"] = Field(
        default=PREDICATE_TYPE, alias="predicateType"
    )
    predicate: Predicate

    def to_json(self) -> bytes:
        """Return the exact bytes: sorted keys, no spaces, UTF-8, one line break at the end."""
        value = self.model_dump(mode="json", by_alias=True)
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A ledger entry and the SHA-256 of its exact bytes."""

    subjects: Mapping[str, str]
    predicate: Predicate
    sha256: str

    @property
    def run(self) -> tuple[str, int]:
        """Return the flow run id and the attempt."""
        return self.predicate.flow_run_id, self.predicate.attempt

    @property
    def key(self) -> str:
        """Return where this entry belongs."""
        return entry_key(self.predicate.environment, self.predicate.seq)


def statement(predicate: Predicate, subjects: Mapping[str, str]) -> Statement:
    """Return the statement over `subjects` (key → SHA-256), sorted by name."""
    files = (Subject(name=name, digest=Digest(sha256=digest)) for name, digest in sorted(subjects.items()))
    return Statement(subject=tuple(files), predicate=predicate)


def read(body: bytes) -> Entry | None:
    """Return the entry that `body` holds, or None when it is none."""
    try:
        found = Statement.model_validate_json(body)
    except ValidationError:
        return None
    subjects = {file.name: file.digest.sha256 for file in found.subject}
    return Entry(subjects=subjects, predicate=found.predicate, sha256=sha256(body).hexdigest())


def folder(environment: str) -> str:
    """Return the prefix of the ledger."""
    return f"{environment}/ledger/"


def entry_key(environment: str, seq: int) -> str:
    """Return where the entry with this number lies."""
    return f"{folder(environment)}{seq:08}.json"


def signature_key(environment: str, seq: int, digest: str) -> str:
    """Return where the signature over the entry with this number and these bytes lies."""
    return f"{folder(environment)}signatures/{seq:08}-{digest}.sig"


def signers_key(environment: str) -> str:
    """Return where the verifying key lies."""
    return f"{folder(environment)}allowed_signers"


def seq_of(environment: str, key: str) -> int | None:
    """Return the number in the key of an entry or signature, 0 for allowed_signers, None when it is none of these."""
    name = key.removeprefix(folder(environment))
    if key == signers_key(environment):
        return 0
    return int(name.removeprefix("signatures/")[:8]) if _NUMBERED.fullmatch(name) else None

"""What is wrong with a ledger, in numbers: the data that its words need."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What a bucket keeps of a key that was to be written once."""

    versions: int
    delete_markers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """How often the next number was taken by somebody else."""

    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """Two SHA-256 that should be one."""

    expected: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """How many entries are missing in a row."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """Names of fields, with commas between them."""

    fields: str

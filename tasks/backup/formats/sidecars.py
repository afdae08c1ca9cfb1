"""Files that lie beside backups and are none, and what a checksum among them says."""

import re
from pathlib import PurePosixPath

CHECKSUMS = (".sha256", ".sha256sum")
_ENDINGS = (*CHECKSUMS, ".sha512", ".sha1", ".md5", ".sig", ".asc", ".manifest.json")
# Roles, as pg_dumpall writes them, by the names that people give: globals.sql, assist-globals-2026.sql.gz
_GLOBALS = re.compile(r"(?:.*[-_.])?(?:globals|roles)(?:[-_.].*)?\.sql(?:\..*)?", re.IGNORECASE)
_SUM = re.compile(
    r"^(?:SHA256 \((?P<tagged>.+)\) = (?P<sum1>[0-9a-f]{64})|(?P<sum2>[0-9a-f]{64})(?: [ *](?P<name>.+))?)\s*$",
    re.IGNORECASE | re.MULTILINE,
)


def is_sidecar(key: str) -> bool:
    """Return whether an object of this name lies beside a backup: a checksum, a signature, a manifest, the roles."""
    name = PurePosixPath(key).name
    return name.lower().endswith(_ENDINGS) or _GLOBALS.fullmatch(name) is not None


def parse_sha256(text: str, name: str) -> str:
    """Return the SHA-256 (hex) that a checksum file holds for the file `name`, or "".

    A line is the sum alone, as sha256sum or as BSD's sha256 writes it. Of several the one with that name counts; of
    one line the name does not matter: the file may have had another before it was uploaded.
    """
    sums = [((m["tagged"] or m["name"] or "").strip(), (m["sum1"] or m["sum2"]).lower()) for m in _SUM.finditer(text)]
    named = [value for file, value in sums if PurePosixPath(file).name == name]
    counting = named or (sums[0][1:] if len(sums) == 1 else ())
    return counting[0] if counting else ""

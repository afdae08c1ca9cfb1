"""Finds the manifest of a backup, in the second place or beside the object, and says what it is worth."""

from dataclasses import replace

from tasks.adapters import signing
from tasks.adapters.s3 import S3
from tasks.backup.formats.manifest import places, read
from tasks.backup.model.found import Found
from tasks.backup.model.manifest import Beside, Place, Trust
from tasks.backup.settings import Backup
from tasks.settings import Evidence


def read_beside(  # noqa: PLR0913, PLR0917 - where it can be, of what, and who must have signed it
    s3: S3, cfg: Backup, evidence: Evidence, environment: str, found: Found, public_key: str
) -> Beside:
    """Return the manifest of `found` and what it is worth: the second place's, unless only the other can be trusted.

    `public_key` ("ssh-ed25519 AAAA…") is the one that must have signed; nothing unsigned is looked into. Of what is
    there nothing raises; S3 raises as usual.
    """
    everywhere = places(cfg, evidence, environment, found.database, found.key)
    bodies = tuple((place, body) for place in everywhere if (body := s3.get(place.bucket, place.key)) is not None)
    judged = [_judged(s3, place, body, found.key, public_key) for place, body in bodies]
    best = next((beside for beside in judged if beside.manifest), judged[0] if judged else Beside())
    return replace(best, differ=len({body for _, body in bodies}) > 1, places=len(bodies))


def _judged(s3: S3, place: Place, body: bytes, key: str, public_key: str) -> Beside:
    signature = s3.get(place.bucket, place.signature)
    if signature is None:
        return Beside(trust=Trust.UNSIGNED)
    if not signing.verify(public_key, body, signature.decode(errors="replace")):
        return Beside(trust=Trust.BAD_SIGNATURE)
    manifest = read(body)
    if manifest is None:
        return Beside(trust=Trust.UNREADABLE)
    if manifest.key != key:
        return Beside(trust=Trust.FOREIGN, key_named=manifest.key)
    return Beside(trust=Trust.TRUSTED, manifest=manifest)

"""The manifest beside a backup and in the second place: what it is worth, on a real S3 interface."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from deployments.lab import aws
from deployments.lab.aws import LabAws
from tasks.adapters.s3 import S3
from tasks.adapters.signing import Signer
from tasks.backup.collect.beside import read_beside
from tasks.backup.formats.manifest import places, to_bytes
from tasks.backup.model.found import Found
from tasks.backup.model.manifest import Beside, Place, Trust
from tasks.backup.settings import Backup, Database
from tasks.core.errors import OperatorError
from tasks.core.secret import Secret
from tasks.settings import Evidence
from tests.tasks.backup.manifests import KEY, MANIFEST
from tests.tasks.evidence.world import private_key

AT = datetime(2026, 10, 6, 9, tzinfo=UTC)
FOUND = Found(database="assist_marias", key=KEY, size_bytes=9000, modified_at=AT, read_at=AT)
DATABASE = Database(prefix="postgres/", newest_row=("public.a.em",), rpo_hours=24, rto_minutes=60)
SIGNER, STRANGER = Signer(Secret(private_key())), Signer(Secret(private_key()))
BODY, OTHER = to_bytes(MANIFEST), to_bytes(replace(MANIFEST, size_bytes=1))
NOT_OURS = "postgres/assist_marias-20251006-090000.dump"
TRUSTED = Beside(trust=Trust.TRUSTED, manifest=MANIFEST, places=2)


@dataclass(frozen=True, slots=True)
class Buckets:
    """A bucket of backups and one of evidence, and the two places of the manifest."""

    s3: S3
    cfg: Backup
    evidence: Evidence

    @property
    def second(self) -> Place:
        return places(self.cfg, self.evidence, "lab", FOUND.database, KEY)[0]

    @property
    def beside(self) -> Place:
        return places(self.cfg, self.evidence, "lab", FOUND.database, KEY)[1]

    def put(self, place: Place, body: bytes, signature: str | None = "") -> None:
        """Write a manifest; signed well when `signature` is not given, not at all when it is None."""
        self.s3.put_new(place.bucket, place.key, body, "application/json")
        if signature is not None:
            armored = signature or SIGNER.sign(body)
            self.s3.put_new(place.bucket, place.signature, armored.encode(), "text/plain")

    def read(self) -> Beside:
        return read_beside(self.s3, self.cfg, self.evidence, "lab", FOUND, SIGNER.public_key)


@pytest.fixture(scope="module")
def cloud() -> Iterator[LabAws]:
    with aws.running() as running, pytest.MonkeyPatch.context() as patch:
        for name, value in aws.CREDENTIALS.items():
            patch.setenv(name, value)
        yield running


@pytest.fixture
def buckets(cloud: LabAws) -> Buckets:
    names = [f"{kind}-{uuid4().hex}" for kind in ("backups", "evidence")]
    for name in names:
        cloud.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "sa-east-1"})
    cfg = Backup(bucket=names[0], databases={FOUND.database: DATABASE})
    return Buckets(S3(cloud.settings), cfg, Evidence(bucket=names[1], signing_key="env:KEY"))


def test_without_a_manifest_there_is_none(buckets: Buckets) -> None:
    assert buckets.read() == Beside()


def test_a_manifest_in_both_places(buckets: Buckets) -> None:
    buckets.put(buckets.second, BODY)
    buckets.put(buckets.beside, BODY)
    assert buckets.read() == TRUSTED


def test_a_manifest_in_one_place_is_enough(buckets: Buckets) -> None:
    buckets.put(buckets.second, BODY)
    assert buckets.read() == replace(TRUSTED, places=1)


def test_a_manifest_beside_alone_is_enough(buckets: Buckets) -> None:
    buckets.put(buckets.beside, BODY)
    assert buckets.read() == replace(TRUSTED, places=1)


@pytest.mark.parametrize("kept", ["json", "sig"])
def test_what_a_kill_left_half_written_beside_is_no_trusted_manifest(buckets: Buckets, kept: str) -> None:
    place = buckets.beside
    buckets.put(place, BODY)
    gone = place.signature if kept == "json" else place.key
    buckets.s3._client.delete_object(Bucket=place.bucket, Key=gone)  # noqa: SLF001 - nothing of ours deletes
    expected = Beside(trust=Trust.UNSIGNED, places=1) if kept == "json" else Beside()
    assert buckets.read() == expected


JUDGED = {
    "signed by a stranger": (BODY, STRANGER.sign(BODY), Beside(trust=Trust.BAD_SIGNATURE, places=1)),
    "changed after it was signed": (OTHER, SIGNER.sign(BODY), Beside(trust=Trust.BAD_SIGNATURE, places=1)),
    "with a signature that is none": (BODY, "-----BEGIN", Beside(trust=Trust.BAD_SIGNATURE, places=1)),
    "with a signature that is no text": (BODY, "\ufffd", Beside(trust=Trust.BAD_SIGNATURE, places=1)),
    "not signed": (BODY, None, Beside(trust=Trust.UNSIGNED, places=1)),
    "no manifest, and not signed": (b"{", None, Beside(trust=Trust.UNSIGNED, places=1)),
    "no manifest, and signed": (b"{", SIGNER.sign(b"{"), Beside(trust=Trust.UNREADABLE, places=1)),
    "empty, and signed": (b"", SIGNER.sign(b""), Beside(trust=Trust.UNREADABLE, places=1)),
}


@pytest.mark.parametrize("case", JUDGED)
def test_what_lies_there_and_cannot_be_trusted_is_named(buckets: Buckets, case: str) -> None:
    body, signature, expected = JUDGED[case]
    buckets.put(buckets.second, body, signature)
    assert buckets.read() == expected


@pytest.mark.parametrize("schema", ["marias-ops/backup-manifest/2", ""])
def test_a_manifest_of_another_schema_is_not_read(buckets: Buckets, schema: str) -> None:
    buckets.put(buckets.second, to_bytes(replace(MANIFEST, schema=schema)))
    assert buckets.read() == Beside(trust=Trust.UNREADABLE, places=1)


def test_a_manifest_of_another_backup_is_foreign(buckets: Buckets) -> None:
    buckets.put(buckets.second, to_bytes(replace(MANIFEST, key=NOT_OURS)))
    assert buckets.read() == Beside(trust=Trust.FOREIGN, key_named=NOT_OURS, places=1)


def test_two_that_are_not_the_same_are_told_and_the_second_place_is_believed(buckets: Buckets) -> None:
    buckets.put(buckets.second, BODY)
    buckets.put(buckets.beside, OTHER)
    assert buckets.read() == replace(TRUSTED, differ=True)


def test_one_that_can_be_trusted_is_not_hidden_by_one_that_cannot(buckets: Buckets) -> None:
    buckets.put(buckets.second, OTHER, None)
    buckets.put(buckets.beside, BODY)
    assert buckets.read() == replace(TRUSTED, differ=True)


def test_without_a_key_to_trust_nothing_is_trusted(buckets: Buckets) -> None:
    buckets.put(buckets.second, BODY)
    read = read_beside(buckets.s3, buckets.cfg, buckets.evidence, "lab", FOUND, "")
    assert read == Beside(trust=Trust.BAD_SIGNATURE, places=1)


def test_a_bucket_that_is_not_there_is_an_error(buckets: Buckets) -> None:
    evidence = buckets.evidence.model_copy(update={"bucket": "no-such-bucket"})
    with pytest.raises(OperatorError) as caught:
        read_beside(buckets.s3, buckets.cfg, evidence, "lab", FOUND, SIGNER.public_key)
    assert (caught.value.code, caught.value.subject) == ("s3.no_bucket", "no-such-bucket")

"""An evidence bucket, and the hands to tamper with it."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from deployments.lab.aws import LabAws
from tasks.adapters.s3 import S3
from tasks.adapters.signing import Signer
from tasks.core.secret import Secret
from tasks.evidence.store import BucketStore


def private_key() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


@dataclass(frozen=True, slots=True)
class World:
    """A bucket with its signer; `s3` is boto3's own client, which asks nobody."""

    cloud: LabAws
    bucket: str
    key: str
    store: BucketStore
    signer: Signer
    s3: Any

    def put(self, key: str, body: bytes) -> None:
        """Write, or replace, an object."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def delete(self, key: str) -> None:
        """Delete an object; a versioned bucket keeps a delete marker."""
        self.s3.delete_object(Bucket=self.bucket, Key=key)

    def copy_to(self, folder: Path) -> None:
        """Copy the bucket as `aws s3 sync` would."""
        for key in self.store.keys(""):
            place = folder / key
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(self.store.get(key) or b"")


def new_world(cloud: LabAws, *, versioned: bool = True) -> World:
    s3, ours = _clients(cloud)
    bucket, key = f"evidence-{uuid4().hex}", private_key()
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "sa-east-1"})
    if versioned:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return World(cloud, bucket, key, BucketStore(ours, bucket), Signer(Secret(key)), s3)


@cache
def _clients(cloud: LabAws) -> tuple[Any, S3]:
    return cloud.client("s3"), S3(cloud.settings)

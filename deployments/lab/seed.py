"""What the lab holds when it starts: buckets, secrets, a good backup and broken ones."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from deployments.lab.aws import LabAws
from deployments.lab.postgres import LabPostgres, truncated
from deployments.lab.slack import TOKEN, LabSlack

REGION = "sa-east-1"
BACKUPS = "assist-marias-lab-backups"
EVIDENCE = "assist-marias-lab-evidence"
PREFIX = "postgres/"
READABLE = {  # by anybody, in the lab alone: a notice's link must open in a browser that has no AWS console
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{EVIDENCE}/*"}
    ],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backups:
    """The keys of the lab's backups; `good` is the newest by name and time."""

    good: str
    truncated: str


def everything(cloud: LabAws, people: LabSlack, database: LabPostgres, folder: Path) -> Backups:
    """Make buckets and secrets, take a real dump of the lab's database, and put it and its broken copy in S3."""
    s3 = cloud.client("s3")
    for bucket in (BACKUPS, EVIDENCE):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_policy(Bucket=EVIDENCE, Policy=json.dumps(READABLE))
    make_secrets(cloud, people)
    return _backups(s3, database, folder / "good.dump")


def make_secrets(cloud: LabAws, people: LabSlack) -> None:
    """Put in Secrets Manager what the lab's environment refers to: Slack's token and webhook, a new signing key."""
    secrets = cloud.client("secretsmanager")
    slack = {"bot_token": TOKEN, "plain_webhook": people.webhook}
    for name, values in (("slack", slack), ("ledger", {"signing_key": signing_key()})):
        secrets.create_secret(Name=f"assist-marias/ops/{name}", SecretString=json.dumps(values))


def signing_key() -> str:
    """Return a new Ed25519 private key in OpenSSH's format."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def _backups(s3: Any, database: LabPostgres, path: Path) -> Backups:  # noqa: ANN401 - boto3's client of the lab
    now = datetime.now(UTC)
    keys = Backups(
        truncated=f"{PREFIX}{now - timedelta(days=1):assist_marias-%Y%m%d-%H%M}.dump",
        good=f"{PREFIX}{now:assist_marias-%Y%m%d-%H%M}.dump",
    )
    database.seed(now=now)
    good = database.dump(path).read_bytes()
    for key, body in ((keys.truncated, truncated(good)), (keys.good, good)):
        s3.put_object(Bucket=BACKUPS, Key=key, Body=body)
    return keys

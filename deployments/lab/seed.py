"""What the lab holds when it starts: buckets, secrets, a good backup and broken ones."""

import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from deployments.lab.aws import CREDENTIALS, LabAws
from deployments.lab.postgres import DATABASE, LabPostgres, truncated
from deployments.lab.slack import TOKEN, LabSlack
from tasks.adapters.s3 import S3
from tasks.adapters.signing import Signer
from tasks.backup.apply.take import take
from tasks.backup.settings import Backup, Database
from tasks.core.secret import Secret
from tasks.settings import Evidence

REGION = "sa-east-1"
BACKUPS = "assist-marias-lab-backups"
EVIDENCE = "assist-marias-lab-evidence"
PREFIX = "postgres/"
BACKUP = Backup(
    bucket=BACKUPS,
    databases={
        DATABASE: Database(prefix=PREFIX, newest_row=("public.solicitacoes.criado_em",), rpo_hours=24, rto_minutes=5)
    },
)
READABLE = {  # by anybody, in the lab alone: a notice's link must open in a browser that has no AWS console
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{EVIDENCE}/*"}
    ],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backups:
    """The keys of the lab's backups; `good` has its manifest and is the newest by name and time.

    `truncated` was cut on its way, `emptied` lacks the rows of a table, `tampered` has a manifest and one value that is
    not as it was.
    """

    good: str
    truncated: str
    emptied: str
    tampered: str


def everything(cloud: LabAws, people: LabSlack, database: LabPostgres) -> Backups:
    """Make buckets and secrets, take a backup of the lab's database as `marias backup` does, and make broken ones."""
    s3 = cloud.client("s3")
    for bucket in (BACKUPS, EVIDENCE):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_policy(Bucket=EVIDENCE, Policy=json.dumps(READABLE))
    key = make_secrets(cloud, people)
    with patch.dict(os.environ, CREDENTIALS):
        return _backups(cloud, database, key)


def make_secrets(cloud: LabAws, people: LabSlack) -> str:
    """Put in Secrets Manager what the lab's environment refers to; return the new key that signs the ledger."""
    secrets, key = cloud.client("secretsmanager"), signing_key()
    slack = {"bot_token": TOKEN, "plain_webhook": people.webhook}
    for name, values in (("slack", slack), ("ledger", {"signing_key": key})):
        secrets.create_secret(Name=f"assist-marias/ops/{name}", SecretString=json.dumps(values))
    return key


def signing_key() -> str:
    """Return a new Ed25519 private key in OpenSSH's format."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def _backups(cloud: LabAws, database: LabPostgres, key: str) -> Backups:
    s3, now = cloud.client("s3"), datetime.now(UTC)
    names = {
        name: f"{PREFIX}{DATABASE}-{now - timedelta(days=days):%Y%m%d-%H%M}.dump"
        for name, days in (("truncated", 3), ("emptied", 2))
    }
    database.seed(now=now)
    whole = database.dump()
    s3.put_object(Bucket=BACKUPS, Key=names["truncated"], Body=truncated(whole))
    s3.put_object(Bucket=BACKUPS, Key=names["emptied"], Body=database.dump("--exclude-table-data=public.atendimentos"))

    def take_backup() -> str:
        taken = take(
            S3(cloud.settings),
            BACKUP,
            Evidence(bucket=EVIDENCE, signing_key="env:UNUSED"),
            "lab",
            DATABASE,
            source=Secret(database.address),
            signer=Signer(Secret(key)),
        )
        return taken.manifest.key

    tampered = take_backup()
    database.change("UPDATE usuarios SET papel = 'admin' WHERE id = 7")  # by whoever can write to the bucket
    s3.put_object(Bucket=BACKUPS, Key=tampered, Body=database.dump())
    database.seed(now=now)
    time.sleep(1)  # a backup's name tells seconds
    return Backups(good=take_backup(), tampered=tampered, **names)

"""What the lab holds when it starts: buckets, secrets, a good backup and broken ones."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from deployments import backing_up
from deployments.lab.aws import LabAws
from deployments.lab.github import TOKEN as GITHUB_TOKEN
from deployments.lab.postgres import DATABASE, LabPostgres, truncated
from deployments.lab.slack import TOKEN, LabSlack
from deployments.lab.sshd import pair
from tasks.environment import Environment, load

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
    """The keys of the lab's backups; `good` has its manifest and is the newest by name and time.

    `truncated` was cut on its way, `emptied` lacks the rows of a table, `tampered` has a manifest and one value that is
    not as it was.
    """

    good: str
    truncated: str
    emptied: str
    tampered: str


def everything(cloud: LabAws, people: LabSlack, database: LabPostgres, variables: Mapping[str, str]) -> Backups:
    """Make buckets and secrets, take backups of the lab's database as `marias backup` does, and make broken ones.

    `variables` are the lab's own; its environment is written already.
    """
    s3 = cloud.client("s3")
    for bucket in (BACKUPS, EVIDENCE):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_policy(Bucket=EVIDENCE, Policy=json.dumps(READABLE))
    make_secrets(cloud, people)
    with patch.dict(os.environ, variables):
        return _backups(cloud, database, load("lab"))


def make_secrets(cloud: LabAws, people: LabSlack) -> None:
    """Put in Secrets Manager what the lab's environment refers to: Slack's token and webhook, a new signing key."""
    secrets = cloud.client("secretsmanager")
    slack = {"bot_token": TOKEN, "plain_webhook": people.webhook}
    github = {"environments_token": GITHUB_TOKEN}
    for name, values in (("slack", slack), ("github", github), ("ledger", {"signing_key": signing_key()})):
        secrets.create_secret(Name=f"assist-marias/ops/{name}", SecretString=json.dumps(values))


def signing_key() -> str:
    """Return a new Ed25519 private key in OpenSSH's format."""
    return pair().private.reveal()


def _backups(cloud: LabAws, database: LabPostgres, settings: Environment) -> Backups:
    s3, now = cloud.client("s3"), datetime.now(UTC)
    truncated_key, emptied_key = (
        f"{PREFIX}{DATABASE}-{now - timedelta(days=days):%Y%m%d-%H%M}.dump" for days in (3, 2)
    )
    database.seed(now=now)
    s3.put_object(Bucket=BACKUPS, Key=truncated_key, Body=truncated(database.dump()))
    lacking = database.dump("--exclude-table-data=public.atendimentos")
    s3.put_object(Bucket=BACKUPS, Key=emptied_key, Body=lacking)

    tampered = backing_up.take(settings, DATABASE).manifest.key
    database.change("UPDATE usuarios SET papel = 'admin' WHERE id = 7")  # by whoever can write to the bucket
    s3.put_object(Bucket=BACKUPS, Key=tampered, Body=database.dump())
    database.seed(now=now)
    time.sleep(1)  # a backup's name tells seconds
    good = backing_up.take(settings, DATABASE).manifest.key
    return Backups(good=good, truncated=truncated_key, emptied=emptied_key, tampered=tampered)

"""The versions of one secret in AWS Secrets Manager, and the stages that point at them: what a rotation is made of."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from tasks.adapters.secrets import client, translated
from tasks.core.errors import OperatorError
from tasks.core.findings import Finding, Severity
from tasks.core.secret import Secret
from tasks.settings import Aws

if TYPE_CHECKING:
    from types_boto3_secretsmanager.type_defs import SecretVersionsListEntryTypeDef

CURRENT: Final = "AWSCURRENT"

_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersion:
    """One version of a secret: its stages, and its text."""

    id: str
    stages: tuple[str, ...]
    created_at: datetime
    text: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage, and the version that it should point at."""

    stage: str
    version: str


class SecretStages:
    """One secret and its stages.

    Each method raises OperatorError secret.missing, secret.denied, secret.failed, secret.malformed (a version that is
    no text) and TransientError secret.unreachable; their subject is the secret's name. Nothing is cached.
    """

    def __init__(self, aws: Aws, name: str) -> None:
        """Hold a client; nothing is asked yet."""
        self._client = client(aws)
        self._name = name

    def versions(self) -> tuple[StoredVersion, ...]:
        """Return every version that a stage points at, newest first; none when nothing was ever stored."""
        with translated(self._name):
            listed = sorted(self._listed(), key=lambda version: version["CreatedDate"], reverse=True)
            return tuple(
                StoredVersion(
                    id=version["VersionId"],
                    stages=tuple(version["VersionStages"]),
                    created_at=version["CreatedDate"].astimezone(UTC),
                    text=self._text(version["VersionId"]),
                )
                for version in listed
            )

    def at(self, stage: str) -> StoredVersion:
        """Return the version that `stage` points at; secret.missing when there is none."""
        with translated(self._name):
            found = self._client.get_secret_value(SecretId=self._name, VersionStage=stage)
        return StoredVersion(
            id=found["VersionId"],
            stages=tuple(found["VersionStages"]),
            created_at=found["CreatedDate"].astimezone(UTC),
            text=self._secret(found.get("SecretString")),
        )

    def text(self, version: str) -> Secret:
        """Return the text of a version, also of one that no stage points at (until AWS deletes it)."""
        with translated(self._name):
            return self._text(version)

    def put(self, token: str, text: Secret, stage: str) -> None:
        """Store `text` as the version `token` (32 to 64 characters) with `stage`, and read it back.

        The same twice is fine. The stage leaves the version that had it, which AWS does without a word. Raises
        secret.token_used when another text lies under `token`, and secret.stage_lost when the stage is not on it
        afterwards: somebody else has put it elsewhere, or it was taken off since the first time.
        """
        with translated(self._name), suppress(self._client.exceptions.ResourceExistsException):
            self._client.put_secret_value(
                SecretId=self._name, ClientRequestToken=token, SecretString=text.reveal(), VersionStages=[stage]
            )
        with translated(self._name):
            found = self._client.get_secret_value(SecretId=self._name, VersionId=token)
        if found.get("SecretString") != text.reveal():
            raise OperatorError("secret.token_used", self._name, Stage(stage=stage, version=token))
        if stage not in found["VersionStages"]:
            raise OperatorError("secret.stage_lost", self._name, Stage(stage=stage, version=token))

    def move(self, stage: str, *, to: str | None, off: str | None) -> None:
        """Let `stage` point at version `to`, taken off version `off`, which has it now; None for nowhere.

        AWS moves AWSPREVIOUS by itself with AWSCURRENT. Raises secret.stage_lost when the stage is not on `off` (or,
        without it, on another version than `to`): somebody else has moved it.
        """
        moved = {"MoveToVersionId": to, "RemoveFromVersionId": off}
        named = {name: version for name, version in moved.items() if version}
        with translated(self._name), suppress(self._client.exceptions.InvalidParameterException):
            self._client.update_secret_version_stage(SecretId=self._name, VersionStage=stage, **named)
            return
        with translated(self._name):  # a first answer may have been lost, and the call made again
            holders = {version["VersionId"] for version in self._listed() if stage in version["VersionStages"]}
        if holders != ({to} if to else set()):
            raise OperatorError("secret.stage_lost", self._name, Stage(stage=stage, version=to or off or ""))

    def ready(self) -> tuple[Finding, ...]:
        """Return what stands in the way of reading the secret's versions; what a write would meet is not known."""
        try:
            found = self.versions()
        except OperatorError as error:
            return (Finding(rule=error.code, severity=Severity.CRITICAL, subject=error.subject, data=error.data),)
        if any(CURRENT in version.stages for version in found):
            return ()
        return (Finding(rule="secret.missing", severity=Severity.CRITICAL, subject=self._name),)

    def _listed(self) -> Iterator["SecretVersionsListEntryTypeDef"]:
        """Yield each version that has a stage."""
        page = self._client.list_secret_version_ids(SecretId=self._name, MaxResults=_PAGE)
        yield from page["Versions"]
        while token := page.get("NextToken"):
            page = self._client.list_secret_version_ids(SecretId=self._name, MaxResults=_PAGE, NextToken=token)
            yield from page["Versions"]

    def _text(self, version: str) -> Secret:
        return self._secret(self._client.get_secret_value(SecretId=self._name, VersionId=version).get("SecretString"))

    def _secret(self, text: str | None) -> Secret:
        if text is None:
            raise OperatorError("secret.malformed", self._name)
        return Secret(text)

"""Secrets Manager's versions and stages as strict as AWS keeps them, where moto 5.2.5 is not.

What AWS does: the API reference's pages of PutSecretValue, UpdateSecretVersionStage and ListSecretVersionIds.
"""

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from moto.secretsmanager.exceptions import InvalidParameterException, ResourceExistsException, SecretNotFoundException
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend, secretsmanager_backends

CURRENT: Final = "AWSCURRENT"
_AUTOMATIC: Final = (CURRENT, "AWSPREVIOUS")


class Strict(SecretsManagerBackend):
    """moto's Secrets Manager, mended."""

    __module__ = SecretsManagerBackend.__module__  # where moto looks for the addresses to answer at

    def put_secret_value(
        self,
        secret_id: str,
        secret_string: str,
        secret_binary: str,
        client_request_token: str,
        version_stages: list[str],
    ) -> str:
        """Refuse another content under a used token; moto overwrites the version when it is pending."""
        found = self._kept(secret_id)
        held = found.versions.get(client_request_token)
        if held and (held.get("secret_string"), held.get("secret_binary")) != (secret_string, secret_binary):
            raise ResourceExistsException(f"ClientRequestToken {client_request_token} is already in use.")
        if held:
            return str(found.to_short_dict(include_version_stages=True, version_id=client_request_token))
        before = {key: tuple(version["version_stages"]) for key, version in found.versions.items()}
        answer = super().put_secret_value(secret_id, secret_string, secret_binary, client_request_token, version_stages)
        for key, stages in before.items():  # moto drops every label of the version that was current
            kept = found.versions[key]["version_stages"]
            kept += [stage for stage in stages if stage not in (*_AUTOMATIC, *version_stages, *kept)]
        return str(answer)

    def update_secret_version_stage(
        self, secret_id: str, version_stage: str, remove_from_version_id: str, move_to_version_id: str
    ) -> tuple[str, str]:
        """Refuse to move a label without saying where it is; moto then has it on two versions, or twice on one."""
        found = self._kept(secret_id)
        holder = _holder(found.versions, version_stage)
        if version_stage == CURRENT and not move_to_version_id:
            raise InvalidParameterException(f"{CURRENT} can only be moved to another version.")
        if move_to_version_id and move_to_version_id not in found.versions:  # moto takes the label off first
            raise InvalidParameterException(f"There is no version {move_to_version_id}.")
        if holder and not remove_from_version_id and holder != move_to_version_id:
            raise InvalidParameterException(f"{version_stage} is attached to version {holder}.")
        if holder == move_to_version_id and not remove_from_version_id:
            return found.arn, found.name
        answer: tuple[str, str] = super().update_secret_version_stage(
            secret_id, version_stage, remove_from_version_id, move_to_version_id
        )
        found.set_default_version_id(_holder(found.versions, CURRENT))  # moto goes on answering with the newest
        return answer

    def list_secret_version_ids(self, secret_id: str) -> str:
        """List each labelled version with its own time; moto lists all, each as made just now."""
        found = self._kept(secret_id)
        listed = [
            {"VersionId": key, "VersionStages": version["version_stages"], "CreatedDate": version["createdate"]}
            for key, version in found.versions.items()
            if version["version_stages"]
        ]
        return json.dumps({"ARN": found.arn, "Name": found.name, "Versions": listed})

    def _add_secret(self, secret_id: str, *values: Any, **named: Any) -> tuple[FakeSecret, bool]:  # noqa: ANN401 - moto's own
        """Keep a new version's time with its fraction, as AWS does."""
        secret, new = super()._add_secret(secret_id, *values, **named)
        if new:
            next(reversed(secret.versions.values()))["createdate"] = time.time()
        return secret, new

    def _kept(self, secret_id: str) -> FakeSecret:
        found = self.secrets.get(secret_id)
        if not isinstance(found, FakeSecret):
            raise SecretNotFoundException
        return found


def _holder(versions: Mapping[str, Mapping[str, Any]], stage: str) -> str | None:
    return next((key for key, version in versions.items() if stage in version["version_stages"]), None)


def mend() -> None:
    """Let moto make its Secrets Manager of Strict; what was made already stays as it is."""
    secretsmanager_backends.backend = Strict

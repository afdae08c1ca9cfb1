"""The sections of an environment that duties share: frozen, pure, every mistake refused."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

SECRET_REF = r"^(secretsmanager:[\w/+=.@-]+#\w+|env:[A-Z][A-Z0-9_]*|file:/.+)$"  # noqa: S105 - a pattern
SecretRef = Annotated[
    str,
    Field(
        pattern=SECRET_REF,
        description="Where a secret lies: secretsmanager:NAME#key, env:NAME or file:/PATH. Never the secret itself.",
    ),
]


class Section(BaseModel):
    """A part of an environment: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Aws(Section):
    """[aws]: which account's services are called, and how."""

    region: str = Field(default="sa-east-1", description="AWS region of the buckets and secrets.")
    endpoint: str = Field(default="", description="Another address than AWS's own (the lab); empty for AWS.")
    timeout_seconds: float = Field(default=20, gt=0, le=120, description="Longest wait for one answer.")


class Slack(Section):
    """[slack]: where people are told."""

    token: SecretRef = Field(
        description="Bot token: chat:write, files:write, channels:history (groups:history if private)."
    )
    webhook: SecretRef = Field(description="Incoming webhook of one channel: how the Prefect server itself speaks.")
    base_url: str = Field(default="https://slack.com/api/", description="Another address only in the lab.")
    channels: dict[str, str] = Field(
        description="Channel id or #name for each channel key of the table of duties; `operations` is the fallback."
    )
    timeout_seconds: float = Field(default=15, gt=0, le=60)

    @field_validator("channels")
    @classmethod
    def _has_a_fallback(cls, value: dict[str, str]) -> dict[str, str]:
        if "operations" not in value:
            raise PydanticCustomError("settings.no_operations", "no channel for operations")
        return value

    def channel(self, key: str) -> str:
        """Return the channel for `key`, else the one for operations."""
        return self.channels.get(key, self.channels["operations"])


class Github(Section):
    """[github]: where the application's repository is deployed from."""

    token: SecretRef = Field(
        description="Fine-grained token (or an App's) that may write the Environments of the repositories."
    )
    base_url: str = Field(default="https://api.github.com/", description="Another address only in the lab.")
    timeout_seconds: float = Field(default=15, gt=0, le=60)


class Mail(Section):
    """[mail]: the way left when Slack is out of reach."""

    host: str
    port: int = Field(default=587, ge=1, le=65535)
    starttls: bool = True
    username: str = ""
    password: SecretRef | None = None
    sender: str
    recipients: tuple[str, ...] = Field(min_length=1)
    timeout_seconds: float = Field(default=20, gt=0, le=120)


class Evidence(Section):
    """[evidence]: where runs leave what they prove."""

    bucket: str = Field(pattern=r"^[a-z0-9.-]{3,63}$")
    signing_key: SecretRef = Field(description="Ed25519 private key (OpenSSH format) that signs the ledger.")


class Links(Section):
    """[links]: pages that notices and reports point at; `{key}`, `{run}` and `{duty}` are filled in."""

    run: str = Field(description="Page of a run in the Prefect UI, with {run}.")
    evidence: str = Field(description="Page of an evidence object, with {key} (never a presigned address).")
    runbook: str = Field(description="Runbook page of a duty, with {duty}.")
    dashboards: dict[str, str] = Field(default_factory=dict, description="Title → address.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Which environments there are, and in which folder."""

    names: str
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistakes:
    """Every mistake in one environment's file, one a line."""

    mistakes: str
    count: int

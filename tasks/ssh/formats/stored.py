"""A key as it is stored: the JSON text of one version of a purpose's secret."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from tasks.ssh.model.keys import PublicKey

MADE_BY = "marias-ops"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class StoredKey:
    """One version of a purpose's secret.

    `public_key` is "" and `created_at` None where a person stored the private half alone; `made_by` says who made it,
    `replaces` the version that was current then, `retired` every public key before it, newest first, `environment`
    whose accounts it is for; "" where a person stored it.
    """

    private_key: str
    public_key: str = ""
    created_at: datetime | None = None
    made_by: str = ""
    replaces: str = ""
    retired: tuple[PublicKey, ...] = ()
    environment: str = ""


def read(text: str) -> StoredKey | None:
    """Return the key in a secret's text; None when it is no JSON object with a private key, or malformed."""
    try:
        values = json.loads(text)
        created = values.get("created_at")
        found = StoredKey(
            private_key=values["private_key"],
            public_key=values.get("public_key", ""),
            created_at=_moment(created) if created else None,
            made_by=values.get("made_by", ""),
            replaces=values.get("replaces", ""),
            retired=tuple(map(PublicKey.of, values.get("retired", ()))),
            environment=values.get("environment", ""),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    texts = (found.private_key, found.public_key, found.environment)
    return found if all(isinstance(text, str) for text in texts) else None


def _moment(text: str) -> datetime:
    """Return a time; one that a person wrote without a zone is UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def write(key: StoredKey) -> str:
    """Return the text that `read` reads."""
    return json.dumps(
        {
            "private_key": key.private_key,
            "public_key": key.public_key,
            "created_at": key.created_at.isoformat() if key.created_at else "",
            "made_by": key.made_by,
            "replaces": key.replaces,
            "retired": [old.line for old in key.retired],
            "environment": key.environment,
        }
    )

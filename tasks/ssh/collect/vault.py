"""The stored keys of the purposes: public halves for everybody, private halves for who logs in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock

from tasks.adapters.secret_stages import SecretStages, StoredVersion
from tasks.adapters.ssh import public_line
from tasks.core.errors import OperatorError
from tasks.core.secret import Secret
from tasks.settings import Aws
from tasks.ssh.formats import stored
from tasks.ssh.formats.stored import MADE_BY, StoredKey
from tasks.ssh.model.keys import CURRENT, PENDING, Keys, PublicKey, Version
from tasks.ssh.model.told import OfPurpose
from tasks.ssh.settings import Ssh


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Ring:
    """The keys of one purpose, with their private halves by fingerprint."""

    keys: Keys
    private: Mapping[str, Secret]


class Vault:
    """The stored keys of an environment, each purpose read once, when it is first asked for."""

    def __init__(self, cfg: Ssh, aws: Aws) -> None:
        """Read nothing yet."""
        self._cfg, self._aws = cfg, aws
        self._rings: dict[str, Ring] = {}
        self._stages: dict[str, SecretStages] = {}
        self._lock = Lock()

    def ring(self, purpose: str, *, anew: bool = False) -> Ring:
        """Return the keys of a purpose; `anew` as they are stored now, and so for everybody who asks after that.

        Raises OperatorError ssh.no_current_key, ssh.bad_stored_key, ssh.foreign_pending, and what SecretStages raises.
        """
        with self._lock:
            if anew or purpose not in self._rings:
                self._rings[purpose] = read(self.stages(purpose), purpose, self.secret(purpose))
            return self._rings[purpose]

    def stages(self, purpose: str) -> SecretStages:
        """Return the secret of a purpose, to be changed."""
        if purpose not in self._stages:
            self._stages[purpose] = SecretStages(self._aws, self.secret(purpose))
        return self._stages[purpose]

    def secret(self, purpose: str) -> str:
        """Return the name of a purpose's secret."""
        return self._cfg.purposes[purpose].secret


def read(stages: SecretStages, purpose: str, secret: str) -> Ring:
    """Return every stored key of a purpose; one that was not made here is welcome only as the current one."""
    of = OfPurpose(purpose=purpose, secret=secret)
    pairs = [(found, _stored(found, of)) for found in stages.versions()]
    versions = tuple(_version(found, key, of) for found, key in pairs)
    by_stage = {stage: pair for pair in pairs for stage in pair[0].stages}
    if CURRENT not in by_stage:
        raise OperatorError("ssh.no_current_key", purpose, of)
    current, pending = by_stage[CURRENT], by_stage.get(PENDING, by_stage[CURRENT])
    if pending is not current and not _ours(pending[1], current[0].id):
        raise OperatorError("ssh.foreign_pending", purpose, of)
    kept = {version.key for version in versions}
    told = (key for _, stored_key in (pending, *pairs) for key in stored_key.retired)  # a key put by hand tells of none
    retired = tuple(key for key in dict.fromkeys(told) if key not in kept)
    return Ring(
        keys=Keys(purpose=purpose, read_at=datetime.now(UTC), versions=versions, retired=retired),
        private={
            version.key.fingerprint: Secret(key.private_key) for version, (_, key) in zip(versions, pairs, strict=True)
        },
    )


def _ours(pending: StoredKey, current: str) -> bool:
    return pending.made_by == MADE_BY and pending.replaces == current


def _stored(found: StoredVersion, of: OfPurpose) -> StoredKey:
    key = stored.read(found.text.reveal())
    if key is None:
        code = "ssh.foreign_pending" if PENDING in found.stages else "ssh.bad_stored_key"
        raise OperatorError(code, of.purpose, of)
    return key


def _version(found: StoredVersion, key: StoredKey, of: OfPurpose) -> Version:
    line = public_line(Secret(key.private_key))
    if line is None or (key.public_key and key.public_key.split()[:2] != line.split()[:2]):
        raise OperatorError("ssh.bad_stored_key", of.purpose, of)
    made = min(key.created_at or found.created_at, found.created_at)  # no key is younger than its version
    return Version(
        id=found.id,
        stages=found.stages,
        key=PublicKey.of(line),
        created_at=made,
        environment=key.environment,
        retired=key.retired,
    )

"""Moves a purpose's keys through the stages of its secret: pending, current, previous, gone."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from tasks.adapters.ssh import new_key
from tasks.core.errors import OperatorError
from tasks.core.secret import Secret
from tasks.ssh.collect.vault import Vault
from tasks.ssh.formats import stored
from tasks.ssh.formats.stored import MADE_BY, StoredKey
from tasks.ssh.model.keys import CURRENT, HOLD, PENDING, PREVIOUS, PROVED, Keys, PublicKey
from tasks.ssh.model.plan import PurposePlan
from tasks.ssh.model.told import OfPurpose
from tasks.ssh.rules import due

TOKENS = UUID("6d617269-6173-4f70-8173-73682d726f74")  # of nothing but this
TRIES = 10  # pending keys that somebody threw away, each under a token of its own


def stage(vault: Vault, part: PurposePlan, environment: str) -> Keys:
    """Make a new key, if the plan wants one, and store it as the pending one before any target knows it.

    Of two runs at the same time both go on with the key of the first: the version's id follows from the current one.
    Raises OperatorError ssh.changed_meanwhile when the current key is no longer the plan's, ssh.other_environment.
    """
    thrown_away: tuple[PublicKey, ...] = ()
    for number in range(TRIES):
        keys = due.of_environment(vault.ring(part.purpose, anew=True).keys, vault.secret(part.purpose), environment)
        of = OfPurpose(purpose=part.purpose, secret=vault.secret(part.purpose))
        if keys.current.id != part.base:
            raise OperatorError("ssh.changed_meanwhile", part.purpose, of)
        if keys.pending or not part.new_key:
            return keys
        token = str(uuid5(TOKENS, f"{part.base} {number}"))
        try:
            vault.stages(part.purpose).put(token, _made(keys, thrown_away, environment), PENDING)
        except OperatorError as error:
            if error.code != "secret.token_used":
                raise
            thrown_away += _learnt(vault.stages(part.purpose).text(token))  # some targets may know it
        else:
            return vault.ring(part.purpose, anew=True).keys
    raise OperatorError("ssh.changed_meanwhile", part.purpose, of)


def _learnt(text: Secret) -> tuple[PublicKey, ...]:
    key = stored.read(text.reveal())
    return (PublicKey.of(key.public_key),) if key and key.public_key else ()


def _made(keys: Keys, thrown_away: tuple[PublicKey, ...], environment: str) -> Secret:
    now = datetime.now(UTC)
    private, line = new_key(f"{MADE_BY} {keys.purpose} {now:%Y-%m-%d}")
    made = StoredKey(
        private_key=private.reveal(),
        public_key=line,
        created_at=now,
        made_by=MADE_BY,
        replaces=keys.current.id,
        retired=(*keys.all, *thrown_away),
        environment=environment,
    )
    return Secret(stored.write(made))


def promote(vault: Vault, purpose: str, *, verified: str) -> Keys:
    """Make the pending key the current one; those before are held until every target is proved. Twice is once."""
    keys, stages = vault.ring(purpose, anew=True).keys, vault.stages(purpose)
    _still(vault, keys, verified)
    previous, shown = keys.at(PREVIOUS), keys.at(PROVED)
    if previous and keys.unproved_by_hand:  # AWS takes that stage from it when the current key changes
        stages.move(f"{HOLD}{previous.id}", to=previous.id, off=None)
    if keys.pending:
        if shown:
            stages.move(PROVED, to=None, off=shown.id)
        stages.move(f"{HOLD}{keys.current.id}", to=keys.current.id, off=None)
        stages.move(CURRENT, to=keys.pending.id, off=keys.current.id)
    return settle(vault, purpose, proved="", grace=timedelta.max)


def _still(vault: Vault, keys: Keys, wanted: str) -> None:
    """Raise OperatorError ssh.changed_meanwhile unless the wanted key is the one that the targets were asked about."""
    if keys.wanted.id != wanted:
        of = OfPurpose(purpose=keys.purpose, secret=vault.secret(keys.purpose))
        raise OperatorError("ssh.changed_meanwhile", keys.purpose, of)


def settle(vault: Vault, purpose: str, *, proved: str, grace: timedelta) -> Keys:
    """Take off the stages that have served.

    Pending goes from the current key, holds once all is `proved`, and then, after `grace`, previous: not where only
    that stage still tells of the key before.
    """
    keys, stages = vault.ring(purpose, anew=True).keys, vault.stages(purpose)
    if PENDING in keys.current.stages:
        stages.move(PENDING, to=None, off=keys.current.id)
    if not proved:
        return vault.ring(purpose, anew=True).keys
    _still(vault, keys, proved)
    for version in keys.versions:
        for label in (label for label in version.stages if label.startswith(HOLD)):
            stages.move(label, to=None, off=version.id)
    shown, previous = keys.at(PROVED), keys.at(PREVIOUS)
    if keys.put_by_hand:
        stages.move(PROVED, to=keys.current.id, off=shown.id if shown else None)
        return vault.ring(purpose, anew=True).keys
    if shown:
        stages.move(PROVED, to=None, off=shown.id)
    if previous and keys.pending is None and keys.current.created_at + grace <= datetime.now(UTC):
        stages.move(PREVIOUS, to=None, off=previous.id)
    return vault.ring(purpose, anew=True).keys

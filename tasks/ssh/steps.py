"""The Prefect rim of the rotation."""

from collections.abc import Sequence
from datetime import timedelta

from tasks.adapters.s3 import S3
from tasks.adapters.ssh.files import RemoteFile
from tasks.core.attempt import Attempt
from tasks.settings import Aws, Evidence
from tasks.ssh.apply import advance, fleet, stages
from tasks.ssh.collect import past
from tasks.ssh.collect.reach import Reach
from tasks.ssh.collect.survey import Told, each, look
from tasks.ssh.collect.vault import Vault
from tasks.ssh.model.keys import Keys
from tasks.ssh.model.memory import Memory
from tasks.ssh.model.plan import PurposePlan, Survey, Why
from tasks.ssh.model.rotated import FirstSeen
from tasks.ssh.model.seen import Seen
from tasks.ssh.model.targets import Target, targets_of
from tasks.ssh.settings import Ssh
from tasks.steps import effect

LONG = timedelta(hours=2)  # every wait for a host has its own, shorter limit in the settings
SHORT = timedelta(minutes=5)


@effect(timeout=SHORT, retries=True)
def read_keys(cfg: Ssh, aws: Aws, purpose: str) -> Keys:
    """Read the stored keys of a purpose, without their private halves."""
    return Vault(cfg, aws).ring(purpose).keys


@effect(timeout=SHORT, retries=True)
def first_seen(aws: Aws, evidence: Evidence, attempt: Attempt) -> tuple[FirstSeen, ...]:
    """Read since when keys are known to stand on accounts."""
    return past.first_seen(S3(aws), evidence, attempt)


@effect(timeout=LONG)
def survey(  # noqa: PLR0913 - what is looked at, by what right, and who hears of it
    cfg: Ssh, aws: Aws, purpose: str, told: Told, *, memory: Memory[RemoteFile], trial: bool
) -> Survey:
    """Look at every target of a purpose; `trial` also tries whether its files could be replaced."""
    reach = Reach(cfg=cfg, vault=Vault(cfg, aws), memory=memory)
    seen = each(reach, targets_of(cfg, purpose), lambda reach, target: look(reach, target, trial=trial), told)
    return Survey(keys=reach.vault.ring(purpose).keys, seen=seen)


@effect(timeout=SHORT)
def stage(cfg: Ssh, aws: Aws, part: PurposePlan, environment: str) -> Keys:
    """Store the new key as the pending one, unless one is pending already."""
    return stages.stage(Vault(cfg, aws), part, environment)


@effect(timeout=LONG)
def add(  # noqa: PLR0913 - as above
    cfg: Ssh, aws: Aws, targets: Sequence[Target], why: Why, told: Told, *, memory: Memory[RemoteFile]
) -> tuple[Seen, ...]:
    """Add the wanted key beside the others, target by target, and prove that it opens each.

    A compromised key is removed at once, wherever the wanted one is proved.
    """
    work = advance.exchange if why is Why.COMPROMISED else advance.add
    return fleet.worked(Reach(cfg=cfg, vault=Vault(cfg, aws), memory=memory), targets, work, why, told)


@effect(timeout=SHORT)
def promote(cfg: Ssh, aws: Aws, purpose: str, *, verified: str) -> Keys:
    """Make the pending key the current one."""
    return stages.promote(Vault(cfg, aws), purpose, verified=verified)


@effect(timeout=LONG)
def prove(cfg: Ssh, aws: Aws, targets: Sequence[Target], why: Why, told: Told) -> tuple[Seen, ...]:
    """Remove the other keys, target by target, and prove that none of them opens anything."""
    return fleet.worked(Reach(cfg=cfg, vault=Vault(cfg, aws)), targets, advance.prove, why, told)


@effect(timeout=SHORT)
def settle(cfg: Ssh, aws: Aws, purpose: str, *, proved: str) -> Keys:
    """Let go of stored keys that have served."""
    return stages.settle(Vault(cfg, aws), purpose, proved=proved, grace=timedelta(days=cfg.grace_days))

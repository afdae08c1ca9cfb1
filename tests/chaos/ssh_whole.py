"""Whole runs of the rotation, through a worker of the lab: whoever is killed, the lab's hosts let stored keys in."""

from tasks.adapters.secret_stages import SecretStages
from tasks.core.secret import Secret
from tasks.environment import load
from tasks.ssh.formats import stored
from tests.chaos.frame import World
from tests.chaos.ssh_ground import COPY
from tests.chaos.whole_runs import Killed

PURPOSE = "deploy"  # CI has a copy of its key
GO = {"purpose": PURPOSE, "dry_run": False}


def locked_out(world: World) -> tuple[str, ...]:
    """Return every account that no stored key opens, and every one that CI's copy does not open once there is one."""
    settings = load("lab")
    versions = SecretStages(settings.aws, settings.ssh.purposes[PURPOSE].secret).versions()
    found = (stored.read(version.text.reveal()) for version in versions)
    keys = tuple(Secret(key.private_key) for key in found if key)
    copies = tuple(Secret(text) for place, text in world.lab.github.secrets.items() if place == COPY)
    assert world.lab.fleet.ssh, world.lab.fleet.missing
    hosts = [host for host in world.lab.fleet.ssh.hosts.values() if PURPOSE in host.accounts]
    return (
        *(f"no stored key opens {h.name}" for h in hosts if not any(h.accepts(PURPOSE, key) for key in keys)),
        *(f"CI's key does not open {h.name}" for h in hosts for key in copies if not h.accepts(PURPOSE, key)),
    )


KILLED = Killed(duty="ssh-rotation", parameters={**GO, "rotate_now": True}, after=GO, broken=locked_out)

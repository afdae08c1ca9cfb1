"""The table of all that is done to a rotation's world while it goes on."""

import random
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial

from deployments.lab.sshd import Fault, LabHost
from tests.chaos import ssh_servers as servers
from tests.chaos import ssh_services as services
from tests.chaos.ssh_ground import World

Harm = Callable[[World, random.Random], AbstractContextManager[None]]

HARMS: Mapping[str, Harm] = {
    "a server dies": servers.dies,
    "a server hangs": servers.hangs,
    **{f"a server's place does {fault}": partial(servers.misbehaves, fault) for fault in Fault},
    "a server throttles": servers.throttled,
    "a server bears two refusals": servers.impatient,
    "a server has another key": servers.other_host_key,
    "a disk is full": partial(servers.on_disk, LabHost.fill_disk),
    "a disk is read-only": partial(servers.on_disk, LabHost.make_read_only),
    "a file is immutable": servers.immutable,
    "others write into the files": servers.written_to,
    "Secrets Manager is away": services.secrets_away,
    "Secrets Manager answers 500": services.secrets_fail,
    "GitHub is away": services.github_away,
    "GitHub answers 500": services.github_fails,
    "two runs at once": services.second_run,
    "a server is away for two rotations": services.away_for_two,
}


def possible(world: World) -> Mapping[str, Harm]:
    """Return the harms that can be done here."""
    file = world.doors[0].host.file(world.doors[0].account)
    works = all(servers.attributes(change, file) for change in ("+i", "-i"))
    return {name: harm for name, harm in HARMS.items() if works or harm is not servers.immutable}

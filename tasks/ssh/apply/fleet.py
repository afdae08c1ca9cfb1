"""Works through a purpose's targets, carefully at first, and stops where too many fail."""

from collections.abc import Sequence

from tasks.ssh.collect.reach import Reach
from tasks.ssh.collect.survey import Told, Work, each
from tasks.ssh.model.plan import Why
from tasks.ssh.model.seen import Seen
from tasks.ssh.model.targets import Target
from tasks.ssh.rules import planning


def worked(reach: Reach, targets: Sequence[Target], work: Work, why: Why, told: Told) -> tuple[Seen, ...]:
    """Do the same to every target; return what came of those that were begun, in their order."""

    def room(done: Sequence[Seen]) -> int:
        stops = planning.too_many_failed(done, len(targets), why, reach.cfg)
        return 0 if stops else planning.at_once(done, len(targets))

    return each(reach, targets, work, told, room=room)

"""Works through a purpose's targets in waves, and stops where too many fail."""

from collections.abc import Callable, Sequence

from tasks.ssh.collect.reach import Reach
from tasks.ssh.collect.survey import Told, each
from tasks.ssh.model.plan import Why
from tasks.ssh.model.seen import Seen
from tasks.ssh.model.targets import Target
from tasks.ssh.rules import planning

Work = Callable[[Reach, Target], Seen]


def in_waves(reach: Reach, targets: Sequence[Target], work: Work, why: Why, told: Told) -> tuple[Seen, ...]:
    """Do the same to every target, wave after wave; return what came of those that were reached, in their order."""
    done: list[Seen] = []

    def tell(number: int, _of: int) -> None:
        told(len(done) + number, len(targets))

    for wave in planning.waves(targets):
        done += each(reach, wave, work, tell)
        if planning.too_many_failed(done, len(targets), why, reach.cfg):
            break
    return tuple(done)

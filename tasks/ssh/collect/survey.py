"""Every target as it is: what its server answers, what stands in its files, what an edit would meet."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime

from tasks.core.errors import OperatorError, TransientError, known
from tasks.ssh.collect.files import facts, inspect
from tasks.ssh.collect.reach import Reach, Visit, visit
from tasks.ssh.model.keys import PublicKey
from tasks.ssh.model.seen import KeysFile, Seen, State
from tasks.ssh.model.targets import Target, by_turns
from tasks.ssh.model.told import OfPurpose

Told = Callable[[int, int], None]  # how many are done, of how many
Work = Callable[[Reach, Target], Seen]
Room = Callable[[Sequence[Seen]], int]
OTHER_SOURCE = "ssh.trouble.other_source"


def each(
    reach: Reach, targets: Sequence[Target], work: Work, told: Told, *, room: Room | None = None
) -> tuple[Seen, ...]:
    """Do the same to every target, several at once, and say how far it is; the answers come in the targets' order.

    Trouble with one target is its answer, UNKNOWN, and nobody else's. `room` is how many may be worked on at the same
    time after what came of others; where it is 0, those that were not begun are left out.
    """
    most, waiting = reach.cfg.at_once, deque(by_turns(targets))
    flying, done = dict[Future[Seen], Target](), dict[Target, Seen]()
    with ThreadPoolExecutor(max_workers=most, thread_name_prefix="ssh") as pool:
        while True:
            now = min(most, room(tuple(done.values()))) if room else most
            while waiting and len(flying) < now:
                target = waiting.popleft()
                flying[pool.submit(_carefully, reach, target, work)] = target
            if not flying:
                return tuple(done[target] for target in targets if target in done)
            for future in wait(flying, return_when=FIRST_COMPLETED).done:
                done[flying.pop(future)] = future.result()
                told(len(done), len(targets))


def _carefully(reach: Reach, target: Target, work: Work) -> Seen:
    try:
        return work(reach, target)
    except Exception as error:  # noqa: BLE001 - one target's trouble, told as such
        cause = known(error)
        return Seen(
            target=target,
            state=State.HELD if isinstance(cause.data, OfPurpose) else State.UNKNOWN,  # another purpose's keys, unread
            at=datetime.now(UTC),
            why=cause.code,
            answer=getattr(cause.data, "answer", "") or getattr(cause.data, "fingerprint", ""),
            host=cause.subject,
            pinned=getattr(cause.data, "pinned", ""),
        )


def look(reach: Reach, target: Target, *, trial: bool) -> Seen:
    """Look at one target and change nothing; `trial` also tries whether its files could be replaced.

    PROVED: no other key opens it, no other key stands in its files, and the wanted one has logged in. Where no file can
    be seen at all `why` says so: what the server answered stands.
    """
    with visit(reach, target) as here:
        if here.connection is None:
            return here.seen()
        try:
            inspection = inspect(here, trial=trial)
        except TransientError:
            raise
        except OperatorError as error:
            return replace(here.seen(), why=error.code)
        files = tuple(map(facts, inspection.files))
        alone = here.state is State.RETIRED and not _holding(here.superfluous, files)
        return replace(
            here.seen(),
            state=State.PROVED if alone else here.state,
            files=files,
            why=_in_the_way(here, files),
            last_used=dict(inspection.last_used),
        )


def _in_the_way(here: Visit, files: Sequence[KeysFile]) -> str:
    """Return the code of what would keep the keys that open the target from being replaced; "" when nothing would."""
    holding = _holding(here.ring.keys.all, files)
    if not holding:
        return next((file.trouble for file in files if file.trouble), OTHER_SOURCE)
    return next((file.trouble for file in holding if file.trouble), "")


def _holding(keys: Iterable[PublicKey], files: Iterable[KeysFile]) -> tuple[KeysFile, ...]:
    wanted = {key.fingerprint for key in keys}
    return tuple(file for file in files if wanted & {line.fingerprint for line in file.lines})

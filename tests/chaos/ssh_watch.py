"""The promises of a rotation, held against what sshd and the files say: at every instant, and once it is finished."""

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

from deployments.background import LabError
from tests.chaos.ssh_body import End
from tests.chaos.ssh_ground import COPY, Door, World

LOOK_SECONDS, KNOCK_SECONDS = 0.05, 0.15
AT_ONCE = 4
ALLOWED_SECONDS = 300  # a killed run's temporary file may stay so long
ALLOWED_LABELS = {"AWSCURRENT", "AWSPREVIOUS"}
LEFT = re.compile(r"\.marias-(\d+)-\w+\.(new|old)")


@dataclass(slots=True)
class Tally:
    """What became of all runs; every list is of broken promises."""

    runs: int = 0
    kills: int = 0
    again: int = 0
    looks: int = 0
    knocks: int = 0
    moments: Counter[str] = field(default_factory=Counter)
    lockouts: list[str] = field(default_factory=list)
    surviving: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    ci: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    last: str = ""

    @property
    def broken(self) -> int:
        """Return how many promises were broken."""
        return len(self.promises)

    @property
    def promises(self) -> tuple[str, ...]:
        """Return the broken promises."""
        kinds = ("lockouts", "surviving", "unfinished", "foreign", "ci", "left")
        return tuple(f"{kind}: {told}" for kind in kinds for told in getattr(self, kind))

    @property
    def line(self) -> str:
        """Return how far it is, on one line."""
        return f"{self.runs} runs ({self.last}), {self.broken} promises broken"

    def count(self, name: str, said: Sequence[object], *, by_kill: bool, detail: bool, parameters: str) -> None:
        """Add a run by what it said, until it ended or was killed; to fall over is neither."""
        ended, last = bool(said) and isinstance(said[-1], End), str(said[-1]) if said else "nothing"
        self.runs += 1
        self.kills += not ended
        self.last = f"{self.runs}: {name}, {parameters}; last said: {last}"
        self.moments[f"{name}: {last}" if detail and not ended else name] += 1
        if not ended and not by_kill:
            self.unfinished.append(f"{self.last}: it fell over")


@contextmanager
def watched(world: World, tally: Tally) -> Iterator[None]:
    """Look at every file, and knock at random doors, until the block ends."""
    over = Event()

    def repeat(look: Callable[[World, Tally], None], seconds: float) -> None:
        while not over.wait(seconds):
            look(world, tally)

    with ThreadPoolExecutor(thread_name_prefix="watch") as pool:
        watching = [pool.submit(repeat, *args) for args in ((_look, LOOK_SECONDS), (_knock, KNOCK_SECONDS))]
        try:
            yield
        finally:
            over.set()
    for watch in watching:
        watch.result()


# ── at every instant ─────────────────────────────────────────────────────────────────────────────────────────────────


def _look(world: World, tally: Tally) -> None:
    """See whether a key that Secrets Manager holds stands in every file, and CI's in those it deploys by.

    What is held was read before the file and is read again after it: a key may have come or gone meanwhile.
    """
    with world.lock:
        held, copied = {purpose: world.stored(purpose) for purpose in world.keys}, world.copied()
        for door in world.doors:
            content = door.read()
            if content is None:
                continue
            tally.looks += 1
            if not _any_in(held[door.purpose], content) and not _any_in(world.stored(door.purpose), content):
                _broken(tally.lockouts, f"{tally.last}: no stored key stands at {door}")
            ours = door.purpose == "deploy" and not world.compromised
            if ours and not _any_in((copied, world.copied()), content):
                _broken(tally.ci, f"{tally.last}: CI's key does not stand at {door}")


def _knock(world: World, tally: Tally) -> None:
    """See whether the server behind some door lets a stored key in, the oldest first, as that is the first to go."""
    door = random.choice(world.doors)  # noqa: S311 - chance, not secrecy
    number = world.worlds
    try:
        opened = any(is_open(world, door) for _ in range(2))
    except LabError:  # it said nothing: whether it is away is no business of ours
        return
    tally.knocks += opened
    if not opened and door.host.name not in world.away and number == world.worlds:
        _broken(tally.lockouts, f"{tally.last}: no stored key opens {door}")


def _broken(promises: list[str], told: str) -> None:
    """Tell a broken promise once, however often it is seen."""
    if told not in promises:
        promises.append(told)


def is_open(world: World, door: Door) -> bool:
    """Return whether a stored key opens a door."""
    with world.lock:
        held = [world.keys[door.purpose][key] for key in world.stored(door.purpose)]
    return any(door.host.accepts(door.account, key) for key in held)


def locked(world: World) -> tuple[str, ...]:
    """Return every door that no stored key opens; all servers are there."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        opened = tuple(pool.map(lambda door: is_open(world, door), world.doors))
    return tuple(str(door) for door, open_ in zip(world.doors, opened, strict=True) if not open_)


# ── once it is finished ──────────────────────────────────────────────────────────────────────────────────────────────


def settled(world: World, tally: Tally) -> None:
    """Hold all promises against the world as a finished rotation leaves it."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        tuple(pool.map(lambda door: _settled(world, tally, door), world.doors))
    for purpose in world.keys:
        more = set(world.labels(purpose)) - ALLOWED_LABELS
        tally.unfinished += [f"{tally.last}: {purpose} has still {label}" for label in sorted(more)]
    if world.copied() != world.labels("deploy")["AWSCURRENT"]:
        tally.ci.append(f"{tally.last}: CI has another key than the current one")
    assert world.hub.secrets.keys() == {COPY}


def _settled(world: World, tally: Tally, door: Door) -> None:
    now, keys = world.labels(door.purpose)["AWSCURRENT"], world.keys[door.purpose]
    content = door.read() or b""
    if not door.host.accepts(door.account, keys[now]):
        tally.lockouts.append(f"{tally.last}: the current key does not open {door}")
    former = [key for key in keys if key != now]
    for key in former:
        if key.encode() in content or (key in former[-2:] and door.host.accepts(door.account, keys[key])):
            tally.surviving.append(f"{tally.last}: a former key still opens {door}")
    if shape(content, keys) != shape(world.first[str(door)] + world.added[str(door)], keys):
        tally.foreign.append(f"{tally.last}: other lines changed at {door}: {content!r}")
    tally.left += _left(door, tally.last)


def shape(content: bytes, keys: Iterable[str]) -> tuple[bytes, ...]:
    """Return the lines of a file, those of our keys as their options alone."""
    lines = []
    for line in content.splitlines(keepends=True):
        ours = next((key.encode() for key in keys if key.encode() in line), None)
        lines.append(line.partition(ours)[0].strip() + b" {key}" if ours else line)
    return tuple(lines)


def _left(door: Door, last: str) -> Iterator[str]:
    """Yield the temporary files that are too old; let younger ones grow old, so that the next run must remove them."""
    for file in door.host.file(door.account).parent.iterdir():
        if match := LEFT.fullmatch(file.name):
            if time.time() - int(match[1]) > ALLOWED_SECONDS:
                yield f"{last}: {file.name} left at {door}"
            else:
                file.rename(file.with_name(file.name.replace(match[1], str(int(match[1]) - 2 * ALLOWED_SECONDS))))


def _any_in(keys: tuple[str, ...], content: bytes) -> bool:
    return any(key.encode() in content for key in keys)

"""Which harm is done to which run, and when: kills after every point, kills at any moment, and the table of harms."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tasks.core.findings import Verdict
from tests.chaos.process import RUN_SECONDS, heard, started
from tests.chaos.ssh_body import WHOLE, Order, body
from tests.chaos.ssh_ground import World
from tests.chaos.ssh_harm import Harm

Parameters = Mapping[str, Any]

USUAL: Final[Parameters] = {"rotate_now": True}
COMPROMISED: Final[Parameters] = {"compromised": True}
PARAMETERS: Final[Sequence[Parameters]] = (  # as likely as they stand here
    *(USUAL,) * 3,
    {**USUAL, "purpose": "ops"},
    {**USUAL, "purpose": "deploy"},
    COMPROMISED,
)
WHILE_SECONDS: Final = (0.1, 1.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is done to one run: harm from `begins` on for `lasts` seconds; killed after a point, or after `killed`."""

    name: str
    harm: Harm | None = None
    begins: float = 0
    lasts: float = RUN_SECONDS
    stop_after: int = WHOLE
    killed: float | None = None
    parameters: Parameters = field(default_factory=lambda: USUAL)

    @property
    def kills(self) -> bool:
        """Return whether the run is to be killed, if it has not ended by then."""
        return self.stop_after != WHOLE or self.killed is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """A run that nobody disturbed: its points, and its seconds."""

    points: tuple[str, ...]
    seconds: float


def undisturbed(here: World, parameters: Parameters) -> Usual:
    """Run the body to its end, which must be a good one (after a compromise there is always something to say)."""
    began = time.monotonic()
    here.declare(parameters)
    with started(body, Order(settings=here.settings(), parameters=parameters)) as (_process, hearing):
        *points, end = heard(hearing)
    good = {Verdict.PASSED, *((Verdict.ATTENTION,) if here.compromised else ())}
    assert end.verdict in good, end
    assert end.proved == end.accounts, end
    here.compromised.clear()
    return Usual(points=tuple(points), seconds=time.monotonic() - began)


def cases(here: World, harms: Mapping[str, Harm], chance: random.Random) -> Iterator[Case]:
    """Yield cases without end, in shuffled rounds, so that no point and no harm is missed."""
    all_of = [parameters for parameters in PARAMETERS if parameters.get("purpose", here.purposes[0]) in here.purposes]
    undisturbed(here, USUAL)  # which also starts the process of which all others are forks
    usual = [(parameters, undisturbed(here, parameters)) for parameters in (USUAL, COMPROMISED)]
    ends = [(parameters, point) for parameters, run in usual for point in range(1, len(run.points) + 1)]
    seconds = usual[0][1].seconds
    points, names = list[tuple[Parameters, int]](), list[str]()
    while True:
        points = points or chance.sample(ends, len(ends))
        names = names or chance.sample(sorted(harms), len(harms))
        (parameters, point), name = points.pop(), names.pop()
        yield Case(name="killed at a point", stop_after=point, parameters=parameters)
        moment, parameters = chance.uniform(0, seconds), chance.choice(all_of)
        yield Case(name="killed at any moment", killed=moment, parameters=parameters)
        yield Case(
            name=name,
            harm=harms[name],
            begins=chance.choice((0, chance.uniform(0, seconds))),
            lasts=chance.choice((RUN_SECONDS, chance.uniform(*WHILE_SECONDS))),
            killed=chance.choice((None, None, chance.uniform(0, 2 * seconds))),
            parameters=chance.choice(all_of),
        )

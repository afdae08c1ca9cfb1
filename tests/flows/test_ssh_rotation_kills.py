"""A little of `make chaos DUTY=ssh-rotation`: rotations are killed and disturbed, and every promise is kept."""

import random

import pytest
from rich.console import Console

from deployments.lab.aws import CREDENTIALS
from deployments.lab.sshd import unavailable
from tests.chaos.ssh_ground import world
from tests.chaos.ssh_rotation import harm_the_body
from tests.chaos.ssh_watch import Tally, shape

RUNS, SEED = 10, 20260105
PURPOSES = ("deploy",)  # the one whose key CI has a copy of


def test_whatever_happens_to_a_rotation_nobody_is_locked_out_no_old_key_survives_and_the_next_one_finishes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if why := unavailable():
        pytest.skip(why)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    tally = Tally()
    with world(PURPOSES) as here:
        harm_the_body(here, RUNS, random.Random(SEED), Console(quiet=True), tally)  # noqa: S311 - chance, not secrecy
    assert (tally.runs, tally.promises) == (RUNS, ())
    assert tally.looks > RUNS
    assert tally.knocks > RUNS


def test_a_changed_line_of_somebody_else_is_seen() -> None:
    before, after = b"restrict old a\r\nother\n", b"restrict new b\r\nother\n"
    shapes = tuple(shape(content, ("old", "new")) for content in (before, after, after.replace(b"r\n", b"r")))
    assert (shapes[0] == shapes[1], shapes[0] == shapes[2]) == (True, False)

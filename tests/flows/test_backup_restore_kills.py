"""A little of `make chaos DUTY=backup-restore-test`: the restore test's body is killed, and nothing is left of it."""

from pathlib import Path

import pytest
from rich.console import Console

from deployments.lab.aws import CREDENTIALS
from tests.chaos.body import kill_the_body
from tests.chaos.kills import Tally, Victim, remains
from tests.tasks.backup.world import world

NOBODY = 0  # no process of a user has this id
KILLS = 3


def test_killed_at_any_moment_it_leaves_nothing_within_ten_seconds_and_the_next_one_passes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    tally = Tally()
    with world() as here:
        kill_the_body(here, KILLS, Console(quiet=True), tally)
    assert (tally.kills, tally.left, tally.next_not_passed) == (KILLS, [], [])


def test_what_is_left_is_seen(tmp_path: Path) -> None:
    folder, place = tmp_path / "guarded", tmp_path / "place"
    for path in (folder, place):
        path.mkdir()
    (place / "x").touch()
    (tmp_path / "guarded.lock").touch()
    victim = Victim(pid=NOBODY, folders=frozenset({folder}), mapped=frozenset({place}))
    assert remains(victim, (place,)) == (
        f"file {folder}",
        f"file {folder}.lock",
        f"file {place}",
        f"file {place / 'x'}",
    )

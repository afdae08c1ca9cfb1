"""A lab in the background: the same thing twice, a lab that is gone, one that does not come up."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deployments import background
from deployments.background import LabError, State

# `up` leaves its child running on purpose
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")

# A lab in miniature: it comes up as the real one does, and its folder of a project is the test's own.
LAB = """
import json, os, signal, sys, time
from pathlib import Path
state = Path(sys.argv[1])
time.sleep({delay})
{harm}
signal.signal(signal.SIGTERM, lambda *_: (state.unlink(), os._exit(0)))
facts = {{"pid": os.getpid(), "addresses": {{}}, "variables": {{"MARIAS_ENVIRONMENTS": "here"}}, "backups": {{}}}}
state.with_suffix(".partial").write_text(json.dumps(facts))
state.with_suffix(".partial").rename(state)
signal.pause()
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("MARIAS_LAB_STATE", str(tmp_path / "state" / "up.json"))
    monkeypatch.delenv("MARIAS_ENVIRONMENTS", raising=False)
    monkeypatch.setattr(background, "ROOT", tmp_path)
    (tmp_path / "deployments" / "lab").mkdir(parents=True)
    for package in ("deployments", "deployments/lab"):
        (tmp_path / package / "__init__.py").touch()
    write(tmp_path)
    yield tmp_path
    background.down()


def write(project: Path, *, delay: float = 0, harm: str = "") -> None:
    (project / "deployments" / "lab" / "__main__.py").write_text(LAB.format(delay=delay, harm=harm))


def test_up_and_down_can_both_be_said_twice(project: Path) -> None:
    first = background.up()
    assert background.up() == first
    assert [background.down(), background.down()] == [True, False]
    until_gone(first.pid)


def test_two_who_start_it_at_once_find_the_same_lab(project: Path) -> None:
    write(project, delay=0.5)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: background.up(), range(2))
    assert first == second


def test_a_state_file_may_be_named_from_where_one_stands(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "elsewhere").mkdir()
    monkeypatch.chdir(project / "elsewhere")
    monkeypatch.setenv("MARIAS_LAB_STATE", "mine/up.json")
    assert background.up() == background.read()
    assert (project / "elsewhere" / "mine" / "up.json").exists()
    assert background.down()


@pytest.mark.parametrize("pid", [2**22 + 1, os.getpid()], ids=["nobody's", "somebody else's"])
def test_a_state_whose_lab_is_gone_is_removed_and_nobody_is_killed(project: Path, pid: int) -> None:
    path = background.path()
    path.parent.mkdir()
    path.write_text(f'{{"pid": {pid}, "addresses": {{}}, "variables": {{}}, "backups": {{}}}}')
    assert background.down() is False
    assert not path.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_state_that_cannot_be_read_is_none(project: Path, text: str) -> None:
    background.path().parent.mkdir()
    background.path().write_text(text)
    assert background.read() is None


def test_a_lab_that_fails_is_told_by_the_last_line_of_its_log(project: Path) -> None:
    write(project, harm="sys.exit('Traceback (most recent call last):' + chr(10) + 'No room on the disk.')")
    with pytest.raises(LabError) as caught:
        background.up()
    log = background.path().with_suffix(".log")
    assert str(caught.value) == f"The lab did not come up. No room on the disk.\nThe whole log: {log}"


def test_a_lab_that_takes_too_long_is_ended(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "START_SECONDS", 0.5)
    write(project, harm=f"Path({str(project)!r}, 'pid').write_text(str(os.getpid())); time.sleep(60)")
    with pytest.raises(LabError):
        background.up()
    until_gone(int((project / "pid").read_text()))


def until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while lives(pid):
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.05)


def lives(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_process_is_pointed_at_the_lab_that_is_up_and_refused_when_none_is(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LabError, match="No lab is up"):
        background.attach("lab")
    background.attach("production")
    assert "MARIAS_ENVIRONMENTS" not in os.environ
    state: State = background.up()
    monkeypatch.setenv("MARIAS_ENVIRONMENTS", "elsewhere")
    background.attach("lab")
    assert os.environ["MARIAS_ENVIRONMENTS"] == "elsewhere"
    monkeypatch.delenv("MARIAS_ENVIRONMENTS")
    background.attach("lab")
    assert os.environ["MARIAS_ENVIRONMENTS"] == state.variables["MARIAS_ENVIRONMENTS"]

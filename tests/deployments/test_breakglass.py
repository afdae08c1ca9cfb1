"""Break-glass, whole: a duty in a process of its own with the lab's environment and no server; one more is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from prefect.client.schemas.objects import State, StateType

from deployments import breakglass
from deployments.lab.lab import Lab
from flows import closing
from tasks.adapters.guardian_process import members
from tasks.environment import load
from tasks.evidence.document import Document

GONE_SECONDS = 10  # the guardian's promise
COMMAND = (str(Path(sys.executable).with_name("marias")), "run", "backup-restore-test", "--here", "--json")


@dataclass(frozen=True, slots=True)
class Ended:
    """A call that came to its end: what it printed, and what it left among the temporary files."""

    code: int
    out: str
    err: str
    left: tuple[Path, ...]


def until(holds: Callable[[], object], seconds: float = GONE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


@contextmanager
def place() -> Iterator[Path]:
    """Make a folder for temporary files that the throwaway server's user may enter."""
    with TemporaryDirectory(prefix="here-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def started(temporary: Path) -> subprocess.Popen[str]:
    """Start the command with the lab's environment, but without the address of its server."""
    environ = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    environ["TMPDIR"] = str(temporary)
    return subprocess.Popen(COMMAND, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def going(server: Lab) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    with place() as temporary, started(temporary) as process:
        yield process, temporary


@pytest.fixture(scope="module")
def ended(going: tuple[subprocess.Popen[str], Path]) -> Ended:
    process, temporary = going
    out, err = process.communicate(timeout=240)
    return Ended(process.returncode, out, err, tuple(temporary.iterdir()))


def test_a_killed_one_leaves_no_server_and_no_folder(going: object) -> None:
    with place() as temporary, started(temporary) as process:

        def folder() -> Path | None:
            return next(temporary.glob(f"{breakglass.KIND}-????????"), None)

        until(lambda: (found := folder()) and members(found), seconds=120)
        found = folder()
        assert found
        process.send_signal(signal.SIGKILL)
        process.wait()
        until(lambda: members(found) == set() and list(temporary.iterdir()) == [])


def test_break_glass_is_said_loudly_on_the_terminal_in_the_notice_and_in_the_evidence(
    server: Lab, ended: Ended
) -> None:
    said = json.loads(ended.out)
    assert (ended.code, said["exit_code"], said["state"]) == (0, 0, "Passed")
    assert ended.err.startswith("BREAK-GLASS: this run has no server and no watcher")
    loud = "EXECUÇÃO DE EMERGÊNCIA (break-glass)"
    assert said["message"].split("\n\n")[1].startswith(loud)
    [notice] = [m for m in server.people.messages if m.key == f"{said['flow_run_id']}:1:ended"]
    assert "(laboratório, execução de emergência)" in notice.text
    assert loud in json.dumps(notice.blocks, ensure_ascii=False)
    assert "Execução no Prefect" not in json.dumps(notice.blocks, ensure_ascii=False)  # no server knows it
    store = closing.store_of(load("lab"))
    [key] = [k for k in store.keys("lab/") if said["flow_run_id"] in k and k.endswith("outcome.json")]
    assert Document.model_validate_json(store.get(key) or b"").trigger == "break-glass"
    assert any(said["flow_run_id"].encode() in (store.get(k) or b"") for k in store.keys("lab/ledger/0"))


def test_a_person_sees_the_dutys_own_lines_and_none_of_prefects(ended: Ended) -> None:
    assert "60% comparando byte a byte o restaurado com o arquivo" in ended.err
    assert "Finished in state" not in ended.err


def test_nothing_is_left_of_it(ended: Ended) -> None:
    assert ended.left == ()


# ── what nobody else would close ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def closers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Take the server away, and note for which environments close-runs is called."""
    called: list[str] = []
    monkeypatch.setattr(breakglass, "_throw_away_server", nullcontext)
    monkeypatch.setattr(breakglass, "_start", lambda: None)
    monkeypatch.setattr(breakglass, "close_runs", lambda environment, **_: called.append(environment))
    return called


def ending(state: State[Any] | BaseException) -> Callable[..., Any]:
    def flow(**_parameters: object) -> State[Any]:
        if isinstance(state, BaseException):
            raise state
        return state

    return flow


@pytest.mark.parametrize(
    ("name", "kind", "closed"),
    [("Passed", StateType.COMPLETED, []), ("Refused", StateType.FAILED, []), ("Unrecorded", StateType.FAILED, ["lab"])],
)
def test_a_run_that_did_not_close_itself_is_closed_while_its_server_is_there(
    closers: list[str], monkeypatch: pytest.MonkeyPatch, name: str, kind: StateType, closed: list[str]
) -> None:
    state: State[Any] = State(type=kind, name=name)
    monkeypatch.setattr(breakglass, "flow_of", lambda _duty: ending(state))
    assert breakglass.run("backup-restore-test", "lab", {}) == state
    assert closers == closed


def test_so_is_one_that_a_person_interrupts(closers: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breakglass, "flow_of", lambda _duty: ending(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        breakglass.run("backup-restore-test", "lab", {})
    assert closers == ["lab"]

"""The guardian against real processes, killed in every way there is."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tasks.adapters.guardian import MEMORY, NoSpace, Unusable, guarded_folder, scratch_base, sweep
from tasks.adapters.guardian_process import lock_of
from tasks.core.errors import OperatorError

ROOT = Path(__file__).parents[3]
KIND = "marias-test"
LIMIT_SECONDS = 10
SLEEP = ("/bin/sleep", "100")
HOLDER = f"""
import sys, time
from pathlib import Path
from tasks.adapters.guardian import guarded_folder
from tasks.adapters.postgres_server import cluster, find_binaries
with guarded_folder("{KIND}", Path(sys.argv[1])) as folder, cluster(find_binaries(), folder):
    print("up", flush=True)
    time.sleep(100)
"""
NORMAL_USER = os.geteuid() != 0


def new_base() -> Path:
    """Make a folder that an unprivileged user can pass through."""
    base = Path(tempfile.mkdtemp(prefix="g-", dir=scratch_base(500_000_000)))
    base.chmod(0o711)
    return base


@pytest.fixture
def base() -> Iterator[Path]:
    place = new_base()
    yield place
    shutil.rmtree(place)


def processes(base: Path) -> set[int]:
    """Return the processes that name `base` in their command line, environment or working directory."""
    found = set[int]()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parts = (
                str((entry / "cwd").readlink()).encode(),
                *map(Path.read_bytes, (entry / "environ", entry / "cmdline")),
            )
            if any(bytes(base) in part for part in parts):
                found.add(int(entry.name))
    return found


def folders(base: Path) -> list[Path]:
    return [path for path in base.iterdir() if path.is_dir()]


def guardian_of(base: Path) -> int:
    return next(p for p in processes(base) if b"guardian_process.py" in Path(f"/proc/{p}/cmdline").read_bytes())


def hold(base: Path, *prefix: str) -> subprocess.Popen[str]:
    """Start a process that holds a running database cluster in a guarded folder of `base`."""
    command = [*prefix, sys.executable, "-c", HOLDER, str(base)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )


def held(base: Path, *prefix: str) -> subprocess.Popen[str]:
    """Start such a process and wait until its cluster is up."""
    holder = hold(base, *prefix)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "up\n"
    return holder


def end(holder: subprocess.Popen[str], number: signal.Signals = signal.SIGKILL) -> None:
    holder.send_signal(number)
    holder.communicate(timeout=LIMIT_SECONDS)


def seconds_until_gone(base: Path) -> float:
    """Wait until no folder and no process of `base` is left; fail after ten seconds."""
    started = time.monotonic()
    while left := [*folders(base), *processes(base)]:
        assert time.monotonic() - started < LIMIT_SECONDS, left
        time.sleep(0.01)
    return time.monotonic() - started


def test_twenty_kills_at_moments_spread_over_a_run_leave_no_folder_and_no_process() -> None:
    def killed(moment: int) -> float:
        base = new_base()
        try:
            holder = hold(base) if moment < 12 else held(base)  # the first twelve while it still starts
            time.sleep(0.1 * moment if moment < 12 else 0.05 * (moment - 12))
            end(holder)
            seconds = seconds_until_gone(base)
            assert sweep(KIND, base) == 0
            assert list(base.iterdir()) == []
            return seconds
        finally:
            shutil.rmtree(base)

    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(killed, range(20)))) == 20


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_parent_and_guardian_ends_both_and_leaves_nothing(base: Path, number: signal.Signals) -> None:
    holder = held(base)
    os.kill(guardian_of(base), number)
    end(holder, number)
    seconds_until_gone(base)
    assert list(base.iterdir()) == []


@pytest.mark.skipif(NORMAL_USER, reason="only root starts its cluster as another user")
def test_a_root_that_may_not_look_into_other_users_processes_still_ends_them(base: Path) -> None:
    holder = held(base, "setpriv", "--bounding-set=-sys_ptrace")
    end(holder)
    seconds_until_gone(base)
    assert list(base.iterdir()) == []


def test_leaving_the_block_destroys_the_folder_and_the_processes_that_belong_to_it(base: Path) -> None:
    with guarded_folder(KIND, base) as folder:
        (folder.path / "dados").write_text("x")
        inside = subprocess.Popen(SLEEP, cwd=folder.path)
        marked = subprocess.Popen(SLEEP, env=folder.environ, start_new_session=True)
        foreign = subprocess.Popen(SLEEP)
        assert sorted(base.iterdir()) == [folder.path, lock_of(folder.path)]
    assert list(base.iterdir()) == []
    assert (inside.wait(1), marked.wait(1), foreign.poll()) == (-signal.SIGTERM, -signal.SIGTERM, None)
    foreign.kill()
    foreign.wait()


def test_an_exception_destroys_the_folder_and_passes_on(base: Path) -> None:
    with pytest.raises(ZeroDivisionError), guarded_folder(KIND, base):
        raise ZeroDivisionError
    assert list(base.iterdir()) == []


def test_a_process_that_ignores_the_polite_signal_is_killed(base: Path) -> None:
    with guarded_folder(KIND, base) as folder:
        stubborn = subprocess.Popen(
            ["/bin/sh", "-c", "trap '' TERM; echo; while :; do sleep 0.1; done"],
            cwd=folder.path,
            stdout=subprocess.PIPE,
        )
        assert stubborn.stdout is not None
        stubborn.stdout.readline()
    assert stubborn.wait(1) == -signal.SIGKILL
    stubborn.stdout.close()


def test_an_initdb_may_finish_because_only_then_its_server_frees_its_shared_memory(base: Path) -> None:
    with guarded_folder(KIND, base) as folder:
        program = folder.path / "initdb"
        program.write_text(f"#!/bin/sh\n/bin/sleep 0.5\n: > {base}/finished\n")
        program.chmod(0o755)
        child = subprocess.Popen([program], cwd=folder.path)
    assert child.wait(1) == 0
    assert list(base.iterdir()) == [base / "finished"]


def test_a_fork_of_the_parent_that_still_holds_the_socket_does_not_keep_the_folder(base: Path) -> None:
    script = f"""
import os, sys, time
from pathlib import Path
from tasks.adapters.guardian import guarded_folder
with guarded_folder("{KIND}", Path(sys.argv[1])):
    fork = os.fork()
    if fork:
        print(fork, flush=True)
    time.sleep(100)
"""
    command, environ = [sys.executable, "-c", script, str(base)], {**os.environ, "PYTHONPATH": str(ROOT)}
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=environ)
    assert holder.stdout is not None
    fork = int(holder.stdout.readline())
    assert len(folders(base)) == 1
    holder.kill()
    holder.wait()
    deadline = time.monotonic() + LIMIT_SECONDS
    while (left := (list(base.iterdir()), processes(base))) != ([], {fork}) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(fork, signal.SIGKILL)
    holder.stdout.close()
    assert left == ([], {fork})


def test_the_guardian_has_its_own_session_and_nothing_of_its_parent_but_the_socket_and_the_lock(base: Path) -> None:
    with (base / "aberto").open("w") as file, guarded_folder(KIND, base) as folder:
        os.set_inheritable(file.fileno(), True)  # noqa: FBT003 - its only parameter
        guardian = guardian_of(base)
        assert os.getsid(guardian) == guardian
        process = Path("/proc", str(guardian))
        files = sorted(str(link.readlink()).partition(":")[0] for link in (process / "fd").iterdir())
        variables = (process / "environ").read_bytes()
    assert files == ["/dev/null", "/dev/null", str(lock_of(folder.path)), "socket"]
    assert variables == b""


def test_a_killed_guardian_is_replaced_when_the_block_is_left(base: Path) -> None:
    with guarded_folder(KIND, base) as folder:
        child = subprocess.Popen(SLEEP, cwd=folder.path)
        os.kill(guardian_of(base), signal.SIGKILL)
    assert child.wait(1) == -signal.SIGTERM
    assert list(base.iterdir()) == []


def test_a_guarded_process_inside_a_guarded_folder_cleans_up_after_itself_when_both_are_ended(base: Path) -> None:
    with guarded_folder("marias-outer", base) as folder:
        inner = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(base)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, **folder.environ, "PYTHONPATH": str(ROOT)},
        )
        assert inner.stdout is not None
        assert inner.stdout.readline() == b"up\n"
    inner.communicate(timeout=LIMIT_SECONDS)
    seconds_until_gone(base)
    assert list(base.iterdir()) == []


def test_a_sweep_destroys_what_neither_a_parent_nor_a_guardian_answers_for(base: Path) -> None:
    holder = held(base)
    os.kill(guardian_of(base), signal.SIGKILL)
    end(holder)
    assert len(folders(base)) == 1
    assert processes(base) != set()  # the cluster runs on
    deadline = time.monotonic() + LIMIT_SECONDS
    while (swept := sweep(KIND, base)) == 0:  # the guardian dies with its lock still held
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert swept == 1
    assert processes(base) == set()
    assert list(base.iterdir()) == []


def test_a_sweep_leaves_alone_what_a_parent_answers_for_even_without_its_guardian(base: Path) -> None:
    with guarded_folder(KIND, base) as folder:
        assert sweep(KIND, base) == 0
        os.kill(guardian_of(base), signal.SIGKILL)
        assert sweep(KIND, base) == 0
        assert sorted(base.iterdir()) == [folder.path, lock_of(folder.path)]


def test_a_sweep_leaves_other_kinds_alone_and_removes_a_lock_without_a_folder(base: Path) -> None:
    lone, other = base / f"{KIND}-0123abcd.lock", base / f"{KIND}-lab-0123abcd.lock"
    lone.touch()
    other.touch()
    assert sweep(KIND, base) == 0
    assert list(base.iterdir()) == [other]


def test_of_two_runs_side_by_side_the_end_of_one_does_not_touch_the_other(base: Path) -> None:
    first, second = held(base), held(base)
    end(first)
    deadline = time.monotonic() + LIMIT_SECONDS
    while len(folders(base)) > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sweep(KIND, base) == 0
    (left,) = folders(base)
    assert (left / "data" / "postmaster.pid").read_text().splitlines()[7] == "ready   "
    assert second.poll() is None
    end(second)
    seconds_until_gone(base)
    assert list(base.iterdir()) == []


def test_a_place_where_no_folder_can_be_made_is_named_with_the_reason(base: Path) -> None:
    missing = base / "missing"
    with pytest.raises(OperatorError) as caught, guarded_folder(KIND, missing):
        pass
    assert (caught.value.code, caught.value.subject) == ("guardian.no_folder", str(missing))
    assert caught.value.data == Unusable(reason="ENOENT")


def test_what_fits_twice_into_memory_goes_there_and_what_fits_nowhere_is_refused() -> None:
    assert scratch_base(1) in {MEMORY, Path(tempfile.gettempdir())}
    with pytest.raises(OperatorError) as caught:
        scratch_base(10**18)
    assert (caught.value.code, caught.value.subject) == ("disk.no_space", tempfile.gettempdir())
    assert isinstance(caught.value.data, NoSpace)
    assert caught.value.data.needed_mb == 10**12

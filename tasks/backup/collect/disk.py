"""Writes the copy, and never the last of a disk: a few bytes can unpack to more than any disk holds."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from tasks.adapters.guardian import MEGABYTE, MEMORY, NoSpace
from tasks.backup.formats.tar import Member
from tasks.core.errors import OperatorError

EMPTY_CLUSTER_BYTES = 150 * MEGABYTE


def write(files: Iterator[Member | bytes], copy: Path) -> None:
    """Write each file of the copy for nobody else to read; one without a name is the copy itself.

    Raises OperatorError disk.no_space while the place has still room for an empty cluster.
    """
    written = 0
    with no_disk_full(copy.parent), ExitStack() as opened:
        for item in files:
            if isinstance(item, Member):
                opened.close()
                file = opened.enter_context(_create(copy / item.name))
                continue
            free = _free_bytes(copy.parent)
            if free < len(item) + EMPTY_CLUSTER_BYTES:
                raise no_space(copy.parent, written + len(item) + EMPTY_CLUSTER_BYTES, written + free)
            written += file.write(item)


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def _free_bytes(place: Path) -> int:
    # A tmpfs may promise more than the machine has left, so the smaller of both counts.
    free = shutil.disk_usage(place).free
    if not place.is_relative_to(MEMORY):
        return free
    figures = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
    return min(free, int(figures["MemAvailable"].removesuffix("kB")) * 1024)


@contextmanager
def no_disk_full(place: Path) -> Iterator[None]:
    """Name a disk that is full after all: others fill it too."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise no_space(place, EMPTY_CLUSTER_BYTES, _free_bytes(place)) from None


def no_space(place: Path, needed: int, free: int) -> OperatorError:
    """Return the error that says how many bytes a place needed and how many it has."""
    data = NoSpace(needed_mb=-(-needed // MEGABYTE), free_mb=free // MEGABYTE)
    return OperatorError("disk.no_space", str(place), data)


def remove(copy: Path) -> None:
    """Remove what there is of a copy."""
    if copy.is_dir():
        shutil.rmtree(copy)
    else:
        copy.unlink(missing_ok=True)

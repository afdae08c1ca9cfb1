"""Writes the copy, and never the last of a disk: a few bytes can unpack to more than any disk holds."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from tasks.adapters.guardian import MEGABYTE, free_bytes, no_space
from tasks.backup.formats.tar import Member

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
            free = free_bytes(copy.parent)
            if free < len(item) + EMPTY_CLUSTER_BYTES:
                raise no_space(copy.parent, written + len(item) + EMPTY_CLUSTER_BYTES, written + free)
            written += file.write(item)


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


@contextmanager
def no_disk_full(place: Path) -> Iterator[None]:
    """Name a disk that is full after all: others fill it too."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise no_space(place, EMPTY_CLUSTER_BYTES, free_bytes(place)) from None


def remove(copy: Path) -> None:
    """Remove what there is of a copy."""
    if copy.is_dir():
        shutil.rmtree(copy)
    else:
        copy.unlink(missing_ok=True)

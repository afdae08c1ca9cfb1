"""Where evidence lies: a bucket, or a folder that is a copy of one."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Protocol

from tasks.adapters.s3 import S3, AlreadyThere, S3Version


class Store(Protocol):
    """Objects under keys, each created once and never replaced."""

    def put_new(self, key: str, body: bytes, content_type: str) -> None:
        """Create an object whole or not at all; AlreadyThere when other bytes stand under `key`."""

    def get(self, key: str) -> bytes | None:
        """Return an object's bytes, or None when there is none."""

    def keys(self, prefix: str, start_after: str = "") -> Iterator[str]:
        """Yield the keys that begin with `prefix` and sort after `start_after`, in the order of their UTF-8 bytes."""

    def versions(self, prefix: str) -> Iterator[S3Version] | None:
        """Return the versions and delete markers under `prefix`; None when this store cannot know them."""


@dataclass(frozen=True, slots=True)
class BucketStore:
    """A bucket; it should keep versions, so that nothing can be replaced without a trace."""

    s3: S3
    bucket: str

    def put_new(self, key: str, body: bytes, content_type: str) -> None:
        """Create an object with If-None-Match."""
        self.s3.put_new(self.bucket, key, body, content_type)

    def get(self, key: str) -> bytes | None:
        """Return an object's bytes, or None."""
        return self.s3.get(self.bucket, key)

    def keys(self, prefix: str, start_after: str = "") -> Iterator[str]:
        """Yield keys in order."""
        return (found.key for found in self.s3.list(self.bucket, prefix, start_after))

    def versions(self, prefix: str) -> Iterator[S3Version] | None:
        """Return every version and delete marker."""
        return self.s3.versions(self.bucket, prefix)


@dataclass(frozen=True, slots=True)
class FolderStore:
    """A folder whose files are named as a bucket's keys; hidden files are not part of it."""

    path: Path

    def put_new(self, key: str, body: bytes, content_type: str) -> None:  # noqa: ARG002 - a file has none
        """Create a file whole: written beside its place, then linked into it."""
        place = self.path / key
        place.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=place.parent, prefix=".", suffix=".new") as beside:
            beside.write(body)
            beside.flush()
            try:
                os.link(beside.name, place)
            except FileExistsError:
                if place.read_bytes() != body:
                    raise AlreadyThere("s3.already_there", key) from None

    def get(self, key: str) -> bytes | None:
        """Return a file's bytes, or None."""
        place = self.path / key
        return place.read_bytes() if place.is_file() else None

    def keys(self, prefix: str, start_after: str = "") -> Iterator[str]:
        """Yield the names of files in order."""
        folder = self.path / prefix.rpartition("/")[0]
        names = (
            place.relative_to(self.path).as_posix()
            for place in folder.rglob("*")
            if place.is_file() and not place.name.startswith(".")
        )
        yield from sorted(name for name in names if name.startswith(prefix) and name > start_after)

    def versions(self, prefix: str) -> Iterator[S3Version] | None:  # noqa: ARG002 - a folder has none
        """Return None: a copy holds one version of each key."""
        return None

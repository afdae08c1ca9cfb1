"""Finds the backup to test among what lies in the bucket."""

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice

from tasks.adapters.s3 import S3, S3Version
from tasks.backup.formats.layers import TOC, is_part
from tasks.backup.formats.sidecars import CHECKSUMS, is_sidecar, parse_sha256
from tasks.backup.model.found import Found
from tasks.backup.model.told import Searched
from tasks.backup.settings import Backup, Database
from tasks.core.errors import OperatorError
from tasks.core.pt_br import SAO_PAULO

logger = logging.getLogger(__name__)

PREVIOUS = 10  # sizes of earlier backups that are kept
COLD = frozenset({"GLACIER", "DEEP_ARCHIVE"})
LONGEST_CHECKSUM_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """One backup: an object, or the objects of a directory dump (its key then ends with a slash)."""

    key: str
    objects: tuple[S3Version, ...]

    @property
    def size_bytes(self) -> int:
        return sum(one.size_bytes for one in self.objects)

    @property
    def modified_at(self) -> datetime:
        return max(one.modified_at for one in self.objects)

    @property
    def storage_class(self) -> str:
        classes = [one.storage_class for one in self.objects]
        return next((one for one in classes if one in COLD), classes[0])


def find(  # noqa: PLR0913, PLR0917 - where to look, for what, and when
    s3: S3, cfg: Backup, database: str, key: str, on: date | None, now: datetime
) -> Found:
    """Return the backup under exactly `key` (an object or a folder), whatever its name; without one the newest.

    The newest of those that match; with `on`, of those that had arrived by the end of that day in São Paulo. Of several
    with the same time the last by name. Raises OperatorError backup.no_such_key, backup.none_found.
    """
    wanted = cfg.databases[database]
    listed = tuple(s3.versions(cfg.bucket, wanted.prefix))
    around = tuple(s3.versions(cfg.bucket, key)) if key else ()
    matching = sorted(
        (one for one in _candidates(listed, wanted) if _matches(one.key, wanted)),
        key=lambda one: (one.modified_at, one.key),
    )
    chosen = _named(key, around) if key else _newest(matching, on)
    if not chosen:
        searched = Searched(database=database, bucket=cfg.bucket, prefix=wanted.prefix, pattern=wanted.pattern)
        raise OperatorError("backup.no_such_key" if key else "backup.none_found", key or cfg.bucket, searched)
    logger.info("backup found", extra={"key": chosen.key, "size_bytes": chosen.size_bytes, "matching": len(matching)})
    earlier = (one.size_bytes for one in reversed(matching) if one.modified_at < chosen.modified_at)
    return Found(
        database=database,
        key=chosen.key,
        size_bytes=chosen.size_bytes,
        modified_at=chosen.modified_at,
        read_at=now,
        parts=tuple(one.key for one in chosen.objects),
        previous_sizes=tuple(islice(earlier, PREVIOUS)),
        newer_deleted=_deleted_since(chosen.modified_at, listed, wanted),
        newer_unfinished=_unfinished_since(chosen.modified_at, s3, cfg.bucket, wanted),
        expected_sha256=_expected_sha256(s3, cfg.bucket, chosen.key, around or listed),
        globals_key=_newest_globals(listed, wanted),
        storage_class=chosen.storage_class,
        versioned=s3.keeps_versions(cfg.bucket),
        newest=not matching or matching[-1].modified_at <= chosen.modified_at,
    )


def _candidates(listed: Iterable[S3Version], wanted: Database) -> Iterator[_Candidate]:
    """Yield each directory dump and each object besides; a dump without its table of contents is one too."""
    current = _current(listed)
    folders = defaultdict[str, list[S3Version]](list)
    for one in current:
        folders[_folder_of(one.key)].append(one)
    dumps = {
        folder: tuple(parts)
        for folder, parts in folders.items()
        if folder and (_matches(folder, wanted) or any(one.key == f"{folder}{TOC}" for one in parts))
    }
    for folder, parts in dumps.items():
        yield _Candidate(key=folder, objects=parts)
    yield from (_Candidate(key=one.key, objects=(one,)) for one in current if _folder_of(one.key) not in dumps)


def _current(listed: Iterable[S3Version]) -> tuple[S3Version, ...]:
    # a console's folder is an object too, whose key ends with a slash
    return tuple(one for one in listed if one.latest and not one.delete_marker and not one.key.endswith("/"))


def _folder_of(key: str) -> str:
    """Return the folder, with its slash, of an object that could be part of a directory dump, else ""."""
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}" if is_part(name) else ""


def _backup_of(key: str, wanted: Database) -> str:
    """Return which backup an object that is there no more, or not yet, would be or be part of; "" for none."""
    return next((name for name in (_folder_of(key), key) if name and _matches(name, wanted)), "")


def _matches(key: str, wanted: Database) -> bool:
    rest = key.removeprefix(wanted.prefix).removesuffix("/")
    other = is_sidecar(key) or _is_globals(key, wanted)
    return key.startswith(wanted.prefix) and not other and re.fullmatch(wanted.pattern, rest) is not None


def _is_globals(key: str, wanted: Database) -> bool:
    rest = key.removeprefix(wanted.prefix)
    return bool(wanted.globals_pattern) and re.fullmatch(wanted.globals_pattern, rest) is not None


def _named(key: str, around: Sequence[S3Version]) -> _Candidate | None:
    current, folder = _current(around), f"{key.removesuffix('/')}/"
    exactly = tuple(one for one in current if one.key == key)
    parts = tuple(one for one in current if _folder_of(one.key) == folder)
    found = exactly or parts
    return _Candidate(key=key if exactly else folder, objects=found) if found else None


def _newest(matching: Sequence[_Candidate], on: date | None) -> _Candidate | None:
    end = datetime.combine(on + timedelta(days=1), time.min, SAO_PAULO) if on else None
    return next((one for one in reversed(matching) if not end or one.modified_at < end), None)


def _deleted_since(since: datetime, listed: Sequence[S3Version], wanted: Database) -> tuple[str, ...]:
    """Return the backups that arrived after `since`, or within the same second, and were deleted.

    What counts is when they had arrived, not when they were deleted: a lifecycle rule deletes old backups every day.
    Only of one whose versions are all gone is nothing known but its marker.
    """
    arrived: dict[str, datetime] = {}
    for one in listed:
        if not one.delete_marker:
            arrived[one.key] = max(one.modified_at, arrived.get(one.key, one.modified_at))
    markers = (one for one in listed if one.latest and one.delete_marker)
    gone = {_backup_of(one.key, wanted) for one in markers if arrived.get(one.key, one.modified_at) >= since}
    return tuple(sorted(gone - {""}))


def _unfinished_since(since: datetime, s3: S3, bucket: str, wanted: Database) -> tuple[str, ...]:
    begun = {_backup_of(one.key, wanted) for one in s3.uploads(bucket, wanted.prefix) if one.begun_at >= since}
    return tuple(sorted(begun - {""}))


def _expected_sha256(s3: S3, bucket: str, key: str, listed: Sequence[S3Version]) -> str:
    beside = {f"{key}{ending}" for ending in CHECKSUMS}
    for one in _current(listed):
        if one.key in beside and one.size_bytes <= LONGEST_CHECKSUM_BYTES:
            text = (s3.get(bucket, one.key) or b"").decode(errors="replace")
            return parse_sha256(text, key.rpartition("/")[2])
    return ""


def _newest_globals(listed: Sequence[S3Version], wanted: Database) -> str:
    files = (one for one in _current(listed) if _is_globals(one.key, wanted))
    newest = max(files, key=lambda one: (one.modified_at, one.key), default=None)
    return newest.key if newest else ""

"""Finding the backup among what lies in the bucket, on a real S3 interface."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from requests.structures import CaseInsensitiveDict

from tasks.adapters.s3 import S3
from tasks.backup.collect import bucket
from tasks.backup.model.found import Found
from tasks.backup.model.told import Searched
from tasks.backup.settings import Backup
from tasks.core.errors import OperatorError
from tests.tasks.adapters.behind_s3 import lab, stored

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
NOW = datetime(2009, 11, 24, 12, tzinfo=UTC)  # long ago: uploads of the lab are newer
SUM = "ab" * 32


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of its own, filled behind S3's back so that objects can have come at any time."""

    s3: S3
    name: str

    def put(self, key: str, at: datetime = NOW, body: bytes = b"body", storage: str = "STANDARD") -> None:
        lab().put_object(self.name, key, body, storage=storage).last_modified = at.replace(tzinfo=None)

    def delete(self, key: str, at: datetime = NOW + MINUTE) -> None:
        lab().delete_object(self.name, key)
        lab().buckets[self.name].keys.getlist(key)[-1].last_modified = at.replace(tzinfo=None)

    def keep_versions(self) -> None:
        lab().put_bucket_versioning(self.name, "Enabled")

    def upload(self, key: str) -> None:
        lab().create_multipart_upload(self.name, key, CaseInsensitiveDict(), "STANDARD", {}, None, "", "")

    def find(self, key: str = "", on: date | None = None, **settings: object) -> Found:
        least = {"prefix": "postgres/", "newest_row": ["public.a.em"], "rpo_hours": 24, "rto_minutes": 60}
        cfg = Backup.model_validate({"bucket": self.name, "databases": {"assist": {**least, **settings}}})
        return bucket.find(self.s3, cfg, "assist", key, on, NOW)


@pytest.fixture
def there(s3: S3) -> Bucket:
    made = Bucket(s3, f"bucket-{uuid4().hex}")
    lab().create_bucket(made.name, "sa-east-1")
    return made


def found(key: str, **facts: object) -> Found:
    least = {"database": "assist", "size_bytes": 4, "modified_at": NOW, "read_at": NOW, "parts": (key,)}
    return Found(key=key, **{**least, **facts})  # type: ignore[arg-type]


def refused(there: Bucket, key: str = "", on: date | None = None, **settings: object) -> tuple[str, str, object]:
    with pytest.raises(OperatorError) as caught:
        there.find(key, on, **settings)
    return caught.value.code, caught.value.subject, caught.value.data


def test_the_newest_that_matches_whole_is_found(there: Bucket) -> None:
    there.put("postgres/a.dump", NOW - 2 * DAY, b"1")
    there.put("postgres/b.dump", NOW - DAY, b"22")
    there.put("postgres/b.dump.old", NOW)
    there.put("redis/c.dump", NOW)
    assert there.find() == found(
        "postgres/b.dump", size_bytes=2, modified_at=NOW - DAY, previous_sizes=(1,), storage_class="STANDARD"
    )


def test_of_one_second_the_last_by_name_is_found(there: Bucket) -> None:
    for name in "bca":
        there.put(f"postgres/{name}.dump")
    assert there.find() == found("postgres/c.dump")


@pytest.mark.parametrize(
    ("prefix", "pattern", "key"),
    [
        pytest.param("postgres/assist-01", r"\d+\.dump", "postgres/assist-0100.dump", id="a prefix cuts anywhere"),
        pytest.param("", r"redis/.*", "redis/assist-9999.dump", id="without a prefix the pattern sees the whole key"),
    ],
)
def test_prefix_and_pattern_choose(there: Bucket, prefix: str, pattern: str, key: str) -> None:
    for number, name in enumerate(("postgres/assist-0100.dump", "redis/assist-9999.dump", "postgres/assist-0200.dump")):
        there.put(name, NOW + number * DAY)
    assert there.find(prefix=prefix, pattern=pattern).key == key


def test_what_lies_beside_backups_is_none_whatever_the_pattern(there: Bucket) -> None:
    there.put("postgres/a.dump", NOW - DAY)
    for name in ("a.dump.sha256", "a.dump.sig", "a.dump.manifest.json", "a.dump.manifest.json.sig", "globals.sql"):
        there.put(f"postgres/{name}")
    there.put("postgres/papeis.txt")
    assert there.find(pattern=".*", globals_pattern=r"papeis\.txt") == found(
        "postgres/a.dump", modified_at=NOW - DAY, globals_key="postgres/papeis.txt"
    )


def test_what_is_asked_for_exactly_needs_no_pattern(there: Bucket) -> None:
    there.put("postgres/a.dump", NOW - 9 * DAY, b"1")
    there.put("redis/a.dump.sig", NOW - DAY)
    assert there.find("redis/a.dump.sig") == found("redis/a.dump.sig", modified_at=NOW - DAY, previous_sizes=(1,))


def test_a_key_that_only_begins_so_is_not_the_one_asked_for(there: Bucket) -> None:
    there.put("postgres/a.dump")
    searched = Searched(database="assist", bucket=there.name, prefix="postgres/", pattern=r".+\.dump")
    assert refused(there, "postgres/a.dum") == ("backup.no_such_key", "postgres/a.dum", searched)
    assert refused(there, "postgres/") == ("backup.no_such_key", "postgres/", searched)


def test_where_nothing_matches_it_is_said_where_was_looked(there: Bucket) -> None:
    there.put("postgres/a.dump.sha256")
    searched = Searched(database="assist", bucket=there.name, prefix="postgres/", pattern=".*")
    assert refused(there, pattern=".*") == ("backup.none_found", there.name, searched)


@pytest.mark.parametrize(
    ("on", "key"),
    [
        (date(2009, 11, 20), "postgres/c.dump"),
        (date(2009, 11, 19), "postgres/b.dump"),
        (date(2009, 11, 18), "postgres/a.dump"),
    ],
)
def test_a_day_ends_when_it_ends_in_sao_paulo(there: Bucket, on: date, key: str) -> None:
    there.put("postgres/a.dump", datetime(2009, 11, 18, 9, tzinfo=UTC))
    there.put("postgres/b.dump", datetime(2009, 11, 20, 1, 59, 59, tzinfo=UTC))  # still the 19th, two hours behind UTC
    there.put("postgres/c.dump", datetime(2009, 11, 20, 2, tzinfo=UTC))
    there.put("postgres/d.dump", NOW)
    assert there.find(on=on).key == key


def test_before_the_first_backup_there_is_none(there: Bucket) -> None:
    there.put("postgres/a.dump")
    assert refused(there, on=date(2009, 11, 23))[0] == "backup.none_found"


def test_the_sizes_of_the_ten_before_are_told_newest_first(there: Bucket) -> None:
    for number in range(14):
        there.put(f"postgres/{number}.dump", NOW + number * DAY, bytes(number))
    assert there.find("postgres/12.dump").previous_sizes == (11, 10, 9, 8, 7, 6, 5, 4, 3, 2)


def test_a_directory_dump_is_one_backup(there: Bucket) -> None:
    there.put("postgres/a.dump/3001.dat.gz", NOW - 3 * DAY, b"1")
    there.put("postgres/a.dump/toc.dat", NOW - 2 * DAY, b"22")
    there.put("postgres/b.dump/", NOW)  # a console's empty folder
    for name, size in (("3001.dat.gz", 5), ("blob_16400.dat", 1), ("blobs.toc", 1), ("toc.dat", 3)):
        there.put(f"postgres/b.dump/{name}", NOW - size * MINUTE, bytes(size))
    parts = tuple(f"postgres/b.dump/{name}" for name in ("3001.dat.gz", "blob_16400.dat", "blobs.toc", "toc.dat"))
    expected = found(
        "postgres/b.dump/",
        size_bytes=10,
        modified_at=NOW - MINUTE,
        parts=parts,
        previous_sizes=(3,),
    )
    assert there.find() == expected
    assert there.find(pattern=".+") == expected
    assert there.find("postgres/b.dump/") == there.find("postgres/b.dump") == expected


def test_a_directory_without_its_table_of_contents_is_not_passed_over(there: Bucket) -> None:
    there.put("postgres/a.dump", NOW - DAY)
    there.put("postgres/b.dump/3001.dat.gz")
    assert there.find() == found("postgres/b.dump/", parts=("postgres/b.dump/3001.dat.gz",), previous_sizes=(4,))


def test_an_object_that_is_only_named_like_a_part_is_a_backup(there: Bucket) -> None:
    there.put("postgres/20091124.dat")
    assert there.find(pattern=r"\d+\.dat") == found("postgres/20091124.dat")


@pytest.mark.parametrize("ending", ["sha256", "sha256sum"])
def test_a_checksum_beside_it_is_read(there: Bucket, ending: str) -> None:
    there.put("postgres/a.dump")
    there.put(f"postgres/a.dump.{ending}", body=f"{SUM}  a.dump\n".encode())
    there.put("postgres/a.dump.sha256.old", body=b"0")
    assert there.find() == there.find("postgres/a.dump") == found("postgres/a.dump", expected_sha256=SUM)


def test_a_checksum_of_megabytes_is_none(there: Bucket) -> None:
    there.put("postgres/a.dump")
    there.put("postgres/a.dump.sha256", body=f"{SUM}\n".encode() + bytes(bucket.LONGEST_CHECKSUM_BYTES))
    assert there.find().expected_sha256 == ""


def test_the_newest_roles_are_named(there: Bucket) -> None:
    there.put("postgres/a.dump")
    there.put("postgres/globals-1.sql", NOW - 2 * DAY)
    there.put("postgres/globals-2.sql", NOW - DAY)
    assert there.find(globals_pattern=r"globals-\d\.sql").globals_key == "postgres/globals-2.sql"
    assert there.find().globals_key == ""


@pytest.mark.parametrize("storage", ["GLACIER", "DEEP_ARCHIVE", "STANDARD_IA"])
def test_the_storage_class_is_told(there: Bucket, storage: str) -> None:
    there.put("postgres/a.dump/3001.dat")
    there.put("postgres/a.dump/toc.dat", storage=storage)
    there.put("postgres/b.dump", NOW - DAY, storage=storage)
    assert there.find("postgres/b.dump").storage_class == storage
    assert there.find().storage_class == ("STANDARD" if storage == "STANDARD_IA" else storage)


def test_in_a_bucket_that_keeps_versions_only_the_latest_counts(there: Bucket) -> None:
    there.keep_versions()
    there.put("postgres/a.dump", NOW - 2 * DAY, b"1")
    there.put("postgres/a.dump", NOW - DAY, b"22")
    assert there.find() == found("postgres/a.dump", size_bytes=2, modified_at=NOW - DAY, versioned=True)


def test_newer_backups_that_were_deleted_are_told(there: Bucket) -> None:
    there.keep_versions()
    there.put("postgres/d.dump", NOW - 5 * DAY)
    there.delete("postgres/d.dump", NOW - 4 * DAY)
    there.put("postgres/d.dump", NOW - 3 * DAY)  # written again
    there.put("postgres/a.dump", NOW - 2 * DAY)
    for name in ("b.dump", "b.dump.sig", "c.dump/toc.dat", "c.dump/3001.dat"):
        there.put(f"postgres/{name}", NOW - DAY)
        there.delete(f"postgres/{name}")
    assert there.find() == found(
        "postgres/a.dump",
        modified_at=NOW - 2 * DAY,
        previous_sizes=(4,),
        newer_deleted=("postgres/b.dump", "postgres/c.dump/"),
        versioned=True,
    )


def test_an_old_backup_whose_time_had_come_is_no_newer_one(there: Bucket) -> None:
    there.keep_versions()
    there.put("postgres/a.dump", NOW - 90 * DAY)
    there.put("postgres/b.dump", NOW - DAY)
    there.delete("postgres/a.dump", NOW)
    assert there.find() == found("postgres/b.dump", modified_at=NOW - DAY, versioned=True)


def test_of_a_backup_that_is_wholly_gone_the_marker_tells(there: Bucket) -> None:
    there.keep_versions()
    there.put("postgres/a.dump", NOW - DAY)
    for name, at in (("b", NOW - 2 * DAY), ("c", NOW)):
        there.put(f"postgres/{name}.dump", at - DAY)
        version = stored(there.name, f"postgres/{name}.dump").version_id
        there.delete(f"postgres/{name}.dump", at)
        lab().delete_object(there.name, f"postgres/{name}.dump", version_id=version)
    assert there.find().newer_deleted == ("postgres/c.dump",)


def test_a_deleted_backup_cannot_be_asked_for(there: Bucket) -> None:
    there.keep_versions()
    there.put("postgres/a.dump")
    there.delete("postgres/a.dump")
    assert refused(there, "postgres/a.dump")[0] == "backup.no_such_key"


def test_newer_uploads_that_never_ended_are_told(there: Bucket) -> None:
    there.put("postgres/a.dump")
    for name in ("b.dump", "c.dump/3001.dat", "d.dump.sha256", "e.txt"):
        there.upload(f"postgres/{name}")
    assert there.find() == found("postgres/a.dump", newer_unfinished=("postgres/b.dump", "postgres/c.dump/"))


def test_an_upload_that_was_begun_before_the_backup_came_is_no_matter(there: Bucket) -> None:
    there.put("postgres/a.dump", datetime(2100, 1, 1, tzinfo=UTC))
    there.upload("postgres/b.dump")
    assert there.find().newer_unfinished == ()


def test_more_than_a_page_is_seen_whole(there: Bucket) -> None:
    there.keep_versions()
    for number in range(2500):
        there.put(f"postgres/{number:05}.dump", NOW - number * MINUTE, bytes(1 + number % 2))
    there.delete("postgres/00000.dump")
    there.upload("postgres/99999.dump")
    assert there.find() == found(
        "postgres/00001.dump",
        size_bytes=2,
        modified_at=NOW - MINUTE,
        previous_sizes=(1, 2) * 5,
        newer_deleted=("postgres/00000.dump",),
        newer_unfinished=("postgres/99999.dump",),
        versioned=True,
    )

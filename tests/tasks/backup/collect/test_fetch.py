"""Bringing the backup into the throwaway folder: real dumps, real layers, a real S3 interface."""

import gzip
import hashlib
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import gettempdir
from uuid import uuid4

import pyrage  # type: ignore[import-untyped]
import pytest
import zstandard

from deployments.lab.postgres import DATABASE, running
from tasks.adapters.guardian import Folder, NoSpace, Unusable
from tasks.adapters.postgres_server import find_binaries
from tasks.adapters.s3 import S3
from tasks.backup.collect import disk, fetch
from tasks.backup.model.found import Fault, Fetched, Form, Found, Layer
from tasks.backup.model.manifest import Role
from tasks.backup.settings import Backup
from tasks.core.errors import OperatorError, TransientError
from tasks.core.secret import Secret
from tests.tasks.adapters.behind_s3 import lab, tamper
from tests.tasks.adapters.scripted import Answer, answering
from tests.tasks.backup.formats.test_layers import CUSTOM, PLAIN, TOC, flipped, tar

AT = datetime(2026, 11, 24, tzinfo=UTC)
OWN, OTHER = (pyrage.x25519.Identity.generate() for _ in range(2))
IDENTITY = Secret(str(OWN))
LIMIT = timedelta(minutes=1)
GLOBALS = (
    b"--\n-- PostgreSQL database cluster dump\n--\n\nCREATE ROLE app;\nALTER ROLE app WITH LOGIN;\nCREATE ROLE zelador;"
)


def sealed(body: bytes) -> bytes:
    encrypted: bytes = pyrage.encrypt(body, [OWN.to_public()])
    return encrypted


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of its own, filled behind S3's back."""

    s3: S3
    cfg: Backup

    def put(self, key: str, body: bytes, storage: str = "STANDARD") -> None:
        lab().put_object(self.cfg.bucket, key, body, storage=storage)

    def fetch(self, place: Path, key: str = "a.dump", *, identity: Secret | None = IDENTITY) -> Fetched:
        listed = sorted(one.key for one in self.s3.list(self.cfg.bucket, key))
        return fetch.fetch(self.s3, self.cfg, found(key, tuple(listed)), Folder(path=place), identity)


@pytest.fixture
def there(s3: S3) -> Bucket:
    name = f"bucket-{uuid4().hex}"
    lab().create_bucket(name, "sa-east-1")
    return Bucket(s3, settings(name))


def settings(bucket: str, **changes: object) -> Backup:
    databases = {"assist": {"newest_row": ["public.a.em"], "rpo_hours": 24, "rto_minutes": 60}}
    return Backup.model_validate({"bucket": bucket, "databases": databases, **changes})


def found(key: str, parts: tuple[str, ...] = (), **facts: str) -> Found:
    return Found(database="assist", key=key, size_bytes=1, modified_at=AT, read_at=AT, parts=parts, **facts)  # type: ignore[arg-type]


def fetched(body: bytes, form: Form | None, *layers: Layer, fault: Fault | None = None, seconds: float) -> Fetched:
    digest = hashlib.sha256(body).hexdigest()
    return Fetched(sha256=digest, form=form, layers=layers, fault=fault, checked_by_s3=False, seconds=seconds)


def files(copy: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in copy.iterdir()} if copy.is_dir() else {"": copy.read_bytes()}


@pytest.mark.parametrize(
    ("body", "kind", "inside"),
    [
        pytest.param(CUSTOM, (Form.CUSTOM,), {"": CUSTOM}, id="bare"),
        pytest.param(gzip.compress(PLAIN), (Form.PLAIN, Layer.GZIP), {"": PLAIN}, id="gzip"),
        pytest.param(
            sealed(zstandard.compress(CUSTOM)), (Form.CUSTOM, Layer.AGE, Layer.ZSTD), {"": CUSTOM}, id="zstd, then age"
        ),
        pytest.param(
            gzip.compress(sealed(tar({"a/toc.dat": TOC, "a/1.dat": b"x", "a/2.dat": b""}))),
            (Form.DIRECTORY, Layer.GZIP, Layer.AGE, Layer.TAR),
            {"toc.dat": TOC, "1.dat": b"x", "2.dat": b""},
            id="tar, then age, then gzip",
        ),
    ],
)
def test_a_copy_without_its_layers_that_nobody_else_can_read(
    there: Bucket, tmp_path: Path, body: bytes, kind: tuple[Form, *tuple[Layer, ...]], inside: Mapping[str, bytes]
) -> None:
    there.put("a.dump", body)
    came, copy = there.fetch(tmp_path), fetch.copy_of(Folder(path=tmp_path))
    assert came == fetched(body, *kind, seconds=came.seconds)
    assert files(copy) == inside
    modes = {path.stat().st_mode & 0o777 for path in (copy, *copy.rglob("*"))}
    assert modes == ({0o700, 0o600} if copy.is_dir() else {0o600})


def test_a_folder_of_objects_becomes_a_folder_of_files(there: Bucket, tmp_path: Path) -> None:
    inside = {"toc.dat": TOC, "1.dat": b"x", "2.dat.gz": gzip.compress(b"y"), "blobs.toc": b""}
    for name, body in inside.items():
        there.put(f"b.dump/{name}", body)
    came = there.fetch(tmp_path, "b.dump/")
    lines = "".join(f"{hashlib.sha256(inside[name]).hexdigest()}  {name}\n" for name in sorted(inside))
    assert came == fetched(lines.encode(), Form.DIRECTORY, seconds=came.seconds)
    copy = fetch.copy_of(Folder(path=tmp_path))
    assert files(copy) == inside
    assert {path.stat().st_mode & 0o777 for path in (copy, *copy.iterdir())} == {0o700, 0o600}


def test_a_folder_without_its_table_of_contents_is_incomplete(there: Bucket, tmp_path: Path) -> None:
    there.put("b.dump/1.dat", b"x")
    came = there.fetch(tmp_path, "b.dump/")
    line = f"{hashlib.sha256(b'x').hexdigest()}  1.dat\n".encode()
    assert came == fetched(line, None, fault=Fault.INCOMPLETE, seconds=came.seconds)
    assert list(tmp_path.iterdir()) == []


def test_the_checksum_of_s3_is_told_when_it_held(there: Bucket, tmp_path: Path) -> None:
    there.s3.put_new(there.cfg.bucket, "a.dump", CUSTOM, "application/octet-stream")
    assert there.fetch(tmp_path).checked_by_s3


def test_a_copy_that_was_there_is_replaced(there: Bucket, tmp_path: Path) -> None:
    copy = fetch.copy_of(Folder(path=tmp_path))
    there.put("a.dump", tar({"toc.dat": TOC}))
    there.fetch(tmp_path)
    there.put("a.dump", CUSTOM)
    there.fetch(tmp_path)
    assert files(copy) == {"": CUSTOM}
    there.fetch(tmp_path)
    assert files(copy) == {"": CUSTOM}


@pytest.mark.parametrize(
    ("body", "layers", "fault"),
    [
        pytest.param(b"", (), Fault.EMPTY, id="nothing"),
        pytest.param(b"ERROR 403" * 100_000, (), Fault.NOT_AN_ARCHIVE, id="no backup"),
        pytest.param(gzip.compress(CUSTOM)[:-1], (Layer.GZIP,), Fault.TRUNCATED, id="cut gzip"),
        pytest.param(flipped(gzip.compress(CUSTOM), 150_000), (Layer.GZIP,), Fault.CORRUPT, id="changed gzip"),
        pytest.param(sealed(CUSTOM)[:-1], (Layer.AGE,), Fault.TRUNCATED, id="cut age"),
        pytest.param(flipped(sealed(CUSTOM), 200_000), (Layer.AGE,), Fault.CORRUPT, id="changed age"),
        pytest.param(
            sealed(gzip.compress(CUSTOM))[:-70_000], (Layer.AGE, Layer.GZIP), Fault.TRUNCATED, id="cut age around gzip"
        ),
        pytest.param(pyrage.encrypt(CUSTOM, [OTHER.to_public()]), (Layer.AGE,), Fault.WRONG_KEY, id="another's"),
        pytest.param(tar({"toc.dat": TOC, "1.dat": b"x"})[:2000], (Layer.TAR,), Fault.TRUNCATED, id="cut tar"),
        pytest.param(tar({"1.dat": b"x"}), (Layer.TAR,), Fault.INCOMPLETE, id="tar without its toc.dat"),
        pytest.param(tar({"toc.dat": TOC[:7]}), (Layer.TAR,), Fault.TRUNCATED, id="tar with a cut toc.dat"),
        pytest.param(tar({"toc.dat": CUSTOM}), (Layer.TAR,), Fault.OTHER_FORMAT, id="tar with another toc.dat"),
        pytest.param(tar({"toc.dat": TOC, "../1.dat": b"x"}), (Layer.TAR,), Fault.HOSTILE, id="a name that climbs"),
        pytest.param(TOC, (), Fault.INCOMPLETE, id="a toc.dat alone"),
    ],
)
def test_a_fault_is_named_and_leaves_no_copy_but_the_hash_of_all_bytes(
    there: Bucket, tmp_path: Path, body: bytes, layers: tuple[Layer, ...], fault: Fault
) -> None:
    there.put("a.dump", body)
    came = there.fetch(tmp_path)
    assert came == fetched(body, None, *layers, fault=fault, seconds=came.seconds)
    assert list(tmp_path.iterdir()) == []


def test_without_a_key_nothing_is_said_of_what_is_encrypted(there: Bucket, tmp_path: Path) -> None:
    there.put("a.dump", sealed(CUSTOM))
    assert there.fetch(tmp_path, identity=None).fault is Fault.NO_KEY
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_is_none_is_no_fault_of_the_backup(there: Bucket, tmp_path: Path) -> None:
    there.put("a.dump", sealed(CUSTOM))
    with pytest.raises(OperatorError) as caught:
        there.fetch(tmp_path, identity=Secret("rubbish"))
    assert caught.value.code == "age.bad_identity"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["a.dump", "b.dump/"])
def test_what_must_be_thawed_first_is_not_fetched(there: Bucket, tmp_path: Path, key: str) -> None:
    there.put("a.dump", CUSTOM, "DEEP_ARCHIVE")
    there.put("b.dump/1.dat", b"x")
    there.put("b.dump/toc.dat", TOC, "GLACIER")
    came = there.fetch(tmp_path, key)
    assert came == Fetched(sha256="", form=None, fault=Fault.COLD, seconds=came.seconds)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("body", [CUSTOM, gzip.compress(CUSTOM)], ids=["bare", "packed"])
def test_bytes_that_changed_since_s3_summed_them_are_corrupt(there: Bucket, tmp_path: Path, body: bytes) -> None:
    there.s3.put_new(there.cfg.bucket, "a.dump", b"other bytes", "application/octet-stream")
    tamper(there.cfg.bucket, "a.dump", body)
    came = there.fetch(tmp_path)
    assert (came.sha256, came.form, came.fault) == (hashlib.sha256(body).hexdigest(), None, Fault.CORRUPT)
    assert (came.checked_by_s3, list(tmp_path.iterdir())) == (False, [])


@pytest.mark.parametrize(
    "body",
    [CUSTOM, gzip.compress(CUSTOM), zstandard.compress(CUSTOM), sealed(CUSTOM), tar({"toc.dat": TOC, "1.dat": CUSTOM})],
    ids=["bare", "gzip", "zstd", "age", "tar"],
)
def test_a_connection_that_breaks_says_nothing_of_the_backup(s3: S3, tmp_path: Path, body: bytes) -> None:
    with answering([Answer(body=body[:150_000], promised=len(body))]) as server:
        broken = Bucket(S3(server.aws), settings("bucket"))
        with pytest.raises(TransientError) as caught:
            fetch.fetch(broken.s3, broken.cfg, found("a.dump"), Folder(path=tmp_path), IDENTITY)
    assert (caught.value.code, caught.value.subject) == ("s3.unreachable", "bucket")
    assert list(tmp_path.iterdir()) == []


def test_what_would_fill_the_disk_is_stopped_before(
    there: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = zstandard.ZstdCompressor().compressobj()
    bomb = packed.compress(CUSTOM) + b"".join(packed.compress(bytes(10**6)) for _ in range(1000)) + packed.flush()
    there.put("a.dump", bomb)
    free = shutil.disk_usage(tmp_path).free
    monkeypatch.setattr(disk, "EMPTY_CLUSTER_BYTES", free - 50 * 10**6)
    with pytest.raises(OperatorError) as caught:
        there.fetch(tmp_path)
    data = caught.value.data
    assert (caught.value.code, caught.value.subject) == ("disk.no_space", str(tmp_path))
    assert isinstance(data, NoSpace)
    assert data.needed_mb > data.free_mb > 0
    assert list(tmp_path.iterdir()) == []
    assert shutil.disk_usage(tmp_path).free > free - 500 * 10**6


def test_a_disk_that_is_full_is_named(there: Bucket) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("/dev/full is not on this machine")
    with pytest.raises(OperatorError) as caught, disk.no_disk_full(Path(gettempdir())), full.open("wb") as file:
        file.write(b"x" * 10**6)
    assert (caught.value.code, caught.value.subject) == ("disk.no_space", gettempdir())


@pytest.fixture(scope="module")
def dumps() -> Iterator[Mapping[str, bytes]]:
    """Yield the same database in pg_dump's own formats, and as a tar of a directory."""
    with running(Path(gettempdir()), find_binaries()) as server:
        server.seed(now=AT, people=20)
        run, where = server.cluster.run, server.cluster.launcher.folder.path / "out"
        run("psql", "-Xqc", "SELECT lo_from_bytea(0, 'sigilo')", "-d", DATABASE, timeout=LIMIT).checked()
        out = server.cluster.give(_folder(where))
        run("pg_dump", "-Fd", "-f", str(out / "assist.dir"), DATABASE, timeout=LIMIT).checked()
        packed = tar({f"assist.dir/{file.name}": file.read_bytes() for file in (out / "assist.dir").iterdir()})
        made = {f: run("pg_dump", f"-F{f}", DATABASE, timeout=LIMIT).checked().stdout for f in "ct"}
        yield {**made, "d": packed}


def _folder(path: Path) -> Path:
    path.mkdir(mode=0o700)
    return path


def written(copy: Path) -> bytes:
    program = find_binaries().bin / "pg_restore"
    told = subprocess.run([program, "-f", "-", copy], capture_output=True, check=True, timeout=60).stdout
    return b"".join(line for line in told.splitlines() if b"restrict " not in line and b"TOC entry" not in line)


def listed(copy: Path) -> str:
    program = find_binaries().bin / "pg_restore"
    return subprocess.run([program, "-l", copy], capture_output=True, check=True, timeout=60).stdout.decode()


@pytest.mark.parametrize("form", ["t", "d"])
def test_pg_restore_reads_an_unpacked_tar_as_the_directory_it_is(
    there: Bucket, tmp_path: Path, dumps: Mapping[str, bytes], form: str
) -> None:
    there.put("a.dump", dumps[form])
    there.put("c.dump", dumps["c"])
    copies = []
    for name in ("a", "c"):
        place = _folder(tmp_path / name)
        there.fetch(place, f"{name}.dump")
        copies.append(fetch.copy_of(Folder(path=place)))
    assert "Format: DIRECTORY" in listed(copies[0])
    assert not (copies[0] / "restore.sql").exists()
    assert written(copies[0]) == written(copies[1])


@pytest.mark.parametrize(
    ("body", "roles"),
    [
        pytest.param(GLOBALS, (Role(name="app", login=True), Role(name="zelador")), id="bare"),
        pytest.param(
            sealed(gzip.compress(GLOBALS)), (Role(name="app", login=True), Role(name="zelador")), id="gzip, then age"
        ),
        pytest.param(zstandard.compress(b""), (), id="nothing"),
        pytest.param(b"ERROR 403", (), id="no roles"),
        pytest.param(b"BZh91AY&SY\0\0", None, id="what this test cannot read"),
    ],
)
def test_the_roles_are_read_from_their_own_file(there: Bucket, body: bytes, roles: tuple[Role, ...] | None) -> None:
    there.put("globals.sql", body)
    assert fetch.read_globals(there.s3, there.cfg, found("a.dump", globals_key="globals.sql"), IDENTITY) == roles


def test_roles_that_cannot_be_opened_or_are_not_there_are_not_known(there: Bucket) -> None:
    there.put("globals.sql.age", sealed(GLOBALS))
    there.put("cold.sql", GLOBALS, "GLACIER")
    assert fetch.read_globals(there.s3, there.cfg, found("a.dump")) is None
    assert fetch.read_globals(there.s3, there.cfg, found("a.dump", globals_key="globals.sql.age")) is None
    assert fetch.read_globals(there.s3, there.cfg, found("a.dump", globals_key="cold.sql")) is None


def test_room_is_asked_for_before_anything_is_made(tmp_path: Path) -> None:
    cfg = settings("bucket", scratch=str(tmp_path), space_factor=2)
    assert fetch.room(cfg, 1000) == tmp_path
    with pytest.raises(OperatorError) as caught:
        fetch.room(cfg, 10**15)
    assert (caught.value.code, caught.value.subject) == ("disk.no_space", str(tmp_path))
    with pytest.raises(OperatorError) as caught:
        fetch.room(settings("bucket", scratch=str(tmp_path / "none")), 1000)
    assert (caught.value.code, caught.value.data) == ("guardian.no_folder", Unusable(reason="ENOENT"))
    assert list(tmp_path.iterdir()) == []

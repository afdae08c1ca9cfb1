"""A backup and its manifest, taken from a real server into a real S3 interface; and all that can keep it from that."""

import logging
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from threading import Event, Thread
from time import sleep
from typing import Any

import pyrage  # type: ignore[import-untyped]
import pytest

from deployments.lab import aws
from deployments.lab.postgres import DATABASE
from tasks.adapters.guardian_process import TOKEN
from tasks.adapters.postgres_snapshot import Refusal
from tasks.adapters.s3 import S3
from tasks.adapters.signing import Signer
from tasks.backup.apply.take import KIND, Taken, take
from tasks.backup.collect.beside import read_beside
from tasks.backup.formats.script import ScriptReader
from tasks.backup.model.contents import Contents
from tasks.backup.model.found import Found
from tasks.backup.model.manifest import Beside, Extension, Newest, Role, Trust
from tasks.backup.model.told_take import Dumped, Incomplete, Inside, Majors, Naming
from tasks.core.errors import OperatorError, TransientError
from tasks.core.secret import Secret
from tests.chaos.gate import Gate
from tests.tasks.backup.mangling import OWN
from tests.tasks.backup.world import BUCKET, EVIDENCE, PREFIX, World
from tests.tasks.backup.world import world as a_world
from tests.tasks.evidence.world import private_key

SIGNER = Signer(Secret(private_key()))
RICH = Path(__file__).parents[1] / "rich.sql"
LIMIT = timedelta(minutes=1)
# About 40 MB that compress to more than one part of an upload.
LARGE = """
    CREATE TABLE grande (id int, t text);
    INSERT INTO grande SELECT n, (SELECT string_agg(md5(random()::text || n || k), '') FROM generate_series(1, 1000) k)
      FROM generate_series(1, 1300) n;
"""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws.CREDENTIALS.items():
            patch.setenv(name, value)
        with a_world() as made:
            made.variant("grande", LARGE)
            made.psql(
                "postgres",
                "CREATE ROLE de_backup LOGIN BYPASSRLS IN ROLE pg_read_all_data; "
                "ALTER ROLE de_backup SET lo_compat_privileges = on; "
                "CREATE ROLE limitada LOGIN IN ROLE pg_read_all_data; CREATE ROLE qualquer LOGIN",
            )
            yield made


@pytest.fixture(autouse=True)
def _empty(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let every test find both buckets empty, and leave neither a folder nor a process."""
    s3 = world.s3
    for bucket in (BUCKET, EVIDENCE):
        for found in s3.list_object_versions(Bucket=bucket).get("Versions", ()):
            s3.delete_object(Bucket=bucket, Key=found["Key"], VersionId=found["VersionId"])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert leftovers(tmp_path) == []


def leftovers(base: Path) -> list[str]:
    """Return the folders of ours in `base`, and the processes that belong to one."""
    token = f"{TOKEN}={base}/{KIND}-".encode()
    processes = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            processes += [place.name] if token in (place / "environ").read_bytes() else []
    return [*map(str, base.glob(f"{KIND}-*")), *processes]


def taken(  # noqa: PLR0913 - what a test wants to be different
    world: World,
    database: str = DATABASE,
    *,
    user: str = "",
    more: str = "",
    s3: S3 | None = None,
    evidence: str = EVIDENCE,
    cfg: Mapping[str, object] | None = None,
    **changes: object,
) -> Taken:
    source = Secret(f"{world.postgres.cluster.conninfo(database, user)} {more}")
    settings = world.settings(database, cfg, **changes)
    where = world.evidence.model_copy(update={"bucket": evidence})
    return take(s3 or S3(world.aws), settings, where, "lab", database, source=source, signer=SIGNER)


def keys(world: World) -> dict[str, list[str]]:
    return {bucket: [found.key for found in S3(world.aws).list(bucket, "")] for bucket in (BUCKET, EVIDENCE)}


def beside(world: World, key: str, database: str = DATABASE) -> Beside:
    now = datetime.now(UTC)
    found = Found(database=database, key=key, size_bytes=1, modified_at=now, read_at=now)
    return read_beside(S3(world.aws), world.settings(database), world.evidence, "lab", found, SIGNER.public_key)


def inside(world: World, archive: bytes) -> Contents:
    """Return what pg_restore finds in an archive."""
    done = world.postgres.cluster.run("pg_restore", "--file=-", timeout=LIMIT, stdin=archive).checked()
    reader = ScriptReader()
    reader.feed(done.stdout)
    return reader.contents()


def stored(world: World, key: str) -> bytes:
    body = S3(world.aws).get(BUCKET, key)
    assert body is not None
    return body


# ── what is taken ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_backup_lies_in_the_bucket_and_its_signed_manifest_in_two_places(world: World) -> None:
    done = taken(world)
    manifest, name = done.manifest, done.manifest.key.removeprefix(PREFIX)
    assert keys(world) == {
        BUCKET: [manifest.key, f"{manifest.key}.manifest.json", f"{manifest.key}.manifest.json.sig"],
        EVIDENCE: [f"lab/manifests/{DATABASE}/{name}.manifest.json{end}" for end in ("", ".sig")],
    }
    assert name == f"{DATABASE}-{manifest.origin.taken_at:%Y%m%d-%H%M%S}.dump"
    body = stored(world, manifest.key)
    assert (manifest.size_bytes, manifest.sha256) == (len(body), sha256(body).hexdigest())
    assert beside(world, manifest.key) == Beside(trust=Trust.TRUSTED, manifest=manifest, places=2)


@pytest.mark.parametrize("user", ["", "de_backup"])
def test_the_manifest_says_what_pg_restore_finds_in_the_archive(world: World, user: str) -> None:
    manifest = taken(world, user=user).manifest
    found = inside(world, stored(world, manifest.key))
    assert manifest.contents == found
    assert found.complete
    assert sum(table.rows for table in found.tables) > 300


def test_of_a_database_of_the_hard_kind_it_says_so_too(world: World) -> None:
    world.psql("postgres", "CREATE DATABASE rica TEMPLATE template0")
    world.psql("rica", RICH.read_text(encoding="utf-8"))
    world.psql("rica", 'CREATE TABLE torta (a int); CREATE INDEX "Torto" ON torta (a)')
    world.psql("rica", "UPDATE pg_index SET indisvalid = false WHERE indrelid = 'torta'::regclass")
    manifest = taken(world, "rica", user="de_backup").manifest
    assert manifest.contents == inside(world, stored(world, manifest.key))
    assert manifest.omitted == ('public."Torto"',)
    assert Extension(name="plpgsql", version="1.0") in manifest.extensions
    assert {role.name for role in manifest.roles} == set(manifest.contents.roles)
    assert {role.name for role in manifest.roles} > {"rica_app", 'Papel "É". Estranho'}
    world.drop("rica")


def test_origin_roles_and_newest_rows_are_the_databases_own(world: World) -> None:
    manifest = taken(world).manifest
    cluster = world.postgres.cluster
    asked = "SELECT system_identifier FROM pg_control_system(); SELECT max(criado_em) FROM atendimentos"
    said = cluster.run("psql", "-XqAt", "-d", DATABASE, timeout=LIMIT, stdin=asked.encode()).checked().stdout.decode()
    identifier, newest = said.splitlines()
    origin = manifest.origin
    assert (origin.database, origin.server.split(".")[0], origin.system_identifier) == (
        DATABASE,
        str(cluster.binaries.major),
        identifier,
    )
    assert origin.pg_dump == origin.server
    assert datetime.now(UTC) - origin.taken_at < LIMIT
    assert manifest.newest == (Newest(column="public.atendimentos.criado_em", at=datetime.fromisoformat(newest)),)
    assert manifest.roles == (Role(name="assist_app", login=True),)


def test_while_others_write_both_pg_dump_see_one_instant(world: World) -> None:
    world.variant("viva", "CREATE TABLE fila (a int); INSERT INTO fila SELECT generate_series(1, 5000)")
    stop = Event()

    def write() -> None:
        while not stop.is_set():
            world.psql("viva", "DELETE FROM fila WHERE a % 7 = 0; INSERT INTO fila SELECT generate_series(1, 700)")

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            manifests = []
            for _ in range(3):
                manifests.append(taken(world, "viva").manifest)
                sleep(1)  # a backup's name tells seconds
        finally:
            stop.set()
        writing.result()
    assert [m.contents for m in manifests] == [inside(world, stored(world, m.key)) for m in manifests]
    assert len({m.contents for m in manifests}) == 3
    world.drop("viva")


def test_what_is_left_out_on_purpose_is_left_out_of_both(world: World) -> None:
    manifest = taken(world, without_data=("public.atendimentos", "public.SequelizeMeta")).manifest
    assert manifest.contents == inside(world, stored(world, manifest.key))
    named = {table.table for table in manifest.contents.tables}
    assert "public.usuarios" in named
    assert not {"public.atendimentos", 'public."SequelizeMeta"'} & named


def test_an_encrypted_backup_opens_to_what_its_manifest_says(world: World) -> None:
    manifest = taken(world, cfg={"age_recipients": (str(OWN.to_public()),)}).manifest
    body = stored(world, manifest.key)
    assert body.startswith(b"age-encryption.org/v1")
    assert (manifest.size_bytes, manifest.sha256) == (len(body), sha256(body).hexdigest())
    assert manifest.contents == inside(world, pyrage.decrypt(body, [OWN]))


def test_a_large_one_goes_up_in_parts(world: World) -> None:
    manifest = taken(world, "grande").manifest
    body = stored(world, manifest.key)
    assert len(body) > 2**24
    assert (manifest.size_bytes, manifest.sha256) == (len(body), sha256(body).hexdigest())


def test_a_name_that_must_be_quoted_and_a_password_that_must_be_escaped(world: World) -> None:
    name = world.variant("Assist d'água")
    manifest = taken(world, name, more=r"password='a\' b\\'").manifest
    assert manifest.origin.database == name
    assert manifest.contents == inside(world, stored(world, manifest.key))
    assert beside(world, manifest.key, name).trust is Trust.TRUSTED
    world.drop(name)


def test_a_database_in_another_encoding_is_dumped_in_its_own(world: World) -> None:
    name = world.variant("latina", 'CREATE TABLE "ação" (t text); INSERT INTO "ação" VALUES (\'é\')', encoding="LATIN1")
    manifest = taken(world, name, more="client_encoding=UTF8").manifest
    assert manifest.contents.encoding == "LATIN1"
    assert manifest.contents == inside(world, stored(world, manifest.key))
    world.drop(name)


# ── what keeps it from being taken ───────────────────────────────────────────────────────────────────────────────────

CHANGES = {
    "com_rls": "ALTER TABLE beneficiarias ENABLE ROW LEVEL SECURITY",
    "com_objeto": "SELECT lo_from_bytea(70001, 'CANARIA')",
}
BEFORE: dict[str, tuple[dict[str, Any], str, str | None, object]] = {
    "another database behind the connection": (
        {"more": "dbname=postgres"},
        "backup.take_other_database",
        DATABASE,
        Inside(inside="postgres"),
    ),
    "a database that the server does not have": (
        {"more": "dbname=nunca"},
        "postgres.login_refused",
        DATABASE,
        Refusal(sqlstate="3D000"),
    ),
    "no server": ({"more": "port=1"}, "postgres.out_of_reach", DATABASE, Refusal(sqlstate="")),
    "somebody who is none to encrypt to": (
        {"cfg": {"age_recipients": ("age1nobody",)}},
        "age.bad_recipient",
        "age1nobody",
        None,
    ),
    "rows that row-level security hides": (
        {"database": "com_rls", "user": "limitada"},
        "backup.take_hidden_rows",
        "public.beneficiarias",
        Dumped(exit_code=1, sqlstate="42501"),
    ),
    "a large object that the role may not read": (
        {"database": "com_objeto", "user": "limitada"},
        "backup.take_refused",
        "large object 70001",
        Dumped(exit_code=1, sqlstate="42501"),
    ),
    "a table that the role may not read": (
        {"user": "qualquer"},
        "backup.take_refused",
        None,
        Dumped(exit_code=1, sqlstate="42501"),
    ),
    "no bucket for the backup": (
        {"cfg": {"bucket": "no-such-bucket"}},
        "s3.no_bucket",
        "no-such-bucket",
        None,
    ),
}


@pytest.mark.parametrize("case", BEFORE)
def test_what_keeps_a_backup_from_being_taken_is_said_and_nothing_is_stored(world: World, case: str) -> None:
    arguments, code, subject, data = BEFORE[case]
    name = arguments.get("database", "")
    if name:
        world.variant(name, CHANGES[name])
    with pytest.raises(OperatorError) as caught:
        taken(world, **arguments)
    error = caught.value
    assert (error.code, error.subject if subject else None) == (code, subject)
    assert data is None or error.data == data
    assert objects(world) == []
    if name:
        world.drop(name)


def objects(world: World) -> list[str]:
    """Return what can be seen as a backup, manifests aside."""
    return [key for key in keys(world)[BUCKET] if key.endswith(".dump")]


def test_a_key_that_the_test_would_not_find_is_refused_before_anything_is_dumped(world: World) -> None:
    with pytest.raises(OperatorError) as caught:
        taken(world, pattern=r"assist-\d+\.dump")
    error = caught.value
    assert error.code == "backup.take_key"
    assert error.subject.startswith(f"{PREFIX}{DATABASE}-2")
    assert error.data == Naming(prefix=PREFIX, pattern=r"assist-\d+\.dump")
    assert keys(world) == {BUCKET: [], EVIDENCE: []}


def test_programs_of_another_major_version_are_not_used(world: World, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("initdb", "psql", "pg_dump", "pg_restore", "postgres"):
        (programs / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 99.1'\n")
        (programs / name).chmod(0o755)
    with pytest.raises(OperatorError) as caught:
        taken(world, cfg={"postgres_bin": str(programs)})
    server = world.postgres.cluster.binaries.major
    error = caught.value
    assert (error.code, error.subject, error.data) == (
        "backup.take_other_major",
        str(programs),
        Majors(server=server, programs=99),
    )


def test_a_manifest_that_cannot_be_written_does_not_cost_the_backup(world: World) -> None:
    with pytest.raises(OperatorError) as caught:
        taken(world, evidence="no-such-bucket")
    error = caught.value
    [key] = objects(world)
    assert (error.code, error.subject, error.data) == (
        "backup.take_without_manifest",
        key,
        Incomplete(stored=1, places=2, cause="s3.no_bucket"),
    )
    found = beside(world, key)
    assert (found.trust, found.places) == (Trust.TRUSTED, 1)
    assert found.manifest
    assert found.manifest.contents == inside(world, stored(world, key))


def test_a_script_that_cannot_be_read_does_not_cost_the_backup(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(ScriptReader, "feed", fail)
    with pytest.raises(OperatorError) as caught:
        taken(world)
    [key] = objects(world)
    assert (caught.value.code, caught.value.data) == (
        "backup.take_without_manifest",
        Incomplete(stored=0, places=2, cause="core.unexpected"),
    )
    assert beside(world, key) == Beside()


def test_two_at_once_leave_whole_backups_and_say_who_came_second(world: World) -> None:
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(taken, world) for _ in range(2)]
        errors = [run.exception() for run in runs]
    done = [run.result().manifest for run, error in zip(runs, errors, strict=True) if not error]
    assert done
    assert sorted(objects(world)) == sorted(manifest.key for manifest in done)
    assert [beside(world, manifest.key).manifest for manifest in done] == done
    assert {error.code for error in errors if isinstance(error, OperatorError)} <= {"backup.take_same_second"}
    assert all(isinstance(error, OperatorError) for error in errors if error)


# ── cut, slow, and watched ───────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def gate(world: World) -> Iterator[tuple[Gate, S3]]:
    door = Gate(world.aws.endpoint)
    try:
        yield door, S3(world.aws.model_copy(update={"endpoint": door.address}))
    finally:
        door.close()


def test_an_s3_that_goes_in_the_middle_leaves_no_object(world: World) -> None:
    with gate(world) as (door, s3), ThreadPoolExecutor(1) as pool:
        running = pool.submit(taken, world, "grande", s3=s3)
        while not list(S3(world.aws).uploads(BUCKET, "")) and not running.done():
            sleep(0.01)
        with door.shut():
            error = running.exception(60)
    assert isinstance(error, TransientError)
    assert (error.code, error.subject) == ("s3.unreachable", BUCKET)
    assert keys(world) == {BUCKET: [], EVIDENCE: []}


def test_an_encrypted_one_is_given_up_as_quickly(world: World) -> None:
    with gate(world) as (door, s3), ThreadPoolExecutor(1) as pool:
        recipients = {"age_recipients": (str(OWN.to_public()),)}
        running = pool.submit(taken, world, "grande", s3=s3, cfg=recipients)
        while not list(S3(world.aws).uploads(BUCKET, "")) and not running.done():
            sleep(0.01)
        with door.shut():
            error = running.exception(60)
    assert isinstance(error, TransientError)
    assert keys(world) == {BUCKET: [], EVIDENCE: []}


def test_a_pg_dump_that_is_stopped_leaves_no_object(world: World) -> None:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(taken, world, "grande")
        while not running.done():
            terminate_dumps(world)
    error = running.exception()
    assert isinstance(error, OperatorError)
    assert error.code == "backup.take_refused"
    assert error.data in {Dumped(exit_code=1, sqlstate=code) for code in ("57P01", "08006")}
    assert objects(world) == []


def terminate_dumps(world: World) -> None:
    stop = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    world.psql("postgres", f"{stop} WHERE application_name = 'pg_dump' AND query LIKE 'COPY%'")


def test_a_deadline_ends_a_dump_that_does_not_end(world: World) -> None:
    with pytest.raises(OperatorError) as caught:
        taken(world, "grande", cfg={"restore_timeout_minutes": 0.2 / 60})
    assert caught.value.code in {"postgres.timed_out", "postgres.snapshot_refused"}
    assert objects(world) == []


def test_the_password_is_in_no_argument_log_or_file(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    seen, stop = set[bytes](), Event()

    def watch() -> None:
        while not stop.is_set():
            for place in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    seen.add(place.read_bytes())
            for file in tmp_path.rglob("*"):
                with suppress(OSError):
                    seen.add(file.read_bytes())

    watching = Thread(target=watch)
    watching.start()
    try:
        manifest = taken(world, "grande", more="password=CANARIA-senha").manifest
    finally:
        stop.set()
        watching.join()
    dumps = [line for line in seen if b"--snapshot=" in line]
    assert len(dumps) == 2
    everything = b"".join(seen) + caplog.text.encode() + "".join(capfd.readouterr()).encode()
    assert b"CANARIA-senha" not in everything
    assert str(world.postgres.cluster.socket_dir).encode() not in b"".join(dumps)
    assert b"CANARIA" not in (S3(world.aws).get(BUCKET, f"{manifest.key}.manifest.json") or b"")

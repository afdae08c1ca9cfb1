"""The restore test's body, whole, on real dumps: each broken backup is caught and named, each good one passes."""

import inspect
import logging
import os
import re
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from prefect import Task

from deployments.lab.aws import CREDENTIALS
from deployments.lab.postgres import CANARY, DATABASE
from flows.backup_restore_test import backup_restore_test
from flows.frame import Run
from tasks.adapters.guardian import NoSpace
from tasks.adapters.postgres_server import Cluster
from tasks.backup import steps
from tasks.backup.collect import RESTORED
from tasks.backup.model.facts import Found
from tasks.backup.model.told import Interrupted, Searched
from tasks.backup.settings import Backup
from tasks.core.attempt import Attempt, Trigger
from tasks.core.errors import OperatorError
from tasks.core.findings import Outcome, Verdict
from tasks.environment import FOLDER, load
from tests.tasks.backup.world import BUCKET, LIMIT, PREFIX, World, world

BODY: Callable[..., Outcome] = inspect.unwrap(backup_restore_test.fn)
FK = "atendimentos_solicitacao_id_fkey"
ODD_NAMES = """
    CREATE SCHEMA "Área";
    CREATE TABLE "Área"."Nome, com ""aspas"" e . ponto" (id int GENERATED ALWAYS AS IDENTITY, t text);
    INSERT INTO "Área"."Nome, com ""aspas"" e . ponto" (t) VALUES ('\\.'), (E'a\\n\\\\.\\nb'), (NULL);
    CREATE TABLE sem_colunas (); INSERT INTO sem_colunas DEFAULT VALUES;
    CREATE TABLE vazia (a int); CREATE TABLE mae (a int); CREATE TABLE filha () INHERITS (mae);
    INSERT INTO mae VALUES (1); INSERT INTO filha VALUES (2), (3);
    CREATE TABLE por_ano (d date) PARTITION BY RANGE (d);
    CREATE TABLE ano_2026 PARTITION OF por_ano FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    INSERT INTO por_ano VALUES ('2026-05-05'); CREATE SEQUENCE solta; SELECT setval('solta', 77, false);
    CREATE MATERIALIZED VIEW resumo AS SELECT count(*) FROM beneficiarias; SELECT lo_create(4242);
"""


def same(archive: bytes) -> bytes:
    return archive


def a_year_older(archive: bytes) -> bytes:
    """Turn back the year in a custom-format header: of seven integers (a sign, four bytes) the sixth.

    What stands before them is an integer shorter since archive version 1.15 (pg_backup_archiver.c, WriteHead).
    """
    at = (16 if archive[6] < 15 else 12) + 5 * 5 + 1
    year = int.from_bytes(archive[at : at + 4], "little")
    return archive[:at] + (year - 1).to_bytes(4, "little") + archive[at + 4 :]


def flipped(archive: bytes) -> bytes:
    """Change a bit in the middle of the data."""
    at = len(archive) * 3 // 4
    return archive[:at] + bytes([archive[at] ^ 1]) + archive[at + 1 :]


def of_a_version_to_come(archive: bytes) -> bytes:
    return archive[:6] + b"\x63" + archive[7:]


def of_a_pg_dump_to_come(archive: bytes) -> bytes:
    """Name another version of pg_dump in a custom-format header: the second version there is the program's own."""
    head, tail = archive[:512], archive[512:]
    at = [match.start() for match in re.finditer(rb"(?<=\0\0)\d\d\.\d", head)][1]
    return head[:at] + b"99" + head[at + 2 :] + tail


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A database changed by `sql`, dumped with `options`, the file changed by `harm`; and what must be said of it."""

    sql: str = ""
    options: tuple[str, ...] = ()
    harm: Callable[[bytes], bytes] = same
    settings: dict[str, object] = field(default_factory=dict)
    verdict: Verdict
    findings: tuple[tuple[str, str], ...] = ()
    unassessed: tuple[str, ...] = ()


THIS = "(the backup)"
REST = ("backup.rows", "backup.sequences", "backup.freshness")
ALL = ("backup.archive", *REST)
CASES: dict[str, Case] = {
    "a good backup": Case(verdict=Verdict.PASSED),
    "odd names, partitions, heirs, no columns": Case(sql=ODD_NAMES, verdict=Verdict.PASSED),
    "rows loaded by way of a partitioned table": Case(
        sql=ODD_NAMES, options=("-Fc", "--load-via-partition-root"), verdict=Verdict.PASSED
    ),
    "every name quoted": Case(options=("-Fc", "--quote-all-identifiers"), verdict=Verdict.PASSED),
    "rows left out on purpose": Case(
        options=("-Fc", "--exclude-table-data=auditoria.eventos"),
        settings={"without_data": ["auditoria.eventos"]},
        verdict=Verdict.PASSED,
    ),
    "empty": Case(
        harm=lambda _: b"",
        verdict=Verdict.FAILED,
        findings=(("backup.empty_object", THIS), ("backup.too_small", THIS)),
        unassessed=REST,
    ),
    "not an archive": Case(
        harm=lambda _: b"<html>502 Bad Gateway</html>".ljust(4096),
        verdict=Verdict.FAILED,
        findings=(("backup.not_an_archive", THIS),),
        unassessed=REST,
    ),
    "cut within its contents": Case(
        harm=lambda archive: archive[:2000],
        verdict=Verdict.FAILED,
        findings=(("backup.truncated", THIS),),
        unassessed=REST,
    ),
    "cut by one byte": Case(
        harm=lambda archive: archive[:-1],
        verdict=Verdict.FAILED,
        findings=(("backup.truncated", THIS),),
        unassessed=REST,
    ),
    "a flipped bit": Case(harm=flipped, verdict=Verdict.FAILED, findings=(("backup.corrupt", THIS),), unassessed=REST),
    "schema only": Case(
        options=("-Fc", "--schema-only"),
        verdict=Verdict.FAILED,
        findings=(("backup.no_newest_row", "public.atendimentos.criado_em"), ("backup.schema_only", THIS)),
    ),
    "no table at all": Case(
        sql="CREATE SCHEMA vazio",
        options=("-Fc", "--schema=vazio"),
        verdict=Verdict.FAILED,
        findings=(("backup.nothing_dumped", THIS),),
        unassessed=("backup.freshness",),
    ),
    "a table without its rows": Case(
        options=("-Fc", "--exclude-table-data=auditoria.eventos"),
        verdict=Verdict.FAILED,
        findings=(("backup.rows_not_dumped", "auditoria.eventos"),),
    ),
    "another database": Case(
        settings={"database": "outro_banco"}, verdict=Verdict.FAILED, findings=(("backup.wrong_database", THIS),)
    ),
    "rows that stand still": Case(
        sql="UPDATE atendimentos SET criado_em = criado_em - interval '3 days'",
        verdict=Verdict.FAILED,
        findings=(("backup.old_rows", THIS),),
    ),
    "an old archive under a new name": Case(
        harm=a_year_older, verdict=Verdict.FAILED, findings=(("backup.old_archive", THIS),)
    ),
    "a broken foreign key": Case(
        sql="SET session_replication_role = replica; UPDATE atendimentos SET solicitacao_id = 424242 WHERE id = 1",
        verdict=Verdict.FAILED,
        findings=(("backup.restore_refused", f"public.atendimentos {FK}"),),
    ),
    "a row that its table refuses": Case(
        sql="""CREATE TABLE recusada (a int, b text); INSERT INTO recusada VALUES (-1, 'CANARIA'), (2, 'CANARIA');
            ALTER TABLE recusada ADD CONSTRAINT positivo CHECK (a > 0) NOT VALID;
            UPDATE pg_constraint SET convalidated = true WHERE conname = 'positivo';""",
        verdict=Verdict.FAILED,
        findings=(("backup.restore_refused", "public.recusada"), ("backup.row_count_mismatch", "public.recusada")),
    ),
    "a unique index that does not hold": Case(
        sql="""CREATE TABLE dupla (email text); INSERT INTO dupla VALUES ('CANARIA'), ('CANARIA');
            CREATE UNIQUE INDEX dupla_email ON dupla (email) WHERE email = 'nobody';
            UPDATE pg_index SET indpred = NULL WHERE indexrelid = 'dupla_email'::regclass;""",
        verdict=Verdict.FAILED,
        findings=(("backup.restore_refused", "public.dupla dupla_email"),),
    ),
    "a sequence behind its column": Case(
        sql="SELECT setval('protocolo_seq', 202600001)",
        verdict=Verdict.ATTENTION,
        findings=(("backup.sequence_behind", "public.protocolo_seq"),),
    ),
    "slower than the RTO": Case(
        settings={"rto_minutes": 0.00001}, verdict=Verdict.ATTENTION, findings=(("backup.rto_exceeded", THIS),)
    ),
    "rows as INSERTs": Case(options=("-Fc", "--inserts"), verdict=Verdict.INCONCLUSIVE, unassessed=("backup.rows",)),
    "plain SQL": Case(options=("-Fp",), verdict=Verdict.INCONCLUSIVE, unassessed=ALL),
    "tar": Case(options=("-Ft",), verdict=Verdict.INCONCLUSIVE, unassessed=ALL),
    "an archive of a version to come": Case(harm=of_a_version_to_come, verdict=Verdict.INCONCLUSIVE, unassessed=ALL),
    "a pg_dump newer than this machine's PostgreSQL": Case(
        harm=of_a_pg_dump_to_come, verdict=Verdict.INCONCLUSIVE, unassessed=ALL
    ),
    "a column that is not there": Case(
        settings={"newest_row": ["public.atendimentos.nunca"]},
        verdict=Verdict.INCONCLUSIVE,
        unassessed=("backup.freshness",),
    ),
}


@pytest.fixture(scope="module")
def here() -> Iterator[World]:
    before = dict(os.environ)
    os.environ.update(CREDENTIALS)
    try:
        with world() as made:
            yield made
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="module")
def cluster(here: World) -> Iterator[Cluster]:
    """One throwaway server for all cases: each has its own database in it (making a server takes the longest)."""
    now = datetime.now(UTC)
    with steps.throwaway_cluster(here.settings(), Found(key="", size_bytes=1, modified_at=now, read_at=now)) as server:
        yield server


@pytest.fixture
def borrowed(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def lend(_cfg: Backup, _found: Found) -> Iterator[Cluster]:
        try:
            yield cluster
        finally:
            drop = f"DROP DATABASE IF EXISTS {RESTORED} WITH (FORCE)"
            cluster.run("psql", "-Xqd", "postgres", "-c", drop, timeout=LIMIT).checked()

    monkeypatch.setattr(steps, "throwaway_cluster", lend)


@pytest.fixture(autouse=True)
def plain_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace each step by its plain function: no engine, no server."""
    for name, value in vars(steps).items():
        if isinstance(value, Task):
            monkeypatch.setattr(steps, name, value.fn)


@pytest.fixture
def place() -> Iterator[Path]:
    """Make a folder for throwaway servers that everybody may enter, and see that nothing is left in it."""
    with TemporaryDirectory(prefix="place-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
        assert list(Path(name).iterdir()) == []


def drilled(here: World, backup: str = "", **changes: object) -> Outcome:
    attempt = Attempt(
        duty="backup-restore-test",
        environment="test",
        flow_run_id="0",
        number=1,
        trigger=Trigger.PERSON,
        started_at=datetime.now(UTC),
    )
    settings = load(str(FOLDER / "production.toml")).model_copy(
        update={"aws": here.aws, "backup": here.settings(**changes)}
    )
    return BODY(Run(attempt=attempt, settings=settings, progress=lambda _percent, _text: None), backup=backup)


def dumped(here: World, name: str, case: Case) -> tuple[str, str]:
    """Return the key of the case's backup and the database that it was taken from."""
    slug = re.sub(r"\W", "_", name)
    database = here.variant(slug, f"SET allow_system_table_mods = on; {case.sql}") if case.sql else DATABASE
    return here.put(f"{PREFIX}{slug}.dump", case.harm(here.dump(database, *case.options))), database


@pytest.mark.usefixtures("borrowed")
@pytest.mark.parametrize("name", CASES)
def test_a_backup_is_judged_for_what_it_is(here: World, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    case = CASES[name]
    key, database = dumped(here, name, case)
    outcome = drilled(here, key, **({"database": database} | case.settings))
    assert (
        outcome.verdict,
        tuple((f.rule, f.subject.replace(key, THIS)) for f in outcome.findings),
        tuple(c.what for c in outcome.coverage if not c.assessed),
    ) == (case.verdict, case.findings, case.unassessed)
    assert CANARY not in repr(outcome) + caplog.text


def test_a_good_backup_leaves_its_rows_and_sequences_side_by_side(here: World, place: Path) -> None:
    outcome = drilled(here, here.put(f"{PREFIX}good.dump", here.dump()), scratch=str(place))
    backup, tables, sequences, lines = outcome.tables
    assert [row[0] for row in tables.rows] == [
        "auditoria.eventos",
        'public."SequelizeMeta"',
        "public.atendimentos",
        "public.beneficiarias",
        "public.solicitacoes",
        "public.usuarios",
    ]
    assert all(expected == restored and expected and same == "sim" for _, expected, restored, same in tables.rows)
    assert [row[0] for row in sequences.rows] == [
        "auditoria.eventos_id_seq",
        "public.atendimentos_id_seq",
        "public.beneficiarias_id_seq",
        "public.protocolo_seq",
        "public.solicitacoes_id_seq",
        "public.usuarios_id_seq",
    ]
    assert ("Banco", DATABASE) in backup.rows
    assert sum(int(row[1]) for row in lines.rows) == 0
    assert outcome.measures["rows"] == sum(int(row[1]) for row in tables.rows)
    assert all(value > 0 for value in outcome.measures.values())


def error_of(here: World, backup: str = "", **changes: object) -> OperatorError:
    with pytest.raises(OperatorError) as caught:
        drilled(here, backup, **changes)
    return caught.value


def test_no_backup_is_an_error_that_says_where_it_was_looked_for(here: World) -> None:
    error = error_of(here, prefix="nada/")
    assert (error.code, error.subject, error.data) == (
        "backup.none_found",
        BUCKET,
        Searched(bucket=BUCKET, prefix="nada/", pattern=r".+\.dump"),
    )


def test_a_backup_that_was_asked_for_and_is_not_there_is_an_error(here: World) -> None:
    here.put(f"{PREFIX}quase.dump.sha256", b"-")
    error = error_of(here, f"{PREFIX}quase.dump")
    assert (error.code, error.subject) == ("backup.no_such_key", f"{PREFIX}quase.dump")


@pytest.mark.parametrize(
    ("setting", "value", "code"),
    [
        ("bucket", "assist-marias-no-such-bucket", "s3.no_bucket"),
        ("postgres_bin", "/nowhere", "postgres.no_binaries"),
    ],
)
def test_what_is_missing_around_the_backup_is_an_error_and_no_verdict(
    here: World, setting: str, value: str, code: str
) -> None:
    key = here.put(f"{PREFIX}algum.dump", b"x" * 2000)
    assert error_of(here, key, **{setting: value}).code == code


@pytest.mark.usefixtures("borrowed")
def test_an_extension_that_this_machine_lacks_is_not_held_against_the_backup(here: World) -> None:
    sql = (
        "SET allow_system_table_mods = on; CREATE EXTENSION pg_trgm; UPDATE pg_extension SET extname = 'de_outra_casa'"
    )
    database = here.variant("extensao", sql + " WHERE extname = 'pg_trgm'")
    error = error_of(here, here.put(f"{PREFIX}extensao.dump", here.dump(database)), database=database)
    assert (error.code, error.subject) == ("backup.no_extension", "de_outra_casa")


def test_room_is_looked_at_before_anything_is_fetched(
    here: World, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(*_: object) -> None:
        pytest.fail("fetched")

    monkeypatch.setattr(steps, "download", fetch)
    here.put(f"{PREFIX}grande.dump", b"x" * 5000)
    error = error_of(here, f"{PREFIX}grande.dump", scratch=str(place), space_factor=1e15)
    assert error.code == "disk.no_space"
    assert isinstance(error.data, NoSpace)
    assert error.data.needed_mb == 5_000_000_000_000 + 150


@pytest.mark.usefixtures("borrowed")
def test_a_full_disk_is_not_held_against_the_backup(here: World) -> None:
    sql = """CREATE FUNCTION cabe(int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
        CREATE TABLE cheia (a int CHECK (public.cabe(a))); INSERT INTO cheia VALUES (1);
        CREATE OR REPLACE FUNCTION cabe(int) RETURNS boolean LANGUAGE plpgsql AS
            'BEGIN RAISE EXCEPTION USING ERRCODE = ''disk_full''; END';"""
    database = here.variant("cheia", sql)
    error = error_of(here, here.put(f"{PREFIX}cheia.dump", here.dump(database)), database=database)
    assert (error.code, error.data) == ("backup.interrupted", Interrupted(cause="53100"))


def test_no_value_of_a_row_leaves_by_an_error(here: World, place: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    sql = "CREATE TABLE avisos (quando text); INSERT INTO avisos VALUES ('CANARIA')"
    database = here.variant("texto", sql)
    key = here.put(f"{PREFIX}texto.dump", here.dump(database))
    error = error_of(here, key, database=database, newest_row=["public.avisos.quando"], scratch=str(place))
    assert (error.code, error.subject) == ("postgres.refused", "public.avisos.quando")
    assert CANARY not in "".join(traceback.format_exception(error)) + repr(error.data) + caplog.text


@pytest.mark.usefixtures("borrowed")
def test_the_newest_backup_is_taken_and_not_what_lies_beside_it(here: World) -> None:
    older = here.put("por-data/a.dump", b"<html>".ljust(3000))
    newest = here.put("por-data/b.dump", here.dump())
    assert older < newest
    here.put("por-data/c.dump.sha256", b"-")
    outcome = drilled(here, prefix="por-data/")
    assert (outcome.subject, outcome.verdict) == (newest, Verdict.PASSED)


def test_of_two_at_once_each_has_a_server_of_its_own_and_nothing_is_left(here: World, place: Path) -> None:
    key = here.put(f"{PREFIX}dois.dump", here.dump())
    with ThreadPoolExecutor(2) as pool:
        outcomes = [pool.submit(drilled, here, key, scratch=str(place)) for _ in range(2)]
    assert [outcome.result().verdict for outcome in outcomes] == [Verdict.PASSED] * 2

"""The lab's database: its invented people, and real dumps of them."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deployments.lab.postgres import CANARY, DATABASE, KIND, OWNER, LabPostgres, running, truncated
from tasks.adapters.guardian import scratch_base
from tasks.adapters.postgres_server import find_binaries

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECONDS = timedelta(seconds=30)
PERSONAL_TABLES = ("usuarios", "beneficiarias", "solicitacoes", "atendimentos", "auditoria.eventos")


@pytest.fixture(scope="module")
def base() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="l-", dir=scratch_base(500_000_000)))
    place.chmod(0o711)
    yield place
    assert list(place.iterdir()) == []
    place.rmdir()


@pytest.fixture(scope="module")
def lab(base: Path) -> Iterator[LabPostgres]:
    with running(base, find_binaries()) as server:
        server.seed(now=NOW, people=300)
        yield server


def query(lab: LabPostgres, statement: str, database: str = DATABASE) -> str:
    done = lab.cluster.run("psql", "-XAt", "-d", database, "-c", statement, timeout=SECONDS)
    return done.checked().stdout.decode().strip()


def restore(lab: LabPostgres, archive: Path, database: str) -> tuple[int, bytes]:
    query(lab, f"CREATE DATABASE {database}", "postgres")
    with archive.open("rb") as file:
        done = lab.cluster.run("pg_restore", "-d", database, timeout=SECONDS, stdin=file)
    return done.returncode, done.stderr


def counts(lab: LabPostgres, database: str = DATABASE) -> list[str]:
    tables = ('"SequelizeMeta"', *PERSONAL_TABLES)
    return [query(lab, f"SELECT count(*) FROM {table}", database) for table in tables]  # noqa: S608 - names of our own


def test_the_seeded_database_holds_the_applications_tables_owned_by_its_role(lab: LabPostgres) -> None:
    owned = f"SELECT count(*) FROM pg_class WHERE relowner <> '{OWNER}'::regrole AND relkind IN ('r', 'S', 'v')"  # noqa: S608
    ours = "AND relnamespace IN ('public'::regnamespace, 'auditoria'::regnamespace)"
    assert query(lab, f"{owned} {ours}") == "0"
    assert counts(lab) == ["3", "25", "300", "600", "480", "600"]


def test_the_newest_row_of_each_table_is_minutes_old(lab: LabPostgres) -> None:
    newest = [
        query(lab, f"SELECT '{NOW.isoformat()}'::timestamptz - max(criado_em) FROM {table}")  # noqa: S608 - names of our own
        for table in PERSONAL_TABLES[1:]
    ]
    assert newest == ["00:07:00", "00:03:00", "00:02:00", "00:03:00"]


def test_each_row_about_a_person_carries_the_canary(lab: LabPostgres) -> None:
    unmarked = [
        query(lab, f"SELECT count(*) FROM {table} AS t WHERE t::text NOT LIKE '%{CANARY}%'")  # noqa: S608 - names of our own
        for table in PERSONAL_TABLES
    ]
    assert unmarked == ["0"] * len(PERSONAL_TABLES)


def test_its_sequences_go_on_where_the_rows_end(lab: LabPostgres) -> None:
    assert query(lab, "SELECT last_value - max(protocolo) FROM protocolo_seq, solicitacoes GROUP BY last_value") == "0"


def test_a_dump_restores_into_another_database_without_a_word(lab: LabPostgres, tmp_path: Path) -> None:
    archive = tmp_path / "assist_marias.dump"
    archive.write_bytes(lab.dump())
    assert archive.read_bytes().startswith(b"PGDMP")
    assert restore(lab, archive, "copia") == (0, b"")
    assert counts(lab, "copia") == counts(lab)


def test_a_truncated_dump_does_not_restore(lab: LabPostgres, tmp_path: Path) -> None:
    cut = tmp_path / "cortado.dump"
    cut.write_bytes(truncated(lab.dump()))
    code, complaints = restore(lab, cut, "cortada")
    assert code == 1
    assert b"could not read from input file: end of file" in complaints


def test_truncating_keeps_the_given_share_from_the_front() -> None:
    assert (truncated(b"0123456789"), truncated(b"0123456789", kept=0.25)) == (b"012345", b"01")


def test_seeding_again_makes_the_same_database_anew(lab: LabPostgres) -> None:
    lab.seed(now=NOW, people=300)
    assert counts(lab) == ["3", "25", "300", "600", "480", "600"]
    assert query(lab, "SELECT max(protocolo) FROM solicitacoes") == "202600600"


def test_its_address_names_the_applications_database(lab: LabPostgres) -> None:
    done = lab.cluster.run("psql", "-XAtc", "SELECT current_database()", lab.address, timeout=SECONDS)
    assert (done.returncode, done.stdout) == (0, b"assist_marias\n")


def test_two_labs_run_side_by_side_and_leave_nothing(base: Path, lab: LabPostgres) -> None:
    with running(base, lab.cluster.binaries) as other:
        assert [query(one, "SELECT 1", "postgres") for one in (lab, other)] == ["1", "1"]
    assert [path.name for path in base.iterdir() if not path.name.startswith(KIND)] == []
    assert len([path for path in base.iterdir() if path.is_dir()]) == 1

"""The numbers of a test, and of several."""

from tasks.backup import rules
from tasks.backup.model.found import Fault
from tasks.backup.rules.measures import measures
from tests.tasks.backup.drills import GOOD, HOUR, NOW, SETTINGS, data, found, restored, there, unread

NUMBERS = {
    "size_bytes": 9000,
    "download_seconds": 4.0,
    "rpo_hours": 7.0,
    "restore_seconds": 20.0,
    "verify_seconds": 3.5,
    "drill_seconds": 30.0,
    "tables": 2,
    "rows": 5,
}
UNREAD = {"size_bytes": 9000, "download_seconds": 4.0, "rpo_hours": 5.0}


def test_measures_are_seconds_hours_bytes_and_counts() -> None:
    assert measures(GOOD) == NUMBERS


def test_archive_and_database_are_read_side_by_side_so_the_longer_counts() -> None:
    reading = GOOD.proof and GOOD.proof.restored.reading
    assert reading
    assert (reading.seconds, measures(restored(seconds=7.0))["verify_seconds"]) == (1.5, 8.5)


def test_rows_are_those_that_came_back() -> None:
    assert measures(there(tables=()))["rows"] == 0
    assert measures(data(tables=()))["rows"] == 5


def test_without_a_restore_only_what_is_known_is_measured() -> None:
    assert measures(unread(Fault.EMPTY)) == UNREAD


def test_one_database_has_its_own_numbers() -> None:
    assert rules.measures_of((rules.tested(GOOD, SETTINGS, ()),), several=False) == NUMBERS


def test_of_several_databases_the_worst_rpo_and_the_sums_stand_before_each_ones_own() -> None:
    other = found(unread(Fault.COLD), database="Bate papo", size_bytes=1000, modified_at=NOW - 9 * HOUR)
    told = rules.measures_of((rules.tested(GOOD, SETTINGS, ()), rules.tested(other, SETTINGS, ())), several=True)
    assert told == {
        **NUMBERS,
        "size_bytes": 10_000,
        "download_seconds": 8.0,
        "rpo_hours": 9.0,
        **{f"{name} assist_marias": value for name, value in NUMBERS.items()},
        "size_bytes Bate papo": 1000,
        "download_seconds Bate papo": 4.0,
        "rpo_hours Bate papo": 9.0,
    }


def test_one_of_several_configured_databases_still_has_its_name_beside_its_numbers() -> None:
    told = rules.measures_of((rules.tested(unread(Fault.EMPTY), SETTINGS, ()),), several=True)
    assert told == {**UNREAD, **{f"{name} assist_marias": value for name, value in UNREAD.items()}}


def test_no_database_has_no_numbers() -> None:
    assert rules.measures_of((), several=True) == {}

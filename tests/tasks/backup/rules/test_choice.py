"""What a person asked to be tested."""

from datetime import date

import pytest

from tasks.backup.model.told import Known
from tasks.backup.rules import choice
from tasks.backup.settings import Backup
from tasks.core.errors import NO_DATA, OperatorError
from tests.tasks.backup.drills import settings


def configured(**prefixes: str) -> Backup:
    return Backup(bucket="backups", databases={name: settings(prefix=prefix) for name, prefix in prefixes.items()})


ONE = configured(marias="postgres/")
THREE = configured(marias="postgres/marias/", chat="postgres/chat/", raiz="")
NAMES = Known(names="chat, marias, raiz")


@pytest.mark.parametrize(
    ("cfg", "database", "backup", "chosen"),
    [
        pytest.param(THREE, "", "", ("marias", "chat", "raiz"), id="nothing asked: all, in the order of the settings"),
        pytest.param(THREE, "chat", "", ("chat",), id="a database"),
        pytest.param(THREE, "", "postgres/chat/a.dump", ("chat",), id="a backup: whose prefix it has"),
        pytest.param(THREE, "raiz", "postgres/chat/a.dump", ("raiz",), id="both: the database"),
        pytest.param(ONE, "", "elsewhere/a.dump", ("marias",), id="a backup, and only one database there is"),
    ],
)
def test_whose_backups_are_tested(cfg: Backup, database: str, backup: str, chosen: tuple[str, ...]) -> None:
    assert choice.databases(cfg, database, backup) == chosen


@pytest.mark.parametrize(
    ("cfg", "database", "backup", "told"),
    [
        pytest.param(THREE, "outro", "", ("backup.no_such_database", "outro", NAMES), id="no such database"),
        pytest.param(THREE, "", "a.dump", ("backup.which_database", "a.dump", NAMES), id="a backup of nobody's"),
        pytest.param(
            configured(um="postgres/", dois="postgres/dois/"),
            "",
            "postgres/dois/a.dump",
            ("backup.which_database", "postgres/dois/a.dump", Known(names="dois, um")),
            id="a backup of two",
        ),
    ],
)
def test_what_cannot_be_told_is_asked_back(
    cfg: Backup, database: str, backup: str, told: tuple[str, str, Known]
) -> None:
    with pytest.raises(OperatorError) as caught:
        choice.databases(cfg, database, backup)
    assert (caught.value.code, caught.value.subject, caught.value.data) == told


def test_a_day_is_written_as_on_a_calendar_or_not_at_all() -> None:
    assert choice.day("2026-10-05") == date(2026, 10, 5)
    assert choice.day("") is None


@pytest.mark.parametrize("text", ["05/10/2026", "2026-02-30", "ontem", "2026-10-05T09:00", " "])
def test_any_other_day_is_refused(text: str) -> None:
    with pytest.raises(OperatorError) as caught:
        choice.day(text)
    assert (caught.value.code, caught.value.subject, caught.value.data) == ("backup.bad_date", text, NO_DATA)

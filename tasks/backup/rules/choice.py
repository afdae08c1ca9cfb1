"""What a person asked to be tested."""

from datetime import date

from tasks.backup.model.told import Known
from tasks.backup.settings import Backup
from tasks.core.errors import OperatorError


def databases(cfg: Backup, database: str, backup: str) -> tuple[str, ...]:
    """Return whose backups are to be tested: one named, the one whose prefix a key has, or all.

    Raises OperatorError backup.no_such_database, backup.which_database.
    """
    names = Known(names=", ".join(sorted(cfg.databases)))
    if database:
        if database not in cfg.databases:
            raise OperatorError("backup.no_such_database", database, names)
        return (database,)
    if not backup:
        return tuple(cfg.databases)
    if len(cfg.databases) == 1:
        return tuple(cfg.databases)
    of = tuple(name for name, one in cfg.databases.items() if one.prefix and backup.startswith(one.prefix))
    if len(of) != 1:
        raise OperatorError("backup.which_database", backup, names)
    return of


def day(text: str) -> date | None:
    """Return a day written as 2026-10-05, None for no text; OperatorError backup.bad_date for any other."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise OperatorError("backup.bad_date", text) from None

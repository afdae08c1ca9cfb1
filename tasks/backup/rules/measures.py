"""The numbers of a test."""

from collections.abc import Iterable, Mapping

from tasks.backup.model.drill import Drill
from tasks.backup.rules.policy import clocks, hours


def measures(drill: Drill) -> dict[str, float]:
    """Return the numbers of one database's test; those of the restore only when there was one."""
    known = {
        "size_bytes": drill.found.size_bytes,
        "download_seconds": drill.fetched.seconds,
        "rpo_hours": hours((drill.found.read_at - min(clocks(drill).values())).total_seconds()),
    }
    if not drill.proof:
        return known
    restored = drill.proof.restored
    return known | {
        "restore_seconds": drill.proof.restore.seconds,
        "verify_seconds": restored.seconds + max(drill.proof.data.seconds, restored.reading.seconds),
        "drill_seconds": (restored.read_at - drill.found.read_at).total_seconds(),
        "tables": len(restored.reading.contents.tables),
        "rows": sum(table.rows for table in restored.reading.contents.tables),
    }


def of_all(each: Mapping[str, Mapping[str, float]], *, several: bool) -> dict[str, float]:
    """Return the numbers of a run: of all databases the worst RPO and the sums of all else.

    Where `several` are configured, each one's own stand beside them, as "<measure> <database>".
    """
    names = dict.fromkeys(name for own in each.values() for name in own)
    total = {name: _total(name, [own[name] for own in each.values() if name in own]) for name in names}
    own = {f"{name} {database}": value for database, numbers in each.items() for name, value in numbers.items()}
    return total | (own if several else {})


def _total(name: str, values: Iterable[float]) -> float:
    return max(values) if name == "rpo_hours" else sum(values)

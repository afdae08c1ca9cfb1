"""The cases: each file holds some, each case is one backup and what the test must say of it."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
BASE = (FOLDER / "base.sql").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One backup: how it came to be, and the verdict and rules (without "backup.") that it must get.

    `sql` changes the database after the manifest was made (before it when `sql_before_manifest`); `dump` are pg_dump's
    options; `mangle` what happens to the dump on its way (mangling.WAYS); `beside` what lies beside it in the bucket;
    `settings` and `cfg` are changes of the settings of the database and of the section; `also` allows further rules.
    """

    name: str
    sql: str = ""
    sql_before_manifest: bool = False
    encoding: str = ""
    dump: tuple[str, ...] = ("-Fc",)
    mangle: tuple[str, ...] = ()
    manifest: bool = False
    beside: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    settings_of: str = ""
    cfg: dict[str, Any] = field(default_factory=dict)
    verdict: str = "passed"
    rules: tuple[str, ...] = ()
    also: bool = False


def cases() -> tuple[Case, ...]:
    """Return every case of every file; TypeError for a key that no case has."""
    files = (tomllib.loads(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.toml")))
    return tuple(Case(**{k: _frozen(v) for k, v in entry.items()}) for held in files for entry in held["case"])


def _frozen(value: Any) -> Any:  # noqa: ANN401 - TOML's
    return tuple(value) if isinstance(value, list) else value

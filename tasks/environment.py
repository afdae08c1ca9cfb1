"""One environment, whole: the shared sections and each feature's, and its loader."""

import os
import tomllib
from pathlib import Path

from pydantic import Field, ValidationError

from tasks.backup.settings import Backup
from tasks.core.errors import OperatorError
from tasks.settings import Aws, Evidence, Known, Links, Mail, Mistakes, Section, Slack

FOLDER_VARIABLE = "MARIAS_ENVIRONMENTS"
FOLDER = Path(__file__).resolve().parent.parent / "deployments" / "environments"


class Environment(Section):
    """Everything that differs between environments; no secret values."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")
    schedules: bool = Field(default=False, description="Whether its deployments run by themselves.")
    aws: Aws = Aws()
    slack: Slack
    mail: Mail
    evidence: Evidence
    links: Links
    backup: Backup


def load(environment: str) -> Environment:
    """Read and wholly validate an environment: a name in the folder of environments, or a path to a TOML file.

    Raises OperatorError `environment.unknown` (with the names there are) or `environment.invalid` (every mistake).
    """
    path = _path(environment)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unknown(environment) if isinstance(error, FileNotFoundError) else _invalid(path, (str(error),)) from None
    try:
        settings = Environment.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise _invalid(path, (str(error),)) from None
    except ValidationError as error:
        lines = (f"{'.'.join(map(str, e['loc'])) or 'arquivo'}: {e['msg']}" for e in error.errors())
        raise _invalid(path, tuple(lines)) from None
    if path.stem != settings.name:
        raise _invalid(path, (f"name: '{settings.name}' is not the file's own name '{path.stem}'",))
    return settings


def names() -> tuple[str, ...]:
    """Return the names of the environments in the folder, sorted."""
    return tuple(sorted(path.stem for path in folder().glob("*.toml")))


def folder() -> Path:
    """Return the folder of environments: MARIAS_ENVIRONMENTS, else the project's own."""
    return Path(os.environ.get(FOLDER_VARIABLE) or FOLDER)


def _path(environment: str) -> Path:
    is_path = environment.endswith(".toml") or os.sep in environment
    return Path(environment) if is_path else folder() / f"{environment}.toml"


def _unknown(environment: str) -> OperatorError:
    known = Known(names=", ".join(names()) or "-", folder=str(folder()))
    return OperatorError("environment.unknown", environment, known)


def _invalid(path: Path, mistakes: tuple[str, ...]) -> OperatorError:
    data = Mistakes(mistakes="\n".join(f"- {m}" for m in mistakes), count=len(mistakes))
    return OperatorError("environment.invalid", str(path), data)

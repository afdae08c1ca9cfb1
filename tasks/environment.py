"""One environment, whole: the shared sections and each feature's, and its loader."""

import os
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from errno import errorcode
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import Field, ValidationError

from tasks.backup.settings import Backup
from tasks.core.errors import OperatorError
from tasks.notices.words.mistakes import mistake
from tasks.secret_sync.settings import SecretSync
from tasks.settings import Aws, Evidence, Github, Known, Links, Mail, Mistakes, Section, Slack
from tasks.ssh.settings import Ssh

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
    github: Github
    backup: Backup
    secret_sync: SecretSync = SecretSync()
    ssh: Ssh


def load(environment: str) -> Environment:
    """Read and wholly validate an environment: a name in the folder of environments, or a path to a TOML file.

    Raises OperatorError `environment.unknown` (with the names there are) or `environment.invalid` (every mistake).
    """
    path = _path(environment)
    try:
        settings = Environment.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise _unknown(environment) from None
    except tomllib.TOMLDecodeError as error:
        raise _invalid(path, ("arquivo", "file.no_toml", {"place": _place(error)})) from None
    except ValidationError as error:
        found = error.errors(include_input=False)
        # a list with a wrong item counts only the right ones, and would be told as too short as well
        above = {e["loc"][:depth] for e in found for depth in range(len(e["loc"]))}
        told = (e for e in found if not (e["type"] == "too_short" and e["loc"] in above))
        raise _invalid(path, *((_key(e["loc"]), e["type"], e.get("ctx", {})) for e in told)) from None
    except (OSError, ValueError) as error:
        raise _invalid(path, ("arquivo", "file.unreadable", {"reason": _reason(error)})) from None
    if path.stem != settings.name:
        raise _invalid(path, ("name", "file.name", {"stem": path.stem}))
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


def _invalid(path: Path, *mistakes: tuple[str, str, Mapping[str, object]]) -> OperatorError:
    """Return the error that lists `mistakes`, each a key, the kind of mistake, and what its sentence needs."""
    lines = tuple(f"- {key}: {mistake(kind, context)}" for key, kind, context in mistakes)
    return OperatorError("environment.invalid", str(path), Mistakes(mistakes="\n".join(lines), count=len(lines)))


def _key(loc: tuple[int | str, ...]) -> str:
    """Return a key as people write it; of one that there is not, with the one that was probably meant."""
    *sections, last = map(str, loc)
    model: Any = Environment
    for section in sections:
        model = _inside(model, section)
    known = getattr(model, "model_fields", {})
    meant = get_close_matches(last, known, n=1) if last not in known else []
    return ".".join((*sections, last)) + "".join(f" (seria {name}?)" for name in meant)


def _place(error: tomllib.TOMLDecodeError) -> str:
    """Return where a file is no TOML; the decoder says it only within its text (`… (at line 3, column 5)`)."""
    found = re.search(r"\(at line (\d+), column (\d+)\)$", str(error))
    return f" (linha {found[1]}, coluna {found[2]})" if found else ""


def _reason(error: OSError | ValueError) -> str:
    return errorcode.get(error.errno or 0, "?") if isinstance(error, OSError) else "UTF-8"


def _inside(model: Any, section: str) -> Any:  # noqa: ANN401 - a section, a table of sections, or anything else
    if section in getattr(model, "model_fields", {}):
        return model.model_fields[section].annotation
    return get_args(model)[1] if get_origin(model) is Mapping else None

"""How the command speaks: results to standard output, all else to standard error; as one JSON value if asked."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from typing import Any, NoReturn

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deployments.background import LabError
from tasks.core.errors import known

REFUSED = 2
WIDE = 1_000  # columns of a table that no terminal shows: a line stays a line

console = Console()
errors = Console(stderr=True)


class UsageError(Exception):
    """What was asked for cannot be; the text says what can."""


@contextmanager
def told(*, as_json: bool, code: int = REFUSED) -> Iterator[None]:
    """End the command with the error's own sentences and the exit code `code`; no traceback is ever shown.

    An error that nobody foresaw has the same code: of a duty, 1 would read as its verdict.
    """
    try:
        yield
    except (UsageError, LabError) as error:
        kind = "usage" if isinstance(error, UsageError) else "lab"
        refuse(kind, str(error), as_json=as_json, exit_code=code)
    except Exception as error:  # noqa: BLE001 - told by its type and place, never by its text
        from deployments.words import tell  # noqa: PLC0415 - the words of all duties: only when one is said

        cause = known(error)
        said = tell(cause.code, cause.subject, cause.data)
        refuse(cause.code, said.message, said.safe, said.remedy, as_json=as_json, exit_code=code)


def refuse(  # noqa: PLR0913 - what happened, what is safe, what to do
    code: str, message: str, safe: str = "", remedy: str = "", *, as_json: bool, exit_code: int = REFUSED
) -> NoReturn:
    """Say what happened, what is safe and what to do, and exit."""
    if as_json:
        error = {"code": code, "message": message, "safe": safe, "remedy": remedy}
        console.print_json(data={"exit_code": exit_code, "error": error})
    else:
        say("\n".join(text for text in (message, safe, remedy) if text))
    sys.exit(exit_code)


def say(text: str) -> None:
    """Say something that is no result."""
    errors.print(text, markup=False, highlight=False, soft_wrap=True)


def show(text: str) -> None:
    """Print a result as it is."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def show_rows(rows: Sequence[Any], *, as_json: bool) -> None:
    """Print a sequence of dataclasses of one type: as a table, or as JSON."""
    if as_json:
        console.print_json(data=[asdict(row) for row in rows])
        return
    columns = [field.name for field in fields(rows[0])]
    table = Table(*columns, box=SIMPLE)
    for row in rows:
        table.add_row(*(escape(str(getattr(row, column))) for column in columns))
    (console if console.is_terminal else Console(width=WIDE)).print(table)

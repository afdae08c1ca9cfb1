"""The command `marias`: run a duty, apply the deployments, start the lab, verify the evidence."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from typing import Annotated, Any, NoReturn

from cyclopts import App, Parameter
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deployments import background
from tasks.core.duties import DUTIES
from tasks.core.errors import OperatorError

REFUSED = 2
INTERRUPTED = 130
FOLLOW_MINUTES = 180.0

app = App(
    name="marias", help="The operations runbook of Assist Move Marias: run its duties, and check what they prove."
)
lab = App(name="lab", help="The lab: local stand-ins with a Prefect server and a worker, to try everything safely.")
evidence = App(name="evidence", help="What runs leave behind.")
app.command(lab)
app.command(evidence)

console = Console()
errors = Console(stderr=True)

Env = Annotated[
    str, Parameter(name=["--environment", "-e"], help="A name in deployments/environments, or a TOML file.")
]
AsJson = Annotated[bool, Parameter(name="--json", negative=(), help="Print one JSON value instead of text.")]


@app.command
def run(  # noqa: PLR0913 - one keyword per option
    duty: str,
    /,
    *,
    environment: Env = "lab",
    param: Annotated[
        tuple[str, ...], Parameter(name=["--param", "-p"], help="A parameter of the duty, as key=value. Repeatable.")
    ] = (),
    here: Annotated[
        bool, Parameter(negative=(), help="Break-glass: run in this process, without the server. Said in the evidence.")
    ] = False,
    ci: Annotated[bool, Parameter(negative=(), help="Say that CI asked for this run.")] = False,
    key: Annotated[str, Parameter(help="Idempotency key: the same key gives the same run.")] = "",
    timeout: Annotated[
        float, Parameter(help="Minutes to follow the run; it goes on when they are over.")
    ] = FOLLOW_MINUTES,
    as_json: AsJson = False,
) -> int:
    """Run a duty and follow it to its end.

    Exit codes: 0 passed, 1 failed, 2 refused (usage, settings, no server), 3 attention, 4 inconclusive or dead,
    20 still running when the time was over.

    Parameters
    ----------
    duty
        For example backup-restore-test.

    """
    if duty not in DUTIES:
        _fail(f"There is no duty '{duty}'. There are: {', '.join(DUTIES)}.")
    parameters = _parameters(param)
    background.attach(environment)
    from deployments import breakglass, following
    from tasks.adapters import prefect_api

    if here:
        errors.print("[bold red]BREAK-GLASS[/]: this run has no server and no watcher; its evidence will say so.")
        state = breakglass.run(duty, environment, parameters)
        code = following.EXIT_CODES.get(state.name or "", following.DEAD)
        _end(code, state.name or "", state.message or "", "", as_json=as_json)
        return code
    with _told():
        prefect_api.check()
        run_id = prefect_api.create_run(duty, environment, parameters, from_ci=ci, key=key or None)
        ended = following.watch(errors if as_json else console, duty, run_id, timeout_seconds=timeout * 60)
    code = following.exit_code(ended)
    _end(code, ended.state_name, ended.state_message, run_id, as_json=as_json)
    return code


@app.command
def apply(*, environment: Env = "lab", as_json: AsJson = False) -> int:
    """Make the Prefect server equal to the catalogue of one environment; a second call changes nothing."""
    background.attach(environment)
    from deployments.apply import apply as bring

    with _told():
        done = bring(environment)
    _rows(done, as_json=as_json)
    return 0


@app.command
def preflight(*, environment: Env = "lab", as_json: AsJson = False) -> int:
    """Check, changing nothing, that this machine has what the duties of an environment need. Exit 0 only if all is."""
    background.attach(environment)
    from deployments.preflight import checks

    with _told():
        rows = checks(environment)
    _rows(rows, as_json=as_json)
    return 0 if all(row.state != "not ready" for row in rows) else 1


@lab.command
def up(*, as_json: AsJson = False) -> int:
    """Start the lab, a Prefect server and a worker in the background, bring the deployments to it, say where all is."""
    with errors.status("Starting the lab, a Prefect server and a worker (about half a minute)"):
        state = background.up()
    if as_json:
        console.print_json(data={"addresses": state.addresses, "backups": state.backups})
    else:
        console.print(f"Prefect UI  {state.addresses['prefect']}\nInbox       {state.addresses['inbox']}")
        console.print("Try: marias run backup-restore-test    End it: marias lab down")
    return 0


@lab.command
def down() -> int:
    """End the lab that `up` started, and delete what it made."""
    console.print("The lab is down." if background.down() else "No lab is up.")
    return 0


@app.command
def demo(duty: str = "", /) -> int:
    """Run the duties (or one) in a lab of its own, and compare how they end with how they should. Exit 0 if all do."""
    from deployments import demo as showing

    return showing.main(console, duty)


@evidence.command
def verify(
    *,
    environment: Env = "lab",
    folder: Annotated[str, Parameter(help="An offline copy of the bucket, instead of the bucket.")] = "",
    public_key: Annotated[
        str, Parameter(help="The key you trust (ssh-ed25519 …); else the one beside the ledger.")
    ] = "",
    as_json: AsJson = False,
) -> int:
    """Check that the ledger and the files it names are unchanged and in unbroken order. Exit 0 if so, 1 if not."""
    background.attach(environment)
    from deployments import verifying

    with _told():
        verification = verifying.verify(environment, folder, public_key)
    if as_json:
        console.print_json(data=asdict(verification), default=str)
    else:
        for line in verifying.lines(verification):
            console.print(line, markup=False)
    return 1 if verification.findings else 0


def main() -> NoReturn:
    """Run the command and exit with its code."""
    try:
        code = app(sys.argv[1:])
    except KeyboardInterrupt:
        errors.print("Interrupted here; a run that was started goes on.")
        code = INTERRUPTED
    sys.exit(code)


def _parameters(pairs: tuple[str, ...]) -> dict[str, Any]:
    """Return key=value pairs as parameters; a value is JSON where it can be (true, 3, ["a"]), else text."""
    parameters = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            _fail(f"--param {pair}: write it as key=value.")
        try:
            parameters[name] = json.loads(text)
        except ValueError:
            parameters[name] = text
    return parameters


def _end(code: int, name: str, message: str, run_id: str, *, as_json: bool) -> None:
    if as_json:
        console.print_json(data={"exit_code": code, "state": name, "message": message, "flow_run_id": run_id})
    else:
        console.print(message or name, markup=False, highlight=False, soft_wrap=True)


def _rows(rows: Sequence[Any], *, as_json: bool) -> None:
    """Print a sequence of dataclasses of one type: as a table, or as JSON."""
    if as_json:
        console.print_json(data=[asdict(row) for row in rows])
        return
    columns = [field.name for field in fields(rows[0])]
    table = Table(*columns, box=SIMPLE)
    for row in rows:
        table.add_row(*(escape(str(getattr(row, column))) for column in columns))
    console.print(table)


@contextmanager
def _told() -> Iterator[None]:
    """End with the known error's own sentences, and the code for refused."""
    try:
        yield
    except OperatorError as error:
        from deployments.words import tell

        told = tell(error.code, error.subject, error.data)
        _fail("\n".join(text for text in (told.message, told.safe, told.remedy) if text))


def _fail(text: str) -> NoReturn:
    errors.print(text, markup=False, highlight=False, soft_wrap=True)
    sys.exit(REFUSED)

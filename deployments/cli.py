"""The command `marias`: run a duty, take a backup, apply the deployments, start the lab, verify the evidence."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

from cyclopts import App, Parameter

from deployments import background, terminal
from deployments.terminal import UsageError
from tasks.core.duties import DUTIES
from tasks.core.errors import TransientError

FAILED = 1
INTERRUPTED = 130
FOLLOW_MINUTES = 180.0

app = App(
    name="marias",
    help="The operations runbook of Assist Move Marias: run its duties, and check what they prove.",
    suppress_keyboard_interrupt=False,  # a person is told what goes on
)
lab = App(name="lab", help="The lab: local stand-ins with a Prefect server and a worker, to try everything safely.")
evidence = App(name="evidence", help="What runs leave behind.")
app.command(lab)
app.command(evidence)

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
    plan: Annotated[
        str, Parameter(help="The code of a simulation's plan: carry out exactly that one (dry_run=false, plan=CODE).")
    ] = "",
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
        raise UsageError(f"There is no duty '{duty}'. There are: {', '.join(DUTIES)}.")
    background.attach(environment)
    os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "flows,tasks")  # the duty's own lines, when it runs here
    from deployments import parameters
    from deployments.catalogue import flow_of
    from tasks.adapters import prefect_api
    from tasks.environment import load

    settings = load(environment)
    agreed = (f"plan={plan}", "dry_run=false") if plan else ()
    chosen = parameters.read(flow_of(duty), (*param, *agreed))
    if here:
        return _run_here(duty, environment, chosen, as_json=as_json)
    if environment != settings.name:  # a file: the worker must find it too
        chosen[parameters.ENVIRONMENT] = str(Path(environment).resolve())
    prefect_api.check()
    run_id = prefect_api.create_run(duty, settings.name, chosen, from_ci=ci, key=key or None)
    return _follow(duty, run_id, timeout, as_json=as_json)


@app.command
def apply(*, environment: Env = "lab", as_json: AsJson = False) -> int:
    """Make the Prefect server equal to the catalogue of one environment; a second call changes nothing."""
    background.attach(environment)
    from deployments.apply import apply as bring

    terminal.show_rows(bring(environment), as_json=as_json)
    return 0


@app.command
def preflight(*, environment: Env = "lab", as_json: AsJson = False) -> int:
    """Check, changing nothing, that this machine has what the duties of an environment need. Exit 0 only if all is."""
    background.attach(environment)
    from deployments.preflight import checks

    rows = checks(environment)
    terminal.show_rows(rows, as_json=as_json)
    return 0 if all(row.state != "not ready" for row in rows) else 1


@app.command
def backup(database: str, /, *, environment: Env = "lab", as_json: AsJson = False) -> int:
    """Take a backup of a database with its signed manifest, for cron or by hand; needs no Prefect server.

    Exit codes: 0 done, 1 failed (the message says whether a backup was stored), 2 refused (usage, settings).

    Parameters
    ----------
    database
        A name in [backup.databases] of the environment, with a `source` to read it from.

    """
    background.attach(environment)
    from deployments import backing_up

    settings = backing_up.settings_for(environment, database)
    with terminal.told(as_json=as_json, code=FAILED):
        taken = backing_up.take(settings, database)
    if as_json:
        terminal.console.print_json(data=backing_up.as_json(taken))
    else:
        for line in backing_up.lines(taken):
            terminal.show(line)
    return 0


@lab.command
def up(*, as_json: AsJson = False) -> int:
    """Start the lab, a Prefect server and a worker in the background, bring the deployments to it, say where all is."""
    with terminal.errors.status("Starting the lab, a Prefect server and a worker (about half a minute)"):
        state = background.up()
    if as_json:
        terminal.console.print_json(data={"addresses": state.addresses, "backups": state.backups})
    else:
        terminal.show(f"Prefect UI  {state.addresses['prefect']}\nInbox       {state.addresses['inbox']}")
        terminal.show("Try: marias run backup-restore-test    End it: marias lab down")
    return 0


@lab.command
def down(*, as_json: AsJson = False) -> int:
    """End the lab that `up` started, and delete what it made; when none is up, that is said and is no error."""
    ended = background.down()
    if as_json:
        terminal.console.print_json(data={"ended": ended})
    else:
        terminal.show("The lab is down." if ended else "No lab is up.")
    return 0


@app.command
def demo(duty: str = "", /) -> int:
    """Run the duties (or one) in a lab of its own, and compare how they end with how they should. Exit 0 if all do."""
    from deployments import demo as showing

    return showing.main(terminal.console, duty)


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
    if not folder:
        background.attach(environment)
    from deployments import verifying

    verification = verifying.verify(environment, folder, public_key)
    if as_json:
        terminal.console.print_json(data=verifying.as_json(verification), default=str)
    else:
        for line in verifying.lines(verification):
            terminal.show(line)
    return 1 if verifying.broken(verification) else 0


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit with its code."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        with terminal.told(as_json="--json" in given):
            code = app(given, result_action="return_value")
    except KeyboardInterrupt:
        terminal.say("Interrupted.")
        code = INTERRUPTED
    sys.exit(code)


def _run_here(duty: str, environment: str, chosen: dict[str, object], *, as_json: bool) -> int:
    from deployments import breakglass, following

    terminal.say("BREAK-GLASS: this run has no server and no watcher; its evidence and its notice will say so.")
    try:
        state = breakglass.run(duty, environment, chosen)
    except KeyboardInterrupt:
        terminal.say("Interrupted: the run has ended, and was closed as such unless an error above says otherwise.")
        return INTERRUPTED
    code = following.EXIT_CODES.get(state.name or "", following.DEAD)
    _end(code, state.name or "", state.message or "", str(state.state_details.flow_run_id), as_json=as_json)
    if state.name not in following.EXIT_CODES:
        terminal.say("BREAK-GLASS: no sweep looks at this run again. Keep this text.")
    return code


def _follow(duty: str, run_id: str, minutes: float, *, as_json: bool) -> int:
    from deployments import following
    from deployments.words import tell

    shown_on = terminal.errors if as_json else terminal.console
    try:
        run = following.watch(shown_on, duty, run_id, timeout_seconds=minutes * 60)
    except KeyboardInterrupt:
        code, name, message = INTERRUPTED, "", f"Not followed any more; the run goes on: {following.page(run_id)}"
    except TransientError as error:
        said = tell(error.code, error.subject, error.data)
        code, name, message = following.STILL_RUNNING, "", f"{said.message}\n{said.safe}\n{said.remedy}"
    else:
        code, name, message = following.exit_code(run), run.state_name, run.state_message
    _end(code, name, message, run_id, as_json=as_json)
    return code


def _end(code: int, name: str, message: str, run_id: str, *, as_json: bool) -> None:
    if as_json:
        data = {"exit_code": code, "state": name, "message": message, "flow_run_id": run_id}
        terminal.console.print_json(data=data)
    else:
        terminal.show(message or name)


if __name__ == "__main__":
    main()

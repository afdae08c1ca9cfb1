"""The rotation of SSH keys every 90 days (runbook, section 6)."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from flows.frame import Run, duty
from tasks.core.attempt import Trigger
from tasks.core.errors import OperatorError
from tasks.core.findings import Outcome, judge
from tasks.secret_sync import steps as sync
from tasks.secret_sync.model import changes_of, trouble_of
from tasks.ssh import report, rules, steps, wording
from tasks.ssh.model.keys import Keys
from tasks.ssh.model.memory import Memory
from tasks.ssh.model.plan import PurposePlan, Survey
from tasks.ssh.model.rotated import FirstSeen, Rotated
from tasks.ssh.rules import due, findings, planning

LOOK, WORK = (5, 30), (30, 90)  # per cent of a run


@duty("ssh-rotation", wording=wording.WORDING, report=report.build)
def ssh_rotation(  # noqa: PLR0913 - one keyword per field of the form
    run: Run,
    *,
    purpose: Annotated[
        str, Field(title="Finalidade", description="Nome em [ssh.purposes], por exemplo deploy. Vazio: todas.")
    ] = "",
    rotate_now: Annotated[
        bool, Field(title="Trocar agora", description="Troca a chave mesmo que ainda não tenha vencido.")
    ] = False,
    compromised: Annotated[
        bool,
        Field(
            title="Chave comprometida",
            description="Emergência: remove a chave atual de cada conta assim que a nova foi provada nela.",
        ),
    ] = False,
    dry_run: Annotated[bool, Field(title="Simulação", description="Só mostra o plano; nada é alterado.")] = False,
    plan: Annotated[
        str, Field(title="Plano combinado", description="Código do plano de uma simulação: qualquer outro é recusado.")
    ] = "",
) -> Outcome:
    """Replace the operations keys of each purpose, prove the new ones, and prove that the old ones open nothing.

    Reads: stored keys (Secrets Manager), what each sshd answers, files of authorized keys, the last inventory.
    Changes: authorized_keys on hosts, stages of secrets, the copy of a key that CI uses; nothing in a simulation.
    Output: verdict, what each account answered before and after, the plan and its digest, every key that was found.
    Impact of failure: the old keys go on working; the next working morning finishes what is half done.
    """
    cfg, asked = run.settings.ssh, {"purpose": purpose, "rotate_now": rotate_now, "compromised": compromised}
    run.progress(0, wording.READING)
    keys, unread = _keys(run, due.purposes(cfg, purpose))
    if not keys:
        raise unread[0]
    unattended = run.attempt.trigger is Trigger.SCHEDULE
    why = due.due(keys, cfg, unattended=unattended, rotate_now=rotate_now, compromised=compromised)
    if not why and not unread:
        return judge((), result="nothing_due", measures=rules.ages(keys))

    first = _first_seen(run)
    others, unknown = _keys(run, [name for name in cfg.purposes if name not in {each.purpose for each in keys}])
    memory, wanted = Memory[Any](), [each for each in keys if each.purpose in why]
    here = [_Here(run=run, memory=memory, number=number, of=len(wanted)) for number in range(len(wanted))]
    surveys = tuple(_surveyed(at, each, trial=not dry_run) for at, each in zip(here, wanted, strict=True))
    planned = planning.agreed(surveys, why, plan)
    done = tuple(
        _carried_out(at, Rotated(part=part, keys=survey.keys, before=survey.seen), dry_run=dry_run)
        for at, part, survey in zip(here, planned.purposes, surveys, strict=True)
    )
    standing, owners = rules.standing(done, (*keys, *others), cfg, first or ()), not (unread or unknown)
    return judge(
        tuple(rules.all_findings(done, (*keys, *others), unread, standing, cfg, owners=owners)),
        result=rules.result(planned, dry_run=dry_run),
        subject=report.command(planned, run.attempt.environment, **asked) if dry_run else report.subject(planned),
        changes=tuple(rules.changes(done)),
        coverage=tuple(findings.coverage(() if dry_run else done, past_read=first is not None, owners=owners)),
        measures=rules.measures(planned, done, keys),
        tables=report.tables(done, standing, _copies(run, planned.purposes) if dry_run else ()),
    )


def _keys(run: Run, purposes: Collection[str]) -> tuple[tuple[Keys, ...], tuple[OperatorError, ...]]:
    """Read the keys of purposes; what is wrong with one keeps no other from its rotation."""
    keys, unread = list[Keys](), list[OperatorError]()
    for purpose in purposes:
        try:
            found = steps.read_keys(run.settings.ssh, run.settings.aws, purpose)
            secret = run.settings.ssh.purposes[purpose].secret
            keys.append(due.of_environment(found, secret, run.settings.name))
        except OperatorError as error:
            unread.append(error)
    return tuple(keys), tuple(unread)


def _first_seen(run: Run) -> tuple[FirstSeen, ...] | None:
    """Read since when keys stand on accounts; an inventory that cannot be read holds up no rotation, least in need."""
    try:
        return steps.first_seen(run.settings.aws, run.settings.evidence, run.attempt)
    except OperatorError:
        return None


def _copies(run: Run, parts: Sequence[PurposePlan]) -> tuple[tuple[str, str], ...]:
    cfg, sync_cfg = run.settings.ssh, run.settings.secret_sync
    purposes = [part.purpose for part in parts if part.possible]
    return tuple((name, copy.place) for name in purposes for copy in sync_cfg.of(cfg.purposes[name].secret))


class _Here(NamedTuple):
    """A run at one of its purposes (the `number`th `of` all), and what its look at accounts leaves to the adding."""

    run: Run
    memory: Memory[Any]
    number: int
    of: int


def _surveyed(here: _Here, keys: Keys, *, trial: bool) -> Survey:
    cfg, aws = here.run.settings.ssh, here.run.settings.aws
    told = _told(here, LOOK, f"{wording.LOOKING}: {keys.purpose}")
    return steps.survey(cfg, aws, keys.purpose, told, memory=here.memory, trial=trial)


def _carried_out(here: _Here, done: Rotated, *, dry_run: bool) -> Rotated:
    """Go through the phases of a purpose's rotation until one of them cannot be left behind."""
    for phase in () if dry_run or not done.part.possible else PHASES:
        try:
            done = phase(here, done)
        except OperatorError as error:
            return replace(done, trouble=error)
        if done.waiting or done.left or done.trouble:
            break
    return done


def _stage(here: _Here, done: Rotated) -> Rotated:
    settings = here.run.settings
    return replace(done, keys=steps.stage(settings.ssh, settings.aws, done.part, settings.name))


def _add(here: _Here, done: Rotated) -> Rotated:
    cfg, aws, part = here.run.settings.ssh, here.run.settings.aws, done.part
    told = _told(here, WORK, f"{wording.ADDING}: {part.purpose}", 0, 2)
    seen = steps.add(cfg, aws, part.targets, part.why, told, memory=here.memory) if part.targets else ()
    done = done.after(part.targets, seen)
    return replace(done, waiting=planning.missing(done.keys, done.seen, part.why, cfg))


def _promote(here: _Here, done: Rotated) -> Rotated:
    cfg, aws, verified = here.run.settings.ssh, here.run.settings.aws, done.keys.wanted.id
    return replace(done, keys=steps.promote(cfg, aws, done.part.purpose, verified=verified))


def _copy(here: _Here, done: Rotated) -> Rotated:
    """Give CI the key that now is current: before the old one is removed, so that no deploy is locked out."""
    settings = here.run.settings
    secret = settings.ssh.purposes[done.part.purpose].secret
    copies = sync.refresh_copies(settings.secret_sync, settings.aws, settings.github, secret)
    return replace(done, copies=changes_of(copies), trouble=trouble_of(copies))


def _prove(here: _Here, done: Rotated) -> Rotated:
    cfg, aws, targets = here.run.settings.ssh, here.run.settings.aws, done.unproved
    told = _told(here, WORK, f"{wording.PROVING}: {done.part.purpose}", 1, 2)
    seen = steps.prove(cfg, aws, targets, done.part.why, told) if targets else ()
    return done.after(targets, seen)


def _settle(here: _Here, done: Rotated) -> Rotated:
    wanted = done.keys.wanted.id if done.proved else ""
    keys = steps.settle(here.run.settings.ssh, here.run.settings.aws, done.part.purpose, proved=wanted)
    return replace(done, keys=keys)


PHASES = (_stage, _add, _promote, _copy, _prove, _settle)


def _told(
    here: _Here, percent: tuple[float, float], text: str, part: int = 0, parts: int = 1
) -> Callable[[int, int], None]:
    """Return a function that shows how many accounts are done.

    Between two percentages of the run each purpose has its share, and in it one of `parts` equal parts.
    """
    begin, end = percent
    share = (end - begin) / here.of / parts
    begin += share * (here.number * parts + part)
    return lambda number, of: here.run.progress(begin + share * number / of, f"{text}: {number}/{of}")

"""The quarterly backup restore test (runbook, section 6)."""

import datetime as dt
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from flows.frame import Run, duty
from tasks.backup import report, rules, steps, wording
from tasks.backup.model.drill import Archive, Drill, Proof
from tasks.backup.model.found import Fault
from tasks.backup.rules import Span, Tested, choice
from tasks.core.errors import OperatorError
from tasks.core.findings import Finding, Outcome, judge


@duty("backup-restore-test", wording=wording.WORDING, report=report.build)
def backup_restore_test(
    run: Run,
    database: Annotated[
        str,
        Field(title="Banco", description="Nome de um banco configurado. Vazio: todos, ou o dono do backup pedido."),
    ] = "",
    backup: Annotated[
        str,
        Field(title="Backup a testar", description="Chave do objeto no bucket de backups. Vazio: o mais recente."),
    ] = "",
    date: Annotated[
        str,
        Field(title="Data", description="O mais recente que chegou até este dia (AAAA-MM-DD). Vazio: até agora."),
    ] = "",
) -> Outcome:
    """Restore the newest backup of each database into a throwaway PostgreSQL and prove that all came back.

    Reads: the bucket of backups; manifests; the evidence of earlier tests; the live structure where asked for.
    Changes: nothing that outlives the run; the throwaway server and the copy are destroyed in every case.
    Output: verdict, findings, RTO and RPO measured with their trend, what was proved and on what knowledge.
    Impact of failure: nobody knows whether the backups can be restored; production is not touched.
    """
    cfg = run.settings.backup
    names, day = choice.databases(cfg, database, backup), choice.day(date)
    several, tests, untested = len(cfg.databases) > 1, list[Tested](), list[Finding]()
    for number, name in enumerate(names):
        try:
            tests.append(_test(run, name, backup, day, Span(number, len(names))))
        except OperatorError as error:  # one database's trouble keeps no other from its test
            if len(names) == 1:
                raise
            untested.append(rules.untested(name, error))
    return judge(
        [*untested, *(finding for test in tests for finding in rules.findings_of(test, several=several))],
        subject=", ".join(test.drill.found.key for test in tests),
        coverage=[entry for test in tests for entry in test.coverage],
        measures=rules.measures_of(tests, several=several),
        tables=[table for test in tests for table in report.tables(test, several=several)],
        charts=[chart for test in tests for chart in report.charts(test, several=several)],
    )


def _test(run: Run, database: str, backup: str, day: dt.date | None, part: Span) -> Tested:
    cfg, aws, evidence = run.settings.backup, run.settings.aws, run.settings.evidence

    run.progress(part.at(0), wording.FINDING)
    found = steps.find_backup(cfg, aws, database, backup, day)
    beside = steps.read_beside(cfg, aws, evidence, run.attempt.environment, found)
    roles = steps.read_globals(cfg, aws, found)
    past = steps.earlier_tests(aws, evidence, run.attempt, database, several=len(cfg.databases) > 1)

    with steps.throwaway_folder(cfg, found) as folder:
        run.progress(part.at(5), wording.FETCHING)
        fetched = steps.download(cfg, aws, found, folder)
        drill = Drill(found=found, fetched=fetched, archive=Archive(), beside=beside, globals=roles)
        programs = steps.programs_for(cfg, folder, fetched)
        if isinstance(programs, Fault):
            drill = replace(drill, archive=Archive(fault=programs))
        else:
            run.progress(part.at(20), wording.STARTING)
            with steps.throwaway_server(programs, folder) as server:
                drill = _restored(run, drill, server, part)
    run.progress(part.at(95), wording.DESTROYED)
    return rules.tested(drill, cfg.databases[database], past)


def _restored(run: Run, drill: Drill, server: steps.Server, part: Span) -> Drill:
    cfg, aws, database = run.settings.backup, run.settings.aws, drill.found.database

    archive = steps.read_archive(cfg, server, drill.fetched)
    drill = replace(drill, archive=archive, place=steps.place_of(server))
    if archive.fault:
        return drill
    run.progress(part.at(30), wording.RESTORING)
    restored = steps.restore(cfg, server, drill.fetched, archive, drill.globals)
    run.progress(part.at(60), wording.COMPARING)
    inside, there = steps.read_both(cfg, server, drill.fetched)
    run.progress(part.at(80), wording.EXAMINING)
    examined = steps.examine(cfg, server, database, there)
    live = steps.read_live(cfg, aws, server, database)
    return replace(drill, proof=Proof(restore=restored, data=inside, restored=examined, live=live))

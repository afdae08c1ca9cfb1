"""The quarterly backup restore test (runbook, section 6)."""

from typing import Annotated

from pydantic import Field

from flows.frame import Run, duty
from tasks.backup import report, rules, steps, wording
from tasks.backup.model.facts import Drill, Proof
from tasks.core.findings import Outcome, judge


@duty("backup-restore-test", wording=wording.WORDING, report=report.build)
def backup_restore_test(
    run: Run,
    backup: Annotated[
        str,
        Field(
            title="Backup a testar",
            description="Chave do objeto no bucket de backups. Vazio: o mais recente.",
        ),
    ] = "",
) -> Outcome:
    """Restore the newest backup into a throwaway PostgreSQL and compare what came back with what the archive holds.

    Reads: the bucket of backups.
    Changes: nothing that outlives the run; the throwaway server and the copy are destroyed in every case.
    Output: verdict, findings, RTO and RPO measured, rows and sequences side by side.
    Impact of failure: nobody knows whether the backups can be restored; production is not touched.
    """
    cfg, aws = run.settings.backup, run.settings.aws

    run.progress(0, wording.FINDING)
    found = steps.find_backup(cfg, aws, backup)

    run.progress(5, wording.STARTING)
    with steps.throwaway_cluster(cfg, found) as server:
        run.progress(10, wording.FETCHING)
        fetched = steps.download(cfg, aws, found, server)
        archive = steps.read_archive(cfg, server)
        proof = None
        if archive.fault is None:
            run.progress(30, wording.RESTORING)
            restored = steps.restore(cfg, server)
            run.progress(70, wording.VERIFYING)
            data = steps.read_archive_data(cfg, server)
            database = steps.read_database(cfg, server)
            proof = Proof(restore=restored, data=data, database=database)
    run.progress(95, wording.DESTROYED)

    drill = Drill(found=found, fetched=fetched, archive=archive, proof=proof)
    findings = (
        *rules.wrong_object(drill, cfg),
        *rules.unreadable(drill),
        *rules.lost_lines(drill),
        *rules.missing_tables(drill, cfg),
        *rules.row_counts(drill),
        *rules.sequences(drill),
        *rules.staleness(drill, cfg),
        *rules.too_slow(drill, cfg),
    )
    return judge(
        findings,
        subject=found.key,
        coverage=rules.coverage(drill),
        measures=rules.measures(drill),
        tables=report.tables(drill),
    )

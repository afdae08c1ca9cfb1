"""The table of duties: each is named here once."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One duty of the runbook.

    `id` names its deployment, command, evidence and pages; `flow` is its module in flows/; `wording` the module of
    its words; `channel` a key of [slack.channels]; `limit` the longest a run may honestly take.
    """

    id: str
    flow: str
    wording: str
    channel: str
    limit: timedelta


DUTIES: dict[str, Duty] = {
    duty.id: duty
    for duty in (
        Duty(
            id="backup-restore-test",
            flow="flows.backup_restore_test",
            wording="tasks.backup.wording",
            channel="operations",
            limit=timedelta(hours=3),
        ),
        Duty(
            id="ssh-rotation",
            flow="flows.ssh_rotation",
            wording="tasks.ssh.wording",
            channel="operations",
            limit=timedelta(hours=3),
        ),
    )
}

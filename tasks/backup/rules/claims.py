"""What a test claims to prove, on what knowledge each claim rests, and why a claim could not be judged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tasks.backup.model.drill import Drill
from tasks.backup.model.manifest import Trust
from tasks.backup.model.told import Against
from tasks.backup.rules import archive, policy, restore
from tasks.backup.rules.soundness import SEVERITIES
from tasks.backup.settings import Database
from tasks.core.findings import Coverage, Finding

DIFFERENT = ("backup.object_missing", "backup.object_unexpected", "backup.definition_changed")
ROWS = ("backup.row_count_mismatch", "backup.values_changed", "backup.large_objects_mismatch")
SEQUENCES = ("backup.sequence_missing", "backup.sequence_mismatch")
NOT_DONE = "backup.why.not_done"
# The findings that break each claim.
BREAKING: Mapping[str, tuple[str, ...]] = {
    "backup.archive": (*archive.BROKEN.values(), "backup.wrong_database", "backup.checksum_mismatch"),
    "backup.restored": ("backup.restore_refused", "backup.restore_unexplained"),
    "backup.structure": DIFFERENT,
    "backup.rows": (*ROWS, "backup.nothing_dumped", "backup.schema_only", "backup.rows_not_dumped"),
    "backup.sequences": SEQUENCES,
    "backup.soundness": (*SEVERITIES, "backup.invalid_text"),
    "backup.completeness": (*DIFFERENT, *ROWS, *SEQUENCES, "backup.altered", "backup.index_omitted"),
    "backup.roles": ("backup.role_missing",),
    "backup.live": DIFFERENT,
    "backup.freshness": ("backup.no_new_backup", "backup.old_archive", "backup.old_rows", "backup.no_newest_row"),
    "backup.assertions": ("backup.assertion_failed", "backup.assertion_error"),
    "backup.command": ("backup.command_failed",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One thing that a test claims: `why` is why it was not judged ("" when it was), `asked` whether it should be.

    `required`: without it nothing is proved.
    """

    what: str
    knowledge: Against
    why: str
    required: bool = False
    asked: bool = True

    def broken_by(self, findings: Iterable[Finding]) -> int:
        """Return how many findings speak against it."""
        against = (getattr(f.data, "against", self.knowledge) for f in findings if f.rule in BREAKING[self.what])
        return sum(held is self.knowledge for held in against)


def claims(drill: Drill, database: Database) -> tuple[Claim, ...]:
    """Return every claim of the test, in the order of a report."""
    artefact, proof, fault = Against.ARTEFACT, drill.proof, archive.fault(drill)
    beyond = archive.BEYOND_US.get(fault, "") if fault else ""
    unread = beyond or restore.beyond_us(drill) or ("" if archive.read_whole(drill) else "backup.why.archive_broken")
    uncompared = unread or ("backup.why.restored_unread" if proof and proof.restored.reading.fault else "")
    manifest = drill.beside.manifest is not None
    inserts = bool(proof and proof.data.contents.inserts)
    columns = sum(column.exists for column in policy.newest(drill))
    column = "" if columns == len(database.newest_row) else "backup.why.no_column"
    newest = drill.found.newest
    roles = "" if archive.known_roles(drill, database) is not None else "backup.why.roles_unknown"
    missing = "backup.why.no_manifest" if drill.beside.trust is Trust.NONE else "backup.why.manifest_unusable"
    unasked = "backup.why.live_unread" if database.compare_live else "backup.why.not_asked"
    no_live = "" if proof and proof.live and not proof.live.fault else unasked
    return (
        Claim(what="backup.archive", knowledge=artefact, why=beyond, required=True),
        Claim(what="backup.restored", knowledge=artefact, why=unread, required=True),
        Claim(what="backup.structure", knowledge=artefact, why=uncompared, required=True),
        Claim(
            what="backup.rows",
            knowledge=artefact,
            why=uncompared or ("backup.why.not_copy" if inserts else ""),
            required=True,
            asked=not (inserts and manifest),
        ),
        Claim(what="backup.sequences", knowledge=artefact, why=uncompared, required=True),
        Claim(what="backup.soundness", knowledge=artefact, why=unread, required=True),
        Claim(
            what="backup.completeness",
            knowledge=Against.MANIFEST,
            why=uncompared or ("" if manifest else missing),
            asked=drill.beside.trust is not Trust.NONE or database.manifest_required,
        ),
        Claim(what="backup.roles", knowledge=Against.POLICY, why=unread or roles, asked=not roles),
        Claim(what="backup.live", knowledge=Against.LIVE, why=uncompared or no_live, asked=database.compare_live),
        Claim(
            what="backup.freshness",
            knowledge=Against.POLICY,
            why=unread or column or ("" if newest else "backup.why.older"),
            required=True,
            asked=newest,
        ),
        *_statements(drill, database, unread),
    )


def _statements(drill: Drill, database: Database, unread: str) -> tuple[Claim, ...]:
    # What the team states itself: no claim where it states nothing.
    restored = drill.proof.restored if drill.proof else None
    asked = restored.answers if restored else ()
    answers = [answer for answer in asked if not answer.sqlstate.startswith(policy.UNFIT)]
    unfit = len(asked) - len(answers)
    made = {
        "backup.assertions": (len(database.assertions), len(answers), "backup.why.unfit" if unfit else NOT_DONE),
        "backup.command": (int(database.command is not None), int(bool(restored and restored.command)), NOT_DONE),
    }
    return tuple(
        Claim(
            what=what,
            knowledge=Against.POLICY,
            why=unread or ("" if done == wanted else why),
            required=True,
        )
        for what, (wanted, done, why) in made.items()
        if wanted
    )


def coverage(drill: Drill, database: Database) -> tuple[Coverage, ...]:
    """Return what had to be judged, and why what could not be was not."""
    name = drill.found.database
    asked = (
        Coverage(what=c.what, required=c.required, assessed=not c.why, why=c.why, subject=name)
        for c in claims(drill, database)
        if c.asked
    )
    unchecked = (
        Coverage(what=u.check, required=False, assessed=False, why=u.why, subject=u.subject or name)
        for u in (drill.proof.restored.unchecked if drill.proof else ())
    )
    privileged = (
        Coverage(what="backup.privileged", required=False, assessed=False, why="backup.why.privileged", subject=subject)
        for subject in restore.privileged(drill)
    )
    return (*asked, *unchecked, *privileged)

"""The facts of a restore test judged: findings, claims, measures. Pure; now is when the backup was found."""

from collections.abc import Iterator, Sequence

from tasks.backup.model.drill import Drill, Past
from tasks.backup.model.told import Against
from tasks.backup.rules import archive, bucket, differences, history, manifest, policy, restore, soundness
from tasks.backup.rules.claims import claims, coverage
from tasks.backup.rules.measures import measures, of_all
from tasks.backup.rules.tested import Span, Tested, findings_of, untested
from tasks.backup.settings import Database
from tasks.core.findings import Finding

__all__ = ["Span", "Tested", "findings", "findings_of", "measures_of", "tested", "untested"]


def tested(drill: Drill, database: Database, past: tuple[Past, ...]) -> Tested:
    """Judge one database's test."""
    return Tested(
        drill=drill,
        database=database,
        past=past,
        findings=findings(drill, database, past),
        claims=claims(drill, database),
        coverage=coverage(drill, database),
        measures=measures(drill),
    )


def measures_of(tests: Sequence[Tested], *, several: bool) -> dict[str, float]:
    """Return the numbers of a run over several databases."""
    return of_all({test.drill.found.database: test.measures for test in tests}, several=several)


def findings(drill: Drill, database: Database, past: tuple[Past, ...] = ()) -> tuple[Finding, ...]:
    """Return everything that is wrong with one database's backup.

    Of a backup that cannot be read to its end nothing is said of what came back, nor where this machine lacks what the
    restore needs: that is for another machine.
    """
    anywhere = (
        *bucket.size(drill, database),
        *bucket.newer(drill),
        *bucket.checksum(drill),
        *archive.unreadable(drill),
        *archive.wrong_database(drill),
        *archive.roles(drill, database),
        *manifest.manifest_itself(drill, database),
        *manifest.altered(drill),
        *restore.hostile(drill),
        *policy.staleness(drill, database),
        *policy.too_slow(drill, database),
    )
    if archive.fault(drill) or restore.beyond_us(drill):
        return anywhere
    return (
        *anywhere,
        *archive.without_rows(drill, database),
        *restore.refused(drill),
        *restore.unexplained(drill),
        *against_artefact(drill),
        *manifest.against_manifest(drill, database),
        *against_live(drill),
        *soundness.unsound(drill),
        *policy.assertions(drill, database),
        *policy.command(drill),
        *history.unlike_before(drill, measures(drill), past),
    )


def against_artefact(drill: Drill) -> Iterator[Finding]:
    """Yield what is restored otherwise than the archive holds it; nothing where either could not be read to its end."""
    proof = archive.read_whole(drill)
    if not proof or proof.restored.reading.fault:
        return
    inside, restored, against = proof.data.contents, proof.restored.reading.contents, Against.ARTEFACT
    yield from differences.structure(inside, restored, against, restore.left_out(drill))
    if not inside.inserts:
        yield from differences.rows(inside, restored, against)
    yield from differences.large_objects(inside, restored, against)
    yield from differences.sequences(inside, restored, against)


def against_live(drill: Drill) -> Iterator[Finding]:
    """Yield in what the restored structure is not the live database's."""
    proof = archive.read_whole(drill)
    if proof and proof.live and not proof.live.fault and not proof.restored.reading.fault:
        there, spared = proof.restored.reading.contents, restore.left_out(drill)
        yield from differences.structure(proof.live.contents, there, Against.LIVE, spared)

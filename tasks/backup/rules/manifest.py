"""The backup held against what was written down when it was taken."""

from collections.abc import Iterator, Mapping

from tasks.backup.formats.names import canonical
from tasks.backup.model.contents import Contents
from tasks.backup.model.drill import Drill
from tasks.backup.model.manifest import Trust
from tasks.backup.model.told import Against, OtherKey, Sums
from tasks.backup.rules import differences, restore
from tasks.backup.rules.archive import read_whole
from tasks.backup.settings import Database
from tasks.core.findings import Finding, Severity

UNUSABLE: Mapping[Trust, tuple[str, Severity]] = {
    Trust.BAD_SIGNATURE: ("backup.manifest_bad_signature", Severity.CRITICAL),
    Trust.UNSIGNED: ("backup.manifest_bad_signature", Severity.CRITICAL),
    Trust.UNREADABLE: ("backup.manifest_unreadable", Severity.HIGH),
}


def manifest_itself(drill: Drill, database: Database) -> Iterator[Finding]:
    """Yield what is wrong with the manifest: missing though required, unsigned, another object's, or two that differ.

    A manifest that cannot be trusted is not used.
    """
    beside, key = drill.beside, drill.found.key
    if beside.trust is Trust.NONE and database.manifest_required:
        yield Finding(rule="backup.manifest_missing", severity=Severity.CRITICAL, subject=key)
    if beside.trust in UNUSABLE:
        rule, severity = UNUSABLE[beside.trust]
        yield Finding(rule=rule, severity=severity, subject=key)
    if beside.trust is Trust.FOREIGN:
        other = OtherKey(key=beside.key_named)
        yield Finding(rule="backup.manifest_foreign", severity=Severity.HIGH, subject=key, data=other)
    if beside.differ:
        yield Finding(rule="backup.manifests_differ", severity=Severity.CRITICAL, subject=key)


def altered(drill: Drill) -> Iterator[Finding]:
    """Yield that the object is not the one that was dumped, and which indexes never were."""
    manifest = drill.beside.manifest
    if not manifest:
        return
    if drill.fetched.sha256 and drill.fetched.sha256 != manifest.sha256:
        sums = Sums(expected=manifest.sha256, found=drill.fetched.sha256)
        yield Finding(rule="backup.altered", severity=Severity.CRITICAL, subject=drill.found.key, data=sums)
    for index in manifest.omitted:
        yield Finding(rule="backup.index_omitted", severity=Severity.HIGH, subject=index)


def against_manifest(drill: Drill, database: Database) -> Iterator[Finding]:
    """Yield what is not as it was when the backup was taken: objects, rows, values, sequences."""
    manifest, contents = drill.beside.manifest, _contents(drill)
    if manifest and contents:
        spared = {canonical(name) for name in database.without_data}
        taken, against = manifest.contents, Against.MANIFEST
        yield from differences.structure(taken, contents, against, restore.left_out(drill))
        yield from differences.rows(taken, contents, against, spared)
        yield from differences.large_objects(taken, contents, against)
        yield from differences.sequences(taken, contents, against)


def _contents(drill: Drill) -> Contents | None:
    # The archive's own words, as they were written beside the manifest; INSERTs can only be compared once restored.
    proof = read_whole(drill)
    if not proof or not proof.data.contents.inserts:
        return proof.data.contents if proof else None
    restored = proof.restored.reading
    return None if restored.fault else restored.contents

"""The ledger's verifier: every way of tampering that it is there for, by hand on a real bucket or its copy."""

import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from deployments.lab.aws import LabAws
from tasks.adapters.signing import Signer
from tasks.core.errors import NO_DATA, OperatorError
from tasks.core.findings import Coverage, Finding, Severity, Verdict
from tasks.core.secret import Secret
from tasks.evidence import ledger
from tasks.evidence.entry import read, statement
from tasks.evidence.flaws import Digests, Fields, Gap, Versions
from tasks.evidence.store import FolderStore
from tasks.evidence.verify import Verification, verify
from tests.tasks.evidence.world import World, new_world, private_key
from tests.tasks.evidence.writer import STARTED, attempt, close, files, outcome

LEDGER = "lab/ledger"
FIRST, SECOND, THIRD = (f"{LEDGER}/0000000{number}.json" for number in (1, 2, 3))
SIGNERS = f"{LEDGER}/allowed_signers"
RUN_2 = attempt("run-2").prefix


def flaw(rule: str, subject: str, data: object = NO_DATA, severity: Severity = Severity.CRITICAL) -> Finding:
    return Finding(rule=rule, severity=severity, subject=subject, data=data)


def rewritten(key: str, versions: int, markers: int = 0) -> Finding:
    return flaw("ledger.key_rewritten", key, Versions(versions=versions, delete_markers=markers))


def digest(body: bytes) -> str:
    return sha256(body).hexdigest()


def flipped(body: bytes, at: int = -2) -> bytes:
    changed = bytearray(body)
    changed[at] ^= 1
    return bytes(changed)


def entry_bytes(world: World, key: str) -> bytes:
    body = world.store.get(key)
    assert body is not None
    return body


def signature_of(world: World, key: str) -> str:
    return f"{LEDGER}/signatures/{key[-13:-5]}-{digest(entry_bytes(world, key))}.sig"


def check(world: World) -> Verification:
    return verify(world.store, "lab", world.signer.public_key)


def test_an_untouched_ledger_is_whole(closed: World) -> None:
    assert check(closed) == Verification(
        entries=3,
        files=12,
        head=digest(entry_bytes(closed, THIRD)),
        findings=(),
        coverage=(
            Coverage(what="ledger.versions", required=False, assessed=True),
            Coverage(what="ledger.signing_key", required=False, assessed=True),
        ),
    )


def test_an_offline_copy_verifies_equally_and_says_what_it_cannot_know(closed: World, tmp_path: Path) -> None:
    closed.copy_to(tmp_path)
    assert verify(FolderStore(tmp_path), "lab") == Verification(
        entries=3,
        files=12,
        head=digest(entry_bytes(closed, THIRD)),
        findings=(),
        coverage=(
            Coverage(what="ledger.versions", required=False, assessed=False, why="ledger.offline_copy"),
            Coverage(what="ledger.signing_key", required=False, assessed=False, why="ledger.key_beside_ledger"),
        ),
    )


def test_a_bucket_without_versions_is_verified_and_says_so(cloud: LabAws) -> None:
    world = new_world(cloud, versioned=False)
    close(world.store, world.signer, attempt("run-1"))
    found = check(world)
    assert found.findings == ()
    assert found.coverage[0] == Coverage(
        what="ledger.versions", required=False, assessed=False, why="ledger.not_versioned"
    )


def test_progress_counts_every_entry(closed: World) -> None:
    seen: list[tuple[int, int]] = []
    verify(closed.store, "lab", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("name", ["outcome.json", "report.html", "tables.csv", "notices.json"])
def test_a_flipped_byte_in_a_file_of_a_run_is_named(closed: World, name: str) -> None:
    body = files(attempt("run-2"))[f"{RUN_2}{name}"]
    closed.put(f"{RUN_2}{name}", flipped(body))
    assert check(closed).findings == (
        flaw("ledger.file_changed", f"{RUN_2}{name}", Digests(expected=digest(body), found=digest(flipped(body)))),
    )


def test_a_flipped_byte_in_an_entry_is_named_first_and_breaks_the_chain_after_it(closed: World) -> None:
    body = entry_bytes(closed, SECOND)
    at = body.index(b'"passed"') + 1
    closed.put(SECOND, flipped(body, at))
    assert check(closed).findings == (
        flaw("ledger.entry_changed", SECOND),
        flaw("ledger.entry_unreadable", SECOND),
        rewritten(SECOND, 2),
        flaw("ledger.chain_broken", THIRD, Digests(expected=digest(flipped(body, at)), found=digest(body))),
        flaw("ledger.attempt_without_entry", RUN_2, severity=Severity.INFO),
    )


def test_an_entry_that_tells_another_verdict_is_named(closed: World) -> None:
    body = entry_bytes(closed, SECOND)
    forged = body.replace(b'"verdict":"passed"', b'"verdict":"failed"')
    closed.put(SECOND, forged)
    assert check(closed).findings == (
        flaw("ledger.entry_changed", SECOND),
        flaw("ledger.outcome_disagrees", f"{RUN_2}outcome.json", Fields(fields="verdict")),
        rewritten(SECOND, 2),
        flaw("ledger.chain_broken", THIRD, Digests(expected=digest(forged), found=digest(body))),
    )


def test_a_flipped_byte_in_a_signature_is_named(closed: World) -> None:
    key = signature_of(closed, SECOND)
    closed.put(key, flipped(entry_bytes(closed, key), 200))
    assert check(closed).findings == (flaw("ledger.signature_invalid", SECOND), rewritten(key, 2))


def test_a_flipped_byte_in_the_key_file_beside_the_ledger_is_named_whoever_is_trusted(closed: World) -> None:
    closed.put(SIGNERS, flipped(entry_bytes(closed, SIGNERS), 3))
    assert check(closed).findings == (flaw("ledger.signers_changed", SIGNERS), rewritten(SIGNERS, 2))
    assert verify(closed.store, "lab").findings == (flaw("ledger.signers_unreadable", SIGNERS), rewritten(SIGNERS, 2))


def test_another_key_beside_the_ledger_fits_no_signature(closed: World) -> None:
    closed.put(SIGNERS, ledger.allowed_signers(Signer(Secret(private_key())).public_key).encode())
    assert verify(closed.store, "lab").findings == (
        rewritten(SIGNERS, 2),
        *(flaw("ledger.signature_invalid", key) for key in (FIRST, SECOND, THIRD)),
    )


def test_no_single_byte_of_a_copy_can_change_unseen(closed: World, tmp_path: Path) -> None:
    closed.copy_to(tmp_path)
    unseen = []
    for place in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        body = place.read_bytes()
        for at in range(0, len(body), max(1, len(body) // 7)):
            place.write_bytes(flipped(body, at))
            if not verify(FolderStore(tmp_path), "lab").findings:
                unseen.append((place, at))
        place.write_bytes(body)
    assert unseen == []
    assert verify(FolderStore(tmp_path), "lab").findings == ()


def test_a_deleted_entry_is_missing_and_its_delete_marker_is_named(closed: World) -> None:
    closed.delete(SECOND)
    assert check(closed).findings == (
        flaw("ledger.entry_missing", SECOND, Gap(count=1)),
        rewritten(SECOND, 1, 1),
        flaw("ledger.attempt_without_entry", RUN_2, severity=Severity.INFO),
    )


def test_a_deleted_entry_is_missing_in_a_bucket_without_versions_too(cloud: LabAws) -> None:
    world = new_world(cloud, versioned=False)
    for run in ("run-1", "run-2", "run-3", "run-4"):
        close(world.store, world.signer, attempt(run))
    for key in (SECOND, THIRD):
        world.delete(key)
    assert check(world).findings == (
        flaw("ledger.entry_missing", SECOND, Gap(count=2)),
        flaw("ledger.attempt_without_entry", RUN_2, severity=Severity.INFO),
        flaw("ledger.attempt_without_entry", attempt("run-3").prefix, severity=Severity.INFO),
    )


class VanishingStore(FolderStore):
    """A copy from which an entry is removed just after it was listed."""

    def get(self, key: str) -> bytes | None:
        """Return what is left."""
        return None if key == SECOND else super().get(key)


def test_an_entry_that_vanishes_while_it_is_verified_is_missing(closed: World, tmp_path: Path) -> None:
    closed.copy_to(tmp_path)
    assert verify(VanishingStore(tmp_path), "lab").findings == (
        flaw("ledger.entry_missing", SECOND, Gap(count=1)),
        flaw("ledger.attempt_without_entry", RUN_2, severity=Severity.INFO),
    )


def test_the_newest_entry_deleted_leaves_its_delete_marker(closed: World) -> None:
    closed.delete(THIRD)
    assert check(closed).findings == (
        rewritten(THIRD, 1, 1),
        flaw("ledger.attempt_without_entry", attempt("run-3").prefix, severity=Severity.INFO),
    )


def test_an_entry_replaced_through_a_delete_marker_is_named_even_with_its_own_bytes(closed: World) -> None:
    body = entry_bytes(closed, SECOND)
    closed.delete(SECOND)
    closed.store.put_new(SECOND, body, "application/json")
    assert check(closed).findings == (rewritten(SECOND, 2, 1),)


def test_an_entry_replaced_by_one_of_a_run_that_never_was_is_named(closed: World) -> None:
    body = entry_bytes(closed, SECOND)
    forged = body.replace(b"run-2", b"run-9")
    closed.delete(SECOND)
    closed.store.put_new(SECOND, forged, "application/json")
    closed.put(f"{attempt('run-9').prefix}x", b"")
    found = [(finding.rule, finding.subject) for finding in check(closed).findings]
    assert found[:2] == [
        ("ledger.entry_changed", SECOND),
        ("ledger.file_missing", f"{attempt('run-9').prefix}notices.json"),
    ]
    assert ("ledger.key_rewritten", SECOND) in found
    assert ("ledger.chain_broken", THIRD) in found


def test_an_entry_appended_without_the_key_is_named(closed: World) -> None:
    head = check(closed).head
    known = read(entry_bytes(closed, THIRD))
    assert known is not None
    predicate = known.predicate.model_copy(update={"flow_run_id": "run-4", "seq": 4, "prev": head})
    of = attempt("run-4")
    subjects = {name: digest(body) for name, body in files(of).items()}
    for name, body in files(of).items():
        closed.put(name, body)
    closed.put(f"{LEDGER}/00000004.json", statement(predicate, subjects).to_json())
    assert check(closed).findings == (flaw("ledger.entry_unsigned", f"{LEDGER}/00000004.json"),)


def test_an_entry_put_in_between_is_named_and_those_pushed_back_are_out_of_place(closed: World) -> None:
    second, third = entry_bytes(closed, SECOND), entry_bytes(closed, THIRD)
    put_in = second.replace(b'"attempt":1', b'"attempt":2')
    closed.put(SECOND, put_in)
    closed.put(THIRD, second)
    closed.put(f"{LEDGER}/00000004.json", third)
    found = [(finding.rule, finding.subject) for finding in check(closed).findings]
    assert found == [
        ("ledger.entry_changed", SECOND),
        ("ledger.outcome_disagrees", f"{RUN_2}outcome.json"),
        ("ledger.key_rewritten", SECOND),
        ("ledger.entry_changed", THIRD),
        ("ledger.entry_misplaced", THIRD),
        ("ledger.chain_broken", THIRD),
        ("ledger.key_rewritten", THIRD),
        ("ledger.entry_unsigned", f"{LEDGER}/00000004.json"),
        ("ledger.entry_misplaced", f"{LEDGER}/00000004.json"),
    ]


def test_two_entries_that_changed_places_with_their_signatures_are_named(closed: World, tmp_path: Path) -> None:
    closed.copy_to(tmp_path)
    one, two = entry_bytes(closed, FIRST), entry_bytes(closed, SECOND)
    for key, body, seq in ((FIRST, two, 1), (SECOND, one, 2)):
        (tmp_path / key).write_bytes(body)
        shutil.copy(next((tmp_path / LEDGER / "signatures").glob(f"*-{digest(body)}.sig")), tmp_path / f"{seq}.tmp")
    for body, seq in ((two, 1), (one, 2)):
        shutil.move(tmp_path / f"{seq}.tmp", tmp_path / LEDGER / "signatures" / f"0000000{seq}-{digest(body)}.sig")
    assert verify(FolderStore(tmp_path), "lab", closed.signer.public_key).findings == (
        flaw("ledger.entry_misplaced", FIRST),
        flaw("ledger.chain_broken", FIRST, Digests(expected="0" * 64, found=digest(one))),
        flaw("ledger.entry_misplaced", SECOND),
        flaw("ledger.chain_broken", SECOND, Digests(expected=digest(two), found="0" * 64)),
        flaw("ledger.chain_broken", THIRD, Digests(expected=digest(one), found=digest(two))),
    )


def test_a_key_that_is_no_entry_in_the_ledger_is_named(closed: World) -> None:
    for name in ("00000002a.json", "00000000.json", "signatures/00000002.sig"):
        closed.put(f"{LEDGER}/{name}", b"{}")
    assert [(finding.rule, finding.subject) for finding in check(closed).findings] == [
        ("ledger.foreign_key", f"{LEDGER}/00000000.json"),
        ("ledger.foreign_key", f"{LEDGER}/00000002a.json"),
        ("ledger.foreign_key", f"{LEDGER}/signatures/00000002.sig"),
    ]


def test_a_removed_file_and_one_added_to_a_closed_attempt_are_named(closed: World) -> None:
    closed.delete(f"{RUN_2}report.html")
    closed.put(f"{attempt('run-1').prefix}extra.csv", b"x")
    assert check(closed).findings == (
        flaw("ledger.file_unnamed", f"{attempt('run-1').prefix}extra.csv", severity=Severity.HIGH),
        flaw("ledger.file_missing", f"{RUN_2}report.html"),
    )


def test_an_attempt_that_is_not_closed_yet_is_told_as_information(closed: World) -> None:
    closed.put(f"{attempt('run-4').prefix}report.html", b"x")
    assert check(closed).findings == (
        flaw("ledger.attempt_without_entry", attempt("run-4").prefix, severity=Severity.INFO),
    )


def test_an_outcome_of_another_attempt_under_a_signed_entry_is_named(world: World) -> None:
    name = f"{attempt('run-1').prefix}outcome.json"
    close(world.store, world.signer, attempt("run-1"), {name: outcome(attempt("run-2", number=2))})
    assert check(world).findings == (flaw("ledger.outcome_disagrees", name, Fields(fields="flow_run_id, attempt")),)


def test_an_outcome_that_is_none_under_a_signed_entry_is_named(world: World) -> None:
    name = f"{attempt('run-1').prefix}outcome.json"
    close(world.store, world.signer, attempt("run-1"), {name: b"{}"})
    assert check(world).findings == (flaw("ledger.outcome_unreadable", name),)


def test_an_attempt_entered_twice_is_named(closed: World) -> None:
    later = STARTED.replace(year=2100)
    subjects = {name: digest(body) for name, body in files(attempt("run-2")).items()}
    ledger.append(closed.store, closed.signer, attempt("run-2"), Verdict.PASSED, subjects, since=later)
    assert check(closed).findings == (flaw("ledger.attempt_twice", f"{LEDGER}/00000004.json"),)


def test_an_environment_without_ledger_is_not_called_whole(world: World) -> None:
    assert check(world).findings == (flaw("ledger.empty", f"{LEDGER}/", severity=Severity.HIGH),)


def test_a_public_key_that_is_none_is_refused(closed: World) -> None:
    with pytest.raises(OperatorError) as caught:
        verify(closed.store, "lab", "ssh-ed25519 AAAA")
    assert (caught.value.code, caught.value.subject) == ("ledger.bad_public_key", "lab")


def test_a_public_key_may_carry_a_comment(closed: World) -> None:
    assert verify(closed.store, "lab", f"{closed.signer.public_key} operações").findings == ()


def test_a_name_that_leads_out_of_the_folder_is_no_entry(closed: World) -> None:
    body = entry_bytes(closed, SECOND)
    for name in (b"lab/../../etc/passwd", b"/etc/passwd", b"./x/y"):
        assert read(body.replace(f"{RUN_2}report.html".encode(), name)) is None

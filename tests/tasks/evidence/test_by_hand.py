"""docs/verify-evidence.md, run as it stands: by hand one finds what `verify` finds."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tasks.evidence.ledger import allowed_signers
from tests.tasks.evidence.world import World
from tests.tasks.evidence.writer import attempt

DOCUMENT = Path(__file__).parents[3] / "docs" / "verify-evidence.md"
NEEDED = ("bash", "ssh-keygen", "sha256sum")

pytestmark = pytest.mark.skipif(not all(map(shutil.which, NEEDED)), reason=f"needs {', '.join(NEEDED)}")


@pytest.fixture
def copy(closed: World, tmp_path: Path) -> Path:
    closed.copy_to(tmp_path)
    (tmp_path / "trusted_signers").write_text(allowed_signers(closed.signer.public_key), encoding="utf-8")
    return tmp_path


def by_hand(copy: Path) -> list[str]:
    """Run the page's commands in a copy; return what they complain of."""
    script = "\n".join(
        re.findall(r"^```sh\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    )
    bash = shutil.which("bash") or ""
    done = subprocess.run(
        [bash, "-c", script],
        cwd=copy,
        env={"E": "lab", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "3 entries; SHA-256 of the newest: " in done.stdout or "BAD NUMBER" in done.stdout
    return [line for line in done.stdout.splitlines() if line.startswith(("BAD", "UNNAMED"))]


def test_by_hand_an_untouched_copy_is_whole(copy: Path) -> None:
    assert by_hand(copy) == []


def test_by_hand_a_changed_and_a_removed_file_are_found(copy: Path) -> None:
    changed, removed = f"{attempt('run-1').prefix}report.html", f"{attempt('run-2').prefix}tables.csv"
    (copy / changed).write_text("x", encoding="utf-8")
    (copy / removed).unlink()
    assert by_hand(copy) == [f"BAD FILE: {changed}: FAILED", f"BAD FILE: {removed}: FAILED open or read"]


def test_by_hand_a_changed_entry_is_found(copy: Path) -> None:
    entry = copy / "lab/ledger/00000002.json"
    entry.write_bytes(entry.read_bytes().replace(b'"passed"', b'"failed"'))
    assert by_hand(copy) == [
        "BAD SIGNATURE: lab/ledger/00000002.json",
        "BAD CHAIN: lab/ledger/00000003.json",
    ]


def test_by_hand_a_removed_entry_an_added_file_and_another_key_are_found(copy: Path) -> None:
    (copy / "lab/ledger/00000002.json").unlink()
    (copy / "lab/ledger/allowed_signers").write_text("other", encoding="utf-8")
    (copy / f"{attempt('run-1').prefix}extra.csv").write_text("x", encoding="utf-8")
    names = ("notices.json", "outcome.json", "report.html", "tables.csv")
    assert by_hand(copy) == [
        "BAD KEY: lab/ledger/allowed_signers",
        "BAD NUMBER: lab/ledger/00000002.json",
        f"UNNAMED: {attempt('run-1').prefix}extra.csv",
        *(f"UNNAMED: {attempt('run-2').prefix}{name}" for name in names),
    ]

"""What belongs in the application's repository: the runbook's own scripts, which call the command."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "deployments" / "github" / "scripts" / "rotate-ssh-keys.sh"


@pytest.mark.parametrize(
    ("variables", "arguments", "asked"),
    [
        ({}, (), "run ssh-rotation --environment production"),
        ({"MARIAS_ENVIRONMENT": "staging"}, ("--plan", "a b"), "run ssh-rotation --environment staging --plan a b"),
    ],
    ids=["as the runbook has it", "another environment, and a plan that was agreed to"],
)
def test_the_runbooks_script_asks_for_the_rotation(
    variables: dict[str, str], arguments: tuple[str, ...], asked: str
) -> None:
    environ = {"PATH": os.environ["PATH"], "MARIAS": "echo", **variables}
    said = subprocess.run(
        [str(SCRIPT), *arguments], env=environ, capture_output=True, text=True, check=True, timeout=10
    )
    assert said.stdout == f"{asked}\n"


def test_the_script_ends_as_the_command_does() -> None:
    environ = {"PATH": os.environ["PATH"], "MARIAS": "false"}
    assert subprocess.run([str(SCRIPT)], env=environ, check=False, timeout=10).returncode == 1

"""The file with keys while others write to it, and when an edit is killed at any of its steps."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from paramiko.sftp_client import SFTPClient

from deployments.lab.sshd import LabSsh
from tasks.adapters.ssh import Answer, SshAnswer
from tasks.adapters.ssh.files import Files, NotEdited, RemoteFile, Replaced
from tasks.core.errors import OperatorError, TransientError
from tests.tasks.adapters.ssh.accounts import KEYS, NAME, NEW, PATTERNS, Person, by, person

LATE = b"\nanother\n"
CUT_OFF = ("ssh.unreachable", "db-1", SshAnswer(answer=Answer.CLOSED))
LONGEST = 60  # more steps than an edit has


@pytest.fixture
def deploy(ssh: LabSsh) -> Iterator[Person]:
    with person(ssh.hosts["db-1"]) as someone:
        yield someone


# ── another writer ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """What another one does just before a program of the script runs, and what comes of it."""

    name: str
    before: str
    does: str
    replaced: Replaced | None
    content: bytes


APPENDS = "printf '\\nanother\\n' >>'{file}'"
RENAMES = "cp '{file}' '{file}.x' && printf '\\nanother\\n' >>'{file}.x' && /bin/mv '{file}.x' '{file}'"
WRITERS = (
    Writer(name="appends while the new file is written", before="dd", does=APPENDS, replaced=None, content=KEYS + LATE),
    Writer(name="renames while the new file is written", before="dd", does=RENAMES, replaced=None, content=KEYS + LATE),
    Writer(name="appends before the second name", before="ln", does=APPENDS, replaced=None, content=KEYS + LATE),
    Writer(
        name="appends at the last moment",
        before="mv",
        does=APPENDS,
        replaced=Replaced(content=NEW, late=KEYS + LATE),
        content=NEW,
    ),
    Writer(
        name="appends to the old file that it has open",
        before="sync",
        does="for old in '{folder}'/.marias-*.old; do printf '\\nanother\\n' >>\"$old\"; done",
        replaced=Replaced(content=NEW, late=KEYS + LATE),
        content=NEW,
    ),
    Writer(
        name="appends to the new file",
        before="sync",
        does=APPENDS,
        replaced=Replaced(content=NEW + LATE),
        content=NEW + LATE,
    ),
)


@pytest.mark.parametrize("writer", WRITERS, ids=[writer.name for writer in WRITERS])
def test_what_another_one_writes_is_never_lost(deploy: Person, writer: Writer) -> None:
    does = writer.does.format(file=deploy.file, folder=deploy.file.parent)
    with deploy.files("shell") as files:
        (file,) = files.inspect(NAME, PATTERNS, trial=False).files
        deploy.tools({writer.before: f'{does}\nexec /bin/{writer.before} "$@"\n'})
        if writer.replaced is None:
            with pytest.raises(OperatorError) as caught:
                files.replace(file, NEW)
            assert (caught.value.code, caught.value.subject) == ("ssh.file_changed", file.path)
        else:
            assert files.replace(file, NEW) == writer.replaced
    assert (deploy.file.read_bytes(), deploy.left_over) == (writer.content, [])


def test_a_file_that_is_taken_away_after_its_replacement_holds_nothing(deploy: Person) -> None:
    with deploy.files("shell") as files:
        (file,) = files.inspect(NAME, PATTERNS, trial=False).files
        deploy.tools({"sync": f"exec rm '{deploy.file}'\n"})
        assert files.replace(file, NEW) == Replaced(content=b"")
    assert deploy.left_over == []


@pytest.mark.parametrize(
    ("call", "late"), [("posix_rename", True), ("chmod", False)], ids=["before the rename", "before the second name"]
)
def test_by_sftp_too(deploy: Person, monkeypatch: pytest.MonkeyPatch, call: str, *, late: bool) -> None:
    def append() -> None:
        with deploy.file.open("ab") as file:
            file.write(LATE)

    interrupt(monkeypatch, call, append)
    with deploy.files("sftp") as files:
        (file,) = files.inspect(NAME, PATTERNS, trial=False).files
        if late:
            assert files.replace(file, NEW) == Replaced(content=NEW, late=KEYS + LATE)
        else:
            with pytest.raises(OperatorError) as caught:
                files.replace(file, NEW)
            assert (caught.value.code, caught.value.subject) == ("ssh.file_changed", file.path)
    assert (deploy.file.read_bytes(), deploy.left_over) == (NEW if late else KEYS + LATE, [])


def interrupt(monkeypatch: pytest.MonkeyPatch, call: str, happens: Callable[[], object]) -> None:
    """Let something happen just before a client's request of this name is sent."""
    ask = SFTPClient._request  # type: ignore[attr-defined]  # noqa: SLF001
    kinds = {"posix_rename": "posix-rename@openssh.com", "chmod": 10}

    def asked(self: SFTPClient, kind: int, *arguments: object) -> object:
        if kinds[call] in (kind, *arguments):
            happens()
        return ask(self, kind, *arguments)

    monkeypatch.setattr(SFTPClient, "_request", asked)


def test_two_edits_at_once_wait_for_each_other(deploy: Person) -> None:
    with deploy.connected() as connection:
        files = by("shell", connection)
        (file,) = files.inspect(NAME, PATTERNS, trial=False).files
        deploy.tools({"flock": "exit 1\n"})
        with pytest.raises(OperatorError) as caught:
            files.replace(file, NEW)
        assert (caught.value.code, caught.value.data) == ("ssh.not_edited", NotEdited(reason="EWOULDBLOCK"))
    assert (deploy.file.read_bytes(), deploy.left_over) == (KEYS, [])


# ── kill -9 ──────────────────────────────────────────────────────────────────────────────────────────────────────────

PROGRAMS = (
    "base64",
    "cat",
    "chmod",
    "chown",
    "cp",
    "dd",
    "flock",
    "ln",
    "ls",
    "mv",
    "rm",
    "sha256sum",
    "stat",
    "sync",
)


def test_killed_before_any_step_the_file_is_whole_and_the_next_edit_succeeds(deploy: Person) -> None:
    ends = []
    with deploy.connected() as connection:
        files = by("shell", connection)
        for at in range(1, LONGEST):
            deploy.host.write(NAME, KEYS)
            (file,) = files.inspect(NAME, PATTERNS, trial=False).files
            error = killed(deploy, files, file, at)
            if error is None:
                break
            assert (error.code, error.subject, error.data) == CUT_OFF
            ends.append(deploy.file.read_bytes())
            (file,) = files.inspect(NAME, PATTERNS, trial=at % 3 == 0).files
            assert (file.content, file.trouble, file.mode, file.links) == (ends[-1], "", 0o600, 1)
            assert files.replace(file, b"again") == Replaced(content=b"again")
    before = ends.index(NEW)
    assert ends == [KEYS] * before + [NEW] * (len(ends) - before)
    assert (before > 6, len(ends) - before > 2) == (True, True)


def killed(who: Person, files: Files, file: RemoteFile, at: int) -> TransientError | None:
    """Replace the file, all processes of the session being killed just before the `at`th program."""
    steps = who.host.folder / "steps"
    steps.write_bytes(b"")
    steps.chmod(0o666)
    counting = f"""echo x >>{steps}
[ $(/usr/bin/wc -l <{steps}) -lt {at} ] || kill -9 0
exec "/bin/${{0##*/}}" "$@"
"""
    who.tools({**dict.fromkeys(PROGRAMS, counting), "sh": "setsid -w /bin/sh\n"})
    try:
        assert files.replace(file, NEW) == Replaced(content=NEW)
    except TransientError as error:
        return error
    finally:
        for name in (*PROGRAMS, "sh"):
            (who.host.folder / "bin" / name).unlink()
    return None


@pytest.mark.parametrize("transport", ["shell", "sftp"])
def test_what_a_killed_edit_left_is_removed_after_minutes(deploy: Person, transport: str) -> None:
    now = int(time.time())
    young, aged = (f".marias-{at}-0123456789abcdef" for at in (now - 100, now - 400))
    for name in (young, aged):
        os.link(deploy.file, deploy.file.with_name(f"{name}.old"))
        deploy.file.with_name(f"{name}.new").write_bytes(b"half")
    deploy.file.with_name(".marias-notes").write_bytes(b"not ours")
    with deploy.files(transport) as files:
        (file,) = files.inspect(NAME, PATTERNS, trial=True).files
    assert (file.content, file.trouble, file.links) == (KEYS, "", 1)
    assert deploy.left_over == [f"{young}.new", f"{young}.old", ".marias-notes"]

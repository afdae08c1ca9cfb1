"""The file with keys: looked at and replaced on a real server, whatever is in the way."""

import os
import shutil
import stat
import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from deployments.lab import programs
from deployments.lab.sshd import LabSsh
from tasks.adapters.ssh.files import LARGEST_BYTES, Files, Inspection, NotEdited, RemoteFile, Replaced, Source, Trouble
from tasks.core.errors import OperatorError
from tests.tasks.adapters.ssh.accounts import ELSEWHERE, KEYS, LOGIN, NAME, NEW, PATTERNS, ROOT, Person, person

TRANSPORTS = ("shell", "sudo", "sftp")
AS_ITSELF = ("shell", "sftp")
ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", tag, permissions, who)
    for tag, permissions, who in (
        (1, 6, -1 % 2**32),
        (2, 4, 29_999 if ROOT else os.getuid()),
        (4, 0, -1 % 2**32),
        (16, 4, -1 % 2**32),
        (32, 0, -1 % 2**32),
    )
)


@pytest.fixture
def deploy(ssh: LabSsh) -> Iterator[Person]:
    with person(ssh.hosts["db-1"]) as someone:
        yield someone


def told(error: OperatorError) -> tuple[str, str, object]:
    return error.code, error.subject, error.data


def seen(files: Files) -> RemoteFile:
    found = files.inspect(NAME, PATTERNS, trial=True)
    assert found == Inspection(files=found.files, source=Source.SETTINGS)
    (file,) = found.files
    return file


# ── places where the file can stand, and be replaced ─────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A way in which the file stands somewhere, and where that is below the home."""

    name: str
    make: Callable[[Person], object]
    real: str = ".ssh/authorized_keys"
    needs_root: bool = False
    transports: tuple[str, ...] = TRANSPORTS


def linked_file(who: Person) -> None:
    (who.home / "keys").mkdir()
    who.file.rename(who.home / "keys" / "mine")
    who.file.symlink_to("../keys/mine")
    who.own(who.home / "keys", who.file)


def linked_folder(who: Person) -> None:
    who.file.parent.rename(who.home / "a folder")
    (who.home / ".ssh").symlink_to("a folder")


def with_attribute(who: Person) -> None:
    try:
        os.setxattr(who.file, "user.note", b"kept")
    except OSError:
        pytest.skip("this file system keeps no attributes of users")


def with_acl(who: Person) -> None:
    try:
        os.setxattr(who.file, "system.posix_acl_access", ACL)
    except OSError:
        pytest.skip("this file system keeps no ACLs")


PLACES = (
    Place(name="the usual one", make=lambda _who: None),
    Place(name="behind a link", make=linked_file, real="keys/mine"),
    Place(name="in a folder behind a link", make=linked_folder, real="a folder/authorized_keys"),
    Place(name="readable for others", make=lambda who: who.file.chmod(0o644)),
    Place(name="not writable for its owner", make=lambda who: who.file.chmod(0o400)),
    Place(name="empty", make=lambda who: who.file.write_bytes(b"") and None),
    Place(name="1 MiB", make=lambda who: who.file.write_bytes(b"#" * LARGEST_BYTES) and None),
    Place(name="with an attribute", make=with_attribute, transports=("shell", "sudo")),
    Place(name="with an ACL", make=with_acl, transports=("shell", "sudo")),
    Place(name="root's, by sudo", make=lambda who: os.chown(who.file, 0, 0), needs_root=True, transports=("sudo",)),
    Place(
        name="in root's folder, by sudo",
        make=lambda who: os.chown(who.file.parent, 0, 0),
        needs_root=True,
        transports=("sudo",),
    ),
)


@pytest.mark.parametrize(
    ("place", "transport"),
    [pytest.param(place, by, id=f"{place.name}-{by}") for place in PLACES for by in place.transports],
)
def test_a_file_is_replaced_where_it_stands_and_keeps_what_is_its_own(
    deploy: Person, place: Place, transport: str
) -> None:
    if place.needs_root and not ROOT:
        pytest.skip("only root gives files away")
    place.make(deploy)
    real = deploy.home / place.real
    before, content, links = traits(real), real.read_bytes(), tree(deploy.home)
    with deploy.files(transport) as files:
        file = seen(files)
        assert file == RemoteFile(
            path=str(real),
            content=content,
            mode=stat.S_IMODE(real.stat().st_mode),
            uid=real.stat().st_uid,
            gid=real.stat().st_gid,
            links=1,
        )
        assert file.sha256 == sha256(content).hexdigest()
        assert files.replace(file, NEW) == Replaced(content=NEW)
    assert (real.read_bytes(), traits(real), tree(deploy.home)) == (NEW, before, links)


def traits(file: Path) -> object:
    facts = file.stat()
    attributes = {name: os.getxattr(file, name) for name in os.listxattr(file)}
    return facts.st_mode, facts.st_uid, facts.st_gid, facts.st_nlink, attributes


def tree(home: Path) -> list[tuple[str, bool]]:
    return sorted((str(path.relative_to(home)), path.is_symlink()) for path in home.rglob("*"))


# ── what is in the way, found before anything is changed ─────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something in the way, the trouble that a trial finds, and the error of who replaces all the same."""

    name: str
    make: Callable[[Person], object]
    trouble: Trouble
    reason: str = ""
    sftp_reason: str | None = None
    needs_root: bool = False
    content: bytes | None = KEYS
    transports: tuple[str, ...] = AS_ITSELF


def chattr(flag: str, *, folder: bool = False) -> Callable[[Person], object]:
    def make(who: Person) -> None:
        path = who.file.parent if folder else who.file
        program = shutil.which("chattr")
        if not program or subprocess.run([program, flag, path], check=False, capture_output=True).returncode:
            pytest.skip(f"no chattr {flag} on this file system")

    return make


def gone(who: Person) -> None:
    who.file.unlink()


def dangling(who: Person) -> None:
    who.file.unlink()
    who.file.symlink_to("nowhere")


def folder(who: Person) -> None:
    who.file.unlink()
    who.file.mkdir()
    who.own(who.file)


def roots_alone(who: Person) -> None:
    os.chown(who.file, 0, 0)


def roots_for_all(who: Person) -> None:
    who.file.chmod(0o644)
    os.chown(who.file, 0, 0)


def loose(path: str, mode: int) -> Callable[[Person], object]:
    return lambda who: (who.home / path).chmod(mode)


FAULTS = (
    Fault(name="no file", make=gone, trouble=Trouble.MISSING, content=None),
    Fault(name="a link to nothing", make=dangling, trouble=Trouble.MISSING, content=None),
    Fault(name="a folder in its place", make=folder, trouble=Trouble.NOT_A_FILE, content=None),
    Fault(
        name="more than 1 MiB",
        make=lambda who: who.file.write_bytes(b"#" * (LARGEST_BYTES + 1)),
        trouble=Trouble.TOO_LARGE,
        content=b"",
    ),
    Fault(name="a second name", make=lambda who: os.link(who.file, who.home / "copy"), trouble=Trouble.HARD_LINKS),
    Fault(
        name="an immutable file",
        make=chattr("+i"),
        trouble=Trouble.IMMUTABLE,
        reason="EPERM",
        sftp_reason="EACCES",
        needs_root=True,
        transports=TRANSPORTS,
    ),
    Fault(
        name="an append-only file",
        make=chattr("+a"),
        trouble=Trouble.IMMUTABLE,
        reason="EPERM",
        sftp_reason="EACCES",
        needs_root=True,
        transports=TRANSPORTS,
    ),
    Fault(
        name="an immutable folder",
        make=chattr("+i", folder=True),
        trouble=Trouble.IMMUTABLE,
        reason="EPERM",
        needs_root=True,
        transports=("shell", "sudo"),
    ),
    Fault(
        name="a read-only disk",
        make=lambda who: who.host.make_read_only(NAME),
        trouble=Trouble.READ_ONLY,
        reason="EROFS",
        transports=TRANSPORTS,
    ),
    Fault(
        name="a full disk",
        make=lambda who: who.host.fill_disk(NAME),
        trouble=Trouble.NO_SPACE,
        reason="ENOSPC",
        transports=TRANSPORTS,
    ),
    Fault(
        name="a folder that is not writable",
        make=lambda who: who.file.parent.chmod(0o500),
        trouble=Trouble.DENIED,
        reason="EACCES",
    ),
    Fault(name="root's file", make=roots_alone, trouble=Trouble.DENIED, needs_root=True, content=b""),
    Fault(
        name="root's file that all may read",
        make=roots_for_all,
        trouble=Trouble.DENIED,
        reason="EACCES",
        needs_root=True,
    ),
    Fault(
        name="a file for the group to write",
        make=loose(".ssh/authorized_keys", 0o660),
        trouble=Trouble.LOOSE_MODES,
        needs_root=True,
    ),
    Fault(name="a folder for all to write", make=loose(".ssh", 0o707), trouble=Trouble.LOOSE_MODES, needs_root=True),
    Fault(
        name="a home for the group to write",
        make=loose("", 0o775),
        trouble=Trouble.LOOSE_MODES,
        needs_root=True,
        transports=TRANSPORTS,
    ),
)


@pytest.mark.parametrize(
    ("fault", "transport"),
    [pytest.param(fault, by, id=f"{fault.name}-{by}") for fault in FAULTS for by in fault.transports],
)
def test_a_trial_finds_what_is_in_the_way_and_changes_nothing(deploy: Person, fault: Fault, transport: str) -> None:
    if fault.needs_root and not ROOT:
        pytest.skip("only root can make this")
    fault.make(deploy)
    before = tree(deploy.home)
    with deploy.files(transport) as files:
        file = seen(files)
        assert (file.trouble, file.content) == (fault.trouble, fault.content or b"")
        if fault.reason:
            with pytest.raises(OperatorError) as caught:
                files.replace(file, NEW)
            reason = NotEdited(reason=fault.sftp_reason or fault.reason if transport == "sftp" else fault.reason)
            assert told(caught.value) == ("ssh.not_edited", file.path, reason)
    assert tree(deploy.home) == before
    assert fault.content is None or deploy.file.read_bytes() == (fault.content or deploy.file.read_bytes())


def test_an_immutable_file_is_found_where_there_is_no_lsattr(deploy: Person) -> None:
    if not ROOT:
        pytest.skip("only root can make this")
    chattr("+i")(deploy)
    deploy.tools({"lsattr": "exit 1\n"})
    with deploy.files("sudo") as files:
        assert seen(files).trouble == Trouble.IMMUTABLE


def test_modes_that_sshd_is_told_not_to_mind_are_no_trouble(deploy: Person) -> None:
    deploy.host.configure(AuthorizedKeysFile=ELSEWHERE, StrictModes="no")
    deploy.home.chmod(0o775)
    with deploy.files("sudo") as files:
        assert seen(files).trouble == ""


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_what_others_wrote_since_it_was_read_is_not_overwritten(deploy: Person, transport: str) -> None:
    with deploy.files(transport) as files:
        file = seen(files)
        deploy.file.write_bytes(KEYS + b"\nmore")
        with pytest.raises(OperatorError) as caught:
            files.replace(file, NEW)
    assert told(caught.value)[:2] == ("ssh.file_changed", file.path)
    assert (deploy.file.read_bytes(), deploy.left_over) == (KEYS + b"\nmore", [])


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_link_put_in_its_place_is_not_written_through(deploy: Person, transport: str) -> None:
    with deploy.files(transport) as files:
        file = seen(files)
        linked_file(deploy)
        with pytest.raises(OperatorError) as caught:
            files.replace(file, NEW)
    assert told(caught.value)[:2] == ("ssh.file_changed", file.path)
    assert (deploy.file.is_symlink(), deploy.file.read_bytes()) == (True, KEYS)


# ── where sshd looks ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_patterns_name_user_and_home_and_begin_there(deploy: Person, transport: str) -> None:
    (deploy.host.place("srv") / "per%user").write_bytes(b"other")
    (deploy.home / "a b").write_bytes(b"blank")
    deploy.own(deploy.home / "a b")
    patterns = ("%h/.ssh/authorized_keys", "/srv/per%%user", "a b", "/srv/%u", ".ssh/missing", ".ssh/../a b", "none")
    with deploy.files(transport) as files:
        found = files.inspect(NAME, patterns, trial=False)
    assert found.source == Source.SETTINGS
    assert [(file.path, file.content) for file in found.files] == [
        (str(deploy.file), KEYS),
        ("/srv/per%user", b"other"),
        (str(deploy.home / "a b"), b"blank"),
        (f"/srv/{NAME}", f"{LOGIN.public}\n".encode()),
    ]


def test_sshd_says_where_it_looks_to_who_may_ask(deploy: Person) -> None:
    with deploy.files("sudo") as files:
        found = files.inspect(NAME, (), trial=False)
    assert (found.source, [file.path for file in found.files]) == (
        Source.SSHD,
        [f"/srv/{NAME}", str(deploy.file)],
    )


def test_without_an_answer_of_sshd_its_two_usual_places_are_looked_at(deploy: Person) -> None:
    deploy.tools({"sshd": "exit 255\n"})
    second = deploy.file.with_name("authorized_keys2")
    second.write_bytes(b"second")
    deploy.own(second)
    for transport in AS_ITSELF:
        with deploy.files(transport) as files:
            found = files.inspect(NAME, (), trial=False)
        assert (found.source, [(file.path, file.content) for file in found.files]) == (
            Source.DEFAULT,
            [(str(deploy.file), KEYS), (str(second), b"second")],
        )


def test_another_accounts_file_is_reached_by_sudo(deploy: Person) -> None:
    deploy.host.write("backup", KEYS)
    with deploy.files("sudo") as files:
        (file,) = files.inspect("backup", PATTERNS, trial=True).files
        assert (file.path, file.trouble) == (str(deploy.host.file("backup")), "")
        assert files.replace(file, NEW) == Replaced(content=NEW)
    assert deploy.host.file("backup").stat().st_uid == deploy.host.accounts["backup"].uid


# ── accounts without a shell, or with a strange one ──────────────────────────────────────────────────────────────────


def login_shell(who: Person, path: str) -> None:
    passwd = who.host.folder / "passwd"
    lines = passwd.read_text().splitlines()
    changed = (f"{line.rpartition(':')[0]}:{path}" if line.startswith(f"{NAME}:") else line for line in lines)
    passwd.write_text("".join(f"{line}\n" for line in changed))


@pytest.fixture
def shells(deploy: Person) -> Iterator[Callable[[str], None]]:
    yield lambda path: login_shell(deploy, path)
    login_shell(deploy, "/bin/sh")


def test_an_account_that_may_not_have_a_shell_is_told_from_one_without_keys(
    deploy: Person, shells: Callable[[str], None]
) -> None:
    nologin = shutil.which("nologin", path="/usr/sbin:/sbin:/usr/bin")
    shells(nologin or "/bin/false")
    assert refusal(deploy, "shell") == (Trouble.NO_SHELL, NAME)


@pytest.mark.parametrize("command", ["echo welcome", "cat"], ids=["another answer", "an echo"])
def test_a_forced_command_is_no_answer(deploy: Person, command: str) -> None:
    (deploy.host.place("srv") / NAME).write_text(f'command="{command}" {LOGIN.public}\n')
    assert refusal(deploy, "shell") == (Trouble.NO_SHELL, NAME)
    assert refusal(deploy, "sudo") == (Trouble.NO_SHELL, NAME)


def test_sftp_needs_no_shell(deploy: Person, shells: Callable[[str], None]) -> None:
    shells("/bin/false")
    (deploy.host.place("srv") / NAME).write_text(f'restrict,command="internal-sftp" {LOGIN.public}\n')
    with deploy.files("sftp") as files:
        file = seen(files)
        assert files.replace(file, NEW) == Replaced(content=NEW)


def test_who_may_not_use_sudo_is_told_so(deploy: Person) -> None:
    deploy.host.let_sudo()
    assert refusal(deploy, "sudo") == (Trouble.NO_SUDO, NAME)


def refusal(who: Person, transport: str) -> tuple[str, str]:
    with who.files(transport) as files, pytest.raises(OperatorError) as caught:
        files.inspect(NAME, PATTERNS, trial=True)
    assert who.file.read_bytes() == KEYS
    return caught.value.code, caught.value.subject


def test_a_shell_that_greets_is_understood(deploy: Person, shells: Callable[[str], None]) -> None:
    if not Path("/bin/bash").exists():
        pytest.skip("bash is not installed")
    shells("/bin/bash")
    for name in (".bashrc", ".profile", ".bash_logout"):
        (deploy.home / name).write_text("echo 'file /etc/passwd'; printf 'no ending' ; echo warning >&2\n")
    for transport in ("shell", "sudo"):
        deploy.host.write(NAME, KEYS)
        with deploy.files(transport) as files:
            file = seen(files)
            assert files.replace(file, NEW) == Replaced(content=NEW)


def test_a_shell_that_eats_the_script_does_nothing(deploy: Person, shells: Callable[[str], None]) -> None:
    if not Path("/bin/bash").exists():
        pytest.skip("bash is not installed")
    shells("/bin/bash")
    (deploy.home / ".bashrc").write_text("read -r -N 3000 swallowed\n")
    assert refusal(deploy, "shell") == (Trouble.NO_SHELL, NAME)


@pytest.mark.parametrize("interpreter", ["dash", "bash", "busybox", "mksh"])
def test_the_script_runs_in_any_posix_shell(deploy: Person, interpreter: str) -> None:
    others = programs.find("shells")
    where = others.path / interpreter if others.path and interpreter in {"busybox", "mksh"} else None
    program = str(where or shutil.which(interpreter) or "")
    if not program:
        pytest.skip(others.missing or f"{interpreter} is not installed")
    tools = deploy.host.folder / "bin"
    if interpreter == "busybox":
        listed = subprocess.run([program, "--list"], check=True, capture_output=True, text=True).stdout.split()
        for applet in set(listed) - {"sshd", "sudo", "setpriv", "su"}:
            (tools / applet).symlink_to(program)
    else:
        (tools / "sh").symlink_to(program)
    linked_file(deploy)
    with deploy.files("shell") as files:
        file = seen(files)
        assert files.replace(file, NEW) == Replaced(content=NEW)
        assert replace(seen(files), content=KEYS) == file
    deploy.host.write(NAME, KEYS)
    deploy.host.fill_disk(NAME)
    with deploy.files("shell") as files:
        assert seen(files).trouble == Trouble.NO_SPACE
    deploy.host.make_read_only(NAME)
    with deploy.files("shell") as files:
        assert seen(files).trouble == Trouble.READ_ONLY


def test_a_machine_without_what_the_script_needs_has_no_shell_to_us(deploy: Person) -> None:
    deploy.tools({"sh": f"exec {shutil.which('sh')} -c 'command() {{ [ \"$2\" != sha256sum ]; }}; . /dev/stdin'\n"})
    assert refusal(deploy, "shell") == (Trouble.NO_SHELL, NAME)


# ── the log ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_log_tells_when_each_key_last_let_somebody_in(deploy: Person) -> None:
    accepted = f"Accepted publickey for {NAME} from 192.0.2.7 port 5 ssh2: ED25519 SHA256:"
    (deploy.host.place("log") / "auth.log").write_text(
        f"2026-01-02T03:04:05.5+00:00 db sshd[12]: {accepted}new\n"
        f"2026-01-03T03:04:05-03:00 db sshd-session[12]: {accepted}new\n"
        f"Feb 29 10:00:00 db sshd[12]: {accepted}never\n"
        f"2026-01-02T03:04:05Z db logger[1]: sshd[12] said: {accepted}forged\n"
        f"2026-01-02T03:04:05Z db sshd[12]: {accepted.replace(NAME, 'other')}other\n"
        f"rubbish db sshd[12]: {accepted}rubbish\n"
    )
    with deploy.files("sudo") as files:
        used = files.inspect(NAME, PATTERNS, trial=True).last_used
    new = {"SHA256:new": datetime(2026, 1, 3, 6, 4, 5, tzinfo=UTC)}
    assert {key: at for key, at in used.items() if key != "SHA256:never"} == new  # which some years have


def test_a_log_without_years_is_dated_back_from_now(deploy: Person) -> None:
    now = datetime.now().astimezone().replace(microsecond=0)
    stamp = now.strftime("%b %d %H:%M:%S")
    (deploy.host.place("log") / "secure").write_text(
        f"{stamp} db sshd[12]: Accepted publickey for {NAME} from ::1 port 5 ssh2: RSA SHA256:now\n"
    )
    with deploy.files("sudo") as files:
        for trial in (True, False):
            assert files.inspect(NAME, PATTERNS, trial=trial).last_used == {"SHA256:now": now.astimezone(UTC)}


def test_of_a_long_journal_the_newest_is_read_first(deploy: Person) -> None:
    accepted = f"Accepted publickey for {NAME} from ::1 port 5 ssh2: ED25519 SHA256:key"
    lines = [f"2026-01-0{day}T03:04:05+0000 db sshd-session[12]: {accepted}" for day in (3, 2)]
    told = "; ".join(f"echo '{line}'" for line in lines)
    deploy.tools({"journalctl": f'case "$*" in *-qr*) {told}; exec sleep 60 ;; esac\n'})
    with deploy.files("sudo") as files:
        used = files.inspect(NAME, PATTERNS, trial=False).last_used
    assert used == {"SHA256:key": datetime(2026, 1, 3, 3, 4, 5, tzinfo=UTC)}

"""The lab's SSH servers are real ones: they say the truth about keys, and do at once what a test asks of them."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path

import paramiko
import pytest

from deployments.background import LabError
from deployments.lab.sshd import Fault, LabHost, LabSsh, Pair, misbehaving, namespace, pair, running, unavailable
from tasks.adapters.guardian import scratch_base
from tasks.core.secret import Secret

QUICK_SECONDS = 1.0  # a start takes a fiftieth of it; a busy machine is not what is tested
KEY = pair()
as_root = pytest.mark.skipif(not namespace.ROOT, reason="only root makes accounts with uids of their own")


@pytest.fixture(scope="module")
def base() -> Iterator[Path]:
    if why := unavailable():
        pytest.skip(why)
    place = Path(tempfile.mkdtemp(prefix="l-", dir=scratch_base(50_000_000)))
    place.chmod(0o711)
    yield place
    assert list(place.iterdir()) == []
    place.rmdir()


@pytest.fixture(scope="module")
def servers(base: Path) -> Iterator[LabSsh]:
    with running(base, {"web": ("deploy", "ops"), "db": ("deploy",)}) as lab:
        yield lab


@pytest.fixture
def lab(servers: LabSsh) -> LabSsh:
    servers.reset()
    return servers


@pytest.fixture
def host(lab: LabSsh) -> LabHost:
    """Return a host whose account deploy a key opens."""
    lab.hosts["web"].write("deploy", f"{KEY.public} key\n")
    return lab.hosts["web"]


def connect(host: LabHost) -> paramiko.Transport:
    transport = paramiko.Transport(socket.create_connection(("127.0.0.1", host.port), 5))
    transport.start_client(timeout=5)
    return transport


def run(host: LabHost, command: str, *, account: str = "deploy", key: Pair = KEY) -> tuple[int, str]:
    """Return the exit code of a command in a session, and all it said."""
    with closing(connect(host)) as transport:
        transport.auth_publickey(account, paramiko.Ed25519Key.from_private_key(StringIO(key.private.reveal())))
        channel = transport.open_session()
        channel.set_combine_stderr(combine=True)
        channel.exec_command(command)
        said = channel.makefile().read()
        return channel.recv_exit_status(), said.decode()


def hears(port: int, *, seconds: float = 0.3, says: bytes = b"SSH-2.0-test\r\n") -> bytes | str:
    """Return what a server sends within `seconds` to one who says this, or how it ends the connection."""
    heard = b""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as client:
            client.settimeout(seconds)
            client.sendall(says)
            while part := client.recv(1024):
                heard += part
    except TimeoutError:
        return heard or "silence"
    except ConnectionResetError:
        return "reset"
    return heard or "closed"


def test_a_key_opens_the_account_it_stands_in_and_no_other(lab: LabSsh, host: LabHost) -> None:
    other = pair()
    answers = (
        host.accepts("deploy", KEY.private),
        host.accepts("deploy", other.private),
        host.accepts("ops", KEY.private),
        lab.hosts["db"].accepts("deploy", KEY.private),
    )
    assert answers == (True, False, False, False)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_each_kind_of_key_can_be_asked_about(host: LabHost, kind: str) -> None:
    key = pair(kind)
    assert host.accepts("deploy", key.private) is False
    host.write("deploy", key.public)
    assert host.accepts("deploy", key.private) is True


def test_what_is_no_private_key_is_said_without_showing_it(host: LabHost) -> None:
    with pytest.raises(LabError, match=r"^this is no private key$"):
        host.accepts("deploy", Secret("open sesame"))


def test_a_session_is_the_accounts_own_and_finds_sshd_of_this_server(host: LabHost) -> None:
    assert run(host, 'echo "$USER $HOME"; id -un; cut -d: -f1 /etc/passwd | tr "\\n" " "') == (
        0,
        f"deploy {host.accounts['deploy'].home}\ndeploy\nroot sshd deploy ops ",
    )
    assert run(host, "cat /proc/$$/comm /proc/self/comm") == (0, "sh\ncat\n")
    host.configure(AuthorizedKeysFile=".ssh/authorized_keys /srv/%u")
    ask = "sudo -n -- sshd -T -C user=deploy,host=h,addr=127.0.0.1 | grep ^authorizedkeysfile"
    assert run(host, ask) == (0, "authorizedkeysfile .ssh/authorized_keys /srv/%u\n")
    assert host.sudo_calls() == ["deploy"]


@as_root
def test_accounts_cannot_read_each_other_and_sudo_makes_root_of_them(host: LabHost) -> None:
    assert run(host, "cat ../ops/.ssh/authorized_keys")[0] == 1
    assert run(host, "id -u; id -ru") == (0, f"{namespace.FIRST_UID + 1}\n" * 2)
    assert run(host, "sudo -n -- sh -c 'id -u; id -ru; id -G'") == (0, "0\n0\n0\n")
    assert not (host.folder / "privileged" / "setpriv").exists(), "the set-uid program is there for the server alone"


def test_sudo_refuses_whom_it_does_not_know(host: LabHost) -> None:
    host.let_sudo("ops")
    assert run(host, "sudo -n -- true") == (1, "sudo: a password is required\n")
    assert host.sudo_calls() == []


def test_keys_may_stand_in_a_place_of_the_server_outside_the_homes(host: LabHost) -> None:
    host.configure(AuthorizedKeysFile="/srv/%u", StrictModes="yes" if namespace.ROOT else "no")
    assert host.accepts("deploy", KEY.private) is False
    (host.place("srv") / "deploy").write_text(KEY.public)
    assert host.accepts("deploy", KEY.private) is True


def test_modes_that_sshd_calls_loose_close_an_account(host: LabHost) -> None:
    host.file("deploy").chmod(0o666)
    assert host.accepts("deploy", KEY.private) is False
    assert "bad ownership or modes for file" in host.log()


def test_sftp_is_there_and_a_match_block_can_leave_nothing_else(host: LabHost) -> None:
    host.configure("Match User deploy", "  ForceCommand internal-sftp")
    with closing(connect(host)) as transport:
        transport.auth_publickey("deploy", paramiko.Ed25519Key.from_private_key(StringIO(KEY.private.reveal())))
        client = paramiko.SFTPClient.from_transport(transport)
        assert client is not None
        with client:
            assert client.listdir() == [".ssh"]


def test_a_stopped_host_refuses_connections_ends_its_sessions_and_comes_back_on_its_port(host: LabHost) -> None:
    with closing(connect(host)) as before:
        host.stop()
        before.join(5)
        assert not before.is_active()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", host.port), 5)
    host.start()
    assert host.accepts("deploy", KEY.private) is True


def test_a_restart_ends_no_session(host: LabHost) -> None:
    with closing(connect(host)) as before:
        host.configure(MaxAuthTries="2")
        assert before.is_active()


def test_a_frozen_host_takes_connections_and_says_nothing_until_it_is_thawed(host: LabHost) -> None:
    host.freeze()
    assert hears(host.port) == "silence"
    host.thaw()
    assert host.accepts("deploy", KEY.private) is True


def test_stop_start_freeze_and_reconfigure_are_quick(host: LabHost) -> None:
    started = time.monotonic()
    host.stop()
    host.start()
    host.freeze()
    host.thaw()
    host.configure(MaxStartups="1:100:2")
    host.new_host_key()
    assert time.monotonic() - started < QUICK_SECONDS


def test_a_host_shows_the_key_it_was_given_last(host: LabHost) -> None:
    first = host.host_key
    host.new_host_key("rsa", "ecdsa")
    assert [key.split()[0] for key in host.host_keys] == ["ssh-rsa", "ecdsa-sha2-nistp256"]
    host.new_host_key()
    with closing(connect(host)) as transport:
        shown = transport.get_remote_server_key()
    assert f"{shown.get_name()} {shown.get_base64()}" == host.host_key != first


def test_the_truth_is_told_in_spite_of_a_limit_on_connections(host: LabHost) -> None:
    host.configure(MaxStartups="1:100:1")
    with socket.create_connection(("127.0.0.1", host.port), 5) as idle:
        assert idle.recv(4) == b"SSH-"
        assert hears(host.port) in {b"Exceeded MaxStartups\r\n", "reset"}
    assert host.accepts("deploy", KEY.private) is True


def test_no_answer_is_never_taken_for_a_refusal(host: LabHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployments.lab.sshd.keys.PATIENCE_SECONDS", 0.1)
    host.stop()
    with pytest.raises(LabError, match="did not say whether a key opens deploy"):
        host.accepts("deploy", KEY.private)


def test_a_home_can_lie_on_a_full_disk_or_on_one_that_cannot_be_written(host: LabHost) -> None:
    host.fill_disk("deploy")
    code, said = run(host, "head -c 5000 /dev/zero >.ssh/new")
    assert (code, "No space left on device" in said) == (1, True)
    assert host.file("deploy").read_text() == f"{KEY.public} key\n"
    host.make_read_only("deploy")
    code, said = run(host, "touch .ssh/newer")
    assert (code, "Read-only file system" in said) == (1, True)
    assert host.accepts("deploy", KEY.private) is True
    host.reset()
    host.write("deploy", KEY.public)
    assert run(host, "touch .ssh/newest; ls .ssh") == (0, "authorized_keys\nnewest\n")


def test_a_reset_brings_back_whatever_a_test_changed(host: LabHost) -> None:
    outside = host.place("srv") / "kept"
    outside.mkdir(mode=0o711)
    home = host.accounts["deploy"].home
    (home / "locked" / "deep").mkdir(parents=True)
    (home / "locked" / "deep" / "file").touch()
    (home / "locked").chmod(0)
    (home / "away").symlink_to("/usr")
    home.chmod(0o777)
    mode = Path("/usr").stat().st_mode
    host.configure(PubkeyAuthentication="no")
    host.freeze()
    host.reset()
    assert [path.name for path in home.iterdir()] == [".ssh"]
    assert (home.stat().st_mode & 0o777, host.file("deploy").read_bytes(), outside.exists()) == (0o755, b"", False)
    assert Path("/usr").stat().st_mode == mode
    host.write("deploy", KEY.public)
    assert host.accepts("deploy", KEY.private) is True


def test_a_configuration_that_sshd_refuses_is_said_in_its_words(host: LabHost) -> None:
    with pytest.raises(LabError, match=r"^the SSH server web did not start: .* unsupported option \"perhaps\""):
        host.configure(StrictModes="perhaps")


def test_a_killed_owner_leaves_no_server_and_no_folder(base: Path) -> None:
    program = (
        "import sys, pathlib, signal\n"
        "from deployments.lab.sshd import running\n"
        "with running(pathlib.Path(sys.argv[1]), {'web': ('deploy',)}) as lab:\n"
        "    host = lab.hosts['web']\n"
        "    print(host.process.pid, host.folder, flush=True)\n"
        "    signal.pause()\n"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", program, base], stdout=subprocess.PIPE, env=environ) as owner:
        assert owner.stdout is not None
        pid, folder = owner.stdout.readline().decode().split()
        owner.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while (Path(folder).parent.exists() or Path("/proc", pid).exists()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (Path(folder).parent.exists(), Path("/proc", pid).exists()) == (False, False)


@pytest.mark.parametrize(
    ("fault", "heard"),
    [
        (Fault.DRIP, b"S"),
        (Fault.HANG, "silence"),
        (Fault.MUTE, b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n"),
        (Fault.RESET, "reset"),
    ],
)
def test_what_is_no_ssh_server_misbehaves_as_asked(fault: Fault, heard: bytes | str) -> None:
    with misbehaving(fault) as port:
        assert hears(port) == heard


def test_one_closes_at_once_another_is_busy_and_another_speaks_http(host: LabHost) -> None:
    host.stop()
    with misbehaving(Fault.CLOSE, port=host.port) as port:
        assert (port, hears(port, says=b"")) == (host.port, "closed")
    with misbehaving(Fault.BUSY) as port:
        assert hears(port, says=b"") == b"Exceeded MaxStartups\r\n"
    with misbehaving(Fault.GARBAGE) as port:
        heard = hears(port)
    assert isinstance(heard, bytes)
    assert heard.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    host.start()

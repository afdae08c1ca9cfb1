import io
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from deployments.lab.sshd import Fault, LabHost, LabSsh, Pair, misbehaving, pair
from tasks.adapters.ssh import (
    NO_EXIT_CODE,
    Answer,
    Completed,
    Connection,
    Endpoint,
    HostKey,
    SshAnswer,
    connect,
    new_key,
    public_line,
)
from tasks.adapters.ssh.errors import TooMuch
from tasks.adapters.ssh.keys import blob_of, fingerprint
from tasks.adapters.ssh.streams import Stream
from tasks.core.errors import OperatorError, TransientError
from tasks.core.secret import Secret

SECONDS = 5.0
BROKEN = Secret("-----BEGIN OPENSSH PRIVATE KEY-----\nCANARY\n-----END OPENSSH PRIVATE KEY-----\n")
OURS = pair()
STRANGERS = tuple(pair().public for _ in range(6))


@pytest.fixture
def alpha(ssh: LabSsh) -> LabHost:
    return opened_by_ours(ssh.hosts["web-1"])


@pytest.fixture
def beta(ssh: LabSsh) -> LabHost:
    return opened_by_ours(ssh.hosts["web-2"])


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) - before == set()


def opened_by_ours(host: LabHost) -> LabHost:
    host.write("deploy", f"{OURS.public} ours\n")
    return host


def endpoint(host: LabHost, *host_keys: str) -> Endpoint:
    return at(host.port, *(host_keys or host.host_keys))


def at(port: int, *host_keys: str) -> Endpoint:
    return Endpoint(name="alpha", address="127.0.0.1", port=port, host_keys=host_keys)


def refusal(where: Endpoint, *, seconds: float = SECONDS, through: Connection | None = None) -> OperatorError:
    with pytest.raises(OperatorError) as caught, connect(where, seconds=seconds, through=through):
        pass
    return caught.value


def known(error: OperatorError) -> tuple[type[OperatorError], str, str, object]:
    return type(error), error.code, error.subject, error.data


def silence(answer: Answer) -> tuple[type[OperatorError], str, str, object]:
    return TransientError, "ssh.unreachable", "alpha", SshAnswer(answer=answer)


# ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_server_is_asked_about_public_keys_and_then_lets_one_in_on_the_same_connection(alpha: LabHost) -> None:
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        first = connection.ask("deploy", (STRANGERS[0], OURS.public, STRANGERS[1]))
        second = connection.ask("deploy", STRANGERS[2:5])
        connection.login("deploy", OURS.private)
        done = connection.run("cat; id -un >&2; exit 3", b"what is sent", seconds=SECONDS)
    assert (first, second) == ((False, True, False), (False, False, False))
    assert done == Completed(exit_code=3, out=b"what is sent", err=b"deploy\n")


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_every_type_of_key_is_asked_about_and_logs_in(alpha: LabHost, kind: str) -> None:
    theirs = pair(kind)
    alpha.write("deploy", f"{theirs.public}\n")
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        assert connection.ask("deploy", (pair(kind).public, theirs.public, OURS.public)) == (False, True, False)
        connection.login("deploy", theirs.private)
        assert connection.run("id -un", b"", seconds=SECONDS).out == b"deploy\n"


@pytest.mark.parametrize("algorithm", ["rsa-sha2-512", "rsa-sha2-256"])
def test_an_rsa_key_is_accepted_and_logs_in_under_the_algorithm_that_is_left(alpha: LabHost, algorithm: str) -> None:
    theirs, other = pair("rsa"), pair("rsa")
    alpha.write("deploy", f"{theirs.public}\n")
    alpha.configure(PubkeyAcceptedAlgorithms=algorithm)
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        assert connection.ask("deploy", (theirs.public, other.public)) == (True, False)
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        connection.login("deploy", theirs.private)


def test_an_rsa_key_that_opens_by_sha_1_alone_is_not_called_refused(alpha: LabHost) -> None:
    theirs = pair("rsa")
    alpha.write("deploy", f"{theirs.public}\n")
    alpha.configure(PubkeyAcceptedAlgorithms="ssh-rsa")
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        assert connection.ask("deploy", (theirs.public,)) == (True,)


def test_an_rsa_key_of_which_not_every_algorithm_was_answered_is_not_known(alpha: LabHost) -> None:
    alpha.configure(MaxAuthTries="2")
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        assert connection.ask("deploy", (pair("rsa").public, STRANGERS[0])) == (None, None)


def test_an_account_that_does_not_exist_refuses_every_key(alpha: LabHost) -> None:
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        assert connection.ask("nobody-here", (OURS.public, *STRANGERS[:2])) == (False, False, False)
        assert connection.open


def test_the_refusal_by_which_the_server_hangs_up_is_one_and_what_follows_is_not_known(alpha: LabHost) -> None:
    alpha.configure(MaxAuthTries="2")
    for _ in range(5):
        with connect(endpoint(alpha), seconds=SECONDS) as connection:
            answers = connection.ask("deploy", (OURS.public, *STRANGERS[:4]))
            assert (answers, connection.open) == ((True, False, False, None, None), False)
            assert connection.ask("deploy", (OURS.public,)) == (None,)
            with pytest.raises(TransientError) as caught:
                connection.login("deploy", OURS.private)
            assert known(caught.value) == silence(Answer.CLOSED)


def test_a_login_over_which_the_server_hangs_up_is_refused(alpha: LabHost) -> None:
    alpha.configure(MaxAuthTries="2")
    other, _line = new_key("other")
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        assert connection.ask("deploy", STRANGERS[:1]) == (False,)
        with pytest.raises(OperatorError) as caught:
            connection.login("deploy", other)
    data = SshAnswer(answer=Answer.KEY)
    assert known(caught.value) == (OperatorError, "ssh.login_refused", "deploy@alpha", data)


def test_five_refused_keys_and_a_login_fit_one_connection(alpha: LabHost) -> None:
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        assert connection.ask("deploy", STRANGERS[:5]) == (False,) * 5
        connection.login("deploy", OURS.private)


def test_a_key_that_needs_a_second_factor_is_accepted_and_its_login_is_not(alpha: LabHost) -> None:
    alpha.configure(AuthenticationMethods="publickey,password", PasswordAuthentication="yes")
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        assert connection.ask("deploy", (OURS.public, STRANGERS[0])) == (True, False)
        with pytest.raises(OperatorError) as caught:
            connection.login("deploy", OURS.private)
    data = SshAnswer(answer=Answer.MORE_FACTORS)
    assert known(caught.value) == (OperatorError, "ssh.login_refused", "deploy@alpha", data)


def test_no_answer_in_time_is_no_refusal(alpha: LabHost) -> None:
    with connect(endpoint(alpha), seconds=0.5) as connection:
        alpha.freeze()
        assert connection.ask("deploy", (OURS.public, STRANGERS[0])) == (None, None)
        assert not connection.open


def test_a_server_that_dies_while_it_is_asked_refuses_nothing(alpha: LabHost) -> None:
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        assert connection.ask("deploy", (STRANGERS[0],)) == (False,)
        alpha.stop()
        assert connection.ask("deploy", (OURS.public, STRANGERS[0])) == (None, None)


# ── logging in ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_login_with_a_key_that_does_not_stand_there_is_refused_and_the_next_one_lets_in(alpha: LabHost) -> None:
    other, _line = new_key("other")
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        with pytest.raises(OperatorError) as caught:
            connection.login("deploy", other)
        connection.login("deploy", OURS.private)
        assert connection.run("true", b"", seconds=SECONDS).exit_code == 0
    assert known(caught.value) == (
        OperatorError,
        "ssh.login_refused",
        "deploy@alpha",
        SshAnswer(answer=Answer.KEY),
    )


def test_after_a_login_the_server_may_finish_what_it_says(alpha: LabHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off in it, OpenSSH 9.8 and later count a connection that never tried to log in."""
    read, ends = list[bytes](), list[str]()

    def received(stream: Stream, size: int) -> bytes:
        read.append(recv(stream, size))
        return read[-1]

    def ending(name: str) -> Callable[[Stream], None]:
        end = getattr(Stream, name)

        def ended(stream: Stream) -> None:
            ends.append(name)
            end(stream)

        return ended

    recv = Stream.recv
    monkeypatch.setattr(Stream, "recv", received)
    for name in ("finish", "shutdown"):
        monkeypatch.setattr(Stream, name, ending(name))
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        connection.login("deploy", OURS.private)
    assert (ends, read[-1]) == (["finish", "shutdown"], b"")  # its end came of itself
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        connection.ask("deploy", [OURS.public])
    assert ends[2:] == ["shutdown"]


def test_a_server_that_does_not_end_is_not_waited_for(alpha: LabHost) -> None:
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        connection.login("deploy", OURS.private)
        alpha.freeze()
        began = time.monotonic()
    assert time.monotonic() - began < SECONDS
    alpha.thaw()


def test_a_jump_host_that_dies_when_all_is_done_undoes_nothing(
    alpha: LabHost, beta: LabHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_stream: Stream, _data: bytes) -> int:
        raise ConnectionResetError

    with connect(endpoint(alpha), seconds=SECONDS) as inside:
        inside.login("deploy", OURS.private)
        with connect(endpoint(beta), seconds=SECONDS, through=inside) as inner:
            inner.login("deploy", OURS.private)
            assert inner.run("echo done", b"", seconds=SECONDS).out == b"done\n"
            monkeypatch.setattr(Stream, "send", broken)


def test_a_login_without_an_answer_can_be_tried_again(alpha: LabHost) -> None:
    with connect(endpoint(alpha), seconds=0.5) as connection:
        alpha.freeze()
        with pytest.raises(TransientError) as caught:
            connection.login("deploy", OURS.private)
    assert known(caught.value) == silence(Answer.TIMEOUT)


def test_what_is_no_private_key_is_said_before_anything_is_sent(alpha: LabHost) -> None:
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        with pytest.raises(OperatorError) as caught:
            connection.login("deploy", BROKEN)
        assert connection.open
    assert known(caught.value)[1:3] == ("ssh.bad_key", "deploy@alpha")
    assert [text for text in ("CANARY",) if text in told(caught.value)] == []


def test_a_private_key_is_in_no_log_error_or_repr(alpha: LabHost, caplog: pytest.LogCaptureFixture) -> None:
    stranger, _line = new_key("x")
    caplog.set_level(logging.DEBUG)
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        with pytest.raises(OperatorError) as caught:
            connection.login("deploy", stranger)
        connection.login("deploy", OURS.private)
        with connection.sftp(seconds=SECONDS) as files:
            files.listdir(".")
        shown = "".join((repr(connection), repr(vars(connection)), told(caught.value), caplog.text))
    lines = [line for key in (stranger, OURS.private) for line in key.reveal().splitlines()[1:-1]]
    assert [line for line in lines if line in shown] == []
    assert [record.name for record in caplog.records if record.name.startswith("paramiko")] == []


def told(error: BaseException) -> str:
    """Return all that a traceback with the values of locals would show."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    kept = io.StringIO()
    shown.print(file=kept)
    return kept.getvalue()


# ── host keys ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_server_without_a_pinned_key_is_shown_and_told_nothing(alpha: LabHost) -> None:
    alpha.stop()  # and with it whatever earlier connections would still log
    alpha.start()
    before = alpha.log()
    error = refusal(at(alpha.port))
    shown = HostKey(offered=alpha.host_key, fingerprint=fingerprint(blob_of(alpha.host_key)))
    assert known(error) == (OperatorError, "ssh.host_key_unknown", "alpha", shown)
    assert "deploy" not in alpha.log().removeprefix(before)


def test_a_server_with_another_key_than_the_pinned_one_is_never_asked(alpha: LabHost) -> None:
    pinned = alpha.host_key
    alpha.new_host_key()
    for kind in ("ed25519", "ecdsa"):  # also one of another type
        alpha.new_host_key(kind)
        offered, was = alpha.host_key, fingerprint(blob_of(pinned))
        data = HostKey(offered=offered, fingerprint=fingerprint(blob_of(offered)), pinned=was)
        assert known(refusal(at(alpha.port, pinned))) == (OperatorError, "ssh.host_key_changed", "alpha", data)
    alpha.new_host_key()


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_server_with_several_keys_shows_the_pinned_one(alpha: LabHost, kind: str) -> None:
    alpha.new_host_key("ed25519", "ecdsa", "rsa")
    pinned = next(line for line in alpha.host_keys if kind in line.replace("ssh-rsa", "rsa"))
    with connect(at(alpha.port, pinned), seconds=SECONDS) as connection:
        assert connection.server.host_key == fingerprint(blob_of(pinned))
    alpha.new_host_key()


def test_while_a_host_key_is_being_replaced_two_are_pinned(alpha: LabHost) -> None:
    with connect(endpoint(alpha, pair().public, f"{alpha.host_key} root@alpha"), seconds=SECONDS) as connection:
        assert connection.server.software.startswith("OpenSSH_")
        assert connection.server.weak == ()


def test_weak_algorithms_that_a_server_offers_are_named(alpha: LabHost) -> None:
    alpha.configure(KexAlgorithms="+diffie-hellman-group14-sha1", Ciphers="+aes128-cbc", MACs="+hmac-md5,hmac-md5-96")
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        assert connection.server.weak == ("diffie-hellman-group14-sha1", "aes128-cbc", "hmac-md5", "hmac-md5-96")


def test_a_server_with_weak_algorithms_alone_is_not_talked_to(alpha: LabHost) -> None:
    alpha.configure(Ciphers="aes128-cbc,3des-cbc")
    assert known(refusal(endpoint(alpha))) == silence(Answer.KEX)


# ── silence ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (Fault.DRIP, Answer.NO_BANNER),
        (Fault.HANG, Answer.NO_BANNER),
        (Fault.MUTE, Answer.TIMEOUT),
        (Fault.GARBAGE, Answer.NOT_SSH),
    ],
)
def test_a_server_that_drips_hangs_or_speaks_otherwise_has_no_more_than_its_time(fault: Fault, answer: Answer) -> None:
    with misbehaving(fault) as port:
        started = time.monotonic()
        assert known(refusal(at(port), seconds=1)) == silence(answer)
        assert time.monotonic() - started < 3  # a busy machine is slow; without an end it would be never


@pytest.mark.parametrize("fault", [Fault.CLOSE, Fault.RESET, Fault.BUSY])
def test_a_server_that_drops_the_connection_before_its_banner_can_be_tried_again(fault: Fault) -> None:
    told_by = {Fault.CLOSE: {Answer.DROPPED, Answer.RESET}, Fault.RESET: {Answer.DROPPED, Answer.RESET}}
    with misbehaving(fault) as port:
        error = refusal(at(port))
    assert error.code == "ssh.unreachable"
    assert isinstance(error, TransientError)
    assert isinstance(error.data, SshAnswer)
    assert error.data.answer in told_by.get(fault, {Answer.BUSY, Answer.RESET, Answer.DROPPED})


def test_a_server_with_too_many_connections_can_be_tried_again(alpha: LabHost) -> None:
    alpha.configure(MaxStartups="1:100:1")
    with connect(endpoint(alpha), seconds=SECONDS):
        answer = refusal(endpoint(alpha)).data
    assert answer in [SshAnswer(answer=each) for each in (Answer.BUSY, Answer.DROPPED, Answer.RESET)]


def test_where_nobody_listens_and_what_has_no_name_is_said(alpha: LabHost) -> None:
    alpha.stop()
    assert known(refusal(endpoint(alpha))) == silence(Answer.REFUSED)
    nowhere = Endpoint(name="alpha", address=f"{'a' * 64}.invalid", port=22, host_keys=())
    assert known(refusal(nowhere)) == silence(Answer.NAME)


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def inside(alpha: LabHost) -> Iterator[Connection]:
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        connection.login("deploy", OURS.private)
        yield connection


def test_more_than_a_window_goes_both_ways_at_once(inside: Connection) -> None:
    sent = bytes(range(256)) * 12_000  # 3 MB: OpenSSH's window is 2
    done = inside.run("tee /dev/stderr", sent, seconds=SECONDS)
    assert (done.exit_code, done.out == sent, done.err == sent) == (0, True, True)


def test_a_command_that_reads_nothing_is_left_alone_with_its_input(inside: Connection) -> None:
    assert inside.run("echo done", b"x" * 5_000_000, seconds=SECONDS) == Completed(exit_code=0, out=b"done\n", err=b"")


def test_a_command_that_answers_too_much_is_stopped(inside: Connection) -> None:
    for command in ("yes", "yes >&2"):
        with pytest.raises(OperatorError) as caught:
            inside.run(command, b"", seconds=SECONDS, most_bytes=100_000)
        assert known(caught.value) == (OperatorError, "ssh.too_much", "alpha", TooMuch(most_bytes=100_000))
    assert inside.run("echo still here", b"", seconds=SECONDS).out == b"still here\n"


def test_a_command_has_its_time_and_no_more(inside: Connection) -> None:
    for command in ("sleep 9", "while :; do echo; sleep 0.05; done"):
        with pytest.raises(TransientError) as caught:
            inside.run(command, b"", seconds=0.3)
        assert known(caught.value) == silence(Answer.TIMEOUT)


def test_a_killed_command_has_no_exit_code(inside: Connection) -> None:
    assert inside.run("kill -9 $$", b"", seconds=SECONDS) == Completed(exit_code=NO_EXIT_CODE, out=b"", err=b"")


def test_a_connection_that_is_cut_is_no_answer(inside: Connection) -> None:
    with pytest.raises(TransientError) as caught:
        inside.run("echo half; kill -9 $PPID; sleep 9", b"", seconds=SECONDS)
    assert known(caught.value) == silence(Answer.CLOSED)
    with pytest.raises(TransientError) as caught:
        inside.run("true", b"", seconds=SECONDS)
    assert known(caught.value) == silence(Answer.CLOSED)


def test_a_server_that_stands_still_while_it_is_sent_much_is_given_up(alpha: LabHost) -> None:
    with connect(endpoint(alpha), seconds=0.3) as connection:
        connection.login("deploy", OURS.private)
        alpha.freeze()
        started = time.monotonic()
        with pytest.raises(TransientError):
            connection.run("cat", b"x" * 50_000_000, seconds=0.3)
        assert time.monotonic() - started < 1.5


# ── SFTP and jump hosts ──────────────────────────────────────────────────────────────────────────────────────────────


def test_files_are_read_by_sftp_and_their_errors_are_their_own(inside: Connection) -> None:
    with inside.sftp(seconds=SECONDS) as files:
        assert files.listdir(".ssh") == ["authorized_keys"]
        with pytest.raises(FileNotFoundError):
            files.stat("nothing")
    with pytest.raises(PermissionError), inside.sftp(seconds=SECONDS) as files:
        files.listdir("/root")


def test_sftp_that_a_server_does_not_have_is_said(alpha: LabHost) -> None:
    alpha.configure(Subsystem="other /bin/false")
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        connection.login("deploy", OURS.private)
        with pytest.raises(OperatorError) as caught, connection.sftp(seconds=SECONDS):
            pass
    assert known(caught.value)[:3] == (OperatorError, "ssh.no_sftp", "alpha")


def test_sftp_has_its_time_and_no_more(alpha: LabHost, inside: Connection) -> None:
    def read() -> None:
        with inside.sftp(seconds=0.3) as files:
            alpha.freeze()
            files.listdir(".")

    with pytest.raises(TransientError) as caught:
        read()
    assert known(caught.value) == silence(Answer.TIMEOUT)


def test_a_host_is_reached_through_another_and_both_are_known_by_their_keys(beta: LabHost, inside: Connection) -> None:
    with connect(endpoint(beta), seconds=SECONDS, through=inside) as connection:
        assert connection.ask("deploy", (STRANGERS[0], OURS.public)) == (False, True)
        connection.login("deploy", OURS.private)
        assert connection.run("cat", b"x" * 3_000_000, seconds=SECONDS).out == b"x" * 3_000_000
    assert refusal(endpoint(beta, OURS.public), through=inside).code == "ssh.host_key_changed"
    assert inside.run("echo still here", b"", seconds=SECONDS).out == b"still here\n"


def test_what_a_jump_host_cannot_reach_or_may_not_is_said(alpha: LabHost, beta: LabHost, inside: Connection) -> None:
    beta.stop()
    assert known(refusal(endpoint(beta), through=inside)) == silence(Answer.REFUSED)
    with misbehaving(Fault.HANG) as port:
        assert known(refusal(at(port), seconds=0.4, through=inside)) == silence(Answer.NO_BANNER)
    alpha.configure(AllowTcpForwarding="no")
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        connection.login("deploy", OURS.private)
        assert known(refusal(endpoint(beta), through=connection)) == silence(Answer.NOT_FORWARDED)


# ── many ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_sixty_four_connections_stand_at_once(alpha: LabHost) -> None:
    alpha.configure(MaxStartups="200")
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(endpoint(alpha), seconds=30)) for _ in range(64)]
        assert {each.ask("deploy", (STRANGERS[0], OURS.public)) for each in connections} == {(False, True)}


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_key_is_one_of_openssh_and_logs_in(alpha: LabHost) -> None:
    private, line = new_key("marias ops-deploy")
    alpha.write("deploy", f"{line}\n")
    assert public_line(private) == " ".join(line.split()[:2])
    assert line.split()[0] == "ssh-ed25519"
    assert line.endswith(" marias ops-deploy")
    assert (repr(private), new_key("")[0].reveal() == private.reveal()) == ("Secret(***)", False)
    with connect(endpoint(alpha), seconds=SECONDS) as connection:
        connection.login("deploy", private)


@pytest.mark.parametrize("theirs", [pair("ed25519"), pair("ecdsa"), pair("rsa")], ids=["ed25519", "ecdsa", "rsa"])
def test_the_public_line_of_a_private_key_is_found(theirs: Pair) -> None:
    assert public_line(theirs.private) == theirs.public


@pytest.mark.parametrize("text", ["", "ssh-ed25519 AAAA", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n"])
def test_what_is_no_private_key_has_no_public_line(text: str) -> None:
    assert public_line(Secret(text)) is None

import datetime as dt
import ipaddress
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from deployments.lab import smtp
from deployments.lab.smtp import LabSmtp
from tasks.adapters.mail import MailReply, send
from tasks.core.errors import OperatorError, TransientError
from tasks.core.secret import Secret
from tasks.settings import Mail

BODY = "Olá,\n\nação concluída ✓\n" + "x" * 2_000 + "\n.\nfim\n"


def section(lab: LabSmtp, **changes: Any) -> Mail:  # noqa: ANN401 - any field of [mail]
    given: dict[str, Any] = {
        "host": lab.host,
        "port": lab.port,
        "starttls": False,
        "sender": "marias-ops@assistmovemarias.org",
        "recipients": ("devops@assistmovemarias.org", "dpo@assistmovemarias.org"),
        "timeout_seconds": 5,
    }
    return Mail(**(given | changes))


def known(error: OperatorError) -> tuple[type[OperatorError], str, str, object]:
    return type(error), error.code, error.subject, error.data


def test_a_mail_arrives_whole_at_every_recipient() -> None:
    with smtp.running() as lab:
        send(section(lab), None, "✓ Tudo certo · produção", BODY, "a.1.ended@assistmovemarias.org")
    (arrived,) = lab.messages
    assert arrived == smtp.LabMail(
        sender="marias-ops@assistmovemarias.org",
        recipients=("devops@assistmovemarias.org", "dpo@assistmovemarias.org"),
        subject="✓ Tudo certo · produção",
        body=BODY,
        message_id="a.1.ended@assistmovemarias.org",
        received_at=arrived.received_at,
    )


def test_one_refused_recipient_does_not_keep_it_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    with smtp.running() as lab:
        lab.refused = frozenset({"dpo@assistmovemarias.org"})
        send(section(lab), None, "s", "b", "id@x")
    assert [mail.recipients for mail in lab.messages] == [("devops@assistmovemarias.org",)]
    assert [record.message for record in caplog.records if record.name == "tasks.adapters.mail"] == [
        "some recipients were refused"
    ]
    assert "dpo" not in caplog.text


def test_all_recipients_refused_is_an_error() -> None:
    with smtp.running() as lab:
        lab.refused = frozenset({"devops@assistmovemarias.org", "dpo@assistmovemarias.org"})
        with pytest.raises(OperatorError) as raised:
            send(section(lab), None, "s", "b", "id@x")
    assert known(raised.value) == (OperatorError, "mail.refused", lab.host, MailReply(reply="550"))


@pytest.mark.parametrize(("reply", "kind"), [("554", OperatorError), ("451", TransientError)])
def test_a_refused_mail_is_transient_only_when_the_server_says_later(reply: str, kind: type[OperatorError]) -> None:
    with smtp.running() as lab:
        lab.reply = f"{reply} Maria da Silva <maria@example.org>"
        with pytest.raises(OperatorError) as raised:
            send(section(lab), None, "s", "b", "id@x")
    assert known(raised.value) == (kind, "mail.refused", lab.host, MailReply(reply=reply))
    assert "maria" not in repr(raised.value)


def test_nobody_there_is_said() -> None:
    with smtp.running() as lab:
        pass
    with pytest.raises(TransientError) as raised:
        send(section(lab), None, "s", "b", "id@x")
    expected = (TransientError, "mail.unreachable", lab.host, MailReply(reply="ConnectionRefusedError"))
    assert known(raised.value) == expected


def test_a_subject_cannot_bring_headers_of_its_own() -> None:
    with smtp.running() as lab, pytest.raises(ValueError, match="linefeed"):
        send(section(lab), None, "s\nBcc: x@y", "b", "id@x")
    assert lab.messages == []


def test_a_server_without_starttls_gets_no_password() -> None:
    with smtp.running() as lab, pytest.raises(OperatorError) as raised:
        send(section(lab, starttls=True), Secret("senha"), "s", "b", "id@x")
    expected = (OperatorError, "mail.refused", lab.host, MailReply(reply="SMTPNotSupportedError"))
    assert known(raised.value) == expected


def test_starttls_and_password_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate(tmp_path)))
    with smtp.running(tls=serving(tmp_path), login=("ops", "senha")) as lab:
        mail = section(lab, starttls=True, username="ops")
        send(mail, Secret("senha"), "s", "b", "id@x")
        with pytest.raises(OperatorError) as raised:
            send(mail, Secret("errada"), "s", "b", "id@x")
    assert len(lab.messages) == 1
    assert known(raised.value) == (OperatorError, "mail.refused", lab.host, MailReply(reply="535"))
    assert "errada" not in repr(raised.value)


def test_an_unknown_certificate_is_not_trusted(tmp_path: Path) -> None:
    certificate(tmp_path)
    with smtp.running(tls=serving(tmp_path)) as lab, pytest.raises(TransientError) as raised:
        send(section(lab, starttls=True), None, "s", "b", "id@x")
    expected = (TransientError, "mail.unreachable", lab.host, MailReply(reply="SSLCertVerificationError"))
    assert known(raised.value) == expected


def serving(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def certificate(folder: Path) -> Path:
    """Write cert.pem and key.pem for 127.0.0.1; return the former."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lab")])
    now = dt.datetime.now(dt.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder / "cert.pem"

"""Mail by SMTP: the way to people that is left when Slack is out of reach."""

import logging
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate

from tasks.core.errors import OperatorError, TransientError
from tasks.core.secret import Secret
from tasks.settings import Mail

logger = logging.getLogger(__name__)

_GONE = (smtplib.SMTPServerDisconnected, smtplib.SMTPConnectError)
_LATER = range(400, 500)  # RFC 5321, 4.2.1: the server asks to try again


@dataclass(frozen=True, slots=True, kw_only=True)
class MailReply:
    """What a mail server refused with: its reply code, or the name of what it lacks; never its prose."""

    reply: str


def send(mail: Mail, password: Secret | None, subject: str, body: str, message_id: str) -> None:
    """Send a plain text mail to every recipient of [mail]; `message_id` is without angle brackets.

    Raises TransientError `mail.unreachable`, or `mail.refused` (transient for a 4xx reply), with MailReply. Recipients
    refused one by one are logged by their number; only when all are refused it is an error.
    """
    message = _message(mail, subject, body, message_id)
    with _server(mail, password) as server:
        refused = server.send_message(message, mail.sender, list(mail.recipients))
    if refused:
        logger.warning("some recipients were refused", extra={"refused": len(refused)})


def check(mail: Mail, password: Secret | None) -> None:
    """Log in and out, sending nothing; raises as `send` does."""
    with _server(mail, password) as server:
        server.noop()


@contextmanager
def _server(mail: Mail, password: Secret | None) -> Iterator[smtplib.SMTP]:
    try:
        with smtplib.SMTP(mail.host, mail.port, timeout=mail.timeout_seconds) as server:
            if mail.starttls:
                server.starttls(context=ssl.create_default_context())
            if password is not None:
                server.login(mail.username, password.reveal())
            yield server
    except smtplib.SMTPException as error:
        raise _translated(mail, error) from None
    except OSError as error:
        raise TransientError("mail.unreachable", mail.host, MailReply(reply=type(error).__name__)) from None


def _message(mail: Mail, subject: str, body: str, message_id: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.recipients)
    message["Subject"] = subject
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = f"<{message_id}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body, cte="quoted-printable")
    return message


def _translated(mail: Mail, error: smtplib.SMTPException) -> OperatorError:
    code = _reply_code(error)
    reply = MailReply(reply=str(code) if code else type(error).__name__)
    if isinstance(error, _GONE):
        return TransientError("mail.unreachable", mail.host, reply)
    return (TransientError if code in _LATER else OperatorError)("mail.refused", mail.host, reply)


def _reply_code(error: smtplib.SMTPException) -> int:
    """Return the SMTP reply code of an error; of refused recipients the first one's; 0 when there is none."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next((code for code, _ in error.recipients.values()), 0)
    return error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else 0

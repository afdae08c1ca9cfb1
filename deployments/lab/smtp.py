"""A mail server on loopback that keeps what it is sent: a thread of the calling process."""

import asyncio
import socket
import ssl
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

HOST = "127.0.0.1"
ACCEPTED = "250 OK"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabMail:
    """One mail as it arrived."""

    sender: str
    recipients: tuple[str, ...]
    subject: str
    body: str
    message_id: str
    received_at: datetime


@dataclass(slots=True, kw_only=True)
class LabSmtp:
    """A running mail server; `messages` grow while it runs, oldest first.

    Tests may set `refused` (recipients answered with 550) and `reply` (the answer to every mail, 250 keeps it).
    """

    host: str
    port: int
    messages: list[LabMail] = field(default_factory=list)
    refused: frozenset[str] = frozenset()
    reply: str = ACCEPTED


@contextmanager
def running(*, tls: ssl.SSLContext | None = None, login: tuple[str, str] | None = None) -> Iterator[LabSmtp]:
    """Take mail on a free port until the block ends.

    With `tls` STARTTLS is demanded, with `login` this user's password.
    """
    with socket.create_server((HOST, 0)) as listening:
        lab = LabSmtp(host=HOST, port=listening.getsockname()[1])
        controller = _OnSocket(_Keeper(lab), listening, tls, login)
        controller.start()
        try:
            yield lab
        finally:
            controller.stop()


class _OnSocket(Controller):
    """aiosmtpd's thread, listening on a socket that is bound already: no other process can take its port meanwhile."""

    def __init__(
        self, keeper: "_Keeper", listening: socket.socket, tls: ssl.SSLContext | None, login: tuple[str, str] | None
    ) -> None:
        expected = LoginPassword(*(part.encode() for part in login)) if login else None
        super().__init__(
            keeper,
            hostname=HOST,
            port=listening.getsockname()[1],
            server_hostname="lab",
            tls_context=tls,
            require_starttls=tls is not None,
            authenticator=lambda *call: AuthResult(success=call[-1] == expected, handled=False),
            auth_required=login is not None,
            auth_require_tls=tls is not None,
        )
        self._listening = listening

    def _create_server(self) -> Coroutine[Any, Any, asyncio.AbstractServer]:
        return self.loop.create_server(self._factory_invoker, sock=self._listening)


class _Keeper:
    def __init__(self, lab: LabSmtp) -> None:
        self._lab = lab

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self._lab.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return ACCEPTED

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - the same
        if self._lab.reply == ACCEPTED:
            self._lab.messages.append(_read(envelope))
        return self._lab.reply


def _read(envelope: Envelope) -> LabMail:
    raw = envelope.original_content or b""
    message = message_from_bytes(raw, policy=default)
    body = message.get_body(("plain",))
    return LabMail(
        sender=envelope.mail_from or "",
        recipients=tuple(envelope.rcpt_tos),
        subject=str(message["Subject"]),
        body=body.get_content().replace("\r\n", "\n") if body else "",
        message_id=str(message["Message-ID"]).strip(" <>"),
        received_at=datetime.now(UTC),
    )

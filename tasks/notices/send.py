"""Sends a notice: by Slack, else by mail, else not at all; it never raises, and says which way it took."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from tasks.adapters import mail as mail_adapter
from tasks.adapters import secrets
from tasks.adapters.slack import SlackApi
from tasks.core.errors import TransientError, known
from tasks.notices.message import Message
from tasks.notices.words import tell
from tasks.settings import Aws, Mail, Slack

logger = logging.getLogger(__name__)

LOOK_BACK = timedelta(days=7)
CLOCK_SKEW = timedelta(minutes=10)


class Way(StrEnum):
    """How a notice reached people."""

    SLACK = "slack"
    MAIL = "mail"
    NONE = "none"


_NOT_BY_SLACK: Final[Mapping[Way, str]] = {
    Way.MAIL: "O aviso não saiu no Slack e foi por e-mail.",
    Way.NONE: "Ninguém foi avisado: o aviso não saiu no Slack nem por e-mail. Avise a equipe com este texto.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Which way a notice took: `channel` and `message_id` in Slack, or the mail's id.

    Of the ways that failed, `failures` are the codes and `reasons` what happened and what to do.
    """

    way: Way
    channel: str = ""
    message_id: str = ""
    failures: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def trouble(self) -> str:
        """Return what to say where the notice did not take its own way; "" when it did."""
        return "\n".join((_NOT_BY_SLACK[self.way], *self.reasons)) if self.failures else ""


def announce(message: Message, channel_key: str, slack: Slack, mail: Mail, aws: Aws, *, look_up: bool) -> Receipt:  # noqa: PLR0913 - three sections of settings
    """Send `message` to the channel of `channel_key`, else by mail to all recipients; never raises an Exception.

    `look_up` when somebody may have sent it before: a message with its key in the channel counts as sent.
    """
    channel = slack.channel(channel_key)
    ways: tuple[tuple[Way, str, Callable[[], str]], ...] = (
        (Way.SLACK, channel, lambda: _by_slack(message, channel, slack, aws, look_up=look_up)),
        (Way.MAIL, "", lambda: _by_mail(message, reasons, mail, aws)),
    )
    failures: list[str] = []
    reasons: list[str] = []
    for way, where, send in ways:
        try:
            return Receipt(way=way, channel=where, message_id=send(), failures=tuple(failures), reasons=tuple(reasons))
        except Exception as error:  # noqa: BLE001 - the next way is taken, and the receipt tells
            cause = known(error)
            logger.warning("a notice did not go out: %s %s", way.value, cause.code, extra={"key": message.key})
            failures.append(cause.code)
            told = tell(cause.code, cause.subject, cause.data)
            reasons.append(f"{told.message} {told.remedy}")
    return Receipt(way=Way.NONE, failures=tuple(failures), reasons=tuple(reasons))


def _by_slack(message: Message, channel: str, slack: Slack, aws: Aws, *, look_up: bool) -> str:
    """Return the id of the message in Slack. When an answer was lost it is looked up before it is posted again."""
    api = SlackApi(slack, secrets.resolve(slack.token, aws))
    since = (message.since or datetime.now(UTC) - LOOK_BACK) - CLOCK_SKEW

    def post() -> str:
        return api.post(channel, message.text, message.blocks, message.key)

    if look_up and (found := api.find(channel, message.key, since)):
        return found
    try:
        return post()
    except TransientError:
        return api.find(channel, message.key, since) or post()


def _by_mail(message: Message, reasons: Sequence[str], mail: Mail, aws: Aws) -> str:
    """Return the mail's id, which its key decides: who gets it twice can see that it is the same.

    It ends with why it is a mail.
    """
    password = secrets.resolve(mail.password, aws) if mail.password else None
    name = message.key.replace("-", "").replace(":", ".")  # short enough for one line: folded, some servers misread it
    message_id = f"{name}@{mail.sender.rpartition('@')[2].rstrip('>')}"
    body = "\n".join((message.body.rstrip("\n"), *reasons, ""))
    mail_adapter.send(mail, password, message.subject, body, message_id)
    return message_id

"""Sends a notice: by Slack, else by mail, else not at all; it never raises, and says which way it took."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from tasks.adapters import mail as mail_adapter
from tasks.adapters import secrets
from tasks.adapters.slack import SlackApi
from tasks.core.errors import OperatorError, TransientError, unexpected
from tasks.notices.message import Message
from tasks.settings import Aws, Mail, Slack

logger = logging.getLogger(__name__)

LOOK_BACK = timedelta(days=7)
CLOCK_SKEW = timedelta(minutes=10)


class Way(StrEnum):
    """How a notice reached people."""

    SLACK = "slack"
    MAIL = "mail"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Which way a notice took: `channel` and `message_id` in Slack, or the mail's id; codes of the ways that failed."""

    way: Way
    channel: str = ""
    message_id: str = ""
    failures: tuple[str, ...] = ()


def announce(message: Message, channel_key: str, slack: Slack, mail: Mail, aws: Aws, *, look_up: bool) -> Receipt:  # noqa: PLR0913 - three sections of settings
    """Send `message` to the channel of `channel_key`, else by mail to all recipients; never raises an Exception.

    `look_up` when somebody may have sent it before: a message with its key in the channel counts as sent.
    """
    channel = slack.channel(channel_key)
    ways: tuple[tuple[Way, str, Callable[[], str]], ...] = (
        (Way.SLACK, channel, lambda: _by_slack(message, channel, slack, aws, look_up=look_up)),
        (Way.MAIL, "", lambda: _by_mail(message, mail, aws)),
    )
    failures: list[str] = []
    for way, where, send in ways:
        try:
            return Receipt(way=way, channel=where, message_id=send(), failures=tuple(failures))
        except Exception as error:  # noqa: BLE001 - the next way is taken, and the receipt tells
            known = error if isinstance(error, OperatorError) else unexpected(error)
            logger.warning("a notice did not go out", extra={"way": way.value, "code": known.code, "key": message.key})
            failures.append(known.code)
    return Receipt(way=Way.NONE, failures=tuple(failures))


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


def _by_mail(message: Message, mail: Mail, aws: Aws) -> str:
    """Return the mail's id, which its key decides: who gets it twice can see that it is the same."""
    password = secrets.resolve(mail.password, aws) if mail.password else None
    name = message.key.replace("-", "").replace(":", ".")  # short enough for one line: folded, some servers misread it
    message_id = f"{name}@{mail.sender.rpartition('@')[2].rstrip('>')}"
    mail_adapter.send(mail, password, message.subject, message.body, message_id)
    return message_id

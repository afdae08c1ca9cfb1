"""Sends a notice: by Slack, else by mail, else not at all; it never raises, and says which way it took."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
_NO_PICTURE: Final = "O aviso saiu sem o gráfico {} (ele está no relatório). {}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture that goes with a notice: its file's name, its title, and what it shows for who cannot see it."""

    name: str
    body: bytes
    title: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Which way a notice took: `channel` and `message_id` in Slack, or the mail's id.

    Of the ways that failed, `failures` are the codes and `reasons` what happened and what to do. `files` are the ids
    of the pictures in the message's thread, `warnings` what kept others from it: the notice itself counts as sent.
    """

    way: Way
    channel: str = ""
    message_id: str = ""
    failures: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def trouble(self) -> str:
        """Return what to say where the notice did not take its own way, or not whole; "" when it did."""
        detour = (_NOT_BY_SLACK[self.way], *self.reasons) if self.failures else ()
        return "\n".join((*detour, *self.warnings))


def announce(  # noqa: PLR0913 - three sections of settings
    message: Message,
    channel_key: str,
    slack: Slack,
    mail: Mail,
    aws: Aws,
    *,
    look_up: bool,
    pictures: Sequence[Picture] = (),
) -> Receipt:
    """Send `message` to the channel of `channel_key`, else by mail to all recipients; never raises an Exception.

    `look_up` when somebody may have sent it before: a message with its key in the channel counts as sent. Pictures go
    into the thread of the message that was posted here; a mail goes without (the report has them).
    """
    channel = slack.channel(channel_key)
    ways: tuple[tuple[Way, Callable[[], Receipt]], ...] = (
        (Way.SLACK, lambda: _by_slack(message, channel, slack, aws, pictures, look_up=look_up)),
        (Way.MAIL, lambda: _by_mail(message, reasons, mail, aws)),
    )
    failures: list[str] = []
    reasons: list[str] = []
    for way, send in ways:
        try:
            return replace(send(), failures=tuple(failures), reasons=tuple(reasons))
        except Exception as error:  # noqa: BLE001 - the next way is taken, and the receipt tells
            code, reason = _told(error)
            logger.warning("a notice did not go out: %s %s", way.value, code, extra={"key": message.key})
            failures.append(code)
            reasons.append(reason)
    return Receipt(way=Way.NONE, failures=tuple(failures), reasons=tuple(reasons))


def _by_slack(  # noqa: PLR0913 - what is sent, and where
    message: Message, channel: str, slack: Slack, aws: Aws, pictures: Sequence[Picture], *, look_up: bool
) -> Receipt:
    """Post the message, then its pictures. When an answer was lost it is looked up before it is posted again.

    What another has posted is left as it is: the pictures are that one's, and must not appear twice.
    """
    api = SlackApi(slack, secrets.resolve(slack.token, aws))
    since = (message.since or datetime.now(UTC) - LOOK_BACK) - CLOCK_SKEW

    def post() -> str:
        return api.post(channel, message.text, message.blocks, message.key)

    if look_up and (found := api.find(channel, message.key, since)):
        return Receipt(way=Way.SLACK, channel=channel, message_id=found)
    try:
        posted = post()
    except TransientError:
        posted = api.find(channel, message.key, since) or post()
    return _illustrate(api, Receipt(way=Way.SLACK, channel=channel, message_id=posted), pictures)


def _illustrate(api: SlackApi, receipt: Receipt, pictures: Sequence[Picture]) -> Receipt:
    """Put the pictures in the thread of what was posted; return the receipt with those that went and those that not."""
    files: list[str] = []
    warnings: list[str] = []
    for picture in pictures:
        try:
            words = {"title": picture.title, "description": picture.description}
            files.append(api.upload(receipt.channel, receipt.message_id, picture.name, picture.body, **words))
        except Exception as error:  # noqa: BLE001 - the notice is out, and the receipt tells
            code, reason = _told(error)
            logger.warning("a picture did not go out: %s", code, extra={"picture": picture.name})
            warnings.append(_NO_PICTURE.format(picture.name, reason))
    return replace(receipt, files=tuple(files), warnings=tuple(warnings))


def _told(error: Exception) -> tuple[str, str]:
    """Return an error's code, and in a person's words what happened and what to do."""
    cause = known(error)
    told = tell(cause.code, cause.subject, cause.data)
    return cause.code, f"{told.message} {told.remedy}"


def _by_mail(message: Message, reasons: Sequence[str], mail: Mail, aws: Aws) -> Receipt:
    """Send the mail, which ends with why it is one. Its key decides its id: who gets it twice can see that."""
    password = secrets.resolve(mail.password, aws) if mail.password else None
    name = message.key.replace("-", "").replace(":", ".")  # short enough for one line: folded, some servers misread it
    message_id = f"{name}@{mail.sender.rpartition('@')[2].rstrip('>')}"
    body = "\n".join((message.body.rstrip("\n"), *reasons, ""))
    mail_adapter.send(mail, password, message.subject, body, message_id)
    return Receipt(way=Way.MAIL, message_id=message_id)

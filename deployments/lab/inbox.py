"""The inbox page: every notice as people would see it in Slack or in their mail."""

import html
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from deployments.lab.smtp import LabMail

RUNBOOKS = Path(__file__).resolve().parents[2] / "docs" / "runbooks"

_SAO_PAULO = ZoneInfo("America/Sao_Paulo")
_RUNBOOK_NAME = re.compile(r"[a-z0-9-]+")
_KEPT_APART = re.compile(r"```(?P<pre>.+?)```|`(?P<code>[^`\n]+)`|<(?P<angle>[^<>\n]+)>", re.DOTALL)
_MARKS = tuple(
    (re.compile(rf"(?<![\w{mark}]){mark}(?=\S)([^{mark}\n]+?)(?<=\S){mark}(?![\w{mark}])"), tag)
    for mark, tag in ((r"\*", "strong"), ("_", "em"), ("~", "s"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A picture in a message's thread; `description` is for who cannot see it."""

    id: str
    name: str
    title: str
    description: str
    body: bytes

    @property
    def address(self) -> str:
        """Return an address that is the picture itself."""
        return f"data:image/png;base64,{b64encode(self.body).decode()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """One message in a channel (its name, without #), and the files in its thread.

    `id` is Slack's ts, `key` the notice's (empty without one).
    """

    channel: str
    id: str
    text: str
    blocks: tuple[Mapping[str, Any], ...]
    key: str
    posted_at: datetime
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """Whether requests are checked against Slack's description, and what broke it."""

    checked: bool
    requests: int
    faults: tuple[str, ...]


def page(posted: Sequence[Posted], mails: Sequence[LabMail], contract: Contract) -> str:
    """Return the inbox: newest first, grouped by channel (the one with the newest message first), then mails."""
    newest = sorted(posted, key=lambda message: message.id, reverse=True)
    order = list(dict.fromkeys(message.channel for message in newest))
    grouped = groupby(sorted(newest, key=lambda m: order.index(m.channel)), key=lambda m: m.channel)
    channels = [(name, list(messages)) for name, messages in grouped]
    return _TEMPLATES.get_template("inbox.html.j2").render(channels=channels, mails=mails[::-1], contract=contract)


def runbook(name: str) -> str | None:
    """Return a duty's runbook page as HTML; None when there is none."""
    path = RUNBOOKS / f"{name}.md"
    if not _RUNBOOK_NAME.fullmatch(name) or not path.is_file():
        return None
    body = Markup(MarkdownIt("commonmark", {"html": False}).enable("table").render(path.read_text(encoding="utf-8")))  # noqa: S704 - html is off
    return _TEMPLATES.get_template("inbox.html.j2").render(runbook=body, name=name)


def mrkdwn(text: str) -> Markup:
    """Return Slack's mrkdwn as HTML: bold, italic, struck, code, links, mentions; everything else is text."""
    apart: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kind = found.lastgroup or ""
        apart.append(_DRAWN[kind](found[kind]))
        return f"\x00{len(apart) - 1}\x00"

    marked = _text(_KEPT_APART.sub(keep, text.replace("\x00", "")))
    for pattern, tag in _MARKS:
        marked = pattern.sub(rf"<{tag}>\1</{tag}>", marked)
    whole = re.sub(r"\x00(\d+)\x00", lambda found: apart[int(found[1])], marked)
    return Markup(whole.replace("\n", "<br>"))  # noqa: S704 - every piece was escaped above


def rich_text(text: Mapping[str, Any]) -> Markup:
    """Return a text object as HTML, plain or marked."""
    shown = str(text["text"])
    return mrkdwn(shown) if text["type"] == "mrkdwn" else Markup(_text(shown).replace("\n", "<br>"))  # noqa: S704 - escaped


def _text(escaped: str) -> str:
    """Return Slack's escaped text (three entities) as safe HTML text."""
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        escaped = escaped.replace(entity, character)
    return html.escape(escaped)


def _angle(inside: str) -> str:
    """Return what stood between < and >: a mention or a link; only web addresses become links."""
    target, _, label = inside.partition("|")
    if target[0] in "!@#":
        return f'<span class="mention">@{_text(label or target.lstrip("!@#"))}</span>'
    if not target.startswith(("http://", "https://")):
        return _text(label or target)
    return f'<a href="{_text(target)}" rel="noreferrer">{_text(label or target)}</a>'


_DRAWN: Mapping[str, Callable[[str], str]] = {
    "pre": lambda inside: f"<pre>{_text(inside)}</pre>",
    "code": lambda inside: f"<code>{_text(inside)}</code>",
    "angle": _angle,
}


def _clock(at: datetime) -> str:
    return f"{at.astimezone(_SAO_PAULO):%d/%m/%Y %H:%M:%S}"


def _templates() -> Environment:
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {"clock": _clock, "rich": rich_text}
    return environment


_TEMPLATES = _templates()

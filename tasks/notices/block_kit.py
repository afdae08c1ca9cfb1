"""Draws a telling as Slack's Block Kit.

The rooms of a message's parts add up to less than `limits.MESSAGE` whatever the data, so that nothing is ever refused
for its length; what is cut stands whole in the report. Data is cut and escaped before marks are set around it, so that
no cut breaks a mark. `verbatim` keeps Slack from making links and mentions out of plain words (`@channel`, `#name`).
Pages are text links, not buttons: without an endpoint for interactions Slack shows a warning beside a pressed button.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import quote

from tasks.notices import limits
from tasks.notices.limits import escape, fit, length
from tasks.notices.telling import Item, Link, Part, Telling

Block = Mapping[str, object]

STRONG_ROOM: Final = 140
TEXT_ROOM: Final = 450
REMEDY_ROOM: Final = 350
CONTEXT_ROOM: Final = 100
LINKS_ROOM: Final = 2_000
TITLE_ROOM: Final = limits.BUTTON_TEXT

_URL_SAFE = "%/:?#[]@!$&'()*+,;=~-._"


def draw(telling: Telling) -> tuple[Block, ...]:
    """Return the blocks: header, parts, context, links."""
    return (
        _header(telling.headline),
        *(block for part in telling.parts for block in _part(part)),
        *_context(telling.context),
        *_sections([_links(telling.links)]),
    )


def _header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": fit(text, limits.HEADER), "emoji": False}}


def _part(part: Part) -> tuple[Block, ...]:
    texts = [f"\n{_item(item)}" if item.strong and place else _item(item) for place, item in enumerate(part.items)]
    return _sections([f"*{escape(part.heading)}*\n{texts[0]}" if part.heading else texts[0], *texts[1:]])


def _item(item: Item) -> str:
    lines = (
        f"*{fit(item.strong, STRONG_ROOM)}*" if item.strong else "",
        fit(item.text, TEXT_ROOM),
        f"_Como resolver:_ {fit(item.remedy, REMEDY_ROOM)}" if item.remedy else "",
    )
    return "\n".join(line for line in lines if line)


def _sections(texts: Iterable[str]) -> tuple[Block, ...]:
    """Return as few sections as hold `texts`, each of which fits into one."""
    packed: list[str] = []
    for text in filter(None, texts):
        joined = f"{packed[-1]}\n{text}" if packed else text
        if packed and length(joined) <= limits.SECTION:
            packed[-1] = joined
        else:
            packed.append(text.lstrip())
    return tuple({"type": "section", "text": _marked(text)} for text in packed)


def _context(facts: Sequence[str]) -> tuple[Block, ...]:
    elements = [_marked(fit(fact, CONTEXT_ROOM)) for fact in facts[: limits.CONTEXT_ELEMENTS]]
    return ({"type": "context", "elements": elements},) if elements else ()


def _links(links: Sequence[Link]) -> str:
    """Return the links that fit, in their order; one that is too long is left out, never cut."""
    text = ""
    for link in links:
        address = escape(quote(link.address, safe=_URL_SAFE))
        piece = f"{' · ' if text else ''}<{address}|{fit(link.title, TITLE_ROOM)}>"
        if length(address) <= limits.URL and length(text + piece) <= LINKS_ROOM:
            text += piece
    return text


def _marked(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}

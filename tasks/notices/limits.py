"""Slack's limits, and texts cut to them without breaking anything.

Sources: docs.slack.dev, reference of Block Kit blocks and composition objects, and of chat.postMessage. `MESSAGE` is
not documented: a message whose blocks hold about 13 200 characters is refused with `msg_blocks_too_long`
(slackapi/bolt-js#2509). Lengths are counted in UTF-16 units after escaping, the strictest reading.
"""

import re
from typing import Final

HEADER: Final = 150
SECTION: Final = 3_000
FIELD: Final = 2_000
BUTTON_TEXT: Final = 75
URL: Final = 3_000
CONTEXT_ELEMENTS: Final = 10
BLOCKS: Final = 50
MESSAGE: Final = 12_000
NOTIFICATION: Final = 300  # ours: what a phone shows of `text` (Slack takes 40 000)
SUBJECT: Final = 150  # ours: the mail's

_CUT = "…"
_WORD_SEARCH = 24
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Controls but the line feed, lone surrogates, and marks that turn the direction of the text around them.
_UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
# Marks, variation selectors, skin tones and joiners belong to the character before them.
_JOINED = re.compile(r"[\u0300-\u036f\u200d\u20d0-\u20ff\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]")
_JOINER = "\u200d"


def clean(text: str) -> str:
    """Return `text` without what cannot be seen but can mislead or break; runs of it become one space."""
    return _UNSEEN.sub(" ", text).strip()


def one_line(text: str) -> str:
    """Return `text` cleaned, on one line."""
    return " ".join(clean(text).split())


def length(text: str) -> int:
    """Return the length of `text` in UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)


def escape(text: str) -> str:
    """Return `text` so that Slack shows it as it is: no link, no mention (`<!here>`, `<@U…>`) can come out of it."""
    return "".join(_ENTITIES.get(character, character) for character in text)


def fit(text: str, room: int) -> str:
    """Return `text` cleaned, escaped and cut to `room` units: after a word where one ends near, never in a character.

    An entity is kept or left out whole, and so is an emoji of several code points.
    """
    text = clean(text)
    if length(escape(text)) <= room:
        return escape(text)
    used, end = length(_CUT), 0
    for character in text:
        used += length(_ENTITIES.get(character, character))
        if used > room:
            break
        end += 1
    return escape(text[: _whole(text, end)].rstrip()) + _CUT


def _whole(text: str, end: int) -> int:
    """Return the last place at or before `end` where `text` may be cut."""
    while end > 0 and (_JOINED.match(text[end]) or text[end - 1] == _JOINER):
        end -= 1
    start = max(end - _WORD_SEARCH, 0)
    space = max(text.rfind(" ", start, end + 1), text.rfind("\n", start, end + 1))
    return space if space > 0 else end

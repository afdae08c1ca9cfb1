"""Plain SQL that psql is to run, looked through beforehand, so that nothing of a hostile dump ever reaches it.

It follows psql's own rules of what is text (psqlscan.l): a backslash outside of strings, quoted names and comments
begins a command of psql's. psql is still run in its restricted mode: what deceives this reader does not deceive that.
"""

import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from types import MappingProxyType

from tasks.backup.formats.names import unquoted
from tasks.backup.model.drill import Placed
from tasks.backup.model.found import Fault

LONGEST_TOKEN_BYTES = 256 * 1024  # longer than a COPY statement can be: 1600 columns of 63 bytes
LONGEST_NAME_BYTES = 64
LONGEST_BEGINNING_BYTES = 64  # of a statement that is known by its first words
LONGEST_EXTENSION_BYTES = 512  # a statement that creates one: two names, each of whose bytes may be doubled


class Threat(StrEnum):
    """What a plain SQL dump would do beside restoring one database; the worst first."""

    COMMAND = "command"  # a command of psql's: to a shell, to a file
    PROGRAM = "program"  # COPY from or to a program or a file of the server's machine
    OTHER_DATABASE = "other_database"  # it makes databases of its own and connects to them


FAULTS = MappingProxyType(
    {Threat.COMMAND: Fault.HOSTILE, Threat.PROGRAM: Fault.HOSTILE, Threat.OTHER_DATABASE: Fault.OTHER_FORMAT}
)

# ── SQL that needs no look: words, numbers, operators, comments, names and strings in quotes ─────────────────────────
_WORD = rb"[\w$\x80-\xff]"
_BODY = rb"(?:[^'\\]|\\.|'')*+"  # of a string in which a backslash escapes
_E = rb"(?:(?<=[^\w$\x80-\xff][eE])|(?<=\A[eE]))"  # the letter before such a string
_NO_E = rb"(?<![^\w$\x80-\xff][eE])(?<!\A[eE])"
_STRING = rb"%s'[^']*+'" % _NO_E
_TOKENS = rb"""[^'"$/\\;-]++|%s|;(?=\s*+[^\s/cCsS-])|--[^\n]*+\n|-(?!-)|/(?!\*)|"[^"]*+"|%s'%s'"""
_MANY = rb"(?:(?:%s)(?!\Z))*+"  # what touches the end of a block may go on in the next
_STANDARD = re.compile(_MANY % (_TOKENS % (_STRING, _E, _BODY)), re.DOTALL)
_ESCAPING = re.compile(_MANY % (_TOKENS % (rb"'%s'" % _BODY, _E, _BODY)), re.DOTALL)
_BETWEEN_STATEMENTS = re.compile(rb"(?:\s|--[^\n]*+\n)*+")

# ── what does need one ───────────────────────────────────────────────────────────────────────────────────────────────
_DOLLAR = rb"\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*)?\$"
_OPENING = re.compile(rb"""(?P<escaped>%s')|(?P<text>'|"|--)|(?P<comment>/\*)|(?P<dollar>%s)""" % (_E, _DOLLAR))
_ENDS = MappingProxyType({b"'": b"'", b'"': b'"', b"--": b"\n"})
_CUT_DOLLAR = re.compile(rb"\$[\w\x80-\xff]*\Z")
_WITHIN_WORD = re.compile(rb"[A-Za-z_\x80-\xff]%s*\Z" % _WORD)
_ESCAPED = re.compile(_BODY, re.DOTALL)
_COMMENT = re.compile(rb"/\*|\*/")
_STRINGS = re.compile(rb"set\s+(?:session\s+)?standard_conforming_strings\s*(?:=|to)\s*'?(on|off)\b", re.IGNORECASE)
_COPY = re.compile(rb"copy(?!%s)" % _WORD, re.IGNORECASE)
_COPY_ROWS = re.compile(rb"COPY (?:\"[^\"]*\"|[^\"';])+? FROM stdin;\n")
_COPY_OUTSIDE = re.compile(
    rb"""copy(?:"[^"]*"|'[^']*'|[^"';])*?\b(?:from|to)(?:\s|--[^\n]*\n|/\*.*?\*/)*+(?:program\b|\$|u&'|e?')""",
    re.IGNORECASE | re.DOTALL,
)
_COPY_END = b"\n\\.\n"  # COPY's text form escapes newlines and backslashes, so this stands only at a block's end
# What pg_dump writes itself: a key around the whole; before a name that needs quotes, how it is encoded.
_HARMLESS = re.compile(rb"\\(?:(?:un)?restrict|encoding) \w+\n")
_EXTENSION = re.compile(
    rb'\nCREATE EXTENSION IF NOT EXISTS ("(?:[^"]|"")+"|[^\s";]+)(?: WITH SCHEMA ("(?:[^"]|"")+"|[^\s";]+))?;'
)
_CONNECT = re.compile(rb'\\c(?:onnect)? (?:[^`\\\n]*|-reuse-previous=on "(?:[^"`\n]|"")*")\n')


def hostile(blocks: Iterable[bytes]) -> Threat | None:
    """Return the worst that a plain SQL dump would do beside restoring its database, None if nothing; runs nothing."""
    scanner = Scanner()
    for block in blocks:
        scanner.feed(block)
    return scanner.threat()


class Scanner:
    """Looks through SQL in blocks of any size, and hands on all of it but COPY's rows; holds at most one cut token.

    A mode takes the data and where to begin, and returns up to where it has read: there again, when it needs more.
    """

    def __init__(self, hand_on: Callable[[bytes], None] = lambda _: None) -> None:
        """Begin before the first byte."""
        self._hand_on = hand_on
        self._mode: Callable[[bytes, int], int] = self._sql
        self._tokens = _STANDARD
        self._fresh = True  # between two statements
        self._held = b""
        self._quote = b""  # what ends the text that we are in
        self._depth = 0  # of comments within comments
        self._threats: set[Threat] = set()

    def feed(self, block: bytes) -> None:
        """Take the next bytes."""
        data, at = self._held + block, 0
        while at < len(data):
            reading = self._mode != self._rows
            stop = self._mode(data, at)
            if stop == at:
                break
            if reading:
                self._hand_on(data[at:stop])
            at = stop
        self._held = data[at:]

    def threat(self) -> Threat | None:
        """Return the worst that was found, after the last byte (psql runs a last statement without its end, too)."""
        if self._mode != self._rows:
            self._hand_on(self._held)
        self._hand_on = lambda _: None
        self.feed(b"\n;\n \n")
        return next((threat for threat in Threat if threat in self._threats), None)

    def _sql(self, data: bytes, at: int) -> int:
        if self._fresh and (stop := self._statement(data, at)) is not None:
            return stop
        tokens = self._tokens.match(data, at)
        if tokens and tokens.end() > at:
            return tokens.end()
        if data.startswith(b"\\", at):
            return self._command(data, at)
        if data.startswith(b";", at):
            self._fresh = True
            return at + 1
        return self._opened(data, at)

    def _statement(self, data: bytes, at: int) -> int | None:
        # Where a statement begins: None, and no more `fresh`, when it is none that needs a look.
        between = _BETWEEN_STATEMENTS.match(data, at)
        if between and between.end() > at:
            return between.end()
        if data.startswith((b"/*", b"--"), at):
            return self._opened(data, at)
        if len(data) - at <= LONGEST_BEGINNING_BYTES and b";" not in data[at:]:
            return at
        if strings := _STRINGS.match(data, at):
            self._tokens = _STANDARD if strings[1].lower() == b"on" else _ESCAPING
        stop = self._copy(data, at) if _COPY.match(data, at) else None
        self._fresh = stop == at
        return stop

    def _opened(self, data: bytes, at: int) -> int:
        # Text whose end is not in sight, or what is too near the end of the block to be told.
        opening = _OPENING.match(data, at)
        if data.startswith(b"$", at) and _WITHIN_WORD.search(data[max(0, at - LONGEST_NAME_BYTES) : at]):
            return at + 1
        if not opening:
            return self._unfinished(data, at)
        if opening.lastgroup == "comment":
            self._depth = 1
            return self._enter(self._comment, b"", opening.end())
        if opening.lastgroup == "escaped" or (opening[0] == b"'" and self._tokens is _ESCAPING):
            return self._enter(self._escaped, b"", opening.end())
        return self._enter(self._text, _ENDS.get(opening[0], opening[0]), opening.end())

    def _unfinished(self, data: bytes, at: int) -> int:
        # All words but the last, which may go on; a lone "$".
        if data.startswith(b"$", at):
            return at if _CUT_DOLLAR.match(data, at) else at + 1
        stop = max(data.rfind(b" ", at), data.rfind(b"\n", at)) + 1
        return stop or (at if len(data) - at <= LONGEST_TOKEN_BYTES else len(data))

    def _enter(self, mode: Callable[[bytes, int], int], quote: bytes, at: int) -> int:
        self._mode, self._quote = mode, quote
        return at

    def _text(self, data: bytes, at: int) -> int:
        end = data.find(self._quote, at)
        if end < 0:
            return max(at, len(data) - len(self._quote) + 1)
        return self._enter(self._sql, b"", end + len(self._quote))

    def _escaped(self, data: bytes, at: int) -> int:
        body = _ESCAPED.match(data, at)
        end = body.end() if body else at
        closed = data[end : end + 1] == b"'" and end + 1 < len(data)  # and no second one behind it
        return self._enter(self._sql, b"", end + 1) if closed else end

    def _comment(self, data: bytes, at: int) -> int:
        mark = _COMMENT.search(data, at)
        if not mark:
            return max(at, len(data) - 1)
        self._depth += 1 if mark[0] == b"/*" else -1
        return mark.end() if self._depth else self._enter(self._sql, b"", mark.end())

    def _copy(self, data: bytes, at: int) -> int:
        if copy := _COPY_ROWS.match(data, at):
            return self._enter(self._rows, b"", copy.end() - 1)  # this newline begins the rows: none end like any
        if _COPY_OUTSIDE.match(data, at):
            return self._found(Threat.PROGRAM, data)
        cut = b";\n" not in data[at : at + LONGEST_TOKEN_BYTES] and len(data) - at <= LONGEST_TOKEN_BYTES
        return at if cut else at + len(b"copy")

    def _rows(self, data: bytes, at: int) -> int:
        end = data.find(_COPY_END, at)
        if end < 0:
            return max(at, len(data) - len(_COPY_END) + 1)
        self._hand_on(_COPY_END)
        self._fresh = True
        return self._enter(self._sql, b"", end + len(_COPY_END))

    def _command(self, data: bytes, at: int) -> int:
        if b"\n" not in data[at : at + LONGEST_TOKEN_BYTES] and len(data) - at <= LONGEST_TOKEN_BYTES:
            return at
        self._fresh = True
        if harmless := _HARMLESS.match(data, at):
            return harmless.end()
        if connect := _CONNECT.match(data, at):
            self._threats.add(Threat.OTHER_DATABASE)
            return connect.end()
        return self._found(Threat.COMMAND, data)

    def _found(self, threat: Threat, data: bytes) -> int:
        self._threats.add(threat)
        return self._enter(self._nothing, b"", len(data))

    def _nothing(self, data: bytes, _at: int) -> int:
        return len(data)


class Extensions:
    """Notes the extensions that SQL creates, in blocks of any size."""

    def __init__(self) -> None:
        """Begin with none."""
        self._tail = b"\n"
        self._found: dict[str, Placed] = {}

    def feed(self, sql: bytes) -> None:
        """Take the next bytes."""
        data = self._tail + sql
        for create in _EXTENSION.finditer(data):
            name, schema = (unquoted(part.decode(errors="replace")) for part in (create[1], create[2] or b""))
            self._found[name] = Placed(extension=name, schema=schema)
        self._tail = data[-LONGEST_EXTENSION_BYTES:]

    def placed(self) -> tuple[Placed, ...]:
        """Return them in the order of their creation."""
        return tuple(self._found.values())

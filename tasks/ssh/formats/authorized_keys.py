"""authorized_keys, byte for byte: read as sshd reads it (auth2-pubkeyfile.c, sshkey_read), edited line by line."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from tasks.ssh.formats import blobs
from tasks.ssh.model.keys import PublicKey

bits = blobs.bits
CA = "cert-authority"
UNKNOWN_OPTION = "?"
OPTIONS = frozenset(
    {CA, "command", "environment", "expiry-time", "from", "permitlisten", "permitopen", "principals", "restrict"}
    | {"tunnel", "no-touch-required", "touch-required", "verify-required", "no-verify-required"}
    | {
        f"{no}{name}"
        for name in ("agent-forwarding", "port-forwarding", "pty", "user-rc", "x11-forwarding")
        for no in ("", "no-")
    }
)
_QUOTED = rb'\\"|"(?:\\"|[^"\\]|\\(?!"))*"'  # an escaped quote, which opens nothing, or what stands in quotes
_OPTIONS = re.compile(rb"(?:" + _QUOTED + rb'|[^" \t\\]|\\(?!"))*')
_OPTION = re.compile(rb"(?:" + _QUOTED + rb'|[^",\\]|\\(?!"))+')
_WORD = re.compile(rb"[^ \t]*")


class LineKind(StrEnum):
    """What a line is to sshd; UNPARSABLE opens nothing and is neither empty nor a comment."""

    KEY = "key"
    COMMENT = "comment"
    BLANK = "blank"
    UNPARSABLE = "unparsable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: `number` from 1, `raw` with its ending. A key under options that sshd refuses still is a KEY."""

    number: int
    raw: bytes
    kind: LineKind
    options: bytes = b""
    key: PublicKey | None = None
    comment: bytes = b""


def parse(content: bytes) -> tuple[Line, ...]:
    """Return the lines of a file; joined, their `raw` is the file again."""
    return tuple(_line(number, raw) for number, raw in enumerate(_raw_lines(content), start=1))


def option_names(line: Line) -> tuple[str, ...]:
    """Return the names of a line's options in their order; one that OpenSSH does not document is UNKNOWN_OPTION."""
    names = (match.group().partition(b"=")[0].decode("latin-1").lower() for match in _OPTION.finditer(line.options))
    return tuple(name if name in OPTIONS else UNKNOWN_OPTION for name in names)


def with_beside(content: bytes, *, old: Collection[PublicKey], new: PublicKey, comment: str) -> bytes:
    """Return the file with a line for `new` beside each line that lets an `old` key in, under the same options.

    It comes directly after, with the same ending; directly before a last line that has none, so that no other line is
    touched. Nothing is added where `new` stands under these options already. ValueError for a comment of two lines.
    """
    if re.search(r"[\0\r\n]", comment):
        raise ValueError("a comment is one line")
    lines = parse(content)
    standing = {line.options for line in lines if _lets_in(line, (new,))}
    pieces: list[bytes] = []
    for line in lines:
        if line.options in standing or not _lets_in(line, [key for key in old if key != new]):
            pieces.append(line.raw)
            continue
        standing.add(line.options)
        text = b" ".join(part for part in (line.options, new.line.encode(), comment.encode()) if part)
        ending = _ending(line.raw)
        pieces.extend((line.raw, text + ending) if ending else (text + (_usual_ending(lines)), line.raw))
    return b"".join(pieces)


def without(content: bytes, keys: Collection[PublicKey]) -> bytes:
    """Return the file less the lines that let these keys in; every other byte stays, lines of authorities too."""
    return b"".join(line.raw for line in parse(content) if not _lets_in(line, keys))


def diff(before: bytes, after: bytes) -> tuple[str, ...]:
    """Return what an edit changes, line by line: `+` or `-`, the line's number, and what it is, never its text.

    Keys are told by type, fingerprint and the names of their options.
    """
    old, new = _differing(parse(before), parse(after))
    matcher = SequenceMatcher(None, [line.raw for line in old], [line.raw for line in new])  # autojunk: never quadratic
    return tuple(
        f"{sign} {line.number} {_shown(line)}"
        for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes()
        if tag != "equal"
        for sign, lines in (("-", old[old_from:old_to]), ("+", new[new_from:new_to]))
        for line in lines
    )


def _differing(old: tuple[Line, ...], new: tuple[Line, ...]) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """Return both less the lines with which both begin, and those with which both end."""
    first = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a.raw != b.raw), min(len(old), len(new)))
    old, new = old[first:], new[first:]
    pairs = zip(reversed(old), reversed(new), strict=False)
    last = next((n for n, (a, b) in enumerate(pairs) if a.raw != b.raw), min(len(old), len(new)))
    return old[: len(old) - last], new[: len(new) - last]


def _raw_lines(content: bytes) -> Iterator[bytes]:
    pieces = content.split(b"\n")
    yield from (piece + b"\n" for piece in pieces[:-1])
    if pieces[-1]:
        yield pieces[-1]


def _line(number: int, raw: bytes) -> Line:
    text = raw.removesuffix(b"\n").partition(b"\0")[0].lstrip(b" \t")  # to sshd a line ends at a NUL
    if not text.strip():
        return Line(number=number, raw=raw, kind=LineKind.BLANK)
    if text.startswith(b"#"):
        return Line(number=number, raw=raw, kind=LineKind.COMMENT)
    options = b""
    found = _key(text)
    if found is None:
        options = _options(text)
        found = _key(text[len(options) :].lstrip(b" \t"))
    if found is None:
        return Line(number=number, raw=raw, kind=LineKind.UNPARSABLE)
    key, comment = found
    return Line(number=number, raw=raw, kind=LineKind.KEY, options=options, key=key, comment=comment)


def _options(text: bytes) -> bytes:
    match = _OPTIONS.match(text)
    return match.group() if match else b""


def _key(text: bytes) -> tuple[PublicKey, bytes] | None:
    kind = _word(text)
    rest = text[len(kind) :].lstrip(b" \t")
    encoded = _word(rest)
    key = blobs.key_of(kind, encoded)
    return (key, rest[len(encoded) :].strip(b" \t\r")) if key else None


def _word(text: bytes) -> bytes:
    match = _WORD.match(text)
    return match.group() if match else b""


def _lets_in(line: Line, keys: Collection[PublicKey]) -> bool:
    return line.key is not None and line.key in keys and CA not in option_names(line)


def _ending(raw: bytes) -> bytes:
    if not raw.endswith(b"\n"):
        return b""
    return b"\r\n" if raw.endswith(b"\r\n") else b"\n"


def _usual_ending(lines: tuple[Line, ...]) -> bytes:
    return _ending(lines[0].raw) or b"\n"


def _shown(line: Line) -> str:
    if line.key is None:
        return line.kind
    names = option_names(line)
    return f"{line.key.kind} {line.key.fingerprint}" + (f" [{','.join(names)}]" if names else "")

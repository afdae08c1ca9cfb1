"""Files with keys by a script of the POSIX shell (files.sh): the transport that knows sudo, locks, ACLs and labels."""

import os
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from hashlib import sha256
from importlib.resources import files
from secrets import token_hex
from shlex import quote
from time import time
from typing import Protocol, TypedDict

from tasks.adapters.ssh.errors import Answer, unreachable
from tasks.adapters.ssh.files import (
    Files,
    Inspection,
    RemoteFile,
    Replaced,
    Source,
    Trouble,
    file_changed,
    not_edited,
    temporary_name,
)
from tasks.core.errors import OperatorError

COMMAND = "sh"  # the account's login shell starts it, and gets nothing to quote
ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
MOST_BYTES = 8_000_000


class _Completed(Protocol):
    @property
    def out(self) -> bytes: ...


class Commands(Protocol):
    """A logged-in connection, as far as it runs commands."""

    @property
    def name(self) -> str:
        """Return the host's name."""

    def run(self, command: str, stdin: bytes, *, seconds: float, most_bytes: int = ...) -> _Completed:
        """Run a command by the account's login shell."""


def shell(connection: Commands, *, sudo: bool, seconds: float) -> Files:
    """Return the files of the host's accounts by its shell; `seconds` bounds each call."""
    return _ShellFiles(connection=connection, sudo=sudo, seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShellFiles:
    connection: Commands
    sudo: bool
    seconds: float

    def inspect(self, account: str, patterns: tuple[str, ...], *, trial: bool) -> Inspection:
        if not ACCOUNT.fullmatch(account):
            raise ValueError(account)
        words = {"account": account, "now": str(int(time())), "trial": "yes" if trial else "no"}
        return _inspection(self._answer(account, ("inspect", *patterns), words), datetime.now(UTC))

    def replace(self, file: RemoteFile, content: bytes) -> Replaced:
        words = {
            "real": file.path,
            "expected": file.sha256,
            "wanted": sha256(content).hexdigest(),
            "content": b64encode(content).decode(),
        }
        return _replaced(file, content, self._answer(file.path, ("replace",), words))

    def _answer(self, subject: str, call: tuple[str, ...], words: Mapping[str, str]) -> Iterator[bytes]:
        left, right = token_hex(8), token_hex(8)
        named = {"left": left, "right": right, "name": temporary_name(), **words}
        assignments = "".join(f"{name}={quote(value)}\n" for name, value in named.items())
        text = f"{_script()}\n{assignments}answer {' '.join(quote(word) for word in call)} </dev/null\n"
        if self.sudo:
            text = _through_sudo(text, left, right)
        done = self.connection.run(COMMAND, os.fsencode(text), seconds=self.seconds, most_bytes=MOST_BYTES)
        mark = (left + right).encode()
        _noise, began, answer = done.out.partition(mark + b" begin\n")
        answer, ended, _noise = answer.partition(mark + b" end\n")
        if not began or answer.startswith(b"lacks "):
            stopped = self.sudo and not began and mark + b" shell\n" in done.out
            raise OperatorError(Trouble.NO_SUDO if stopped else Trouble.NO_SHELL, subject)
        if not ended:
            raise unreachable(self.connection.name, Answer.CLOSED)
        return iter(answer.removesuffix(b"\n").split(b"\n"))


@cache
def _script() -> str:
    return files("tasks.adapters.ssh").joinpath("files.sh").read_text(encoding="utf-8")


def _through_sudo(text: str, left: str, right: str) -> str:
    handed = "printf 'SSH_CONNECTION=%s\\n%s' \"'$SSH_CONNECTION'\" \"$text\""  # sudo lets no variable through
    return f"printf '%s%s shell\\n' {left} {right}\ntext={quote(text)}\n{handed} | sudo -n -- sh\n"


def _replaced(file: RemoteFile, content: bytes, lines: Iterator[bytes]) -> Replaced:
    said, _space, how = next(lines).decode().partition(" ")
    if said == "changed":
        raise file_changed(file)
    if said == "failed":
        raise not_edited(file, how)
    blocks = {heading: _block(lines) for heading in lines}
    now = content if how == "whole" else blocks.get(b"content", b"")
    return Replaced(content=now, late=blocks.get(b"late"))


def _block(lines: Iterator[bytes]) -> bytes:
    return b64decode(b"".join(iter(partial(next, lines), b".")))


def _inspection(lines: Iterator[bytes], now: datetime) -> Inspection:
    source, offset = Source.DEFAULT, "+0000"
    found: list[RemoteFile] = []
    last_used: dict[str, datetime] = {}
    for line in lines:
        word, _space, rest = line.partition(b" ")
        match word:
            case b"source":
                source = Source(rest.decode())
            case b"file":
                found.append(RemoteFile(path=os.fsdecode(rest)))
            case b"clock":
                offset = rest.decode()
            case b"used":
                fingerprint, _, stamp = rest.decode(errors="replace").partition(" ")
                at = _time(stamp, offset, now)
                last_used |= {fingerprint: at} if at else {}
            case _:
                found[-1] = replace(found[-1], **_told(word, rest, lines))
    return Inspection(files=tuple(found), source=source, last_used=last_used)


class _Told(TypedDict, total=False):
    trouble: str
    mode: int
    uid: int
    gid: int
    links: int
    content: bytes


def _told(word: bytes, rest: bytes, lines: Iterator[bytes]) -> _Told:
    if word == b"trouble":
        return {"trouble": "" if rest == b"-" else Trouble(f"ssh.trouble.{rest.decode()}")}
    if word == b"facts":
        mode, uid, gid, links = rest.decode().split()
        return {"mode": int(mode, 8), "uid": int(uid), "gid": int(gid), "links": int(links)}
    return {"content": _block(lines)}


def _time(stamp: str, offset: str, now: datetime) -> datetime | None:
    """Return the time of a stamp: ISO 8601, or `Nov 23 13:00:00` of the last twelve months by the host's clock."""
    if stamp[:1].isdigit():
        return _parsed(datetime.fromisoformat, stamp)
    years = (
        _parsed(lambda text: datetime.strptime(text, "%Y %b %d %H:%M:%S %z"), f"{year} {stamp} {offset}")
        for year in (now.year, now.year - 1)
    )
    return next((at for at in years if at and at <= now + timedelta(days=1)), None)


def _parsed(parse: Callable[[str], datetime], text: str) -> datetime | None:
    try:
        return parse(text).astimezone(UTC)
    except ValueError:
        return None

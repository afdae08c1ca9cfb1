"""The file that says which keys open an account: what is seen of it, and what can come of replacing it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from secrets import token_hex
from time import time
from typing import Protocol

from tasks.core.errors import OperatorError

DEFAULT = (".ssh/authorized_keys", ".ssh/authorized_keys2")  # OpenSSH's, below the home folder
LARGEST_BYTES = 1 << 20
STALE_SECONDS = 300  # older temporary files are a killed run's


class Trouble(StrEnum):
    """What is in the way of replacing a file, found before anything is changed."""

    READ_ONLY = "ssh.trouble.read_only"
    IMMUTABLE = "ssh.trouble.immutable"  # chattr +i or +a, or a file system that lets it have no second name
    NO_SPACE = "ssh.trouble.no_space"
    HARD_LINKS = "ssh.trouble.hard_links"  # it has another name, which would keep the old content
    MISSING = "ssh.trouble.missing"
    DENIED = "ssh.trouble.denied"  # it cannot be read, or not be written with its owner, mode and ACL
    NOT_A_FILE = "ssh.trouble.not_a_file"
    TOO_LARGE = "ssh.trouble.too_large"
    LOOSE_MODES = "ssh.trouble.loose_modes"  # sshd with StrictModes does not read it
    NO_SHELL = "ssh.trouble.no_shell"
    NO_SUDO = "ssh.trouble.no_sudo"
    NO_SFTP = "ssh.trouble.no_sftp"


class Source(StrEnum):
    """Who said where the keys stand."""

    SSHD = "sshd"
    SETTINGS = "settings"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """A file with keys: `path` after all links, `links` its names other than ours; empty where it could not be read."""

    path: str
    content: bytes = b""
    mode: int = 0
    uid: int = -1
    gid: int = -1
    links: int = 0
    trouble: str = ""

    @property
    def sha256(self) -> str:
        """Return the hash of its content, as 64 hexadecimal digits."""
        return sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What was found: every file with keys, or the first that there should be, with the trouble MISSING.

    `last_used` tells by fingerprint when a key last let somebody in, as far as the server's log may be read.
    """

    files: tuple[RemoteFile, ...]
    source: Source
    last_used: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """What the file now holds, read back; `late` is what another writer put into the old one meanwhile, else None.

    Who gets `late` merges it and replaces again.
    """

    content: bytes
    late: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEdited:
    """Why a file was not replaced: the name of the system's error."""

    reason: str


class Files(Protocol):
    """Reads and replaces the files with an account's keys, by one transport."""

    def inspect(self, account: str, patterns: tuple[str, ...], *, trial: bool) -> Inspection:
        """Return the files that `patterns` (as AuthorizedKeysFile) name; none: what sshd says, else OpenSSH's default.

        A `trial` does all that a replacement needs on files of its own beside each.
        OperatorError NO_SHELL, NO_SUDO, NO_SFTP where nothing can be seen at all.
        """

    def replace(self, file: RemoteFile, content: bytes) -> Replaced:
        """Put `content` in the place of a file that was inspected, whole or not at all.

        OperatorError ssh.file_changed: it is no longer as it was; ssh.not_edited: it cannot be written. Both left it
        as it was. TransientError ssh.unreachable: the answer was cut off; the file is the old or the new one.
        """


def temporary_name() -> str:
    """Return what this edit's temporary files are called: when it began, and what nobody can guess."""
    return f"{int(time())}-{token_hex(8)}"


def file_changed(file: RemoteFile) -> OperatorError:
    """Return the error of a file that another writer was at."""
    return OperatorError("ssh.file_changed", file.path)


def not_edited(file: RemoteFile, reason: str) -> OperatorError:
    """Return the error of a file that could not be written."""
    return OperatorError("ssh.not_edited", file.path, NotEdited(reason=reason))

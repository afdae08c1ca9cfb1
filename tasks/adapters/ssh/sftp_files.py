"""Files with keys by SFTP alone: the transport for accounts without a shell.

It needs three of OpenSSH's extensions (PROTOCOL, section 4). Owner and mode are kept; ACLs and labels cannot be seen
through SFTP, and a new file gets the folder's default; nor can a folder be flushed to the disk.
"""

import errno
import re
import stat
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from posixpath import dirname, join
from time import time
from typing import Protocol

from paramiko.sftp_attr import SFTPAttributes
from paramiko.sftp_client import SFTPClient

from tasks.adapters.ssh.files import (
    DEFAULT,
    LARGEST_BYTES,
    STALE_SECONDS,
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
from tasks.adapters.ssh.sftp_server import SftpServer, alike

SPARE_BYTES = 4096
_TROUBLES = {"EROFS": Trouble.READ_ONLY, "EACCES": Trouble.DENIED, "ENOTSUP": Trouble.NO_SFTP}
_OURS = re.compile(r"\.marias-(\d+)-[0-9a-f]+\.(?:new|old)")
_PERCENT = re.compile(r"%(.)")


class Lender(Protocol):
    """A logged-in connection, as far as it lends an SFTP client."""

    def sftp(self, *, seconds: float) -> AbstractContextManager[SFTPClient]:
        """Lend a client for `seconds` in all."""


def sftp(connection: Lender, *, seconds: float) -> Files:
    """Return the files of the account that is logged in by SFTP; `seconds` bounds each call."""
    return _SftpFiles(connection=connection, seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _SftpFiles:
    connection: Lender
    seconds: float

    def inspect(self, account: str, patterns: tuple[str, ...], *, trial: bool) -> Inspection:
        with self.connection.sftp(seconds=self.seconds) as client:
            server = SftpServer(client)
            paths = [_expanded(pattern, account, server.home) for pattern in patterns or DEFAULT if pattern != "none"]
            files = {file.path: file for path in paths if (file := _seen(server, path, trial=trial))}
        missing = [RemoteFile(path=path, trouble=Trouble.MISSING) for path in paths[:1] if not files]
        return Inspection(files=(*files.values(), *missing), source=Source.SETTINGS if patterns else Source.DEFAULT)

    def replace(self, file: RemoteFile, content: bytes) -> Replaced:
        with self.connection.sftp(seconds=self.seconds) as client:
            server = SftpServer(client)
            names = _Names.beside(file.path)
            if not server.holds(file.path, file):
                raise file_changed(file)
            try:
                return _replaced(server, file, content, names)
            except OSError as error:
                reason = server.reason(file.path, error)
                names.remove(server)
                raise not_edited(file, reason) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """The temporary files of one edit."""

    fresh: str
    kept: str

    @classmethod
    def beside(cls, path: str) -> "_Names":
        name = join(dirname(path), f".marias-{temporary_name()}")
        return cls(fresh=f"{name}.new", kept=f"{name}.old")

    def remove(self, server: SftpServer) -> None:
        for name in (self.fresh, self.kept):
            _gone(server, name)


def _replaced(server: SftpServer, file: RemoteFile, content: bytes, names: _Names) -> Replaced:
    with server.made(names.fresh, content, file) as made:
        if not alike(made, file):
            raise PermissionError(errno.EACCES, "")
    server.extended("hardlink@openssh.com", file.path, names.kept)
    # from here the old file has a second name: what another writer adds to it is found there after the rename
    if not (server.holds(names.kept, file) and server.holds(file.path, file)):
        names.remove(server)
        raise file_changed(file)
    server.client.posix_rename(names.fresh, file.path)
    now, before = server.now(file.path), server.now(names.kept)
    names.remove(server)
    return Replaced(content=now, late=None if before == file.content else before)


def _expanded(pattern: str, account: str, home: str) -> str:
    known = {"%": "%", "u": account, "h": home}
    return join(home, _PERCENT.sub(lambda match: known.get(match[1], match[0]), pattern))


def _seen(server: SftpServer, path: str, *, trial: bool) -> RemoteFile | None:
    """Return what stands at a path; None where nothing does."""
    try:
        server.client.lstat(path)
        real = server.client.normalize(path)
        facts = server.client.stat(real)
    except OSError as error:
        if error.errno != errno.ENOENT:
            return RemoteFile(path=path, trouble=Trouble.DENIED)
        return None
    file = _facts(server, real, facts)
    if file.trouble:
        return file
    try:
        file = replace(file, content=server.read(real))
    except OSError:
        return replace(file, trouble=Trouble.DENIED)
    return replace(file, trouble=_trouble(server, file)) if trial else file


def _facts(server: SftpServer, real: str, facts: SFTPAttributes) -> RemoteFile:
    sweep = _swept(server, real)
    trouble = ""
    if not stat.S_ISREG(facts.st_mode or 0):
        trouble = Trouble.NOT_A_FILE
    elif (facts.st_size or 0) > LARGEST_BYTES:
        trouble = Trouble.TOO_LARGE
    return RemoteFile(
        path=real,
        mode=stat.S_IMODE(facts.st_mode or 0),
        uid=-1 if facts.st_uid is None else facts.st_uid,
        gid=-1 if facts.st_gid is None else facts.st_gid,
        links=sweep,
        trouble=trouble,
    )


def _swept(server: SftpServer, path: str) -> int:
    """Remove what killed runs left beside a file, and return how many names it has besides those of young ones."""
    links, ours = 1, 0
    with suppress(OSError):
        for found in server.client.listdir_attr(dirname(path)):
            name = join(dirname(path), found.filename)
            match = _OURS.fullmatch(found.filename)
            if name == path:
                links = _links(found)
            elif match:
                ours += _links(found) > 1
                if time() - int(match[1]) > STALE_SECONDS:
                    _gone(server, name)
    return max(1, links - ours)


def _links(found: SFTPAttributes) -> int:
    """Return how many names a file has: SFTP tells it only in what OpenSSH writes like `ls -l`."""
    words = str(getattr(found, "longname", "")).split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 1


def _gone(server: SftpServer, name: str) -> None:
    with suppress(OSError):
        server.client.remove(name)


def _trouble(server: SftpServer, file: RemoteFile) -> str:
    """Return what a replacement would meet, tried on files of our own; "" for nothing."""
    names = _Names.beside(file.path)
    linking = False
    try:
        with server.made(names.fresh, file.content + bytes(SPARE_BYTES), file) as made:
            owner = made.st_uid
            if not alike(made, file):
                return Trouble.DENIED
        linking = True
        server.extended("hardlink@openssh.com", file.path, names.kept)
        server.client.remove(names.kept)
        linking = False
        server.client.posix_rename(names.fresh, names.kept)
    except OSError as error:
        reason = server.reason(file.path, error)
        if linking and reason == "EACCES":  # its owner may link it, but for the attributes i and a
            return Trouble.IMMUTABLE
        return _TROUBLES.get(reason, Trouble.NO_SPACE)
    finally:
        names.remove(server)
    if file.links > 1:
        return Trouble.HARD_LINKS
    return Trouble.LOOSE_MODES if _loose(server, file.path, owner) else ""


def _loose(server: SftpServer, path: str, owner: int | None) -> bool:
    """Return whether sshd with StrictModes would not read a file: others may write to it or above it."""
    at = path
    while True:
        facts = server.client.stat(at)
        if (facts.st_mode or 0) & 0o022 or facts.st_uid not in {0, owner}:
            return True
        if at in {server.home, "/"}:
            return False
        at = dirname(at)

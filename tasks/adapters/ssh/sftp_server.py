"""An SFTP server as OpenSSH's is: its extensions (PROTOCOL, section 4), and what its failures mean."""

import errno
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from posixpath import dirname
from typing import Any, cast

from paramiko.sftp import CMD_EXTENDED
from paramiko.sftp_attr import SFTPAttributes
from paramiko.sftp_client import SFTPClient
from paramiko.sftp_file import SFTPFile

from tasks.adapters.ssh.files import LARGEST_BYTES, RemoteFile

_READ_ONLY = 1  # f_flag of statvfs@openssh.com


class SftpServer:
    """An SFTP server with OpenSSH's extensions; its failures are OSErrors."""

    def __init__(self, client: SFTPClient) -> None:
        """Ask where the session begins: at the account's home."""
        self.client = client
        self.home = client.normalize(".")

    def read(self, path: str) -> bytes:
        """Return what a file holds, at most a byte more than any file of keys may."""
        with self.client.open(path, "rb") as file:
            return file.read(LARGEST_BYTES + 1)

    def now(self, path: str) -> bytes:
        """Return what a file holds; nothing where it is gone or cannot be read."""
        try:
            return self.read(path)
        except OSError:
            self.client.normalize(".")
            return b""

    def holds(self, path: str, file: RemoteFile) -> bool:
        """Return whether a file, itself and not by a link, is what `file` was: its owner, its mode, what it holds."""
        try:
            return alike(self.client.lstat(path), file) and self.read(path) == file.content
        except OSError:
            self.client.normalize(".")
            return False

    @contextmanager
    def made(self, path: str, content: bytes, like: RemoteFile) -> Iterator[SFTPAttributes]:
        """Make a file that nobody has, owned as another is; it is on the disk when its attributes are lent."""
        with self.client.open(path, "wxb") as file:
            file.write(content)
            made = file.stat()
            if (made.st_uid, made.st_gid) != (like.uid, like.gid):
                file.chown(like.uid, like.gid)
            file.chmod(like.mode)
            self.extended("fsync@openssh.com", _handle(file))
            yield file.stat()

    def extended(self, name: str, *arguments: str | bytes) -> Any:  # noqa: ANN401 - a message, where one comes
        """Send a request that paramiko has no name for."""
        return cast("Any", self.client)._request(CMD_EXTENDED, name, *arguments)[1]  # noqa: SLF001

    def reason(self, path: str, error: OSError) -> str:
        """Return the name of what was in the way: SFTP tells no more than that it failed, or was not permitted."""
        self.client.normalize(".")  # a lost connection is no failure of a file's
        known = errno.errorcode.get(error.errno or 0)
        if known:
            return known
        if "unsupported" in str(error).lower():
            return "ENOTSUP"
        try:
            message = self.extended("statvfs@openssh.com", dirname(path))
        except OSError:
            return "ENOTSUP"
        _bsize, frsize, _blocks, _free, available, _files, _ffree, inodes, _id, flags, _longest = (
            message.get_int64() for _ in range(11)
        )
        if flags & _READ_ONLY:
            return "EROFS"
        return "ENOSPC" if not inodes or frsize * available < LARGEST_BYTES else "EIO"


def alike(found: SFTPAttributes, file: RemoteFile) -> bool:
    """Return whether a plain file has another's owner and mode."""
    mode = found.st_mode or 0
    return stat.S_ISREG(mode) and (found.st_uid, found.st_gid, stat.S_IMODE(mode)) == (file.uid, file.gid, file.mode)


def _handle(file: SFTPFile) -> bytes:
    return cast("bytes", file.handle)

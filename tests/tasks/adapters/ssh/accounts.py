"""An account of a lab's host, its file with keys, and both transports to it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployments.lab.sshd import LabHost, pair
from tasks.adapters.ssh import Connection, Endpoint, connect
from tasks.adapters.ssh.files import Files
from tasks.adapters.ssh.sftp_files import sftp
from tasks.adapters.ssh.shell_files import shell

ROOT = os.geteuid() == 0
LOGIN = pair()
KEYS = b"# keys\r\nssh-ed25519 AAAA a\nno ending"
NEW = b"ssh-ed25519 BBBB b\n\0\xff"
NAME = "deploy"
PATTERNS = (".ssh/authorized_keys",)
# A key that the server finds beside the file under test, so that one gets in whatever happens to that file.
ELSEWHERE = "/srv/%u .ssh/authorized_keys"
SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The account `deploy` of a host."""

    host: LabHost

    @property
    def home(self) -> Path:
        """Return its home, as the test sees it."""
        return self.host.home(NAME)

    @property
    def file(self) -> Path:
        """Return its authorized_keys, as the test sees it."""
        return self.host.file(NAME)

    @property
    def left_over(self) -> list[str]:
        """Return the names of temporary files in its .ssh."""
        return sorted(path.name for path in self.file.parent.iterdir() if path.name.startswith(".marias"))

    def own(self, *paths: Path) -> None:
        """Give the account what a test made."""
        who = self.host.accounts[NAME]
        for path in paths:
            os.chown(path, who.uid, who.gid, follow_symlinks=False)

    def tools(self, scripts: Mapping[str, str]) -> None:
        """Put programs before those of the machine, in sessions of the server."""
        for name, text in scripts.items():
            (self.host.folder / "bin" / name).write_text(f"#!/bin/sh\n{text}")
            (self.host.folder / "bin" / name).chmod(0o755)

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """Lend a connection that is logged in."""
        host = self.host
        endpoint = Endpoint(name=host.name, address="127.0.0.1", port=host.port, host_keys=host.host_keys)
        with connect(endpoint, seconds=SECONDS) as connection:
            connection.login(NAME, LOGIN.private)
            yield connection

    @contextmanager
    def files(self, transport: str) -> Iterator[Files]:
        """Lend its files by a transport: shell, sudo or sftp."""
        with self.connected() as connection:
            yield by(transport, connection)


def by(transport: str, connection: Connection) -> Files:
    """Return the files by a transport: shell, sudo or sftp."""
    if transport == "sftp":
        return sftp(connection, seconds=SECONDS)
    return shell(connection, sudo=transport == "sudo", seconds=SECONDS)


@contextmanager
def person(host: LabHost) -> Iterator[Person]:
    """Lend the account with KEYS in its file, and take away the tools that a test put there."""
    tools = host.folder / "bin"
    before = set(tools.iterdir())
    # To a plain user's sshd the root folder is a stranger's; StrictModes would have it read no file outside the home.
    host.configure(AuthorizedKeysFile=ELSEWHERE, StrictModes="yes" if ROOT else "no")
    (host.place("srv") / NAME).write_text(f"{LOGIN.public}\n")
    host.write(NAME, KEYS)
    try:
        yield Person(host=host)
    finally:
        for path in set(tools.iterdir()) - before:
            path.unlink()

"""One SSH server of the lab, and what a test does to it and to the files of its accounts."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deployments.background import LabError
from deployments.lab.sshd import keys, layout, processes
from deployments.lab.sshd.namespace import Account
from tasks.adapters.guardian import Folder
from tasks.core.secret import Secret

START_SECONDS = 10.0
LOOK_SECONDS = 0.002
LISTENING = "Server listening on"


@dataclass(slots=True, kw_only=True)
class LabHost:
    """A server on 127.0.0.1; `process` is the one that listens, and a stopped server has none."""

    name: str
    port: int
    folder: Path
    guarded: Folder
    accounts: Mapping[str, Account]
    host_keys: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    disks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    # ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def home(self, account: str) -> Path:
        """Return the account's home, as it is for the server where that has another disk there."""
        home = self.accounts[account].home
        return Path(f"/proc/{self.process.pid}/root{home}") if self.process and account in self.disks else home

    def file(self, account: str) -> Path:
        """Return the authorized_keys of an account, where sshd looks by default."""
        return self.home(account) / ".ssh" / "authorized_keys"

    def write(self, account: str, content: bytes | str) -> None:
        """Make the account's .ssh anew with this authorized_keys in it, owner and modes as they should be."""
        file, person = self.file(account), self.accounts[account]
        file.parent.mkdir(exist_ok=True)
        layout.empty(file.parent)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        for path, mode in ((file.parent, 0o700), (file, 0o600)):
            path.chmod(mode)
            os.chown(path, person.uid, person.gid)

    def place(self, name: str) -> Path:
        """Return a folder of the server's own: `srv` is its /srv, `log` its /var/log."""
        return self.folder / name

    def log(self) -> str:
        """Return what sshd has logged since the lab was started; it writes no times."""
        return (self.folder / layout.LOG).read_text(errors="replace")

    def let_sudo(self, *accounts: str) -> None:
        """Let these accounts, and no others, use sudo; at first all may."""
        (self.folder / "sudoers").write_text("".join(f"{account}\n" for account in accounts))

    def sudo_calls(self) -> list[str]:
        """Return the accounts that used sudo, call by call."""
        return (self.folder / "sudo.log").read_text().split()

    # ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def host_key(self) -> str:
        """Return the server's public key, type and base64; the first where it has several."""
        return self.host_keys[0]

    def new_host_key(self, *kinds: str) -> None:
        """Give the server new keys of its own (ed25519, ecdsa, rsa; one ed25519 when none is named)."""
        self.host_keys = layout.write_host_keys(self.folder, kinds or ("ed25519",))
        self.restart()

    def accepts(self, account: str, private: Secret) -> bool:
        """Return whether the server lets this key in, asked without any adapter of the project.

        Raises LabError when it gave no answer for seconds.
        """
        return keys.accepts(self.port, account, private)

    # ── the server ───────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Start the server on its port; raises LabError when it does not come up."""
        if self.process is not None:
            return
        before = self._prepare()
        with (self.folder / "start.log").open("wb") as said:
            self.process = subprocess.Popen(
                layout.command(self.folder, [line for disk in self.disks.values() for line in disk]),
                env={"PATH": f"{os.defpath}:/usr/sbin:/sbin", **self.guarded.environ},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
            )
        self._await(self.process, before)

    def stop(self) -> None:
        """End the server and every session at once."""
        if self.process is not None:
            processes.end(self.process)
            self.process = None

    def restart(self) -> None:
        """Let the server begin anew without ending a session, as an administrator does; start it if it is stopped."""
        if self.process is None or (listener := processes.first_below(self.process.pid)) is None:
            self.start()
            return
        self.thaw()
        before = self._prepare()
        os.kill(listener, signal.SIGHUP)
        self._await(self.process, before)

    def freeze(self) -> None:
        """Let the server and its sessions stand still: the kernel takes connections, and nobody answers."""
        if self.process is not None:
            processes.freeze(self.process.pid)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        if self.process is not None:
            processes.thaw(self.process.pid)

    def configure(self, *lines: str, **options: str) -> None:
        """Restart with these options of sshd_config, in place of earlier ones, and lines at its end (Match …)."""
        self.options, self.lines = options, lines
        self.restart()

    def fill_disk(self, account: str) -> None:
        """Stop, and start with the account's home on a disk of its own, on which no block is left."""
        self._mount(account, layout.FULL)

    def make_read_only(self, account: str) -> None:
        """Stop, and start with the account's home on a file system that cannot be written."""
        self._mount(account, layout.READ_ONLY)

    def reset(self) -> None:
        """Bring all back to how it was at first: running, no option changed, no key authorized; host keys stay."""
        self.thaw()
        changed = bool(self.options or self.lines)
        if self.disks:
            self.stop()
        self.options, self.lines = {}, ()
        self.disks.clear()
        for person in self.accounts.values():
            person.home.mkdir(exist_ok=True)
            person.home.chmod(0o755)
            os.chown(person.home, person.uid, person.gid)
            layout.empty(person.home)
            self.write(person.name, b"")
        for name in ("srv", "log"):
            layout.empty(self.place(name))
        self.let_sudo(*self.accounts)
        (self.folder / "sudo.log").write_bytes(b"")
        if changed or self.process is None:
            self.restart()

    def _mount(self, account: str, disk: tuple[str, ...]) -> None:
        person = self.accounts[account]
        self.disks[account] = tuple(line.format(name=person.name, uid=person.uid, gid=person.gid) for line in disk)
        self.stop()
        self.start()

    def _prepare(self) -> int:
        """Write the configuration; return where the log ends now."""
        layout.write_config(self.folder, self.port, self.options, self.lines)
        return len(self.log())

    def _await(self, process: subprocess.Popen[bytes], before: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._listens(process, before):
            if process.poll() is not None or time.monotonic() > deadline:
                said = (self.folder / "start.log").read_text() + self.log()[before:]
                self.stop()
                raise LabError(f"the SSH server {self.name} did not start: {' '.join(said.split())}")
            time.sleep(LOOK_SECONDS)

    def _listens(self, process: subprocess.Popen[bytes], before: int) -> bool:
        # It listens a moment before it would hear a SIGHUP.
        if LISTENING not in self.log()[before:]:
            return False
        listener = processes.first_below(process.pid)
        return listener is not None and processes.handles(listener, signal.SIGHUP)


def make(name: str, folder: Path, guarded: Folder, people: Mapping[str, Account], port: int) -> LabHost:
    """Make a server with its folder, not yet running."""
    layout.prepare(folder, people)
    (folder / "run" / "sshd").mkdir(parents=True, exist_ok=True)
    host_keys = layout.write_host_keys(folder, ("ed25519",))
    return LabHost(name=name, port=port, folder=folder, guarded=guarded, accounts=people, host_keys=host_keys)

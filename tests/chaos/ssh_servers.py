"""What is done to SSH servers and to the files of their accounts while a rotation goes on; each is taken back."""

import os
import random
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread

from deployments.lab.sshd import Fault, LabHost, misbehaving
from tests.chaos.ssh_ground import World

APPEND_SECONDS = (0.02, 0.15)
CHATTR_SECONDS = 10


@contextmanager
def away(world: World, chance: random.Random) -> Iterator[LabHost]:
    """Choose a host that nobody can be sure to reach until the block ends."""
    name = chance.choice(sorted(world.ssh.hosts))
    world.away.add(name)
    try:
        yield world.ssh.hosts[name]
    finally:
        world.away.discard(name)


# ── servers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def dies(world: World, chance: random.Random) -> Iterator[None]:
    """End a server with every session, what they were doing included."""
    with away(world, chance) as host:
        host.stop()
        try:
            yield
        finally:
            host.start()


@contextmanager
def hangs(world: World, chance: random.Random) -> Iterator[None]:
    """Let a server stand still: connections are taken, and nobody answers."""
    with away(world, chance) as host:
        host.freeze()
        try:
            yield
        finally:
            host.thaw()


@contextmanager
def misbehaves(fault: Fault, world: World, chance: random.Random) -> Iterator[None]:
    """Put something else in a server's place, as it is with what stands before it."""
    with away(world, chance) as host:
        host.stop()
        try:
            with misbehaving(fault, port=host.port):
                yield
        finally:
            host.start()


@contextmanager
def throttled(world: World, chance: random.Random) -> Iterator[None]:
    """Let a server drop most connections at random, as sshd does while others log in slowly."""
    with away(world, chance) as host, ExitStack() as idle:
        host.configure(MaxStartups="2:60:4")
        for _ in range(2):
            idle.enter_context(socket.create_connection(("127.0.0.1", host.port), 5))
        try:
            yield
        finally:
            idle.close()
            host.configure()


@contextmanager
def impatient(world: World, chance: random.Random) -> Iterator[None]:
    """Let a server hang up after two refusals."""
    with away(world, chance) as host:
        host.configure(MaxAuthTries="2")
        try:
            yield
        finally:
            host.configure()


@contextmanager
def other_host_key(world: World, chance: random.Random) -> Iterator[None]:
    """Give a server another key of its own; a person pins it afterwards."""
    world.ssh.hosts[chance.choice(sorted(world.ssh.hosts))].new_host_key()
    yield


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def on_disk(mount: Callable[[LabHost, str], None], world: World, chance: random.Random) -> Iterator[None]:
    """Let an account's home be on a disk on which nothing can be written; what stands there stays, afterwards too."""
    door = chance.choice(world.doors)
    host, account = door.host, door.account
    world.away.add(host.name)
    mount(host, account)
    try:
        yield
    finally:
        with world.lock:
            content = door.read()
            host.disks.pop(account)
            host.stop()
            host.start()
            if content is not None and door.read() != content:
                host.write(account, content)
        world.away.discard(host.name)


@contextmanager
def immutable(world: World, chance: random.Random) -> Iterator[None]:
    """Forbid, by its attributes, that a file is replaced."""
    door, attribute = chance.choice(world.doors), chance.choice("ia")
    file = door.host.file(door.account)
    attributes(f"+{attribute}", file)
    try:
        yield
    finally:
        for left in (file, *file.parent.glob(".marias-*")):  # an old file may have got it, just as it was replaced
            attributes(f"-{attribute}", left)


def attributes(change: str, file: Path) -> bool:
    """Change a file's attributes; return whether that works: not every file system has them, only root may."""
    tool = shutil.which("chattr")
    if tool is None:
        return False
    done = subprocess.run((tool, change, str(file)), check=False, capture_output=True, timeout=CHATTR_SECONDS)
    return not done.returncode


@contextmanager
def written_to(world: World, _chance: random.Random) -> Iterator[None]:
    """Append to every file, again and again, as provisioning does that knows of no other writer."""
    over, chance = Event(), random.Random()  # noqa: S311 - chance, not secrecy
    doors = [door for door in world.doors if world.first[str(door)].endswith(b"\n")]

    def append() -> None:
        number = 0
        while not over.wait(chance.uniform(*APPEND_SECONDS)):
            number += 1
            door = chance.choice(doors)
            line = chance.choice((f"# {number}\n", f"{world.person.public} {number}\n")).encode()
            file = os.open(door.host.file(door.account), os.O_WRONLY | os.O_APPEND)
            os.write(file, line)
            os.close(file)
            world.added[str(door)] += line

    thread = Thread(target=append)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()

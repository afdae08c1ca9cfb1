"""What is done to the services that a rotation needs, and by others who do the same; each is taken back."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from deployments.lab.serving import Failure
from tests.chaos.process import heard, started
from tests.chaos.ssh_body import Order, body
from tests.chaos.ssh_ground import HASTY, OPTIONAL, World

GITHUB_TIMES = 6


@contextmanager
def secrets_away(world: World, _chance: random.Random) -> Iterator[None]:
    """Refuse and cut every connection to Secrets Manager."""
    with world.aws_gate.shut():
        yield


@contextmanager
def secrets_fail(world: World, _chance: random.Random) -> Iterator[None]:
    """Let Secrets Manager answer with status 500."""
    with failing() as address, world.aws_gate.leading_to(address):
        yield


@contextmanager
def github_away(world: World, _chance: random.Random) -> Iterator[None]:
    """Refuse and cut every connection to GitHub."""
    with world.github_gate.shut():
        yield


@contextmanager
def github_fails(world: World, chance: random.Random) -> Iterator[None]:
    """Let GitHub answer with status 500, after it has done what it was asked or before."""
    world.hub.fail_next(GITHUB_TIMES, Failure(error="sorry", status=500, arrived=chance.random() < 0.5))
    try:
        yield
    finally:
        world.hub.failures.clear()


@contextmanager
def second_run(world: World, chance: random.Random) -> Iterator[None]:
    """Let another run do the same meanwhile; now and then that one is killed."""
    order = Order(settings=world.settings(HASTY), parameters={"rotate_now": chance.random() < 0.5})
    with started(body, order) as (process, hearing):
        yield
        if chance.random() < 0.3:
            process.kill()
        tuple(heard(hearing))


@contextmanager
def away_for_two(world: World, _chance: random.Random) -> Iterator[None]:
    """End the server that no rotation waits for; two rotations go by before it is back."""
    world.away.add(OPTIONAL)
    host = world.ssh.hosts[OPTIONAL]
    host.stop()
    try:
        yield
        order = Order(settings=world.settings(HASTY), parameters={"rotate_now": True})
        for _ in range(2):
            with started(body, order) as (_process, hearing):
                tuple(heard(hearing))
    finally:
        host.start()
        world.away.discard(OPTIONAL)


@contextmanager
def failing() -> Iterator[str]:
    """Answer every request with status 500 until the block ends; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(500)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the base class calls it so

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()

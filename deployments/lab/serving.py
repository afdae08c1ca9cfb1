"""What the lab's HTTP services share: one listens as a thread of the calling process, and goes wrong as it is told."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Final, TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response

START_SECONDS: Final = 10

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How a call goes wrong: the service's own error, an HTTP status, a wait; `arrived` when only the answer is lost.

    `method` limits it to one method, named as the service's `calls` name it.
    """

    error: str = ""
    status: int = 200
    retry_after_seconds: int = 0
    hang_seconds: float = 0
    arrived: bool = False
    method: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    async def answer(self, body: object) -> Response:
        """Answer `body`, in this way."""
        await asyncio.sleep(self.hang_seconds)
        wait = {"Retry-After": str(self.retry_after_seconds)} if self.retry_after_seconds else {}
        return JSONResponse(body, self.status, {**self.headers, **wait})


def next_failure(failures: list[Failure], method: str) -> Failure | None:
    """Take the first of `failures` that is meant for `method`."""
    found = next((f for f in failures if f.method in ("", method)), None)
    if found:
        failures.remove(found)
    return found


@contextmanager
def serving(name: str, build: Callable[[str], tuple[T, Starlette]]) -> Iterator[T]:
    """Serve on a free loopback port until the block ends, and lend what is served.

    `build` makes it, and the application that answers for it, of the address without a path (`http://127.0.0.1:4300`).
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        lab, app = build(f"http://127.0.0.1:{listening.getsockname()[1]}")
        config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listening]}, name=name, daemon=True)
        thread.start()
        try:
            _wait(server, name)
            yield lab
        finally:
            server.should_exit = True
            thread.join()


def _wait(server: uvicorn.Server, name: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{name} did not start")
        time.sleep(0.01)

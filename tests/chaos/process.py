"""A body in a process of its own, which says how far it is and can be killed at any instant."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any

RUN_SECONDS = 120.0
BODIES = ["tests.chaos.body", "tests.chaos.ssh_body"]  # one process has imported them all, and each body is its fork


@contextmanager
def started(body: Callable[..., None], *args: object) -> Iterator[tuple[ForkServerProcess, Connection]]:
    """Start `body` (its last argument is where it says things), forked from a process that has only imported it."""
    context = get_context("forkserver")
    context.set_forkserver_preload(BODIES)
    hearing, saying = context.Pipe(duplex=False)
    process = context.Process(target=_go, args=(dict(os.environ), body, *args, saying))
    process.start()
    saying.close()
    try:
        yield process, hearing
    finally:
        process.kill()
        process.join()
        hearing.close()


def _go(environ: Mapping[str, str], body: Callable[..., None], *args: object) -> None:
    """Do what the body does, in the environment of now: the process of which this one is a fork may be older."""
    os.environ.clear()
    os.environ.update(environ)
    body(*args)


def heard(hearing: Connection, most: int = 1000) -> Iterator[Any]:
    """Yield what the body says until it has said `most` things or is gone."""
    with suppress(EOFError):
        for _ in range(most):
            if not hearing.poll(RUN_SECONDS):
                raise TimeoutError("the body neither ends nor goes on")
            yield hearing.recv()

"""Servers on loopback that are no SSH servers, each in its own way."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from socketserver import BaseRequestHandler, ThreadingTCPServer

from deployments.lab.sshd.layout import ADDRESS

BANNER = b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n"
HTTP = b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
BUSY = b"Exceeded MaxStartups\r\n"
BETWEEN_BYTES_SECONDS = 1.0
REQUEST_SECONDS = 0.2
POLL_SECONDS = 0.02
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Fault(StrEnum):
    """What a server does to whoever connects."""

    DRIP = "drip"  # sends a banner, one byte per second
    HANG = "hang"  # accepts, and says nothing
    MUTE = "mute"  # sends a banner, and then nothing
    CLOSE = "close"  # accepts, and closes at once
    RESET = "reset"  # accepts, and resets at once
    GARBAGE = "garbage"  # speaks HTTP
    BUSY = "busy"  # says that it has too many connections, as sshd does, and closes


@contextmanager
def misbehaving(fault: Fault, *, port: int = 0) -> Iterator[int]:
    """Serve a fault on `port` of 127.0.0.1 (a stopped host's, or any that is free), and yield the port."""
    over = threading.Event()

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):  # whoever called has hung up
                MANNERS[fault](self.request, over)

    class Server(ThreadingTCPServer):
        allow_reuse_address = True
        request_queue_size = 128

    with Server((ADDRESS, port), Handler) as server:
        accepting = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), name=f"lab-{fault}")
        accepting.start()
        try:
            yield int(server.server_address[1])
        finally:
            over.set()
            server.shutdown()
            accepting.join()


def _drip(client: socket.socket, over: threading.Event) -> None:
    for byte in BANNER:
        client.sendall(bytes((byte,)))
        if over.wait(BETWEEN_BYTES_SECONDS):
            return
    over.wait()


def _hang(_client: socket.socket, over: threading.Event) -> None:
    over.wait()


def _mute(client: socket.socket, over: threading.Event) -> None:
    client.sendall(BANNER)
    over.wait()


def _close(_client: socket.socket, _over: threading.Event) -> None:
    return


def _reset(client: socket.socket, _over: threading.Event) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    client.close()  # shutdown, which the server would do first, says good-bye


def _garbage(client: socket.socket, _over: threading.Event) -> None:
    client.settimeout(REQUEST_SECONDS)
    with suppress(TimeoutError):
        client.recv(1024)
    client.sendall(HTTP)


def _busy(client: socket.socket, _over: threading.Event) -> None:
    client.sendall(BUSY)


MANNERS: dict[Fault, Callable[[socket.socket, threading.Event], None]] = {
    Fault.DRIP: _drip,
    Fault.HANG: _hang,
    Fault.MUTE: _mute,
    Fault.CLOSE: _close,
    Fault.RESET: _reset,
    Fault.GARBAGE: _garbage,
    Fault.BUSY: _busy,
}

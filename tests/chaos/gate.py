"""A door on loopback in front of a stand-in, to shut and open while others use it, or to lead elsewhere."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from urllib.parse import urlsplit

CHUNK_BYTES = 65536


class Gate:
    """Forwards connections to an address; shut, it refuses them and cuts those that stand."""

    def __init__(self, address: str) -> None:
        """Listen on a free port."""
        parts = urlsplit(address)
        self._target = _place(address)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._shut, self._standing = Event(), set[socket.socket]()
        self.address = parts._replace(netloc=f"127.0.0.1:{self._listening.getsockname()[1]}").geturl()
        Thread(target=self._accept, daemon=True).start()

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Refuse and cut connections until the block ends."""
        self._shut.set()
        self._cut()
        try:
            yield
        finally:
            self._shut.clear()

    @contextmanager
    def leading_to(self, address: str) -> Iterator[None]:
        """Lead to another address until the block ends; connections that stand are cut, at its end too."""
        usual, self._target = self._target, _place(address)
        self._cut()
        try:
            yield
        finally:
            self._target = usual
            self._cut()

    def close(self) -> None:
        """Stop listening."""
        _close(self._listening)

    def _cut(self) -> None:
        for connection in tuple(self._standing):
            _close(connection)

    def _accept(self) -> None:
        while True:
            try:
                inner, _ = self._listening.accept()
            except OSError:
                return
            if self._shut.is_set():
                _close(inner)
                continue
            try:
                outer = socket.create_connection(self._target, timeout=30)
            except OSError:
                _close(inner)
                continue
            for connection in (inner, outer):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._standing |= {inner, outer}
            for source, target in ((inner, outer), (outer, inner)):
                Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(CHUNK_BYTES):
                target.sendall(chunk)
        _close(source)
        _close(target)
        self._standing -= {source, target}


def _place(address: str) -> tuple[str, int]:
    parts = urlsplit(address)
    return parts.hostname or "127.0.0.1", parts.port or 80


def _close(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()

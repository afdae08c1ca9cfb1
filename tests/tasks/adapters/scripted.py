"""A server on loopback that answers as it is told: for what no stand-in does by itself."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tasks.settings import Aws


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer; `promised` is a Content-Length beyond the body, after which the connection is cut."""

    status: int = 200
    body: bytes = b""
    promised: int = 0


@dataclass(frozen=True, slots=True)
class Scripted:
    """A running server: `asked` holds the method and path of every request."""

    aws: Aws
    asked: list[str] = field(default_factory=list)


@contextmanager
def answering(answers: Sequence[Answer]) -> Iterator[Scripted]:
    """Give `answers` one after another, and the last one for ever."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            scripted.asked.append(f"{self.command} {self.path}")
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(answer.status)
            self.send_header("Content-Length", str(answer.promised or len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
            self.close_connection = True

        do_GET = do_PUT = do_POST = do_HEAD = answer  # noqa: N815 - http.server's names

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scripted = Scripted(Aws(endpoint=f"http://127.0.0.1:{server.server_port}", timeout_seconds=5))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield scripted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def nobody() -> Aws:
    """Return settings that point at a port where nobody listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.server_close()
    return Aws(endpoint=f"http://127.0.0.1:{server.server_port}", timeout_seconds=1)


def s3_error(status: int, code: str, message: str = "") -> Answer:
    """Return an error as S3 sends it."""
    return Answer(status=status, body=f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode())

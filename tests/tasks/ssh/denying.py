"""AWS that forbids one action of Secrets Manager, as a role with too few permissions meets it; moto cannot deny."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

from deployments.lab.aws import LabAws
from tasks.settings import Aws

DENIED = json.dumps({"__type": "AccessDeniedException", "Message": "not authorized"}).encode()
PER_CONNECTION = {"connection", "transfer-encoding", "content-length", "date", "server"}


@contextmanager
def denying(cloud: LabAws, action: str) -> Iterator[Aws]:
    """Pass everything on to `cloud` but this action (`PutSecretValue`)."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("X-Amz-Target", "").endswith(f".{action}"):
                self.said(400, {"Content-Type": "application/x-amz-json-1.1"}, DENIED)
                return
            onward = HTTPConnection(urlsplit(cloud.address).netloc, timeout=5)
            onward.request(self.command, self.path, body, dict(self.headers))
            found = onward.getresponse()
            self.said(found.status, dict(found.getheaders()), found.read())
            onward.close()

        def said(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in PER_CONNECTION:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_HEAD = answer  # noqa: N815 - http.server's names

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True  # a client keeps its connection
    server.block_on_close = False
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Aws(endpoint=f"http://127.0.0.1:{server.server_port}", timeout_seconds=5)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""S3, IAM and Secrets Manager on loopback: moto's server as a thread of the calling process.

moto keeps one state per process: two stand-ins side by side in one process show the same buckets and secrets, in two
processes they are apart. The first to start in a process starts empty.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from boto3.session import Session
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from deployments.lab import secret_versions
from tasks.adapters.aws import config
from tasks.settings import Aws

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# What a process needs in its environment to be the lab's: made up, and never looked for on the machine.
CREDENTIALS: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": "lab",
    "AWS_SECRET_ACCESS_KEY": "lab",
    "AWS_EC2_METADATA_DISABLED": "true",
}

_starting = Lock()
_running: set[int] = set()
_numbers = count()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabAws:
    """A running stand-in; `address` is what [aws] endpoint is set to."""

    address: str

    @property
    def settings(self) -> Aws:
        """Return the [aws] section that points here."""
        return Aws(endpoint=self.address, timeout_seconds=5)

    def client(self, service: str) -> Any:  # noqa: ANN401 - one of the classes that boto3 makes at run time
        """Return boto3's own client of a service, to fill the stand-in and to tamper with it."""
        session = Session(
            region_name=self.settings.region,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )
        return session.client(service, endpoint_url=self.address, config=config(self.settings))  # type: ignore[call-overload]


@contextmanager
def running() -> Iterator[LabAws]:
    """Answer as AWS on a free loopback port until the block ends."""
    number = next(_numbers)
    with _starting:
        if not _running:
            secret_versions.mend()
            moto_api_backend.reset()
        _running.add(number)
    app = one_at_a_time(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="lab-aws", daemon=True)
    thread.start()
    try:
        yield LabAws(address=f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        with _starting:
            _running.discard(number)


def one_at_a_time(app: "WSGIApplication") -> "WSGIApplication":
    """Let `app` answer one request after another.

    moto 5.2.5 looks whether a key stands and writes it in two steps, so that of two writers with If-None-Match both
    may win, or one is answered with status 500; S3 lets exactly one win. And it says of every unfinished upload that it
    began in 2010: here it began just now.
    """

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        with _answering:
            answered = app(environ, start_response)
        if "uploads" not in environ.get("QUERY_STRING", ""):
            return answered
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}".encode()
        return [b"".join(answered).replace(_MADE_UP, now)]

    return answer


_MADE_UP = b"2010-11-10T20:48:33.000Z"
_answering = Lock()  # one for all stand-ins of the process, as their state is one


class _Handler(MotoRequestHandler):
    disable_nagle_algorithm = True  # else an answer can wait 40 ms for the client's acknowledgement

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: a lab answers thousands of requests."""

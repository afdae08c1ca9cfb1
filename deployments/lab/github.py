"""GitHub's REST API on loopback, as far as marias-ops uses it: the secrets and variables of environments."""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.lab import contracts
from deployments.lab.serving import Failure, next_failure, serving

TOKEN: Final = "github_pat_lab_marias_ops"  # noqa: S105 - made up: it opens nothing
REPOSITORY: Final = "assist-marias/assist-move-assist"
ENVIRONMENTS: Final = ("PRODUCTION", "STAGING")
VERSIONS: Final = ("2022-11-28", "2026-03-10")
SECRET_BYTES: Final = 48 * 1024

_PATH = re.compile(
    r"/repos/(?P<repository>[^/]+/[^/]+)/environments/(?P<environment>[^/]+)/(?P<kind>secrets|variables)(/(?P<last>[^/]+))?"
)
_NAME = re.compile(r"(?!GITHUB_)[A-Z_][A-Z0-9_]*")

Body = Mapping[str, Any]


class Place(NamedTuple):
    """Where a secret or a variable is kept."""

    repository: str
    environment: str
    name: str


@dataclass(slots=True, kw_only=True)
class LabGithub:
    """A running GitHub; `secrets` hold plain values, opened with the private key that only GitHub has.

    `address` is what [github] base_url is set to. `calls` are the methods called (`PUT secrets`, `GET secrets` is the
    reading of the public key); `faults` what broke the contract (`contract` is its file, None when there is none and
    nothing is checked).
    """

    address: str
    environments: tuple[str, ...]
    contract: Path | None
    secrets: dict[Place, str] = field(default_factory=dict, repr=False)
    variables: dict[Place, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    keys: list[PrivateKey] = field(default_factory=lambda: [PrivateKey.generate()])
    _changes: int = 0

    def fail_next(self, times: int, failure: Failure) -> None:
        """Let the next `times` calls (of its method) go wrong in this way."""
        self.failures += [failure] * times

    def change_key_once_read(self, times: int) -> None:
        """Take another key pair after each of the next `times` readings; what was sealed for one before is refused."""
        self._changes = times

    def read_key(self) -> tuple[str, str]:
        """Return the id of the public key, and itself in base64."""
        found = self.key_id, b64encode(bytes(self.keys[-1].public_key)).decode()
        if self._changes:
            self._changes -= 1
            self.keys.append(PrivateKey.generate())
        return found

    @property
    def key_id(self) -> str:
        """Return the id of the key that secrets are sealed for now."""
        return f"{len(self.keys):018}"

    def forget(self) -> None:
        """Start afresh: no secrets, variables, calls, faults or failures to come."""
        for kept in (self.secrets, self.variables, self.calls, self.faults, self.failures):
            kept.clear()


@contextmanager
def running(*, environments: tuple[str, ...] = ENVIRONMENTS) -> Iterator[LabGithub]:
    """Answer as GitHub, with one repository, on a free loopback port until the block ends."""

    def build(root: str) -> tuple[LabGithub, Starlette]:
        contract = contracts.load("github")
        lab = LabGithub(address=f"{root}/", environments=environments, contract=contract.file if contract else None)
        return lab, _app(lab, contract)

    with serving("lab-github", build) as lab:
        yield lab


def _app(lab: LabGithub, contract: contracts.Contract | None) -> Starlette:
    async def call(request: Request) -> Response:
        path = request.scope["raw_path"].decode()
        asked = _PATH.fullmatch(path)
        method = f"{request.method} {asked['kind'] if asked else path}"
        lab.calls.append(method)
        body = await request.body()
        failure = next_failure(lab.failures, method)
        answer = _said(500, "")
        if failure is None or failure.arrived:
            answer = _refusal(lab, request, asked) or _handled(lab, request.method, asked, body)
            lab.faults += _faults(contract, request, path, body, answer) if contract else ()
        return await failure.answer({"message": failure.error}) if failure else answer

    return Starlette(routes=[Route("/{path:path}", call, methods=["GET", "PUT", "POST", "PATCH"])])


def _faults(
    contract: contracts.Contract, request: Request, path: str, body: bytes, answer: Response
) -> tuple[str, ...]:
    """Return what breaks the contract in a request, else in the answer to it."""
    kind, said = request.headers.get("content-type", ""), answer.headers.get("content-type", "")
    found = contract.faults(request.method, path, query=request.query_params, kind=kind, body=body)
    if not found:
        found = contract.answer_faults(request.method, path, answer.status_code, kind=said, body=bytes(answer.body))
    return tuple(f"{request.method} {path}: {fault}" for fault in found)


def _refusal(lab: LabGithub, request: Request, asked: re.Match[str] | None) -> Response | None:
    there = asked and asked["repository"] == REPOSITORY and unquote(asked["environment"]) in lab.environments
    refusals = (
        ("user-agent" not in request.headers, 403, "Request forbidden by administrative rules"),
        (request.headers.get("authorization") != f"Bearer {TOKEN}", 401, "Bad credentials"),
        (request.headers.get("x-github-api-version") not in VERSIONS, 400, "Unsupported API version"),
        (not there, 404, "Not Found"),
    )
    return next((_said(status, message) for holds, status, message in refusals if holds), None)


def _handled(lab: LabGithub, method: str, asked: re.Match[str] | None, body: bytes) -> Response:
    values = json.loads(body or b"{}")
    if asked is None or not isinstance(values, dict):
        return _said(400, "Problems parsing JSON")
    last = asked["last"] or ""
    handle = _METHODS.get(f"{method} {asked['kind']}{'/…' if last else ''}")
    place = Place(asked["repository"], unquote(asked["environment"]), last or str(values.get("name", "")))
    if handle is None:
        return _said(404, "Not Found")
    if method != "GET" and not _NAME.fullmatch(place.name):
        return _said(422, "a name holds letters, digits and _, and does not begin with GITHUB_ or a digit")
    return handle(lab, place, values)


def _read_key(lab: LabGithub, place: Place, _body: Body) -> Response:
    if place.name != "public-key":
        return _said(404, "Not Found")
    key_id, key = lab.read_key()
    return JSONResponse({"key_id": key_id, "key": key})


def _put_secret(lab: LabGithub, place: Place, body: Body) -> Response:
    if body.get("key_id") != lab.key_id:
        return _said(422, "key_id is not that of the public key")
    try:
        value = SealedBox(lab.keys[-1]).decrypt(b64decode(str(body.get("encrypted_value")))).decode()
    except (CryptoError, ValueError):
        return _said(422, "encrypted_value was not sealed for the public key")
    if len(value.encode()) > SECRET_BYTES:
        return _said(422, "value is too long")
    status = 204 if place in lab.secrets else 201
    lab.secrets[place] = value
    return JSONResponse({}, status) if status == 201 else Response(status_code=status)  # noqa: PLR2004


def _list_variables(lab: LabGithub, place: Place, _body: Body) -> Response:
    found = [_variable(lab, kept) for kept in lab.variables if kept[:2] == place[:2]]
    return JSONResponse({"total_count": len(found), "variables": found})


def _read_variable(lab: LabGithub, place: Place, _body: Body) -> Response:
    return JSONResponse(_variable(lab, place)) if place in lab.variables else _said(404, "Not Found")


def _make_variable(lab: LabGithub, place: Place, body: Body) -> Response:
    if place in lab.variables:
        return _said(409, "Already exists")
    lab.variables[place] = str(body.get("value", ""))
    return JSONResponse({}, 201)


def _change_variable(lab: LabGithub, place: Place, body: Body) -> Response:
    if place not in lab.variables:
        return _said(404, "Not Found")
    lab.variables[place] = str(body.get("value", ""))
    return Response(status_code=204)


_METHODS: Final[Mapping[str, Callable[[LabGithub, Place, Body], Response]]] = {
    "GET secrets/…": _read_key,
    "PUT secrets/…": _put_secret,
    "GET variables": _list_variables,
    "GET variables/…": _read_variable,
    "POST variables": _make_variable,
    "PATCH variables/…": _change_variable,
}


def _variable(lab: LabGithub, place: Place) -> Body:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"name": place.name, "value": lab.variables[place], "created_at": now, "updated_at": now}


def _said(status: int, message: str) -> Response:
    return JSONResponse({"message": message, "documentation_url": "https://docs.github.com/rest"}, status)

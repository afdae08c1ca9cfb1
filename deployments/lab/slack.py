"""Slack's Web API on loopback, as far as marias-ops uses it, and the inbox page: a thread of the calling process."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from deployments.lab import contracts, inbox
from deployments.lab.inbox import Posted
from deployments.lab.serving import Failure, next_failure, serving
from deployments.lab.smtp import LabMail
from deployments.lab.uploads import PATH, Uploads

TOKEN: Final = "xoxb-lab-marias-ops"  # noqa: S105 - made up: it opens nothing
CHANNELS: Final = ("ops-assist", "deploys-assist", "suporte-assist")
MESSAGE_CHARACTERS: Final = 13_200  # not documented; beyond it Slack answers msg_blocks_too_long

_HOOK = "/services/T0LAB/B0LAB/marias-ops"
_READ_WITH_GET = ("auth.test", "conversations.history", "conversations.list")  # in the contract; the SDK posts a form

Arguments = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class LabSlack:
    """A running Slack; `messages` grow while it runs, oldest first.

    `address` is what [slack] base_url is set to, `inbox_url` a page for people, `webhook` an incoming webhook of the
    first channel. In `outside` are channels that exist but that the bot has not joined. `calls` are the methods
    called; `faults` what broke the contract (`contract` is its file, None when there is none and nothing is checked).
    """

    address: str
    inbox_url: str
    webhook: str
    channels: tuple[str, ...]
    outside: tuple[str, ...]
    mails: Sequence[LabMail]
    contract: Path | None
    uploads: Uploads
    messages: list[Posted] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _failures: list[Failure] = field(default_factory=list)

    def fail_next(self, times: int, failure: Failure) -> None:
        """Let the next `times` calls (of its method; `upload` sends a file's bytes) go wrong in this way."""
        self._failures += [failure] * times

    def forget(self) -> None:
        """Start afresh: no messages, calls, faults or failures to come."""
        for kept in (self.messages, self.calls, self.faults, self._failures):
            kept.clear()
        self.uploads.forget()

    def next_failure(self, method: str) -> Failure | None:
        """Take the first failure that is meant for `method`."""
        return next_failure(self._failures, method)

    def id_of(self, channel: str) -> str | None:
        """Return the id of a channel named by id, name or #name."""
        names = (*self.channels, *self.outside)
        ids = {name: f"C0LAB{place:05}" for place, name in enumerate(names, start=1)}
        return ids.get(channel.removeprefix("#"), channel if channel in ids.values() else None)

    def name_of(self, identity: str) -> str:
        """Return the name of the channel with this id."""
        return next(name for name in (*self.channels, *self.outside) if self.id_of(name) == identity)


@contextmanager
def running(
    *, mails: Sequence[LabMail] = (), channels: tuple[str, ...] = CHANNELS, outside: tuple[str, ...] = ()
) -> Iterator[LabSlack]:
    """Answer as Slack on a free loopback port until the block ends; `mails` are shown in the inbox too."""

    def build(root: str) -> tuple[LabSlack, Starlette]:
        contract = contracts.load("slack")
        lab = LabSlack(
            address=f"{root}/api/",
            inbox_url=f"{root}/",
            webhook=f"{root}{_HOOK}",
            channels=channels,
            outside=outside,
            mails=mails,
            contract=contract.file if contract else None,
            uploads=Uploads(root),
        )
        return lab, _app(lab, contract)

    with serving("lab-slack", build) as lab:
        yield lab


def _app(lab: LabSlack, contract: contracts.Contract | None) -> Starlette:
    async def call(request: Request) -> Response:
        method = request.path_params["method"]
        lab.calls.append(method)
        body = await request.body()
        failure = lab.next_failure(method)
        answer: Answer | None = None
        if failure is None or failure.arrived:
            answer = _answer(lab, contract, request, method, body)
        return await _fail(failure) if failure else JSONResponse(answer)

    async def upload(request: Request) -> Response:
        if failure := lab.next_failure("upload"):
            return await _fail(failure)
        came = lab.uploads.receive(request.path_params["file"], await request.body())
        return PlainTextResponse("OK" if came else "no such file, or another length", 200 if came else 400)

    async def hook(request: Request) -> Response:
        _keep(lab, lab.channels[0], json.loads(await request.body()))
        return PlainTextResponse("ok")

    async def show(_request: Request) -> Response:
        known = inbox.Contract(checked=lab.contract is not None, requests=len(lab.calls), faults=tuple(lab.faults))
        return HTMLResponse(inbox.page(lab.messages, lab.mails, known))

    async def as_json(_request: Request) -> Response:
        known = {"checked": lab.contract is not None, "faults": lab.faults}
        whole = {"slack": list(map(asdict, lab.messages)), "mail": list(map(asdict, lab.mails)), "contract": known}
        return Response(json.dumps(whole, default=_as_text, ensure_ascii=False), media_type="application/json")

    async def runbook(request: Request) -> Response:
        text = inbox.runbook(request.path_params["name"])
        return HTMLResponse(text) if text else PlainTextResponse("Esta página não existe.", status_code=404)

    return Starlette(
        routes=[
            Route("/", show),
            Route("/messages.json", as_json),
            Route("/runbooks/{name}", runbook),
            Route("/api/{method}", call, methods=["POST"]),
            Route(f"{PATH}/{{file}}", upload, methods=["POST"]),
            Route(_HOOK, hook, methods=["POST"]),
        ]
    )


def _as_text(value: object) -> str:
    return f"{len(value)} bytes" if isinstance(value, bytes) else str(value)


async def _fail(failure: Failure) -> Response:
    return await failure.answer({"ok": False, "error": failure.error or "internal_error"})


def _answer(lab: LabSlack, contract: contracts.Contract | None, request: Request, method: str, body: bytes) -> Answer:
    """Return what Slack would answer: to what breaks the contract or has a wrong token, its error."""
    kind = request.headers.get("content-type", "")
    arguments = json.loads(body) if kind.startswith("application/json") else dict(parse_qsl(body.decode()))
    faults = _faults(contract, method, kind, body, arguments) if contract else ()
    lab.faults += [f"{method}: {fault}" for fault in faults]
    refusals = (
        (bool(faults), "invalid_arguments"),
        (request.headers.get("authorization") != f"Bearer {TOKEN}", "invalid_auth"),
        (method not in _METHODS, "unknown_method"),
    )
    error = next((error for holds, error in refusals if holds), "")
    return {"ok": False, "error": error} if error else _METHODS[method](lab, arguments)


def _faults(contract: contracts.Contract, method: str, kind: str, body: bytes, arguments: Arguments) -> tuple[str, ...]:
    if method in _READ_WITH_GET:
        return contract.faults("GET", f"/{method}", query=arguments)
    return contract.faults("POST", f"/{method}", kind=kind, body=body)


def _auth_test(_lab: LabSlack, _arguments: Arguments) -> Answer:
    who = {"team": "Assist Move Marias", "team_id": "T0LAB0001", "user": "marias-ops", "user_id": "U0LAB0001"}
    return {"ok": True, "url": "https://lab.slack.com/", **who}


def _post(lab: LabSlack, arguments: Arguments) -> Answer:
    identity = lab.id_of(arguments["channel"])
    blocks = arguments.get("blocks", [])
    refusals = (
        (identity is None, "channel_not_found"),
        (identity is not None and lab.name_of(identity) in lab.outside, "not_in_channel"),
        (not arguments.get("text") and not blocks, "no_text"),
        (_characters(blocks) > MESSAGE_CHARACTERS, "msg_blocks_too_long"),
    )
    error = next((error for holds, error in refusals if holds), "")
    if error or identity is None:
        return {"ok": False, "error": error}
    kept = _keep(lab, lab.name_of(identity), arguments)
    return {"ok": True, "channel": identity, "ts": kept.id, "message": _message(kept, metadata=True)}


def _characters(part: Any) -> int:  # noqa: ANN401 - any JSON
    """Return how many characters all texts of some blocks hold."""
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    own = part.get("text") if isinstance(part, dict) else None
    return (len(own) if isinstance(own, str) else 0) + sum(map(_characters, inner))


def _update(lab: LabSlack, arguments: Arguments) -> Answer:
    place = next((p for p, m in enumerate(lab.messages) if m.id == arguments["ts"]), None)
    if place is None:
        return {"ok": False, "error": "message_not_found"}
    old = lab.messages[place]
    kept = replace(_posted(old.channel, old.id, arguments, key=old.key), files=old.files)
    lab.messages[place] = kept
    answer = {"channel": arguments["channel"], "ts": kept.id, "text": kept.text, "message": {"text": kept.text}}
    return {"ok": True, **answer}


def _ask_for_upload(lab: LabSlack, arguments: Arguments) -> Answer:
    return lab.uploads.ask(arguments)


def _share(lab: LabSlack, arguments: Arguments) -> Answer:
    """Put files in a message's thread: nothing of marias-ops shares one elsewhere."""
    identity, thread = arguments.get("channel_id", ""), arguments.get("thread_ts", "")
    named = bool(identity) and identity == lab.id_of(identity)  # as reading does, it wants an id
    name = lab.name_of(identity) if named else ""
    place = next((p for p, m in enumerate(lab.messages) if (m.id, m.channel) == (thread, name)), None)
    refusals = ((not named, "invalid_channel"), (name in lab.outside, "not_in_channel"), (place is None, "no_thread"))
    error = next((error for holds, error in refusals if holds), "")
    shared = () if error else lab.uploads.share(arguments["files"])
    if not shared or place is None:
        return {"ok": False, "error": error or "file_not_found"}
    lab.messages[place] = replace(lab.messages[place], files=(*lab.messages[place].files, *shared))
    return {"ok": True, "files": [{"id": file.id, "title": file.title} for file in shared]}


def _history(lab: LabSlack, arguments: Arguments) -> Answer:
    identity = arguments.get("channel", "")
    if identity != lab.id_of(identity):  # unlike posting, reading wants an id
        return {"ok": False, "error": "channel_not_found"}
    name, oldest = lab.name_of(identity), float(arguments.get("oldest", 0))
    found = [m for m in reversed(lab.messages) if m.channel == name and float(m.id) >= oldest]
    start, limit = int(arguments.get("cursor") or 0), int(arguments.get("limit", 100))
    more = len(found) > start + limit
    wanted = arguments.get("include_all_metadata") in ("1", "true")
    return {
        "ok": True,
        "messages": [_message(m, metadata=wanted) for m in found[start : start + limit]],
        "has_more": more,
        "response_metadata": {"next_cursor": str(start + limit) if more else ""},
        **dict.fromkeys(("pin_count", "channel_actions_count"), 0),
        "channel_actions_ts": None,
    }


def _list(lab: LabSlack, _arguments: Arguments) -> Answer:
    joined = {**dict.fromkeys(lab.channels, True), **dict.fromkeys(lab.outside, False)}
    channels = [{"id": lab.id_of(name), "name": name, "is_member": member} for name, member in joined.items()]
    return {"ok": True, "channels": channels, "response_metadata": {"next_cursor": ""}}


_METHODS: Final[Mapping[str, Callable[[LabSlack, Arguments], Answer]]] = {
    "auth.test": _auth_test,
    "chat.postMessage": _post,
    "chat.update": _update,
    "conversations.history": _history,
    "conversations.list": _list,
    "files.completeUploadExternal": _share,
    "files.getUploadURLExternal": _ask_for_upload,
}


def _keep(lab: LabSlack, channel: str, arguments: Arguments) -> Posted:
    newest = float(lab.messages[-1].id) if lab.messages else 0.0
    identity = f"{max(time.time(), newest + 0.000_01):.6f}"
    key = arguments.get("metadata", {}).get("event_payload", {}).get("key", "")
    lab.messages.append(_posted(channel, identity, arguments, key=key))
    return lab.messages[-1]


def _posted(channel: str, identity: str, arguments: Arguments, *, key: str) -> Posted:
    return Posted(
        channel=channel,
        id=identity,
        text=arguments.get("text", ""),
        blocks=tuple(arguments.get("blocks", ())),
        key=key,
        posted_at=datetime.fromtimestamp(float(identity), UTC),
    )


def _message(posted: Posted, *, metadata: bool) -> Answer:
    payload = {"event_type": "marias_notice", "event_payload": {"key": posted.key}}
    extra = {"metadata": payload} if metadata and posted.key else {}
    return {"type": "message", "ts": posted.id, "text": posted.text, "blocks": list(posted.blocks), **extra}

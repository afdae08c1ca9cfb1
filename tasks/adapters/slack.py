"""Slack's Web API: post a notice, find it again, put pictures in its thread.

Every call is time-limited; a token never appears in an error.
"""

import logging
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry import HttpRequest, HttpResponse, RetryHandler, RetryState
from slack_sdk.http_retry.builtin_handlers import (
    ConnectionErrorRetryHandler,
    RateLimitErrorRetryHandler,
    ServerErrorRetryHandler,
)
from slack_sdk.web import SlackResponse

from tasks.core.errors import OperatorError, TransientError
from tasks.core.secret import Secret
from tasks.settings import Slack

EVENT: Final = "marias_notice"
LONGEST_WAIT_SECONDS: Final = 30
SCOPES: Final = ("chat:write", "channels:read", "channels:history", "groups:read", "groups:history", "files:write")

_PAGE = 200
_DESCRIPTION_CHARACTERS = 1_000
_TOKEN = re.compile(r"[!-~]+")
_UNHEARD = logging.getLogger(f"{__name__}.sdk")  # what the SDK logs of a failed call can quote its headers: the token
_UNHEARD.setLevel(logging.CRITICAL + 1)
_ID = re.compile(r"[CGD][A-Z0-9]{8,}")
_ERROR = re.compile(r"[a-z0-9_]{1,60}")  # the SDK puts a page it cannot read in the place of Slack's code
_CODES: Final[Mapping[str, str]] = {
    "invalid_auth": "slack.token_refused",
    "not_authed": "slack.token_refused",
    "account_inactive": "slack.token_refused",
    "token_revoked": "slack.token_refused",
    "token_expired": "slack.token_refused",
    "channel_not_found": "slack.no_channel",
    "invalid_channel": "slack.no_channel",
    "is_archived": "slack.no_channel",
    "not_in_channel": "slack.not_in_channel",
    "ratelimited": "slack.rate_limited",
    "rate_limited": "slack.rate_limited",
    "internal_error": "slack.unreachable",
    "fatal_error": "slack.unreachable",
    "service_unavailable": "slack.unreachable",
    "request_timeout": "slack.unreachable",
}
_TRANSIENT: Final = frozenset({"slack.rate_limited", "slack.unreachable"})
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = range(500, 600)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackReply:
    """The code that Slack refused a call with (`invalid_blocks`, `missing_scope` …), or an HTTP status."""

    error: str


class SlackApi:
    """Slack as one bot sees it.

    Each method raises OperatorError `slack.token_refused`, `slack.no_channel`, `slack.not_in_channel` or
    `slack.refused`; TransientError `slack.rate_limited` or `slack.unreachable`. Data: SlackReply.
    """

    def __init__(self, slack: Slack, token: Secret) -> None:
        """Hold the clients; nothing is sent yet. A token that no header can hold is refused here."""
        if not _TOKEN.fullmatch(token.reveal()):
            raise OperatorError("slack.token_refused", "", SlackReply(error="malformed"))
        reading = [_PatientRateLimit(max_retry_count=2), ServerErrorRetryHandler(), ConnectionErrorRetryHandler()]
        self._reader = _client(slack, token, reading)
        # A lost answer is no lost message: the SDK must not post twice. Whoever posts looks it up first.
        self._writer = _client(slack, token, [_PatientRateLimit(max_retry_count=2)])

    def post(self, channel: str, text: str, blocks: Sequence[Mapping[str, object]], key: str) -> str:
        """Post a message that carries `key` in its metadata; return its id (Slack's `ts`).

        After a TransientError the message may have arrived all the same: `find` it before posting again.
        """
        answer = _call(
            channel,
            lambda: self._writer.chat_postMessage(
                channel=channel,
                text=text,
                blocks=[dict(block) for block in blocks],
                metadata={"event_type": EVENT, "event_payload": {"key": key}},
                unfurl_links=False,
                unfurl_media=False,
            ),
        )
        return str(answer["ts"])

    def find(self, channel: str, key: str, since: datetime) -> str | None:
        """Return the id of the message that carries `key`, posted to the channel at or after `since`."""
        conversation = self._id(channel)
        metadata = {"event_type": EVENT, "event_payload": {"key": key}}
        pages = self._pages(
            channel,
            lambda cursor: self._reader.conversations_history(
                channel=conversation,
                oldest=f"{since.timestamp():.6f}",
                inclusive=True,
                include_all_metadata=True,
                limit=_PAGE,
                cursor=cursor,
            ),
        )
        return next((str(m["ts"]) for page in pages for m in page["messages"] if m.get("metadata") == metadata), None)

    def upload(self, channel: str, thread: str, name: str, body: bytes, *, title: str, description: str) -> str:  # noqa: PLR0913 - a file as Slack wants it
        """Put a picture in the thread of the message `thread` (its `ts`) as the file `name`; return the file's id.

        `description` is for who cannot see it. After an error the picture may have arrived all the same.
        """
        conversation = self._id(channel)
        answer = _call(
            channel,
            lambda: self._writer.files_upload_v2(  # three calls, each time-limited
                channel=conversation,
                thread_ts=thread,
                filename=name,
                content=body,
                title=title,
                alt_txt=description[:_DESCRIPTION_CHARACTERS],
            ),
        )
        return str(answer["files"][0]["id"])

    def check(self, channels: Sequence[str]) -> None:
        """Raise what a notice to any of `channels` would meet: a refused token, a channel missing or not joined."""
        _call("", self._reader.auth_test)
        for channel in channels:
            found = next((c for c in self._channels() if channel in (c["id"], f"#{c['name']}")), None)
            if found is None:
                raise OperatorError("slack.no_channel", channel, SlackReply(error="channel_not_found"))
            if not found.get("is_member"):
                raise OperatorError("slack.not_in_channel", channel, SlackReply(error="not_in_channel"))

    def _id(self, channel: str) -> str:
        """Return the id of `channel`: posting takes a #name, reading the history does not."""
        if _ID.fullmatch(channel):
            return channel
        name = channel.removeprefix("#")
        found = next((str(c["id"]) for c in self._channels() if c["name"] == name), None)
        if found is None:
            raise OperatorError("slack.no_channel", channel, SlackReply(error="channel_not_found"))
        return found

    def _channels(self) -> Iterator[Mapping[str, Any]]:
        pages = self._pages(
            "",
            lambda cursor: self._reader.conversations_list(
                types="public_channel,private_channel", exclude_archived=True, limit=_PAGE, cursor=cursor
            ),
        )
        for page in pages:
            yield from page["channels"]

    @staticmethod
    def _pages(subject: str, read: Callable[[str | None], SlackResponse]) -> Iterator[SlackResponse]:
        cursor: str | None = None
        while True:
            page = _call(subject, lambda: read(cursor))  # noqa: B023 - called at once
            yield page
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                return


class _PatientRateLimit(RateLimitErrorRetryHandler):
    """Waits as long as Slack asks, but never longer than LONGEST_WAIT_SECONDS."""

    def _can_retry(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        if response is None or not super()._can_retry(state=state, request=request, response=response, error=error):
            return False
        waits = response.headers.get("Retry-After") or response.headers.get("retry-after") or ()
        return all(str(wait).isdigit() and int(wait) <= LONGEST_WAIT_SECONDS for wait in waits)


def _client(slack: Slack, token: Secret, retries: list[RetryHandler]) -> WebClient:
    client = WebClient(
        token=token.reveal(),
        base_url=slack.base_url,
        timeout=math.ceil(slack.timeout_seconds),
        retry_handlers=retries,
        logger=_UNHEARD,
    )
    client.proxy = None  # left to urllib, which honours NO_PROXY as well
    return client


def _call(subject: str, call: Callable[[], SlackResponse]) -> SlackResponse:
    try:
        return call()
    except SlackApiError as error:
        raise _translated(subject, *_read(error)) from None
    except HTTPError as error:  # what was uploaded to did not take it; the SDK leaves its answer open
        error.close()
        raise _translated(subject, error.code) from None
    except (SlackClientError, OSError, HTTPException, ValueError) as error:
        raise TransientError("slack.unreachable", subject, SlackReply(error=type(error).__name__)) from None


def _read(error: SlackApiError) -> tuple[int, str]:
    """Return the HTTP status of Slack's answer, and the code in it."""
    answer = error.response if isinstance(error.response, SlackResponse) else None
    said = str(answer.data.get("error")) if answer and isinstance(answer.data, dict) else ""
    return answer.status_code if answer else 0, said


def _translated(subject: str, status: int, said: str = "") -> OperatorError:
    """Return our error for Slack's; only Slack's own code is taken over, never its prose."""
    reply = SlackReply(error=said if _ERROR.fullmatch(said) else f"HTTP {status}")
    by_status = {_TOO_MANY_REQUESTS: "slack.rate_limited", **dict.fromkeys(_SERVER_ERRORS, "slack.unreachable")}
    code = by_status.get(status) or _CODES.get(reply.error, "slack.refused")
    return (TransientError if code in _TRANSIENT else OperatorError)(code, subject, reply)

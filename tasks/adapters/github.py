"""GitHub's REST API: secrets and variables of a repository's environments.

Every call is time-limited and may be made twice; neither the token nor a secret's value appears in an error.
https://docs.github.com/rest/actions/secrets and …/actions/variables
"""

import random
import re
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx
from nacl.public import PublicKey, SealedBox

from tasks.core.errors import OperatorError, TransientError
from tasks.core.findings import Finding, Severity
from tasks.core.secret import Secret
from tasks.settings import Github

VERSION: Final = "2026-03-10"
PAUSES_SECONDS: Final = (1.0, 3.0)  # before the second and the third try
LONGEST_WAIT_SECONDS: Final = 30

_TOKEN = re.compile(r"[!-~]+")
_FORBIDDEN, _NOT_FOUND, _TOO_MANY_REQUESTS = 403, 404, 429
_ABSENT, _PRESENT = frozenset({_NOT_FOUND}), frozenset({409})
_OUTDATED: Final = frozenset({400, 409, 422})  # how a secret sealed for a key that is no longer GitHub's is refused
_CODES: Final[Mapping[int, str]] = {401: "github.denied", _FORBIDDEN: "github.denied", _NOT_FOUND: "github.not_found"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubReply:
    """What was answered: the HTTP status, or the class of the failure; never GitHub's text."""

    answer: str


class GitHub:
    """GitHub as one token sees it.

    Each method raises OperatorError github.denied, github.not_found (repository or environment; also when the token
    may not see it) or github.refused, and TransientError github.unreachable, also when GitHub asks for a longer wait
    than LONGEST_WAIT_SECONDS. Subject: `owner/repository:ENVIRONMENT`. Data: GitHubReply.
    """

    def __init__(self, github: Github, token: Secret) -> None:
        """Hold the settings; nothing is sent yet. A token that no header can hold is refused here."""
        if not _TOKEN.fullmatch(token.reveal()):
            raise OperatorError("github.denied", github.base_url, GitHubReply(answer="malformed"))
        self._github = github
        self._token = token
        self._trust = httpx.create_ssl_context()  # slow to make, so once for all calls

    def put_secret(self, repository: str, environment: str, name: str, value: Secret) -> None:
        """Store a secret, sealed for the environment's public key; anew when that changes in between."""
        with self._calls(repository, environment) as calls:
            key = calls.public_key()
            answer = calls.put_secret(name, value, key)
            if answer.status_code in _OUTDATED and (fresh := calls.public_key()) != key:
                answer = calls.put_secret(name, value, fresh)
            if not answer.is_success:
                raise calls.error(answer)

    def variable(self, repository: str, environment: str, name: str) -> str | None:
        """Return a variable's value; None when the environment has none of that name."""
        with self._calls(repository, environment) as calls:
            found = calls.send("GET", f"variables/{name}", allowed=_ABSENT)
            if found.is_success:
                return calls.text(found, "value")
            calls.public_key()  # which there is not where the environment itself is absent
            return None

    def put_variable(self, repository: str, environment: str, name: str, value: str) -> None:
        """Set a variable, which need not be there yet."""
        body = {"name": name, "value": value}
        with self._calls(repository, environment) as calls:
            changed = calls.send("PATCH", f"variables/{name}", body, allowed=_ABSENT)
            if changed.is_success:
                return
            made = calls.send("POST", "variables", body, allowed=_PRESENT)
            if not made.is_success:  # somebody made it in between, or the answer was lost
                calls.send("PATCH", f"variables/{name}", body)

    def ready(self, repository: str, environment: str) -> tuple[Finding, ...]:
        """Return what stands in the way of reading; whether the token may write, only a write would show."""
        try:
            with self._calls(repository, environment) as calls:
                calls.public_key()
                calls.send("GET", "variables")
        except OperatorError as error:
            return (Finding(rule=error.code, severity=Severity.CRITICAL, subject=error.subject, data=error.data),)
        return ()

    @contextmanager
    def _calls(self, repository: str, environment: str) -> Iterator["_Calls"]:
        """Lend the calls about one environment, over one connection."""
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self._token.reveal()}",
            "User-Agent": "marias-ops",
            "X-GitHub-Api-Version": VERSION,
        }
        place = f"repos/{repository}/environments/{quote(environment, safe='')}/"
        address = f"{self._github.base_url.rstrip('/')}/{place}"
        seconds = self._github.timeout_seconds
        with httpx.Client(base_url=address, headers=headers, timeout=seconds, verify=self._trust) as client:
            yield _Calls(client, f"{repository}:{environment}")


class _Calls:
    """The calls about one environment."""

    def __init__(self, client: httpx.Client, subject: str) -> None:
        self._client = client
        self._subject = subject

    def public_key(self) -> tuple[str, str]:
        """Return the environment's public key: its id, and itself in base64."""
        found = self.send("GET", "secrets/public-key")
        return self.text(found, "key_id"), self.text(found, "key")

    def put_secret(self, name: str, value: Secret, key: tuple[str, str]) -> httpx.Response:
        """Store a secret sealed for a key; the answer is a success, or of a status in _OUTDATED."""
        body = {"key_id": key[0], "encrypted_value": self._sealed(value, key[1])}
        return self.send("PUT", f"secrets/{name}", body, allowed=_OUTDATED)

    def send(
        self, method: str, path: str, body: Mapping[str, str] | None = None, *, allowed: frozenset[int] = frozenset()
    ) -> httpx.Response:
        """Return the answer when it is a success or of a status in `allowed`; what can pass is tried again."""
        for pause in (*PAUSES_SECONDS, None):
            answer = self._once(method, path, body)
            if isinstance(answer, httpx.Response) and (answer.is_success or answer.status_code in allowed):
                return answer
            wait = _asked(answer) or (pause or 0) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter
            if pause is None or wait > LONGEST_WAIT_SECONDS or not _passing(answer):
                break
            time.sleep(wait)
        raise self.error(answer)

    def text(self, answer: httpx.Response, field: str) -> str:
        """Return a text of an answer; one that has none is not GitHub's but that of something in between."""
        try:
            found: Any = answer.json()[field]
        except (ValueError, LookupError, TypeError):
            found = None
        if not isinstance(found, str):
            raise self.error("no JSON")
        return found

    def error(self, answer: httpx.Response | str) -> OperatorError:
        """Return our error for an answer, or for the name of what came instead of one."""
        if isinstance(answer, str):
            return TransientError("github.unreachable", self._subject, GitHubReply(answer=answer))
        reply = GitHubReply(answer=f"HTTP {answer.status_code}")
        if _passing(answer):
            return TransientError("github.unreachable", self._subject, reply)
        return OperatorError(_CODES.get(answer.status_code, "github.refused"), self._subject, reply)

    def _once(self, method: str, path: str, body: Mapping[str, str] | None) -> httpx.Response | str:
        try:
            return self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            return type(error).__name__

    def _sealed(self, value: Secret, key: str) -> str:
        try:
            box = SealedBox(PublicKey(b64decode(key, validate=True)))
        except (ValueError, TypeError):  # nacl's own are both
            raise self.error("no public key") from None
        return b64encode(box.encrypt(value.reveal().encode())).decode()


def _passing(answer: httpx.Response | str) -> bool:
    """Tell whether the same call may succeed later."""
    if isinstance(answer, str):
        return True
    limited = answer.status_code == _FORBIDDEN and _asked(answer) > 0
    return limited or answer.status_code == _TOO_MANY_REQUESTS or answer.is_server_error


def _asked(answer: httpx.Response | str) -> float:
    """Return how many seconds GitHub asks to wait: Retry-After, or until its limit is reset; 0 when it does not ask."""
    if isinstance(answer, str):
        return 0
    after, reset = answer.headers.get("retry-after", ""), answer.headers.get("x-ratelimit-reset", "")
    if after.isdecimal():
        return int(after)
    spent = answer.headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal()
    return max(1.0, int(reset) - time.time()) if spent else 0

"""How a run is closed: files, outcome.json, notice, notices.json, ledger entry, in this order, by whoever closes it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from tasks.adapters import secrets
from tasks.adapters.s3 import S3, AlreadyThere
from tasks.adapters.signing import Signer
from tasks.core.attempt import Attempt
from tasks.core.duties import DUTIES
from tasks.core.findings import DEAD, Table
from tasks.environment import Environment
from tasks.evidence import ledger
from tasks.evidence.document import Document
from tasks.evidence.store import BucketStore, Store
from tasks.notices import message
from tasks.notices.message import Message
from tasks.notices.send import Picture, announce
from tasks.reports.blocks import Block, ChartBlock
from tasks.reports.csv import to_csv
from tasks.reports.html import to_html
from tasks.reports.plots import words_of

SILENT = frozenset({"nothing_due"})
CLOCK_SKEW = timedelta(hours=1)
SILENCE = timedelta(minutes=2)  # far longer than a closer that lives is silent between two steps


def store_of(settings: Environment) -> Store:
    """Return the evidence store of an environment."""
    return BucketStore(S3(settings.aws), settings.evidence.bucket)


def standing(store: Store, attempt: Attempt) -> Document | None:
    """Return the outcome that already stands for this attempt, if any."""
    body = store.get(f"{attempt.prefix}outcome.json")
    return None if body is None else Document.model_validate_json(body)


def record(
    store: Store, attempt: Attempt, document: Document, report: tuple[Block, ...], tables: tuple[Table, ...] = ()
) -> None:
    """Write the report, its charts, and tables, then outcome.json.

    Raises AlreadyThere when somebody else has closed this attempt: that outcome stands, and this caller must stop.
    """
    if standing(store, attempt):
        raise AlreadyThere("s3.already_there", f"{attempt.prefix}outcome.json")
    page = to_html(document.title, report).encode()
    store.put_new(f"{attempt.prefix}{report_name(document)}", page, "text/html; charset=utf-8")
    for chart in (block for block in report if isinstance(block, ChartBlock)):
        store.put_new(f"{attempt.prefix}{chart.name}.png", chart.png, "image/png")
    for table in tables:
        store.put_new(f"{attempt.prefix}{table.name}.csv", to_csv(table), "text/csv; charset=utf-8")
    store.put_new(f"{attempt.prefix}outcome.json", document.to_json(), "application/json")


def finish(store: Store, settings: Environment, attempt: Attempt, document: Document, *, look_up: bool) -> str:
    """Tell people, then enter the attempt in the ledger; return what kept the notice from its own way, if anything did.

    `look_up` when an earlier closer may have told people.
    """
    trouble = ""
    if document.result not in SILENT:
        notice = message.end_of_run(document, settings.links, f"{attempt.prefix}{report_name(document)}")
        pictures = () if document.result in DEAD else _pictures(store, attempt.prefix)
        trouble = tell(
            store, settings, attempt, notice, f"{attempt.prefix}notices.json", look_up=look_up, pictures=pictures
        )
    signer = Signer(secrets.resolve(settings.evidence.signing_key, settings.aws))
    ledger.append(
        store,
        signer,
        attempt,
        document.verdict,
        _digests(store, attempt.prefix),
        since=attempt.started_at - CLOCK_SKEW,
    )
    return trouble


def tell(  # noqa: PLR0913 - what is told, of which attempt, and where the receipt goes
    store: Store,
    settings: Environment,
    attempt: Attempt,
    notice: Message,
    receipt: str,
    *,
    look_up: bool,
    pictures: Sequence[Picture] = (),
) -> str:
    """Send a notice of an attempt unless its receipt (under this key) stands already; return what was in the way."""
    if store.get(receipt) is not None:
        return ""
    channel = DUTIES[attempt.duty].channel
    got = announce(notice, channel, settings.slack, settings.mail, settings.aws, look_up=look_up, pictures=pictures)
    _keep(store, receipt, json.dumps({"notices": [asdict(got)]}, indent=1).encode())
    return got.trouble


def claim(store: Store, attempt: Attempt, document: Document) -> bool:
    """Return whether this closer may go on with what another began: only when the last to try has long been silent.

    A claim is an object created once, so of two closers at the same moment one goes on, and people are told once.
    """
    now, claims = datetime.now(UTC), tuple(store.keys(f"{attempt.prefix}claims/"))
    times = [datetime.fromisoformat((store.get(key) or b"").decode()) for key in claims]
    if now - max([document.finished_at, *times]) < SILENCE:
        return False
    try:
        store.put_new(f"{attempt.prefix}claims/{len(claims) + 1}.txt", now.isoformat().encode(), "text/plain")
    except AlreadyThere:
        return False
    return True


def report_name(document: Document) -> str:
    """Return the name of the report: a closer's own, so that it meets neither the run's nor a dead closer's."""
    return f"closing-{document.finished_at:%Y%m%dT%H%M%S%fZ}.html" if document.result in DEAD else "report.html"


def _pictures(store: Store, prefix: str) -> tuple[Picture, ...]:
    """Return the charts of an attempt, out of its evidence: so whoever finishes a close knows them."""
    found = ((key, store.get(key) or b"") for key in store.keys(prefix) if key.endswith(".png"))
    words = ((key.removeprefix(prefix), body, *words_of(body)) for key, body in found)
    return tuple(Picture(name=name, body=body, title=title, description=said) for name, body, title, said in words)


def _digests(store: Store, prefix: str) -> Mapping[str, str]:
    bodies = ((key, store.get(key)) for key in store.keys(prefix))
    return {key: hashlib.sha256(body).hexdigest() for key, body in bodies if body is not None}


def _keep(store: Store, key: str, body: bytes) -> None:
    try:
        store.put_new(key, body, "application/json")
    except AlreadyThere:
        return

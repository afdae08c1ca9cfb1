import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from deployments.lab import contracts, inbox, slack, smtp
from deployments.lab.inbox import Contract, mrkdwn, page
from deployments.lab.slack import TOKEN, LabSlack
from tasks.adapters import mail as mail_adapter
from tasks.settings import Mail

LONG = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_000}}
ANY = Contract(checked=True, requests=0, faults=())
HEADER = {"type": "header", "text": {"type": "plain_text", "text": "✕ Falhou &lt;b&gt;"}}
BLOCKS = [
    HEADER,
    {
        "type": "section",
        "text": {"type": "mrkdwn", "text": "*a* &amp; b"},
        "fields": [{"type": "mrkdwn", "text": "_f_"}],
    },
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "ctx"}]},
    {"type": "divider"},
    {
        "type": "actions",
        "elements": [
            {"type": "button", "text": {"type": "plain_text", "text": "Abrir"}, "url": "https://x.example/?a=1&b=2"}
        ],
    },
    {"type": "image", "image_url": "https://x.example/i.png", "alt_text": "um gráfico"},
]


@pytest.fixture(scope="module")
def running() -> Iterator[LabSlack]:
    with slack.running() as people:
        yield people


@pytest.fixture
def people(running: LabSlack) -> LabSlack:
    running.forget()
    return running


def call(
    lab: LabSlack, method: str, arguments: dict[str, object], token: str = TOKEN, *, form: bool = False
) -> dict[str, object]:
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    body = urlencode(arguments) if form else json.dumps(arguments)
    headers = {"Content-Type": kind, "Authorization": f"Bearer {token}"}
    with urlopen(Request(f"{lab.address}{method}", body.encode(), headers), timeout=5) as answer:  # noqa: S310 - loopback
        said: dict[str, object] = json.load(answer)
    return said


def read(address: str) -> str:
    with urlopen(address, timeout=5) as answer:  # noqa: S310 - loopback
        return str(answer.read().decode())


def test_every_block_is_shown(people: LabSlack) -> None:
    assert call(people, "chat.postMessage", {"channel": "#ops-assist", "text": "t", "blocks": BLOCKS})["ok"]
    shown = read(people.inbox_url)
    for piece in (
        '<h4 class="header">✕ Falhou &lt;b&gt;</h4>',
        "<p><strong>a</strong> &amp; b</p>",
        '<div class="fields"><p><em>f</em></p></div>',
        '<p class="context"><span>ctx</span></p>',
        "<hr>",
        'href="https://x.example/?a=1&amp;b=2" rel="noreferrer">Abrir</a>',
        '<img src="https://x.example/i.png" alt="um gráfico">',
    ):
        assert piece in shown


def test_the_newest_message_comes_first_in_its_channel(people: LabSlack) -> None:
    for channel, text in (("#ops-assist", "um"), ("#deploys-assist", "dois"), ("#ops-assist", "três")):
        call(people, "chat.postMessage", {"channel": channel, "text": text})
    shown = read(people.inbox_url)
    places = [shown.index(f"<p>{text}</p>") for text in ("três", "um", "dois")]
    assert places == sorted(places)
    assert shown.index("# ops-assist") < shown.index("# deploys-assist")


def test_mails_are_shown_beside_slack() -> None:
    with smtp.running() as post, slack.running(mails=post.messages) as people:
        mail = Mail(host=post.host, port=post.port, starttls=False, sender="a@x.org", recipients=("b@x.org",))
        mail_adapter.send(mail, None, "✕ Falhou <b>", "corpo <script>", "k@x.org")
        shown, kept = read(people.inbox_url), json.loads(read(f"{people.inbox_url}messages.json"))
    assert '<h4 class="header">✕ Falhou &lt;b&gt;</h4>\n<pre>corpo &lt;script&gt;\n</pre>' in shown
    assert [(m["subject"], m["recipients"], m["message_id"]) for m in kept["mail"]] == [
        ("✕ Falhou <b>", ["b@x.org"], "k@x.org")
    ]


def test_the_json_tells_what_came(people: LabSlack) -> None:
    metadata = {"event_type": "marias_notice", "event_payload": {"key": "run:1:ended"}}
    call(people, "chat.postMessage", {"channel": "#ops-assist", "text": "t", "blocks": [HEADER], "metadata": metadata})
    kept = json.loads(read(f"{people.inbox_url}messages.json"))
    (posted,) = people.messages
    assert kept["slack"] == [
        {
            "channel": "ops-assist",
            "id": posted.id,
            "text": "t",
            "blocks": [HEADER],
            "key": "run:1:ended",
            "posted_at": str(posted.posted_at),
            "files": [],
        }
    ]


def test_a_picture_is_shown_below_its_message(people: LabSlack) -> None:
    for text in ("um", "dois"):
        sent = call(people, "chat.postMessage", {"channel": "#ops-assist", "text": text})
    send(people, b"PNG", {"channel_id": sent["channel"], "thread_ts": sent["ts"]})
    shown = read(people.inbox_url)
    picture = '<img src="data:image/png;base64,UE5H" alt="a &lt;b&gt;">'
    places = [
        shown.index(piece)
        for piece in ("<p>dois</p>", "Na conversa: T &amp; U <code>t.png</code>", picture, "<p>um</p>")
    ]
    assert places == sorted(places)
    [kept] = [m["files"] for m in json.loads(read(f"{people.inbox_url}messages.json"))["slack"] if m["files"]]
    file = {"id": "F0LAB00001", "name": "t.png", "title": "T & U", "description": "a <b>", "body": "3 bytes"}
    assert kept == [file]


def test_an_update_keeps_the_pictures_of_a_message(people: LabSlack) -> None:
    sent = call(people, "chat.postMessage", {"channel": "#ops-assist", "text": "a"})
    send(people, b"PNG", {"channel_id": sent["channel"], "thread_ts": sent["ts"]})
    call(people, "chat.update", {"channel": sent["channel"], "ts": sent["ts"], "text": "b"})
    assert [(m.text, len(m.files)) for m in people.messages] == [("b", 1)]


@pytest.mark.parametrize(
    ("body", "place", "error"),
    [
        (b"PNG", {"channel_id": "#ops-assist", "thread_ts": "1.0"}, "invalid_channel"),
        (b"PNG", {"channel_id": "C0LAB00001", "thread_ts": "1.0"}, "no_thread"),
        (b"PN", {"channel_id": "C0LAB00001"}, "file_not_found"),
    ],
    ids=["a name for a channel", "no such message", "bytes cut short"],
)
def test_what_cannot_be_shared_is_refused(people: LabSlack, body: bytes, place: dict[str, object], error: str) -> None:
    sent = call(people, "chat.postMessage", {"channel": "#ops-assist", "text": "a"})
    assert send(people, body, {"thread_ts": sent["ts"], **place}) == {"ok": False, "error": error}
    assert [m.files for m in people.messages] == [()]


def send(lab: LabSlack, body: bytes, place: dict[str, object]) -> dict[str, object]:
    """Upload three bytes in Slack's three calls."""
    asked = call(lab, "files.getUploadURLExternal", {"filename": "t.png", "length": 3, "alt_txt": "a <b>"}, form=True)
    with contextlib.suppress(HTTPError), urlopen(str(asked["upload_url"]), body, timeout=5):  # noqa: S310 - loopback
        pass
    files = [{"id": asked["file_id"], "title": "T & U"}]
    return call(lab, "files.completeUploadExternal", {"files": json.dumps(files), **place})


def test_an_update_changes_the_message_and_keeps_its_place_and_key(people: LabSlack) -> None:
    metadata = {"event_type": "marias_notice", "event_payload": {"key": "k"}}
    sent = call(people, "chat.postMessage", {"channel": "#ops-assist", "text": "a", "metadata": metadata})
    assert call(people, "chat.update", {"channel": sent["channel"], "ts": sent["ts"], "text": "b"})["ok"]
    assert [(m.id, m.text, m.key) for m in people.messages] == [(sent["ts"], "b", "k")]
    assert (
        call(people, "chat.update", {"channel": sent["channel"], "ts": "1.0", "text": "b"})["error"]
        == "message_not_found"
    )


def test_the_plain_voice_of_the_prefect_server_is_heard_through_the_webhook(people: LabSlack) -> None:
    with urlopen(Request(people.webhook, b'{"text": "sem worker"}'), timeout=5) as answer:  # noqa: S310 - loopback
        assert answer.read() == b"ok"
    assert [(m.channel, m.text, m.key) for m in people.messages] == [("ops-assist", "sem worker", "")]


@pytest.mark.parametrize(
    ("arguments", "token", "error"),
    [
        ({"channel": "#ops-assist", "text": "t"}, "xoxb-another", "invalid_auth"),
        ({"channel": "#nenhum", "text": "t"}, TOKEN, "channel_not_found"),
        ({"channel": "#ops-assist"}, TOKEN, "no_text"),
        ({"channel": "#ops-assist", "text": "t", "blocks": [LONG] * 5}, TOKEN, "msg_blocks_too_long"),
    ],
)
def test_what_slack_would_refuse_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: dict[str, object], token: str, error: str
) -> None:
    monkeypatch.setenv(contracts.VARIABLE, str(tmp_path))
    with slack.running() as people:
        assert call(people, "chat.postMessage", arguments, token) == {"ok": False, "error": error}
    assert people.messages == []


needs_contracts = pytest.mark.skipif(contracts.load("slack") is None, reason="the folder of contracts is not here")


@needs_contracts
def test_what_breaks_slacks_contract_is_refused_and_shown(people: LabSlack) -> None:
    long = {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}
    for broken in ([long], [{"type": "divider"}] * 51):
        assert call(people, "chat.postMessage", {"channel": "#ops-assist", "text": "t", "blocks": broken}) == {
            "ok": False,
            "error": "invalid_arguments",
        }
    assert len(people.faults) == 2
    assert "Contrato do Slack: falhas encontradas: 2" in read(people.inbox_url)


def test_without_the_contracts_nothing_is_checked_and_the_page_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(contracts.VARIABLE, str(tmp_path))
    with slack.running() as people:
        assert people.contract is None
        assert "Contrato do Slack: não conferido" in read(people.inbox_url)


def test_an_empty_inbox_says_so() -> None:
    assert "Nenhuma mensagem até agora" in page((), (), ANY)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*a* _b_ ~c~", "<strong>a</strong> <em>b</em> <s>c</s>"),
        ("assist_marias_x 2*3*4 a_b", "assist_marias_x 2*3*4 a_b"),
        ("`*a*`\n```b\n<c>```", "<code>*a*</code><br><pre>b<br>&lt;c&gt;</pre>"),
        (
            "<https://x.example/?a=1&amp;b|A &amp; B>",
            '<a href="https://x.example/?a=1&amp;b" rel="noreferrer">A &amp; B</a>',
        ),
        ("<javascript:alert(1)|x>", "x"),
        (
            '<https://x.example/"onclick="x|y>',
            '<a href="https://x.example/&quot;onclick=&quot;x" rel="noreferrer">y</a>',
        ),
        ("<!here> <@U012>", '<span class="mention">@here</span> <span class="mention">@U012</span>'),
        ("&lt;!here&gt; &lt;script&gt;", "&lt;!here&gt; &lt;script&gt;"),
        ("<script>alert(1)</script>", "scriptalert(1)/script"),
        ("a\x000\x00b", "a0b"),
    ],
)
def test_marks_become_html_and_nothing_else_does(text: str, html: str) -> None:
    assert mrkdwn(text) == html


def test_a_runbook_page_is_shown_without_its_html(
    people: LabSlack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(inbox, "RUNBOOKS", tmp_path)
    (tmp_path / "a-duty.md").write_text("# Título\n\n<script>x</script>\n", encoding="utf-8")
    shown = read(f"{people.inbox_url}runbooks/a-duty")
    assert "<h1>Título</h1>" in shown
    assert "<script>" not in shown
    for missing in ("another", "..%2fa-duty"):
        with pytest.raises(HTTPError) as raised:
            read(f"{people.inbox_url}runbooks/{missing}")
        assert raised.value.code == 404
        raised.value.close()


def test_two_labs_side_by_side_do_not_meet() -> None:
    with slack.running() as one, slack.running() as two:
        call(one, "chat.postMessage", {"channel": "#ops-assist", "text": "t"})
        assert one.address != two.address
        assert (len(one.messages), len(two.messages)) == (1, 0)

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from deployments.lab import slack as lab
from deployments.lab.inbox import File
from deployments.lab.serving import Failure
from deployments.lab.slack import LabSlack
from tasks.adapters.slack import SlackApi, SlackReply
from tasks.core.errors import OperatorError, TransientError
from tasks.core.secret import Secret
from tasks.settings import Slack

CHANNEL = "#ops-assist"
PNG = b"\x89PNG\r\n\x1a\n and so on"
BLOCKS = ({"type": "section", "text": {"type": "mrkdwn", "text": "oi"}},)


@pytest.fixture(scope="module")
def running() -> Iterator[LabSlack]:
    with lab.running(outside=("fora",)) as people:
        yield people


@pytest.fixture
def people(running: LabSlack) -> Iterator[LabSlack]:
    running.forget()
    yield running
    assert running.faults == []


def api(people: LabSlack, *, token: str = lab.TOKEN, address: str = "", timeout_seconds: float = 5) -> SlackApi:
    section = Slack(
        token="env:SLACK",  # noqa: S106 - a reference
        webhook="env:HOOK",
        base_url=address or people.address,
        channels={"operations": CHANNEL},
        timeout_seconds=timeout_seconds,
    )
    return SlackApi(section, Secret(token))


def before() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


def upload(people: LabSlack, thread: str, *, channel: str = CHANNEL, timeout_seconds: float = 5) -> str:
    slack = api(people, timeout_seconds=timeout_seconds)
    return slack.upload(channel, thread, "rto.png", PNG, title="Tempo", description="é" * 1_001)


def known(error: OperatorError) -> tuple[type[OperatorError], str, str, object]:
    return type(error), error.code, error.subject, error.data


def test_a_message_arrives_with_its_key_and_is_found_by_it(people: LabSlack) -> None:
    sent = api(people).post(CHANNEL, "oi", BLOCKS, "run:1:ended")
    kept = people.messages[0]
    assert (kept.channel, kept.id, kept.text, kept.blocks, kept.key) == (
        "ops-assist",
        sent,
        "oi",
        BLOCKS,
        "run:1:ended",
    )
    assert api(people).find(CHANNEL, "run:1:ended", before()) == sent
    assert api(people).find(people.id_of(CHANNEL) or "", "run:1:ended", before()) == sent


def test_another_key_an_earlier_time_and_another_channel_are_not_it(people: LabSlack) -> None:
    api(people).post(CHANNEL, "oi", BLOCKS, "run:1:ended")
    assert api(people).find(CHANNEL, "run:2:ended", before()) is None
    assert api(people).find(CHANNEL, "run:1:ended", datetime.now(UTC) + timedelta(hours=1)) is None
    assert api(people).find("#deploys-assist", "run:1:ended", before()) is None


def test_a_message_is_found_beyond_the_first_page(people: LabSlack) -> None:
    first = api(people).post(CHANNEL, "oi", BLOCKS, "first")
    for number in range(205):
        api(people).post(CHANNEL, "oi", BLOCKS, str(number))
    assert api(people).find(CHANNEL, "first", before()) == first


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        ("invalid_auth", OperatorError, "slack.token_refused"),
        ("token_revoked", OperatorError, "slack.token_refused"),
        ("account_inactive", OperatorError, "slack.token_refused"),
        ("channel_not_found", OperatorError, "slack.no_channel"),
        ("invalid_channel", OperatorError, "slack.no_channel"),
        ("is_archived", OperatorError, "slack.no_channel"),
        ("not_in_channel", OperatorError, "slack.not_in_channel"),
        ("ratelimited", TransientError, "slack.rate_limited"),
        ("fatal_error", TransientError, "slack.unreachable"),
        ("missing_scope", OperatorError, "slack.refused"),
        ("invalid_blocks", OperatorError, "slack.refused"),
    ],
)
def test_every_refusal_has_its_code(people: LabSlack, error: str, kind: type[OperatorError], code: str) -> None:
    people.fail_next(1, Failure(error=error))
    with pytest.raises(OperatorError) as raised:
        api(people).post(CHANNEL, "oi", BLOCKS, "k")
    assert known(raised.value) == (kind, code, CHANNEL, SlackReply(error=error))


@pytest.mark.parametrize("token", ["xoxb-canary\n-1234567890", "xoxb-canary ção", ""])
def test_a_token_that_no_header_can_hold_is_refused_before_the_sdk_sees_it(people: LabSlack, token: str) -> None:
    with pytest.raises(OperatorError) as raised:
        api(people, token=token)
    assert known(raised.value) == (OperatorError, "slack.token_refused", "", SlackReply(error="malformed"))
    assert people.calls == []


def test_what_the_sdk_would_log_of_a_failed_call_is_not_heard(
    people: LabSlack, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(TransientError):
        api(people, address="http://127.0.0.1:1/api/").post(CHANNEL, "oi", BLOCKS, "k")
    assert (caplog.text, *capfd.readouterr()) == ("", "", "")


def test_a_wrong_token_is_refused_and_appears_nowhere(people: LabSlack) -> None:
    with pytest.raises(OperatorError) as raised:
        api(people, token="xoxb-canary-1234567890").post(CHANNEL, "oi", BLOCKS, "k")  # noqa: S106 - made up
    assert known(raised.value) == (OperatorError, "slack.token_refused", CHANNEL, SlackReply(error="invalid_auth"))
    assert "canary" not in repr(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_a_channel_that_is_not_there_or_not_joined_is_said(people: LabSlack) -> None:
    for channel, code in (("#nenhum", "slack.no_channel"), ("#fora", "slack.not_in_channel")):
        with pytest.raises(OperatorError, match=code):
            api(people).post(channel, "oi", BLOCKS, "k")
    with pytest.raises(OperatorError, match=r"slack\.no_channel: #nenhum"):
        api(people).find("#nenhum", "k", before())


def test_a_rate_limit_is_waited_for(people: LabSlack) -> None:
    people.fail_next(1, Failure(status=429, error="ratelimited", retry_after_seconds=1))
    start = time.monotonic()
    api(people).post(CHANNEL, "oi", BLOCKS, "k")
    assert time.monotonic() - start >= 1
    assert people.calls == ["chat.postMessage"] * 2
    assert len(people.messages) == 1


def test_a_rate_limit_that_asks_for_too_long_is_not_waited_for(people: LabSlack) -> None:
    people.fail_next(1, Failure(status=429, error="ratelimited", retry_after_seconds=3_600))
    with pytest.raises(TransientError) as raised:
        api(people).post(CHANNEL, "oi", BLOCKS, "k")
    assert known(raised.value) == (
        TransientError,
        "slack.rate_limited",
        CHANNEL,
        SlackReply(error="ratelimited"),
    )
    assert people.calls == ["chat.postMessage"]


def test_reading_is_tried_again_after_a_server_error(people: LabSlack) -> None:
    people.fail_next(1, Failure(status=503, method="conversations.history"))
    assert api(people).find(CHANNEL, "k", before()) is None


def test_posting_is_not_tried_again_after_a_server_error_because_it_may_have_arrived(people: LabSlack) -> None:
    people.fail_next(1, Failure(status=500, arrived=True))
    with pytest.raises(TransientError, match=r"slack\.unreachable"):
        api(people).post(CHANNEL, "oi", BLOCKS, "k")
    assert people.calls == ["chat.postMessage"]
    assert [message.key for message in people.messages] == ["k"]


def test_a_silent_slack_is_left_after_the_timeout(people: LabSlack) -> None:
    people.fail_next(1, Failure(hang_seconds=3))
    with pytest.raises(TransientError, match=r"slack\.unreachable"):
        api(people, timeout_seconds=0.5).post(CHANNEL, "oi", BLOCKS, "k")


def test_nobody_there_is_said(people: LabSlack) -> None:
    with lab.running() as gone:
        pass
    with pytest.raises(TransientError) as raised:
        api(people, address=gone.address).post(CHANNEL, "oi", BLOCKS, "k")
    assert known(raised.value) == (TransientError, "slack.unreachable", CHANNEL, SlackReply(error="URLError"))


def test_a_page_instead_of_slacks_answer_is_not_taken_over(people: LabSlack) -> None:
    with pytest.raises(OperatorError) as raised:
        api(people, address=f"{people.inbox_url}nothing/").post(CHANNEL, "oi", BLOCKS, "k")
    assert known(raised.value) == (OperatorError, "slack.refused", CHANNEL, SlackReply(error="HTTP 404"))


def test_a_check_finds_a_missing_and_a_not_joined_channel(people: LabSlack) -> None:
    api(people).check((CHANNEL, people.id_of("deploys-assist") or ""))
    for channel, code in (("#nenhum", "slack.no_channel"), ("#fora", "slack.not_in_channel")):
        with pytest.raises(OperatorError, match=f"{code}: {channel}"):
            api(people).check((CHANNEL, channel))
    assert people.messages == []


def test_a_picture_lies_in_the_thread_of_its_message_with_its_title_and_words(people: LabSlack) -> None:
    thread, another = (api(people).post(CHANNEL, "oi", BLOCKS, key) for key in ("k", "another"))
    identity = upload(people, thread)
    assert {message.id: message.files for message in people.messages} == {
        thread: (File(id=identity, name="rto.png", title="Tempo", description="é" * 1_000, body=PNG),),
        another: (),
    }
    assert people.calls[-3:] == ["conversations.list", "files.getUploadURLExternal", "files.completeUploadExternal"]


@pytest.mark.parametrize(
    ("failure", "kind", "code", "said"),
    [
        (
            Failure(error="missing_scope", method="files.getUploadURLExternal"),
            OperatorError,
            "slack.refused",
            "missing_scope",
        ),
        (Failure(status=500, method="upload"), TransientError, "slack.unreachable", "HTTP 500"),
        (Failure(status=413, method="upload"), OperatorError, "slack.refused", "HTTP 413"),
        (Failure(hang_seconds=2, method="upload"), TransientError, "slack.unreachable", "TimeoutError"),
        (
            Failure(error="not_in_channel", method="files.completeUploadExternal"),
            OperatorError,
            "slack.not_in_channel",
            "not_in_channel",
        ),
    ],
    ids=["no address", "bytes not taken", "bytes refused", "bytes not taken in time", "not shared"],
)
def test_each_step_of_an_upload_that_fails_is_said(
    people: LabSlack, failure: Failure, kind: type[OperatorError], code: str, said: str
) -> None:
    thread = api(people).post(CHANNEL, "oi", BLOCKS, "k")
    people.fail_next(1, failure)
    with pytest.raises(OperatorError) as raised:
        upload(people, thread, timeout_seconds=1)
    assert known(raised.value) == (kind, code, CHANNEL, SlackReply(error=said))
    assert [message.files for message in people.messages] == [()]


def test_a_picture_without_a_message_or_in_a_channel_not_joined_is_refused(people: LabSlack) -> None:
    with pytest.raises(OperatorError, match=r"slack\.refused"):
        upload(people, "1.000000")
    with pytest.raises(OperatorError, match=r"slack\.not_in_channel: #fora"):
        upload(people, "1.000000", channel="#fora")

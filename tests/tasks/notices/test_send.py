from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from deployments.lab import slack as lab_slack
from deployments.lab import smtp as lab_smtp
from deployments.lab.serving import Failure
from deployments.lab.slack import LabSlack
from deployments.lab.smtp import LabSmtp
from tasks.core.findings import Verdict
from tasks.notices.message import Message, end_of_run
from tasks.notices.send import Picture, Receipt, Way, announce
from tasks.settings import Aws, Mail, Slack
from tests.tasks.notices.documents import ENDS, LINKS, REPORT_KEY, document, finding

NOTICE = end_of_run(document(), LINKS, REPORT_KEY)
MAIL_ID = "0f8a7d2e7a7c4d0b9d1d6f1f2f8f3b11.1.ended@assistmovemarias.org"
DOWN = Failure(status=503)
PICTURES = tuple(
    Picture(name=f"{name}.png", body=name.encode(), title=name.upper(), description=f"o que {name} mostra")
    for name in ("rto", "rpo")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Slack, mail, and the sections that point at them."""

    people: LabSlack
    post: LabSmtp
    slack: Slack
    mail: Mail

    def announce(
        self,
        message: Message = NOTICE,
        *,
        look_up: bool = False,
        channel: str = "operations",
        pictures: tuple[Picture, ...] = (),
    ) -> Receipt:
        return announce(message, channel, self.slack, self.mail, Aws(), look_up=look_up, pictures=pictures)


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[LabSlack, LabSmtp]]:
    with lab_smtp.running() as post, lab_slack.running(mails=post.messages) as people:
        yield people, post


@pytest.fixture
def world(running: tuple[LabSlack, LabSmtp], monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("LAB_SLACK_TOKEN", lab_slack.TOKEN)
    monkeypatch.delenv("LAB_NOTHING", raising=False)
    people, post = running
    people.forget()
    post.messages.clear()
    post.reply = lab_smtp.ACCEPTED
    slack = Slack(
        token="env:LAB_SLACK_TOKEN",  # noqa: S106 - a reference
        webhook="env:LAB_SLACK_HOOK",
        base_url=people.address,
        channels={"operations": "#ops-assist", "deploys": "#deploys-assist"},
        timeout_seconds=1,
    )
    mail = Mail(
        host=post.host,
        port=post.port,
        starttls=False,
        sender="marias-ops@assistmovemarias.org",
        recipients=("devops@assistmovemarias.org",),
        timeout_seconds=5,
    )
    yield World(people=people, post=post, slack=slack, mail=mail)
    assert people.faults == []


@pytest.mark.parametrize(("verdict", "result"), ENDS)
def test_every_end_reaches_slack_within_its_contract(world: World, verdict: Verdict, result: str | None) -> None:
    message = end_of_run(document(verdict=verdict, result=result, findings=(finding(),) * 9), LINKS, REPORT_KEY)
    receipt = world.announce(message)
    (kept,) = world.people.messages
    assert receipt == Receipt(way=Way.SLACK, channel="#ops-assist", message_id=kept.id)
    assert (kept.text, kept.blocks, kept.key) == (message.text, message.blocks, message.key)
    assert world.post.messages == []


def test_a_notice_as_large_as_can_be_is_taken(world: World) -> None:
    huge = "<&> 👩\u200d👩\u200d👧 " * 2_000
    bad = finding(title=huge, message=huge, remedy=huge)
    message = end_of_run(document(summary=huge, safe=huge, verdict=Verdict.FAILED, findings=(bad,) * 20), LINKS, "k")
    assert world.announce(message).way is Way.SLACK


def test_a_channel_of_its_own_is_used_and_operations_otherwise(world: World) -> None:
    assert [world.announce(channel=key).channel for key in ("deploys", "unheard-of")] == [
        "#deploys-assist",
        "#ops-assist",
    ]


def test_what_was_sent_before_is_not_sent_again(world: World) -> None:
    first = world.announce()
    assert world.announce(look_up=True) == first
    assert len(world.people.messages) == 1


def test_what_was_not_sent_before_is_sent(world: World) -> None:
    world.announce()
    assert world.announce(replace(NOTICE, key="another"), look_up=True).way is Way.SLACK
    assert [message.key for message in world.people.messages] == [NOTICE.key, "another"]


@pytest.mark.parametrize(
    "lost", [Failure(status=500, arrived=True), Failure(hang_seconds=2, arrived=True)], ids=["500", "silent"]
)
def test_a_message_whose_answer_was_lost_is_not_sent_twice(world: World, lost: Failure) -> None:
    world.people.fail_next(1, lost)
    receipt = world.announce()
    (kept,) = world.people.messages
    assert receipt == Receipt(way=Way.SLACK, channel="#ops-assist", message_id=kept.id)


def test_a_message_that_did_not_arrive_is_sent_again(world: World) -> None:
    world.people.fail_next(1, Failure(status=500))
    assert world.announce().way is Way.SLACK
    assert len(world.people.messages) == 1


@pytest.mark.parametrize(
    ("failure", "code", "reason"),
    [
        (Failure(error="invalid_auth"), "slack.token_refused", "O Slack não aceita o token do bot (resposta: "),
        (Failure(error="channel_not_found"), "slack.no_channel", "O canal #ops-assist não existe, está arquivado"),
        (Failure(error="not_in_channel"), "slack.not_in_channel", "O bot não participa do canal #ops-assist"),
        (Failure(error="invalid_blocks"), "slack.refused", "O Slack recusou a chamada para #ops-assist"),
        (
            Failure(status=429, error="ratelimited", retry_after_seconds=600),
            "slack.rate_limited",
            "O Slack recebeu mensagens demais",
        ),
        (Failure(status=503), "slack.unreachable", "Não foi possível falar com o Slack"),
        (Failure(hang_seconds=2), "slack.unreachable", "Não foi possível falar com o Slack"),
    ],
)
def test_whenever_slack_fails_people_get_a_mail_that_says_why(
    world: World, failure: Failure, code: str, reason: str
) -> None:
    world.people.fail_next(9, failure)
    receipt = world.announce()
    assert receipt == Receipt(way=Way.MAIL, message_id=MAIL_ID, failures=(code,), reasons=receipt.reasons)
    [why] = receipt.reasons
    assert why.startswith(reason)
    (arrived,) = world.post.messages
    assert (arrived.subject, arrived.body, arrived.message_id) == (NOTICE.subject, f"{NOTICE.body}{why}\n", MAIL_ID)
    assert arrived.recipients == ("devops@assistmovemarias.org",)
    assert world.people.messages == []


def test_a_token_that_cannot_be_read_is_a_failure_of_slack(world: World) -> None:
    slack = world.slack.model_copy(update={"token": "env:LAB_NOTHING"})
    receipt = announce(NOTICE, "operations", slack, world.mail, Aws(), look_up=False)
    assert (receipt.way, receipt.message_id, receipt.failures) == (Way.MAIL, MAIL_ID, ("secret.missing",))


def test_an_unforeseen_error_is_a_failure_too(world: World) -> None:
    receipt = world.announce(replace(NOTICE, blocks=({"type": object()},)))
    assert (receipt.way, receipt.message_id, receipt.failures) == (Way.MAIL, MAIL_ID, ("core.unexpected",))


def test_when_mail_fails_too_the_receipt_says_both_and_what_to_do(world: World) -> None:
    world.people.fail_next(9, DOWN)
    world.post.reply = "554 no"
    receipt = world.announce()
    assert (receipt.way, receipt.failures) == (Way.NONE, ("slack.unreachable", "mail.refused"))
    assert receipt.trouble == (
        "Ninguém foi avisado: o aviso não saiu no Slack nem por e-mail. Avise a equipe com este texto.\n"
        "Não foi possível falar com o Slack (resposta: internal_error). Confira a situação do Slack e a rede do "
        "worker.\n"
        "O servidor de e-mail 127.0.0.1 recusou a mensagem (resposta: 554). Confira usuário, senha, remetente e "
        "destinatários em [mail]."
    )


def test_a_notice_that_went_its_own_way_was_no_trouble(world: World) -> None:
    assert world.announce().trouble == ""


def test_a_mails_password_that_cannot_be_read_is_said(world: World) -> None:
    world.people.fail_next(9, DOWN)
    mail = world.mail.model_copy(update={"password": "env:LAB_NOTHING"})
    receipt = announce(NOTICE, "operations", world.slack, mail, Aws(), look_up=False)
    assert (receipt.way, receipt.failures) == (Way.NONE, ("slack.unreachable", "secret.missing"))


def test_a_mail_sent_twice_carries_the_same_id(world: World) -> None:
    world.people.fail_next(18, DOWN)
    world.announce()
    world.announce(look_up=True)
    assert [mail.message_id for mail in world.post.messages] == [MAIL_ID, MAIL_ID]


def test_pictures_go_into_the_thread_of_the_notice(world: World) -> None:
    receipt = world.announce(pictures=PICTURES)
    (kept,) = world.people.messages
    files = tuple(file.id for file in kept.files)
    assert receipt == Receipt(way=Way.SLACK, channel="#ops-assist", message_id=kept.id, files=files)
    assert [(f.name, f.body, f.title, f.description) for f in kept.files] == [
        (p.name, p.body, p.title, p.description) for p in PICTURES
    ]


def test_a_picture_that_does_not_go_is_said_and_changes_no_way(world: World) -> None:
    world.people.fail_next(1, Failure(error="missing_scope", method="files.getUploadURLExternal"))
    receipt = world.announce(pictures=PICTURES)
    (kept,) = world.people.messages
    why = (
        "O aviso saiu sem o gráfico rto.png (ele está no relatório). O Slack recusou a chamada para #ops-assist "
        "(resposta: missing_scope). Se a resposta for missing_scope, dê ao aplicativo a permissão que falta. "
        "Nos outros casos, avise quem mantém o marias-ops."
    )
    [second] = kept.files
    assert second.name == "rpo.png"
    assert receipt == Receipt(
        way=Way.SLACK, channel="#ops-assist", message_id=kept.id, files=(second.id,), warnings=(why,)
    )
    assert receipt.trouble == why
    assert world.post.messages == []


def test_who_finds_the_notice_sent_leaves_the_pictures_to_who_sent_it(world: World) -> None:
    world.announce(pictures=PICTURES)
    receipt = world.announce(look_up=True, pictures=PICTURES)
    (kept,) = world.people.messages
    assert [file.name for file in kept.files] == ["rto.png", "rpo.png"]
    assert receipt == Receipt(way=Way.SLACK, channel="#ops-assist", message_id=kept.id)


def test_who_looked_for_the_notice_in_vain_sends_the_pictures_with_it(world: World) -> None:
    world.announce(look_up=True, pictures=PICTURES)
    assert [len(message.files) for message in world.people.messages] == [2]


def test_a_notice_whose_answer_was_lost_gets_its_pictures_all_the_same(world: World) -> None:
    world.people.fail_next(1, Failure(status=500, arrived=True))
    world.announce(pictures=PICTURES)
    assert [len(message.files) for message in world.people.messages] == [2]


def test_a_mail_goes_without_pictures(world: World) -> None:
    world.people.fail_next(9, DOWN)
    receipt = world.announce(pictures=PICTURES)
    assert (receipt.way, receipt.files, receipt.warnings) == (Way.MAIL, (), ())
    assert [mail.subject for mail in world.post.messages] == [NOTICE.subject]

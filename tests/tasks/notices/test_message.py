import json
from datetime import timedelta
from typing import Any

import pytest

from tasks.core.attempt import Trigger
from tasks.core.findings import ChangeState, Severity, Verdict
from tasks.core.labels import ending
from tasks.core.wording import Told
from tasks.evidence.document import ChangeRecord, CoverageRecord, Document
from tasks.notices import limits
from tasks.notices.message import Message, end_of_run, overdue, plain, unrecorded
from tests.tasks.notices.documents import ENDS, LINKS, REPORT_KEY, document, finding

HUGE = {
    "letters": "x" * 10_000,
    "emoji": "👩\u200d👩\u200d👧🙂" * 1_200,
    "html": "<script>alert('&')</script><!here> @channel " * 230,
    "marks": "*_~`>" * 2_000,
    "lines": "linha\n" * 2_000,
}


def told(changed: Document) -> Message:
    return end_of_run(changed, LINKS, REPORT_KEY)


def texts(message: Message) -> list[str]:
    """Return every text of the blocks, in their order."""
    found: list[str] = []

    def look(value: Any) -> None:  # noqa: ANN401 - any JSON
        if isinstance(value, dict) and isinstance(value.get("text"), str):
            found.append(value["text"])
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            look(inner)

    look(json.loads(json.dumps(message.blocks)))
    return found


def test_a_passed_run_is_told_whole() -> None:
    def marked(text: str) -> dict[str, object]:
        return {"type": "mrkdwn", "text": text, "verbatim": True}

    def section(text: str) -> dict[str, object]:
        return {"type": "section", "text": marked(text)}

    summary = "O backup assist_marias-20261006-0300.dump foi restaurado por inteiro."
    header = "✓ Tudo certo · Teste de restauração do backup · produção"
    facts = (
        "Disparada por: agendamento",
        "Início: 06/10/2026 09:00:03 (UTC-3)",
        "Duração: 14 min 44 s",
        "Tentativa: 1",
        "Execução: 0f8a7d2e-7a7c-4d0b-9d1d-6f1f2f8f3b11",
    )
    pages = (
        ("Execução no Prefect", "https://prefect.example/runs/0f8a7d2e-7a7c-4d0b-9d1d-6f1f2f8f3b11"),
        ("Relatório com as provas", f"https://console.example/s3?region=sa-east-1&prefix={REPORT_KEY}"),
        ("Página do runbook", "https://docs.example/backup-restore-test.md"),
        ("Grafana", "https://grafana.example/d/1"),
    )
    paragraphs = (
        header,
        summary,
        "O que fazer agora\n  Nada. O relatório fica guardado como prova.",
        "\n".join(facts),
        "\n".join(f"{title}: {address} " for title, address in pages),
        "Este aviso veio por e-mail porque não foi possível entregá-lo no Slack.\n",
    )
    assert told(document()) == Message(
        key="0f8a7d2e-7a7c-4d0b-9d1d-6f1f2f8f3b11:1:ended",
        since=document().started_at,
        text=f"Tudo certo: Teste de restauração do backup (produção). {summary}",
        blocks=(
            {"type": "header", "text": {"type": "plain_text", "text": header, "emoji": False}},
            section(summary),
            section("*O que fazer agora*\nNada. O relatório fica guardado como prova."),
            {"type": "context", "elements": [marked(fact) for fact in facts]},
            section(" · ".join(f"<{address.replace('&', '&amp;')}|{title}>" for title, address in pages)),
        ),
        subject=f"[marias-ops] {header}",
        body="\n\n".join(paragraphs),
    )


@pytest.mark.parametrize(("verdict", "result"), ENDS)
def test_every_end_says_its_name_and_what_to_do(verdict: Verdict, result: str | None) -> None:
    message, end = (
        told(document(verdict=verdict, result=result, safe="A produção não foi tocada")),
        ending(verdict, result),
    )
    header, *others = texts(message)
    assert header == f"{end.symbol} {end.name} · Teste de restauração do backup · produção"
    assert f"*O que fazer agora*\n{end.todo}" in others
    assert "*O que está seguro*\nA produção não foi tocada." in others
    assert message.text.startswith(f"{end.name}: Teste de restauração do backup (produção). ")


def test_the_names_of_all_ends_differ() -> None:
    assert len({ending(verdict, result).name for verdict, result in ENDS}) == len(ENDS)


def test_the_worst_finding_comes_first_with_its_remedy() -> None:
    mild = finding(severity=Severity.MEDIUM, title="Aviso", message="Um aviso", remedy="")
    worst = "*1. Linhas a menos na tabela restaurada (crítico)*\n"
    message = told(document(verdict=Verdict.FAILED, findings=(mild, finding())))
    assert texts(message)[2] == (
        f"*O que aconteceu*\n{worst}A tabela public.beneficiarias tem 18.204 linhas; o arquivo traz 18.231.\n"
        "_Como resolver:_ Não use este backup; restaure o anterior.\n"
        "\n*2. Aviso (médio)*\nUm aviso."
    )


def test_what_was_not_verified_for_one_reason_stands_on_one_line() -> None:
    unread = tuple(CoverageRecord(what=f"t{n}", required=True, assessed=False, why="sem acesso") for n in range(7))
    said = plain(document(verdict=Verdict.INCONCLUSIVE, coverage=unread))
    assert "  • t0, t1, t2, t3, t4 e mais 2 (obrigatório): sem acesso\n" in said


def test_what_does_not_fit_is_counted() -> None:
    several = document(
        verdict=Verdict.FAILED,
        findings=tuple(finding(subject=f"t{n}") for n in range(7)),
        changes=tuple(ChangeRecord(what="Chave", subject=f"h{n}", state=ChangeState.DONE) for n in range(6)),
        coverage=tuple(
            CoverageRecord(what=f"t{n}", required=n == 9, assessed=False, why=f"motivo {n}") for n in range(10)
        ),
    )
    said = plain(several)
    assert "… e mais 2 achados no relatório." in said
    assert "… e mais 1 mudança no relatório." in said
    assert "… e mais 5 itens no relatório." in said
    assert (
        "O que não foi verificado\n  • t9 (obrigatório): motivo 9\n  • t0 (não reprova por si só): motivo 0\n" in said
    )


def test_a_remedy_that_is_what_to_do_now_is_said_once() -> None:
    todo = ending(Verdict.INCONCLUSIVE, "crashed").todo
    dead = document(verdict=Verdict.INCONCLUSIVE, result="crashed", findings=(finding(remedy=todo),))
    assert plain(dead).count(todo) == 1


def test_failed_changes_come_before_done_ones() -> None:
    states = (ChangeState.DONE, ChangeState.FAILED, ChangeState.UNDONE)
    changed = document(changes=tuple(ChangeRecord(what="Chave", subject=s.value, state=s) for s in states))
    assert "O que mudou\n  • Chave failed: falhou\n  • Chave undone: desfeita\n  • Chave done: feita\n" in plain(
        changed
    )


def test_break_glass_and_dry_run_are_said_first_and_on_the_phone() -> None:
    loud = told(document(trigger=Trigger.BREAK_GLASS, dry_run=True))
    assert texts(loud)[1].startswith("*EXECUÇÃO DE EMERGÊNCIA (break-glass)*\n")
    assert "*SIMULAÇÃO (dry run)*\n" in texts(loud)[1]
    assert loud.text.startswith(
        "Tudo certo: Teste de restauração do backup (produção, execução de emergência, simulação)."
    )


def test_break_glass_has_no_page_of_its_run_because_no_server_knows_it() -> None:
    assert "Execução no Prefect" in plain(document(), LINKS)
    assert "Execução no Prefect" not in plain(document(trigger=Trigger.BREAK_GLASS), LINKS)


def test_without_a_report_no_page_of_it_is_offered() -> None:
    assert "Relatório com as provas" not in end_of_run(document(), LINKS, "").body


def test_a_page_whose_address_is_too_long_is_left_out_and_never_cut() -> None:
    links = LINKS.model_copy(
        update={"run": f"https://x.example/{'a' * 3_000}", "dashboards": {"B>|": "https://y.example/a|b>c"}}
    )
    assert texts(end_of_run(document(), links, ""))[-1] == (
        "<https://docs.example/backup-restore-test.md|Página do runbook> · <https://y.example/a%7Cb%3Ec|B&gt;|>"
    )


@pytest.mark.parametrize("huge", HUGE.values(), ids=HUGE)
def test_no_data_breaks_slacks_limits_or_mentions_anybody(huge: str) -> None:
    bad = finding(title=huge, message=huge, remedy=huge, subject=huge)
    message = told(
        document(
            title=huge,
            environment=huge,
            summary=huge,
            safe=huge,
            period=huge,
            verdict=Verdict.FAILED,
            trigger=Trigger.BREAK_GLASS,
            dry_run=True,
            findings=(bad,) * 30,
            changes=(ChangeRecord(what=huge, subject=huge, state=ChangeState.FAILED),) * 30,
            coverage=(CoverageRecord(what=huge, required=True, assessed=False, why=huge),) * 30,
        )
    )
    assert len(message.blocks) <= limits.BLOCKS
    assert sum(map(limits.length, texts(message))) <= limits.MESSAGE
    assert limits.length(texts(message)[0]) <= limits.HEADER
    assert all(0 < limits.length(text) <= limits.SECTION for text in texts(message))
    assert all("<!" not in text and "<@" not in text for text in (*texts(message), message.text))
    assert limits.length(message.text) <= limits.NOTIFICATION
    assert len(message.subject) <= limits.SUBJECT
    assert "\n" not in message.subject


def test_a_run_past_its_limit_is_told_with_what_to_do() -> None:
    message = overdue("backup-restore-test", "0f8a", timedelta(hours=3), LINKS)
    assert (message.key, message.since) == ("0f8a:overdue", None)
    assert message.text == (
        "Demora além do limite: backup-restore-test. A execução continua em andamento depois do limite de 3 h."
    )
    assert texts(message)[0] == "△ Demora além do limite · backup-restore-test"


def test_a_run_that_could_not_be_recorded_says_why_and_tells_all() -> None:
    why = Told(title="", message="O S3 não respondeu.", remedy="Confira a rede.", safe="")
    assert unrecorded(document(), why, LINKS) == (
        "A execução terminou, mas o registro dela não: o resultado abaixo pode não ter sido guardado nem avisado. "
        "O S3 não respondeu. Confira a rede.\n"
        "O encerramento automático (close-runs) tenta de novo a cada cinco minutos.\n\n" + plain(document(), LINKS)
    )

"""The report: what the body's tables say in words, and what stands around them."""

from dataclasses import replace
from datetime import timedelta

from tasks.core.findings import judge
from tasks.core.pt_br import moment
from tasks.reports.blocks import Heading, Paragraph
from tasks.ssh import report
from tasks.ssh.model.keys import CURRENT
from tasks.ssh.model.plan import Action, Plan, PurposePlan, Step, Why
from tasks.ssh.model.rotated import Rotated
from tasks.ssh.model.seen import State
from tasks.ssh.rules import inventory
from tests.tasks.ssh.values import NEW, NOW, OLD, PREVIOUS, cfg, file, half, keys, line, opened_by_old, seen, target

PART = PurposePlan(
    purpose="ops",
    why=Why.AGE,
    base="old",
    new_key=True,
    steps=(
        Step(target=target(), action=Action.ROTATE, old=(OLD.fingerprint,)),
        Step(target=target("db"), action=Action.LEAVE, old=(), why="ssh.unreachable"),
    ),
)
BEFORE = (
    opened_by_old(files=(file(line(OLD, 2, options=("restrict",))),)),
    seen(State.UNKNOWN, "db", why="ssh.unreachable"),
)
DONE = Rotated(part=PART, keys=half(PREVIOUS), before=BEFORE).after(
    PART.targets, (seen(State.PROVED, diff=("- 2", "+ 2")),)
)
AGE = "a chave venceria antes do próximo dia útil"


def tables(done: Rotated) -> dict[str, tuple[tuple[str | int | float, ...], ...]]:
    standing = inventory.standing(done.before, [done.keys], cfg(), ())
    return {table.name: table.rows for table in report.tables([done], standing)}


def test_each_account_each_line_each_stored_key_and_each_key_that_was_found_has_its_row() -> None:
    assert tables(DONE) == {
        "accounts": (
            (
                "ops",
                "ops@web",
                AGE,
                "trocar pela chave nova",
                "provada: só a vigente abre",
                "provada: só a vigente abre",
                "–",
            ),
            ("ops", "ops@db", AGE, "deixar como está", "sem resposta", "sem resposta", "o servidor não respondeu"),
        ),
        "lines": (("ops", "ops@web", "- 2"), ("ops", "ops@web", "+ 2")),
        "stored-keys": (
            ("ops", NEW.fingerprint, CURRENT, moment(NOW)),
            ("ops", OLD.fingerprint, PREVIOUS, moment(NOW - timedelta(days=89))),
        ),
        "keys": (
            (
                "ops@web",
                OLD.fingerprint,
                "2026-11-24",
                "marias-ops (ops)",
                "ssh-ed25519 (256)",
                "restrict",
                "/k:2",
                "–",
                "–",
            ),
        ),
    }


def test_a_simulation_shows_the_lines_that_would_change() -> None:
    planned = replace(DONE, latest={}, keys=keys())
    assert tables(planned)["lines"] == (
        ("ops", "ops@web", f"/k: - 2 {OLD.fingerprint} [restrict]"),
        ("ops", "ops@web", "/k: + 2 SHA256:(nova) [restrict]"),
    )


def test_a_table_without_rows_is_left_out() -> None:
    assert tables(Rotated(part=replace(PART, steps=()), keys=keys(), before=())).keys() == {"stored-keys"}


def test_the_subject_names_the_purposes_and_of_a_simulation_the_command_that_carries_it_out() -> None:
    plan = Plan(purposes=(PART, replace(PART, purpose="deploy")))
    assert report.subject(plan) == "ops, deploy"
    run = f"marias run ssh-rotation -e lab --plan {plan.digest}"
    assert report.command(plan, "lab", purpose="", rotate_now=False) == run
    assert report.command(plan, "lab", purpose="ops", rotate_now=True) == f"{run} -p purpose=ops -p rotate_now=true"


def headings(result: str | None) -> list[str]:
    blocks = report.build(judge((), result=result))
    assert [type(block) for block in blocks] == [Heading, Paragraph] * (len(blocks) // 2)
    return [block.text for block in blocks if isinstance(block, Heading)]


def test_the_report_says_how_it_was_proved_and_what_it_does_not_prove() -> None:
    assert headings(None) == ["Como se provou", "O que isto não prova"]
    assert headings("planned")[0] == "Como executar este plano"
    assert (headings("error"), headings("nothing_due")) == ([], [])

from dataclasses import fields
from string import Formatter

import pytest

from tasks.core.attempt import Trigger
from tasks.core.findings import ChangeState, Severity, Verdict
from tasks.core.labels import CHANGES, ENDINGS, SEVERITIES, TRIGGERS
from tasks.core.wording import Wording, Words
from tasks.notices.words import COMMON, LABELS, SUMMARIES, spoken
from tests.tasks.notices.documents import DEAD


@pytest.mark.parametrize("code", COMMON)
def test_every_placeholder_has_a_field(code: str) -> None:
    words = COMMON[code]
    known = {"subject", *(f.name for f in fields(words.data))}
    sentences = (words.title, words.message, words.remedy, words.safe)
    assert {name for text in sentences for _, name, _, _ in Formatter().parse(text) if name} <= known


@pytest.mark.parametrize("code", COMMON)
def test_every_code_has_a_title_a_message_and_a_remedy(code: str) -> None:
    words = COMMON[code]
    assert words.title
    assert words.message.endswith((".", "}"))
    assert words.remedy.endswith(".")


def test_every_dead_end_has_all_its_words() -> None:
    for result in DEAD:
        assert result in ENDINGS
        assert result in SUMMARIES
        assert f"run.{result}" in COMMON
        assert f"run.{result}" in LABELS


def test_everything_that_core_distinguishes_has_a_name() -> None:
    assert set(ENDINGS) >= set(Verdict)
    assert set(SEVERITIES) == set(Severity)
    assert set(TRIGGERS) == set(Trigger)
    assert set(CHANGES) == set(ChangeState)


def test_a_dutys_own_words_come_first() -> None:
    own = Words(title="Meu", message="Meu.", remedy="Meu.")
    wording = Wording(
        title="t",
        purpose="p",
        interrupted="i",
        codes={"core.unexpected": own},
        summaries={"error": "meu"},
        labels={"a": "b"},
    )
    assert spoken(wording) == Wording(
        title="t",
        purpose="p",
        interrupted="i",
        codes={**COMMON, "core.unexpected": own},
        summaries={**SUMMARIES, "error": "meu"},
        labels={**LABELS, "a": "b"},
    )

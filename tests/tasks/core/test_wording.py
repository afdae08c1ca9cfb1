"""How codes become sentences."""

from dataclasses import dataclass
from enum import StrEnum

import pytest

from tasks.core.wording import Told, Wording, Words


class Place(StrEnum):
    """A code that has a label."""

    HOST = "drill.place.host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """What some words need."""

    place: str
    count: int
    share: float = 0.5


WORDING = Wording(
    title="Ensaio",
    purpose="Ensaia.",
    interrupted="Nada mudou.",
    codes={
        "drill.lost": Words(
            title="Perda n{place}",
            message="{subject}: {count:,} n{place} ({share}).",
            remedy="Procure n{place}.",
            safe="O que está n{place}.",
            data=Lost,
        ),
        "drill.plain": Words(title="Só isto", message="{subject}."),
    },
    labels={"drill.place.host": "o servidor", "7": "sete", "public.usuarios": "o assunto"},
)


@pytest.mark.parametrize("place", [Place.HOST, "drill.place.host"], ids=["an enumeration", "a string"])
def test_a_code_with_a_label_is_said_by_its_label_in_every_sentence(place: str) -> None:
    assert WORDING.tell("drill.lost", "public.a", Lost(place=place, count=1200)) == Told(
        title="Perda no servidor",
        message="public.a: 1.200 no servidor (0,5).",
        remedy="Procure no servidor.",
        safe="O que está no servidor.",
    )


def test_a_text_without_a_label_is_said_as_it_is() -> None:
    told = WORDING.tell("drill.lost", "public.a", Lost(place="a máquina", count=1))
    assert told.title == "Perda na máquina"


def test_neither_a_number_nor_the_subject_is_a_code() -> None:
    told = WORDING.tell("drill.lost", "public.usuarios", Lost(place="a máquina", count=7))
    assert told.message == "public.usuarios: 7 na máquina (0,5)."


def test_words_that_need_no_data_are_told_with_their_subject_alone() -> None:
    assert WORDING.tell("drill.plain", "a.dump") == Told(title="Só isto", message="a.dump.", remedy="", safe="")


def test_a_code_without_words_is_an_error() -> None:
    with pytest.raises(KeyError):
        WORDING.tell("drill.unknown", "a.dump")

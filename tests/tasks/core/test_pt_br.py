from datetime import UTC, datetime, timedelta

import pytest

from tasks.core.pt_br import count, duration, listed, moment, number, size


def test_a_time_is_shown_as_in_sao_paulo_with_its_distance_to_utc() -> None:
    assert moment(datetime(2026, 10, 6, 2, 59, 59, tzinfo=UTC)) == "05/10/2026 23:59:59 (UTC-3)"


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (1234, "1.234"), (1_284_332.0, "1.284.332"), (12.3, "12,3"), (-27, "-27"), (0.0625, "0,062")],
)
def test_a_number_has_brazils_separators(value: float, said: str) -> None:
    assert number(value) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3, "0 s"),
        (0.42, "0,4 s"),
        (9.96, "10 s"),
        (59.6, "1 min"),
        (250, "4 min 10 s"),
        (3600, "1 h"),
        (3900, "1 h 5 min"),
        (183_600, "2 d 3 h"),
        (86_405, "1 d"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float, said: str) -> None:
    assert duration(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("size_bytes", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1,0 kB"),
        (999_960, "1,0 MB"),
        (1_843_200_000, "1,8 GB"),
        (5e15, "5.000,0 TB"),
    ],
)
def test_a_size_is_in_decimal_units(size_bytes: float, said: str) -> None:
    assert size(size_bytes) == said


def test_one_is_singular_and_all_else_plural() -> None:
    assert [count(n, "item", "itens") for n in (0, 1, 1200)] == ["0 itens", "1 item", "1.200 itens"]


def test_of_many_names_the_first_are_listed() -> None:
    assert [listed(list("abcd")[:n], most=2) for n in range(5)] == ["", "a", "a, b", "a, b e mais 1", "a, b e mais 2"]

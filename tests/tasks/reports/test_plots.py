import subprocess
import sys
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from PIL import Image

from tasks.core.findings import Chart, Objective, Series
from tasks.reports.plots import GROUND, INK, LINES, SOFT, in_words, names, to_png, words_of
from tests.tasks.reports.charts import RTO, RTO_IN_WORDS, chart
from tests.tasks.reports.test_html import luminance

START = datetime(2026, 1, 6, 12, tzinfo=UTC)


def line(*values: float | None, name: str = "Linha") -> tuple[Series, ...]:
    return (Series(name=name, values=values),)


def days(count: int) -> tuple[datetime, ...]:
    return tuple(START + timedelta(days=day) for day in range(count))


def pixels(png: bytes, colour: str) -> set[tuple[int, int]]:
    """Return where a picture has exactly this colour."""
    with Image.open(BytesIO(png)) as picture:
        whole = picture.convert("RGB")
    wanted = tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))
    width, data = whole.width, whole.tobytes()
    spots = (place for place in range(0, len(data), 3) if tuple(data[place : place + 3]) == wanted)
    return {divmod(spot // 3, width)[::-1] for spot in spots}


def stretches(spots: set[tuple[int, int]]) -> int:
    """Return how many columns of pixels begin a stretch: those whose left neighbour has none."""
    columns = {x for x, _ in spots}
    return sum(x - 1 not in columns for x in columns)


def test_a_picture_has_its_size_and_its_words_and_nothing_of_the_moment() -> None:
    first = to_png(RTO)
    assert first == to_png(chart())
    assert words_of(first) == (RTO.title, RTO_IN_WORDS)
    with Image.open(BytesIO(first)) as picture:
        assert (picture.size, sorted(picture.text)) == ((1200, 540), ["Description", "Title"])  # type: ignore[attr-defined]


def test_a_gap_breaks_the_line() -> None:
    whole, broken = (
        pixels(to_png(chart(series=line(5, 5, middle, 5, 5), points=days(5))), LINES[0][0]) for middle in (5, None)
    )
    left_of_the_labels = 900
    assert [stretches({spot for spot in spots if spot[0] < left_of_the_labels}) for spots in (whole, broken)] == [1, 2]


def test_a_dollar_begins_no_formula() -> None:
    dollars, none = (len(pixels(to_png(chart(title=title)), INK)) for title in ("$$$$x$$$$", "x"))
    assert dollars > none + 100


def test_an_objective_is_a_dashed_line_at_its_height() -> None:
    drawn = {
        value: pixels(to_png(chart(objectives=(Objective(name="Meta", value=value),))), SOFT)
        for value in (300.0, 900.0)
    }
    rows = {
        value: max((len({x for x, y in spots if y == row}), row) for _, row in spots) for value, spots in drawn.items()
    }
    assert rows[300.0][1] > rows[900.0][1]
    for value, (_, row) in rows.items():
        assert stretches({spot for spot in drawn[value] if spot[1] == row}) > 10


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(chart(points=days(1), series=line(5.3)), id="a single point"),
        pytest.param(chart(points=(), series=line()), id="no point"),
        pytest.param(chart(points=days(2), series=line(None, None), objectives=()), id="no value"),
        pytest.param(chart(points=days(1), series=()), id="no line"),
        pytest.param(chart(points=days(3), series=line(-5, 0, 7)), id="below nothing"),
        pytest.param(chart(points=days(2), series=line(0, 0), objectives=()), id="nothing but zeros"),
        pytest.param(chart(points=days(400), series=line(*map(float, range(400)))), id="many points"),
        pytest.param(chart(points=days(2), series=line(1, 2) * 9), id="many lines"),
        pytest.param(chart(title="$x^2$ \\frac <b> ção", points=("$a$", "b_c"), series=line(1, 2)), id="odd names"),
    ],
)
def test_whatever_there_is_can_be_drawn(odd: Chart) -> None:
    assert words_of(to_png(odd))[0] == odd.title


@pytest.mark.parametrize(
    ("points", "called"),
    [
        (days(2), ("06/01/2026", "07/01/2026")),
        ((START, START + timedelta(hours=1)), ("06/01/2026 09:00", "06/01/2026 10:00")),
        ((datetime(2026, 1, 7, 1, tzinfo=UTC),), ("06/01/2026",)),
        (("2026-T1", "2026-T2"), ("2026-T1", "2026-T2")),
        ((), ()),
    ],
)
def test_points_are_days_in_sao_paulo_else_times_else_names(
    points: tuple[datetime, ...] | tuple[str, ...], called: tuple[str, ...]
) -> None:
    assert names(chart(points=points)) == called


def test_a_chart_is_told_in_words() -> None:
    assert in_words(RTO) == RTO_IN_WORDS
    single = chart(points=("a",), series=(*line(0.12345), *line(None, name="Outra")), objectives=())
    assert in_words(single) == "Tempo de recuperação (RTO). Linha: 0,123 min em a. Outra: sem valores."


@pytest.mark.parametrize("body", [b"", b"no picture", to_png(RTO)[:60]], ids=["empty", "text", "cut"])
def test_what_is_no_picture_of_ours_has_no_words(body: bytes) -> None:
    assert words_of(body) == ("", "")


@pytest.mark.parametrize("colour", [colour for colour, _ in LINES] + [SOFT])
def test_lines_and_their_labels_stand_out_from_the_ground(colour: str) -> None:
    """WCAG 2.2, 1.4.3 (text): at least 4.5 to 1."""
    assert (luminance(GROUND) + 0.05) / (luminance(colour) + 0.05) >= 4.5


def test_who_draws_nothing_does_not_pay_for_it() -> None:
    code = "import sys, tasks.reports.standard; print({'matplotlib', 'numpy', 'PIL'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "set()\n"

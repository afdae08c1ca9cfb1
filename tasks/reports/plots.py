"""Draws charts as pictures (PNG): the same chart gives the same bytes, and its words travel inside the picture."""

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from itertools import accumulate, cycle
from math import nan
from textwrap import fill
from typing import TYPE_CHECKING, Final

from tasks.core.findings import Chart, Series
from tasks.core.pt_br import SAO_PAULO, count, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, SOFT, GRID, GROUND = "#1b1e24", "#565c68", "#d9dce2", "#ffffff"  # the report's own by day
LINES: Final = (("#3d4f7c", "o"), ("#b45309", "s"), ("#0b6b47", "^"), ("#a3182f", "D"))  # told apart by marker too
TITLE, DESCRIPTION = "Title", "Description"  # keywords of PNG's text chunks

_INCHES, _DPI, _PAD = (8.0, 3.6), 150, 0.12
_MOST_TICKS = 8
_LABEL = 0.15  # height of a label's two lines as a share of the axes
_NO_VALUES = "sem valores"


def to_png(chart: Chart) -> bytes:
    """Return the picture of a chart, 1200 × 540 pixels, on white; its title and `in_words` are among its texts.

    Matplotlib is imported here and nowhere else: it costs two seconds and 50 MB.
    """
    from matplotlib import rc_context, rcdefaults, rcParams  # noqa: PLC0415
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with rc_context():
        rcdefaults()  # no settings file of the machine's has a say
        rcParams["text.parse_math"] = False  # R$ begins no formula
        figure = Figure(figsize=_INCHES, dpi=_DPI, facecolor=GROUND)
        figure.set_layout_engine("constrained", w_pad=_PAD, h_pad=_PAD)
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        _ground(axes, chart)
        _draw(axes, chart)
        picture = BytesIO()
        words = {TITLE: chart.title, DESCRIPTION: in_words(chart)}
        figure.savefig(picture, format="png", metadata={"Software": None, **words})
    return picture.getvalue()


def words_of(png: bytes) -> tuple[str, str]:
    """Return the title and the description inside a picture; each "" where it has none, both where it is no picture."""
    from PIL import Image  # noqa: PLC0415

    try:
        with Image.open(BytesIO(png), formats=("png",)) as picture:
            return str(picture.info.get(TITLE, "")), str(picture.info.get(DESCRIPTION, ""))
    except (OSError, SyntaxError, ValueError):
        return "", ""


def in_words(chart: Chart) -> str:
    """Return what a chart shows for who cannot see it: of each line its newest value, and the least and greatest."""
    lines = (f"{series.name}: {_course(chart, series)}." for series in chart.series)
    kept = (f"{objective.name}: {_near(objective.value)} {chart.unit}." for objective in chart.objectives)
    return " ".join((f"{chart.title}.", *lines, *kept))


def names(chart: Chart) -> tuple[str, ...]:
    """Return what the points of a chart are called: days where each is another, else times; or their own names."""
    moments = [at.astimezone(SAO_PAULO) for at in chart.points if isinstance(at, datetime)]
    days = tuple(f"{at:%d/%m/%Y}" for at in moments)
    if len(set(days)) < len(days):
        return tuple(f"{at:%d/%m/%Y %H:%M}" for at in moments)
    return days or tuple(map(str, chart.points))


def _course(chart: Chart, series: Series) -> str:
    known = [(at, v) for at, v in zip(names(chart), series.values, strict=True) if v is not None]
    if not known:
        return _NO_VALUES
    least, greatest = (_near(chosen(value for _, value in known)) for chosen in (min, max))
    course = f"; de {least} a {greatest} em {count(len(known), 'ponto', 'pontos')}" if len(known) > 1 else ""
    return f"{_near(known[-1][1])} {chart.unit} em {known[-1][0]}{course}"


def _near(value: float) -> str:
    """Return a number as near as a picture shows it; the table beside it has it whole."""
    return number(round(value, 1 if abs(value) >= 1 else 3))


def _ground(axes: "Axes", chart: Chart) -> None:
    """Set title, limits and ticks: the heights begin at 0, or below the least value; the newest point has its tick."""
    heights = [0.0, *(objective.value for objective in chart.objectives)]
    heights += [value for series in chart.series for value in series.values if value is not None]
    low, high = min(heights), max(heights)
    room = 0.12 * (high - low) or 1.0
    axes.set_ylim(low - room if low else 0, high + room)
    axes.set_xlim(-0.5, max(len(chart.points), 1) - 0.5)
    ticks = range(len(chart.points))[:: -(len(chart.points) // (_MOST_TICKS + 1) + 1)]
    axes.set_xticks(ticks, [fill(names(chart)[tick], 14) for tick in ticks])
    axes.locator_params(axis="y", nbins=5)
    axes.yaxis.set_major_formatter(lambda value, _place: number(value))
    axes.set_title(chart.title, loc="left", color=INK, fontsize=13, fontweight="bold", pad=12)
    axes.set_ylabel(chart.unit, color=SOFT)
    axes.tick_params(colors=SOFT, length=0, labelsize=9)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(GRID)


def _draw(axes: "Axes", chart: Chart) -> None:
    """Draw the lines, broken where a value is missing, and the objectives; what each is stands at its right end."""
    labels: list[tuple[float, str, str]] = []
    for series, (colour, marker) in zip(chart.series, cycle(LINES), strict=False):
        values = [nan if value is None else value for value in series.values]
        axes.plot(range(len(values)), values, color=colour, marker=marker, markersize=6, linewidth=2, clip_on=False)
        known = [value for value in series.values if value is not None]
        said = f"{_near(known[-1])} {chart.unit}" if known else _NO_VALUES
        labels.append((known[-1] if known else 0, f"{series.name}\n{said}", colour))
    for objective in chart.objectives:
        axes.axhline(objective.value, color=SOFT, linestyle=(0, (5, 4)), linewidth=1.4)
        labels.append((objective.value, f"{objective.name}\n{_near(objective.value)} {chart.unit}", SOFT))
    labels.sort()
    low, high = axes.get_ylim()
    heights = _apart([(value - low) / (high - low) for value, _, _ in labels])
    for height, (_, text, colour) in zip(heights, labels, strict=True):
        axes.text(1.01, height, text, transform=axes.transAxes, color=colour, va="center", linespacing=1.1)


def _apart(heights: Sequence[float]) -> list[float]:
    """Return heights (ascending, as shares of the axes) so far apart that their labels do not meet."""
    up = list(accumulate(heights, lambda below, own: max(own, below + _LABEL)))
    down = accumulate((min(height, 1.0) for height in reversed(up)), lambda above, own: min(own, above - _LABEL))
    return list(down)[::-1]

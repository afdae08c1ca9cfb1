"""A chart to draw, and what tests change in it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tasks.core.findings import Chart, Objective, Series

RTO = Chart(
    name="rto",
    title="Tempo de recuperação (RTO)",
    unit="min",
    points=(
        datetime(2026, 4, 7, 12, tzinfo=UTC),
        datetime(2026, 7, 7, 12, tzinfo=UTC),
        datetime(2026, 10, 7, tzinfo=UTC),
    ),
    series=(
        Series(name="Total", values=(14.25, 1000.0, 18.0)),
        Series(name="Restauração", values=(8.0, None, 11.0)),
    ),
    objectives=(Objective(name="Objetivo", value=60.0),),
)
RTO_IN_WORDS = (
    "Tempo de recuperação (RTO). Total: 18 min em 06/10/2026; de 14,2 a 1.000 em 3 pontos. "
    "Restauração: 11 min em 06/10/2026; de 8 a 11 em 2 pontos. Objetivo: 60 min."
)


def chart(**changes: Any) -> Chart:  # noqa: ANN401 - any field of a chart
    """Return a chart of two lines over three days, one with a gap, and an objective, with `changes`."""
    return replace(RTO, **changes)

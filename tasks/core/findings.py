"""Findings, changes, coverage, and the verdict over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from tasks.core.errors import NO_DATA


class Severity(StrEnum):
    """How bad a finding is, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class Verdict(StrEnum):
    """What a run says of its duty."""

    PASSED = "passed"
    ATTENTION = "attention"
    INCONCLUSIVE = "inconclusive"
    FAILED = "failed"


# The results of runs that never came to their own end: only close-runs gives them.
DEAD = frozenset({"crashed", "cancelled", "expired", "never_started", "unrecorded"})


class ChangeState(StrEnum):
    """How far a planned change came."""

    DONE = "done"
    UNDONE = "undone"
    SKIPPED = "skipped"
    FAILED = "failed"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be: a stable `rule` code, its subject, and the typed data its words need."""

    rule: str
    severity: Severity
    subject: str
    data: object = NO_DATA


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that a duty changed, or would have."""

    what: str
    subject: str
    state: ChangeState


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """One thing that a duty should judge (of `subject`), and whether it could; `what` and `why` have labels."""

    what: str
    required: bool
    assessed: bool
    why: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows worth showing and keeping (one CSV): `name` is the file's stem, cells are text, numbers or times."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line of a chart: a value for each of the chart's points, None where there is none."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A value that a chart's lines should keep to."""

    name: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Lines worth showing and keeping (one PNG): `name` is the file's stem, `unit` that of every value.

    `points` are what the lines run over, oldest first and evenly spaced: times, or names.
    """

    name: str
    title: str
    unit: str
    points: tuple[datetime, ...] | tuple[str, ...]
    series: tuple[Series, ...]
    objectives: tuple[Objective, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a duty's body returns; made by `judge`."""

    verdict: Verdict
    result: str | None = None
    subject: str = ""
    findings: tuple[Finding, ...] = ()
    changes: tuple[Change, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    measures: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()


def judge(  # noqa: PLR0913 - one keyword per part of an outcome
    findings: Sequence[Finding],
    *,
    fulfilled: bool = True,
    result: str | None = None,
    subject: str = "",
    changes: Sequence[Change] = (),
    coverage: Sequence[Coverage] = (),
    measures: Mapping[str, float] | None = None,
    tables: Sequence[Table] = (),
    charts: Sequence[Chart] = (),
) -> Outcome:
    """Return the outcome of a duty: the first verdict that holds of failed, inconclusive, attention, passed.

    failed: not fulfilled, or a critical finding. inconclusive: a required thing not assessed. attention: a high or
    medium finding, or an optional thing not assessed. `subject` names what the duty was about (a backup, a release).
    """
    severities = {f.severity for f in findings}
    missing = {c.required for c in coverage if not c.assessed}
    table = (
        (not fulfilled or Severity.CRITICAL in severities, Verdict.FAILED),
        (True in missing, Verdict.INCONCLUSIVE),
        (bool(severities & {Severity.HIGH, Severity.MEDIUM}) or False in missing, Verdict.ATTENTION),
        (True, Verdict.PASSED),
    )
    order = list(Severity)
    return Outcome(
        verdict=next(verdict for holds, verdict in table if holds),
        result=result,
        subject=subject,
        findings=tuple(sorted(findings, key=lambda f: (order.index(f.severity), f.rule, f.subject))),
        changes=tuple(changes),
        coverage=tuple(coverage),
        measures=MappingProxyType(dict(measures or {})),
        tables=tuple(tables),
        charts=tuple(charts),
    )

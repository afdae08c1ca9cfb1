"""The verdict over findings and coverage."""

import pytest

from tasks.core.findings import Chart, Coverage, Finding, Outcome, Series, Severity, Table, Verdict, judge


def finding(severity: Severity, rule: str = "trial.rule") -> Finding:
    return Finding(rule=rule, severity=severity, subject="public.visitas")


def coverage(*, required: bool, assessed: bool) -> Coverage:
    return Coverage(what="rows", required=required, assessed=assessed, why="")


@pytest.mark.parametrize(
    ("severities", "required_assessed", "fulfilled", "verdict"),
    [
        pytest.param((), (), True, Verdict.PASSED, id="nothing found"),
        pytest.param((Severity.LOW, Severity.INFO), (), True, Verdict.PASSED, id="low and info do not disturb"),
        pytest.param((Severity.MEDIUM,), (), True, Verdict.ATTENTION, id="a medium finding"),
        pytest.param((Severity.HIGH,), (), True, Verdict.ATTENTION, id="a high finding"),
        pytest.param((), ((False, False),), True, Verdict.ATTENTION, id="an optional thing not assessed"),
        pytest.param((), ((True, False),), True, Verdict.INCONCLUSIVE, id="a required thing not assessed"),
        pytest.param((Severity.HIGH,), ((True, False),), True, Verdict.INCONCLUSIVE, id="unjudged outweighs high"),
        pytest.param((), ((True, True), (False, True)), True, Verdict.PASSED, id="all assessed"),
        pytest.param((Severity.CRITICAL,), ((True, False),), True, Verdict.FAILED, id="critical outweighs unjudged"),
        pytest.param((), (), False, Verdict.FAILED, id="not fulfilled"),
    ],
)
def test_the_first_verdict_that_holds_is_the_outcomes(
    severities: tuple[Severity, ...],
    required_assessed: tuple[tuple[bool, bool], ...],
    fulfilled: bool,  # noqa: FBT001 - a case's value
    verdict: Verdict,
) -> None:
    outcome = judge(
        [finding(severity) for severity in severities],
        fulfilled=fulfilled,
        coverage=[coverage(required=required, assessed=assessed) for required, assessed in required_assessed],
    )
    assert outcome.verdict is verdict


def test_findings_come_worst_first_then_by_rule() -> None:
    low, high_b, high_a = finding(Severity.LOW), finding(Severity.HIGH, "b.rule"), finding(Severity.HIGH, "a.rule")
    assert judge([low, high_b, high_a]) == Outcome(verdict=Verdict.ATTENTION, findings=(high_a, high_b, low))


def test_tables_and_charts_are_handed_on() -> None:
    table = Table(name="t", title="T", columns=("A",), rows=(("a",),))
    chart = Chart(name="c", title="C", unit="s", points=("a",), series=(Series(name="S", values=(1.0,)),))
    assert judge((), tables=[table], charts=[chart]) == Outcome(
        verdict=Verdict.PASSED, tables=(table,), charts=(chart,)
    )

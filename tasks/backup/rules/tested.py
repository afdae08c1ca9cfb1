"""One database's test, judged; and several of them told together."""

from collections import defaultdict
from dataclasses import dataclass, replace

from tasks.backup.model.drill import Drill, Past
from tasks.backup.model.told import More
from tasks.backup.rules.claims import Claim
from tasks.backup.settings import Database
from tasks.core.errors import OperatorError
from tasks.core.findings import Coverage, Finding, Severity

SHOWN = 20  # findings of one rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """The facts of one database's test and all that was judged of them; `past` is newest first."""

    drill: Drill
    database: Database
    past: tuple[Past, ...]
    findings: tuple[Finding, ...]
    claims: tuple[Claim, ...]
    coverage: tuple[Coverage, ...]
    measures: dict[str, float]


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a run that one of `count` databases takes, counted from 0."""

    number: int
    count: int

    def at(self, percent: float) -> float:
        """Return how far the whole run is when this database is at `percent`."""
        return (100 * self.number + percent) / self.count


def findings_of(test: Tested, *, several: bool) -> tuple[Finding, ...]:
    """Return a test's findings, at most SHOWN of a rule and the rest counted; named by database when `several`."""
    by_rule: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in test.findings:
        by_rule[finding.rule].append(finding)
    kept = (finding for same in by_rule.values() for finding in _limited(same))
    name = test.drill.found.database
    return tuple(replace(f, subject=f"{name}: {f.subject}") if several else f for f in kept)


def untested(database: str, error: OperatorError) -> Finding:
    """Return the finding that says why a database could not be tested, while others were."""
    subject = f"{database}: {error.subject}"
    return Finding(rule=error.code, severity=Severity.CRITICAL, subject=subject, data=error.data)


def _limited(same: list[Finding]) -> list[Finding]:
    if len(same) <= SHOWN:
        return same
    order, more = list(Severity), More(count=len(same) - SHOWN + 1)
    worst_first = sorted(same, key=lambda finding: order.index(finding.severity))
    rest = Finding(rule="backup.and_more", severity=Severity.INFO, subject=same[0].rule, data=more)
    return [*worst_first[: SHOWN - 1], rest]

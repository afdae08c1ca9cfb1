"""The shape of outcome.json: an outcome whose codes have become sentences."""

from dataclasses import fields
from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tasks.core.attempt import Attempt, Trigger
from tasks.core.findings import ChangeState, Finding, Outcome, Severity, Verdict
from tasks.core.redaction import redact
from tasks.core.wording import Wording, fill

SCHEMA: Literal["marias-ops/outcome/1"] = "marias-ops/outcome/1"


class Part(BaseModel):
    """A frozen part of the document; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class FindingRecord(Part):
    """A finding as people read it."""

    rule: str
    severity: Severity
    subject: str
    title: str
    message: str
    remedy: str
    data: dict[str, Any]


class ChangeRecord(Part):
    """A change as people read it."""

    what: str
    subject: str
    state: ChangeState


class CoverageRecord(Part):
    """What was or was not judged, as people read it."""

    what: str
    required: bool
    assessed: bool
    why: str
    subject: str = ""

    @property
    def about(self) -> str:
        """Return what was or was not judged, and of which subject."""
        return f"{self.what}: {self.subject}" if self.subject else self.what


class Document(Part):
    """outcome.json: one attempt of one run, told whole."""

    schema_: Literal["marias-ops/outcome/1"] = Field(default=SCHEMA, alias="schema")
    duty: str
    title: str
    environment: str
    code: str
    flow_run_id: str
    attempt: int
    trigger: Trigger
    period: str | None = None
    started_at: AwareDatetime
    finished_at: AwareDatetime
    dry_run: bool
    verdict: Verdict
    result: str | None
    subject: str
    summary: str
    safe: str
    findings: tuple[FindingRecord, ...]
    changes: tuple[ChangeRecord, ...]
    coverage: tuple[CoverageRecord, ...]
    measures: dict[str, float]

    def to_json(self) -> bytes:
        """Return the exact bytes of outcome.json."""
        return self.model_dump_json(by_alias=True, indent=1).encode() + b"\n"


def write(  # noqa: PLR0913 - what a document needs, by name
    attempt: Attempt, outcome: Outcome, wording: Wording, *, safe: str, code: str, finished_at: datetime
) -> Document:
    """Return the outcome told in the duty's words; everything that came from outside is redacted (the second net)."""
    label = wording.labels.get
    findings = tuple(_finding(finding, wording) for finding in outcome.findings)
    summary = wording.summaries.get(outcome.result or "") or wording.summaries.get(outcome.verdict, "")
    return Document(
        duty=attempt.duty,
        title=wording.title,
        environment=attempt.environment,
        code=code,
        flow_run_id=attempt.flow_run_id,
        attempt=attempt.number,
        trigger=attempt.trigger,
        period=attempt.period,
        started_at=attempt.started_at,
        finished_at=finished_at,
        dry_run=attempt.dry_run,
        verdict=outcome.verdict,
        result=outcome.result,
        subject=redact(outcome.subject),
        summary=redact(fill(summary, {"subject": outcome.subject, "title": _worst(findings), **outcome.measures})),
        safe=redact(safe),
        findings=findings,
        changes=tuple(
            ChangeRecord(what=label(c.what, c.what), subject=redact(c.subject), state=c.state) for c in outcome.changes
        ),
        coverage=tuple(
            CoverageRecord(
                what=label(c.what, c.what),
                required=c.required,
                assessed=c.assessed,
                why=label(c.why, c.why),
                subject=redact(c.subject),
            )
            for c in outcome.coverage
        ),
        measures=dict(outcome.measures),
    )


def _worst(findings: tuple[FindingRecord, ...]) -> str:
    """Return the title of the worst finding: an outcome's come in this order."""
    return findings[0].title if findings else ""


def _finding(finding: Finding, wording: Wording) -> FindingRecord:
    told = wording.tell(finding.rule, finding.subject, finding.data)
    data = {f.name: getattr(finding.data, f.name) for f in fields(finding.data)}  # type: ignore[arg-type]
    return FindingRecord(
        rule=finding.rule,
        severity=finding.severity,
        subject=redact(finding.subject),
        title=redact(told.title),
        message=redact(told.message),
        remedy=redact(told.remedy),
        data={name: redact(value) if isinstance(value, str) else value for name, value in data.items()},
    )

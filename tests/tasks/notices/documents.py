"""Documents to tell: an ordinary good run, and what tests change in it."""

from datetime import UTC, datetime
from typing import Any

from tasks.core.attempt import Trigger
from tasks.core.findings import Severity, Verdict
from tasks.evidence.document import SCHEMA, CoverageRecord, Document, FindingRecord
from tasks.settings import Links

LINKS = Links(
    run="https://prefect.example/runs/{run}",
    evidence="https://console.example/s3?region=sa-east-1&prefix={key}",
    runbook="https://docs.example/{duty}.md",
    dashboards={"Grafana": "https://grafana.example/d/1"},
)
REPORT_KEY = "production/backup-restore-test/2026-10-06/0f8a/attempt-1/report.html"
DEAD = ("crashed", "cancelled", "expired", "never_started", "unrecorded")
ENDS = [*((verdict, None) for verdict in Verdict), *((Verdict.INCONCLUSIVE, result) for result in DEAD)]


def document(**changes: Any) -> Document:  # noqa: ANN401 - any field of a document
    """Return a passed run of the restore test, with `changes`."""
    passed: dict[str, Any] = {
        "schema": SCHEMA,
        "duty": "backup-restore-test",
        "title": "Teste de restauração do backup",
        "environment": "production",
        "code": "marias-ops 0.1.0 (3f2a91c)",
        "flow_run_id": "0f8a7d2e-7a7c-4d0b-9d1d-6f1f2f8f3b11",
        "attempt": 1,
        "trigger": Trigger.SCHEDULE,
        "started_at": datetime(2026, 10, 6, 12, 0, 3, tzinfo=UTC),
        "finished_at": datetime(2026, 10, 6, 12, 14, 47, tzinfo=UTC),
        "dry_run": False,
        "verdict": Verdict.PASSED,
        "result": None,
        "subject": "assist_marias-20261006-0300.dump",
        "summary": "O backup assist_marias-20261006-0300.dump foi restaurado por inteiro",
        "safe": "",
        "findings": (),
        "changes": (),
        "coverage": (CoverageRecord(what="Linhas de cada tabela", required=True, assessed=True, why=""),),
        "measures": {"restore_seconds": 724.3, "dump_bytes": 1_843_200_000.0, "rows": 1_284_332.0},
    }
    return Document(**(passed | changes))


def finding(**changes: Any) -> FindingRecord:  # noqa: ANN401 - any field of a finding
    """Return a critical finding, with `changes`."""
    critical: dict[str, Any] = {
        "rule": "backup.row_count_mismatch",
        "severity": Severity.CRITICAL,
        "subject": "public.beneficiarias",
        "title": "Linhas a menos na tabela restaurada",
        "message": "A tabela public.beneficiarias tem 18.204 linhas; o arquivo traz 18.231.",
        "remedy": "Não use este backup; restaure o anterior",
        "data": {},
    }
    return FindingRecord(**(critical | changes))

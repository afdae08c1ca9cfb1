"""Which run of which duty: what names its evidence, its notices and its ledger entry."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Trigger(StrEnum):
    """Through which door a run came in."""

    SCHEDULE = "schedule"
    PERSON = "person"
    CI = "ci"
    FLOW = "flow"
    AUTOMATION = "automation"
    BREAK_GLASS = "break-glass"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt at one run of a duty; `started_at` is the run's first start (UTC), the same in every attempt."""

    duty: str
    environment: str
    flow_run_id: str
    number: int
    trigger: Trigger
    started_at: datetime
    dry_run: bool = False
    period: str | None = None

    @property
    def prefix(self) -> str:
        """Return the folder of this attempt's evidence, ending in a slash."""
        day = f"{self.started_at:%Y-%m-%d}"
        return f"{self.environment}/{self.duty}/{day}/{self.flow_run_id}/attempt-{self.number}/"

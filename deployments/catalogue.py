"""Reads prefect.yaml: what deployments an environment should have."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import yaml
from prefect import Flow
from prefect.client.schemas.objects import ConcurrencyOptions
from prefect.client.schemas.schedules import CronSchedule, RRuleSchedule

from tasks.core.duties import DUTIES

FILE = Path(__file__).with_name("prefect.yaml")
VARIABLE = "{{ $MARIAS_ENVIRONMENT }}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a deployment runs by itself, and with which parameters other than the deployment's."""

    slug: str
    times: CronSchedule | RRuleSchedule
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One deployment as it should be; its flow is imported from `entrypoint` (module.function)."""

    flow: Flow[..., Any]
    entrypoint: str
    name: str
    pool: str
    description: str
    tags: tuple[str, ...]
    parameters: dict[str, Any]
    limit: int | None
    when_full: ConcurrencyOptions | None
    schedules: tuple[Schedule, ...]

    @property
    def full_name(self) -> str:
        """Return `<duty>/<environment>`."""
        return f"{self.flow.name}/{self.name}"


def flow_of(duty: str) -> Flow[..., Any]:
    """Return a duty's own flow, which its module names as the module itself is named."""
    module = DUTIES[duty].flow
    return cast("Flow[..., Any]", getattr(import_module(module), module.rpartition(".")[2]))


def declared(environment: str, *, schedules: bool, path: Path = FILE) -> tuple[Declared, ...]:
    """Return the deployments that `environment` should have; without their schedules unless `schedules`."""
    text = path.read_text(encoding="utf-8").replace(VARIABLE, environment)
    entries = yaml.safe_load(text)["deployments"]
    return tuple(_declared(entry, schedules=schedules) for entry in entries)


def _declared(entry: dict[str, Any], *, schedules: bool) -> Declared:
    module, function = entry["entrypoint"].rsplit(".", 1)
    limit = entry.get("concurrency_limit", {})
    return Declared(
        flow=cast("Flow[..., Any]", getattr(import_module(module), function)),
        entrypoint=entry["entrypoint"],
        name=entry["name"],
        pool=entry["work_pool"]["name"],
        description=entry["description"],
        tags=tuple(entry["tags"]),
        parameters=entry["parameters"],
        limit=limit.get("limit"),
        when_full=ConcurrencyOptions(collision_strategy=limit["collision_strategy"]) if limit else None,
        schedules=tuple(map(_schedule, entry["schedules"])) if schedules else (),
    )


def _schedule(entry: dict[str, Any]) -> Schedule:
    zone = entry["timezone"]
    times = (
        RRuleSchedule(rrule=entry["rrule"], timezone=zone)
        if "rrule" in entry
        else CronSchedule(cron=entry["cron"], timezone=zone)
    )
    return Schedule(slug=entry["slug"], times=times, parameters=entry.get("parameters", {}))

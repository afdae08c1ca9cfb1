"""Makes a Prefect server equal to the catalogue: pool, deployments, schedules, automations, the plain notification."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from prefect.blocks.fields import SecretDict
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import (
    DeploymentScheduleCreate,
    DeploymentScheduleUpdate,
    DeploymentUpdate,
    WorkPoolCreate,
)
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName, DeploymentFilterTags
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound
from prefect.utilities.callables import parameter_schema
from prefect.workers.process import ProcessWorker

from deployments.automations import PREFIX, automations
from deployments.catalogue import FILE, Declared, Schedule, declared
from tasks.adapters import prefect_api, secrets
from tasks.environment import Environment, load

TAG = "marias-ops"


class Did(StrEnum):
    """What apply did to one thing."""

    CREATED = "created"
    UPDATED = "updated"
    REMOVED = "removed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """One thing on the server, and what was done to it."""

    kind: str
    name: str
    did: Did


def apply(environment: str, *, catalogue: Path = FILE, prune: bool = True) -> tuple[Applied, ...]:
    """Bring the server to exactly what the catalogue says for one environment; a second call changes nothing.

    An operator's pause of a schedule is kept; deployments, schedules and automations of ours that the catalogue no
    longer names are removed. Raises OperatorError when the settings or the server cannot be read.
    """
    settings = load(environment)
    prefect_api.check()
    wanted = declared(settings.name, schedules=settings.schedules, path=catalogue)
    with get_client(sync_client=True) as client:
        return tuple(_apply(client, settings, wanted, prune=prune))


def _apply(
    client: SyncPrefectClient, settings: Environment, wanted: tuple[Declared, ...], *, prune: bool
) -> Iterator[Applied]:
    for pool in sorted({d.pool for d in wanted}):
        yield Applied(kind="pool", name=pool, did=_pool(client, pool))
    ids: dict[str, UUID] = {}
    for deployment in wanted:
        did, ids[deployment.flow.name] = _deployment(client, deployment)
        yield Applied(kind="deployment", name=deployment.full_name, did=did)
        yield from _schedules(client, ids[deployment.flow.name], deployment)
    if prune:
        yield from _stale_deployments(client, settings.name, set(ids.values()))
    block, did = _notification(settings)
    yield Applied(kind="notification", name=settings.name, did=did)
    yield from _automations(client, settings.name, automations(settings.name, ids["close-runs"], block))


def _pool(client: SyncPrefectClient, name: str) -> Did:
    try:
        client.read_work_pool(name)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(WorkPoolCreate(name=name, type="process", base_job_template=template))
        return Did.CREATED
    return Did.UNCHANGED


def _deployment(client: SyncPrefectClient, wanted: Declared) -> tuple[Did, UUID]:
    schema = parameter_schema(wanted.flow).model_dump_for_openapi()
    fields: dict[str, Any] = {
        "description": wanted.description,
        "tags": list(wanted.tags),
        "parameters": wanted.parameters,
        "work_pool_name": wanted.pool,
        "entrypoint": wanted.entrypoint,
        "parameter_openapi_schema": schema,
        "enforce_parameter_schema": True,
    }
    limits: dict[str, Any] = {"concurrency_limit": wanted.limit, "concurrency_options": wanted.when_full}
    try:
        standing = client.read_deployment_by_name(wanted.full_name)
    except ObjectNotFound:
        flow_id = client.create_flow_from_name(wanted.flow.name)
        return Did.CREATED, client.create_deployment(flow_id, wanted.name, **limits, **fields)
    limit = standing.global_concurrency_limit.limit if standing.global_concurrency_limit else None
    if {name: getattr(standing, name) for name in fields} == fields and {
        "concurrency_limit": limit,
        "concurrency_options": standing.concurrency_options,
    } == limits:
        return Did.UNCHANGED, standing.id
    client.update_deployment(standing.id, DeploymentUpdate(**limits, **fields))
    return Did.UPDATED, standing.id


def _schedules(client: SyncPrefectClient, deployment_id: UUID, wanted: Declared) -> Iterator[Applied]:
    standing = {s.slug or str(s.id): s for s in client.read_deployment_schedules(deployment_id)}
    for schedule in wanted.schedules:
        did = _schedule(client, deployment_id, schedule, standing.get(schedule.slug))
        yield Applied(kind="schedule", name=f"{wanted.full_name} {schedule.slug}", did=did)
    for slug in sorted(set(standing) - {schedule.slug for schedule in wanted.schedules}):
        client.delete_deployment_schedule(deployment_id, standing[slug].id)
        yield Applied(kind="schedule", name=f"{wanted.full_name} {slug}", did=Did.REMOVED)


def _schedule(
    client: SyncPrefectClient, deployment_id: UUID, wanted: Schedule, standing: DeploymentSchedule | None
) -> Did:
    fields: dict[str, Any] = {"schedule": wanted.times, "parameters": wanted.parameters, "slug": wanted.slug}
    if standing is None:
        client.create_deployment_schedules(deployment_id, [DeploymentScheduleCreate(**fields)])
        return Did.CREATED
    if {name: getattr(standing, name) for name in fields} == fields:
        return Did.UNCHANGED
    changed = DeploymentScheduleUpdate(**fields)  # no `active`: an operator's pause is kept
    client.update_deployment(deployment_id, DeploymentUpdate(schedules=[changed]))
    return Did.UPDATED


def _stale_deployments(client: SyncPrefectClient, environment: str, wanted: set[UUID]) -> Iterator[Applied]:
    ours = DeploymentFilter(name=DeploymentFilterName(any_=[environment]), tags=DeploymentFilterTags(all_=[TAG]))
    stale: list[DeploymentResponse] = [d for d in client.read_deployments(deployment_filter=ours) if d.id not in wanted]
    for deployment in stale:
        flow = client.read_flow(deployment.flow_id)
        client.delete_deployment(deployment.id)
        yield Applied(kind="deployment", name=f"{flow.name}/{deployment.name}", did=Did.REMOVED)


def _notification(settings: Environment) -> tuple[UUID, Did]:
    """Keep the block through which the server itself speaks when no duty can: an incoming webhook of one channel."""
    name = f"{TAG}-{settings.name}"
    url = secrets.resolve(settings.slack.webhook, settings.aws).reveal()
    wanted = CustomWebhookNotificationBlock(
        name=name,
        url="{{address}}",
        json_data={"text": "{{subject}}\n{{body}}"},
        secrets=SecretDict({"address": url}),
    )
    try:
        standing = cast("CustomWebhookNotificationBlock", CustomWebhookNotificationBlock.load(name))
    except ValueError:
        return cast("UUID", wanted.save(name)), Did.CREATED
    same = standing.json_data == wanted.json_data and standing.secrets.get_secret_value() == {"address": url}
    if same and standing._block_document_id:  # noqa: SLF001 - the block's only handle on its own id
        return standing._block_document_id, Did.UNCHANGED  # noqa: SLF001
    return cast("UUID", wanted.save(name, overwrite=True)), Did.UPDATED


def _automations(client: SyncPrefectClient, environment: str, wanted: tuple[AutomationCore, ...]) -> Iterator[Applied]:
    prefix = f"{PREFIX}{environment}: "
    standing = {a.name: a for a in client.read_automations(limit=200) if a.name.startswith(prefix)}
    for automation in wanted:
        found = standing.pop(automation.name, None)
        if found is None:
            client.create_automation(automation)
            did = Did.CREATED
        elif _comparable(found) == _comparable(automation):
            did = Did.UNCHANGED
        else:
            client.update_automation(found.id, automation)
            did = Did.UPDATED
        yield Applied(kind="automation", name=automation.name, did=did)
    for name, automation in sorted(standing.items()):
        client.delete_automation(automation.id)
        yield Applied(kind="automation", name=name, did=Did.REMOVED)


def _comparable(automation: AutomationCore) -> dict[str, Any]:
    return automation.model_dump(include={"name", "description", "trigger", "actions"})

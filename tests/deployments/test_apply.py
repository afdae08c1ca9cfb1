"""Apply, on a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule
from prefect.events.schemas.automations import AutomationCore

from deployments.apply import Did, apply
from deployments.automations import PREFIX
from deployments.catalogue import FILE
from deployments.lab.lab import Lab
from tests.conftest import apply_trial

DUTY = "backup-restore-test/lab"


@pytest.fixture
def client(server: Lab) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as open_client:
        yield open_client


def changes(path: Path = FILE) -> list[tuple[str, str, Did]]:
    done = apply("lab", catalogue=path, prune=False)
    return [(a.kind, a.name, a.did) for a in done if a.did is not Did.UNCHANGED]


@pytest.fixture(autouse=True)
def applied(client: SyncPrefectClient) -> None:
    changes()


def test_a_second_time_changes_nothing(server: Lab) -> None:
    assert changes() == []


def test_an_operators_pause_is_kept_while_the_schedule_changes(client: SyncPrefectClient, tmp_path: Path) -> None:
    deployment = client.read_deployment_by_name(DUTY)
    [schedule] = client.read_deployment_schedules(deployment.id)
    client.update_deployment_schedule(deployment.id, schedule.id, active=False)
    other = tmp_path / "prefect.yaml"
    other.write_text(FILE.read_text().replace("BYDAY=TU,WE,TH", "BYDAY=TU,WE"))
    assert changes(other) == [("schedule", f"{DUTY} quarterly", Did.UPDATED)]
    [after] = client.read_deployment_schedules(deployment.id)
    assert (after.id, after.active, "BYDAY=TU,WE;" in str(after.schedule)) == (schedule.id, False, True)
    changes()
    client.update_deployment_schedule(deployment.id, schedule.id, active=True)


def test_a_schedule_that_the_catalogue_does_not_name_is_removed(client: SyncPrefectClient) -> None:
    deployment = client.read_deployment_by_name(DUTY)
    stale = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 3 * * *"), slug="nightly")
    client.create_deployment_schedules(deployment.id, [stale])
    assert changes() == [("schedule", f"{DUTY} nightly", Did.REMOVED)]
    assert [s.slug for s in client.read_deployment_schedules(deployment.id)] == ["quarterly"]


def test_a_deployment_that_somebody_changed_is_brought_back(client: SyncPrefectClient, tmp_path: Path) -> None:
    other = tmp_path / "prefect.yaml"
    other.write_text(FILE.read_text().replace("Restaura o backup mais novo", "Outra descrição"))
    assert changes(other) == [("deployment", DUTY, Did.UPDATED)]
    assert changes() == [("deployment", DUTY, Did.UPDATED)]


def test_a_limit_is_set_and_taken_back(client: SyncPrefectClient, tmp_path: Path) -> None:
    other = tmp_path / "prefect.yaml"
    limited = "concurrency_limit: {limit: 1, collision_strategy: CANCEL_NEW}"
    other.write_text(FILE.read_text().replace("# no concurrency limit", f"{limited}  #"))
    assert changes(other) == [("deployment", "close-runs/lab", Did.UPDATED)]
    assert changes() == [("deployment", "close-runs/lab", Did.UPDATED)]
    standing = client.read_deployment_by_name("close-runs/lab")
    assert (standing.global_concurrency_limit, standing.concurrency_options) == (None, None)
    assert changes() == []


def test_deployments_and_automations_of_ours_that_are_no_longer_named_are_removed(client: SyncPrefectClient) -> None:
    gone = client.create_flow_from_name("gone-duty")
    for name in ("lab", "elsewhere"):
        client.create_deployment(gone, name, tags=["marias-ops"], entrypoint="flows.gone.gone")
    [model] = client.read_automations_by_name(f"{PREFIX}lab: no sign of life")
    fields = model.model_dump(exclude={"id", "name"})
    client.create_automation(AutomationCore(name=f"{PREFIX}lab: gone", **fields))
    removed = {(a.kind, a.name) for a in apply("lab") if a.did is Did.REMOVED}
    apply_trial()
    assert removed == {
        ("deployment", "gone-duty/lab"),
        ("deployment", "trial/lab"),
        ("automation", f"{PREFIX}lab: gone"),
    }

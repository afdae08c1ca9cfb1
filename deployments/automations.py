"""What the Prefect server does by itself: find the dead, hasten their closing, speak when no duty can."""

from datetime import timedelta
from uuid import UUID

from prefect.client.schemas.objects import StateType
from prefect.events.actions import ActionTypes, ChangeFlowRunState, RunDeployment, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

PREFIX = "marias-ops "
RUNS = ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"})
POOLS = ResourceSpecification({"prefect.resource.id": "prefect.work-pool.*"})
DUTIES = ResourceSpecification({"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.duty"})
HEARTBEAT_LOST = timedelta(seconds=90)  # three beats of PREFECT_FLOWS_HEARTBEAT_FREQUENCY=30
NO_WORKER = "O pool {{ work_pool.name }} não tem worker: nenhuma tarefa roda. Reinicie o worker."
FRAME_NEVER_RETURNS = ("Completed", "Failed", "TimedOut", "Crashed", "Cancelled", "Unrecorded")


def automations(environment: str, close_runs: UUID, notification: UUID) -> tuple[AutomationCore, ...]:
    """Return the automations of an environment; `close_runs` is its deployment, `notification` the plain block."""
    closer = ResourceSpecification(
        {"prefect.resource.role": "deployment", "prefect.resource.id": f"prefect.deployment.{close_runs}"}
    )
    rows: tuple[tuple[str, str, EventTrigger, ActionTypes], ...] = (
        (
            "no sign of life",
            "A run whose process gives no sign of life for 90 s is Crashed (worker or host gone).",
            _silence(),
            ChangeFlowRunState(state=StateType.CRASHED, name="Crashed", message="Sem sinal de vida há 90 s."),
        ),
        (
            "close soon",
            "Starts close-runs as soon as a duty ends otherwise than by its frame.",
            _on(RUNS, DUTIES, *FRAME_NEVER_RETURNS),
            RunDeployment(source="selected", deployment_id=close_runs),
        ),
        (
            "refused",
            "Settings that cannot be read: nothing of ours can speak, so the server does.",
            _on(RUNS, DUTIES, "Refused"),
            _tell(notification, "Configuração recusada: a tarefa não rodou"),
        ),
        (
            "unrecorded",
            "A run that could not record itself: only its state holds what it found.",
            _on(RUNS, DUTIES, "Unrecorded"),
            _tell(notification, "Resultado sem registro"),
        ),
        (
            "closing failed",
            "close-runs itself failed: runs may be unannounced until it succeeds.",
            _on(RUNS, closer, "Unclosed", "Failed", "Crashed", "TimedOut"),
            _tell(notification, "close-runs falhou: há execuções sem registro"),
        ),
        (
            "no worker",
            "The pool has no worker: nothing runs.",
            _on(POOLS, ResourceSpecification({}), "not-ready", kind="work-pool"),
            SendNotification(block_document_id=notification, subject="Nenhum worker ativo", body=NO_WORKER),
        ),
    )
    return tuple(
        AutomationCore(
            name=f"{PREFIX}{environment}: {name}", description=description, trigger=trigger, actions=[action]
        )
        for name, description, trigger, action in rows
    )


def _silence() -> EventTrigger:
    return EventTrigger(
        match=RUNS,
        after={"prefect.flow-run.heartbeat", "prefect.flow-run.Running"},
        expect={"prefect.flow-run.*"},
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=HEARTBEAT_LOST,
    )


def _on(
    match: ResourceSpecification, related: ResourceSpecification, *names: str, kind: str = "flow-run"
) -> EventTrigger:
    return EventTrigger(
        match=match,
        match_related=related,
        expect={f"prefect.{kind}.{name}" for name in names},
        posture=Posture.Reactive,
        threshold=1,
        within=timedelta(0),
    )


def _tell(notification: UUID, subject: str) -> SendNotification:
    body = "{{ flow_run.name }}: {{ flow_run.state.name }}\n{{ flow_run.state.message }}\n{{ flow_run|ui_url }}"
    return SendNotification(block_document_id=notification, subject=subject, body=body)

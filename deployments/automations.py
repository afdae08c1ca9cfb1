"""What the Prefect server does by itself: find the dead, hasten their closing, speak when no duty can."""

from datetime import timedelta
from uuid import UUID

from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

PREFIX = "marias-ops "
RUNS = ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"})
DUTIES = ResourceSpecification({"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.duty"})
HEARTBEAT_LOST = timedelta(seconds=90)  # three beats of PREFECT_FLOWS_HEARTBEAT_FREQUENCY=30
FRAME_NEVER_RETURNS = ("Completed", "Failed", "TimedOut", "Crashed", "Cancelled", "Unrecorded")


def automations(environment: str, close_runs: UUID, notification: UUID) -> tuple[AutomationCore, ...]:
    """Return the automations of an environment; `close_runs` is its deployment, `notification` the plain block."""
    name = f"{PREFIX}{environment}: "
    closer = ResourceSpecification(
        {"prefect.resource.role": "deployment", "prefect.resource.id": f"prefect.deployment.{close_runs}"}
    )
    return (
        AutomationCore(
            name=f"{name}no sign of life",
            description="A run whose process gives no sign of life for 90 s is Crashed (worker or host gone).",
            trigger=EventTrigger(
                match=RUNS,
                after={"prefect.flow-run.heartbeat", "prefect.flow-run.Running"},
                expect={"prefect.flow-run.*"},
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=HEARTBEAT_LOST,
            ),
            actions=[ChangeFlowRunState(state=StateType.CRASHED, name="Crashed", message="Sem sinal de vida há 90 s.")],
        ),
        AutomationCore(
            name=f"{name}close soon",
            description="Starts close-runs as soon as a duty ends otherwise than by its frame.",
            trigger=_on(DUTIES, *FRAME_NEVER_RETURNS),
            actions=[RunDeployment(source="selected", deployment_id=close_runs)],
        ),
        AutomationCore(
            name=f"{name}refused",
            description="Settings that cannot be read: nothing of ours can speak, so the server does.",
            trigger=_on(DUTIES, "Refused"),
            actions=[_tell(notification, "Configuração recusada: a tarefa não rodou")],
        ),
        AutomationCore(
            name=f"{name}closing failed",
            description="close-runs itself failed: runs may be unannounced until it succeeds.",
            trigger=_on(closer, "Unclosed", "Failed", "Crashed", "TimedOut"),
            actions=[_tell(notification, "close-runs falhou: há execuções sem registro")],
        ),
        AutomationCore(
            name=f"{name}no worker",
            description="The pool has no worker: nothing runs.",
            trigger=EventTrigger(
                match=ResourceSpecification({"prefect.resource.id": "prefect.work-pool.*"}),
                match_related=ResourceSpecification({}),
                expect={"prefect.work-pool.not-ready"},
                posture=Posture.Reactive,
                threshold=1,
                within=timedelta(0),
            ),
            actions=[
                SendNotification(
                    block_document_id=notification,
                    subject="Nenhum worker ativo",
                    body="O pool {{ work_pool.name }} não tem worker: nenhuma tarefa roda. Reinicie o worker.",
                )
            ],
        ),
    )


def _on(related: ResourceSpecification, *names: str) -> EventTrigger:
    return EventTrigger(
        match=RUNS,
        match_related=related,
        expect={f"prefect.flow-run.{name}" for name in names},
        posture=Posture.Reactive,
        threshold=1,
        within=timedelta(0),
    )


def _tell(notification: UUID, subject: str) -> SendNotification:
    body = "{{ flow_run.name }}: {{ flow_run.state.name }}\n{{ flow_run.state.message }}\n{{ flow_run|ui_url }}"
    return SendNotification(block_document_id=notification, subject=subject, body=body)

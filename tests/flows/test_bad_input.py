"""Bad input, one case each: a single clear error that says what, what is safe and what to do; and nothing left behind.

The frame runs whole, on a lab's S3, Slack and mail; only Prefect's server is not there, but where a test asks for it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from prefect import Flow, Task
from prefect.client.schemas.objects import State

from deployments.lab import aws, seed, slack, smtp
from deployments.lab.lab import Lab, render
from deployments.lab.serving import Failure
from deployments.lab.slack import LabSlack
from deployments.lab.smtp import LabSmtp
from flows import artifacts, closing
from flows.backup_restore_test import backup_restore_test
from tasks.adapters import prefect_api
from tasks.adapters.guardian_process import members
from tasks.backup import steps
from tasks.backup.wording import WORDING
from tasks.environment import FOLDER_VARIABLE, load
from tasks.evidence.document import Document
from tests.flows import runs, trial
from tests.flows.runs import until
from tests.tasks.adapters.scripted import answering, nobody, s3_error

BACKUPS, EVIDENCE = "assist-marias-bad-backups", "assist-marias-bad-evidence"  # moto has one state for all of a process
KEY = f"{seed.PREFIX}assist_marias.dump"
PLAIN = b"""--
-- PostgreSQL database dump
--

-- Dumped from database version 15.18
-- Dumped by pg_dump version 15.18

"""
UNTOUCHED = "O bucket de backups só foi lido e a produção não foi tocada."
RAW = re.compile(r'Traceback|File "|\[Errno|(?:Error|Exception)[:(]|\bNone\b')
HEADINGS = ("O que aconteceu", "O que está seguro", "O que fazer agora")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """S3, Slack and mail, an environment that points at them, and the folder where throwaway servers would be."""

    people: LabSlack
    mail: LabSmtp
    text: str
    folder: Path
    scratch: Path

    def environment(self, *changes: tuple[str, str]) -> str:
        """Write the environment with each first text replaced by the second; return the file's path."""
        text = self.text
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        folder = self.folder / uuid4().hex
        folder.mkdir()
        (folder / "lab.toml").write_text(text, encoding="utf-8")
        return str(folder / "lab.toml")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("bad-input")
    with (
        TemporaryDirectory(prefix="place-") as scratch,
        aws.running() as cloud,
        smtp.running() as mail,
        slack.running(mails=mail.messages) as people,
    ):
        Path(scratch).chmod(0o755)
        s3 = cloud.client("s3")
        for bucket in (BACKUPS, EVIDENCE):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": seed.REGION})
        s3.put_object(Bucket=BACKUPS, Key=KEY, Body=PLAIN.ljust(5000))
        key = folder / "key"
        key.write_text(seed.signing_key())
        (folder / "token").write_text(slack.TOKEN)
        (folder / "wrong").write_text("xoxb-canary")
        addresses = {
            "aws": cloud.address,
            "slack": people.address,
            "inbox": people.inbox_url,
            "smtp_host": mail.host,
            "smtp_port": str(mail.port),
            "prefect": "http://127.0.0.1:1",
            "postgres_bin": "",
        }
        render(folder, addresses)
        text = (folder / "lab.toml").read_text(encoding="utf-8")
        for old, new in (
            (seed.BACKUPS, BACKUPS),
            (seed.EVIDENCE, EVIDENCE),
            ("secretsmanager:assist-marias/ops/slack#bot_token", f"file:{folder}/token"),
            ("secretsmanager:assist-marias/ops/ledger#signing_key", f"file:{key}"),
        ):
            assert old in text
            text = text.replace(old, new)
        yield World(
            people=people,
            mail=mail,
            text=text.replace("postgres_bin = ", f'scratch = "{scratch}"\npostgres_bin = '),
            folder=folder,
            scratch=Path(scratch),
        )


@pytest.fixture
def world(running: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Give each test the world without what others left; no engine and no server: steps are plain functions."""
    for variable, credential in aws.CREDENTIALS.items():
        monkeypatch.setenv(variable, credential)
    for module in (steps, trial):
        for name, value in vars(module).items():
            if isinstance(value, Task):
                monkeypatch.setattr(module, name, value.fn)
    monkeypatch.setattr(artifacts, "progress", lambda _name: lambda _percent, _text: None)
    monkeypatch.setattr(artifacts, "show", lambda _document, _markdown: None)
    running.people.forget()
    running.mail.messages.clear()
    running.mail.reply = smtp.ACCEPTED
    yield running
    assert list(running.scratch.iterdir()) == []
    assert members(running.scratch) == set()


def ran(duty: Flow[..., Any], environment: str, **parameters: object) -> State[Any]:
    """Run a duty's frame and body; no raw text of an exception is in what people read."""
    with patch.object(prefect_api, "read_own_run", lambda _id: runs.record(duty.name, id=str(uuid4()))):
        state: State[Any] = duty.fn(environment=environment, **parameters)
    assert state.message
    assert not RAW.search(state.message), state.message
    return state


def outcome(environment: str, state: State[Any]) -> Document:
    """Return the outcome of the run that ended in `state`."""
    run_id = re.search(r"Execução: (\S+)", state.message or "")
    assert run_id
    store = closing.store_of(load(environment))
    [key] = [key for key in store.keys("lab/") if run_id[1] in key and key.endswith("outcome.json")]
    return Document.model_validate_json(store.get(key) or b"")


# ── what is around the backup ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A change of the environment or the parameters, and the error it must end in, word for word."""

    changes: tuple[tuple[str, str], ...] = ()
    parameters: dict[str, object] = field(default_factory=dict)
    rule: str
    summary: str
    message: str
    safe: str = f"Nada foi restaurado nem alterado. {WORDING.interrupted}"


CASES = {
    "no such bucket": Case(
        changes=((BACKUPS, "assist-marias-no-such-bucket"),),
        rule="s3.no_bucket",
        summary="O teste não pôde ser feito. Bucket inexistente.",
        message="O bucket “assist-marias-no-such-bucket” não existe (resposta da AWS: NoSuchBucket).",
        safe=f"Nada foi gravado nem apagado. {WORDING.interrupted}",
    ),
    "no backup": Case(
        changes=(('prefix = "postgres/"', 'prefix = "nada/"'),),
        rule="backup.none_found",
        summary="O teste não pôde ser feito. Nenhum backup encontrado.",
        message=f"Do banco assist_marias não há, no bucket {BACKUPS}, nenhum objeto sob 'nada/' cujo resto do nome "
        "siga o padrão '.*\\.dump' e que tenha chegado até o dia pedido (ou até agora, se nenhum foi pedido).",
        safe=UNTOUCHED,
    ),
    "no such key": Case(
        parameters={"backup": "postgres/outro.dump"},
        rule="backup.no_such_key",
        summary="O teste não pôde ser feito. O backup pedido não existe.",
        message=f"Não há objeto 'postgres/outro.dump' no bucket {BACKUPS}.",
        safe=UNTOUCHED,
    ),
    "no such database": Case(
        parameters={"database": "outro"},
        rule="backup.no_such_database",
        summary="O teste não pôde ser feito. Banco desconhecido.",
        message="'outro' não está entre os bancos configurados: assist_marias.",
        safe=UNTOUCHED,
    ),
    "no such date": Case(
        parameters={"date": "ontem"},
        rule="backup.bad_date",
        summary="O teste não pôde ser feito. Data inválida.",
        message="'ontem' não é uma data no formato AAAA-MM-DD.",
        safe=UNTOUCHED,
    ),
    "no age key": Case(
        changes=(("restore_timeout_minutes", 'age_identity = "env:MARIAS_NO_SUCH_KEY"\nrestore_timeout_minutes'),),
        rule="secret.missing",
        summary="O teste não pôde ser feito. Segredo ausente.",
        message="Não há nada em “env:MARIAS_NO_SUCH_KEY”, ou o valor está vazio.",
        safe=f"O conteúdo de segredos não é mostrado nem guardado. {WORDING.interrupted}",
    ),
    "no binaries": Case(
        changes=(('postgres_bin = ""', 'postgres_bin = "/nowhere"'),),
        rule="postgres.no_binaries",
        summary="O teste não pôde ser feito. PostgreSQL não encontrado.",
        message="Não há um PostgreSQL utilizável nesta máquina (servidor e programas, todos na mesma pasta). "
        "Procurado em: /nowhere.",
    ),
    "no scratch folder": Case(
        changes=(("scratch = ", 'scratch = "/nowhere" # '),),
        rule="guardian.no_folder",
        summary="O teste não pôde ser feito. Pasta temporária não pôde ser criada.",
        message="O sistema recusou criar uma pasta em /nowhere (ENOENT).",
        safe=f"Nada foi copiado para essa pasta. {WORDING.interrupted}",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_one_clear_error_reaches_people(world: World, name: str) -> None:
    case = CASES[name]
    environment = world.environment(*case.changes)
    state = ran(backup_restore_test, environment, **case.parameters)
    told = outcome(environment, state)
    [finding] = told.findings
    assert (state.name, told.result, finding.rule, told.summary, finding.message, told.safe) == (
        "Unfulfilled",
        "error",
        case.rule,
        case.summary,
        case.message,
        case.safe,
    )
    assert finding.remedy
    assert all(heading in (state.message or "") for heading in HEADINGS)
    [notice] = world.people.messages
    assert notice.text == f"Falhou: Teste de restauração de backup (laboratório). {case.summary}"
    assert world.mail.messages == []


def test_room_is_missing_before_anything_is_fetched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "download", lambda *_: pytest.fail("fetched"))
    environment = world.environment(("scratch = ", "space_factor = 1e15\nscratch = "))
    told = outcome(environment, ran(backup_restore_test, environment))
    [finding] = told.findings
    assert finding.rule == "disk.no_space"
    assert finding.message.startswith(f"São necessários 5000000000150 MB em {world.scratch}, mas só há ")
    assert told.safe.startswith("Nada foi alterado; o que já tinha sido copiado foi apagado. ")


def test_the_same_error_twice_is_told_twice_and_recorded_twice(world: World) -> None:
    environment = world.environment(('prefix = "postgres/"', 'prefix = "nada/"'))
    told = [outcome(environment, ran(backup_restore_test, environment)) for _ in range(2)]
    assert [document.findings[0].rule for document in told] == ["backup.none_found"] * 2
    assert [message.key for message in world.people.messages] == [f"{d.flow_run_id}:1:ended" for d in told]


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unknown_environment_refuses_the_run_before_anything_outside_is_touched(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.environment()
    monkeypatch.setenv(FOLDER_VARIABLE, str(world.folder))
    state = ran(backup_restore_test, "prodution")
    assert state.name == "Refused"
    assert state.message == (
        "O ambiente “prodution” não existe. Os que existem são: lab.\n"
        "Nada fora do marias-ops foi tocado.\n"
        f"Confira o nome, ou crie o arquivo do ambiente em {world.folder}."
    )


def test_a_mistyped_key_refuses_the_run_with_the_key_that_was_meant(world: World) -> None:
    environment = world.environment(("rpo_hours = 24", "rpo_hour = 24"))
    state = ran(backup_restore_test, environment)
    assert state.name == "Refused"
    assert state.message == (
        f"A configuração {environment} não pode ser usada. Erros encontrados: 2.\n"
        "- backup.databases.assist_marias.rpo_hours: falta este item, que é obrigatório.\n"
        "- backup.databases.assist_marias.rpo_hour (seria rpo_hours?): este item não existe.\n"
        "Nada fora do marias-ops foi tocado.\n"
        "Corrija todos os erros da lista e execute de novo."
    )


# ── evidence and AWS out of reach: the state is the only way left, and tells all ─────────────────────────────────────


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the reports that the Prefect UI was given."""
    reports: list[str] = []
    monkeypatch.setattr(artifacts, "show", lambda _document, markdown: reports.append(markdown))
    return reports


def test_without_the_evidence_bucket_state_and_artifact_tell_all(world: World, shown: list[str]) -> None:
    environment = world.environment((EVIDENCE, "assist-marias-no-evidence"), ('prefix = "postgres/"', 'prefix = "a/"'))
    state = ran(backup_restore_test, environment)
    why, headline, summary, *_ = (state.message or "").split("\n\n")
    assert (state.name, headline, summary) == (
        "Unrecorded",
        "✕ Falhou · Teste de restauração de backup · laboratório",
        "O teste não pôde ser feito. Nenhum backup encontrado.",
    )
    assert why == (
        "A execução terminou, mas o registro dela não: o resultado abaixo pode não ter sido guardado nem avisado. "
        "O bucket “assist-marias-no-evidence” não existe (resposta da AWS: NoSuchBucket). Confira o nome do bucket no "
        "arquivo do ambiente, a região e a conta da AWS.\n"
        "O encerramento automático (close-runs) tenta de novo a cada cinco minutos."
    )
    assert all(heading in (state.message or "") for heading in HEADINGS)
    [report] = shown
    assert "Nenhum backup encontrado" in report


@pytest.mark.parametrize("answer", ["AccessDenied", "InvalidAccessKeyId"])
def test_without_permission_the_state_says_so_of_the_backup_and_of_the_evidence(world: World, answer: str) -> None:
    with answering([s3_error(403, answer, "secret-of-a-stranger")]) as denied:
        state = ran(backup_restore_test, elsewhere(world, denied.aws.endpoint))
    message = state.message or ""
    assert state.name == "Unrecorded"
    assert [bucket in message for bucket in (BACKUPS, EVIDENCE)] == [True, True]
    assert message.count(f"A AWS recusou o acesso ao bucket “{BACKUPS}” (resposta: {answer}).") == 1
    assert "política IAM descrita no README" in message
    assert "secret-of-a-stranger" not in message


def test_with_aws_out_of_reach_the_state_says_so(world: World) -> None:
    state = ran(backup_restore_test, elsewhere(world, nobody().endpoint))
    assert state.name == "Unrecorded"
    assert f"O S3 não respondeu, ou pediu para esperar, ao acessar o bucket “{BACKUPS}”" in (state.message or "")


def elsewhere(world: World, endpoint: str) -> str:
    """Return an environment whose AWS is at another address."""
    found = re.search(r'endpoint = "(.+)"', world.text)
    assert found
    return world.environment((f'endpoint = "{found[1]}"', f'endpoint = "{endpoint}"'))


# ── people out of reach ──────────────────────────────────────────────────────────────────────────────────────────────


REFUSED = (
    "O Slack não aceita o token do bot (resposta: invalid_auth). "
    "Gere um novo token no aplicativo do Slack e grave-o no segredo indicado em [slack] token."
)


def test_slack_refusing_the_token_changes_no_verdict_and_mail_state_and_artifact_say_what_to_mend(
    world: World, shown: list[str]
) -> None:
    environment = world.environment((f"file:{world.folder}/token", f"file:{world.folder}/wrong"))
    state = ran(trial.trial, environment)
    trouble = f"O aviso não saiu no Slack e foi por e-mail.\n{REFUSED}\n\n"
    assert (state.name, (state.message or "").startswith(trouble)) == ("Passed", True)
    assert [report.startswith(trouble) for report in shown] == [True]
    assert world.people.messages == []
    [mail] = world.mail.messages
    assert mail.subject == "[marias-ops] ✓ Tudo certo · Tarefa de ensaio · laboratório"
    assert mail.body.endswith(f"Este aviso veio por e-mail porque não foi possível entregá-lo no Slack.\n{REFUSED}\n")


def test_with_slack_and_mail_out_of_reach_the_state_and_the_artifact_say_that_nobody_was_told(
    world: World, shown: list[str]
) -> None:
    world.people.fail_next(9, Failure(error="invalid_auth"))
    world.mail.reply = "554 no"
    environment = world.environment()
    state = ran(trial.trial, environment, end="failed")
    trouble = (
        "Ninguém foi avisado: o aviso não saiu no Slack nem por e-mail. Avise a equipe com este texto.\n"
        f"{REFUSED}\n"
        "O servidor de e-mail 127.0.0.1 recusou a mensagem (resposta: 554). Confira usuário, senha, remetente e "
        "destinatários em [mail].\n\n"
        "✕ Falhou · Tarefa de ensaio · laboratório"
    )
    assert (state.name, (state.message or "")[: len(trouble)]) == ("Unfulfilled", trouble)
    assert [report.startswith(trouble[:60]) for report in shown] == [True]
    store, document = closing.store_of(load(environment)), outcome(environment, state)
    [key] = [k for k in store.keys("lab/trial/") if document.flow_run_id in k and k.endswith("notices.json")]
    [receipt] = json.loads(store.get(key) or b"")["notices"]
    assert (receipt["way"], receipt["failures"]) == ("none", ["slack.token_refused", "mail.refused"])


# ── on a server ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_could_not_be_recorded_is_told_by_the_servers_own_voice(server: Lab, tmp_path: Path) -> None:
    text = (server.guarded.path / "environments" / "lab.toml").read_text(encoding="utf-8")
    path = tmp_path / "lab.toml"
    path.write_text(text.replace(seed.EVIDENCE, "assist-marias-no-evidence"), encoding="utf-8")
    run = prefect_api.read_run(runs.here(trial.trial, {"environment": str(path), "end": "failed"}))
    assert run.state_name == "Unrecorded"
    until(lambda: any(run.state_message in message.text for message in server.people.messages if not message.key))

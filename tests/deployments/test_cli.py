"""The command, as a person or a pipeline calls it: every refusal in plain words, every exit code, every --json."""

import json
import logging
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments import cli, following
from deployments.lab import fleet
from deployments.lab.lab import Lab
from deployments.preflight import UNSHOWN
from tasks.adapters import prefect_api
from tasks.adapters.signing import Signer
from tasks.core.errors import TransientError
from tasks.core.secret import Secret
from tasks.environment import FOLDER, FOLDER_VARIABLE
from tasks.evidence.store import FolderStore
from tests.flows import runs, trial
from tests.tasks.adapters.scripted import Answer, answering, nobody
from tests.tasks.evidence.world import private_key
from tests.tasks.evidence.writer import attempt, close

DUTY, TRIAL, PRODUCTION = "backup-restore-test", trial.trial.name, str(FOLDER / "production.toml")


@dataclass(frozen=True, slots=True)
class Said:
    """How a call ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """Return standard output, which must be one JSON value."""
        return json.loads(self.out)


@pytest.fixture
def marias(capsys: pytest.CaptureFixture[str]) -> "Marias":
    return Marias(capsys)


@dataclass(frozen=True, slots=True)
class Marias:
    """Calls the command in this process."""

    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Said:
        self.capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, *self.capture.readouterr())


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No lab is up, and nothing says where a server is."""
    monkeypatch.setenv("MARIAS_LAB_STATE", str(tmp_path / "up.json"))
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    with temporary_settings({PREFECT_API_URL: None}):
        yield


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────────

NO_ADDRESS = (
    "A variável PREFECT_API_URL não está definida, então não há servidor Prefect a quem pedir a execução.\n"
    "Nenhuma execução foi criada.\n"
    "Defina PREFECT_API_URL, suba o laboratório com “make up” ou, em emergência, use “marias run --here”.\n"
)
UNKNOWN = (
    "O ambiente “prodution” não existe. Os que existem são: lab, production.\n"
    "Nada fora do marias-ops foi tocado.\n"
    f"Confira o nome, ou crie o arquivo do ambiente em {FOLDER}.\n"
)
NO_LAB = "No lab is up, and the environment is the lab. Start it: marias lab up\n"
REFUSED = {
    ("run", "backup-restore"): f"There is no duty 'backup-restore'. There are: {DUTY}, ssh-rotation, {TRIAL}.\n",
    ("run", DUTY): NO_LAB,
    ("run", DUTY, "-e", "prodution"): UNKNOWN,
    ("run", DUTY, "-e", "prodution", "--here"): UNKNOWN,
    ("run", DUTY, "-e", "production"): NO_ADDRESS,
    ("run", DUTY, "-e", PRODUCTION): NO_ADDRESS,
    ("run", DUTY, "-e", "production", "-p", "x", "-p", "bakcup=a", "-p", "environment=lab"): (
        "--param x: write it as key=value.\n"
        "--param bakcup=a: there is no such parameter. There are: database, backup, date.\n"
        "--param environment=lab: say it with --environment.\n"
    ),
    ("run", DUTY, "-e", "production", "--plan", "abc"): (
        "--param plan=abc: there is no such parameter. There are: database, backup, date.\n"
        "--param dry_run=false: there is no such parameter. There are: database, backup, date.\n"
    ),
    ("run", DUTY, "-e", "production", "--here", "-p", "backup=a", "-p", "backup=b"): (
        "--param backup=b: it was given before.\n"
    ),
    ("run", TRIAL, "-e", "production", "-p", "wait_seconds=NaN", "-p", "approval_seconds=1.5", "-p", "error=x"): (
        "--param error: 'x' is not one of ['', 'known', 'foreign', 'foreign step'].\n"
        "--param wait_seconds: 'NaN' is not of type 'number'.\n"
        "--param approval_seconds: 1.5 is not of type 'integer'.\n"
    ),
    ("apply", "-e", "prodution"): UNKNOWN,
    ("apply", "-e", "production"): NO_ADDRESS,
    ("preflight", "-e", "prodution"): UNKNOWN,
    ("preflight",): NO_LAB,
    ("evidence", "verify"): NO_LAB,
    ("evidence", "verify", "-e", "prodution"): UNKNOWN,
    ("evidence", "verify", "--folder", "/nowhere"): (
        "--folder /nowhere: there is no folder 'lab' in it. Copy the whole bucket there.\n"
    ),
}


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
def test_a_refusal_says_what_is_wrong_and_nothing_else(marias: Marias, arguments: tuple[str, ...]) -> None:
    assert marias(*arguments) == Said(2, "", REFUSED[arguments])
    said = marias(*arguments, "--json")
    error = said.json["error"]
    assert (said.code, said.err, said.json["exit_code"]) == (2, "", 2)
    assert "\n".join(filter(None, (error["message"], error["safe"], error["remedy"]))) + "\n" == REFUSED[arguments]


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("arguments", [("run",), ("runn",), ("run", DUTY, "--bogus"), ("run", DUTY, "--timeout", "x")])
def test_a_usage_that_the_command_does_not_have_is_refused(marias: Marias, arguments: tuple[str, ...]) -> None:
    said = marias(*arguments)
    assert (said.code, "Traceback" in said.out + said.err) == (2, False)


@contextmanager
def silent_server() -> Iterator[str]:
    """Accept every connection and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/api"


@pytest.mark.usefixtures("alone")
def test_a_server_that_accepts_and_never_answers_is_given_up_in_seconds(marias: Marias) -> None:
    with silent_server() as url, temporary_settings({PREFECT_API_URL: url}):
        said = marias("run", DUTY, "-e", "production")
    assert said == Said(
        2,
        "",
        f"O servidor Prefect em {url} aceita a conexão, mas não responde.\n"
        "Nenhuma execução foi criada.\n"
        "Reinicie o servidor e tente de novo. Em emergência, use “marias run --here”.\n",
    )


@pytest.mark.usefixtures("alone")
def test_a_server_that_is_not_there_is_said(marias: Marias) -> None:
    url = f"{nobody().endpoint}/api"
    with temporary_settings({PREFECT_API_URL: url}):
        said = marias("apply", "-e", "production")
    assert said == Said(
        2,
        "",
        f"Não foi possível falar com o servidor Prefect em {url}.\n"
        "Nenhuma execução foi criada.\n"
        "Confira se o servidor está de pé e se o endereço está certo. Em emergência, use “marias run --here”.\n",
    )


@pytest.mark.usefixtures("alone")
def test_a_server_that_wants_another_login_is_said_with_what_to_set(marias: Marias) -> None:
    with answering([Answer(), Answer(status=401, body=b'{"detail":"canary"}')]) as server:
        url = f"{server.aws.endpoint}/api"
        with temporary_settings({PREFECT_API_URL: url}):
            said = marias("run", DUTY, "-e", "production")
    what, safe, remedy = said.err.splitlines()
    assert (said.code, said.out, what.startswith("O servidor Prefect recusou um pedido (")) == (2, "", True)
    assert what.endswith(": HTTP 401).")
    assert safe == "Nada foi cancelado: uma execução que já existia continua no worker."
    assert remedy.startswith("401 ou 403: confira PREFECT_API_AUTH_STRING.")


@pytest.mark.usefixtures("alone")
def test_an_error_that_nobody_foresaw_is_told_by_type_and_place(
    marias: Marias, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("canary")

    monkeypatch.setattr(prefect_api, "check", fail)
    said = marias("run", DUTY, "-e", "production")
    assert (said.code, said.out, "canary" in said.err) == (2, "", False)
    assert said.err.startswith("A rotina parou em ")
    assert "(ZeroDivisionError)" in said.err


# ── following ────────────────────────────────────────────────────────────────────────────────────────────────────────


FOLLOWED = ("run", TRIAL, "-p", "end=attention", "--key", "followed")  # one run, however often it is asked for


def test_a_run_is_followed_to_its_end_and_the_same_key_gives_the_same_run(server: Lab, marias: Marias) -> None:
    said = marias(*FOLLOWED, "--json")
    ended = said.json
    assert (said.code, ended["exit_code"], ended["state"]) == (3, 3, "Attention")
    assert ended["message"].startswith("△ Cumprida com ressalvas · Tarefa de ensaio · laboratório")
    assert f"{TRIAL}: {following.page(ended['flow_run_id'])}\n" in said.err
    assert " 50% no meio do ensaio" in said.err
    again = marias(*FOLLOWED, "--json")
    assert (again.code, again.json) == (3, ended)


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("Passed", "COMPLETED", 0),
        ("Unfulfilled", "FAILED", 1),
        ("Refused", "FAILED", 2),
        ("Attention", "COMPLETED", 3),
        ("Inconclusive", "FAILED", 4),
        ("Crashed", "CRASHED", 4),
        ("Unrecorded", "FAILED", 4),
        ("Running", "RUNNING", 20),
        ("Suspended", "PAUSED", 20),
    ],
)
def test_the_exit_code_is_the_verdicts(name: str, kind: str, code: int) -> None:
    assert following.exit_code(runs.record(DUTY, state_name=name, state_type=kind)) == code


def raising(error: BaseException) -> Any:  # noqa: ANN401 - in the place of any function
    def fail(*_args: object, **_options: object) -> None:
        raise error

    return fail


def test_ctrl_c_while_following_says_that_the_run_goes_on(
    server: Lab, marias: Marias, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefect_api, "log_lines", raising(KeyboardInterrupt()))
    said = marias(*FOLLOWED, "--json")
    page = following.page(said.json["flow_run_id"])
    assert (said.code, said.json["message"]) == (130, f"Not followed any more; the run goes on: {page}")


def test_a_server_that_goes_while_following_ends_nothing(
    server: Lab, marias: Marias, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "OUTAGE_SECONDS", 0)
    monkeypatch.setattr(prefect_api, "read_run", raising(TransientError("prefect.lost", "http://127.0.0.1:1/api")))
    said = marias(*FOLLOWED)
    assert (said.code, said.out.splitlines()[1:]) == (
        20,
        [
            "A conexão com o servidor Prefect em http://127.0.0.1:1/api caiu no meio de um pedido.",
            "Nada foi cancelado: uma execução que já existia continua no worker.",
            "Confira se o servidor está de pé e procure a execução na página dele antes de pedir outra.",
        ],
    )


def test_of_prefects_own_lines_no_traceback_is_shown() -> None:
    text = "Crash\nTraceback\n  canary"
    line = prefect_api.LogLine(at=datetime.now(UTC), name="prefect.flow_runs", level=logging.ERROR, text=text)
    assert following._shown(line) == "Crash"  # noqa: SLF001 - what `watch` prints of a line
    assert following._shown(replace(line, name="flows.artifacts", text="a\nb")) == "a\nb"  # noqa: SLF001


# ── preflight ────────────────────────────────────────────────────────────────────────────────────────────────────────

QUESTIONS = (
    "Prefect server",
    "secret of the Slack bot",
    "secret of the plain webhook",
    "signing key of the ledger",
    "Slack",
    "mail server",
    "evidence bucket assist-marias-lab-evidence",
    "backup bucket assist-marias-lab-backups",
    "GitHub token",
    "PostgreSQL server programs",
    "connection to the database assist_marias",
    "SSH key of the purpose deploy",
    "SSH key of the purpose ops",
    "SSH key of the purpose copias",
    "original of assist-marias/assist-move-assist:PRODUCTION/DEPLOY_SSH_KEY",
    "GitHub environment of assist-marias/assist-move-assist:PRODUCTION/DEPLOY_SSH_KEY",
    *(f"pinned key of the host {name}" for name in fleet.HOSTS),
)


def test_preflight_of_a_machine_that_is_ready(server: Lab, marias: Marias) -> None:
    said = marias("preflight")
    rows = [re.split(r"\s{2,}", line.strip())[:2] for line in said.out.splitlines()[3:]]
    assert (said.code, [row for row in rows if row != [""]]) == (
        0,
        [*([what, "ready"] for what in QUESTIONS), *([what, "not checked"] for what in UNSHOWN)],
    )


def test_preflight_names_everything_that_is_missing_and_what_to_do(server: Lab, marias: Marias, tmp_path: Path) -> None:
    text = (server.guarded.path / "environments" / "lab.toml").read_text()
    (tmp_path / "token").write_text("xoxb-canary")
    for old, new in (
        ("secretsmanager:assist-marias/ops/slack#bot_token", f"file:{tmp_path}/token"),
        ("#plain_webhook", "#no_such_key"),
        ("assist-marias/ops/ledger#", "assist-marias/ops/nothing#"),
        (f"port = {server.mail.port}", "port = 1"),
        ("assist-marias-lab-evidence", "assist-marias-none"),
        ("assist-marias-lab-backups", "assist-marias-none"),
        ("postgres_bin = ", 'postgres_bin = "/nowhere" #'),
    ):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "lab.toml").write_text(text)
    with temporary_settings({PREFECT_API_URL: f"{nobody().endpoint}/api"}):
        said = marias("preflight", "-e", str(tmp_path / "lab.toml"), "--json")
    why = {row["what"]: row["why"] for row in said.json if row["state"] == "not ready"}
    begins = (
        ("Prefect server", "Não foi possível falar com o servidor Prefect em http://127.0.0.1:"),
        ("secret of the plain webhook", "“secretsmanager:assist-marias/ops/slack#no_such_key” existe, mas não contém"),
        ("signing key of the ledger", "Não há nada em “secretsmanager:assist-marias/ops/nothing#signing_key”"),
        ("Slack", "O Slack não aceita o token do bot (resposta: invalid_auth)."),
        ("mail server", "Não foi possível falar com o servidor de e-mail 127.0.0.1"),
        ("evidence bucket assist-marias-none", "O bucket “assist-marias-none” não existe"),
        ("backup bucket assist-marias-none", "O bucket “assist-marias-none” não existe"),
        ("PostgreSQL server programs", "Não há um PostgreSQL utilizável nesta máquina"),
    )
    assert said.code == 1
    assert [(what, text[: len(begin)]) for (what, text), (_, begin) in zip(why.items(), begins, strict=True)] == [
        *begins
    ]
    assert "canary" not in said.out + said.err


# ── evidence ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Make an offline copy of two closed runs."""
    store, signer = FolderStore(tmp_path), Signer(Secret(private_key()))
    for number in (1, 2):
        close(store, signer, attempt(f"run-{number}"))
    (tmp_path / "key").write_text(signer.public_key)
    return tmp_path


@pytest.mark.usefixtures("alone")
def test_an_offline_copy_that_is_whole(marias: Marias, copy: Path) -> None:
    said = marias("evidence", "verify", "--folder", str(copy), "--public-key", (copy / "key").read_text())
    assert said == Said(
        0,
        "? Versões dos arquivos do registro: uma cópia não guarda as versões; verifique também o próprio bucket\n"
        "✓ 2 entradas, 8 arquivos, 0 achados\n",
        "",
    )


@pytest.mark.usefixtures("alone")
def test_a_copy_that_was_tampered_with_is_told_with_what_to_do(marias: Marias, copy: Path) -> None:
    table = f"{attempt('run-1').prefix}tables.csv"
    (copy / table).write_text("tabela;linhas\nbeneficiarias;13\n")
    given = ("evidence", "verify", "--folder", str(copy), "--public-key", (copy / "key").read_text())
    said, as_json = marias(*given), marias(*given, "--json")
    [finding] = as_json.json["findings"]
    assert (said.code, as_json.code, finding["rule"], finding["subject"]) == (1, 1, "ledger.file_changed", table)
    assert said.out.splitlines()[:2] == [f"✗ {finding['message']}", f"  {finding['remedy']}"]
    assert said.out.splitlines()[-1] == "✗ 2 entradas, 8 arquivos, 1 achados"
    assert finding["message"].startswith(f"“{table}” não é o que foi registrado: o SHA-256 deveria ser ")


@pytest.mark.usefixtures("alone")
def test_a_key_that_is_none_is_refused(marias: Marias, copy: Path) -> None:
    said = marias("evidence", "verify", "--folder", str(copy), "--public-key", "ssh-rsa AAAA")
    assert said == Said(
        2,
        "",
        "A chave informada para verificar “lab” não é uma chave pública Ed25519 no formato OpenSSH.\n"
        "Nada foi verificado nem alterado.\n"
        "Informe a linha inteira, que começa com ssh-ed25519.\n",
    )


def test_the_evidence_in_the_bucket_is_verified(server: Lab, marias: Marias) -> None:
    said = marias("evidence", "verify", "--json")
    assert (said.code, {finding["severity"] for finding in said.json["findings"]} - {"info"}) == (0, set())

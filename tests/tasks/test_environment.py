"""Environments: read whole, or refused with every mistake."""

from pathlib import Path

import pytest

from tasks.core.errors import OperatorError
from tasks.environment import FOLDER, FOLDER_VARIABLE, load, names
from tasks.settings import Known, Mistakes

PRODUCTION = (FOLDER / "production.toml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


def refused(environment: str) -> OperatorError:
    with pytest.raises(OperatorError) as caught:
        load(environment)
    return caught.value


def test_production_is_whole_and_has_the_runbooks_names(folder: Path) -> None:
    (folder / "production.toml").write_text(PRODUCTION)
    settings = load("production")
    assert settings.schedules
    assert settings.slack.channel("deploys") == "#deploys-assist"
    assert settings.slack.channel("no such key") == settings.slack.channels["operations"]
    assert settings.mail.recipients == ("devops@assistmovemarias.org",)
    assert settings == load(str(folder / "production.toml"))


def test_an_unknown_name_is_refused_with_the_names_there_are(folder: Path) -> None:
    (folder / "production.toml").write_text(PRODUCTION)
    error = refused("prodution")
    assert (error.code, error.subject) == ("environment.unknown", "prodution")
    assert error.data == Known(names="production", folder=str(folder))
    assert names() == ("production",)


def test_every_mistake_is_listed_in_one_error_with_what_was_probably_meant(folder: Path) -> None:
    text = PRODUCTION.replace("rpo_hours = 24", "rpo_hours = -1\nrpo_hour = 24").replace(
        '"secretsmanager:assist-marias/ops/slack#bot_token"', '"xoxb-123456789-abc"'
    )
    (folder / "production.toml").write_text(text)
    error = refused("production")
    assert (error.code, error.data) == (
        "environment.invalid",
        Mistakes(
            count=3,
            mistakes="- slack.token: deve dizer onde o segredo está (secretsmanager:NOME#chave, env:NOME ou "
            "file:/CAMINHO), nunca o próprio segredo. Se um segredo foi escrito aqui, troque-o.\n"
            "- backup.databases.assist_marias.rpo_hours: deve ser maior que 0.\n"
            "- backup.databases.assist_marias.rpo_hour (seria rpo_hours?): este item não existe.",
        ),
    )


def test_a_wrong_item_of_a_list_is_not_told_as_one_too_few(folder: Path) -> None:
    (folder / "production.toml").write_text(PRODUCTION.replace('accounts = ["deploy"]', "accounts = [7]"))
    mistake = "- ssh.purposes.deploy.access.0.accounts.0: deve ser um texto entre aspas."
    assert refused("production").data == Mistakes(count=1, mistakes=mistake)


MISTAKES = {
    "schedules = true": ('schedules = "sim"', "schedules: deve ser true ou false."),
    "port = 587": ("port = 99999", "mail.port: deve ser 65535 ou menos."),
    "rto_minutes = 60": (
        "jobs = 1.5",
        "backup.databases.assist_marias.rto_minutes: falta este item, que é obrigatório.",
    ),
    "operations = ": ("operação = ", "arquivo: o arquivo não está na forma TOML (linha 14, coluna 6)."),
    'operations = "': (
        'operation = "',
        "slack.channels: falta o canal operations, que recebe os avisos das rotinas sem canal próprio.",
    ),
    'timezone = "America/Sao_Paulo"': (
        'timezone = "Sao Paulo"',
        "backup.timezone: este fuso horário não existe. Exemplo de um que existe: America/Sao_Paulo.",
    ),
    "pattern = '.*\\.dump'": (
        "pattern = '(['",
        "backup.databases.assist_marias.pattern: não é uma expressão regular válida (erro na posição 1).",
    ),
    'recipients = ["devops@assistmovemarias.org"]': (
        "recipients = []",
        "mail.recipients: a lista deve ter ao menos 1 item(ns).",
    ),
}


@pytest.mark.parametrize("written", MISTAKES)
def test_a_mistake_is_said_in_portuguese_and_never_with_what_was_typed(folder: Path, written: str) -> None:
    typed, said = MISTAKES[written]
    assert written in PRODUCTION
    (folder / "production.toml").write_text(PRODUCTION.replace(written, typed, 1))
    error = refused("production")
    assert isinstance(error.data, Mistakes)
    assert error.data.mistakes.splitlines()[0] == f"- {said}"


@pytest.mark.parametrize(
    ("content", "mistake"),
    [
        pytest.param(b"name = ", "- arquivo: o arquivo não está na forma TOML.", id="no TOML"),
        pytest.param(b"\xff\xfe", "- arquivo: o arquivo não pôde ser lido (UTF-8).", id="no text"),
        pytest.param(
            PRODUCTION.replace('name = "production"', 'name = "lab"').encode(),
            "- name: o nome dentro do arquivo deve ser o do próprio arquivo, “production”.",
            id="other name",
        ),
    ],
)
def test_a_file_that_is_no_environment_is_refused(folder: Path, content: bytes, mistake: str) -> None:
    (folder / "production.toml").write_bytes(content)
    error = refused("production")
    assert (error.code, error.data) == ("environment.invalid", Mistakes(mistakes=mistake, count=1))

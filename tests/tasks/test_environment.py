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


def test_every_mistake_is_listed_in_one_error(folder: Path) -> None:
    text = PRODUCTION.replace("rpo_hours = 24", "rpo_hours = -1\nrpo_hour = 24").replace(
        '"secretsmanager:assist-marias/ops/slack#bot_token"', '"xoxb-123456789-abc"'
    )
    (folder / "production.toml").write_text(text)
    error = refused("production")
    assert error.code == "environment.invalid"
    assert isinstance(error.data, Mistakes)
    assert [line.split(":")[0] for line in error.data.mistakes.splitlines()] == [
        "- slack.token",
        "- backup.rpo_hours",
        "- backup.rpo_hour",
    ]
    assert "xoxb" not in error.data.mistakes  # what was typed in place of a reference may be the secret itself


@pytest.mark.parametrize(
    ("content", "mistake"),
    [
        pytest.param(b"name = ", "- ", id="no TOML"),
        pytest.param(b"\xff\xfe", "- ", id="no text"),
        pytest.param(
            PRODUCTION.replace('name = "production"', 'name = "lab"').encode(), "- name: 'lab'", id="other name"
        ),
    ],
)
def test_a_file_that_is_no_environment_is_refused(folder: Path, content: bytes, mistake: str) -> None:
    (folder / "production.toml").write_bytes(content)
    error = refused("production")
    assert isinstance(error.data, Mistakes)
    assert (error.code, error.data.count) == ("environment.invalid", 1)
    assert error.data.mistakes.startswith(mistake)

"""[backup]: what is refused."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from tasks.backup.settings import Backup

LEAST = {
    "bucket": "assist-marias-backups",
    "database": "assist_marias",
    "newest_row": ["public.atendimentos.criado_em"],
    "rpo_hours": 24,
    "rto_minutes": 60,
}


def test_the_least_that_must_be_said_is_enough() -> None:
    settings = Backup.model_validate(LEAST)
    assert (settings.rpo, settings.rto, settings.child_limit, settings.zone.key) == (
        timedelta(hours=24),
        timedelta(hours=1),
        timedelta(minutes=90),
        "UTC",
    )


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param({"pattern": "(["}, id="a pattern that is none"),
        pytest.param({"timezone": "America/Sao_Paolo"}, id="a zone that there is not"),
        pytest.param({"timezone": "../etc/passwd"}, id="a zone that is a path"),
        pytest.param({"newest_row": []}, id="nothing that shows how fresh the data is"),
        pytest.param({"newest_row": ["atendimentos.criado_em"]}, id="a column without its schema"),
        pytest.param({"rpo_hours": 0}, id="no RPO"),
        pytest.param({"rto_minute": 5}, id="a mistyped key"),
    ],
)
def test_a_mistake_is_refused_by_its_own_key(mistake: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        Backup.model_validate(LEAST | mistake)
    assert {error["loc"][0] for error in caught.value.errors()} == set(mistake)

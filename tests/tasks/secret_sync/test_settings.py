"""[secret_sync]: what is a copy, and what is a mistake."""

from typing import Any

import pytest
from pydantic import ValidationError

from tasks.secret_sync.settings import SecretSync

COPY = {
    "secret": "assist-marias/ops/ssh-deploy",
    "key": "private_key",
    "repository": "assist-marias/assist-move-assist",
    "environment": "PRODUCTION",
    "name": "DEPLOY_KEY",
}


def test_a_copy_has_a_place_and_a_variable_for_its_version() -> None:
    (copy,) = SecretSync.model_validate({"copies": [COPY]}).copies
    assert (copy.place, copy.version_name) == (
        "assist-marias/assist-move-assist:PRODUCTION/DEPLOY_KEY",
        "DEPLOY_KEY_VERSION",
    )


def test_the_copies_of_a_secret_are_found_in_order() -> None:
    others = ({"environment": "STAGING"}, {"secret": "another", "name": "X"}, {"name": "Y"})
    cfg = SecretSync.model_validate({"copies": [COPY, *(COPY | other for other in others)]})
    assert cfg.of(COPY["secret"]) == (cfg.copies[0], cfg.copies[1], cfg.copies[3])
    assert cfg.of("none") == SecretSync().of(COPY["secret"]) == ()


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ([{"name": "GITHUB_KEY"}], "settings.reserved_name"),
        ([{"name": "deploy_key"}], "string_pattern_mismatch"),
        ([{"name": "1KEY"}], "string_pattern_mismatch"),
        ([{"repository": "assist-move-assist"}], "string_pattern_mismatch"),
        ([{"repository": "a/b/../c"}], "string_pattern_mismatch"),
        ([{"environment": ""}], "string_pattern_mismatch"),
        ([{"key": ""}], "string_pattern_mismatch"),
        ([{}, {"environment": "Production"}], "settings.copy_twice"),
        ([{"value": "x"}], "extra_forbidden"),
    ],
)
def test_each_mistake_is_named(changes: list[dict[str, Any]], kind: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SecretSync.model_validate({"copies": [COPY | change for change in changes]})
    assert [error["type"] for error in caught.value.errors()] == [kind]

"""[ssh]: which accounts a purpose's key opens, and what is a mistake."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from tasks.ssh.model.targets import Target, targets_of
from tasks.ssh.settings import Ssh
from tests.tasks.ssh.values import OTHER

HOST = {"address": "10.0.0.1"}
HOSTS: Mapping[str, Any] = {"b": {**HOST, "groups": ["app"]}, "a": {**HOST, "groups": ["app", "all"]}, "c": HOST}
ACCESS = {"host": "c", "accounts": ["ops"]}
SECTION: Mapping[str, Any] = {"hosts": HOSTS, "purposes": {"ops": {"secret": "s", "access": [ACCESS]}}}


def section(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - of the section
    return {**SECTION, **changes}


def purpose(*access: Mapping[str, Any], secret: str = "s") -> dict[str, Any]:  # noqa: S107 - a name
    return {"secret": secret, "access": list(access)}


def test_a_purpose_opens_the_accounts_of_its_hosts_and_groups_in_the_order_of_the_settings() -> None:
    access = ({"group": "app", "accounts": ["ops", "deploy"], "sudo": True}, ACCESS)
    cfg = Ssh.model_validate(section(purposes={"ops": purpose(*access)}))
    assert targets_of(cfg, "ops") == (
        *(
            Target(purpose="ops", host=host, account=account, sudo=True)
            for host in ("b", "a")
            for account in ("ops", "deploy")
        ),
        Target(purpose="ops", host="c", account="ops"),
    )
    assert str(targets_of(cfg, "ops")[-1]) == "ops@c"


def test_without_a_word_a_host_is_required_edited_by_its_shell_and_pinned_to_nothing() -> None:
    cfg = Ssh.model_validate(SECTION)
    host = cfg.hosts["c"]
    assert (host.port, host.required, host.transport, host.host_keys, host.authorized_keys) == (
        22,
        True,
        "shell",
        (),
        (),
    )
    assert (cfg.max_age_days, cfg.grace_days, cfg.patience_days, cfg.rsa_bits, cfg.ecdsa) == (90, 7, 3, 3072, True)


JUMP = {"host": "c", "account": "ops", "purpose": "ops"}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"hosts": {}}, "too_short"),
        ({"purposes": {}}, "too_short"),
        ({"purposes": {"ops": purpose()}}, "too_short"),
        ({"purposes": {"ops": purpose({"host": "c", "accounts": []})}}, "too_short"),
        ({"purposes": {"ops": purpose({"accounts": ["ops"]})}}, "settings.host_or_group"),
        ({"purposes": {"ops": purpose({**ACCESS, "group": "app"})}}, "settings.host_or_group"),
        ({"purposes": {"ops": purpose({**ACCESS, "host": "x"})}}, "settings.no_such_host"),
        ({"purposes": {"ops": purpose({"group": "x", "accounts": ["ops"]})}}, "settings.no_such_host"),
        ({"purposes": {"ops": purpose(ACCESS, ACCESS)}}, "settings.target_twice"),
        (
            {"purposes": {"ops": purpose(*({"group": group, "accounts": ["ops"]} for group in ("app", "all")))}},
            "settings.target_twice",
        ),
        ({"purposes": {"ops": purpose(ACCESS), "deploy": purpose(ACCESS)}}, "settings.secret_twice"),
        ({"hosts": {**HOSTS, "d": {**HOST, "jump": {**JUMP, "host": "x"}}}}, "settings.bad_jump"),
        ({"hosts": {**HOSTS, "d": {**HOST, "jump": {**JUMP, "purpose": "x"}}}}, "settings.bad_jump"),
        (
            {"hosts": {**HOSTS, "d": {**HOST, "jump": JUMP}, "e": {**HOST, "jump": {**JUMP, "host": "d"}}}},
            "settings.bad_jump",
        ),
        ({"hosts": {**HOSTS, "c": {**HOST, "jump": JUMP}}}, "settings.bad_jump"),
        ({"hosts": {**HOSTS, "c": {"address": ""}}}, "string_too_short"),
        ({"hosts": {**HOSTS, "c": {**HOST, "port": 0}}}, "greater_than_equal"),
        ({"hosts": {**HOSTS, "Web_1": HOST}}, "string_pattern_mismatch"),
        ({"hosts": {**HOSTS, "c": {**HOST, "host_keys": ["ssh-ed25519"]}}}, "settings.no_public_key"),
        ({"hosts": {**HOSTS, "c": {**HOST, "transport": "scp"}}}, "enum"),
        ({"purposes": {"ops": purpose({**ACCESS, "accounts": ["a b"]})}}, "string_pattern_mismatch"),
        ({"purposes": {"ops": purpose({**ACCESS, "accounts": ["-oProxyCommand"]})}}, "string_pattern_mismatch"),
        ({"known_keys": [{"owner": "", "key": OTHER.line}]}, "string_too_short"),
        ({"known_keys": [{"owner": "Ana", "key": f"restrict {OTHER.line}"}]}, "settings.no_public_key"),
        ({"stop_share": 1.1}, "less_than_equal"),
        ({"max_age_day": 90}, "extra_forbidden"),
    ],
)
def test_what_is_a_mistake(changes: dict[str, Any], kind: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Ssh.model_validate(section(**changes))
    first, *others = (error["type"] for error in caught.value.errors())
    assert (first, set(others) <= {"too_short"}) == (
        kind,
        True,
    )  # a list of nothing but mistakes is told to be empty, too


def test_two_purposes_may_open_one_account() -> None:
    cfg = Ssh.model_validate(section(purposes={"ops": purpose(ACCESS), "deploy": purpose(ACCESS, secret="t")}))  # noqa: S106
    assert [targets_of(cfg, name)[0].account for name in ("ops", "deploy")] == ["ops", "ops"]

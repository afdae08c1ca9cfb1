"""The stored keys of a purpose: which are read, which are refused, and that no private half shows."""

import json
from datetime import timedelta
from typing import Any

import pytest

from deployments.lab.sshd import pair
from tasks.adapters.ssh import public_line
from tasks.core.errors import OperatorError
from tasks.core.secret import Secret
from tasks.ssh.collect.reach import Reach
from tasks.ssh.collect.vault import Ring, Vault
from tasks.ssh.model.keys import CURRENT, PENDING
from tasks.ssh.model.told import OfPurpose
from tests.tasks.ssh.world import DUE, YOUNG, World


def ring(world: World) -> Ring:
    return Vault(world.cfg, world.aws).ring("ops")


def stored(world: World, name: str = "old", **changes: Any) -> str:  # noqa: ANN401 - of the JSON
    return json.dumps({**json.loads(world.text(name)), **changes})


def test_every_version_is_read_with_its_stages_its_age_and_the_keys_before_it(world: World) -> None:
    for name in ("older", "oldest"):
        world.text(name)
    world.store_alone(world.text("old", age=DUE, retired=("older",)))
    pending = world.put("new", age=YOUNG, retired=("old", "older", "oldest"))
    found = ring(world)
    new, old = found.keys.versions
    assert (new.id, new.stages, new.key) == (pending, (PENDING,), world.key("new"))
    assert (old.id, old.stages, old.key) == (world.current, (CURRENT,), world.key("old"))
    assert (found.keys.pending, found.keys.current, found.keys.wanted) == (new, old, new)
    assert found.keys.all == tuple(map(world.key, ("new", "old", "older", "oldest")))
    ages = [found.keys.read_at - version.created_at for version in found.keys.versions]
    assert [abs(age - aged) < timedelta(minutes=1) for age, aged in zip(ages, (YOUNG, DUE), strict=True)] == [
        True,
        True,
    ]
    assert {key: public_line(private) for key, private in found.private.items()} == {
        world.key(name).fingerprint: public_line(world.keys[name]) for name in ("old", "new")
    }


def test_a_private_half_that_a_person_stored_is_enough(world: World) -> None:
    world.store_alone(json.dumps({"private_key": world.keys["old"].reveal()}))
    (version,) = ring(world).keys.versions
    assert (version.key, version.stages) == (world.key("old"), (CURRENT,))
    assert abs(ring(world).keys.read_at - version.created_at) < timedelta(minutes=1)


def test_a_purpose_is_read_once_until_it_is_wanted_anew(world: World) -> None:
    vault = Vault(world.cfg, world.aws)
    first = vault.ring("ops")
    world.put("new")
    assert vault.ring("ops") is first
    assert vault.ring("ops", anew=True).keys.pending is not None
    assert vault.ring("ops").keys.pending is not None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("not JSON", "ssh.bad_stored_key"),
        ('{"private_key": "no key"}', "ssh.bad_stored_key"),
        (None, "ssh.no_current_key"),
    ],
)
def test_a_secret_that_holds_no_key_is_refused(world: World, text: str | None, code: str) -> None:
    world.store_alone(text)
    assert refusal(world) == (code, "ops", OfPurpose(purpose="ops", secret=world.secret))


def refusal(world: World) -> tuple[str, str, object]:
    with pytest.raises(OperatorError) as caught:
        ring(world)
    return caught.value.code, caught.value.subject, caught.value.data


def test_a_public_half_of_another_key_is_refused(world: World) -> None:
    world.store_alone(stored(world, public_key=pair().public))
    assert refusal(world)[0] == "ssh.bad_stored_key"


def test_a_public_half_that_is_none_is_refused(world: World) -> None:
    world.store_alone(stored(world, public_key="ssh-ed25519 !"))
    assert refusal(world)[0] == "ssh.bad_stored_key"


@pytest.mark.parametrize("changes", [{"made_by": "somebody"}, {"replaces": "another"}, {"made_by": ""}])
def test_a_pending_key_that_was_not_made_here_for_the_current_one_is_refused(
    world: World, changes: dict[str, str]
) -> None:
    text = stored(world, "new", **{"replaces": world.current, **changes})
    world.stages.put("f" * 32, Secret(text), PENDING)
    assert refusal(world)[0] == "ssh.foreign_pending"


def test_no_private_half_shows(world: World) -> None:
    vault = Vault(world.cfg, world.aws)
    found = vault.ring("ops")
    reach = Reach(cfg=world.cfg, vault=vault)
    secret = world.keys["old"].reveal().splitlines()[3]
    assert secret not in f"{found!r} {found} {found.keys!r} {dict(found.private)!r} {vault!r} {reach!r}"

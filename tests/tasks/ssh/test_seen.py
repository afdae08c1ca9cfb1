"""Where an account stands: what its server answers about the wanted key and all others, and nothing else."""

import pytest

from tasks.ssh.model.keys import Answer
from tasks.ssh.model.seen import State, regarding, state_of
from tests.tasks.ssh.values import ACCEPTED, NEW, OLD, REFUSED, UNKNOWN, seen


@pytest.mark.parametrize(
    ("wanted", "others", "state"),
    [
        (REFUSED, (ACCEPTED,), State.FRESH),
        (REFUSED, (REFUSED, ACCEPTED), State.FRESH),
        (REFUSED, (UNKNOWN, ACCEPTED), State.FRESH),
        (ACCEPTED, (ACCEPTED,), State.ADDED),
        (ACCEPTED, (UNKNOWN, ACCEPTED), State.ADDED),
        (ACCEPTED, (REFUSED,), State.RETIRED),
        (ACCEPTED, (), State.RETIRED),
        (REFUSED, (REFUSED,), State.LOST),
        (REFUSED, (), State.LOST),
        (ACCEPTED, (UNKNOWN,), State.UNKNOWN),
        (REFUSED, (UNKNOWN, REFUSED), State.UNKNOWN),
        (UNKNOWN, (ACCEPTED,), State.UNKNOWN),
        (UNKNOWN, (REFUSED,), State.UNKNOWN),
    ],
)
def test_silence_about_a_key_decides_nothing(wanted: Answer, others: tuple[Answer, ...], state: State) -> None:
    answers = {"wanted": wanted, **{f"other-{number}": answer for number, answer in enumerate(others)}}
    assert state_of(answers, "wanted") is state


def test_a_key_that_was_not_asked_about_was_not_made_yet() -> None:
    before = seen(State.PROVED, answers={OLD.fingerprint: ACCEPTED})
    after = regarding(before, NEW.fingerprint)
    assert (after.state, after.answers) == (State.FRESH, {OLD.fingerprint: ACCEPTED, NEW.fingerprint: REFUSED})


@pytest.mark.parametrize("state", [State.LOST, State.UNKNOWN])
def test_an_account_that_nobody_enters_stays_what_it_is(state: State) -> None:
    assert regarding(seen(state, answers={}), NEW.fingerprint).state is state


def test_what_was_asked_stands() -> None:
    held = seen(State.HELD)
    assert regarding(held, NEW.fingerprint) == held


@pytest.mark.parametrize("state", State)
def test_the_wanted_key_opens_in_four_states(state: State) -> None:
    opened = {State.ADDED, State.RETIRED, State.PROVED, State.OTHER_SOURCE}
    assert state.opens is (state in opened)


def test_keys_that_open_beside_the_wanted_one_are_named() -> None:
    assert seen(State.ADDED).others(NEW.fingerprint) == (OLD.fingerprint,)
    assert seen(State.PROVED).others(NEW.fingerprint) == ()

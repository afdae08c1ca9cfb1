"""Brings one target nearer to the wanted key, one edit at a time, and proves each on a fresh connection."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tasks.core.errors import OperatorError, TransientError
from tasks.ssh.apply import edit
from tasks.ssh.apply.edit import Edited
from tasks.ssh.collect.reach import Reach, Visit, visit
from tasks.ssh.model.seen import Seen, State
from tasks.ssh.model.targets import Target

Edit = Callable[[Visit, list[Edited]], None]

# Which edit leads from a state to a goal; a state that is not here is left as it is.
EDITS: Mapping[State, Mapping[State, Edit]] = {
    State.ADDED: {State.FRESH: edit.add, State.ADDED: edit.add},
    State.PROVED: {State.ADDED: edit.remove, State.RETIRED: edit.remove},
}

# With nothing to edit: no file holds what the server answers, or somebody has edited it since the server was asked.
UNEXPLAINED: Mapping[State, State] = {State.ADDED: State.FRESH, State.PROVED: State.ADDED}


def add(reach: Reach, target: Target) -> Seen:
    """Add the wanted key beside the others, and prove that it alone opens the target; ADDED or RETIRED is success."""
    return _advance(reach, target, State.ADDED)


def prove(reach: Reach, target: Target) -> Seen:
    """Remove every other key over a connection of the wanted one, and prove that none opens it; PROVED is success.

    OTHER_SOURCE: one still does though no file holds it.
    """
    return _advance(reach, target, State.PROVED)


def exchange(reach: Reach, target: Target) -> Seen:
    """Add and prove at once: what a compromised key asks for."""
    added = add(reach, target)
    if not added.state.opens:
        return added
    proved = prove(reach, target)
    return replace(proved, diff=(*added.diff, *proved.diff))


def _advance(reach: Reach, target: Target, goal: State) -> Seen:
    with visit(reach, target) as here:
        change, edits = EDITS[goal].get(here.state), list[Edited]()
        try:
            if change:
                change(here, edits)
        except TransientError:
            raise
        except OperatorError as error:  # the server was asked, and a file of it was not edited
            return replace(here.seen(), state=State.HELD, why=error.code, diff=_told(edits))
        left = edit.left(here) if goal is State.PROVED and change else ""
        if not edits and here.state is not UNEXPLAINED[goal]:
            return _judged(here.seen(), goal, left)
        with visit(reach, target) as after:
            seen = replace(after.seen(), diff=_told(edits))
        if edits and seen.state in {State.FRESH, State.LOST}:  # the wanted key is refused: `here` is the way back
            edit.take_back(here, edits)
            return replace(seen, state=State.HELD, why="ssh.trouble.not_accepted", undone=True)
        return _judged(seen, goal, left)


def _told(edits: Sequence[Edited]) -> tuple[str, ...]:
    return tuple(line for edited in edits for line in edited.diff)


def _judged(seen: Seen, goal: State, left: str) -> Seen:
    """Return what a fresh connection, after the last edit, says of a goal."""
    if goal is State.ADDED and seen.state is State.FRESH:
        return replace(seen, state=State.HELD, why="ssh.trouble.other_source")
    if goal is State.PROVED and seen.state is State.ADDED:
        return replace(seen, state=State.OTHER_SOURCE, why="ssh.trouble.other_source")
    if goal is State.PROVED and seen.state is State.RETIRED:
        return replace(seen, state=State.OTHER_SOURCE, why=left) if left else replace(seen, state=State.PROVED)
    return seen

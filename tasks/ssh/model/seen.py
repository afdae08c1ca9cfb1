"""What was seen on a target."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from tasks.ssh.model.keys import Answer
from tasks.ssh.model.targets import Target


class State(StrEnum):
    """Where a target stands between the keys that were and the one that is wanted; its sshd says it, no journal."""

    FRESH = "fresh"  # another key opens it, the wanted one does not
    ADDED = "added"  # both open it
    RETIRED = "retired"  # only the wanted one does
    PROVED = "proved"  # so it was answered, and the wanted one then logged in, after the last edit
    LOST = "lost"  # no stored key opens it
    HELD = "held"  # its file cannot be edited as it is: `why` says what is in the way
    OTHER_SOURCE = "other_source"  # a removed key still opens it: it comes from elsewhere
    UNKNOWN = "unknown"  # no answer: `why` says what came instead

    @property
    def opens(self) -> bool:
        """Return whether the wanted key opens it."""
        return self in {State.ADDED, State.RETIRED, State.PROVED, State.OTHER_SOURCE}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLine:
    """One line with a key in a file of keys: where, which, and under which options (names only)."""

    number: int
    kind: str
    fingerprint: str
    bits: int
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysFile:
    """A file with keys, as sshd reads it: `path` after all links, `unparsable` the numbers of lines that are neither.

    `trouble` is the code of what would be in the way of replacing it; "" when a trial went well.
    """

    path: str
    lines: tuple[KeyLine, ...]
    unparsable: tuple[int, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a look at a target gave; `answers` by fingerprint.

    `why` is the code of the trouble, `answer` what came instead of an answer (of a server with another host key: that
    key's fingerprint, `pinned` those that were expected), `host` which server that was: it may be one on the way. `by`
    is the fingerprint of the key that logged in, `diff` what an edit changed, line by line, keys as fingerprints.
    `weak` names algorithms of the server that are too weak, `last_used` is by fingerprint. `undone` when an edit was
    taken back because the wanted key was refused after it.
    """

    target: Target
    state: State
    at: datetime
    why: str = ""
    answer: str = ""
    host: str = ""
    pinned: str = ""
    answers: Mapping[str, Answer] = field(default_factory=dict)
    by: str = ""
    files: tuple[KeysFile, ...] = ()
    diff: tuple[str, ...] = ()
    server: str = ""
    weak: tuple[str, ...] = ()
    last_used: Mapping[str, datetime] = field(default_factory=dict)
    undone: bool = False
    lent: tuple[str, ...] = ()  # keys that still open it because another purpose uses them

    def others(self, wanted: str) -> tuple[str, ...]:
        """Return the fingerprints of the keys that open it, but for `wanted`."""
        return tuple(key for key, answer in self.answers.items() if answer is Answer.ACCEPTED and key != wanted)


def state_of(answers: Mapping[str, Answer], wanted: str) -> State:
    """Return where a target stands by the answers about all its keys, `wanted` being the fingerprint of the one wanted.

    An unanswered question decides nothing: with it a key is neither refused nor gone.
    """
    others = {answer for fingerprint, answer in answers.items() if fingerprint != wanted}
    opened = Answer.ACCEPTED in others
    table = (
        (answers[wanted] is Answer.UNKNOWN, State.UNKNOWN),
        (answers[wanted] is Answer.ACCEPTED and opened, State.ADDED),
        (opened, State.FRESH),
        (Answer.UNKNOWN in others, State.UNKNOWN),
        (answers[wanted] is Answer.ACCEPTED, State.RETIRED),
        (True, State.LOST),
    )
    return next(state for holds, state in table if holds)


def regarding(seen: Seen, wanted: str) -> Seen:
    """Return what was seen, as it stands to another wanted key; one that was not asked about was not made yet."""
    if wanted in seen.answers or seen.state in {State.UNKNOWN, State.HELD}:
        return seen
    answers = {**seen.answers, wanted: Answer.REFUSED}
    return replace(seen, answers=answers, state=State.LOST if seen.state is State.LOST else state_of(answers, wanted))

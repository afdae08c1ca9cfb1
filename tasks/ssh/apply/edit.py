"""Changes the files of keys of a target over a connection that is open, and can take it back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tasks.adapters.ssh.files import Files, RemoteFile, Trouble
from tasks.core.errors import OperatorError
from tasks.ssh.collect.files import inspect, shown
from tasks.ssh.collect.reach import Visit
from tasks.ssh.formats import authorized_keys as text
from tasks.ssh.formats.stored import MADE_BY

TRIES = 5  # when others write into the same file at the same time

Change = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """One file that was changed: as it would be without that, whoever else wrote into it, and as it is."""

    file: RemoteFile
    after: bytes

    @property
    def diff(self) -> tuple[str, ...]:
        """Return the lines that went and came, keys as fingerprints."""
        return tuple(f"{shown(self.file.path)}: {line}" for line in text.diff(self.file.content, self.after))


def add(here: Visit, edits: list[Edited]) -> None:
    """Put the wanted key beside every line of the purpose's other keys, with that line's options.

    In the files as they are remembered; where that leaves nothing to be done, or they are elsewhere, as they are. What
    was done stands in `edits`, also where a file is refused after others were changed.
    """
    keys = here.ring.keys
    comment = f"{MADE_BY} {keys.purpose} {keys.wanted.created_at:%Y-%m-%d}"
    ours = here.superfluous  # a line of another purpose gives its options only where there is none of our own

    def change(content: bytes) -> bytes:
        old = ours if text.without(content, ours) != content else keys.others
        return text.with_beside(content, old=old, new=keys.wanted.key, comment=comment)

    try:
        _edited(here, here.reach.memory.recall(here.target), change, edits)
        done = bool(edits)
    except OperatorError as error:
        if error.code != "ssh.file_changed":
            raise
        done = False
    if not done:
        _edited(here, inspect(here, trial=False).files, change, edits)


def remove(here: Visit, edits: list[Edited]) -> None:
    """Remove every line of the superfluous keys, also those that this machine could not use (`from=`).

    The files are read anew: which hold such a line must not be remembered.
    """
    _edited(here, inspect(here, trial=False).files, lambda content: text.without(content, here.superfluous), edits)


def left(here: Visit) -> str:
    """Return why old keys may still stand in the files as they are now; "" when none do.

    As authorities, whose certificates open the account, or in a file that is too large to be read.
    """
    files = here.reach.memory.recall(here.target)
    if set(here.superfluous) & {line.key for file in files for line in text.parse(file.content)}:
        return "ssh.trouble.authority"
    return next((file.trouble for file in files if file.trouble == Trouble.TOO_LARGE), "")


def take_back(here: Visit, edits: Sequence[Edited]) -> None:
    """Put back what was there before, unless somebody else has written meanwhile; raises what `Files.replace` does."""
    files = here.files()
    for edited in edits:
        now = _again(here, edited.file)
        if now.content == edited.after:
            files.replace(now, edited.file.content)


def _edited(here: Visit, found: Sequence[RemoteFile], change: Change, edits: list[Edited]) -> None:
    files, now = here.files(), list[RemoteFile]()
    here.reach.memory.keep(here.target)
    for file in found:
        edited = _replaced(here, files, file, change)
        if edited.after != edited.file.content:
            edits.append(edited)
        now.append(replace(file, content=edited.after))
    here.reach.memory.keep(here.target, *now)


def _replaced(here: Visit, files: Files, file: RemoteFile, change: Change) -> Edited:
    """Replace a file's content by its change, whoever else writes into it; nothing is written that stands there."""
    base, grown = file.content, b""  # what somebody else added at the very moment of a replacement is added once more
    for _ in range(TRIES):
        if change(base) == file.content:
            return Edited(file=replace(file, content=base), after=file.content)
        try:
            replaced = files.replace(file, change(base))
        except OperatorError as error:
            if error.code != "ssh.file_changed":
                raise
            file = _again(here, file)
            base = file.content + grown
            continue
        if replaced.late is None:
            return Edited(file=replace(file, content=base), after=replaced.content)
        only_grown = replaced.late.startswith(file.content)
        grown = replaced.late[len(file.content) :] if only_grown else b""
        file = _again(here, file)
        base = file.content + grown if only_grown else replaced.late
    raise OperatorError("ssh.file_changed", str(here.target))


def _again(here: Visit, file: RemoteFile) -> RemoteFile:
    found = {now.path: now for now in inspect(here, trial=False).files}
    if file.path not in found:
        raise OperatorError("ssh.file_changed", file.path)
    return found[file.path]

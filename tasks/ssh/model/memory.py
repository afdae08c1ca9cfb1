"""What a run remembers of accounts from one step to the next."""

from typing import Generic, TypeVar

from tasks.ssh.model.targets import Target

File = TypeVar("File")


class Memory(Generic[File]):
    """The files of keys as they were last read or written, in this process alone: other people's lines stand in them.

    It saves an edit the reading. A file that is no longer as it was is not replaced, and is then read again.
    """

    def __init__(self) -> None:
        """Hold none."""
        self._files: dict[tuple[str, str], tuple[File, ...]] = {}

    def recall(self, target: Target) -> tuple[File, ...]:
        """Return the files of a target's account; none where they are not known."""
        return self._files.get((target.host, target.account), ())

    def keep(self, target: Target, *files: File) -> None:
        """Put these in the place of what was known of a target's account."""
        self._files[target.host, target.account] = files

"""The one exception of reading a backup's bytes."""

from tasks.backup.model.found import Fault


class Faulty(Exception):
    """The bytes cannot be read on, and why."""

    def __init__(self, fault: Fault) -> None:
        """Name the fault."""
        super().__init__(fault)
        self.fault = fault

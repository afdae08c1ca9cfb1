"""A value that cannot leak by accident."""

from typing import NoReturn


class Secret:
    """A secret's text: masked wherever it is shown, refuses pickling (so it is never a result, parameter or key)."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Hold `text`."""
        self._text = text

    def reveal(self) -> str:
        """Return the text; called only where it is handed to an outside system."""
        return self._text

    def __repr__(self) -> str:
        """Return a mask."""
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        """Return a mask, whatever the format."""
        return "***"

    def __reduce__(self) -> NoReturn:
        """Refuse pickling, and with it copying, caching and persisting."""
        raise TypeError("a Secret cannot be pickled")

"""Checks what is sent to a stand-in against the vendor's own description of its API, where that is at hand.

The descriptions lie outside the project (they are others' work): in the folder that MARIAS_CONTRACTS names, else in
`shared/contracts` beside the project. With them lies the program that reads them, contract_check.py.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Final

VARIABLE: Final = "MARIAS_CONTRACTS"
FOLDER: Final = Path(__file__).resolve().parents[3] / "shared" / "contracts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One vendor's description, read from `file`."""

    file: Path
    check: Callable[..., list[str]]
    check_answer: Callable[..., list[str]]

    def faults(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, kind: str = "", body: bytes = b""
    ) -> tuple[str, ...]:
        """Return what is wrong with a request; `kind` is the media type of its body."""
        return tuple(self.check(method, path, dict(query or {}), {"content-type": kind}, body))

    def answer_faults(
        self, method: str, path: str, status: int, *, kind: str = "", body: bytes = b""
    ) -> tuple[str, ...]:
        """Return what is wrong with an answer of the stand-in itself."""
        return tuple(self.check_answer(method, path, status, {"content-type": kind}, body))


def load(name: str) -> Contract | None:
    """Return the contract of `name` (`slack`); None when the folder or the program is not there."""
    folder = Path(os.environ.get(VARIABLE) or FOLDER)
    file, program = folder / f"{name}.json", folder / "contract_check.py"
    spec = spec_from_file_location("contract_check", program, loader=_Unwritten("contract_check", str(program)))
    if not (file.is_file() and program.is_file() and spec and spec.loader):
        return None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    described = module.Contract(file)
    return Contract(file=file, check=described.request, check_answer=described.response)


class _Unwritten(SourceFileLoader):
    """Leaves no compiled file beside the source: the folder is somebody else's."""

    def set_data(self, *_args: object, **_options: object) -> None:
        """Write nothing."""

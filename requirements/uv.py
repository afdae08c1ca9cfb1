"""Run uv: the one pinned in tools.txt, kept in .tools/, with the index, proxy and certificate that pip is told to use.

Standard library only: this is the first thing that runs on a new machine (`python3 requirements/uv.py pip sync ...`).
"""

import ast
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".tools"
PINNED = ROOT / "requirements" / "tools.txt"
SETTLED = TOOLS / "tools.txt"  # a copy of PINNED, written last
OLDEST = (3, 11)
LIMIT = timedelta(minutes=10)

# uv reads none of pip's configuration. What uv's own variables say already is left alone.
AS_PIP = {
    "UV_INDEX_STRATEGY": "unsafe-best-match",  # pip takes all indexes alike; what is installed is decided by its hash
    "UV_PYTHON_DOWNLOADS": "never",
}
PIP_TO_UV = {
    "index-url": ("UV_DEFAULT_INDEX",),
    "extra-index-url": ("UV_INDEX",),
    "find-links": ("UV_FIND_LINKS",),
    "trusted-host": ("UV_INSECURE_HOST",),
    "cert": ("SSL_CERT_FILE",),
    "proxy": ("HTTPS_PROXY", "HTTP_PROXY"),
    "timeout": ("UV_HTTP_TIMEOUT",),
    "default-timeout": ("UV_HTTP_TIMEOUT",),
}
LISTS = {"UV_FIND_LINKS": ","}  # pip parts every list by white space, as uv does all others


def main() -> None:
    """Install the pinned uv if it is not there yet, then become it."""
    if sys.version_info < OLDEST:
        sys.exit(f"marias-ops needs Python 3.11 or newer; this is {sys.version.split()[0]} ({sys.executable})")
    if not SETTLED.exists() or SETTLED.read_bytes() != PINNED.read_bytes():
        install()
    program = TOOLS / "bin" / "uv"
    listed = run("pip", "config", "list", quiet=True)
    environ = {**AS_PIP, **translated(listed), **os.environ}
    os.execve(program, [str(program), *sys.argv[1:]], environ)  # noqa: S606 - no shell is what is wanted


def install() -> None:
    """Make .tools/ anew with pip, from the system's own wheel where python3 has no ensurepip, and uv by its hash."""
    bundled = find_spec("ensurepip") is not None
    venv.create(TOOLS, clear=True, symlinks=True, with_pip=bundled)
    if not bundled:
        wheel = debian_pip()
        run("pip", "install", "--no-index", "--no-deps", str(wheel), path=wheel)
    run("pip", "install", "--no-deps", "--require-hashes", "--requirement", str(PINNED))
    shutil.copyfile(PINNED, SETTLED)


def debian_pip() -> Path:
    """Return pip's wheel out of Debian's package; ends the process with what to install where that cannot be had."""
    programs = ROOT / "deployments" / "lab" / "programs.py"
    command = [sys.executable, str(programs), "--json", "pip"]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=LIMIT.total_seconds())
    found = json.loads(answer.stdout)
    return Path(found["path"]) if found["path"] else sys.exit(f"set-up needs pip: {found['missing']}")


def run(*module: str, path: Path | None = None, quiet: bool = False) -> str:
    """Run a module of .tools' python to its end and return what it printed; `path`: a wheel to import it from."""
    environ = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **({"PYTHONPATH": str(path)} if path else {})}
    command = [str(TOOLS / "bin" / "python"), "-m", *module, *(() if quiet else ("--quiet",))]
    limit = LIMIT.total_seconds()
    return subprocess.run(command, env=environ, check=True, stdout=subprocess.PIPE, text=True, timeout=limit).stdout


def translated(listed: str) -> Mapping[str, str]:
    """Return uv's variables for the lines of `pip config list`; the environment wins over [install] over [global]."""
    pairs = [line.partition("=") for line in listed.splitlines()]
    values = {name: str(ast.literal_eval(text)) for name, _, text in pairs}
    return {
        variable: LISTS.get(variable, " ").join(values[f"{section}.{option}"].split())
        for section in ("global", "install", ":env:")
        for option, variables in PIP_TO_UV.items()
        if f"{section}.{option}" in values
        for variable in variables
    }


if __name__ == "__main__":
    main()

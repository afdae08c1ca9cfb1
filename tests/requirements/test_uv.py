"""What a person told pip is what uv is told."""

import os
import subprocess
import sys
from pathlib import Path
from runpy import run_path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "requirements" / "uv.py"

translated = run_path(str(SCRIPT))["translated"]


def test_without_any_configuration_nothing_is_said() -> None:
    assert translated("") == {}


def test_index_proxy_certificate_and_waiting_time_are_passed_on_and_all_else_is_left() -> None:
    listed = r"""
global.constraint='/etc/constraints.txt'
global.extra-index-url='file:///one file:///two'
global.find-links='/wheels\n/more'
global.index-url='https://mirror.example/simple?a=b'
global.proxy='http://proxy.example:3128'
:env:.cert='/ca.pem'
:env:.default-timeout='180'
""".strip()
    assert translated(listed) == {
        "HTTPS_PROXY": "http://proxy.example:3128",
        "HTTP_PROXY": "http://proxy.example:3128",
        "SSL_CERT_FILE": "/ca.pem",
        "UV_DEFAULT_INDEX": "https://mirror.example/simple?a=b",
        "UV_FIND_LINKS": "/wheels,/more",
        "UV_HTTP_TIMEOUT": "180",
        "UV_INDEX": "file:///one file:///two",
    }


def test_the_environment_wins_over_the_install_section_and_that_over_the_global_one() -> None:
    lines = ("global.index-url='https://c/'", "install.index-url='https://b/'", ":env:.index-url='https://a/'")
    chosen = [translated("\n".join(lines[:count]))["UV_DEFAULT_INDEX"] for count in (1, 2, 3)]
    assert chosen == ["https://c/", "https://b/", "https://a/"]


def test_pip_itself_lists_its_configuration_in_the_shape_that_is_read(tmp_path: Path) -> None:
    pip = ROOT / ".tools" / "bin" / "python"
    if not pip.exists():
        pytest.skip("no .tools here yet (make setup)")
    (tmp_path / "pip.conf").write_text("[global]\nextra-index-url = https://one/\n  https://two/\ntimeout = 7\n")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environ |= {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "PIP_INDEX_URL": "https://mine/"}
    answer = subprocess.run(
        [pip, "-m", "pip", "config", "list"], env=environ, check=True, capture_output=True, text=True, timeout=60
    )
    wanted = {"UV_INDEX": "https://one/ https://two/", "UV_DEFAULT_INDEX": "https://mine/", "UV_HTTP_TIMEOUT": "7"}
    assert translated(answer.stdout).items() >= wanted.items()


def test_a_python_that_is_too_old_is_refused_in_one_line(tmp_path: Path) -> None:
    old = tmp_path / "old.py"
    old.write_text(
        f"import runpy, sys\nsys.version_info = (3, 10)\nrunpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n"
    )
    answer = subprocess.run([sys.executable, old], capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 1
    assert answer.stderr.startswith("marias-ops needs Python 3.11 or newer; this is ")
    assert answer.stderr.count("\n") == 1

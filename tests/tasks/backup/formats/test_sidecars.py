"""What lies beside backups by name, and what a checksum file says."""

import pytest

from tasks.backup.formats.sidecars import is_sidecar, parse_sha256

SUM, OTHER = "ab" * 32, "01" * 32


@pytest.mark.parametrize(
    "name",
    [
        "assist.dump.sha256",
        "assist.dump.SHA256",
        "assist.dump.sha256sum",
        "assist.dump.md5",
        "assist.dump.sig",
        "assist.dump.asc",
        "assist.dump.manifest.json",
        "assist.dump.manifest.json.sig",
        "globals.sql",
        "assist-globals-20261124.sql.gz",
        "20261124_globals.sql.zst.age",
        "roles.sql",
    ],
)
def test_it_lies_beside_a_backup(name: str) -> None:
    assert is_sidecar(f"postgres/{name}")


@pytest.mark.parametrize(
    "name", ["assist.dump", "globals.dump", "global.sql", "assist-parole.sql", "sha256", "sig.sql"]
)
def test_it_is_a_backup(name: str) -> None:
    assert not is_sidecar(f"postgres/globals.sql.d/{name}")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param(SUM, SUM, id="the sum alone"),
        pytest.param(f"{SUM.upper()}\r\n", SUM, id="in capitals, from Windows"),
        pytest.param(f"{SUM}  assist.dump\n", SUM, id="as sha256sum writes it"),
        pytest.param(f"{SUM} *assist.dump\n", SUM, id="as sha256sum --binary writes it"),
        pytest.param(f"{SUM}  /var/backups/assist.dump\n", SUM, id="with a folder"),
        pytest.param(f"{SUM}  before-it-was-renamed\n", SUM, id="of another name, alone"),
        pytest.param(f"SHA256 (assist.dump) = {SUM}\n", SUM, id="as BSD writes it"),
        pytest.param(f"{OTHER}  globals.sql\n{SUM}  assist.dump\n", SUM, id="one of several"),
        pytest.param(f"# made by cron\n{SUM}  assist.dump\n", SUM, id="behind a comment"),
        pytest.param(f"{OTHER}  globals.sql\n{SUM}  other.dump\n", "", id="several, none of it"),
        pytest.param(f"{SUM[:-1]}  assist.dump\n", "", id="too short"),
        pytest.param("", "", id="empty"),
        pytest.param("sha256sum: assist.dump: No such file\n", "", id="an error message"),
    ],
)
def test_a_checksum_file_says(text: str, value: str) -> None:
    assert parse_sha256(text, "assist.dump") == value

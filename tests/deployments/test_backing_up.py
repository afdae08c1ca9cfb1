"""`marias backup`, as cron calls it: what it says, its exit codes, and what is left when it is killed."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep

import pytest

from deployments.lab import aws
from deployments.lab.postgres import DATABASE
from tasks.adapters import secrets
from tasks.adapters.s3 import S3
from tasks.adapters.signing import Signer
from tasks.environment import FOLDER_VARIABLE
from tasks.evidence.ledger import allowed_signers
from tests.conftest import ROOT
from tests.tasks.backup.apply.test_take import LARGE, leftovers
from tests.tasks.backup.world import BUCKET, EVIDENCE, SIGNING_KEY, World
from tests.tasks.backup.world import world as a_world

SOURCE = "MARIAS_TEST_SOURCE"
CANARY = "CANARIA-senha"
SETTINGS = """
name = "ensaio"
[aws]
endpoint = "{endpoint}"
timeout_seconds = 5
[slack]
token = "env:NOTHING"
webhook = "env:NOTHING"
channels = {{ operations = "#ops" }}
[mail]
host = "127.0.0.1"
sender = "marias-ops@assistmovemarias.org"
recipients = ["devops@assistmovemarias.org"]
[evidence]
bucket = "{evidence}"
signing_key = "env:{signing_key}"
[links]
run = "http://127.0.0.1/{{run}}"
evidence = "http://127.0.0.1/{{key}}"
runbook = "http://127.0.0.1/{{duty}}"
[backup]
bucket = "{bucket}"
[backup.databases.{database}]
prefix = "postgres/"
newest_row = ["public.atendimentos.criado_em"]
rpo_hours = 24
rto_minutes = 60
source = "env:{source}"
[backup.databases.sem_origem]
newest_row = ["public.atendimentos.criado_em"]
rpo_hours = 24
rto_minutes = 60

[github]
token = "env:NOBODY"

[ssh.hosts.nowhere]
address = "127.0.0.1"

[ssh.purposes.nothing]
secret = "nothing"
access = [{{host = "nowhere", accounts = ["nobody"]}}]
"""


@dataclass(frozen=True, slots=True)
class Said:
    """How a call ended, and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine with the command, its settings and its secrets; `begun` starts it and `marias` waits for its end."""

    world: World
    temporary: Path
    variables: dict[str, str]

    def begun(self, *arguments: str, **changes: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "deployments.cli", "backup", *arguments],
            cwd=ROOT,
            env={**self.variables, **changes},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def marias(self, *arguments: str, **changes: str) -> Said:
        with self.begun(*arguments, "-e", "ensaio", **changes) as process:
            out, err = process.communicate(timeout=120)
        return Said(process.returncode, out, err)

    def visible(self) -> list[str]:
        """Return the backups that anybody would find."""
        keys = [found.key for found in S3(self.world.aws).list(BUCKET, "")]
        return [key for key in keys if key.endswith(".dump")]

    def body(self, bucket: str, key: str) -> bytes:
        body = S3(self.world.aws).get(bucket, key)
        assert body is not None
        return body


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder, temporary = tmp_path_factory.mktemp("environments"), tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws.CREDENTIALS.items():
            patch.setenv(name, value)
        with a_world() as world:
            world.psql(DATABASE, LARGE)
            names = {"evidence": EVIDENCE, "bucket": BUCKET, "signing_key": SIGNING_KEY, "source": SOURCE}
            written = SETTINGS.format(endpoint=world.aws.endpoint, database=DATABASE, **names)
            (folder / "ensaio.toml").write_text(written, encoding="utf-8")
            source = f"{world.postgres.cluster.conninfo(DATABASE)} password={CANARY}"
            known = {name: os.environ[name] for name in (*aws.CREDENTIALS, SIGNING_KEY, "PATH")}
            bare = {
                "PREFECT_API_URL": "http://127.0.0.1:1/api",
                "HOME": str(folder),
                "LC_ALL": "C.UTF-8",
                "TMPDIR": str(temporary),
            }
            yield Machine(world, temporary, {**known, **bare, FOLDER_VARIABLE: str(folder), SOURCE: source})


def until(holds: Callable[[], bool], seconds: float = 10) -> bool:
    """Return whether something comes to hold within the time."""
    deadline = monotonic() + seconds
    while not holds() and monotonic() < deadline:
        sleep(0.02)
    return holds()


# ── what it says ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_backup_is_told_in_a_few_lines(machine: Machine) -> None:
    said = machine.marias(DATABASE)
    title, thing, size, rows, *places = said.out.splitlines()
    key = machine.visible()[-1]
    assert (said.code, said.err) == (0, "")
    assert title.startswith(f"✓ Backup de {DATABASE} guardado em ")
    assert thing == f"  Objeto     s3://{BUCKET}/{key}"
    assert size.endswith(f"(SHA-256 {sha256(machine.body(BUCKET, key)).hexdigest()})")
    assert rows.endswith(" linhas em 7 tabelas")
    assert [line.split()[-1] for line in places] == manifests(key)


def manifests(key: str) -> list[str]:
    name = key.removeprefix("postgres/")
    return [f"s3://{EVIDENCE}/ensaio/manifests/{DATABASE}/{name}.manifest.json", f"s3://{BUCKET}/{key}.manifest.json"]


def test_a_backup_is_told_to_a_program(machine: Machine) -> None:
    said = machine.marias(DATABASE, "--json")
    told = json.loads(said.out)
    body = machine.body(BUCKET, told["key"])
    assert (said.code, said.err) == (0, "")
    assert told == {
        "exit_code": 0,
        "database": DATABASE,
        "key": told["key"],
        "object": f"s3://{BUCKET}/{told['key']}",
        "size_bytes": len(body),
        "sha256": sha256(body).hexdigest(),
        "rows": told["rows"],
        "tables": 7,
        "omitted_indexes": [],
        "manifests": manifests(told["key"]),
        "seconds": told["seconds"],
    }
    assert told["rows"] > 1300


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="needs ssh-keygen")
def test_a_manifest_can_be_checked_by_hand(machine: Machine, tmp_path: Path) -> None:
    told = json.loads(machine.marias(DATABASE, "--json").out)
    signer = Signer(secrets.resolve(f"env:{SIGNING_KEY}", machine.world.aws))
    for name in ("", ".manifest.json", ".manifest.json.sig"):
        (tmp_path / f"backup.dump{name}").write_bytes(machine.body(BUCKET, f"{told['key']}{name}"))
    (tmp_path / "trusted_signers").write_text(allowed_signers(signer.public_key))
    page = (ROOT / "docs" / "runbooks" / "backup.md").read_text(encoding="utf-8")
    script = page.partition("```sh\n")[2].partition("```")[0]
    bash = shutil.which("bash") or ""

    def by_hand() -> list[str]:
        done = subprocess.run([bash, "-c", script], cwd=tmp_path, capture_output=True, check=False, timeout=20)
        return done.stdout.decode().splitlines()

    signed, whole = by_hand()
    assert signed.startswith('Good "marias-ops-ledger" signature for marias-ops with ED25519 key SHA256:')
    assert whole == "backup.dump: OK"
    (tmp_path / "backup.dump").write_bytes(b"x")
    assert by_hand() == [signed, "backup.dump: FAILED"]


# ── what it refuses, and what fails ──────────────────────────────────────────────────────────────────────────────────


def test_a_database_that_the_settings_do_not_name_is_a_mistake_of_usage(machine: Machine) -> None:
    assert machine.marias("nunca") == Said(
        2, "", f"There is no database 'nunca' in [backup.databases]. There are: {DATABASE}, sem_origem.\n"
    )


def test_a_database_without_a_connection_string_is_a_mistake_of_the_settings(machine: Machine) -> None:
    said = machine.marias("sem_origem", "--json")
    assert (said.code, json.loads(said.out)["error"]["code"]) == (2, "backup.take_no_source")


@pytest.mark.parametrize("arguments", [(), (DATABASE, "more"), (DATABASE, "--key", "x")])
def test_a_usage_that_the_command_does_not_have_is_refused(machine: Machine, arguments: tuple[str, ...]) -> None:
    said = machine.marias(*arguments)
    assert (said.code, "Traceback" in said.out + said.err) == (2, False)


FAILED = {
    "no connection string": ({SOURCE: ""}, "secret.missing"),
    "what is no connection string": ({SOURCE: CANARY}, "postgres.no_conninfo"),
    "no server": ({SOURCE: f"host=/nowhere password={CANARY}"}, "postgres.out_of_reach"),
    "no signing key": ({SIGNING_KEY: CANARY}, "signing.bad_key"),
}


@pytest.mark.parametrize("case", FAILED)
def test_what_fails_is_told_in_words_with_the_code_for_failed(machine: Machine, case: str) -> None:
    changes, code = FAILED[case]
    before = machine.visible()
    said = machine.marias(DATABASE, **changes)
    told = json.loads(machine.marias(DATABASE, "--json", **changes).out)
    error = told["error"]
    words = "\n".join(filter(None, (error["message"], error["safe"], error["remedy"]))) + "\n"
    assert (said.code, told["exit_code"], error["code"]) == (1, 1, code)
    assert (said.out, said.err) == ("", words)
    assert CANARY not in words
    assert machine.visible() == before


def test_another_key_than_the_ledgers_signs_nothing(machine: Machine) -> None:
    s3, before = S3(machine.world.aws), machine.visible()
    s3.put_new(EVIDENCE, "ensaio/ledger/allowed_signers", b"marias-ops ssh-ed25519 OTHER", "text/plain")
    try:
        said = machine.marias(DATABASE, "--json")
    finally:
        machine.world.s3.delete_object(Bucket=EVIDENCE, Key="ensaio/ledger/allowed_signers")
    assert (said.code, json.loads(said.out)["error"]["code"]) == (1, "ledger.other_key")
    assert machine.visible() == before


# ── killed ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_kill_at_any_moment_leaves_no_process_no_folder_and_no_backup_without_its_manifest(machine: Machine) -> None:
    chance = random.Random(4)  # noqa: S311 - moments, no secrets
    longest = 1.1 * json.loads(machine.marias(DATABASE, "--json").out)["seconds"]
    for _ in range(4):
        with machine.begun(DATABASE, "-e", "ensaio") as process:
            assert until(lambda: bool(leftovers(machine.temporary)), 60)
            sleep(chance.uniform(0, longest))
            process.kill()
        assert until(lambda: not leftovers(machine.temporary))
        assert whole(machine)
    assert machine.marias(DATABASE).code == 0


def whole(machine: Machine) -> bool:
    """Return whether every backup that can be seen has its signed manifest in both places."""
    keys = {bucket: {found.key for found in S3(machine.world.aws).list(bucket, "")} for bucket in (BUCKET, EVIDENCE)}
    for key in machine.visible():
        second = f"ensaio/manifests/{DATABASE}/{key.removeprefix('postgres/')}"
        wanted = {BUCKET: key, EVIDENCE: second}
        if any(
            {f"{name}.manifest.json", f"{name}.manifest.json.sig"} - keys[bucket] for bucket, name in wanted.items()
        ):
            return False
    return True


ANSWERED_SECONDS = 0.3  # until it knows, too, that its upload has begun; the upload takes longer


def test_who_is_asked_to_stop_ends_the_upload_too(machine: Machine) -> None:
    s3, before = S3(machine.world.aws), machine.visible()
    dangling = len(list(s3.uploads(BUCKET, "")))  # what the kills have left
    with machine.begun(DATABASE, "-e", "ensaio") as process:
        assert until(lambda: len(list(s3.uploads(BUCKET, ""))) > dangling, 60)
        sleep(ANSWERED_SECONDS)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (143, "", "")
    assert leftovers(machine.temporary) == []
    assert len(list(s3.uploads(BUCKET, ""))) == dangling
    assert machine.visible() == before

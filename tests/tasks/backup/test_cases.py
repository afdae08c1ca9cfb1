"""Every kind of broken backup is caught and named for what it is, every good one passes: real dumps, real restores."""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import gettempdir
from unittest.mock import patch

import pytest

from deployments.lab import aws
from tasks.adapters import secrets
from tasks.adapters.guardian import Folder, guarded_folder
from tasks.adapters.postgres_server import Binaries, Cluster, find_binaries
from tasks.adapters.s3 import S3
from tasks.adapters.signing import Signer
from tasks.backup import steps
from tasks.backup.apply import take
from tasks.backup.collect.fetch import copy_of
from tasks.backup.formats import manifest as manifests
from tasks.backup.model.manifest import Manifest
from tasks.backup.model.throwaway import RESTORED
from tasks.core.findings import Outcome
from tasks.core.secret import Secret
from tests import bare
from tests.tasks.backup.cases import BASE, Case, cases
from tests.tasks.backup.mangling import Body, mangled
from tests.tasks.backup.world import BUCKET, EVIDENCE, LIMIT, PREFIX, SIGNING_KEY, World, world

MODEL = "modelo"
ENVIRONMENT = bare.production().name
OTHERS_BEFORE = 3
DROP_ROLES = "SELECT format('DROP ROLE %I', rolname) FROM pg_roles WHERE rolname !~ '^pg_' AND NOT rolsuper \\gexec"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The world, the manifest of its model database, and one throwaway server that all cases share."""

    world: World
    manifest: Manifest


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    before = dict(os.environ)
    os.environ.update(aws.CREDENTIALS)
    try:
        with ExitStack() as stack:
            w = stack.enter_context(world())
            w.variant(MODEL, BASE)
            stack.enter_context(one_server_for_all())
            yield Stage(world=w, manifest=taken(w, MODEL))
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_it_is_judged_and_named_for_what_it_is(stage: Stage, case: Case, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    found = judged(stage, case, str(canary))
    expected = {f"backup.{rule}" for rule in case.rules}
    rules = {finding.rule for finding in found.findings}
    said = [(f.rule, f.subject, f.data) for f in found.findings], [c for c in found.coverage if not c.assessed]
    assert (found.verdict, rules & expected if case.also else rules) == (case.verdict, expected), said
    assert not canary.exists()


def judged(stage: Stage, case: Case, canary: str) -> Outcome:
    """Make the case's backup, put it in the bucket, and return what the duty says of it."""
    w, name = stage.world, "caso"
    w.variant(name, case.sql, of=MODEL, encoding=case.encoding)
    try:
        manifest = (taken(w, name) if case.sql_before_manifest else stage.manifest) if case.manifest else None
        folder = "-Fd" in case.dump
        body: Body = w.dump_folder(name, *case.dump) if folder else w.dump(name, *case.dump)
        for how in case.mangle:
            body = mangled(body, how.replace("{canary}", canary))
        key = f"{PREFIX}{name}.dump" + ("/" if isinstance(body, dict) else "")
        beside(stage, case, key, body, manifest)
        cfg = w.settings(case.settings_of or name, case.cfg, **{"globals_pattern": r"none", **case.settings})
        return bare.drill(bare.environment(w.aws, cfg, w.evidence))
    finally:
        w.drop(name)
        empty(w)


def beside(stage: Stage, case: Case, key: str, body: Body, manifest: Manifest | None) -> None:
    """Put the backup and what lies around it into the bucket."""
    w = stage.world
    digest = hashlib.sha256(body if isinstance(body, bytes) else b"").hexdigest()
    if "three larger before" in case.beside:
        for number in range(OTHERS_BEFORE):
            w.put(f"{PREFIX}antes-{number}.dump", b"x" * 3 * len(body))
        time.sleep(1)  # S3 tells seconds
    w.put(key, body)
    if manifest:
        write_manifest(stage, case, key, digest if isinstance(body, bytes) else listing_digest(body), manifest)
    extras: Mapping[str, Callable[[], object]] = {
        "sha256": lambda: w.put(f"{key}.sha256", f"{digest}  caso.dump\n".encode()),
        "sha256 of another": lambda: w.put(f"{key}.sha256", f"{'0' * 64}  caso.dump\n".encode()),
        "globals": lambda: w.put(f"{PREFIX}globals-1.sql", w.globals().encode()),
        "globals without relatorios": lambda: w.put(f"{PREFIX}globals-1.sql", without(w.globals(), "relatorios")),
        "unfinished upload": lambda: w.s3.create_multipart_upload(Bucket=BUCKET, Key=f"{PREFIX}depois.dump"),
        "deleted newer": lambda: (
            w.put(f"{PREFIX}depois.dump", b"x"),
            w.s3.delete_object(Bucket=BUCKET, Key=f"{PREFIX}depois.dump"),
        ),
    }
    for extra in case.beside:
        if extra in extras:
            extras[extra]()


def write_manifest(stage: Stage, case: Case, key: str, digest: str, manifest: Manifest) -> None:
    """Write the manifest beside the backup and in the second place, signed, with what the case has done to it."""
    w = stage.world
    named = f"{PREFIX}outro.dump" if "manifest of another" in case.beside else key
    stale = "manifest of the bytes before" in case.beside
    body = manifests.to_bytes(replace(manifest, key=named, sha256="1" * 64 if stale else digest))
    signature = Signer(secrets.resolve(f"env:{SIGNING_KEY}", w.aws)).sign(body).encode()
    if "manifest changed" in case.beside:
        body = body.replace(b'"login": false', b'"login": true ', 1).replace(b'"rows": 60', b'"rows": 59', 1)
    for place in manifests.places(w.settings("caso"), w.evidence, ENVIRONMENT, "caso", key):
        w.s3.put_object(Bucket=place.bucket, Key=place.key, Body=body)
        if "manifest unsigned" not in case.beside:
            w.s3.put_object(Bucket=place.bucket, Key=place.signature, Body=signature)


def listing_digest(files: Mapping[str, bytes]) -> str:
    """Return the digest of a folder's files, as the fetched copy has it."""
    lines = (f"{hashlib.sha256(body).hexdigest()}  {name}\n" for name, body in sorted(files.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def without(text: str, word: str) -> bytes:
    """Return a text without the lines that hold a word."""
    return "".join(line for line in text.splitlines(keepends=True) if word not in line).encode()


def taken(w: World, name: str) -> Manifest:
    """Take a real backup of a database with its manifest, and return that."""
    source = Secret(w.postgres.cluster.conninfo(name))
    signer = Signer(secrets.resolve(f"env:{SIGNING_KEY}", w.aws))
    made = take.take(S3(w.aws), w.settings(name), w.evidence, ENVIRONMENT, name, source=source, signer=signer)
    empty(w)
    return made.manifest


def empty(w: World) -> None:
    """Empty both buckets."""
    for bucket in (BUCKET, EVIDENCE):
        w.empty(bucket)


@contextmanager
def one_server_for_all() -> Iterator[None]:
    """Let all cases share one throwaway server, emptied between them: a new one takes a second each."""
    real = steps.throwaway_server
    with guarded_folder("marias-test-cases", Path(gettempdir())) as folder, real(find_binaries(), folder) as server:

        @contextmanager
        def same_folder(*_: object) -> Iterator[Folder]:
            yield folder
            place = copy_of(folder)
            if place.is_dir():
                shutil.rmtree(place)
            place.unlink(missing_ok=True)

        @contextmanager
        def same_server(_binaries: Binaries, _folder: Folder) -> Iterator[Cluster]:
            try:
                yield server
            finally:
                clean = f"DROP DATABASE IF EXISTS {RESTORED} WITH (FORCE);\n{DROP_ROLES}\n"
                server.run("psql", "-Xqd", "postgres", timeout=LIMIT, stdin=clean.encode()).checked()

        with patch.multiple(steps, throwaway_folder=same_folder, throwaway_server=same_server):
            yield

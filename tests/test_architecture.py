"""The house guards itself: what neither linter nor type checker knows of its promises."""

import ast
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import walk_packages
from string import Formatter
from typing import Any

import pytest
from prefect import Task, flow
from prefect.cache_policies import NO_CACHE
from prefect.settings import PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

import tasks
from deployments.catalogue import declared
from deployments.demo import CASES
from tasks.core.duties import DUTIES, Duty
from tasks.core.findings import Verdict
from tasks.core.wording import Words
from tasks.environment import FOLDER, load
from tasks.notices.words import COMMON, LABELS
from tasks.steps import decided, effect

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("flows", "tasks", "deployments")
OURS = tuple(duty for duty in DUTIES.values() if duty.flow.startswith("flows."))  # not the tests' own trial duty
CODE = re.compile(
    r"(?!prefect\.(?:resource|server|tag)\.)[a-z][a-z0-9_]*(?:\.(?!(?:yaml|toml|json|html|csv|sql|sh|md|py|pem|key|crt|txt|log|lock|dump)$)[a-z][a-z0-9_]*)+"
)  # no file's name
LONGEST_FILE, LONGEST_FUNCTION = 300, 60  # lines that are not blank; lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One place where a code is put into an error or a finding: the name of its data's class where one can see it."""

    code: str
    place: str
    data: str | None


# ── what there is ────────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def sources() -> Mapping[Path, ast.Module]:
    """Return every source file of the rooms, parsed."""
    files = (file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py")))
    return {file.relative_to(ROOT): ast.parse(file.read_text(encoding="utf-8")) for file in files}


@cache
def steps() -> Mapping[str, Task[..., Any]]:
    """Return every Prefect task of the modules `tasks.<feature>.steps`, and those below where that is a package."""
    modules = (module.name for module in walk_packages(tasks.__path__, "tasks."))
    found = ((name, vars(import_module(name))) for name in modules if name.split(".")[2:3] == ["steps"])
    return {f"{name}.{key}": held for name, names in found for key, held in names.items() if isinstance(held, Task)}


@cache
def worded() -> Mapping[str, Words]:
    """Return the words of every code, whoever owns them."""
    tables = (import_module(duty.wording).WORDING.codes for duty in OURS)
    return {code: words for table in (COMMON, *tables) for code, words in table.items()}


@cache
def labels() -> frozenset[str]:
    """Return every code that has a label: what is covered, why not, and results."""
    tables = (import_module(duty.wording).WORDING.labels for duty in OURS)
    return frozenset(code for table in (LABELS, *tables) for code in table)


@cache
def errors() -> frozenset[str]:
    """Return the names of OperatorError and of every class made from it."""
    classes = [node for tree in sources().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    known = {"OperatorError"}
    while more := {c.name for c in classes if known & {ast.unparse(base) for base in c.bases}} - known:
        known |= more
    return frozenset(known)


@cache
def uses() -> tuple[Use, ...]:
    """Return every literal code in an error, in the constructor of a kind of error, or in a finding."""
    return tuple(use for file, tree in sources().items() for use in _uses(file, tree))


def _uses(file: Path, tree: ast.Module) -> Iterator[Use]:
    constructors = {
        id(call.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name in errors()
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "super().__init__"
    }
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func).rpartition(".")[2]
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        if name == "Finding":
            code, data = given.get("rule"), given.get("data")
        elif name in errors() or id(call.func) in constructors:
            positional = dict(enumerate(call.args))
            code, data = given.get("code", positional.get(0)), given.get("data", positional.get(2))
        else:
            continue
        if isinstance(code, ast.Constant) and isinstance(code.value, str):
            yield Use(code=code.value, place=f"{file}:{call.lineno}", data=_class(data))


def _class(data: ast.expr | None) -> str | None:
    if data is None:
        return "NoData"
    return ast.unparse(data.func).rpartition(".")[2] if isinstance(data, ast.Call) else None


@cache
def spoken_of() -> Mapping[str, str]:
    """Return every code that the sources hold outside the tables of words (tables of codes too), with one place."""
    areas = {code.partition(".")[0] for code in (*worded(), *(use.code for use in uses()))}
    silent = re.compile(r"tasks/notices/words(\.py|/)|tasks/\w+/wording(\.py|/)")
    return {
        node.value: f"{file}:{node.lineno}"
        for file, tree in sources().items()
        if not silent.match(str(file))
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value)
        if node.value.partition(".")[0] in areas
    }


# ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_step_has_a_time_out() -> None:
    assert steps()
    assert [name for name, step in steps().items() if not step.timeout_seconds] == []


def test_a_step_is_an_effect_that_is_never_cached_or_a_fact_decided_once_per_run() -> None:
    kinds = {name: (is_effect(step), is_decided(step)) for name, step in steps().items()}
    assert {name: kind for name, kind in kinds.items() if kind not in {(True, False), (False, True)}} == {}


def is_effect(step: Task[..., Any]) -> bool:
    """Tell whether it runs as often as it is called."""
    cached = step.cache_policy != NO_CACHE or step.cache_key_fn is not None
    return not cached and step.persist_result is False and step.result_storage_key is None


def is_decided(step: Task[..., Any]) -> bool:
    """Tell whether its answer is kept under a name of the run."""
    key = step.result_storage_key
    return step.persist_result is True and isinstance(key, str) and key.startswith("{flow_run.id}-")


@pytest.mark.usefixtures("server")
def test_called_twice_in_one_run_an_effect_runs_twice_and_a_decision_once() -> None:
    calls: list[str] = []

    def body(name: str) -> Callable[[str], int]:
        def step(subject: str) -> int:
            calls.append(f"{name} {subject}")
            return len(calls)

        return step

    look = effect(timeout=timedelta(seconds=30))(body("look"))
    decide = decided("plan", timeout=timedelta(seconds=30))(body("decide"))

    @flow
    def run() -> tuple[int, ...]:
        return look("a"), look("a"), decide("b"), decide("b")

    with temporary_settings({PREFECT_LOGGING_TO_API_ENABLED: False}):
        assert run() == (1, 2, 3, 3)
    assert calls == ["look a", "look a", "decide b"]


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_code_of_an_error_or_a_finding_has_words() -> None:
    assert {use.code: use.place for use in uses() if use.code not in worded()} == {}


def test_every_code_in_a_table_has_words_or_a_label() -> None:
    assert {code: place for code, place in spoken_of().items() if code not in worded().keys() | labels()} == {}


def test_every_entry_of_words_is_used() -> None:
    assert worded().keys() - spoken_of().keys() == set()


def test_words_name_only_their_subject_and_the_fields_of_their_data() -> None:
    unknown = {code: placeholders(words) - {"subject", *_fields(words.data)} for code, words in worded().items()}
    assert {code: names for code, names in unknown.items() if names} == {}


def test_an_error_or_a_finding_carries_the_data_that_its_words_expect() -> None:
    pairs = {use: worded()[use.code].data.__name__ for use in uses() if use.code in worded() and use.data is not None}
    wrong = {use: expected for use, expected in pairs.items() if use.data != expected}
    # without placeholders for it, words do not care what data comes along
    assert {use: expected for use, expected in wrong.items() if placeholders(worded()[use.code]) - {"subject"}} == {}


def placeholders(words: Words) -> set[str]:
    """Return the names that the sentences need."""
    sentences = (words.title, words.message, words.remedy, words.safe)
    parts = (name for sentence in sentences for _, name, _, _ in Formatter().parse(sentence) if name is not None)
    return {re.split(r"[.\[]", name)[0] for name in parts}


def _fields(data: Any) -> set[str]:  # noqa: ANN401 - any dataclass
    return {field.name for field in fields(data)}


# ── duties and rooms ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("duty", OURS, ids=lambda duty: duty.id)
def test_every_duty_has_a_runbook_page_a_flow_words_and_a_deployment(duty: Duty) -> None:
    page = Path("docs") / "runbooks" / f"{duty.id}.md"
    missing = {
        str(page): (ROOT / page).is_file(),
        duty.flow: find_spec(duty.flow) is not None,
        duty.wording: find_spec(duty.wording) is not None,
        "deployments/prefect.yaml": any(
            entry.entrypoint.startswith(f"{duty.flow}.") and entry.flow.name == duty.id
            for entry in declared("lab", schedules=True)
        ),
    }
    assert [what for what, there in missing.items() if not there] == []


@pytest.mark.parametrize("duty", OURS, ids=lambda duty: duty.id)
def test_every_duty_has_a_summary_for_each_verdict_a_channel_and_a_demo(duty: Duty) -> None:
    summaries = import_module(duty.wording).WORDING.summaries
    channels = load(str(FOLDER / "production.toml")).slack.channels
    missing = {
        **{f"summary of {verdict}": bool(summaries.get(verdict)) for verdict in Verdict},
        f"[slack.channels] {duty.channel}": duty.channel in channels,
        "a case in deployments/demo.py": any(case.duty == duty.id for case in CASES),
    }
    assert [what for what, there in missing.items() if not there] == []


def test_what_is_said_of_coverage_has_a_label() -> None:
    said = {
        keyword.value.value
        for tree in sources().values()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("Coverage")
        for keyword in call.keywords
        if keyword.arg in {"what", "why"} and isinstance(keyword.value, ast.Constant) and keyword.value.value
    }
    assert said - labels() == set()


def test_every_feature_is_held_to_the_chains_of_a_feature() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {contract["id"]: contract for contract in settings["tool"]["importlinter"]["contracts"]}
    features = [f"tasks.{name.strip()}" for name in contracts["tasks"]["layers"][1].split("|")]
    assert sorted(contracts["feature"]["containers"]) == sorted(features)


def test_no_file_is_too_long() -> None:
    counts = {file: _lines(ROOT / file) for file in sources()}
    assert {str(file): count for file, count in counts.items() if count > LONGEST_FILE} == {}


def _lines(file: Path) -> int:
    return sum(1 for line in file.read_text(encoding="utf-8").splitlines() if line.strip())


def test_no_function_is_too_long() -> None:
    functions = (
        (f"{file}:{node.lineno} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1)
        for file, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert {name: count for name, count in functions if count > LONGEST_FUNCTION} == {}

"""Makes a duty's parameters of what a person typed, checked against the duty's own form."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from jsonschema import Draft202012Validator
from prefect import Flow

from deployments.terminal import UsageError

ENVIRONMENT = "environment"


def read(flow: Flow[..., Any], pairs: Iterable[str]) -> dict[str, Any]:
    """Return `key=value` pairs as parameters; where the form wants no text, a value is JSON if it can be (true, 3).

    Raises UsageError with every mistake.
    """
    form = flow.parameters.model_dump_for_openapi()
    parameters: dict[str, Any] = {}
    mistakes: list[str] = []
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if mistake := _misnamed(form["properties"], name, equals, parameters):
            mistakes.append(f"--param {pair}: {mistake}")
        else:
            parameters[name] = _value(form["properties"][name], text)
    checked = Draft202012Validator(form).iter_errors({ENVIRONMENT: "", **parameters})
    mistakes += (f"--param {'.'.join(map(str, error.path)) or flow.name}: {error.message}." for error in checked)
    if mistakes:
        raise UsageError("\n".join(mistakes))
    return parameters


def _misnamed(fields: Mapping[str, Any], name: str, equals: str, given: Mapping[str, Any]) -> str:
    """Return what is wrong with the name of a pair, "" if nothing."""
    own = ", ".join(field for field in fields if field != ENVIRONMENT) or "none"
    mistakes = (
        (not equals, "write it as key=value."),
        (name == ENVIRONMENT, "say it with --environment."),
        (name not in fields, f"there is no such parameter. There are: {own}."),
        (name in given, "it was given before."),
    )
    return next((mistake for holds, mistake in mistakes if holds), "")


def _value(field: Mapping[str, Any], text: str) -> Any:  # noqa: ANN401 - any JSON
    if field.get("type") == "string":
        return text
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text


def _refuse(constant: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(constant)

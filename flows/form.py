"""The form that a person fills in: a duty's own parameters behind the environment, with their labels."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_args, get_origin

from pydantic import Field
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

from tasks.core.findings import Outcome

ENVIRONMENT = Annotated[
    str,
    Field(
        json_schema_extra={
            "title": "Ambiente",
            "description": "Nome de um ambiente (por exemplo production), ou caminho de um arquivo TOML.",
        }
    ),
]


def signature(body: Callable[..., Outcome]) -> inspect.Signature:
    """Return the form's signature: `environment`, then the body's parameters with labels in the shape Prefect keeps."""
    _run, *own = inspect.signature(body).parameters.values()
    named = inspect.Parameter.KEYWORD_ONLY
    first = inspect.Parameter("environment", named, annotation=ENVIRONMENT)
    labelled = (p.replace(kind=named, annotation=_kept_labels(p.annotation)) for p in own)
    return inspect.Signature([first, *labelled])


def _kept_labels(annotation: Any) -> Any:  # noqa: ANN401 - any annotation
    """Move Field(title, description) of a parameter into json_schema_extra: Prefect drops them where they were."""
    if get_origin(annotation) is not Annotated:
        return annotation
    kind, *notes = get_args(annotation)
    labels: JsonDict = {
        name: text
        for note in notes
        if isinstance(note, FieldInfo)
        for name, text in (("title", note.title), ("description", note.description))
        if text
    }
    return Annotated[(kind, *notes, Field(json_schema_extra=labels))]

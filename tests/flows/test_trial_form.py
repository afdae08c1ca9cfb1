"""The form that Prefect makes of a duty's parameters."""

from prefect.utilities.callables import parameter_schema

from tests.flows.trial import trial


def test_the_form_has_labels_choices_limits_and_defaults() -> None:
    schema = parameter_schema(trial).model_dump_for_openapi()
    properties = schema["properties"]
    assert list(properties) == ["environment", "end", "error", "wait_seconds", "approval_seconds"]
    assert properties["environment"]["title"] == "Ambiente"
    assert properties["end"] == {
        "default": "passed",
        "description": "Como o ensaio deve terminar.",
        "position": 1,
        "title": "Fim",
        "type": "string",
    }
    assert properties["error"]["enum"] == ["", "known", "foreign", "foreign step"]
    assert {k: properties["wait_seconds"][k] for k in ("title", "minimum", "maximum")} == {
        "title": "Espera",
        "minimum": 0,
        "maximum": 600,
    }
    assert schema["required"] == ["environment"]

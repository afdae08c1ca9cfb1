"""What must not leave, does not."""

import copy
import pickle
import traceback

import pytest

from tasks.core.errors import OperatorError, Unexpected, unexpected
from tasks.core.redaction import redact
from tasks.core.secret import Secret

CANARY = "CANARIA-9f3"


def int_of(text: str) -> int:
    return int(text)


def test_a_secret_is_masked_wherever_it_is_shown() -> None:
    secret = Secret(CANARY)
    assert [str(secret), repr(secret), f"{secret}", f"{secret:>30}", str([secret]), str({"a": secret})] == [
        "Secret(***)",
        "Secret(***)",
        "***",
        "***",
        "[Secret(***)]",
        "{'a': Secret(***)}",
    ]
    assert secret.reveal() == CANARY


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_cannot_be_pickled_or_copied(take: object) -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        take(Secret(CANARY))  # type: ignore[operator]


def test_an_unforeseen_exception_tells_type_and_place_but_never_its_text() -> None:
    with pytest.raises(ValueError, match=CANARY) as caught:
        int_of(CANARY)
    known = unexpected(caught.value)
    assert isinstance(known.data, Unexpected)
    assert (known.code, known.subject, known.data.kind) == ("core.unexpected", known.data.place, "ValueError")
    assert known.data.place.startswith("tasks/core/test_secret_and_redaction.py:")
    assert CANARY not in "".join(traceback.format_exception(known))


def test_an_operator_error_survives_pickling_whole() -> None:
    error = OperatorError("s3.denied", "bucket", Unexpected(kind="k", place="p"))
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (copied.code, copied.subject, copied.data) == (error.code, error.subject, error.data)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("escreva a maria@exemplo.com.br hoje", "escreva a [email] hoje"),
        ("avise dpo@assistmovemarias.org", "avise dpo@assistmovemarias.org"),
        ("CPF 123.456.789-09", "CPF [cpf]"),
        ("ligue (11) 98765-4321", "ligue [telefone]"),
        ("token xoxb-123456789-abc", "token [token]"),
        ("postgresql://app:segredo@db/x", "postgresql://[senha]@db/x"),
        ("AKIAABCDEFGHIJKLMNOP", "[chave]"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nabc", "[chave]"),
        ("public.beneficiarias: 12 de 13 linhas", "public.beneficiarias: 12 de 13 linhas"),
    ],
)
def test_what_looks_like_a_secret_or_a_persons_datum_is_masked(text: str, redacted: str) -> None:
    assert redact(text) == redacted

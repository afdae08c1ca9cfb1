"""Sentences for what is wrong with a key of an environment's file."""

from collections.abc import Mapping
from typing import Final

from tasks.core.wording import fill
from tasks.settings import SECRET_REF

# By the pattern that is not met, by pydantic's type of the error (docs.pydantic.dev, validation errors), or by a type
# of our own from a settings.py. What was typed is never quoted: it may be a secret, in the place of its reference.
_MISTAKES: Final[Mapping[str, str]] = {
    SECRET_REF: "deve dizer onde o segredo está (secretsmanager:NOME#chave, env:NOME ou file:/CAMINHO), nunca o "
    "próprio segredo. Se um segredo foi escrito aqui, troque-o.",
    "missing": "falta este item, que é obrigatório.",
    "extra_forbidden": "este item não existe.",
    "string_type": "deve ser um texto entre aspas.",
    "string_pattern_mismatch": "não tem a forma esperada: {pattern}",
    "enum": "deve ser um destes: {expected}.",
    "int_type": "deve ser um número inteiro.",
    "int_parsing": "deve ser um número inteiro.",
    "int_from_float": "deve ser um número inteiro.",
    "float_type": "deve ser um número.",
    "float_parsing": "deve ser um número.",
    "bool_type": "deve ser true ou false.",
    "bool_parsing": "deve ser true ou false.",
    "greater_than": "deve ser maior que {gt:g}.",
    "greater_than_equal": "deve ser {ge:g} ou mais.",
    "less_than_equal": "deve ser {le:g} ou menos.",
    "too_short": "a lista deve ter ao menos {min_length:g} item(ns).",
    "tuple_type": "deve ser uma lista entre colchetes.",
    "dict_type": "deve ser uma seção com itens.",
    "model_type": "deve ser uma seção com itens.",
    "settings.no_pattern": "não é uma expressão regular válida (erro na posição {position}).",
    "settings.no_zone": "este fuso horário não existe. Exemplo de um que existe: America/Sao_Paulo.",
    "settings.no_operations": "falta o canal operations, que recebe os avisos das rotinas sem canal próprio.",
    "settings.no_public_key": "não é uma chave pública inteira; copie a linha toda do arquivo .pub, sem opções antes.",
    "settings.host_or_group": "diga ou host ou group, e só um dos dois.",
    "settings.no_such_host": "{name} não é o nome de nenhum host nem de nenhum grupo em [ssh.hosts].",
    "settings.target_twice": "a mesma conta aparece duas vezes na mesma finalidade ({name}).",
    "settings.secret_twice": "duas finalidades usam o mesmo segredo ({name}); cada uma tem a sua chave.",
    "settings.bad_jump": "o jump de {name} deve levar a um host de [ssh.hosts] sem jump próprio, com uma finalidade de "
    "[ssh.purposes].",
    "settings.copy_twice": "o mesmo segredo do GitHub aparece duas vezes ({name}).",
    "settings.reserved_name": "nomes que começam com GITHUB_ são do próprio GitHub.",
    "file.name": "o nome dentro do arquivo deve ser o do próprio arquivo, “{stem}”.",
    "file.no_toml": "o arquivo não está na forma TOML{place}.",
    "file.unreadable": "o arquivo não pôde ser lido ({reason}).",
}
_OTHER: Final = "o valor não é aceito ({kind})."


def mistake(kind: str, context: Mapping[str, object]) -> str:
    """Return the sentence of one mistake; of a kind that has none it tells the kind."""
    sentence = _MISTAKES.get(str(context.get("pattern"))) or _MISTAKES.get(kind, _OTHER)
    return fill(sentence, {"kind": kind, **context})

"""Names of database objects in one form, however their source quotes them."""

import re

IDENTIFIER = r'(?:"(?:[^"]|"")+"|[^\s"\'.,;()]+)'
QUALIFIED = rf"{IDENTIFIER}(?:\.{IDENTIFIER})?"
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")


def qualified(*parts: str) -> str:
    """Return a name as SQL writes it: its parts joined by dots, quoted where they are not plain."""
    return ".".join(part if _PLAIN.fullmatch(part) else '"' + part.replace('"', '""') + '"' for part in parts)


def canonical(sql_name: str) -> str:
    """Return a name in the form of `qualified`, whichever of its parts the SQL at hand quotes."""
    return qualified(*(_unquoted(part) for part in re.findall(IDENTIFIER, sql_name)))


def listed(tail: str, known: frozenset[str]) -> str:
    """Return the name in `tail`, the end of a line of pg_restore's listing ("schema name owner", nothing quoted).

    A blank within a name makes that ambiguous: a reading that is among the `known` names is taken, else the likeliest.
    """
    words = tail.split(" ")
    readings = [
        qualified(" ".join(words[:start]), " ".join(words[start:end]))
        for end in range(len(words) - 1, 1, -1)
        for start in range(1, end)
    ]
    return next((name for name in readings if name in known), readings[0] if readings else qualified(*words))


def _unquoted(identifier: str) -> str:
    return identifier[1:-1].replace('""', '"') if identifier.startswith('"') else identifier

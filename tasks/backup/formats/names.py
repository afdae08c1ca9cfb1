"""Names of database objects in one form, however their source quotes them."""

import re

IDENTIFIER = r'(?:"(?:[^"]|"")+"|[^\s"\'.,;()]+)'
QUALIFIED = rf"{IDENTIFIER}(?:\.{IDENTIFIER})?"
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")
_NOBODY = frozenset({"PUBLIC", "CURRENT_USER", "CURRENT_ROLE", "SESSION_USER"})
_LINE_END = re.compile(r"[\n\r]")


def qualified(*parts: str) -> str:
    """Return a name as SQL writes it: its parts joined by dots, quoted where they are not plain."""
    return ".".join(part if _PLAIN.fullmatch(part) else '"' + part.replace('"', '""') + '"' for part in parts)


def canonical(sql_name: str) -> str:
    """Return a name in the form of `qualified`, whichever of its parts the SQL at hand quotes."""
    return qualified(*(unquoted(part) for part in re.findall(IDENTIFIER, sql_name)))


def unquoted(identifier: str) -> str:
    """Return an identifier's own text."""
    return identifier[1:-1].replace('""', '"') if identifier.startswith('"') else identifier


def roles_in(sql_list: str) -> tuple[str, ...]:
    """Return the roles of a list as GRANT and CREATE POLICY write it, without PUBLIC and the like."""
    return tuple(unquoted(name) for name in re.findall(IDENTIFIER, sql_list) if name not in _NOBODY)


def on_one_line(name: str) -> str:
    """Return a name as pg_dump's comments write it: each line end inside is a blank (sanitize_line, dumputils.c)."""
    return _LINE_END.sub(" ", name)

"""Roles out of a file of pg_dumpall --globals-only; passwords in it are passed over and never kept."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from tasks.backup.formats.names import unquoted
from tasks.backup.model.manifest import Role

# A comment or psql's own command to the end of its line; a string; a quoted name; a sign; any other word.
_WORD = re.compile(
    r"""--[^\n]*|^\\[^\n]*|[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|[;,()=]|[^\s;,()=]+""",
    re.MULTILINE | re.DOTALL,
)
_PASSED_OVER = ("--", "\\", "'", "e'", "E'")
_FLAGS: Mapping[str, str] = {"LOGIN": "login", "SUPERUSER": "superuser", "BYPASSRLS": "bypass_rls"}


def parse_globals(text: str) -> tuple[Role, ...]:
    """Return the roles that the file creates, sorted by name, with what it says of each; () when it is none."""
    roles = dict[str, Role]()
    for statement in _statements(text):
        match statement:
            case ["CREATE", "ROLE" | "USER" | "GROUP", name, *options]:
                roles[unquoted(name)] = _with(Role(name=unquoted(name)), options)
            case ["ALTER", "ROLE" | "USER", name, "WITH", *options] if unquoted(name) in roles:
                roles[unquoted(name)] = _with(roles[unquoted(name)], options)
            case ["GRANT", group, "TO", member, *_] if unquoted(member) in roles:
                role = roles[unquoted(member)]
                groups = {*role.member_of, unquoted(group)}
                roles[role.name] = replace(role, member_of=tuple(sorted(groups)))
            case _:
                pass
    return tuple(role for _, role in sorted(roles.items()))


def _statements(text: str) -> Iterator[list[str]]:
    statement = list[str]()
    for word in _WORD.findall(text):
        if word == ";":
            yield statement
            statement = []
        elif not word.startswith(_PASSED_OVER):
            statement.append(word)


def _with(role: Role, options: Sequence[str]) -> Role:
    said = {_FLAGS[word.removeprefix("NO")]: word in _FLAGS for word in options if word.removeprefix("NO") in _FLAGS}
    return Role(
        name=role.name,
        login=said.get("login", role.login),
        superuser=said.get("superuser", role.superuser),
        bypass_rls=said.get("bypass_rls", role.bypass_rls),
        member_of=role.member_of,
    )

"""The definitions in a dump's SQL: of each object the owner, the roles it names, and a digest of what makes it."""

import re
from collections import defaultdict
from hashlib import sha256
from types import MappingProxyType

from tasks.backup.formats.names import IDENTIFIER, QUALIFIED, roles_in
from tasks.backup.formats.sections import BUDGET_BYTES, ENTRY_BYTES, Heading, Ignored, Sum, text
from tasks.backup.model.contents import Entry

# What stands between objects, or varies with how a dump was written and not with what it holds.
_NO_DEFINITION = (
    "--",
    "SET default_tablespace = ",
    "SET default_table_access_method = ",
    "SET default_with_oids = ",
    "SET default_toast_compression = ",
    "SET SESSION AUTHORIZATION '",
    "SET SESSION AUTHORIZATION DEFAULT;",
    "\\restrict ",
    "\\unrestrict ",
    # what every database has, and only some dumps say
    "CREATE SCHEMA public;",
    "COMMENT ON SCHEMA public IS 'standard public schema';",
)
_OWNER = re.compile(rf"ALTER .* OWNER TO ({IDENTIFIER});")
_GRANTEE = rf"(?:TO|FROM) ({IDENTIFIER})(?: WITH GRANT OPTION)?(?: GRANTED BY {IDENTIFIER})?;"
# Where the statements of an object name roles beside its owner, by its kind.
_ROLES = MappingProxyType(
    {
        kind: tuple(map(re.compile, patterns))
        for kind, patterns in {
            "ACL": (
                rf"(?:GRANT|REVOKE) .* {_GRANTEE}",
                rf"SET SESSION AUTHORIZATION ({IDENTIFIER});",
            ),
            "DEFAULT ACL": (
                rf"ALTER DEFAULT PRIVILEGES FOR ROLE ({IDENTIFIER}) .*",
                rf"ALTER DEFAULT PRIVILEGES .* {_GRANTEE}",
            ),
            "POLICY": (
                rf"CREATE POLICY {IDENTIFIER} ON {QUALIFIED}(?: [A-Z ]+)? TO ({IDENTIFIER}(?:, {IDENTIFIER})*).*",
            ),
            "USER MAPPING": (rf"CREATE USER MAPPING FOR ({IDENTIFIER}) SERVER .*",),
        }.items()
    }
)
_NEEDLESS_QUOTES = re.compile(r'(?<!")"([a-z_][0-9a-z_]*)"(?!")')
# What opens a string, a quoted name, a comment, a dollar-quoted body. pg_dump escapes a quote by doubling it, always.
_OPENS = re.compile(rb"'|\"|--|\$(?:[A-Za-z_\x80-\xff][0-9A-Za-z_\x80-\xff]*)?\$")
_COMMENT = b"--"
_PREDEFINED = "pg_"  # what PostgreSQL's own roles begin with, and no other's


class Definitions(Ignored):
    """The schema's objects: their owners, the roles they name, and the digests of their SQL.

    `quote` is what closes the string, name or body that the last line left open; empty outside of any.
    """

    def __init__(self, unowned: str) -> None:
        """Begin with none; what the role `unowned` owns counts as nobody's."""
        self.quote = b""
        self._unowned = unowned
        self._roles: set[str] = set()
        self._sums: defaultdict[Heading, Sum] = defaultdict(Sum)
        self._heading = Heading(kind="", schema="", name="", owner="")
        self._sha = sha256()
        self._empty = True
        self._room = BUDGET_BYTES

    def begin(self, heading: Heading) -> None:
        """Begin an object; those of one heading are added up, and so are those beyond the budget."""
        self.quote = b""
        if heading not in self._sums:
            self._room -= ENTRY_BYTES + len(heading.schema) + len(heading.name) + len(heading.owner)
        in_full = self._room > 0 or heading in self._sums
        self._heading = heading if in_full else Heading(kind=heading.kind, schema="", name="", owner="")
        self._sha = sha256()
        self._empty = True
        self._note(heading.owner)

    def line(self, line: bytes) -> None:
        """Hash a line and note the roles it names; its owner stands in the heading, where a dump has owners at all."""
        sql, outside = without_needless_quotes(text(line)), not self.quote
        self._follow_quotes(line)
        if not sql or (outside and (sql.startswith(_NO_DEFINITION) or self._says_owner(sql))):
            return
        if outside:
            for pattern in _ROLES.get(self._heading.kind, ()):
                if match := pattern.fullmatch(sql):
                    self._note(*roles_in(match[1]))
        self._sha.update(sql.encode() + b"\n")
        self._empty = False

    def piece(self, piece: bytes) -> None:
        """Hash a piece of a line as it is."""
        self._sha.update(piece)
        self._empty = False
        self._follow_quotes(piece)

    def end(self) -> None:
        """Add the object's digest; the schema public says nothing but whose it is, and its own comment nothing."""
        owner = self._heading.owner
        says_nothing = self._heading.kind == "COMMENT" or not owner or owner.startswith(_PREDEFINED)
        if not (self._empty and says_nothing):
            self._sums[self._heading].add(self._sha.digest())

    def entries(self) -> tuple[Entry, ...]:
        """Return all objects, sorted."""
        found = (
            Entry(kind=of.kind, schema=of.schema, name=of.name, owner=self._owner(of), digest=digests.hex)
            for of, digests in self._sums.items()
        )
        return tuple(sorted(found, key=lambda entry: (entry.kind, entry.schema, entry.name, entry.owner)))

    def roles(self) -> tuple[str, ...]:
        """Return all roles named, sorted."""
        return tuple(sorted(self._roles - {self._unowned}))

    def _owner(self, heading: Heading) -> str:
        return "" if heading.owner == self._unowned else heading.owner

    def _follow_quotes(self, line: bytes) -> None:
        at = 0
        while True:
            if self.quote:
                closed = line.find(self.quote, at)
                if closed < 0:
                    return
                at = closed + len(self.quote)  # a doubled quote opens again at once
            opened = _OPENS.search(line, at)
            self.quote = opened[0] if opened and opened[0] != _COMMENT else b""
            if not opened or not self.quote:
                return
            at = opened.end()

    def _says_owner(self, sql: str) -> bool:
        owner = _OWNER.fullmatch(sql) if sql.startswith("ALTER ") else None
        return owner is not None and roles_in(owner[1]) == (self._heading.owner,)

    def _note(self, *roles: str) -> None:
        for role in roles:
            if role and role not in self._roles and not role.startswith(_PREDEFINED) and self._room > 0:
                self._room -= ENTRY_BYTES + len(role)
                self._roles.add(role)


def without_needless_quotes(sql: str) -> str:
    """Return SQL, or a name as SQL writes it, as a dump without --quote-all-identifiers has it (keywords unquoted)."""
    return _NEEDLESS_QUOTES.sub(r"\1", sql)

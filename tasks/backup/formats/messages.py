"""What pg_restore and psql say on stderr, and what the server's log says behind it: counted, never kept."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tasks.backup.formats.meanings import meaning_of
from tasks.backup.formats.names import IDENTIFIER, QUALIFIED, canonical
from tasks.backup.model.drill import LineKind, Lines, ServerError
from tasks.backup.model.found import Fault

# The most telling first. Words of pg_restore 14 to 18 under LC_ALL=C (pg_backup_archiver.c, pg_backup_custom.c,
# pg_backup_directory.c, compress_*.c).
_FAULTS: tuple[tuple[re.Pattern[str], Fault], ...] = tuple(
    (re.compile(rf"pg_restore: (?:error|fatal|warning): (?:{words})"), fault)
    for words, fault in (
        (r"unsupported version \([\d.]+\) in file header", Fault.OTHER_MAJOR),
        (r"archive is compressed, but|this build does not support compression", Fault.OTHER_FORMAT),
        (r"could not open (?:input file|large object TOC file|TOC file) .*: No such file", Fault.INCOMPLETE),
        (r"could not read from input file: end of file|unexpected end of file", Fault.TRUNCATED),
        (r"input file is too short|could not read from input file: (?:.*: )?unexpected end", Fault.TRUNCATED),
        (r"could not (?:uncompress|decompress|find block ID)|unrecognized data block type", Fault.CORRUPT),
        (r"could not read from input file: |invalid line in large object TOC file", Fault.CORRUPT),
        (r"found unexpected block ID|did not find magic string|sanity check on integer size", Fault.CORRUPT),
        (r"entry ID \S+ out of range|unrecognized encoding|invalid (?:ENCODING|STDSTRINGS) item", Fault.CORRUPT),
        (r"unrecognized file format|input file does not appear to be a valid archive", Fault.NOT_AN_ARCHIVE),
        (r"input file appears to be a text format dump", Fault.OTHER_FORMAT),
    )
)
_PSQL = r"psql:<stdin>:\d+: "
_KINDS: tuple[tuple[re.Pattern[str], LineKind], ...] = tuple(
    (re.compile(words), kind)
    for words, kind in (
        (r"pg_restore: warning: errors ignored on restore: \d+", LineKind.HARMLESS),  # only their sum
        (r"(?:pg_restore: (?:\w+: )?|psql:<stdin>:\d+: )(?:NOTICE|INFO|WARNING):  .*", LineKind.HARMLESS),  # no loss
        (r"pg_restore: error: could not execute query: .*", LineKind.SERVER),
        (r'pg_restore: error: COPY failed for table ".+": .*', LineKind.SERVER),
        (r"pg_restore: error: a worker process died unexpectedly", LineKind.CONTINUED),  # the worker says why
        # psql is restricted already when it comes to the fifth line of a dump, which asks for that, and to its end.
        (r"psql:<stdin>:5: error: backslash commands are restricted; .*", LineKind.HARMLESS),
        (rf"{_PSQL}error: \\unrestrict: wrong key", LineKind.HARMLESS),
        (rf"{_PSQL}(?:ERROR|FATAL):  [0-9A-Z]{{5}}", LineKind.SERVER),
        (rf"{_PSQL}error: .*", LineKind.CONTINUED),  # the rows of a COPY that was refused, read as commands
        (r"(?!pg_restore: |psql:).*", LineKind.CONTINUED),  # DETAIL, CONTEXT, the statement's own text
    )
)
_LOGGED = re.compile(r"([0-9A-Z]{5})\|(ERROR|FATAL|PANIC|STATEMENT): +(.*)")
_VERBS = "ALTER|COMMENT|COPY|CREATE|DROP|INSERT|LOAD|REFRESH|SECURITY|SELECT|SET"
_ON = rf"(?:(?: (?:BEFORE|AFTER|INSTEAD OF) .*?)? ON (?:ONLY )?({QUALIFIED}))?"
# Keywords, the first name, and the name of the table that it is on.
_STATEMENTS = tuple(
    map(
        re.compile,
        (
            rf"(GRANT|REVOKE) .*? ON (?:[A-Z]+ )*({QUALIFIED})()",
            rf"((?:{_VERBS}) EVENT TRIGGER|COMMENT ON EVENT TRIGGER) ({IDENTIFIER})()",
            rf"((?:{_VERBS})(?: [A-Z]+\b)*+)(?: ({QUALIFIED}){_ON})?",
        ),
    )
)
_CONSTRAINT = re.compile(rf"\t\s*ADD CONSTRAINT ({IDENTIFIER})")
_SYNTAX = "42601"  # perhaps no statement at all, but a row: psql reads those of a COPY that was refused
# The server's view of a pg_restore that gave up: a COPY cut short, a client gone. Its own lines say why.
_GIVEN_UP = frozenset({"57014", "08003", "08006", "08P01"})


@dataclass(slots=True)
class _Logged:
    """An error in the log, as its lines are read."""

    sqlstate: str
    message: str
    statement: str = ""  # its first line
    constraint: str = ""

    def told(self) -> ServerError:
        matches = (pattern.match(self.statement) for pattern in _STATEMENTS if self.sqlstate != _SYNTAX)
        named = next((match for match in matches if match), None)
        names = (named[3], named[2], self.constraint) if named else ()
        return ServerError(
            sqlstate=self.sqlstate,
            statement=named[1] if named else "",
            subject=" ".join(canonical(name) for name in names if name),
            count=1,
            meaning=meaning_of(self.sqlstate, self.statement, self.message),
        )


def archive_fault(stderr: Iterable[str]) -> Fault | None:
    """Return what pg_restore's words say is wrong with the archive (the most telling fault), None if nothing."""
    found = {rank for line in stderr for rank, (pattern, _) in enumerate(_FAULTS) if pattern.match(line)}
    return _FAULTS[min(found)][1] if found else None


def count_lines(stderr: Iterable[str]) -> tuple[Lines, ...]:
    """Count lines by kind; one that continues nothing or is new to us is UNKNOWN, so never harmless."""
    counts: Counter[LineKind] = Counter()
    explained = False
    for line in stderr:
        kind = _kind(line)
        if kind is LineKind.CONTINUED and not explained:
            kind = LineKind.UNKNOWN
        explained = explained or kind in {LineKind.SERVER, LineKind.ARCHIVE}
        counts[kind] += 1
    return tuple(Lines(kind=kind, count=counts[kind]) for kind in LineKind if counts[kind])


def server_errors(log: Iterable[str]) -> tuple[ServerError, ...]:
    """Count a log's errors (log_line_prefix '%e|') by SQLSTATE and the object that the refused statement names.

    Of a statement only the leading keywords, the first name after them, the table it is on and the constraint it adds
    are kept: values stand in none of these places. An object of a table is named behind it ("public.t t_pkey").
    """
    counts = Counter(error.told() for error in _logged(log))
    return tuple(replace(error, count=count) for error, count in counts.items() if error.sqlstate not in _GIVEN_UP)


def _logged(log: Iterable[str]) -> Iterator[_Logged]:
    error: _Logged | None = None
    for line in log:
        if logged := _LOGGED.match(line):
            sqlstate, level, text = logged.groups()
            if level == "STATEMENT" and error:
                error.statement = text
            elif level != "STATEMENT":
                if error:
                    yield error
                error = _Logged(sqlstate=sqlstate, message=text)
        elif error and error.statement and not error.constraint and (constraint := _CONSTRAINT.match(line)):
            error.constraint = constraint[1]
    if error:
        yield error


def _kind(line: str) -> LineKind:
    if any(pattern.match(line) for pattern, _ in _FAULTS):
        return LineKind.ARCHIVE
    return next((kind for pattern, kind in _KINDS if pattern.fullmatch(line)), LineKind.UNKNOWN)

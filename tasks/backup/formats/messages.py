"""What pg_restore says on stderr, and what the server's log says behind it."""

import re
from collections import Counter
from collections.abc import Iterable

from tasks.backup.formats.names import IDENTIFIER, QUALIFIED, canonical
from tasks.backup.model.facts import Fault, LineKind, Lines, ServerError

# The most telling first. Words of pg_restore 14 to 18 under LC_ALL=C (pg_backup_archiver.c, pg_backup_custom.c,
# compress_*.c).
_FAULTS: tuple[tuple[re.Pattern[str], Fault], ...] = tuple(
    (re.compile(rf"pg_restore: (?:error|fatal|warning): (?:{words})"), fault)
    for words, fault in (
        (r"unsupported version \([\d.]+\) in file header", Fault.NEWER_VERSION),
        (r"archive is compressed, but|this build does not support compression", Fault.NEWER_VERSION),
        (r"could not read from input file: end of file|unexpected end of file", Fault.TRUNCATED),
        (r"input file is too short", Fault.TRUNCATED),
        (r"could not (?:uncompress|decompress|find block ID)|unrecognized data block type", Fault.CORRUPT),
        (r"found unexpected block ID|did not find magic string|sanity check on integer size", Fault.CORRUPT),
        (r"entry ID \S+ out of range|unrecognized encoding|invalid (?:ENCODING|STDSTRINGS) item", Fault.CORRUPT),
        (r"input file does not appear to be a valid archive", Fault.NOT_AN_ARCHIVE),
        (r"input file appears to be a text format dump", Fault.OTHER_FORMAT),
    )
)
_KINDS: tuple[tuple[re.Pattern[str], LineKind], ...] = (
    (re.compile(r"pg_restore: warning: errors ignored on restore: \d+"), LineKind.HARMLESS),  # only their sum
    (re.compile(r"pg_restore: error: could not execute query: .*"), LineKind.SERVER),
    (re.compile(r'pg_restore: error: COPY failed for table ".+": .*'), LineKind.SERVER),
    (re.compile(r"pg_restore: error: a worker process died unexpectedly"), LineKind.CONTINUED),  # the worker says why
    (re.compile(r"(?!pg_restore: ).*"), LineKind.CONTINUED),  # DETAIL, CONTEXT, the statement's own text
)
_LOGGED = re.compile(r"([0-9A-Z]{5})\|(ERROR|FATAL|PANIC|STATEMENT): +(.*)")
_STATEMENT = re.compile(rf"((?:[A-Z]+ )+)({QUALIFIED})(?: ON (?:ONLY )?({QUALIFIED}))?")
_CONSTRAINT = re.compile(rf"\t\s*ADD CONSTRAINT ({IDENTIFIER})")
# The server's view of a pg_restore that gave up: a COPY cut short, a client gone. Its own lines say why.
_GIVEN_UP = frozenset({"57014", "08003", "08006", "08P01"})


def archive_fault(stderr: Iterable[str]) -> Fault | None:
    """Return what pg_restore's words say is wrong with the archive (the most telling fault), None if nothing."""
    lines = tuple(stderr)
    return next((fault for pattern, fault in _FAULTS if any(map(pattern.match, lines))), None)


def count_lines(stderr: Iterable[str]) -> tuple[Lines, ...]:
    """Count pg_restore's lines by kind; a line that continues nothing or is new to us is UNKNOWN, so never harmless."""
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
    found: list[tuple[str, str, str]] = []
    for line in log:
        if logged := _LOGGED.match(line):
            sqlstate, level, text = logged.groups()
            if level != "STATEMENT":
                found.append((sqlstate, "", ""))
            elif found and (statement := _STATEMENT.match(text)):
                names = (canonical(name) for name in (statement[3], statement[2]) if name)
                found[-1] = (found[-1][0], statement[1].strip(), " ".join(names))
        elif found and (constraint := _CONSTRAINT.match(line)):
            sqlstate, verb, subject = found[-1]
            found[-1] = (sqlstate, verb, f"{subject} {canonical(constraint[1])}")
    return tuple(
        ServerError(sqlstate=sqlstate, statement=statement, subject=subject, count=count)
        for (sqlstate, statement, subject), count in Counter(found).items()
        if sqlstate not in _GIVEN_UP
    )


def _kind(line: str) -> LineKind:
    if any(pattern.match(line) for pattern, _ in _FAULTS):
        return LineKind.ARCHIVE
    return next((kind for pattern, kind in _KINDS if pattern.fullmatch(line)), LineKind.UNKNOWN)

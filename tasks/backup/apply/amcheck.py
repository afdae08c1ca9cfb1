"""Looks through every page of the restored database: heaps by themselves, B-trees against their heaps.

The server's own extension does it, so the superuser puts that in and takes it out again. Who asks is the reader: a
function that an index calls belongs to the backup, and must not be run by anybody who may do anything. (amcheck itself
runs it as the table's owner, since 14.3.)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from tasks.adapters import postgres
from tasks.adapters.postgres import Asked
from tasks.adapters.postgres_server import Cluster
from tasks.backup.collect.soundness import ask_all, judged
from tasks.backup.model.drill import Unchecked, Violation
from tasks.backup.model.throwaway import READER, RESTORED

HEAP, INDEX = "backup.heap_corrupt", "backup.index_corrupt"
AMCHECK = "amcheck"
NO_AMCHECK = "backup.why.no_amcheck"
CORRUPTED = frozenset({"XX001", "XX002"})  # data_corrupted, index_corrupted: one error for all that is wrong

_AVAILABLE = "SELECT name FROM pg_available_extensions WHERE name = 'amcheck'"
_BROUGHT = "SELECT extname FROM pg_extension WHERE extname = 'amcheck'"
_FUNCTIONS = """
    SELECT d.objid::regprocedure::text FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
     WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
       AND e.extname = 'amcheck'
     ORDER BY 1"""
# What is asked of each relation, the large ones first, as pg_amcheck chooses them. What is wrong in a TOAST table is
# told of the table whose values it holds.
_HEAPS = """
    SELECT coalesce((SELECT oid FROM pg_class WHERE reltoastrelid = c.oid), c.oid)::regclass::text,
           format('SELECT count(*) FROM %s.verify_heapam(%s::regclass, check_toast => true)',
                  e.extnamespace::regnamespace, c.oid)
      FROM pg_class c JOIN pg_extension e ON e.extname = 'amcheck'
     WHERE c.relkind IN ('r', 'm', 't') AND c.relam = (SELECT oid FROM pg_am WHERE amname = 'heap')
       AND c.relpersistence <> 't' AND c.oid >= 16384
     ORDER BY c.relpages DESC, 1"""
_BTREES = """
    SELECT c.oid::regclass::text,
           format('SELECT 0 FROM %s.bt_index_check(%s::regclass, true)', e.extnamespace::regnamespace, c.oid)
      FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_extension e ON e.extname = 'amcheck'
     WHERE c.relkind = 'i' AND c.relam = (SELECT oid FROM pg_am WHERE amname = 'btree')
       AND i.indisready AND i.indisvalid AND c.relpersistence <> 't' AND c.oid >= 16384
     ORDER BY c.relpages DESC, 1"""


def amchecked(cluster: Cluster, limit: timedelta) -> tuple[tuple[Violation, ...], tuple[Unchecked, ...]]:
    """Return the tables and indexes with damaged pages, and those that could not be looked at."""
    with postgres.connect(cluster.conninfo(RESTORED), limit=limit, read_only=False) as root:
        if not root.names(_AVAILABLE, AMCHECK):
            return (), tuple(Unchecked(check=check, why=NO_AMCHECK) for check in (HEAP, INDEX))
        with _lent(root):
            source = cluster.conninfo(RESTORED, user=READER)
            heaps, btrees = root.named(_HEAPS, AMCHECK), root.named(_BTREES, AMCHECK)
            # B-trees first: they take longest, and no session is to be left alone with one in the end
            answers = ask_all(source, (*btrees, *heaps), limit)
    kinds = (*(INDEX for _ in btrees), *(HEAP for _ in heaps))
    return judged(zip(kinds, map(_counted, answers), strict=True))


@contextmanager
def _lent(root: postgres.Database) -> Iterator[None]:
    """Let the reader use amcheck for the block; an extension that the backup did not bring is gone after it."""
    brought = bool(root.names(_BROUGHT, AMCHECK))
    if not brought:
        root.execute("CREATE EXTENSION amcheck SCHEMA pg_catalog", AMCHECK)
    try:
        for function in root.names(_FUNCTIONS, AMCHECK):
            root.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {READER}", AMCHECK)
        yield
    finally:
        if not brought:
            root.execute("DROP EXTENSION amcheck", AMCHECK)


def _counted(asked: Asked) -> Asked:
    return Asked(subject=asked.subject, number=1) if asked.sqlstate in CORRUPTED else asked

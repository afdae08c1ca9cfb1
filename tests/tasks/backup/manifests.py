"""A manifest as a value, for what reads and writes it."""

from datetime import UTC, datetime

from tasks.backup.model.contents import Contents, Entry, LargeObjects, Position, TableData
from tasks.backup.model.manifest import Extension, Manifest, Newest, Origin, Role

KEY = "postgres/assist_marias-20261006-090000.dump"
MANIFEST = Manifest(
    key=KEY,
    size_bytes=9000,
    sha256="ab" * 32,
    origin=Origin(
        database="assist_marias",
        taken_at=datetime(2026, 10, 6, 9, 0, 0, 250_000, tzinfo=UTC),
        server="15.18",
        pg_dump="15.18",
        system_identifier="7711845497237887565",
        lsn="0/1D28ED8",
        collation_version="2.36",
    ),
    contents=Contents(
        entries=(
            Entry(kind="FUNCTION", schema="public", name="marca()", owner="app", digest="01" * 32),
            Entry(kind="TABLE", schema="Área", name='Nome "x" y', owner="app", digest="02" * 32),
        ),
        tables=(TableData(table='"Área"."Nome ""x"" y"', rows=2, digest="03" * 32),),
        positions=(Position(sequence="public.id_seq", last_value=7, is_called=True),),
        large_objects=LargeObjects(count=1, digest="04" * 32),
        encoding="UTF8",
        complete=True,
        roles=("app",),
    ),
    newest=(Newest(column="public.a.em", at=datetime(2026, 10, 6, tzinfo=UTC)), Newest(column="public.b.em", at=None)),
    extensions=(Extension(name="plpgsql", version="1.0"),),
    roles=(Role(name="app", login=True, member_of=("a", "b")),),
    omitted=("public.torto",),
)
TEXT = """\
{
 "contents": {
  "complete": true,
  "encoding": "UTF8",
  "entries": [
   {"digest": "%(1)s", "kind": "FUNCTION", "name": "marca()", "owner": "app", "schema": "public"},
   {"digest": "%(2)s", "kind": "TABLE", "name": "Nome \\"x\\" y", "owner": "app", "schema": "Área"}
  ],
  "inserts": 0,
  "invalid_text": [],
  "large_objects": {"count": 1, "digest": "%(4)s"},
  "positions": [
   {"is_called": true, "last_value": 7, "sequence": "public.id_seq"}
  ],
  "roles": ["app"],
  "tables": [
   {"digest": "%(3)s", "rows": 2, "table": "\\"Área\\".\\"Nome \\"\\"x\\"\\" y\\""}
  ]
 },
 "extensions": [
  {"name": "plpgsql", "version": "1.0"}
 ],
 "key": "postgres/assist_marias-20261006-090000.dump",
 "newest": [
  {"at": "2026-10-06T00:00:00Z", "column": "public.a.em"},
  {"at": null, "column": "public.b.em"}
 ],
 "omitted": ["public.torto"],
 "origin": {"collation_version": "2.36", "database": "assist_marias", "lsn": "0/1D28ED8", "pg_dump": "15.18", \
"server": "15.18", "system_identifier": "7711845497237887565", "taken_at": "2026-10-06T09:00:00.250000Z"},
 "roles": [
  {"bypass_rls": false, "login": true, "member_of": ["a", "b"], "name": "app", "superuser": false}
 ],
 "schema": "marias-ops/backup-manifest/1",
 "sha256": "%(sum)s",
 "size_bytes": 9000
}
""" % {"1": "01" * 32, "2": "02" * 32, "3": "03" * 32, "4": "04" * 32, "sum": "ab" * 32}  # noqa: UP031 - full of braces

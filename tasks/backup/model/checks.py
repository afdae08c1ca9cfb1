"""What must hold inside a restored database, as SQL: one line of this table for one kind of rot. Pure data.

The queries are run with search_path = pg_catalog, so that regclass writes every other name with its schema.
"""

from dataclasses import dataclass

from tasks.core.findings import Severity

DANGLING = "backup.large_object_dangling"  # its subjects are columns, and the settings may except some


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One kind of rot, and how to see it.

    `name` is the rule of its finding. `find` is a SELECT of (subject text, count bigint) that yields what is wrong.
    Where `each` is true it yields (subject text, query text) instead: every such query is run, returns one bigint, and
    is wrong when that is not 0. `since` is the first major version that it can be asked of.
    """

    name: str
    severity: Severity
    find: str
    each: bool = False
    since: int = 0


_MATVIEWS = """
    SELECT oid::regclass::text, 1 FROM pg_class WHERE relkind = 'm' AND NOT relispopulated ORDER BY 1"""

_UNLOGGED = """
    SELECT oid::regclass::text, 1 FROM pg_class WHERE relkind = 'r' AND relpersistence = 'u' ORDER BY 1"""

# pg_dump leaves invalid indexes out, but for those of partitioned tables (invalid until each partition has its own).
_INDEXES = """
    SELECT indexrelid::regclass::text, 1 FROM pg_index
     WHERE NOT (indisvalid AND indisready AND indislive) ORDER BY 1"""

_COLLATIONS = """
    SELECT format('%I.%I', n.nspname, c.collname), 1
      FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
     WHERE c.collversion <> pg_collation_actual_version(c.oid)
       AND (c.oid >= 16384 OR EXISTS (SELECT FROM pg_index WHERE indexrelid >= 16384 AND c.oid = ANY (indcollation)))
     ORDER BY 1"""

_DATABASE_COLLATION = """
    SELECT datname::text, 1 FROM pg_database
     WHERE datname = current_database() AND datcollversion <> pg_database_collation_actual_version(oid)"""

# A sequence feeds a column as its own (serial: deptype a, identity: i) or by the column's default, whoever owns it.
# What inherits the column is looked through with it. Counted are the numbers from the sequence's next to the furthest.
_SEQUENCES = """
    WITH feeding (sequence, relation, attribute) AS (
        SELECT objid, refobjid, refobjsubid FROM pg_depend
         WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass
           AND deptype IN ('a', 'i') AND refobjsubid > 0
        UNION
        SELECT d.refobjid, a.adrelid, a.adnum FROM pg_depend d JOIN pg_attrdef a ON a.oid = d.objid
         WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass)
    SELECT s.seqrelid::regclass::text, format(
               'SELECT least(greatest(0, 1 + %s * ((SELECT %s(%I)::numeric FROM %s) - (SELECT last_value::numeric'
               || ' + CASE WHEN is_called THEN %s ELSE 0 END FROM %s))), 9223372036854775807)',
               sign(s.seqincrement), CASE WHEN s.seqincrement > 0 THEN 'max' ELSE 'min' END, a.attname,
               f.relation::regclass, s.seqincrement, s.seqrelid::regclass)
      FROM feeding f JOIN pg_sequence s ON s.seqrelid = f.sequence
      JOIN pg_class r ON r.oid = f.relation AND r.relkind IN ('r', 'p')
      JOIN pg_attribute a ON a.attrelid = f.relation AND a.attnum = f.attribute
      JOIN pg_type t ON t.oid = a.atttypid
     WHERE NOT EXISTS (SELECT FROM pg_inherits i JOIN feeding p ON p.relation = i.inhparent
                        WHERE i.inhrelid = f.relation AND p.sequence = f.sequence)
       AND NOT s.seqcycle AND coalesce(nullif(t.typbasetype, 0), t.oid)
           IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype)
     ORDER BY 1"""

# As the server itself validates one (RI_Initial_Check): with the constraint's own operators; a NULL in any column means
# no reference, under MATCH FULL only one in every column does. Parts of a partitioned table's constraint go with it, as
# do those that were never validated; those on periods or not enforced (18) have other rules.
_FOREIGN_KEYS = """
    SELECT format('%s %I', c.conrelid::regclass, c.conname), format(
               'SELECT count(*) FROM %s%s f WHERE (%s) AND NOT EXISTS (SELECT FROM %s%s p WHERE %s)',
               CASE fr.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END, c.conrelid::regclass,
               CASE c.confmatchtype WHEN 'f' THEN k.any_given ELSE k.all_given END,
               CASE pr.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END, c.confrelid::regclass, k.equal)
      FROM pg_constraint c
      JOIN pg_class fr ON fr.oid = c.conrelid
      JOIN pg_class pr ON pr.oid = c.confrelid
      CROSS JOIN LATERAL (
          SELECT string_agg(format('f.%I IS NOT NULL', fa.attname), ' OR ') AS any_given,
                 string_agg(format('f.%I IS NOT NULL', fa.attname), ' AND ') AS all_given,
                 string_agg(format('p.%I OPERATOR(%I.%s) f.%I', pa.attname, n.nspname, o.oprname, fa.attname), ' AND ')
                     AS equal
            FROM unnest(c.conkey, c.confkey, c.conpfeqop) AS of (f, p, operator)
            JOIN pg_attribute fa ON fa.attrelid = c.conrelid AND fa.attnum = of.f
            JOIN pg_attribute pa ON pa.attrelid = c.confrelid AND pa.attnum = of.p
            JOIN pg_operator o ON o.oid = of.operator
            JOIN pg_namespace n ON n.oid = o.oprnamespace) k
     WHERE c.contype = 'f' AND c.convalidated AND c.conparentid = 0
       AND coalesce((to_jsonb(c)->>'conenforced')::bool, true)
       AND NOT coalesce((to_jsonb(c)->>'conperiod')::bool, false)
     ORDER BY 1"""

# What refers to large objects: every column of type lo (the extension's). One of type oid (or a domain of it) when one
# of its values names a large object; or, where the database holds none at all, when its name does not say that it names
# something of the catalogue and its values are none of the server's own (16384 is FirstNormalObjectId).
_LARGE_OBJECTS = """
    SELECT format('%s.%I', r.oid::regclass, a.attname), format(
               'SELECT count(*) FROM ONLY %1$s t WHERE t.%2$I <> 0'
               || ' AND NOT EXISTS (SELECT FROM pg_largeobject_metadata m WHERE m.oid = t.%2$I)'
               || ' AND (%3$L OR (%4$L AND t.%2$I >= 16384 AND NOT EXISTS (SELECT FROM pg_largeobject_metadata))'
               || ' OR EXISTS (SELECT FROM ONLY %1$s o JOIN pg_largeobject_metadata m ON m.oid = o.%2$I))',
               r.oid::regclass, a.attname, t.typname = 'lo',
               a.attname !~* '(^|_|rel|class|obj|typ|type|proc|role|user|db|schema|namespace|table|space|index)o?id$')
      FROM pg_attribute a
      JOIN pg_class r ON r.oid = a.attrelid
      JOIN pg_type t ON t.oid = a.atttypid
     WHERE r.relkind = 'r' AND r.oid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped
       AND coalesce(nullif(t.typbasetype, 0), t.oid) = 'oid'::regtype
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.deptype = 'e')
     ORDER BY 1"""

CHECKS: tuple[Check, ...] = (
    Check(name="backup.matview_unpopulated", severity=Severity.HIGH, find=_MATVIEWS),
    Check(name="backup.table_unlogged", severity=Severity.LOW, find=_UNLOGGED),
    Check(name="backup.index_invalid", severity=Severity.MEDIUM, find=_INDEXES),
    Check(name="backup.collation_version", severity=Severity.MEDIUM, find=_COLLATIONS),
    Check(name="backup.collation_version", severity=Severity.MEDIUM, find=_DATABASE_COLLATION, since=15),
    Check(name="backup.sequence_behind", severity=Severity.HIGH, find=_SEQUENCES, each=True),
    Check(name="backup.foreign_key_broken", severity=Severity.CRITICAL, find=_FOREIGN_KEYS, each=True),
    Check(name=DANGLING, severity=Severity.HIGH, find=_LARGE_OBJECTS, each=True),
)

PARTITIONED = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'p' ORDER BY 1"

"""From the text of a statement in any dialect that ``sqlglot`` reads to its lineage."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from scanner.lineage import analysis as common
from scanner.lineage.generic import exits
from scanner.lineage.generic.names import Names, logged_relation
from scanner.lineage.mysql import rewrite
from scanner.lineage.mysql.names import Translated, distinct, star
from scanner.lineage.techniques import Technique
from scanner.model import CUT_MARK, Destination, Flow, Kind, Lineage, Output, Schema, TableRef

DIALECTS = {"oracle": "oracle", "mssql": "tsql", "bigquery": "bigquery", "snowflake": "snowflake"}
"""Engine to sqlglot's name for its SQL."""

CARRIES_SQL = re.compile(
    r"(?i)\b(?:openquery|openrowset|opendatasource|sp_executesql|exec|execute|immediate|dbms_xmlgen|dbms_sql|dbms_xmlquery|xmltype|"
    r"dburitype|external_query|external_table|xp_cmdshell|utl_file|utl_http|utl_smtp|query_to_xml)\b"
)
"""Words of statements whose strings may be statements, or carry data out."""

_KEEPS_ROWS = re.compile(r"(?i)\bfor\s+(?:json|xml)\b")
_SYSTEM = re.compile(r"(?i)\A(?:information_schema|sys|pg_catalog)\Z")
_AUDIT = re.compile(r"(?i)\A\s*(?:no)?audit\b|\b(?:server|database)\s+audit\b|\bdrop\s+audit\s+policy\b")
_WORD = re.compile(r"[^\W\d][\w$#]*")
_MAX_LENGTH = 200_000
"""Longer texts are not parsed: the parser is recursive and slow. What they name counts as read."""


def analyze(
    statement: str | None,
    schema: Schema,
    *,
    logged: Sequence[str] = (),
    search_path: Sequence[str] = (),
    dialect: str,
) -> Lineage:
    """What one statement reads, returns and writes. Never raises, whatever the text."""
    database = next((name for name in search_path if name), schema.default_schema)
    names = Names(schema, tuple(logged_relation(name) for name in logged if name), database)
    text = (statement or "").strip()
    if not text:
        return Lineage(Kind.UNPARSED, tables=names.read, outputs=star(names.read), unknown=True)
    try:
        trees = _parsed(text, DIALECTS[dialect])
        made = _unknown(text, names) if trees is None else common.union([_one(tree, text, names) for tree in trees])
    except (RecursionError, MemoryError):
        made = _unknown(text, names)
    made = exits.dressed(made, text, dialect)
    if CARRIES_SQL.search(text) and made.kind is not Kind.UNPARSED:
        made = replace(_more(made, _mentioned(text, names)), unknown=True, literal_sensitive=True)
    if _AUDIT.search(text):
        made = replace(made, techniques=(str(Technique.AUDIT_TAMPERING), *made.techniques))
    return _more(made, tuple(ref for ref in names.read if ref not in {*made.tables, made.written}))


def _parsed(text: str, dialect: str) -> list[exp.Expr] | None:
    if len(text) > _MAX_LENGTH or text.endswith(CUT_MARK.strip()):
        return None
    try:
        trees = sqlglot.parse(text, dialect=dialect, error_level=ErrorLevel.RAISE)
    except (SqlglotError, ValueError, IndexError, KeyError, AttributeError, TypeError):
        return None
    found = [tree for tree in trees if tree is not None]
    return found or None


def _unknown(text: str, names: Names) -> Lineage:
    refs = distinct(names.read, _mentioned(text, names))
    words = (str(Technique.AUDIT_TAMPERING),) if _AUDIT.search(text) else ()
    return Lineage(Kind.UNPARSED, tables=refs, outputs=star(refs), unknown=True, literal_sensitive=True, techniques=words)


def _mentioned(text: str, names: Names) -> tuple[TableRef, ...]:
    return names.mentioned(set(_WORD.findall(text)))


def _more(made: Lineage, extra: tuple[TableRef, ...]) -> Lineage:
    """Tables that the log names although the text does not are read through something that is not known: all of them leaves."""
    extra = tuple(ref for ref in extra if ref not in made.tables)
    if not extra or made.kind in (Kind.UNPARSED, Kind.EXPLAIN):
        return made
    tables = distinct(made.tables, extra)
    if made.destination not in (Destination.TABLE, Destination.NOWHERE) or made.kind in (Kind.CALL, Kind.UTILITY):
        return replace(
            made,
            tables=tables,
            outputs=(*made.outputs, *star(extra)),
            destination=Destination.CLIENT if made.destination is Destination.NOWHERE else made.destination,
            one_row=False,
            limit=None,
            predicates=(),
            unknown=True,
        )
    return replace(made, tables=tables)


def _one(tree: exp.Expr, text: str, names: Names) -> Lineage:
    if isinstance(tree, exp.Query):
        into = tree.args.get("into")
        if into is not None:
            return _copy(tree, _target(into, names), text, names)
        return _query(tree, text, names)
    if isinstance(tree, exp.Create):
        body = tree.expression
        if isinstance(body, exp.Query) and str(tree.kind).upper() in ("TABLE", "VIEW"):
            made = _copy(body, _target(tree, names), text, names)
            return replace(made, kind=Kind.CREATE_VIEW) if str(tree.kind).upper() == "VIEW" else made
        return Lineage(Kind.DDL, destination=Destination.NOWHERE)
    if isinstance(tree, exp.Insert):
        body = tree.expression
        if isinstance(body, exp.Query) and not isinstance(body, exp.Values):
            return replace(_copy(body, _target(tree, names), text, names), kind=Kind.INSERT)
        return Lineage(Kind.INSERT, destination=Destination.NOWHERE, written=_target(tree, names))
    if isinstance(tree, (exp.Update, exp.Delete, exp.Merge)):
        return _change(tree, names)
    return _rest(tree, text, names)


def _rest(tree: exp.Expr, text: str, names: Names) -> Lineage:
    """What is neither a query nor changes rows."""
    first = (_WORD.search(text) or [""])[0].upper()
    if type(tree).__name__ == "Export":
        body = tree.find(exp.Query)
        made = _query(body, text, names) if body is not None else _unknown(text, names)
        return replace(made, destination=Destination.SERVER_FILE, techniques=(*made.techniques, str(Technique.SERVER_FILE)))
    if isinstance(tree, exp.Copy):
        return _unloaded(tree, text, names)
    if isinstance(tree, (exp.Transaction, exp.Commit, exp.Rollback)):
        return Lineage(Kind.TRANSACTION, destination=Destination.NOWHERE)
    if isinstance(tree, exp.Set):
        return Lineage(Kind.SET, destination=Destination.NOWHERE)
    if first in ("GRANT", "REVOKE"):
        words = (str(Technique.PRIVILEGE_GRANT),) if first == "GRANT" else ()
        return Lineage(Kind.ROLE, destination=Destination.NOWHERE, techniques=words)
    if isinstance(tree, (exp.Drop, exp.Alter, exp.TruncateTable)):
        return Lineage(Kind.DDL, destination=Destination.NOWHERE)
    if isinstance(tree, (exp.Use, exp.Describe)) and tree.find(exp.Query) is None:
        return Lineage(Kind.UTILITY, destination=Destination.NOWHERE)
    return _unknown(text, names)


def _unloaded(tree: exp.Copy, text: str, names: Names) -> Lineage:
    """Snowflake's COPY INTO: a table from files, or files in a stage or a bucket from a table or a query."""
    if isinstance(tree.this.find(exp.Identifier), exp.Identifier):
        return Lineage(Kind.COPY_IN, destination=Destination.NOWHERE, written=_target(tree, names))
    body = next((query for part in tree.args.get("files") or () for query in part.find_all(exp.Query)), None)
    if body is not None:
        return replace(_query(body, text, names), kind=Kind.COPY_OUT, destination=Destination.SERVER_FILE)
    refs = _tables(tree, names)
    return Lineage(Kind.COPY_OUT, tables=refs, outputs=star(refs), destination=Destination.SERVER_FILE)


def _tables(tree: exp.Expr, names: Names) -> tuple[TableRef, ...]:
    """Base relations of a tree, spelled as in the catalogue; not those that the statement itself makes."""
    own = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    found = (t for t in tree.find_all(exp.Table) if isinstance(t.this, exp.Identifier))
    refs = (names.relation(t.db, t.name) for t in found if t.db or t.name.lower() not in (*own, "dual"))
    return tuple(dict.fromkeys(ref for ref in refs if not _SYSTEM.match(ref.schema)))


def _target(tree: exp.Expr, names: Names) -> TableRef | None:
    table = tree.this.find(exp.Table) if isinstance(tree.this, exp.Expr) else None
    return names.relation(table.db, table.name) if table is not None else None


def _query(tree: exp.Expr, text: str, names: Names) -> Lineage:
    """A query, column by column where PostgreSQL's words can say it, else with all columns of its tables."""
    refs = _tables(tree, names)
    made = _precise(tree, refs, names)
    if made is None:
        made = Lineage(Kind.SELECT, tables=refs, outputs=star(refs), filtered=tree.find(exp.Where) is not None, unknown=True)
    if _KEEPS_ROWS.search(text):  # one value holds all rows
        kept = tuple(replace(o, flow=Flow.KEPT) for o in made.outputs if o.flow is not Flow.AGGREGATED)
        made = replace(made, outputs=kept, keeps_values=True, techniques=(*made.techniques, str(Technique.ROW_TO_JSON)))
    return made


def _precise(tree: exp.Expr, refs: Sequence[TableRef], names: Names) -> Lineage | None:
    def view(definition: str, database: str) -> str | None:  # noqa: ARG001 - a view's text is in the engine's words
        return None

    if any(_hides_columns(found) for found in tree.find_all(exp.Star)):
        return None
    views = {ref for ref, table in names.schema.tables.items() if table.kind == "view"}
    if views & set(refs):
        return None
    schema = replace(
        names.schema,
        tables=Translated(names.schema.tables, view),
        functions={},
        default_schema=names.database or names.schema.default_schema,
    )
    for plain in (False, True):
        said = rewrite.query(tree, names, plain=plain)
        if said is None:
            continue
        made = common.analyze(said, schema, search_path=(names.database,) if names.database else ())
        if made.kind is Kind.SELECT and set(refs) <= set(made.tables):
            return made
    return None


def _hides_columns(found: exp.Expr) -> bool:
    """A star that is neither in a select list nor counted: an argument that stands for every column."""
    parent = found.parent.parent if isinstance(found.parent, exp.Column) else found.parent
    return not isinstance(parent, (exp.Select, exp.Count))


def _copy(body: exp.Expr, target: TableRef | None, text: str, names: Names) -> Lineage:
    """Rows of a query into a table."""
    inner = body.copy()
    if inner.args.get("into") is not None:
        inner.set("into", None)
    made = _query(inner, text, names)
    return replace(
        made,
        kind=Kind.CREATE_AS,
        tables=tuple(ref for ref in made.tables if ref != target),
        outputs=(),
        destination=Destination.TABLE,
        written=target,
        written_columns=tuple(o for o in made.outputs if o.flow is not Flow.AGGREGATED),
        techniques=made.techniques,
    )


def _change(tree: exp.Expr, names: Names) -> Lineage:
    """UPDATE, DELETE, MERGE: rows leave only with OUTPUT or RETURNING."""
    kind = Kind.UPDATE if isinstance(tree, exp.Update) else Kind.DELETE if isinstance(tree, exp.Delete) else Kind.MERGE
    refs = _tables(tree, names)
    written = _target(tree, names)
    outputs: tuple[Output, ...] = ()
    words: tuple[str, ...] = ()
    if tree.args.get("returning") is not None or tree.find(exp.Returning) is not None:
        outputs, words = star(refs), (str(Technique.RETURNING),)
    return Lineage(
        kind,
        tables=refs if outputs else tuple(ref for ref in refs if ref != written),
        outputs=outputs,
        destination=Destination.CLIENT if outputs else Destination.NOWHERE,
        written=written,
        filtered=tree.find(exp.Where) is not None,
        techniques=words,
    )


__all__ = ["CARRIES_SQL", "DIALECTS", "analyze"]

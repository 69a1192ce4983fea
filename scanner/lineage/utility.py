"""Every statement that is not a plain query, and the draft of a lineage that each kind makes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from postgast import pg_query_pb2 as pb

from scanner.lineage import query, relations, routines, settings, writes
from scanner.lineage.scope import Field, Gathered, Origin, Relation, Rows, Scan, Scope
from scanner.lineage.techniques import Technique
from scanner.lineage.tree import Node, Statement, child, strings, unwrap
from scanner.model import Destination, Flow, Kind, Output, TableRef

_FETCH_ALL = 2**63 - 1
_RELATIONS = frozenset({pb.OBJECT_TABLE, pb.OBJECT_VIEW, pb.OBJECT_MATVIEW, pb.OBJECT_FOREIGN_TABLE})


ANY_CURSOR = "*"
"""Name of a cursor that a function has opened: which it gave it cannot be told, so any FETCH without a DECLARE may be of it."""


@dataclass(frozen=True)
class Draft:
    """What one statement does, before it is put in terms of a shape."""

    kind: Kind
    rows: Rows = field(default_factory=Rows)
    leaves: bool = True  # whether the rows' columns are outputs of the statement
    destination: Destination = Destination.CLIENT
    written: TableRef | None = None
    written_columns: tuple[Output, ...] = ()
    cursor: str | None = None
    fetch_count: int | None = None
    backward: bool = False
    prepared: str | None = None
    renamed_from: TableRef | None = None


def draft(statement: Statement, gathered: Gathered) -> Draft:
    """What a statement does, by its parse."""
    handler = HANDLERS.get(statement.name)
    if handler is not None:
        return handler(statement.node, gathered)
    if statement.name in settings.ROLE_STATEMENTS:
        settings.rights(statement.name, statement.node, gathered)
        return Draft(Kind.ROLE, leaves=False, destination=Destination.NOWHERE)
    return _other(statement, gathered)


def inner_statement(statement: Statement, gathered: Gathered) -> Rows:
    """A statement inside a function body: what it reads and does count, as if it stood alone."""
    made = draft(statement, gathered)
    if made.written is not None:
        gathered.written.append((made.written, made.written_columns))
    return made.rows


def _select(node: Node, gathered: Gathered) -> Draft:
    into = _into(node)
    rows = query.select(node, None, query.Env(), gathered)
    if into is not None:
        return _new_table(into, rows, gathered)
    if gathered.opens:  # a function hands over a cursor; its rows leave with FETCH
        gathered.technique(Technique.CURSOR)
        return Draft(Kind.DECLARE, rows, destination=Destination.NOWHERE, cursor=ANY_CURSOR)
    if gathered.walks is not None:  # cursor_to_xml is a FETCH
        name, count = gathered.walks
        return Draft(Kind.FETCH, cursor=name, fetch_count=count)
    if gathered.written:
        written, columns = _written(gathered)
        if columns:
            gathered.technique(Technique.COPY_TO_NEW_TABLE)
        return Draft(Kind.SELECT, rows, written=written, written_columns=columns)
    return Draft(Kind.SELECT, rows)


def _into(node: Node) -> Node | None:
    """SELECT INTO; of a set operation, the leftmost SELECT carries it."""
    while node.op >= pb.SETOP_UNION:
        node = node.larg
    return node.into_clause if node.HasField("into_clause") else None


def _new_table(into: Node, rows: Rows, gathered: Gathered) -> Draft:
    var = into.rel
    ref = TableRef("pg_temp" if var.relpersistence == "t" else var.schemaname, var.relname)
    if not ref.schema:
        ref = gathered.names.relation("", var.relname)
    columns = writes.copied(query.renamed(rows, strings(into.col_names)).fields, ())
    if into.skip_data:
        rows = replace(rows, limit=0)
    if columns:
        gathered.technique(Technique.COPY_TO_NEW_TABLE)
    return Draft(
        Kind.CREATE_AS, rows, leaves=not into.skip_data, destination=Destination.TABLE, written=ref, written_columns=columns
    )


def _written(gathered: Gathered) -> tuple[TableRef | None, tuple[Output, ...]]:
    """The relation written to (the last, which is the statement's own) and what is copied into it from others."""
    if not gathered.written:
        return None, ()
    ref = gathered.written[-1][0]
    columns = dict.fromkeys(o for target, outputs in gathered.written if target == ref for o in outputs)
    return ref, tuple(columns)


def _writing(kind: Kind, name: str) -> Callable[[Node, Gathered], Draft]:
    def handler(node: Node, gathered: Gathered) -> Draft:
        rows = query.statement(name, node, None, query.Env(), gathered)
        ref, columns = _written(gathered)
        if any(o.table != ref for o in columns):
            gathered.technique(Technique.COPY_TO_NEW_TABLE)
        if rows.fields:
            return Draft(kind, rows, written=ref, written_columns=columns)
        fields = tuple(Field(o.name, frozenset({_origin(o)})) for o in columns)
        destination = Destination.TABLE if columns else Destination.NOWHERE
        bounds = Rows(fields, filtered=rows.filtered, limit=rows.limit, one_row=rows.one_row)
        return Draft(kind, bounds, destination=destination, written=ref, written_columns=columns)

    return handler


def _origin(output: Output) -> Origin:
    return Origin(output.table, output.column, output.flow)


def _copy(node: Node, gathered: Gathered) -> Draft:
    if node.filename:
        gathered.technique(Technique.PROGRAM if node.is_program else Technique.SERVER_FILE)
    if node.is_from:
        ref = gathered.names.relation(node.relation.schemaname, node.relation.relname)
        return Draft(Kind.COPY_IN, leaves=False, destination=Destination.NOWHERE, written=ref)
    gathered.technique(Technique.COPY)
    destination = Destination.CLIENT
    if node.filename:
        destination = Destination.PROGRAM if node.is_program else Destination.SERVER_FILE
    if node.HasField("query"):
        rows = query.statement(*child(node, "query"), None, query.Env(), gathered)
    else:
        var = node.relation
        ref = gathered.names.relation(var.schemaname, var.relname)
        rows = query.table_rows(ref, gathered, Scan(ref))
        wanted = strings(node.attlist)
        if wanted:
            whole = Relation(var.relname, rows)
            rows = replace(rows, fields=tuple(whole.column(n) or whole.guess(n) or _newer(n, ref, gathered) for n in wanted))
    return Draft(Kind.COPY_OUT, rows, destination=destination)


def _newer(name: str, ref: TableRef, gathered: Gathered) -> Field:
    """A column that the catalogue does not know (yet): it may hold anything."""
    gathered.unknown = True
    return Field(name, gathered.whole(ref).origins)


def _declare(node: Node, gathered: Gathered) -> Draft:
    gathered.technique(Technique.CURSOR)
    rows = query.statement(*child(node, "query"), None, query.Env(), gathered)
    return Draft(Kind.DECLARE, rows, destination=Destination.NOWHERE, cursor=node.portalname)


def _fetch(node: Node, gathered: Gathered) -> Draft:
    if node.ismove:  # passes over rows without returning them
        return Draft(Kind.UTILITY, leaves=False, destination=Destination.NOWHERE, cursor=node.portalname)
    gathered.technique(Technique.CURSOR)
    single = node.direction in (pb.FETCH_ABSOLUTE, pb.FETCH_RELATIVE)
    count = 1 if single else None if node.how_many == _FETCH_ALL or node.how_many == -_FETCH_ALL else max(1, abs(node.how_many))
    backward = node.direction != pb.FETCH_FORWARD or node.how_many < 0
    return Draft(Kind.FETCH, cursor=node.portalname, fetch_count=count, backward=backward)


def _prepare(node: Node, gathered: Gathered) -> Draft:
    inner_kind, inner = child(node, "query")
    made = draft(Statement(inner_kind, inner, ""), gathered)
    return replace(made, kind=Kind.PREPARE, destination=Destination.NOWHERE, prepared=node.name)


def _execute(node: Node, gathered: Gathered) -> Draft:
    for kind, argument in map(unwrap, node.params):
        query.discard(kind, argument, Scope(), query.Env(), gathered)
    return Draft(Kind.EXECUTE, prepared=node.name)


def _create_as(node: Node, gathered: Gathered) -> Draft:
    kind, body = child(node, "query")
    if kind == "execute_stmt":  # the prepared statement, which the session knows, says what is copied
        made = _new_table(node.into, Rows(), gathered)
        gathered.technique(Technique.COPY_TO_NEW_TABLE)
        return replace(made, prepared=body.name)
    return _new_table(node.into, query.statement(kind, body, None, query.Env(), gathered), gathered)


def _refresh(node: Node, gathered: Gathered) -> Draft:
    ref = gathered.names.relation(node.relation.schemaname, node.relation.relname)
    table = gathered.names.table(ref)
    rows = None
    if table is not None and table.definition:
        rows = query.view_rows(ref, table.definition, [c.name for c in table.columns], gathered)
    rows = rows or Rows()
    columns = writes.copied(rows.fields, ())
    return Draft(Kind.REFRESH, rows, destination=Destination.TABLE, written=ref, written_columns=columns)


def _view(node: Node, gathered: Gathered) -> Draft:
    rows = query.renamed(query.statement(*child(node, "query"), None, query.Env(), gathered), strings(node.aliases))
    schema = "pg_temp" if node.view.relpersistence == "t" else node.view.schemaname or gathered.names.schema.default_schema
    columns = writes.copied(rows.fields, ())
    ref = TableRef(schema, node.view.relname)
    return Draft(Kind.CREATE_VIEW, rows, leaves=False, destination=Destination.NOWHERE, written=ref, written_columns=columns)


def _foreign_table(node: Node, gathered: Gathered) -> Draft:
    """CREATE FOREIGN TABLE: a window on another server's table, or on one of this database reached through a detour."""
    gathered.technique(Technique.DBLINK)
    base = node.base_stmt
    ref = TableRef(base.relation.schemaname or gathered.names.schema.default_schema, base.relation.relname)
    options = _options(node.options)
    source = gathered.names.relation(options.get("schema_name", ref.schema), options.get("table_name", ref.name))
    columns: list[Output] = []
    if gathered.names.table(source) is not None and source != ref:
        for kind, item in map(unwrap, base.table_elts):
            if kind == "column_def":
                columns.append(
                    Output(source, _options(item.fdwoptions).get("column_name", item.colname), Flow.AS_IS, item.colname)
                )
    return Draft(Kind.CREATE_VIEW, leaves=False, destination=Destination.NOWHERE, written=ref, written_columns=tuple(columns))


def _options(nodes: Node) -> dict[str, str]:
    found = ((item.defname, child(item, "arg")) for _, item in map(unwrap, nodes))
    return {name: value.sval for name, (kind, value) in found if kind == "string"}


def _explain(node: Node, gathered: Gathered) -> Draft:
    gathered.technique(Technique.EXPLAIN)
    analyze = False
    for _, option in map(unwrap, node.options):
        if option.defname == "analyze":
            kind, value = child(option, "arg")
            off = (kind == "string" and value.sval.lower() in ("false", "off", "0")) or (kind == "integer" and value.ival == 0)
            analyze = not off and not (kind == "boolean" and not value.boolval)
    kind, body = child(node, "query")
    if not analyze:
        made = draft(Statement(kind, body, ""), gathered)
        for word in set(gathered.techniques) - {str(Technique.EXPLAIN)}:  # none of it happens
            del gathered.techniques[word]
        gathered.written.clear()
        return Draft(Kind.EXPLAIN, made.rows, leaves=False, destination=Destination.NOWHERE)
    made = draft(Statement(kind, body, ""), gathered)
    return replace(made, kind=Kind.EXPLAIN_ANALYZE, leaves=False, destination=Destination.NOWHERE)


def _do(node: Node, gathered: Gathered) -> Draft:
    body, language = "", "plpgsql"
    for _, option in map(unwrap, node.args):
        text = child(option, "arg")[1]
        if option.defname == "as" and text is not None:
            body = text.sval
        elif option.defname == "language" and text is not None:
            language = text.sval.lower()
    tree = routines.plpgsql_tree(body, ()) if language == "plpgsql" else None
    if tree is None:
        return Draft(Kind.DO, routines.unreadable(body, gathered))
    block = routines.Body(gathered)
    gathered.variables = frozenset()
    block.look(tree)
    gathered.variables = None
    if block.speaks and block.read:
        gathered.technique(Technique.NOTIFICATION)
    leaves = block.speaks or gathered.unknown or bool(set(gathered.techniques) & _LEAVES)
    written, columns = _written(gathered)
    if columns:
        gathered.technique(Technique.COPY_TO_NEW_TABLE)
    fields = tuple(block.read)
    destination = Destination.CLIENT if leaves else Destination.TABLE if columns else Destination.NOWHERE
    return Draft(Kind.DO, Rows(fields), leaves=leaves, destination=destination, written=written, written_columns=columns)


_LEAVES = frozenset({"dblink", "notification", "copy", "large_object", "server_file", "program"})


def _call(node: Node, gathered: Gathered) -> Draft:
    if not node.HasField("funccall"):
        return Draft(Kind.CALL)
    return Draft(Kind.CALL, relations.function(node.funccall, Scope(), query.Env(), gathered))


def _rename(node: Node, gathered: Gathered) -> Draft:
    if not node.HasField("relation"):
        kind = Kind.RENAME if node.rename_type == pb.OBJECT_SCHEMA else Kind.DDL
        return Draft(kind, leaves=False, destination=Destination.NOWHERE)
    old = gathered.names.relation(node.relation.schemaname, node.relation.relname)
    if node.rename_type in _RELATIONS:
        gathered.technique(Technique.RENAME)
        new = TableRef(old.schema, node.newname)
        return Draft(Kind.RENAME, leaves=False, destination=Destination.NOWHERE, written=new, renamed_from=old)
    if node.rename_type in (pb.OBJECT_COLUMN, pb.OBJECT_ATTRIBUTE):
        gathered.technique(Technique.RENAME)
        column = (Output(old, node.subname, Flow.AS_IS, node.newname),)
        return Draft(
            Kind.RENAME, leaves=False, destination=Destination.NOWHERE, written=old, renamed_from=old, written_columns=column
        )
    return Draft(Kind.DDL, leaves=False, destination=Destination.NOWHERE)


def _set_schema(node: Node, gathered: Gathered) -> Draft:
    if not node.HasField("relation"):
        return Draft(Kind.DDL, leaves=False, destination=Destination.NOWHERE)
    gathered.technique(Technique.RENAME)
    old = gathered.names.relation(node.relation.schemaname, node.relation.relname)
    new = TableRef(node.newschema, old.name)
    return Draft(Kind.RENAME, leaves=False, destination=Destination.NOWHERE, written=new, renamed_from=old)


def _lock(node: Node, gathered: Gathered) -> Draft:
    for _, var in map(unwrap, node.relations):
        gathered.read(gathered.names.relation(var.schemaname, var.relname))
    return Draft(Kind.LOCK, leaves=False, destination=Destination.NOWHERE)


def _quiet(kind: Kind) -> Callable[[Node, Gathered], Draft]:
    def handler(_node: Node, _gathered: Gathered) -> Draft:
        return Draft(kind, leaves=False, destination=Destination.NOWHERE)

    return handler


def _close(node: Node, _gathered: Gathered) -> Draft:
    return Draft(Kind.CLOSE, leaves=False, destination=Destination.NOWHERE, cursor=node.portalname or None)


def _deallocate(node: Node, _gathered: Gathered) -> Draft:
    return Draft(Kind.DEALLOCATE, leaves=False, destination=Destination.NOWHERE, prepared=node.name or None)


def _notify(_node: Node, gathered: Gathered) -> Draft:
    gathered.technique(Technique.NOTIFICATION)
    return Draft(Kind.UTILITY, leaves=False, destination=Destination.NETWORK)


def _set(node: Node, gathered: Gathered) -> Draft:
    settings.setting(node, gathered)
    return Draft(Kind.SET, leaves=False, destination=Destination.NOWHERE)


_DDL = re.compile(r"^(create|alter|drop|define|import|comment|sec_label|truncate|index|rule|composite|reindex|reassign)")
_LINKS = ("foreign", "fdw", "user_mapping")


def _other(statement: Statement, gathered: Gathered) -> Draft:
    name, node = statement.name, statement.node
    if any(word in name for word in _LINKS) and not name.startswith("drop"):
        gathered.technique(Technique.DBLINK)
    if name in ("create_subscription_stmt", "create_publication_stmt", "alter_publication_stmt", "alter_subscription_stmt"):
        gathered.technique(Technique.REPLICATION)
    settings.server(name, node, gathered)
    kind = Kind.DDL if _DDL.match(name) else Kind.UTILITY
    written = None
    if name in ("create_stmt", "alter_table_stmt") and node.HasField("relation"):
        written = gathered.names.relation(node.relation.schemaname, node.relation.relname)
    return Draft(kind, leaves=False, destination=Destination.NOWHERE, written=written)


HANDLERS: Mapping[str, Callable[[Node, Gathered], Draft]] = MappingProxyType(
    {
        "select_stmt": _select,
        "insert_stmt": _writing(Kind.INSERT, "insert_stmt"),
        "update_stmt": _writing(Kind.UPDATE, "update_stmt"),
        "delete_stmt": _writing(Kind.DELETE, "delete_stmt"),
        "merge_stmt": _writing(Kind.MERGE, "merge_stmt"),
        "copy_stmt": _copy,
        "declare_cursor_stmt": _declare,
        "fetch_stmt": _fetch,
        "close_portal_stmt": _close,
        "prepare_stmt": _prepare,
        "execute_stmt": _execute,
        "deallocate_stmt": _deallocate,
        "create_table_as_stmt": _create_as,
        "refresh_mat_view_stmt": _refresh,
        "view_stmt": _view,
        "create_foreign_table_stmt": _foreign_table,
        "explain_stmt": _explain,
        "do_stmt": _do,
        "call_stmt": _call,
        "variable_set_stmt": _set,
        "rename_stmt": _rename,
        "alter_object_schema_stmt": _set_schema,
        "transaction_stmt": _quiet(Kind.TRANSACTION),
        "lock_stmt": _lock,
        "notify_stmt": _notify,
    }
)

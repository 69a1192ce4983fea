"""Function calls: aggregates, window functions, functions that run SQL given as text, and the catalogue's own."""

from __future__ import annotations

import re

from scanner.lineage import builtin, expressions, query, routines, slices
from scanner.lineage.names import logged_relation
from scanner.lineage.scope import NONE, Gathered, Origin, Origins, Rows, Scan, Scope, through
from scanner.lineage.techniques import Technique
from scanner.lineage.tree import Node, child, integer_constant, parse, strings, text_constant, unwrap
from scanner.model import Flow

_KEEPING_NAME = re.compile(r"(?:^|_)(?:agg|accum|concat|collect)(?:_|$)|(?:agg|accum)$")
_ANY_CURSOR = "*"
_RUNS = frozenset({"dblink", "dblink_exec", "dblink_open", "dblink_send_query", "dblink_fetch", "dblink_get_result"})


def is_aggregate(node: Node) -> bool:
    """Whether a call is an aggregate over the query's rows, by its name or by syntax that only aggregates have."""
    if node.HasField("over"):
        return False
    name = (strings(node.funcname) or [""])[-1]
    syntax = node.agg_star or node.agg_distinct or node.agg_within_group or len(node.agg_order) > 0 or node.HasField("agg_filter")
    known = name in builtin.KEEPING or name in builtin.COUNTING or name in builtin.POINT
    return bool(syntax or known or _KEEPING_NAME.search(name))


def call(node: Node, scope: Scope, env: query.Env, gathered: Gathered) -> Origins:
    """Origins of what a call returns, in an expression."""
    parts = strings(node.funcname)
    name = parts[-1] if parts else ""
    gathered.functions.setdefault(".".join(parts).lower())
    arguments = frozenset().union(*(expressions.origins(k, n, scope, env, gathered) for k, n in map(unwrap, node.args)))
    for kind, extra in [child(node, "agg_filter"), *map(unwrap, node.agg_order)]:  # read, but not returned
        ordered = expressions.origins(kind, extra, scope, env, gathered)
        if node.agg_within_group:  # percentile_disc(0.5) within group (order by salary): here it is
            arguments |= ordered
    if node.HasField("over"):
        return _window(name, arguments, gathered)
    if found := gathered.names.functions(parts):
        rows = routines.rows(found, len(node.args), gathered)
        if rows.filtered or rows.limit is not None:  # by what it is given, once for each row outside
            gathered.loose = True
        return expressions.all_origins(rows.fields) | through(Flow.TRANSFORMED, arguments)
    if is_aggregate(node):
        return _aggregate(name, arguments, scope, gathered)
    special = runs(node, gathered)
    if special is not None:
        if builtin.hands_on(name):
            gathered.sent |= through(Flow.KEPT, arguments)
        return expressions.all_origins(special.fields) | through(Flow.TRANSFORMED, arguments)
    if name in builtin.NO_VALUE:
        return through(Flow.AGGREGATED, arguments)
    kind, column = slices.column_of(node)
    if column is not None:
        cut = expressions.origins(kind, column, scope, env, gathered)
        if slices.hides(node, cut, gathered):
            return through(Flow.MASKED, cut)
    if arguments and name in builtin.WHOLE_ROW:
        gathered.technique(Technique.ROW_TO_JSON)
    if arguments and name in builtin.ENCODING:
        gathered.technique(Technique.ENCODING)
    return through(Flow.TRANSFORMED, arguments)


def _aggregate(name: str, arguments: Origins, scope: Scope, gathered: Gathered) -> Origins:
    if name in builtin.POINT or name in builtin.COUNTING:
        keeps_one = scope.groups_of_one or (name in builtin.POINT and scope.grouped)
        if name in ("count", "regr_count") or not keeps_one:
            return through(Flow.AGGREGATED, arguments)
        return through(Flow.TRANSFORMED, arguments)
    if arguments:
        gathered.technique(Technique.CONCAT_AGGREGATE)
    return through(Flow.KEPT, arguments)


def _window(name: str, arguments: Origins, gathered: Gathered) -> Origins:
    """A window function returns a row for every row, so what it returns may be any row's value, or many rows' at once."""
    if arguments and (name in builtin.KEEPING or _KEEPING_NAME.search(name)):
        gathered.technique(Technique.CONCAT_AGGREGATE)
        return through(Flow.KEPT, arguments)
    return through(Flow.AGGREGATED if name in builtin.NUMBERING else Flow.TRANSFORMED, arguments)


def runs(node: Node, gathered: Gathered) -> Rows | None:
    """Rows of a function of the engine (or a well-known extension) that reads what its text arguments name; None for others."""
    name = (strings(node.funcname) or [""])[-1]
    if name in builtin.QUERY_ARGUMENT:
        return _runs_text(name, builtin.QUERY_ARGUMENT[name], node, gathered)
    if name in builtin.TABLE_ARGUMENT or name in builtin.SCHEMA_ARGUMENT or name in builtin.WHOLE_DATABASE:
        gathered.technique(Technique.QUERY_TO_XML)
        return _reads_named(name, node, gathered)
    if name in builtin.CURSOR_ARGUMENT:
        gathered.technique(Technique.QUERY_TO_XML)
        gathered.technique(Technique.CURSOR)
        if name not in builtin.SCHEMA_ONLY and node.args:
            cursor = text_constant(*unwrap(node.args[0]))
            gathered.walks = (cursor or _ANY_CURSOR, integer_constant(*unwrap(node.args[1])) if len(node.args) > 1 else None)
        return Rows(one_row=True)
    if name in builtin.REPLICATION:
        gathered.technique(Technique.REPLICATION)
        if name in builtin.SLOT_READERS:
            gathered.everything = gathered.unknown = True
        return Rows()
    if name in builtin.SERVER_FILE:
        gathered.technique(Technique.SERVER_FILE)
        return Rows()
    if name in builtin.LARGE_OBJECT:
        gathered.technique(Technique.LARGE_OBJECT)
        if name in ("lo_export", "lo_import"):
            gathered.technique(Technique.SERVER_FILE)
        return Rows(one_row=True)
    if name == "pg_notify":
        gathered.technique(Technique.NOTIFICATION)
        return Rows(one_row=True)
    if builtin.is_dblink(name):
        gathered.technique(Technique.DBLINK)
        return _runs_elsewhere(name, node, gathered) if name in _RUNS else Rows()
    if name == "set_config" and len(node.args) >= 2:
        setting = text_constant(*unwrap(node.args[0])) or ""
        gathered.settings.append((setting.lower(), text_constant(*unwrap(node.args[1])) or ""))
        return Rows(one_row=True)
    return None


def _runs_text(name: str, position: int, node: Node, gathered: Gathered) -> Rows:
    if name.endswith(("xml", "xmlschema")):
        gathered.technique(Technique.QUERY_TO_XML)
    else:
        gathered.technique(Technique.DYNAMIC_SQL)
    if len(node.args) <= position:
        return Rows()
    text = text_constant(*unwrap(node.args[position]))
    statements = parse(text) if text is not None else None
    if statements is None:  # put together at run time: no telling what it reads
        gathered.unknown = True
        return Rows()
    one = name.endswith(("xml", "xmlschema"))
    fields = [f for s in statements for f in query.statement(s.name, s.node, None, query.Env(), gathered).fields]
    if name in builtin.SCHEMA_ONLY:
        return Rows(one_row=True)
    return query.kept(tuple(fields), one_row=one)


def _runs_elsewhere(name: str, node: Node, gathered: Gathered) -> Rows:
    """dblink: the text runs on another server, or on this one again; names are taken as this database's where they fit."""
    constants = [text for kind, arg in map(unwrap, node.args) if (text := text_constant(kind, arg)) is not None]
    for text in reversed(constants):
        statements = parse(text)
        if statements:
            fields = [f for s in statements for f in query.statement(s.name, s.node, None, query.Env(), gathered).fields]
            return Rows(tuple(fields))
    if name != "dblink_exec" and len(constants) < len(node.args):
        gathered.technique(Technique.DYNAMIC_SQL)
    return Rows()


def _reads_named(name: str, node: Node, gathered: Gathered) -> Rows:
    argument = text_constant(*unwrap(node.args[0])) if node.args else None
    if name in builtin.WHOLE_DATABASE:
        gathered.everything = True
        return Rows(one_row=True)
    if argument is None:
        gathered.unknown = True
        return Rows(one_row=True)
    found = logged_relation(argument)
    if name in builtin.SCHEMA_ARGUMENT:
        tables = [t.ref for t in gathered.names.personal() if t.ref.schema == argument.strip('"')]
    else:
        tables = [gathered.names.relation(found.schema, found.name if '"' in argument else found.name.lower())]
    fields = [f for ref in tables for f in query.table_rows(ref, gathered, narrow=Scan(ref)).fields]
    return query.kept(tuple(fields), one_row=True)


def everything(gathered: Gathered, flow: Flow) -> Origins:
    """All personal relations, for what reads the whole database."""
    found: set[Origin] = set()
    for table in gathered.names.personal():
        gathered.read(table.ref)
        found |= {Origin(table.ref, c.name, flow) for c in table.columns}
    return frozenset(found) if found else NONE

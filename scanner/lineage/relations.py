"""What stands in a FROM clause: tables, subqueries, joins, functions."""

from __future__ import annotations

import re
from dataclasses import replace

from scanner.lineage import calls, conditions, expressions, query, routines
from scanner.lineage.names import logged_relation
from scanner.lineage.scope import Field, Gathered, Relation, Rows, Scan, Scope, through
from scanner.lineage.tree import Node, child, strings, unwrap
from scanner.model import Flow, Function

_INNER, _LEFT, _FULL, _RIGHT = 1, 2, 3, 4
_OUTPUT_COLUMN = re.compile(r'\s*("(?:[^"]|"")+"|[^\s,"]+)\s+[^,]+')


def add(kind: str, node: Node, scope: Scope, env: query.Env, gathered: Gathered) -> bool:
    """Put a FROM item into the scope. Returns whether it brings a condition that may drop rows (a join's)."""
    if kind == "range_var":
        scope.relations.append(_named(node, env, gathered))
    elif kind == "range_subselect":
        inner_kind, body = child(node, "subquery")
        outer = scope if node.lateral else scope.parent
        rows = query.statement(inner_kind, body, outer, env, gathered)
        scope.relations.append(_aliased(node, rows, ""))
    elif kind == "range_function":
        scope.relations.append(_functions(node, scope, env, gathered))
    elif kind == "range_table_sample":
        add(*child(node, "relation"), scope, env, gathered)
        return True
    elif kind == "join_expr":
        return _join(node, scope, env, gathered)
    elif kind in ("range_table_func", "json_table"):
        found = frozenset().union(
            *(
                expressions.origins(*child(node, part), scope, env, gathered)
                for part in ("docexpr", "rowexpr")
                if kind == "range_table_func"
            )
        )
        if kind == "json_table" and node.HasField("context_item"):
            found |= expressions.origins("json_value_expr", node.context_item, scope, env, gathered)
        columns = [n.colname if kind == "range_table_func" else n.name for _, n in map(unwrap, node.columns)]
        taken = through(Flow.TRANSFORMED, found)
        scope.relations.append(_aliased(node, Rows(tuple(Field(c, taken) for c in columns)), ""))
    return False


def _aliased(node: Node, rows: Rows, name: str, schema: str = "") -> Relation:
    if node.HasField("alias"):
        return Relation(node.alias.aliasname, query.renamed(rows, strings(node.alias.colnames)))
    return Relation(name, rows, schema)


def _named(node: Node, env: query.Env, gathered: Gathered) -> Relation:
    if not node.schemaname and node.relname in env.ctes:
        return _aliased(node, env.ctes[node.relname], node.relname)
    ref = gathered.names.relation(node.schemaname, node.relname)
    return _aliased(node, query.table_rows(ref, gathered, Scan(ref)), node.relname, ref.schema)


def _join(node: Node, scope: Scope, env: query.Env, gathered: Gathered) -> bool:
    start = len(scope.relations)
    narrowed = add(*child(node, "larg"), scope, env, gathered)
    middle = len(scope.relations)
    narrowed |= add(*child(node, "rarg"), scope, env, gathered)
    kind, quals = child(node, "quals")
    query.discard(kind, quals, scope, env, gathered)
    left, right = scope.relations[start:middle], scope.relations[middle:]
    may_drop = {_INNER: [*left, *right], _LEFT: right, _RIGHT: left}.get(node.jointype, [])
    conditions.apply(kind, quals, may_drop, scope, gathered)
    if node.HasField("alias"):  # (a join b …) as j: only j is visible
        fields = tuple(f for r in (*left, *right) for f in r.fields)
        scans = tuple(s for r in (*left, *right) for s in r.rows.scans)
        joined = Rows(fields, scans=scans)
        scope.relations[start:] = [_aliased(node, joined, "")]
    elif len(node.using_clause) > 0 and node.HasField("join_using_alias"):
        scope.relations.append(Relation(node.join_using_alias.aliasname, Rows()))
    restricts = quals is not None or len(node.using_clause) > 0 or node.is_natural
    return narrowed or (restricts and node.jointype == _INNER)


def _functions(node: Node, scope: Scope, env: query.Env, gathered: Gathered) -> Relation:
    fields: list[Field] = []
    scans: tuple[Scan, ...] = ()
    one_row, bounds, name = True, Rows(), ""
    for _, item in map(unwrap, node.functions):
        parts = list(map(unwrap, item.items))
        kind, call = parts[0] if parts else ("", None)
        columns = [n.colname for k, n in map(unwrap, parts[1][1].items)] if len(parts) > 1 and parts[1][0] == "list" else []
        if kind == "func_call" and call is not None:
            name = (strings(call.funcname) or [""])[-1]
            bounds = function(call, scope, env, gathered)
            rows = query.renamed(bounds, columns)
        else:
            rows = Rows((Field(query.name_of(kind, call), expressions.origins(kind, call, scope, env, gathered)),))
        one_row = one_row and rows.one_row
        fields += rows.fields
        scans += rows.scans
    columns = [n.colname for k, n in map(unwrap, node.coldeflist) if k == "column_def"]
    rows = query.renamed(replace(bounds, fields=tuple(fields), one_row=one_row, scans=scans), columns)
    alias = node.alias.aliasname if node.HasField("alias") else name
    if node.ordinality:
        rows = replace(rows, fields=(*rows.fields, Field("ordinality")))
    if node.HasField("alias") and len(rows.fields) == 1 and not node.alias.colnames and rows.fields[0].name in (name, "?column?"):
        rows = replace(rows, fields=(Field(alias, rows.fields[0].origins),))  # a scalar's column takes the alias's name
    return _aliased(node, rows, name)


def function(node: Node, scope: Scope, env: query.Env, gathered: Gathered) -> Rows:
    """Rows of a function called where a relation stands, or spread with ``.*``."""
    parts = strings(node.funcname)
    name = parts[-1] if parts else ""
    gathered.functions.setdefault(".".join(parts).lower())
    arguments = frozenset().union(*(expressions.origins(k, n, scope, env, gathered) for k, n in map(unwrap, node.args)))
    found = gathered.names.functions(parts)
    if found:
        rows = routines.rows(found, len(node.args), gathered)
        fields = returned(found[0], rows, gathered)
        passed = through(Flow.TRANSFORMED, arguments)
        fields = tuple(Field(f.name, f.origins | passed) for f in fields) if passed else fields
        many = any(f.returns.upper().startswith(("SETOF", "TABLE")) or not f.returns for f in found)
        return replace(rows, fields=fields or (Field(name, passed),), one_row=rows.one_row or not many)
    special = calls.runs(node, gathered)
    if special is not None:
        return special if special.fields else replace(special, fields=(Field(name, through(Flow.TRANSFORMED, arguments)),))
    return Rows((Field(name, through(Flow.TRANSFORMED, arguments)),))


def returned(found: Function, rows: Rows, gathered: Gathered) -> tuple[Field, ...]:
    """A known function's result columns under the names that its declaration gives them."""
    declared = found.returns.strip()
    upper = declared.upper()
    names: list[str] = []
    if upper.startswith("TABLE") and "(" in declared:
        inside = declared[declared.index("(") + 1 : declared.rindex(")") if ")" in declared else None]
        names = [m.strip('"') for m in _OUTPUT_COLUMN.findall(_without_parentheses(inside))]
    else:
        type_name = declared[5:].strip() if upper.startswith("SETOF") else declared
        if type_name:
            ref = logged_relation(type_name)
            table = gathered.names.table(gathered.names.relation(ref.schema, ref.name))
            if table is not None:
                names = [c.name for c in table.columns]
    if not names:
        return rows.fields
    if len(names) == len(rows.fields):
        return tuple(Field(n, f.origins) for n, f in zip(names, rows.fields, strict=True))
    everything = expressions.all_origins(rows.fields)  # which column is which cannot be told
    return tuple(Field(n, everything) for n in names)


def _without_parentheses(text: str) -> str:
    """``a numeric(10,2), b text`` without the commas that belong to a type."""
    depth, out = 0, []
    for char in text:
        depth += (char == "(") - (char == ")")
        if depth == 0 and char != ")":
            out.append(char)
    return "".join(out)

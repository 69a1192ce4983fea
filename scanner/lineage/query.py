"""Queries: SELECT, VALUES, set operations and the relations they stand on, resolved down to base relations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from scanner.lineage import builtin, calls, conditions, expressions, relations, writes
from scanner.lineage.scope import Field, Gathered, Origin, Origins, Rows, Scan, Scope, through
from scanner.lineage.tree import Node, child, children, integer_constant, is_never, parse, strings, unwrap, walk
from scanner.model import Flow, TableRef

_UNION, _INTERSECT, _EXCEPT = 2, 3, 4
_WITH_TIES = 3
_EXISTS, _SCALAR, _ARRAY = 1, 5, 7
_NAMES = {
    "case_expr": "case",
    "coalesce_expr": "coalesce",
    "row_expr": "row",
    "a_array_expr": "array",
    "json_array_agg": "json_arrayagg",
    "json_object_agg": "json_objectagg",
    "json_object_constructor": "json_object",
    "json_array_constructor": "json_array",
    "xml_serialize": "xmlserialize",
}
WRITING = ("insert_stmt", "update_stmt", "delete_stmt", "merge_stmt")


@dataclass(frozen=True)
class Env:
    """The common table expressions in force, by name."""

    ctes: Mapping[str, Rows] = field(default_factory=dict)

    def define(self, name: str, rows: Rows) -> Env:
        return Env({**self.ctes, name: rows})


def statement(kind: str, node: Node, outer: Scope | None, env: Env, gathered: Gathered) -> Rows:
    """Rows of anything that can stand where a query stands: SELECT, or a writing statement with RETURNING."""
    if kind == "select_stmt":
        return select(node, outer, env, gathered)
    if kind in WRITING:
        return writes.write(kind, node, outer, env, gathered)
    return Rows()


def select(node: Node, outer: Scope | None, env: Env, gathered: Gathered) -> Rows:
    """Rows of a SELECT, VALUES or set operation."""
    env = with_clause(node, outer, env, gathered)
    if node.op >= _UNION:
        left = select(node.larg, outer, env, gathered)
        right = select(node.rarg, outer, env, gathered)
        return _bounded(node, combine(node.op, left, right), Scope(parent=outer), env, gathered)
    scope = Scope(parent=outer)
    if len(node.values_lists) > 0:
        return _values(node, scope, env, gathered)
    inputs = [relations.add(*unwrap(item), scope, env, gathered) for item in node.from_clause]
    kind, where = child(node, "where_clause")
    never = is_never(kind, where)
    discard(kind, where, scope, env, gathered)
    narrowing = conditions.apply(kind, where, scope.relations, scope, gathered)
    scope.grouped = len(node.group_clause) > 0
    scope.groups_of_one = scope.grouped and conditions.groups_of_one(node.group_clause, node.target_list, scope, gathered)
    fields = tuple(f for item in node.target_list for f in target(unwrap(item)[1], scope, env, gathered))
    for kind, clause in [child(node, "having_clause"), *map(unwrap, node.sort_clause)]:
        discard_calls(kind, clause, scope, env, gathered)
    aggregated = _aggregates(node)
    many = any(_returns_many(item, gathered) for item in node.target_list)
    base = [r.rows for r in scope.relations]
    rows = Rows(
        fields,
        one_row=(not many) and ((aggregated and not scope.grouped) or all(r.one_row for r in base)),
        grouped=scope.grouped or len(node.distinct_clause) > 0 or (len(base) == 1 and base[0].grouped and not aggregated),
        filtered=bool(where is not None or any(inputs) or narrowing or any(r.filtered for r in base))
        or node.HasField("having_clause"),
        limit=0 if never and not aggregated else base[0].limit if len(base) == 1 and not many else None,
        has_offset=any(r.has_offset for r in base),
        keyset_order=any(r.keyset_order for r in base),
        branches=base[0].branches if len(base) == 1 and not aggregated and not scope.grouped else (),
        multiplied=(many and bool(base)) or _spreads(node) or any(r.multiplied for r in base),
        scans=() if aggregated or scope.grouped else tuple(s for r in base for s in r.scans),
    )
    return _bounded(node, rows, scope, env, gathered)


def with_clause(node: Node, outer: Scope | None, env: Env, gathered: Gathered) -> Env:
    """The environment with a statement's own common table expressions added."""
    if not node.HasField("with_clause"):
        return env
    clause = node.with_clause
    for _, cte in map(unwrap, clause.ctes):
        kind, body = child(cte, "ctequery")
        names = strings(cte.aliascolnames)
        if clause.recursive and kind == "select_stmt" and body.op >= _UNION:
            inner = with_clause(body, outer, env, gathered)
            first = select(body.larg, outer, inner.define(cte.ctename, Rows()), gathered)
            again = select(body.rarg, outer, inner.define(cte.ctename, renamed(first, names)), gathered)
            rows = combine(body.op, first, again)
        else:
            rows = statement(kind, body, outer, env, gathered)
        uses = sum(k == "range_var" and n.relname == cte.ctename and not n.schemaname for k, n in walk("", node))
        if uses != 1:  # a condition on one use does not narrow the other
            rows = replace(rows, scans=())
        env = env.define(cte.ctename, renamed(rows, names))
    return env


def renamed(rows: Rows, names: list[str]) -> Rows:
    """The rows under a list of column aliases, which may be shorter than the columns."""
    if not names:
        return rows
    fields: list[Field] = []
    rest = list(rows.fields)
    for name in names:
        if rest and rest[0].name != "*":
            fields.append(Field(name, rest.pop(0).origins))
        else:  # which of the unknown columns this is cannot be told
            fields.append(Field(name, expressions.all_origins(tuple(rest))))
    return replace(rows, fields=(*fields, *rest))


def combine(operator: int, left: Rows, right: Rows) -> Rows:
    """Rows of a set operation: columns by position, under the left side's names."""
    if operator == _EXCEPT:
        return replace(left, filtered=True, one_row=left.one_row, grouped=True)
    starred = any(f.name == "*" for f in (*left.fields, *right.fields))
    if starred or len(left.fields) != len(right.fields):
        extra = expressions.all_origins(right.fields)
        fields = (*(Field(f.name, f.origins | extra) for f in left.fields), *(f for f in right.fields if f.name == "*"))
    else:
        fields = tuple(Field(a.name, a.origins | b.origins) for a, b in zip(left.fields, right.fields, strict=True))
    limit = left.limit + right.limit if left.limit is not None and right.limit is not None else None
    branches = (*_sides(left), *_sides(right)) if operator == _UNION else ()
    if operator == _INTERSECT:
        fields = left.fields  # equal values on both sides
        limit = left.limit if right.limit is None else right.limit if left.limit is None else min(left.limit, right.limit)
    return Rows(
        fields,
        grouped=left.grouped and right.grouped,
        filtered=(left.filtered and right.filtered) or operator == _INTERSECT,
        limit=limit,
        has_offset=left.has_offset or right.has_offset,
        keyset_order=left.keyset_order or right.keyset_order,
        one_row=operator == _INTERSECT and (left.one_row or right.one_row),
        branches=branches,
        multiplied=left.multiplied or right.multiplied,
    )


def _sides(rows: Rows) -> tuple[frozenset[TableRef], ...]:
    """What the values of a query come from: one set of relations, or one for each side of the UNION that it is."""
    return rows.branches or (frozenset(o.table for f in rows.fields for o in f.origins if o.flow is not Flow.AGGREGATED),)


def _bounded(node: Node, rows: Rows, scope: Scope, env: Env, gathered: Gathered) -> Rows:
    """The rows under the query's own LIMIT and OFFSET."""
    kind, count = child(node, "limit_count")
    discard(kind, count, scope, env, gathered)
    discard(*child(node, "limit_offset"), scope, env, gathered)
    limit = rows.limit
    own = None if count is None or node.limit_option == _WITH_TIES else integer_constant(kind, count)
    if own is not None and own >= 0:
        limit = own if limit is None else min(limit, own)
    bounded = count is not None and not (kind == "a_const" and count.isnull)
    return replace(
        rows,
        limit=limit,
        filtered=rows.filtered or (own is None and bounded and node.limit_option != _WITH_TIES),  # a limit nobody can tell
        # OFFSET 0 is where a walk begins, and shares its shape with the steps that follow
        has_offset=rows.has_offset or node.HasField("limit_offset"),
        keyset_order=rows.keyset_order or (bounded and conditions.keyset(node.sort_clause, rows.fields, scope)),
        scans=() if bounded else rows.scans,  # a condition outside picks from the limited rows; it narrows nothing inside
    )


def _values(node: Node, scope: Scope, env: Env, gathered: Gathered) -> Rows:
    columns: list[Origins] = []
    for _, row in map(unwrap, node.values_lists):
        for position, (kind, value) in enumerate(map(unwrap, row.items)):
            found = expressions.origins(kind, value, scope, env, gathered)
            if position < len(columns):
                columns[position] |= found
            else:
                columns.append(found)
    fields = tuple(Field(f"column{i}", found) for i, found in enumerate(columns, 1))
    rows = Rows(fields, one_row=len(node.values_lists) == 1)
    return _bounded(node, rows, scope, env, gathered)


def target(node: Node, scope: Scope, env: Env, gathered: Gathered) -> Iterator[Field]:
    """The result columns of one item of a select or RETURNING list; ``*`` and ``t.*`` spread out."""
    kind, value = child(node, "val")
    if kind == "column_ref" and len(strings(value.fields)) < len(value.fields):
        parts = strings(value.fields)
        if not parts:
            for relation in scope.relations:
                yield from relation.fields
            return
        found = scope.relation(parts[-1], parts[-2] if len(parts) > 1 else "")
        if found is not None:
            yield from found.fields
        else:
            yield Field("*", expressions.unresolved(parts, scope, gathered))
        return
    if kind == "a_indirection" and any(k == "a_star" for k, _ in map(unwrap, value.indirection)):  # (t).*
        inner_kind, inner = child(value, "arg")
        relation_name = strings(inner.fields) if inner_kind == "column_ref" else []
        found = scope.relation(relation_name[-1]) if relation_name else None
        if found is not None:
            yield from found.fields
            return
        yield from spread(inner_kind, inner, scope, env, gathered)
        return
    yield Field(node.name or name_of(kind, value), expressions.origins(kind, value, scope, env, gathered))


def spread(kind: str, node: Node, scope: Scope, env: Env, gathered: Gathered) -> Iterator[Field]:
    """Columns of a composite value: of the function that returns it where it is one."""
    if kind == "func_call":
        yield from relations.function(node, scope, env, gathered).fields
    else:
        yield Field("*", expressions.origins(kind, node, scope, env, gathered))


def name_of(kind: str, node: Node) -> str:
    """The name the engine gives a result column without an alias."""
    if kind == "column_ref":
        return (strings(node.fields) or ["?column?"])[-1]
    if kind == "func_call":
        return (strings(node.funcname) or ["?column?"])[-1]
    if kind in ("type_cast", "collate_clause"):
        inner = name_of(*child(node, "arg"))
        return inner if inner != "?column?" or kind != "type_cast" else (strings(node.type_name.names) or [inner])[-1]
    if kind == "a_indirection":
        steps = strings(node.indirection)
        return steps[-1] if steps else name_of(*child(node, "arg"))
    if kind == "sub_link" and node.sub_link_type in (_EXISTS, _ARRAY):
        return "exists" if node.sub_link_type == _EXISTS else "array"
    if kind == "sub_link" and node.sub_link_type == _SCALAR:
        _, inner_query = child(node, "subselect")
        targets = list(inner_query.target_list) if inner_query is not None and hasattr(inner_query, "target_list") else []
        if targets:
            first = unwrap(targets[0])[1]
            return first.name or name_of(*child(first, "val"))
    return _NAMES.get(kind, "?column?")


def discard(kind: str, node: Node, scope: Scope, env: Env, gathered: Gathered) -> None:
    """Look through an expression for what it reads; its values do not leave."""
    if node is not None:
        before = len(gathered.scans)
        techniques = dict(gathered.techniques)
        expressions.origins(kind, node, scope, env, gathered)
        del gathered.scans[before:]
        for word in ("encoding", "row_to_json", "concat_aggregate"):  # done to find rows, not to what leaves
            if word not in techniques:
                gathered.techniques.pop(word, None)


def discard_calls(kind: str, node: Node, scope: Scope, env: Env, gathered: Gathered) -> None:
    """The same for a sort key or HAVING, where a bare name may be a result column's: only functions and subqueries can read."""
    for inner, item in walk(kind, node):
        if inner in ("sub_link", "func_call"):
            discard(inner, item, scope, env, gathered)


def _aggregates(node: Node) -> bool:
    """Whether a query aggregates its own rows (not counting subqueries)."""
    stack = [unwrap(item) for item in node.target_list]
    if node.HasField("having_clause"):
        return True
    stack += [unwrap(item) for item in node.sort_clause]
    while stack:
        kind, item = stack.pop()
        if kind in ("json_array_agg", "json_object_agg") and not item.constructor.HasField("over"):
            return True
        if kind == "func_call" and calls.is_aggregate(item):
            return True
        if item is not None and kind not in ("sub_link", "select_stmt"):
            stack += list(children(item))
    return False


def _spreads(node: Node) -> bool:
    """Whether a function in FROM makes several rows of one of another relation's: ``from t, unnest(array[t.a, t.b])``."""
    kinds = [unwrap(item) for item in node.from_clause]
    called = [n for kind, n in kinds if kind == "range_function"]
    return bool(called) and len(kinds) > 1 and any(k == "column_ref" for n in called for k, _ in walk("", n))


def _returns_many(item: Node, gathered: Gathered) -> bool:
    """Whether a select-list item turns one row into many."""
    for kind, node in walk(*unwrap(item)):
        if kind == "func_call":
            parts = strings(node.funcname)
            known = gathered.names.functions(parts)
            if any(f.returns.upper().startswith(("SETOF", "TABLE")) for f in known) or (parts and parts[-1] in builtin.MANY_ROWS):
                return True
    return False


def table_rows(ref: TableRef, gathered: Gathered, narrow: Scan) -> Rows:
    """All rows of a base relation, or of what a view shows."""
    table = gathered.names.table(ref)
    if table is not None and table.kind == "view" and table.definition:
        shown = view_rows(ref, table.definition, [c.name for c in table.columns], gathered)
        if shown is not None:
            return shown
    gathered.read(ref)
    gathered.scans.append(narrow)
    if table is None or not table.columns:
        return Rows((gathered.whole(ref),), scans=(narrow,))
    fields = tuple(Field(c.name, frozenset({Origin(ref, c.name, Flow.AS_IS)})) for c in table.columns)
    return Rows(fields, scans=(narrow,))


def view_rows(ref: TableRef, definition: str, names: list[str], gathered: Gathered) -> Rows | None:
    """Rows of a view by its definition; None when it cannot be told (then the view counts as a relation of its own)."""
    mark = f"view {ref}"
    if mark in gathered.inside or len(gathered.inside) > 12:
        return None
    statements = parse(definition.strip())
    if not statements:
        return None
    body = statements[0]
    if body.name == "view_stmt":
        kind, node = child(body.node, "query")
    else:
        kind, node = body.name, body.node
    outer_names, outer_inside, outer_variables = gathered.names, gathered.inside, gathered.variables
    gathered.names, gathered.inside, gathered.variables = outer_names.within(ref.schema), (*outer_inside, mark), None
    try:
        rows = statement(kind, node, None, Env(), gathered)
    finally:
        gathered.names, gathered.inside, gathered.variables = outer_names, outer_inside, outer_variables
    return renamed(rows, names)


def kept(fields: tuple[Field, ...], *, one_row: bool) -> Rows:
    """The columns packed into a single value."""
    return Rows(tuple(Field(f.name, through(Flow.KEPT, f.origins)) for f in fields), one_row=one_row)

"""Where the value of an expression comes from, and what has been done to it."""

from __future__ import annotations

from scanner.lineage import calls, query, relations
from scanner.lineage.scope import NONE, SYSTEM_COLUMNS, Field, Gathered, Origin, Origins, Relation, Scope, predicate, through
from scanner.lineage.techniques import Technique
from scanner.lineage.tree import Node, child, children, strings, unwrap
from scanner.model import Flow

EQUALITY = frozenset({"=", "<>", "!="})
ORDERING = frozenset({"<", ">", "<=", ">="})
_VALUELESS = frozenset(
    {
        "",
        "a_const",
        "param_ref",
        "sqlvalue_function",
        "set_to_default",
        "current_of_expr",
        "type_name",
        "string",
        "integer",
        "a_star",
    }
)
_STRUCTURED = (
    "xml_expr",
    "xml_serialize",
    "json_object_constructor",
    "json_array_constructor",
    "json_func_expr",
    "json_scalar_expr",
)
_KIND_OP, _KIND_OP_ANY, _KIND_OP_ALL, _KIND_DISTINCT, _KIND_NOT_DISTINCT, _KIND_NULLIF, _KIND_IN = range(1, 8)
_EXISTS, _ALL, _ANY, _ROWCOMPARE, _EXPR, _MULTIEXPR, _ARRAY = range(1, 8)


def origins(kind: str, node: Node, scope: Scope, env: query.Env, gathered: Gathered) -> Origins:
    """Origins of an expression. Kinds that need no care of their own pass on whatever is below them, transformed."""
    if kind in _VALUELESS:
        return NONE
    if kind == "column_ref":
        return column(node, scope, gathered)
    if kind == "func_call":
        return calls.call(node, scope, env, gathered)
    if kind == "sub_link":
        return _sublink(node, scope, env, gathered)
    if kind == "a_expr":
        return _operator(node, scope, env, gathered)
    if kind in ("null_test", "boolean_test"):
        return predicate(origins(*child(node, "arg"), scope, env, gathered))
    if kind == "case_expr":
        return _case(node, scope, env, gathered)
    if kind == "bool_expr":
        return _below(node, scope, env, gathered)
    if kind == "collate_clause" or kind == "named_arg_expr":
        return origins(*child(node, "arg"), scope, env, gathered)
    if kind == "a_indirection":
        return _indirection(node, scope, env, gathered)
    if kind in ("json_array_agg", "json_object_agg"):
        gathered.technique(Technique.CONCAT_AGGREGATE)
        return through(Flow.KEPT, _below(node, scope, env, gathered))
    if kind == "json_array_query_constructor":
        gathered.technique(Technique.CONCAT_AGGREGATE)
        rows = query.select(child(node, "query")[1], scope, env, gathered)
        return through(Flow.KEPT, all_origins(rows.fields))
    if kind == "select_stmt":
        return through(Flow.KEPT, all_origins(query.select(node, scope, env, gathered).fields))
    found = through(Flow.TRANSFORMED, _below(node, scope, env, gathered))
    if kind in _STRUCTURED and found:
        gathered.technique(Technique.ROW_TO_JSON)
    return found


def all_origins(fields: tuple[Field, ...]) -> Origins:
    """Origins of all columns together."""
    return frozenset().union(*(f.origins for f in fields))


def _below(node: Node, scope: Scope, env: query.Env, gathered: Gathered) -> Origins:
    return frozenset().union(*(origins(k, n, scope, env, gathered) for k, n in children(node)))


def column(node: Node, scope: Scope, gathered: Gathered) -> Origins:
    """Origins of a column reference; of a whole row when the name is a relation's (``select t from t``)."""
    parts = strings(node.fields)
    star = len(parts) < len(node.fields)
    if star:
        return whole_row(parts, scope, gathered)
    found = lookup(parts, scope)
    if found:
        return frozenset().union(*(f.origins for _, f in found))
    if parts[-1] in SYSTEM_COLUMNS:
        return NONE
    if len(parts) <= 2 and scope.relation(parts[-1], parts[-2] if len(parts) > 1 else "") is not None:
        return whole_row(parts, scope, gathered)
    return unresolved(parts, scope, gathered)


def lookup(parts: list[str], scope: Scope) -> list[tuple[Relation, Field]]:
    """The relation and column that a name means: ``column``, ``relation.column`` or ``schema.relation.column``."""
    if len(parts) == 1:
        return scope.find(parts[0])
    relation = scope.relation(parts[-2], parts[-3] if len(parts) > 2 else "")
    if relation is None:
        return []
    found = relation.column(parts[-1]) or relation.guess(parts[-1])
    return [(relation, found)] if found is not None else []


def whole_row(parts: list[str], scope: Scope, gathered: Gathered) -> Origins:
    """Origins of ``t`` or ``t.*`` used as one value; of everything in scope for a bare ``*``."""
    if not parts:
        return frozenset().union(*(r.everything() for r in scope.relations))
    relation = scope.relation(parts[-1], parts[-2] if len(parts) > 1 else "")
    if relation is None:
        return unresolved(parts, scope, gathered)
    found = through(Flow.TRANSFORMED, relation.everything())
    if found:
        gathered.technique(Technique.ROW_TO_JSON)
    return found


def unresolved(parts: list[str], scope: Scope, gathered: Gathered) -> Origins:
    """A name nobody knows: a variable inside a function body, else a column newer than the catalogue — any column, then."""
    if gathered.variables is not None:
        return gathered.variables
    if len(parts) == 2 and parts[0] in ("new", "old") and scope.relation(parts[0]) is None:
        gathered.technique(Technique.TRIGGER)  # the row being written
        return NONE
    gathered.unknown = True
    relation = scope.relation(parts[-2]) if len(parts) > 1 else None
    candidates = [relation] if relation is not None else [r for level in scope.levels() for r in level.relations]
    tables = {o.table for r in candidates for o in r.everything()}
    return frozenset(Origin(table, "*", Flow.AS_IS) for table in tables)


def _operator(node: Node, scope: Scope, env: query.Env, gathered: Gathered) -> Origins:
    left = origins(*child(node, "lexpr"), scope, env, gathered)
    right = origins(*child(node, "rexpr"), scope, env, gathered)
    names = strings(node.name)
    equality = node.kind in (_KIND_DISTINCT, _KIND_NOT_DISTINCT, _KIND_IN) or (
        node.kind in (_KIND_OP, _KIND_OP_ANY, _KIND_OP_ALL) and bool(names) and names[-1] in EQUALITY
    )
    if equality:
        return predicate(left | right)
    if node.kind == _KIND_NULLIF:
        return through(Flow.TRANSFORMED, left)
    return through(Flow.TRANSFORMED, left | right)


def _case(node: Node, scope: Scope, env: query.Env, gathered: Gathered) -> Origins:
    found = predicate(origins(*child(node, "arg"), scope, env, gathered))
    for _, when in map(unwrap, node.args):
        found |= predicate(origins(*child(when, "expr"), scope, env, gathered))
        found |= through(Flow.TRANSFORMED, origins(*child(when, "result"), scope, env, gathered))
    return found | through(Flow.TRANSFORMED, origins(*child(node, "defresult"), scope, env, gathered))


def _sublink(node: Node, scope: Scope, env: query.Env, gathered: Gathered) -> Origins:
    kind, body = child(node, "subselect")
    before = len(gathered.scans)
    rows = query.statement(kind, body, scope, env, gathered)
    inner = all_origins(rows.fields)
    if node.sub_link_type in (_EXISTS, _ANY, _ALL, _ROWCOMPARE):
        del gathered.scans[before:]  # a test: no row of these leaves
    if node.sub_link_type == _EXISTS:
        return NONE
    if node.sub_link_type in (_EXPR, _MULTIEXPR):
        if any(o.flow is Flow.KEPT for o in inner):
            gathered.kept.append(rows)
        elif any(o.flow is not Flow.AGGREGATED for o in inner):
            gathered.loose = True  # a value for each row outside, which may be of many people, one, or none
        return inner
    if node.sub_link_type == _ARRAY:
        gathered.kept.append(rows)
        if inner:
            gathered.technique(Technique.CONCAT_AGGREGATE)
        return through(Flow.KEPT, inner)
    test = origins(*child(node, "testexpr"), scope, env, gathered)
    operator = strings(node.oper_name)
    if node.sub_link_type == _ANY and (not operator or operator[-1] in EQUALITY):
        return predicate(test | inner)
    return through(Flow.TRANSFORMED, test | inner)


def _indirection(node: Node, scope: Scope, env: query.Env, gathered: Gathered) -> Origins:
    kind, arg = child(node, "arg")
    steps = strings(node.indirection)
    if kind == "column_ref" and steps:  # (t).column
        found = lookup([*strings(arg.fields), steps[0]], scope)
        if found:
            return frozenset().union(*(f.origins for _, f in found))
    if kind == "func_call" and steps:  # (f()).column
        fields = relations.function(arg, scope, env, gathered).fields
        named = [f.origins for f in fields if f.name == steps[0]]
        return frozenset().union(*(named or [f.origins for f in fields]))
    subscripts = frozenset().union(
        *(origins(k, n, scope, env, gathered) for k, n in map(unwrap, node.indirection) if k not in ("string", "a_star"))
    )
    whole = origins(kind, arg, scope, env, gathered)
    if any(o.flow is Flow.KEPT for o in whole):  # a part of what an aggregate kept
        gathered.loose = True
    return through(Flow.TRANSFORMED, whole | subscripts)

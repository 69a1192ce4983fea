"""Conditions: which constants narrow what is read, and whether a query pages by a key that moves on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from scanner.lineage import expressions
from scanner.lineage.scope import Field, Gathered, Relation, Scan, Scope
from scanner.lineage.techniques import LONG_IN_LIST, Technique
from scanner.lineage.tree import Node, child, integer_constant, is_constant, strings, text_constant, unwrap, walk
from scanner.model import Flow, KeyPredicate, TableRef

_AND, _OR = 1, 2
_EXPR_SUBLINK = 5
_STEADY = (["min"], ["max"], ["count"], ["sum"], ["avg"])
_OP, _OP_ANY, _IN, _LIKE, _ILIKE, _SIMILAR, _BETWEEN, _BETWEEN_SYM = 1, 2, 7, 8, 9, 10, 11, 13
_MIRROR = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "="}


def apply(kind: str, node: Node, relations: Sequence[Relation], scope: Scope, gathered: Gathered) -> bool:
    """Note on the relations' scans what a WHERE or ON condition narrows. Returns whether there was any condition at all."""
    if node is None:
        return False
    ends: Counter[tuple[TableRef, str]] = Counter()
    for part_kind, part in conjuncts(kind, node):
        for relation, found in _narrowing(part_kind, part, scope, gathered):
            if found.kind == "range":
                ends[found.table, found.column] += 2 if part.kind in (_BETWEEN, _BETWEEN_SYM) else 1
            if found.kind == "in" and (found.values or 0) >= LONG_IN_LIST:
                gathered.long_list = True
            if any(relation is r for r in relations):
                scan = _scan(relation, found)
                if scan is not None:
                    scan.narrow(found)
    if any(closed > 1 and _is_key(table, column, gathered) for (table, column), closed in ends.items()):
        gathered.technique(Technique.KEY_RANGE)
    return True


def _is_key(ref: TableRef, column: str, gathered: Gathered) -> bool:
    """Whether the column by itself tells one row or one person of the table from the others."""
    table = gathered.names.schema.tables.get(ref)
    return table is not None and ((column,) in table.unique_keys or column == table.person_column)


def conjuncts(kind: str, node: Node) -> Iterator[tuple[str, Node]]:
    """The parts of a condition that must all hold."""
    if kind == "bool_expr" and node.boolop == _AND:
        for item in node.args:
            yield from conjuncts(*unwrap(item))
    else:
        yield kind, node


def _scan(relation: Relation, found: KeyPredicate) -> Scan | None:
    scans = [s for s in relation.rows.scans if s.table == found.table]
    return scans[0] if len(scans) == 1 else None


def _column(kind: str, node: Node, scope: Scope) -> tuple[Relation, TableRef, str] | None:
    """The base column that a bare column reference stands for."""
    while kind == "type_cast":  # id::bigint = 5 narrows as id = 5 does
        kind, node = child(node, "arg")
    if kind == "func_call" and len(node.args) == 1 and strings(node.funcname)[-1:] in (["any"], ["some"]):
        return None
    if kind != "column_ref":
        return None
    found = expressions.lookup(strings(node.fields), scope)
    if len(found) != 1:
        return None
    relation, field = found[0]
    origins = list(field.origins)
    if len(origins) != 1 or origins[0].flow is not Flow.AS_IS or origins[0].column == "*":
        return None
    return relation, origins[0].table, origins[0].column


def _narrowing(kind: str, node: Node, scope: Scope, gathered: Gathered) -> Iterator[tuple[Relation, KeyPredicate]]:
    if kind == "bool_expr" and node.boolop == _OR:
        yield from _alternatives(node, scope, gathered)
        return
    if kind == "sub_link" and node.sub_link_type == 3 and not node.oper_name:
        _, body = child(node, "subselect")
        target = _column(*child(node, "testexpr"), scope)
        if target is not None and body is not None and len(getattr(body, "values_lists", ())) > 0:
            yield target[0], KeyPredicate(target[1], target[2], "in", len(body.values_lists))
        return
    if kind != "a_expr":
        return
    left_kind, left = child(node, "lexpr")
    right_kind, right = child(node, "rexpr")
    operator = (strings(node.name) or [""])[-1]
    if left_kind == right_kind == "row_expr" and node.kind == _OP and operator in ("<", ">", "<=", ">="):
        left_kind, left = unwrap(left.args[0]) if left.args else ("", None)  # (a, b) > (1, 2) narrows a
        right_kind, right = unwrap(right.args[0]) if right.args else ("", None)
    target = _column(left_kind, left, scope) if left is not None else None
    if target is None and node.kind == _OP and operator in _MIRROR and right is not None:
        target, operator = _column(right_kind, right, scope), _MIRROR[operator]
        right_kind, right = left_kind, left
    if target is None or right is None:
        return
    relation, table, column = target
    if node.kind in (_BETWEEN, _BETWEEN_SYM):
        bounds = list(map(unwrap, right.items)) if right_kind == "list" else []
        if len(bounds) == 2 and all(_is_fixed(*b, scope) for b in bounds):
            low, high = (integer_constant(*b) for b in bounds)
            if node.kind == _BETWEEN_SYM and low is not None and high is not None:
                low, high = min(low, high), max(low, high)
            yield relation, KeyPredicate(table, column, "range", None, low, high)
    elif node.kind == _IN and operator == "=" and right_kind == "list":
        if all(_is_fixed(*unwrap(item), scope) for item in right.items):
            yield relation, KeyPredicate(table, column, "in", len(right.items))
    elif node.kind == _OP_ANY and operator == "=":
        if is_constant(right_kind, right):
            yield relation, KeyPredicate(table, column, "in", array_length(right_kind, right))
    elif node.kind in (_LIKE, _ILIKE, _SIMILAR) and operator in ("~~", "~~*", "~"):
        yield relation, KeyPredicate(table, column, "like")
    elif node.kind == _OP and _is_fixed(right_kind, right, scope):
        yield from ((relation, p) for p in _comparison(table, column, operator, integer_constant(right_kind, right)))
    elif node.kind == _OP and operator == "=" and right_kind == "sub_link" and _is_one_value(right, gathered):
        yield relation, KeyPredicate(table, column, "eq", 1)


def _is_one_value(link: Node, gathered: Gathered) -> bool:
    """Whether a subquery gives one value, the same for all rows: it stands for itself and names nothing outside."""
    if link.sub_link_type != _EXPR_SUBLINK:
        return False
    inside = list(walk(*child(link, "subselect")))
    if any(strings(item.funcname)[-1:] not in _STEADY for kind, item in inside if kind == "func_call"):
        return False  # it may be another value for each row
    tables = [item for kind, item in inside if kind == "range_var"]
    names = {name for t in tables for name in (t.relname, t.alias.aliasname) if name}
    known = [gathered.names.table(gathered.names.relation(t.schemaname, t.relname)) for t in tables]
    columns = {column.name for table in known if table is not None for column in table.columns}
    for parts in (strings(item.fields) for kind, item in inside if kind == "column_ref"):
        if parts and not (parts[-2] in names if len(parts) > 1 else parts[0] in columns):
            return False
    return bool(tables)


def _is_fixed(kind: str, node: Node, scope: Scope) -> bool:
    """Whether a value is the same for all rows: a constant or parameter, or a column of the row that a trigger is run for."""
    for inner, item in walk(kind, node):
        if inner == "sub_link":
            return False
        if inner == "column_ref":
            parts = strings(item.fields)
            if len(parts) != 2 or parts[0] not in ("new", "old") or scope.relation(parts[0]) is not None:
                return False
    return True


def _comparison(table: TableRef, column: str, operator: str, bound: int | None) -> Iterator[KeyPredicate]:
    if operator == "=":
        yield KeyPredicate(table, column, "eq", 1)
    elif operator in (">", ">="):
        yield KeyPredicate(table, column, "range", None, low=None if bound is None else bound + (operator == ">"))
    elif operator in ("<", "<="):
        yield KeyPredicate(table, column, "range", None, high=None if bound is None else bound - (operator == "<"))


def _alternatives(node: Node, scope: Scope, gathered: Gathered) -> Iterator[tuple[Relation, KeyPredicate]]:
    """``id = 1 or id = 2 or id in (3, 4)`` is a list of four."""
    found: list[tuple[Relation, KeyPredicate]] = []
    for item in node.args:
        part = [p for p in _narrowing(*unwrap(item), scope, gathered) if p[1].kind in ("eq", "in")]
        if len(part) != 1:
            return
        found += part
    relation, first = found[0]
    if all(r is relation and p.column == first.column and p.table == first.table for r, p in found):
        counts = [p.values for _, p in found]
        total = None if None in counts else sum(c for c in counts if c is not None)
        yield relation, KeyPredicate(first.table, first.column, "in", total)


def array_length(kind: str, node: Node) -> int | None:
    """How many elements ``ARRAY[…]`` or ``'{…}'`` lists; None when it cannot be told (a parameter)."""
    while kind == "type_cast":
        kind, node = child(node, "arg")
    if kind == "a_array_expr":
        return len(node.elements)
    text = text_constant(kind, node) if node is not None else None
    if text is not None and text.strip().startswith("{"):
        inside = text.strip()[1:-1]
        return inside.count(",") + 1 if inside.strip() else 0
    return None


def keyset(sort: Sequence[Node], fields: tuple[Field, ...], scope: Scope) -> bool:
    """Whether rows are ordered by a column that a range narrows, so that the next query can go on where this one ends."""
    for _, item in map(unwrap, sort):
        kind, key = child(item, "node")
        position = integer_constant(kind, key) if key is not None else None
        if position is not None:
            origins = list(fields[position - 1].origins) if 0 < position <= len(fields) else []
            pairs = [(o.table, o.column) for o in origins]
        else:
            target = _column(kind, key, scope) if key is not None else None
            pairs = [(target[1], target[2])] if target is not None else []
        scans = [s for r in scope.relations for s in r.rows.scans]
        for table, column in pairs:
            if any(s.table == table and column in s.narrowed and s.narrowed[column].kind == "range" for s in scans):
                return True
    return False


def groups_of_one(group: Sequence[Node], targets: Sequence[Node], scope: Scope, gathered: Gathered) -> bool:
    """Whether GROUP BY holds a unique key of every table: each group is then a single row and no aggregate hides anything."""
    keys: set[tuple[TableRef, str]] = set()
    for kind, item in map(unwrap, group):
        position = integer_constant(kind, item)
        if position is not None and 0 < position <= len(targets):
            kind, item = child(unwrap(targets[position - 1])[1], "val")
        target = _column(kind, item, scope) if item is not None else None
        if target is not None:
            keys.add((target[1], target[2]))
    for table, _ in keys:
        known = gathered.names.table(table)
        uniques = [*known.unique_keys, *([(known.person_column,)] if known.person_column else [])] if known is not None else []
        if any(all((table, c) in keys for c in unique) for unique in uniques):
            return True
    return False

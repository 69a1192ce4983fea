"""Writing statements: what they copy from where to where, and what RETURNING reads."""

from __future__ import annotations

from collections.abc import Sequence

from postgast import pg_query_pb2 as pb

from scanner.lineage import conditions, expressions, query, relations
from scanner.lineage.scope import NONE, Field, Gathered, Origin, Origins, Relation, Rows, Scan, Scope
from scanner.lineage.techniques import Technique
from scanner.lineage.tree import Node, child, unwrap
from scanner.model import Flow, Output, TableRef

_CONFLICT_UPDATE = 3


def write(kind: str, node: Node, outer: Scope | None, env: query.Env, gathered: Gathered) -> Rows:
    """Rows that a writing statement returns; what it copies is noted in ``gathered.written``."""
    env = query.with_clause(node, outer, env, gathered)
    handler = {"insert_stmt": _insert, "update_stmt": _update, "delete_stmt": _delete, "merge_stmt": _merge}[kind]
    return handler(node, outer, env, gathered)


def copied(fields: Sequence[Field], names: Sequence[str]) -> tuple[Output, ...]:
    """Base columns that go into another relation, with their names there (the result's own where none are given)."""
    outputs: dict[Output, None] = {}
    exact = bool(names) and len(names) >= len(fields) and all(f.name != "*" for f in fields)
    for i, item in enumerate(fields):
        for origin in sorted(item.origins, key=str):
            under = [names[i]] if exact else ([item.name] if not names else list(names))
            for name in under:
                outputs.setdefault(Output(origin.table, origin.column, origin.flow, name))
    return tuple(outputs)


def _target(node: Node, gathered: Gathered) -> tuple[TableRef, list[str]]:
    var = node.relation
    ref = gathered.names.relation(var.schemaname, var.relname)
    table = gathered.names.table(ref)
    return ref, [c.name for c in table.columns] if table is not None else []


def _scanned(node: Node, gathered: Gathered) -> tuple[TableRef, Relation]:
    """The target as a relation that the statement reads."""
    var = node.relation
    ref = gathered.names.relation(var.schemaname, var.relname)
    alias = var.alias.aliasname if var.HasField("alias") else var.relname
    return ref, Relation(alias, query.table_rows(ref, gathered, Scan(ref)), ref.schema)


def _returning(node: Node, target: Relation, scope: Scope, env: query.Env, gathered: Gathered) -> tuple[Field, ...]:
    if not node.HasField("returning_clause"):
        return ()
    clause = node.returning_clause
    aliases = {"old", "new"} | {option.value for _, option in map(unwrap, clause.options)}
    scope.parent = Scope([Relation(alias, target.rows) for alias in sorted(aliases)], scope.parent)
    fields = tuple(f for item in clause.exprs for f in query.target(unwrap(item)[1], scope, env, gathered))
    if any(f.origins for f in fields):
        gathered.technique(Technique.RETURNING)
    return fields


def _insert(node: Node, outer: Scope | None, env: query.Env, gathered: Gathered) -> Rows:
    ref, columns = _target(node, gathered)
    kind, source = child(node, "select_stmt")
    rows = query.statement(kind, source, outer, env, gathered) if source is not None else Rows(one_row=True)
    names = [unwrap(item)[1].name for item in node.cols] or columns
    mapping = copied(rows.fields, names)
    gathered.written.append((ref, mapping))
    incoming: dict[str, Origins] = {}
    for output in mapping:
        incoming[output.name] = incoming.get(output.name, NONE) | {Origin(output.table, output.column, output.flow)}
    updates = node.HasField("on_conflict_clause") and node.on_conflict_clause.action == _CONFLICT_UPDATE
    existing = bool(mapping) or updates  # else what comes back is what the client itself sent
    seen: list[Field] = []
    for name in columns or list(dict.fromkeys([*names, "*"])):
        own = frozenset({Origin(ref, name, Flow.AS_IS)}) if existing else NONE
        more = frozenset().union(*incoming.values()) if name == "*" else incoming.get(name, NONE)
        seen.append(Field(name, own | more))
    alias = node.relation.alias.aliasname if node.relation.HasField("alias") else node.relation.relname
    target = Relation(alias, Rows(tuple(seen)), ref.schema)
    scope = Scope([target], outer)
    if updates:
        with_excluded = Scope([target, Relation("excluded", Rows(tuple(Field(f.name) for f in seen)))], outer)
        _assign(node.on_conflict_clause.target_list, ref, with_excluded, env, gathered)
        query.discard(*child(node.on_conflict_clause, "where_clause"), with_excluded, env, gathered)
    fields = _returning(node, target, scope, env, gathered)
    if fields and existing:
        gathered.read(ref)
    return Rows(fields, one_row=rows.one_row, filtered=rows.filtered, limit=rows.limit)


def _assign(targets: Sequence[Node], ref: TableRef, scope: Scope, env: query.Env, gathered: Gathered) -> None:
    """``SET column = expression``: other columns' values copied into this one."""
    mapping: dict[Output, None] = {}
    for _, item in map(unwrap, targets):
        kind, value = child(item, "val")
        if kind == "multi_assign_ref":
            kind, value = child(value, "source")
        for origin in sorted(expressions.origins(kind, value, scope, env, gathered), key=str):
            if (origin.table, origin.column) != (ref, item.name):
                mapping.setdefault(Output(origin.table, origin.column, origin.flow, item.name))
    if mapping:
        gathered.written.append((ref, tuple(mapping)))


def _update(node: Node, outer: Scope | None, env: query.Env, gathered: Gathered) -> Rows:
    ref, target = _scanned(node, gathered)
    scope = Scope([target], outer)
    for item in node.from_clause:
        relations.add(*unwrap(item), scope, env, gathered)
    return _finish(node, ref, target, scope, env, gathered)


def _delete(node: Node, outer: Scope | None, env: query.Env, gathered: Gathered) -> Rows:
    ref, target = _scanned(node, gathered)
    scope = Scope([target], outer)
    for item in node.using_clause:
        relations.add(*unwrap(item), scope, env, gathered)
    return _finish(node, ref, target, scope, env, gathered)


def _finish(node: Node, ref: TableRef, target: Relation, scope: Scope, env: query.Env, gathered: Gathered) -> Rows:
    kind, where = child(node, "where_clause")
    query.discard(kind, where, scope, env, gathered)
    conditions.apply(kind, where, scope.relations, scope, gathered)
    gathered.written.append((ref, ()))
    if node.DESCRIPTOR.name == "UpdateStmt":
        _assign(node.target_list, ref, scope, env, gathered)
    fields = _returning(node, target, scope, env, gathered)
    if fields and gathered.written and gathered.written[-1][0] == ref:  # SET v = other.phone … RETURNING v hands the phone over
        came = {o.name: frozenset({Origin(o.table, o.column, o.flow)}) for o in gathered.written[-1][1]}
        fields = tuple(Field(f.name, f.origins | came.get(f.name, NONE)) for f in fields)
    return Rows(fields, filtered=where is not None, scans=target.rows.scans)


def _merge(node: Node, outer: Scope | None, env: query.Env, gathered: Gathered) -> Rows:
    ref, target = _scanned(node, gathered)
    scope = Scope([target], outer)
    relations.add(*child(node, "source_relation"), scope, env, gathered)
    query.discard(*child(node, "join_condition"), scope, env, gathered)
    gathered.written.append((ref, ()))
    columns = [f.name for f in target.fields if f.name != "*"]
    for _, when in map(unwrap, node.merge_when_clauses):
        query.discard(*child(when, "condition"), scope, env, gathered)
        if when.command_type == pb.CMD_INSERT:
            names = [unwrap(item)[1].name for item in when.target_list] or columns
            values = [Field("value", expressions.origins(k, n, scope, env, gathered)) for k, n in map(unwrap, when.values)]
            gathered.written.append((ref, copied(values, names)))
        else:
            _assign(when.target_list, ref, scope, env, gathered)
    return Rows(_returning(node, target, scope, env, gathered), filtered=True)

"""From a statement's text to its lineage."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from scanner.lineage import calls, lexical, settings, utility
from scanner.lineage.names import Names, is_system, logged_relation
from scanner.lineage.scope import Gathered, Origin, Scan
from scanner.lineage.techniques import Technique
from scanner.lineage.tree import Statement, parse
from scanner.model import Destination, Flow, KeyPredicate, Kind, Lineage, Output, Schema, TableRef

_Item = TypeVar("_Item")
_REPLICATION = re.compile(
    r"(?i)^\s*(?:received replication command:\s*)?(BASE_BACKUP|START_REPLICATION|CREATE_REPLICATION_SLOT|DROP_REPLICATION_SLOT|"
    r"ALTER_REPLICATION_SLOT|READ_REPLICATION_SLOT|IDENTIFY_SYSTEM|TIMELINE_HISTORY|UPLOAD_MANIFEST)\b"
)
_LONG = 1_000_000
_LONG_INSERT = re.compile(r"(?is)\s*insert\s+into\s+([^\s(]+)\s*(?:\([^()]*\))?\s*values\b")
_READS = re.compile(r"(?i)\b(?:select|table|returning|execute)\b")
_FAULTS = (AttributeError, LookupError, TypeError, ValueError)
"""Faults of our own on a text that nobody thought of: the statement counts as not understood, and the scan goes on."""
_RETURN_ROWS = frozenset({Kind.SELECT, Kind.COPY_OUT, Kind.DECLARE})
_STREAMS = frozenset({"BASE_BACKUP", "START_REPLICATION"})
_COMMANDS = {
    "SELECT": ("select_stmt", "copy_stmt", "declare_cursor_stmt", "prepare_stmt", "create_table_as_stmt", "explain_stmt"),
    "COPY": ("copy_stmt",),
    "DECLARE CURSOR": ("declare_cursor_stmt",),
    "INSERT": ("insert_stmt",),
    "UPDATE": ("update_stmt",),
    "DELETE": ("delete_stmt",),
    "MERGE": ("merge_stmt",),
    "FETCH": ("fetch_stmt",),
    "MOVE": ("fetch_stmt",),
    "CLOSE CURSOR": ("close_portal_stmt",),
    "PREPARE": ("prepare_stmt",),
    "DEALLOCATE": ("deallocate_stmt",),
    "CREATE TABLE AS": ("create_table_as_stmt", "select_stmt"),
    "SELECT INTO": ("select_stmt",),
    "CREATE MATERIALIZED VIEW": ("create_table_as_stmt",),
    "REFRESH MATERIALIZED VIEW": ("refresh_mat_view_stmt",),
    "CREATE VIEW": ("view_stmt",),
    "EXPLAIN": ("explain_stmt",),
    "DO": ("do_stmt",),
    "CALL": ("call_stmt",),
    "SET": ("variable_set_stmt",),
    "RESET": ("variable_set_stmt",),
    "ALTER SYSTEM": ("alter_system_stmt",),
    "LOCK TABLE": ("lock_stmt",),
    "BEGIN": ("transaction_stmt",),
    "COMMIT": ("transaction_stmt",),
    "ROLLBACK": ("transaction_stmt",),
}
_CALLABLE = ("select_stmt", "insert_stmt", "update_stmt", "delete_stmt", "merge_stmt", "execute_stmt", "call_stmt", "copy_stmt")


def analyze(
    statement: str | None,
    schema: Schema,
    *,
    logged: Sequence[str] = (),
    command: str = "",
    search_path: Sequence[str] = (),
    temporary: Collection[str] = (),
) -> Lineage:
    """What one statement reads, returns and writes. Never raises, whatever the text.

    ``logged`` are the relations that the audit log named for it (``schema.name``), ``command`` the log's command word: of a text
    with several statements, those that fit both are meant. ``search_path`` resolves unqualified names when it is known,
    ``temporary`` are the session's own tables.
    """
    names = Names(schema, tuple(logged_relation(name) for name in logged if name), tuple(search_path), frozenset(temporary))
    if statement is None or not statement.strip():
        return _by_log(names)
    if match := _REPLICATION.match(statement):
        return _replication(match.group(1).upper(), names)
    statements = parse(statement)
    otherwise = lexical.with_escapes(statement)
    if otherwise is not None and (other := parse(otherwise)):  # as standard_conforming_strings = off would have it read
        statements = (*(statements or ()), *other)
    if statements is None:
        return _unparsed(statement, names)
    if not statements:  # only comments
        return replace(_by_log(names), kind=Kind.UTILITY)
    try:
        sensitive = lexical.literals_matter(statement)
        candidates = [_one(s, names, sensitive) for s in fitting(statements, command)]
    except (RecursionError, MemoryError, *_FAULTS):
        return _unparsed(statement, names)
    return _named_too(union(_matching(candidates, names)), names)


def fitting(statements: Sequence[Statement], command: str) -> Sequence[Statement]:
    """Of several statements in one text, those that the log's command word can mean; all of them when none fits."""
    if len(statements) == 1:
        return statements
    word = command.upper()
    kinds = _CALLABLE if word == "EXECUTE" else _COMMANDS.get(word, ())
    if not kinds and word:
        guess = word.split()[0].lower()
        kinds = tuple({s.name for s in statements if s.name.startswith(guess)})
    return [s for s in statements if s.name in kinds] or statements


def _matching(candidates: Sequence[Lineage], names: Names) -> Sequence[Lineage]:
    """Of several candidates, those that read or write what the log named; all of them when none does."""
    if len(candidates) == 1 or not names.logged:
        return candidates
    named = {names.relation(ref.schema, ref.name) for ref in names.logged}
    found = [c for c in candidates if named & {*c.tables, *([c.written] if c.written is not None else [])}]
    return found or candidates


def _one(statement: Statement, names: Names, sensitive: bool) -> Lineage:
    gathered = Gathered(names)
    made = utility.draft(statement, gathered)
    outputs: dict[Output, None] = {}
    if made.leaves:
        for field in made.rows.fields:
            for origin in sorted(field.origins, key=_order):
                if not is_system(origin.table):
                    outputs.setdefault(Output(origin.table, origin.column, origin.flow, field.name))
    told = {(o.table, o.column) for o in outputs if o.flow is not Flow.AGGREGATED}
    for origin in sorted(gathered.sent, key=_order):  # select count(pg_notify(…)): it returns a number, and all of them left
        if not is_system(origin.table) and origin.flow is not Flow.AGGREGATED and (origin.table, origin.column) not in told:
            outputs.setdefault(Output(origin.table, origin.column, origin.flow, origin.column))
    destination = made.destination
    written = names.table(made.written) if made.written is not None else None
    if written is not None and written.kind == "foreign_table" and made.written_columns:  # it is another server's
        gathered.technique(Technique.DBLINK)
        destination = Destination.NETWORK
    if gathered.everything:
        for origin in sorted(calls.everything(gathered, Flow.KEPT if not gathered.unknown else Flow.TRANSFORMED), key=_order):
            outputs.setdefault(Output(origin.table, origin.column, origin.flow, origin.column))
    rows = made.rows
    if gathered.kept and any(o.flow is Flow.KEPT for o in outputs):  # what bounds such a subquery bounds what it packs
        one = rows.one_row and len(gathered.kept) == 1
        rows = replace(
            rows,
            filtered=rows.filtered or any(inner.filtered for inner in gathered.kept),
            limit=gathered.kept[0].limit if one and rows.limit is None else rows.limit,
        )
    predicates = narrowed(gathered.scans)
    if rows.has_offset or rows.keyset_order or (rows.limit is not None and "random" in gathered.functions):
        gathered.technique(Technique.PAGING)
    if gathered.long_list:
        gathered.technique(Technique.IN_LIST)
    if settings.tampers(gathered):
        gathered.technique(Technique.AUDIT_TAMPERING)
    return Lineage(
        kind=made.kind,
        tables=tuple(gathered.tables),
        outputs=tuple(outputs),
        destination=destination,
        written=made.written,
        written_columns=tuple(o for o in made.written_columns if not is_system(o.table)),
        one_row=rows.one_row,
        grouped=rows.grouped,
        keeps_values=any(o.flow is Flow.KEPT for o in outputs),
        limit=rows.limit,
        has_offset=rows.has_offset,
        keyset_order=rows.keyset_order,
        predicates=predicates,
        filtered=rows.filtered or gathered.loose,
        branches=tuple(tuple(sorted(side)) for side in rows.branches),
        multiplied=rows.multiplied,
        cursor=made.cursor,
        fetch_count=made.fetch_count,
        backward=made.backward,
        prepared=made.prepared,
        functions=tuple(gathered.functions),
        definer_functions=tuple(gathered.definer_functions),
        settings=tuple(settings.keep(*pair) for pair in gathered.settings),
        renamed_from=made.renamed_from,
        unknown=gathered.unknown,
        literal_sensitive=sensitive,
        techniques=tuple(gathered.techniques),
    )


def _order(origin: Origin) -> tuple[str, str, str, str]:
    return (origin.table.schema, origin.table.name, origin.column, origin.flow)


def narrowed(scans: Iterable[Scan]) -> tuple[KeyPredicate, ...]:
    """What narrows each relation: a predicate counts only when every appearance of the relation has one on that column."""
    by_table: dict[TableRef, list[Scan]] = {}
    for scan in scans:
        by_table.setdefault(scan.table, []).append(scan)
    found: list[KeyPredicate] = []
    for table, appearances in by_table.items():
        for column, first in appearances[0].narrowed.items():
            merged: KeyPredicate | None = first
            for other in appearances[1:]:
                more = other.narrowed.get(column)
                merged = _either(table, column, merged, more) if merged is not None and more is not None else None
            if merged is not None:
                found.append(merged)
    return tuple(found)


def _either(table: TableRef, column: str, a: KeyPredicate, b: KeyPredicate) -> KeyPredicate | None:
    if a.kind in ("eq", "in") and b.kind in ("eq", "in"):
        total = None if a.values is None or b.values is None else a.values + b.values
        return KeyPredicate(table, column, "in", total)
    if a.kind == b.kind == "range":
        low = None if a.low is None or b.low is None else min(a.low, b.low)
        high = None if a.high is None or b.high is None else max(a.high, b.high)
        return KeyPredicate(table, column, "range", None, low, high)
    return a if a.kind == b.kind else None


def union(parts: Sequence[Lineage]) -> Lineage:
    """Several statements that one log line may mean, taken together: all that any of them reads, none of what bounds only one."""
    parts = tuple(dict.fromkeys(parts))
    if len(parts) == 1:
        return parts[0]
    main = max(parts, key=lambda p: (len(p.outputs), len(p.tables)))
    return replace(
        main,
        tables=_all(p.tables for p in parts),
        outputs=_all(p.outputs for p in parts),
        written_columns=_all(p.written_columns for p in parts),
        one_row=all(p.one_row for p in parts if p.outputs),
        grouped=all(p.grouped for p in parts),
        keeps_values=any(p.keeps_values for p in parts),
        limit=None,
        has_offset=any(p.has_offset for p in parts),
        keyset_order=any(p.keyset_order for p in parts),
        branches=(),
        multiplied=any(p.multiplied for p in parts),
        predicates=(),
        filtered=all(p.filtered for p in parts if p.tables),
        functions=_all(p.functions for p in parts),
        definer_functions=_all(p.definer_functions for p in parts),
        settings=_all(p.settings for p in parts),
        unknown=any(p.unknown for p in parts),
        techniques=_all(p.techniques for p in parts),
    )


def _all(parts: Iterable[Iterable[_Item]]) -> tuple[_Item, ...]:
    return tuple(dict.fromkeys(item for part in parts for item in part))


def _named_too(lineage: Lineage, names: Names) -> Lineage:
    """Relations that the log named although the parse did not find them are read all the same.

    They are read through a view or function that the catalogue does not have. Where the statement uses nothing of the kind (row
    security, rules), their values do not leave.
    """
    known = names.schema.tables
    read = {*lineage.tables, lineage.written, lineage.renamed_from}
    extra = tuple(
        ref
        for ref in _resolved(names)
        if ref not in read and ref in known and known[ref].kind != "view" and known[ref].parent not in lineage.tables
    )
    if not extra or lineage.kind in (Kind.UNPARSED, Kind.EXPLAIN, Kind.EXPLAIN_ANALYZE):
        return lineage
    through = any(ref not in known for ref in lineage.tables) or (lineage.functions and not lineage.outputs)
    through = through or (not lineage.tables and lineage.kind in _RETURN_ROWS)  # a text that names no table, a log that does
    if not through:
        return replace(lineage, tables=(*lineage.tables, *extra))
    contradicts = any(known[ref].has_pii for ref in extra)
    # how many rows an unknown function returns cannot be told from the text
    return replace(lineage, tables=(*lineage.tables, *extra), outputs=(*lineage.outputs, *_star(extra)), one_row=False,
                   contradicts=contradicts)  # fmt: skip


def _star(refs: Iterable[TableRef]) -> tuple[Output, ...]:
    return tuple(Output(ref, "*", Flow.AS_IS, "*") for ref in refs)


def _by_log(names: Names) -> Lineage:
    """Without a text, what the log named is all that is known."""
    refs = _resolved(names)
    return Lineage(Kind.UNPARSED, tables=refs, outputs=_star(refs), unknown=True)


def _resolved(names: Names) -> tuple[TableRef, ...]:
    refs = (names.relation(ref.schema, ref.name) for ref in names.logged)
    return tuple(dict.fromkeys(ref for ref in refs if not is_system(ref)))


def _unparsed(text: str, names: Names) -> Lineage:
    """A text that does not parse (cut by the log, or of a newer grammar): it may read all that the log or the text names."""
    if len(text) > _LONG and (insert := _LONG_INSERT.match(text)) and not _READS.search(text):
        written = logged_relation(insert.group(1).lower() if '"' not in insert.group(1) else insert.group(1))
        ref = names.relation(written.schema, written.name)
        return Lineage(Kind.INSERT, destination=Destination.NOWHERE, written=ref)
    refs = tuple(dict.fromkeys((*_resolved(names), *names.mentioned(text))))
    return Lineage(Kind.UNPARSED, tables=refs, outputs=_star(refs), unknown=True, literal_sensitive=True)


def _replication(word: str, names: Names) -> Lineage:
    """Walsender commands: a base backup or a stream carries every table."""
    if word not in _STREAMS:
        return Lineage(Kind.REPLICATION, destination=Destination.NOWHERE, techniques=(str(Technique.REPLICATION),))
    gathered = Gathered(names)
    outputs = tuple(
        Output(o.table, o.column, o.flow, o.column) for o in sorted(calls.everything(gathered, Flow.AS_IS), key=_order)
    )
    return Lineage(
        Kind.REPLICATION,
        tables=tuple(gathered.tables),
        outputs=outputs,
        destination=Destination.NETWORK,
        unknown=word == "START_REPLICATION",
        techniques=(str(Technique.REPLICATION),),
    )

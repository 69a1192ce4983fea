"""The book of shapes of one database: each distinct statement shape is analysed once, against the catalogue, and kept.

Copies made by statements (``create table x as …``, ``insert … select``, ``select into``, renames) enter the schema as
*derived tables* with the personal columns of their source, so that later reads of the copy count. So do functions with their
owner's rights that statements have created: the log never shows what is read inside them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from scanner import lineage
from scanner.exposure import PACKED, Facts, facts
from scanner.lineage.created import created_functions
from scanner.model import Column, Flow, Function, Kind, Lineage, Schema, Table, TableRef

_OURS = frozenset({"postgresql", "sqlite"})  # whose views and functions are read by PostgreSQL's grammar
_COPIES = frozenset({Kind.CREATE_AS, Kind.INSERT, Kind.REFRESH, Kind.CREATE_VIEW, Kind.MERGE, Kind.UPDATE})


@dataclass
class ShapeBook:
    """Facts by shape. ``schema`` is the catalogue; ``derived`` what statements have made since."""

    database: str
    schema: Schema
    known: dict[str, Facts] = field(default_factory=dict)
    current: set[str] = field(default_factory=set)  # shapes whose facts hold for the schema as it is now
    derived: dict[TableRef, Table] = field(default_factory=dict)
    dialect: str = "postgresql"  # the engine whose SQL it is
    new_shapes: dict[str, dict[str, Any]] = field(default_factory=dict)
    new_derived: dict[TableRef, Table] = field(default_factory=dict)
    prepared: dict[str, Lineage] = field(default_factory=dict)  # the latest statement prepared under each name
    created: dict[TableRef, tuple[Function, ...]] = field(default_factory=dict)  # by statements, since the catalogue was scanned
    new_created: set[TableRef] = field(default_factory=set)
    filled: dict[TableRef, int] = field(default_factory=dict)  # rows that INSERT … SELECT has put into each since it was emptied

    @classmethod
    def open(
        cls,
        database: str,
        schema: Schema,
        shape_rows: Iterable[Mapping[str, Any]],
        derived_rows: Iterable[Mapping[str, Any]],
        dialect: str = "postgresql",
    ) -> ShapeBook:
        """The book as the state database remembers it."""
        derived_rows = list(derived_rows)
        tables, functions = _from_rows(derived_rows)
        derived = {ref: table for ref, table in tables.items() if ref not in schema.tables}
        book = cls(database, replace(schema, tables={**schema.tables, **derived}), derived=derived, dialect=dialect)
        for ref, found in functions.items():
            book._learn(ref, found)
        kept = {TableRef(row["schema"], row["name"]): json.loads(row["document"]).get("filled", 0) for row in derived_rows}
        book.filled = {ref: rows for ref, rows in kept.items() if rows and ref in derived}
        for row in shape_rows:
            book.known[row["shape"]] = Facts.from_json(row["facts"])
            if row["schema_version"] == schema.version and '"key_plan"' in row["facts"]:  # those of older versions have none
                book.current.add(row["shape"])
        return book

    def missing(self, shapes: Iterable[str]) -> list[str]:
        """Those of ``shapes`` that have to be analysed, in the given order."""
        return [shape for shape in shapes if shape not in self.current]

    def add(
        self,
        shape: str,
        statement: str | None,
        *,
        logged: Sequence[str],
        command: str,
        rows: int | None,
        seen: str,
        dbname: str | None = None,
        context: lineage.Context | None = None,
    ) -> Facts:
        """Analyse one shape by a representative statement. ``rows`` is the largest row count reported for it, ``dbname`` the
        database that the session was in, ``context`` what the session has made of unqualified names."""
        context = context or lineage.Context()
        path = (dbname,) if dbname and self.dialect in ("mariadb", "mysql", "bigquery") else context.path
        found = lineage.analyze(
            statement,
            self.schema,
            logged=logged,
            command=command,
            search_path=path,
            temporary=context.temporary,
            dialect=self.dialect,
        )
        named = lineage.relations(logged, self.schema, self.dialect)
        text = lineage.plain(statement, self.dialect) if statement else ""
        result = facts(shape, found, self.schema, logged=named, statement=text, dialect=self.dialect)
        found = self._of_prepared(found)
        copy = self._derive(found, result, rows, statement or "")
        if found.kind is Kind.DDL and statement and self.dialect in _OURS:
            self._create(created_functions(statement, replace(self.schema, functions={**self.schema.functions, **self.created})))
        result = replace(result, copies_into=str(copy) if copy else None)
        self.known[shape] = result
        self.current.add(shape)
        self.new_shapes[shape] = {
            "database": self.database,
            "shape": shape,
            "schema_version": self.schema.version,
            "kind": found.kind.value,
            "statement": lineage.masked(statement, self.dialect) if statement else "",
            "facts": result.to_json(),
            "first_seen": seen,
        }
        return result

    def size_of_copy(self, shape: str) -> int | None:
        """Rows of the table that a known shape copies personal data into; None when it copies nothing."""
        name = self.known[shape].copies_into if shape in self.current else None
        return next((table.rows or 0 for ref, table in self.derived.items() if str(ref) == name), None) if name else None

    def fills(self, shape: str) -> TableRef | None:
        """The copy that a known shape adds rows to; what each session has for itself is none."""
        facts = self.known[shape] if shape in self.current else None
        if facts is None or facts.copies_into is None or facts.kind not in ("insert", "merge"):
            return None
        return next((ref for ref in self.derived if str(ref) == facts.copies_into and ref.schema != "pg_temp"), None)

    def fill(self, ref: TableRef, rows: int) -> None:
        """Remember how many rows a copy has been given since it was emptied."""
        if self.filled.get(ref, 0) != rows:
            self.filled[ref] = rows
            self.new_derived[ref] = self.derived[ref]

    def changes(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Rows of ``shape`` and ``derived_table`` that are new since the last call."""
        shapes = list(self.new_shapes.values())
        derived = [
            {
                "database": self.database,
                "schema": ref.schema,
                "name": ref.name,
                "document": json.dumps({**asdict(table), "filled": self.filled.get(ref, 0)}, sort_keys=True, ensure_ascii=False),
                "since": "",
            }
            for ref, table in self.new_derived.items()
        ]
        derived += [
            {
                "database": self.database,
                "schema": ref.schema,
                "name": f"{ref.name}()",  # no relation is called so
                "document": json.dumps({"functions": [asdict(f) for f in self.created[ref]]}, ensure_ascii=False),
                "since": "",
            }
            for ref in sorted(self.new_created)
        ]
        self.new_shapes, self.new_derived, self.new_created = {}, {}, set()
        return shapes, derived

    # -- functions ----------------------------------------------------------------------------------------------

    def _create(self, functions: Sequence[Function]) -> None:
        """Enter functions that a statement has created. What an older one of the name read still counts: it may come back."""
        for function in functions:
            if function in self.created.get(function.ref, ()):
                continue
            self._learn(function.ref, (function,))
            self.new_created.add(function.ref)
            if function.security_definer:  # shapes that call it were judged without knowing what it reads
                called = function.ref.name
                self.current -= {s for s in self.current if called in self.known[s].functions}

    def _learn(self, ref: TableRef, functions: tuple[Function, ...]) -> None:
        """Of the functions created, only those with their owner's rights matter to lineage: the log shows what others read."""
        self.created[ref] = (*self.created.get(ref, ()), *functions)
        told = [f for f in functions if f.security_definer or f.returns.strip().lower() == "refcursor"]
        definers = tuple(f for f in told if f not in self.schema.functions.get(ref, ()))
        if definers:
            known = {**self.schema.functions, ref: (*self.schema.functions.get(ref, ()), *definers)}
            self.schema = replace(self.schema, functions=known)

    # -- copies -------------------------------------------------------------------------------------------------

    def _of_prepared(self, found: Lineage) -> Lineage:
        """``create table x as execute p`` copies what ``p`` yields, as it was prepared last."""
        if found.kind is Kind.PREPARE and found.prepared:
            self.prepared[found.prepared] = found
        if found.kind is not Kind.CREATE_AS or not found.prepared or found.prepared not in self.prepared:
            return found
        source = self.prepared[found.prepared]
        return replace(found, written_columns=source.outputs, limit=source.limit, predicates=source.predicates)

    def _derive(self, found: Lineage, result: Facts, rows: int | None, statement: str) -> TableRef | None:
        if found.written is None:
            return None
        if found.kind is Kind.RENAME and found.renamed_from is not None:
            source = self.schema.tables.get(found.renamed_from)
            if source is not None and source.has_pii:
                self._enter(replace(source, ref=found.written))
                return found.written
        elif found.kind in _COPIES and found.written_columns:
            columns = self._copied_columns(found)
            if columns:
                copy = self._copy(found, found.written, columns, result, rows)
                if found.kind is Kind.CREATE_VIEW and self.dialect in _OURS and "dblink" not in found.techniques:
                    copy = replace(copy, kind="view", definition=statement)
                self._enter(copy)
                return found.written
        return None

    def _copied_columns(self, found: Lineage) -> tuple[Column, ...]:
        columns: dict[str, Column] = {}
        temporary = found.written is not None and found.written.schema == "pg_temp"
        for output in found.written_columns:
            source = self.schema.tables.get(output.table)
            if source is None or output.flow is Flow.AGGREGATED:
                continue
            for column in source.columns:
                if column.pii_class is None or (output.column != "*" and output.column != column.name):
                    continue
                name = output.name if output.name and output.column != "*" else column.name
                # no contract can name a session's own table: what is read from it counts as the columns that it came from
                kept = (column.origin or f"{source.ref}.{column.name}") if temporary else ""
                form = "masked" if output.flow is Flow.MASKED else column.form
                evidence = f"copied from {source.ref}.{column.name}"
                columns[name] = replace(column, name=name, form=form, evidence=evidence, origin=kept)
        return tuple(columns.values())

    def _copy(self, found: Lineage, target: TableRef, columns: tuple[Column, ...], result: Facts, rows: int | None) -> Table:
        total, persons = rows if rows else result.best_rows or result.total_rows, result.total_persons
        if not total:  # a view: nothing is copied yet, and as much can be read of it as of what it reads
            sources = [self.schema.tables[o.table] for o in found.written_columns if o.table in self.schema.tables]
            total = max((t.rows or 0 for t in sources), default=0) or None
            held = [t.rows if t.persons is None else t.persons for t in sources]
            persons = max((n for n in held if n), default=None)
        packed = any(o.flow is Flow.KEPT for o in found.written_columns)
        if found.limit == 0 and not rows:  # WITH NO DATA, LIMIT 0: the columns are there, the people are not
            total = persons = 0
        if packed:
            persons = max((n for n in (result.total_persons, result.best_rows) if n), default=None) if total else 0
            total = rows or (result.low_rows if found.grouped else 1)
        before = self.schema.tables.get(target)
        if before is not None:
            merged = {c.name: c for c in before.columns}
            for column in columns:
                if merged.get(column.name) is None or merged[column.name].pii_class is None:
                    merged[column.name] = column
            size = None if before.rows is None and total is None else max(before.rows or 0, total or 0)
            if packed or before.kind == PACKED:
                most = max(before.persons or 0, persons or 0)
                return replace(before, columns=tuple(merged.values()), kind=PACKED, rows=size, persons=most)
            return replace(before, columns=tuple(merged.values()), rows=size, persons=_least(persons, size))
        if packed:
            return Table(ref=target, columns=columns, kind=PACKED, rows=total, persons=persons)
        return Table(ref=target, columns=columns, rows=total, persons=_least(persons, total))

    def _enter(self, table: Table) -> None:
        if self.schema.tables.get(table.ref) == table:
            return
        self.derived[table.ref] = table
        self.new_derived[table.ref] = table
        self.schema = replace(self.schema, tables={**self.schema.tables, table.ref: table})
        # shapes over that name were judged without knowing what it holds
        name = str(table.ref)
        bare = f".{table.ref.name}"
        self.current -= {s for s in self.current if any(x == name or x.endswith(bare) for x in self.known[s].tables)}


def _least(persons: int | None, rows: int | None) -> int | None:
    known = [number for number in (persons, rows) if number is not None]
    return min(known) if known else None


def _from_rows(rows: Iterable[Mapping[str, Any]]) -> tuple[dict[TableRef, Table], dict[TableRef, tuple[Function, ...]]]:
    """Derived tables, and functions created, as kept."""
    tables: dict[TableRef, Table] = {}
    functions: dict[TableRef, tuple[Function, ...]] = {}
    for row in rows:
        if row["name"].endswith("()"):
            kept = [
                Function(**{**raw, "ref": TableRef(**raw["ref"]), "argument_names": tuple(raw["argument_names"])})
                for raw in json.loads(row["document"])["functions"]
            ]
            functions[kept[0].ref] = tuple(kept)
        else:
            ref, table = _table_from_row(row)
            tables[ref] = table
    return tables, functions


def _table_from_row(row: Mapping[str, Any]) -> tuple[TableRef, Table]:
    raw = json.loads(row["document"])
    ref = TableRef(**raw["ref"])
    return ref, Table(
        ref=ref,
        columns=tuple(Column(**c) for c in raw["columns"]),
        kind=raw["kind"],
        rows=raw["rows"],
        persons=raw["persons"],
        person_column=raw["person_column"],
        unique_keys=tuple(tuple(k) for k in raw["unique_keys"]),
        definition=raw.get("definition"),
    )

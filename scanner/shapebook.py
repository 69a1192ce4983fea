"""The book of shapes of one database: each distinct statement shape is analysed once, against the catalogue, and kept.

Copies made by statements (``create table x as …``, ``insert … select``, ``select into``, renames) enter the schema as
*derived tables* with the personal columns of their source, so that later reads of the copy count.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from scanner import lineage
from scanner.exposure import Facts, facts
from scanner.model import Column, Flow, Kind, Lineage, Schema, Table, TableRef

_COPIES = frozenset({Kind.CREATE_AS, Kind.INSERT, Kind.REFRESH, Kind.CREATE_VIEW, Kind.MERGE})


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
        derived = {ref: table for ref, table in map(_table_from_row, derived_rows) if ref not in schema.tables}
        book = cls(database, replace(schema, tables={**schema.tables, **derived}), derived=derived, dialect=dialect)
        for row in shape_rows:
            book.known[row["shape"]] = Facts.from_json(row["facts"])
            if row["schema_version"] == schema.version:
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
    ) -> Facts:
        """Analyse one shape by a representative statement. ``rows`` is the largest row count reported for it, ``dbname`` the
        database that the session was in."""
        path = (dbname,) if dbname and self.dialect in ("mariadb", "mysql") else ()
        found = lineage.analyze(statement, self.schema, logged=logged, command=command, search_path=path, dialect=self.dialect)
        result = facts(shape, found, self.schema, logged=logged, statement=statement or "")
        copy = self._derive(found, result, rows)
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

    def changes(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Rows of ``shape`` and ``derived_table`` that are new since the last call."""
        shapes = list(self.new_shapes.values())
        derived = [
            {
                "database": self.database,
                "schema": ref.schema,
                "name": ref.name,
                "document": json.dumps(asdict(table), sort_keys=True, ensure_ascii=False),
                "since": "",
            }
            for ref, table in self.new_derived.items()
        ]
        self.new_shapes, self.new_derived = {}, {}
        return shapes, derived

    # -- copies -------------------------------------------------------------------------------------------------

    def _derive(self, found: Lineage, result: Facts, rows: int | None) -> TableRef | None:
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
                self._enter(self._copy(found.written, columns, result, rows))
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

    def _copy(self, target: TableRef, columns: tuple[Column, ...], result: Facts, rows: int | None) -> Table:
        total = rows if rows else result.best_rows or result.total_rows
        before = self.schema.tables.get(target)
        if before is not None:
            merged = {c.name: c for c in before.columns}
            for column in columns:
                if merged.get(column.name) is None or merged[column.name].pii_class is None:
                    merged[column.name] = column
            size = None if before.rows is None and total is None else max(before.rows or 0, total or 0)
            return replace(before, columns=tuple(merged.values()), rows=size, persons=_least(result.total_persons, size))
        return Table(ref=target, columns=columns, rows=total, persons=_least(result.total_persons, total))

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
    )

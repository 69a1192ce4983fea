"""The map as text: JSON for the state database, and the rows of ``catalog show --json``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from scanner.model import Column, Function, Schema, Table, TableRef

_FORMAT = 1


def _ref(ref: TableRef) -> list[str]:
    return [ref.schema, ref.name]


def _table(t: Table) -> dict[str, Any]:
    return {
        "ref": _ref(t.ref),
        "kind": t.kind,
        "rows": t.rows,
        "persons": t.persons,
        "person_column": t.person_column,
        "unique_keys": [list(k) for k in t.unique_keys],
        "definition": t.definition,
        "parent": _ref(t.parent) if t.parent else None,
        "stamp": t.stamp,
        "columns": [[c.name, c.type, c.pii_class, c.form, c.confidence, c.evidence] for c in t.columns],
    }


def _function(f: Function) -> dict[str, Any]:
    return {
        "ref": _ref(f.ref),
        "language": f.language,
        "body": f.body,
        "security_definer": f.security_definer,
        "returns": f.returns,
        "argument_names": list(f.argument_names),
    }


def to_json(schema: Schema) -> str:
    """The map as JSON: the same map always gives the same text."""
    data = {
        "format": _FORMAT,
        "database": schema.database,
        "version": schema.version,
        "default_schema": schema.default_schema,
        "tables": [_table(schema.tables[r]) for r in sorted(schema.tables)],
        "functions": [_function(f) for r in sorted(schema.functions) for f in schema.functions[r]],
    }
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def from_json(text: str) -> Schema:
    """The map that :func:`to_json` wrote. Raises ValueError for anything else."""
    data: dict[str, Any] = json.loads(text)
    if data.get("format") != _FORMAT:
        raise ValueError("not a catalogue of this version")
    tables: dict[TableRef, Table] = {}
    for t in data["tables"]:
        ref = TableRef(*t["ref"])
        tables[ref] = Table(
            ref=ref,
            columns=tuple(Column(*c) for c in t["columns"]),
            kind=t["kind"],
            rows=t["rows"],
            persons=t["persons"],
            person_column=t["person_column"],
            unique_keys=tuple(tuple(k) for k in t["unique_keys"]),
            definition=t["definition"],
            parent=TableRef(*t["parent"]) if t["parent"] else None,
            stamp=t["stamp"],
        )
    functions: dict[TableRef, tuple[Function, ...]] = {}
    for f in data["functions"]:
        ref = TableRef(*f["ref"])
        found = Function(ref, f["language"], f["body"], f["security_definer"], f["returns"], tuple(f["argument_names"]))
        functions[ref] = (*functions.get(ref, ()), found)
    return Schema(data["database"], data["version"], tables, functions, data["default_schema"])


def content_version(
    rules: str, tables: Mapping[TableRef, Table], functions: Mapping[TableRef, tuple[Function, ...]], default_schema: str
) -> str:
    """``<rule set>-<hash>``: changes when anything in the map does (the engine's change counters are not the map)."""
    bare = {ref: replace(t, stamp="") for ref, t in tables.items()}
    digest = hashlib.sha256(to_json(Schema("", "", bare, functions, default_schema)).encode()).hexdigest()
    return f"{rules}-{digest[:16]}"


def rows(schema: Schema) -> list[dict[str, Any]]:
    """One object a column, with the fields of ``catalog show --json``."""
    return [
        {
            "database": schema.database,
            "schema": ref.schema,
            "table": ref.name,
            "column": c.name,
            "pii_class": c.pii_class,
            "form": c.form,
            "confidence": c.confidence,
            "evidence": c.evidence,
            "table_rows": schema.tables[ref].rows,
        }
        for ref in sorted(schema.tables)
        for c in schema.tables[ref].columns
    ]

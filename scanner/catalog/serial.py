"""The map as text: JSON for the state database, and the rows of ``catalog show --json``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from scanner.model import Column, ForeignServer, Function, Publication, Schema, Table, TableRef, Trigger

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
        "bytes": t.bytes,
        "server": t.server,
        "read": [t.rows_read, t.blocks_read],
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
        "kind": f.kind,
    }


def _trigger(t: Trigger) -> dict[str, Any]:
    function = _ref(t.function) if t.function else None
    return {"table": _ref(t.table), "name": t.name, "timing": t.timing, "events": t.events, "function": function, "body": t.body}


def _publication(p: Publication) -> dict[str, Any]:
    columns = [[_ref(r), list(p.columns[r])] for r in sorted(p.columns)]
    return {"name": p.name, "tables": [_ref(r) for r in p.tables], "columns": columns, "all_tables": p.all_tables}


def to_json(schema: Schema) -> str:
    """The map as JSON: the same map always gives the same text."""
    data = {
        "format": _FORMAT,
        "database": schema.database,
        "version": schema.version,
        "default_schema": schema.default_schema,
        "tables": [_table(schema.tables[r]) for r in sorted(schema.tables)],
        "functions": [_function(f) for r in sorted(schema.functions) for f in schema.functions[r]],
        "triggers": [_trigger(x) for r in sorted(schema.triggers) for x in schema.triggers[r]],
        "publications": [_publication(p) for p in schema.publications],
        "servers": [[x.name, x.wrapper, [list(o) for o in x.options]] for x in schema.servers],
        "search_paths": {role: list(path) for role, path in sorted(schema.search_paths.items())},
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
            bytes=t.get("bytes"),
            server=t.get("server", ""),
            rows_read=t.get("read", [None, None])[0],
            blocks_read=t.get("read", [None, None])[1],
        )
    functions: dict[TableRef, tuple[Function, ...]] = {}
    for f in data["functions"]:
        ref = TableRef(*f["ref"])
        found = Function(
            ref,
            f["language"],
            f["body"],
            f["security_definer"],
            f["returns"],
            tuple(f["argument_names"]),
            f.get("kind", "function"),
        )
        functions[ref] = (*functions.get(ref, ()), found)
    triggers: dict[TableRef, tuple[Trigger, ...]] = {}
    for x in data.get("triggers", ()):
        ref = TableRef(*x["table"])
        function = TableRef(*x["function"]) if x["function"] else None
        trigger = Trigger(ref, x["name"], x["timing"], tuple(x["events"]), function, x["body"])
        triggers[ref] = (*triggers.get(ref, ()), trigger)
    publications = tuple(
        Publication(
            p["name"],
            tuple(TableRef(*r) for r in p["tables"]),
            {TableRef(*r): tuple(columns) for r, columns in p["columns"]},
            p["all_tables"],
        )
        for p in data.get("publications", ())
    )
    servers = tuple(ForeignServer(n, w, tuple((k, v) for k, v in options)) for n, w, options in data.get("servers", ()))
    paths = {role: tuple(path) for role, path in data.get("search_paths", {}).items()}
    return Schema(
        data["database"], data["version"], tables, functions, data["default_schema"], triggers, publications, servers, paths
    )


def content_version(rules: str, schema: Schema) -> str:
    """``<rule set>-<hash>``: changes when anything in the map does (change counters, bytes and what was read are not the map)."""
    bare = {ref: replace(t, stamp="", bytes=None, rows_read=None, blocks_read=None) for ref, t in schema.tables.items()}
    digest = hashlib.sha256(to_json(replace(schema, database="", version="", tables=bare)).encode()).hexdigest()
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
            "rows_read": schema.tables[ref].rows_read,
            "blocks_read": schema.tables[ref].blocks_read,
        }
        for ref in sorted(schema.tables)
        for c in schema.tables[ref].columns
    ]

"""What else carries rows of a PostgreSQL table elsewhere: triggers, publications, foreign servers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from scanner.catalog.reading import Relation
from scanner.model import ForeignServer, Publication, TableRef, Trigger

_EVENTS = ((4, "INSERT"), (8, "DELETE"), (16, "UPDATE"), (32, "TRUNCATE"))  # pg_trigger.tgtype, catalog/pg_trigger.h
_NAMES = re.compile(r'"((?:[^"]|"")*)"|([^",\s]+)')
_PLACES = frozenset({"host", "hostaddr", "port", "dbname", "service", "filename", "program"})


def triggers_by_table(rows: Any, refs: Mapping[int, TableRef]) -> dict[TableRef, tuple[Trigger, ...]]:
    """Triggers that people made, with the function that each calls."""
    found: dict[TableRef, list[Trigger]] = defaultdict(list)
    for r in rows:
        ref = refs.get(r["oid"])
        if ref is None:
            continue
        bits = r["bits"]
        timing = "BEFORE" if bits & 2 else "INSTEAD OF" if bits & 64 else "AFTER"
        events = tuple(word for bit, word in _EVENTS if bits & bit)
        found[ref].append(Trigger(ref, r["tgname"], timing, events, TableRef(r["fn_schema"], r["fn_name"])))
    return {ref: tuple(t) for ref, t in found.items()}


def publications(rows: Any, relations: Mapping[TableRef, Relation]) -> tuple[Publication, ...]:
    """Publications with their tables; columns only of tables that are published in part."""
    tables: dict[str, list[TableRef]] = defaultdict(list)
    columns: dict[str, dict[TableRef, tuple[str, ...]]] = defaultdict(dict)
    everything: dict[str, bool] = {}
    for r in rows:
        name = r["pubname"]
        everything[name] = bool(r["puballtables"])
        if r["tablename"] is None:
            continue
        ref = TableRef(r["schemaname"], r["tablename"])
        tables[name].append(ref)
        chosen = tuple(r["attnames"] or ())
        if chosen and ref in relations and len(chosen) < len(relations[ref].columns):
            columns[name][ref] = chosen
    return tuple(Publication(n, tuple(tables[n]), dict(columns[n]), everything[n]) for n in everything)


def foreign_servers(rows: Any) -> tuple[ForeignServer, ...]:
    """Foreign servers and where they are."""
    found = []
    for r in rows:
        options = (o.partition("=") for o in r["srvoptions"] or ())
        found.append(ForeignServer(r["srvname"], r["fdwname"], tuple((k, v) for k, _, v in options if k in _PLACES)))
    return tuple(found)


def search_paths(rows: Any) -> dict[str, tuple[str, ...]]:
    """``ALTER ROLE … SET search_path`` and ``ALTER DATABASE … SET search_path``, by role; "" is everybody.

    What is set for a role in this database wins over the role's own, that over the database's, that over ``ALTER ROLE ALL``.
    ``rows`` (role, setting as ``name=value``) come with the stronger ones behind.
    """
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        names = (quoted.replace('""', '"') or bare for quoted, bare in _NAMES.findall(row["setting"].partition("=")[2]))
        found[row["role"]] = tuple(name for name in names if name)
    return found

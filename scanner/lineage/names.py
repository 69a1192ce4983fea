"""Which relation or function a name means, as the engine would resolve it, with what the catalogue and the log know."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import methodcaller

from scanner.model import Function, Schema, Table, TableRef

_SYSTEM_SCHEMAS = ("pg_catalog", "information_schema", "pg_toast")
_PART = re.compile(r'"((?:[^"]|"")*)"|([^".]+)')
_WORD, _QUOTED = re.compile(r"[^\W\d][\w$]*"), re.compile(r'"((?:[^"]|"")+)"')
_TEMPORARY = re.compile(r"pg_temp(_\d+)?\Z")


def is_system(ref: TableRef) -> bool:
    """Whether a relation belongs to the engine itself; such relations never hold customers."""
    return ref.schema.startswith(_SYSTEM_SCHEMAS)


def logged_relation(name: str) -> TableRef:
    """A relation as audit logs spell it: ``shop.customer``, ``public."Odd.Name"``, ``pg_temp_3.t1``."""
    parts = [
        quoted.replace('""', '"') if quoted or not bare else bare.strip()
        for quoted, bare in _PART.findall(name)
        if quoted or bare
    ]
    if not parts:
        return TableRef("", name)
    return TableRef(_schema(parts[-2]) if len(parts) > 1 else "", parts[-1])


def _schema(name: str) -> str:
    # every session has a schema pg_temp_<n> of its own and calls it pg_temp: one name for all, whatever the number
    return "pg_temp" if _TEMPORARY.match(name) else name


@dataclass(frozen=True)
class Names:
    """The catalogue, what the log named, and the search path in force."""

    schema: Schema
    logged: tuple[TableRef, ...] = ()
    search_path: tuple[str, ...] = ()
    temporary: frozenset[str] = frozenset()  # names of temporary tables that the session has made

    def within(self, schema: str) -> Names:
        """The same for the body of a view or function that lives in ``schema``."""
        return Names(self.schema, (), (schema, *(s for s in self.search_path if s != schema)))

    def relation(self, schema: str, name: str) -> TableRef:
        """The relation that ``schema.name`` (or ``name`` alone, with ``schema`` empty) means."""
        if schema:
            return TableRef(_schema(schema), name)
        tables = self.schema.tables
        logged = [ref for ref in self.logged if ref.name == name]
        temporary = TableRef("pg_temp", name)
        if temporary in logged or (name in self.temporary and not logged):  # it hides every other relation of its name
            return temporary
        for candidate in self.search_path:
            if TableRef(candidate, name) in tables:
                return TableRef(candidate, name)
        if logged:
            return logged[0] if logged[0].schema else TableRef(self.schema.default_schema, name)
        default = TableRef(self.schema.default_schema, name)
        if default in tables:
            return default
        elsewhere = [ref for ref in tables if ref.name == name]
        if len(elsewhere) == 1:
            return elsewhere[0]
        if name.startswith("pg_"):
            return TableRef("pg_catalog", name)
        # which of several it is cannot be told: the one that holds people
        return max(elsewhere, key=lambda ref: tables[ref].has_pii) if elsewhere else default

    def table(self, ref: TableRef) -> Table | None:
        return self.schema.tables.get(ref)

    def functions(self, parts: Sequence[str]) -> tuple[Function, ...]:
        """All known functions of that name (overloads included); empty for the engine's own and unknown ones."""
        known = self.schema.functions
        if not known or (len(parts) > 1 and parts[-2] == "pg_catalog"):
            return ()
        if len(parts) > 1:
            return known.get(TableRef(parts[-2], parts[-1]), ())
        for candidate in (*self.search_path, self.schema.default_schema):
            if found := known.get(TableRef(candidate, parts[-1]), ()):
                return found
        return tuple(f for ref, found in known.items() if ref.name == parts[-1] for f in found)

    def personal(self) -> Iterator[Table]:
        """Every base relation with personal data in it."""
        return (t for t in self.schema.tables.values() if t.has_pii and t.kind != "view")

    def mentioned(self, text: str) -> list[TableRef]:
        """Known relations whose name stands anywhere in a text, comments and strings included: what it may read."""
        by_name: dict[str, list[TableRef]] = {}
        for ref in self.schema.tables:
            by_name.setdefault(ref.name, []).append(ref)
        found: dict[TableRef, None] = {}
        # distinct words first: a text can have millions
        single = dict.fromkeys(map(methodcaller("group"), _WORD.finditer(text)))
        quoted = dict.fromkeys(map(methodcaller("group", 1), _QUOTED.finditer(text)))
        for word in chain(single, (name.replace('""', '"') for name in quoted)):
            for ref in (*by_name.get(word, ()), *by_name.get(word.lower(), ())):
                found.setdefault(ref)
        return list(found)

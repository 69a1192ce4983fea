"""Which table a name means where the catalogue may be a stand-in that does not have the schemas of the log."""

from __future__ import annotations

from collections.abc import Sequence

from scanner.lineage.mysql import names as mysql_names
from scanner.model import Schema, TableRef


class Names(mysql_names.Names):
    """As in MySQL, but a schema that the catalogue does not have at all hides no table: its name alone decides then."""

    def relation(self, database: str, name: str) -> TableRef:
        found = super().relation(database, name)
        tables = self.schema.tables
        if found in tables or any(ref.schema.lower() == found.schema.lower() for ref in tables):
            return found
        return next((ref for ref in tables if ref.name.lower() == name.lower()), found)


def logged_relation(name: str) -> TableRef:
    """A relation as logs spell it: ``table``, ``schema.table`` or ``database.schema.table``, quoted or not."""
    parts = [part.strip('[]"`') for part in name.split(".")]
    return TableRef(parts[-2] if len(parts) > 1 else "", parts[-1])


def namespace(name: str) -> TableRef:
    """MongoDB's ``database.collection``; collections may have dots in their names."""
    database, _, collection = name.partition(".")
    return TableRef(database, collection)


def resolved(logged: Sequence[str], schema: Schema, *, mongodb: bool = False, mysql: bool = False) -> tuple[str, ...]:
    """The logged names as the catalogue spells them."""
    names = Names(schema)
    if mysql and not names.stands_in:
        return tuple(logged)
    refs = [namespace(name) if mongodb else logged_relation(name) for name in logged if name]
    return tuple(str(names.relation(ref.schema, ref.name)) for ref in refs)

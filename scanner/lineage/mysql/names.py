"""Which table and column a name means in MariaDB and MySQL, and the catalogue in the words of the common analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from scanner.model import Flow, Output, Schema, Table, TableRef

SYSTEM = frozenset({"mysql", "information_schema", "performance_schema", "sys"})
"""Databases of the server itself; they never hold customers."""


def logged_relation(name: str) -> TableRef:
    """A relation as the log spells it, ``database.table``. Database names hold no dots in practice, table names may."""
    database, dot, table = name.partition(".")
    return TableRef(database, table) if dot else TableRef("", name)


@dataclass(frozen=True)
class Names:
    """The catalogue, what the log named, and the default database."""

    schema: Schema
    logged: tuple[TableRef, ...] = ()
    database: str = ""
    temporary: frozenset[str] = frozenset()  # names of temporary tables that the session has made
    inside: tuple[TableRef, ...] = ()  # routines whose bodies are being read: they may call each other

    @cached_property
    def _folded(self) -> dict[tuple[str, str], TableRef]:
        return {(ref.schema.lower(), ref.name.lower()): ref for ref in self.schema.tables}

    def relation(self, database: str, name: str) -> TableRef:
        """The table that ``database.name`` (or ``name`` alone) means, spelled as in the catalogue where it is known."""
        if name in self.temporary and database in ("", self.database) and TableRef(self.database, name) not in self.logged:
            return TableRef("pg_temp", name)  # the log names no temporary table, and every other that is read
        tables = self.schema.tables
        candidates = [database] if database else [d for d in (self.database, *(r.schema for r in self._named(name))) if d]
        candidates = candidates or [self.schema.default_schema]
        for candidate in candidates:
            if TableRef(candidate, name) in tables:
                return TableRef(candidate, name)
        for candidate in candidates:
            known = self._folded.get((candidate.lower(), name.lower()))
            if known is not None:
                return known
        if self.stands_in or (not database and not self.database):
            elsewhere = [ref for ref in tables if ref.name.lower() == name.lower()]
            if elsewhere:
                return elsewhere[0]
        return TableRef(candidates[0], name)

    @cached_property
    def stands_in(self) -> bool:
        """Whether the catalogue is a SQLite copy of the server's, which has one schema only: names alone decide then."""
        return {ref.schema for ref in self.schema.tables} == {"public"}

    def _named(self, name: str) -> list[TableRef]:
        return [ref for ref in self.logged if ref.name.lower() == name.lower()]

    @cached_property
    def read(self) -> tuple[TableRef, ...]:
        """What the log named, without the server's own tables."""
        refs = (self.relation(ref.schema, ref.name) for ref in self.logged if ref.schema.lower() not in SYSTEM)
        return tuple(dict.fromkeys(refs))

    @cached_property
    def columns(self) -> Mapping[str, str]:
        """Column names of the catalogue by their lower case, which is how the server compares them."""
        return {column.name.lower(): column.name for table in self.schema.tables.values() for column in table.columns}

    @cached_property
    def bare(self) -> frozenset[str]:
        """Names of the catalogue's tables without their databases, lower case."""
        return frozenset(ref.name.lower() for ref in self.schema.tables)

    def columns_of(self, refs: Iterable[TableRef]) -> Mapping[str, str]:
        """The same for some tables, which win over all others."""
        own = {c.name.lower(): c.name for ref in refs if (table := self.schema.tables.get(ref)) for c in table.columns}
        return {**self.columns, **own}

    def mentioned(self, words: Iterable[str]) -> tuple[TableRef, ...]:
        """Known tables whose name is among some words."""
        by_name: dict[str, list[TableRef]] = {}
        for ref in self.schema.tables:
            by_name.setdefault(ref.name.lower(), []).append(ref)
        found = [ref for word in words for part in word.lower().split(".") for ref in by_name.get(part, ())]
        here = [ref for ref in found if ref.schema == self.database]
        return tuple(dict.fromkeys(here or found))


class Translated(Mapping[TableRef, Table]):
    """Tables whose view definitions are in PostgreSQL's words; translated when asked for.

    ``translate`` takes a definition and the database of the view.
    """

    def __init__(self, tables: Mapping[TableRef, Table], translate: Callable[[str, str], str | None]) -> None:
        self._tables = tables
        self._translate = translate
        self._done: dict[TableRef, Table] = {}

    def __getitem__(self, ref: TableRef) -> Table:
        table = self._tables[ref]
        if table.definition is None:
            return table
        if ref not in self._done:
            self._done[ref] = replace(table, definition=self._translate(table.definition, ref.schema))
        return self._done[ref]

    def __iter__(self) -> Iterator[TableRef]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


def star(refs: Iterable[TableRef]) -> tuple[Output, ...]:
    """All columns of some tables."""
    return tuple(Output(ref, "*", Flow.AS_IS, "*") for ref in refs)


def distinct(*parts: Sequence[TableRef]) -> tuple[TableRef, ...]:
    """All of them, each once, in order."""
    return tuple(dict.fromkeys(ref for part in parts for ref in part))

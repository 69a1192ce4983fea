"""Reading any other database through SQLAlchemy's inspector, and what readers that sample by key have in common.

Nothing here is of one engine: tables, columns, keys, comments and the texts of views come from the inspector, rows are read at
many places of the primary key (:mod:`scanner.catalog.probes`), sizes are counted up to a bound. An engine that knows more (its
sizes, its routines, who may read what) has a reader of its own.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import CompileError, SQLAlchemyError
from sqlalchemy.sql.elements import quoted_name

from scanner.catalog.probes import key_hits, probe
from scanner.catalog.reading import CatalogSettings, ForeignKey, Gap, KeyHits, RawColumn, Relation, Sampled, Snapshot
from scanner.catalog.recognizers import TypeKind
from scanner.model import TableRef
from scanner.remote import reason

_PLACES = 20  # of a table without a key that is small enough to be counted
_COUNTED = 1_000_000  # rows counted of a table whose size nobody says
_SYSTEM = frozenset(
    {
        "information_schema", "pg_catalog", "sys", "system", "mysql", "performance_schema", "guest", "dbsnmp", "outln",
        "xdb", "ctxsys", "mdsys", "ordsys", "wmsys", "temp", "pg_toast", "system_schema",
    }
)  # fmt: skip
_BY_TYPE: tuple[tuple[type[Any], TypeKind], ...] = (
    (sa.Boolean, TypeKind.BOOLEAN),
    (sa.Integer, TypeKind.INTEGER),
    (sa.Numeric, TypeKind.NUMBER),
    (sa.DateTime, TypeKind.TIME),
    (sa.Date, TypeKind.DATE),
    (sa.Time, TypeKind.TIME),
    (sa.LargeBinary, TypeKind.BYTES),
    (sa.Uuid, TypeKind.UUID),
    (sa.JSON, TypeKind.JSON),
    (sa.ARRAY, TypeKind.ARRAY),
    (sa.String, TypeKind.TEXT),
)
Name = tuple[str | None, str]


def _kind(declared: Any) -> TypeKind:
    return next((kind for known, kind in _BY_TYPE if isinstance(declared, known)), TypeKind.OTHER)


def _is_system(schema: str) -> bool:
    return any(part.casefold() in _SYSTEM for part in schema.split("."))


_BY_WORD: tuple[tuple[str, TypeKind], ...] = (
    (r"\[\]|array|list", TypeKind.ARRAY),
    (r"json|variant|struct|object|map", TypeKind.JSON),
    (r"char|text|string|clob", TypeKind.TEXT),
    (r"bool|^bit$", TypeKind.BOOLEAN),
    (r"timestamp|datetime|^time", TypeKind.TIME),
    (r"date", TypeKind.DATE),
    (r"interval", TypeKind.OTHER),
    (r"int|serial", TypeKind.INTEGER),
    (r"num|dec|double|float|real|money", TypeKind.NUMBER),
    (r"uuid|uniqueidentifier", TypeKind.UUID),
    (r"blob|binary|bytea|bytes", TypeKind.BYTES),
)


def _standard(connection: sa.Connection, schemas: Collection[str]) -> dict[TableRef, Relation] | None:
    """Tables by SQL's own INFORMATION_SCHEMA (ISO 9075-11), for dialects whose inspector fails: columns, but no keys.

    ``schemas`` as the inspector calls them, perhaps with their catalogue before them. None when the engine has no such schema.
    """
    c = sa.table(
        "columns",
        *(sa.column(n) for n in ("table_catalog", "table_schema", "table_name", "column_name", "data_type", "ordinal_position")),
        schema="information_schema",
    ).c
    query = sa.select(c.table_catalog, c.table_schema, c.table_name, c.column_name, c.data_type)
    v = sa.table("views", sa.column("table_schema"), sa.column("table_name"), schema="information_schema").c
    try:
        rows = connection.execute(query.order_by(c.table_schema, c.table_name, c.ordinal_position)).all()
        views = {TableRef(schema, name) for schema, name in connection.execute(sa.select(v.table_schema, v.table_name))}
    except SQLAlchemyError:
        return None
    found: dict[TableRef, list[RawColumn]] = {}
    for catalog, schema, table, name, type_ in rows:
        if schema in schemas or f"{catalog}.{schema}" in schemas:
            kind = next((k for word, k in _BY_WORD if re.search(word, type_.casefold())), TypeKind.OTHER)
            found.setdefault(TableRef(schema, table), []).append(RawColumn(name, type_, kind))
    return {ref: Relation(ref, "view" if ref in views else "table", tuple(columns)) for ref, columns in found.items()}


class GenericReader:
    """Reads one database of any engine that SQLAlchemy has a dialect for."""

    def __init__(self, engine: sa.Engine, settings: CatalogSettings) -> None:
        self._engine = engine
        self._settings = settings

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        """A connection that is rolled back at the end: nothing that happened in it stays."""
        with self._engine.connect() as connection:
            try:
                yield connection
            finally:
                connection.rollback()

    def snapshot(self) -> Snapshot:
        """Everything the inspector tells, schema by schema; a schema that cannot be listed is a gap."""
        with self._transaction() as connection, warnings.catch_warnings():
            warnings.simplefilter("ignore", sa.exc.SAWarning)  # a type that SQLAlchemy does not know is read as text all the same
            inspector = sa.inspect(connection)
            default = inspector.default_schema_name or ""
            schemas = [s for s in inspector.get_schema_names() or [default] if not _is_system(s)]
        relations: dict[TableRef, Relation] = {}
        failed: dict[str, str] = {}
        for schema in schemas:
            # each in a transaction of its own: one failure would spoil the rest
            with self._transaction() as connection, warnings.catch_warnings():
                warnings.simplefilter("ignore")  # dialects warn of what they do not know
                try:
                    for relation in self._schema(sa.inspect(connection), schema):
                        relations[relation.ref] = relation
                except (SQLAlchemyError, NotImplementedError) as error:
                    failed[schema] = reason(error)
        if failed:
            with self._transaction() as connection:
                told = _standard(connection, failed)
            if told is not None:  # whatever has tables is there, the others have none
                relations |= told
                failed = {}
        gaps = tuple(Gap(s, f"the schema cannot be listed: {why}", "see what the account may do") for s, why in failed.items())
        return Snapshot(relations, {}, default, gaps)

    def _schema(self, inspector: sa.Inspector, schema: str) -> Iterator[Relation]:
        views = set(inspector.get_view_names(schema))
        columns = inspector.get_multi_columns(schema, kind=sa.engine.reflection.ObjectKind.ANY)
        primary: Mapping[Name, Any] = inspector.get_multi_pk_constraint(schema)
        unique = _optional(inspector.get_multi_unique_constraints, schema)
        foreign = _optional(inspector.get_multi_foreign_keys, schema)
        comments: Mapping[Name, Any] = _optional(inspector.get_multi_table_comment, schema)
        for name, found in sorted(columns.items(), key=lambda item: item[0][1]):
            table = name[1]
            keys = tuple(tuple(str(c) for c in k["column_names"] if c) for k in unique.get(name, ()))
            yield Relation(
                ref=TableRef(schema, table),
                kind="view" if table in views else "table",
                columns=tuple(RawColumn(c["name"], str(c["type"]), _kind(c["type"]), c.get("comment") or "") for c in found),
                definition=_definition(inspector, schema, table) if table in views else None,
                primary_key=tuple(primary[name]["constrained_columns"] if name in primary else ()),
                unique_keys=tuple(k for k in keys if k),
                foreign_keys=tuple(
                    ForeignKey(
                        tuple(f["constrained_columns"]),
                        TableRef(f["referred_schema"] or schema, f["referred_table"]),
                        tuple(f["referred_columns"]),
                    )
                    for f in foreign.get(name, ())
                ),
                comment=comments[name]["text"] or "" if name in comments else "",
            )

    def sample(self, relation: Relation) -> Sampled:
        """Small tables whole; rows at many places of a key of large ones; the beginning of what has no key (said as a gap)."""
        if not (chosen := [c for c in relation.columns if c.readable]):
            return Sampled({})
        table = _table(relation)
        fields = [self._text(table, c) for c in chosen]
        with self._transaction() as connection:
            exact = self._count(connection, relation, table)
            query = sa.select(*fields).select_from(table)
            if relation.kind == "view":
                if not self._cheap(connection, table):
                    return Sampled({})
                rows = list(connection.execute(query.limit(500)).all())
                return Sampled(_by_column(chosen, rows), len(rows))
            if exact is not None and exact <= self._settings.sample_rows:
                rows = list(connection.execute(query).all())
                return Sampled(_by_column(chosen, rows), len(rows), exact, whole=True)
            size = exact if exact is not None else relation.rows
            for key in self._walkable(relation):
                found = probe(connection, table, fields, key, self._settings.sample_rows)
                if found is not None and (len(found.rows) >= 50 or size is None):
                    columns = _by_column(chosen, found.rows)
                    rows_known = round(size) if size is not None else None if found.estimate is None else round(found.estimate)
                    return Sampled(columns, len(found.rows), rows_known, reads=found.probes)
            rows, complete = self._keyless(connection, query, relation, exact)
        gap = Gap(str(relation.ref), "it has no key to sample by: only its beginning was read", "give it a primary key")
        return Sampled(_by_column(chosen, rows), len(rows), None if size is None else round(size), gap=None if complete else gap)

    def _count(self, connection: sa.Connection, relation: Relation, table: sa.FromClause) -> int | None:
        """The exact size of a table that is small; None for a large one."""
        if relation.kind == "view":
            return None
        some = sa.select(sa.literal(1)).select_from(table).limit(_COUNTED + 1).subquery()
        found = connection.scalar(sa.select(sa.func.count()).select_from(some)) or 0
        return found if found <= _COUNTED else None

    def _walkable(self, relation: Relation) -> list[str]:
        """Columns that an index begins with, the best first."""
        keys = [k[0] for k in (relation.primary_key, *relation.unique_keys) if k]
        return list(dict.fromkeys(keys))

    def _keyless(
        self, connection: sa.Connection, query: sa.Select[Any], _relation: Relation, size: int | None
    ) -> tuple[list[Any], bool]:
        """Rows of a large table without a key, and whether they are from all over it."""
        wanted = self._settings.sample_rows
        if size is not None:  # small enough to be counted, so small enough to be walked
            each = max(1, wanted // _PLACES)
            try:
                parts = [query.limit(each).offset(place * size // _PLACES) for place in range(_PLACES)]
                return [row for part in parts for row in connection.execute(part).all()], True
            except CompileError:  # an engine that skips rows of an ordered result only
                pass
        return list(connection.execute(query.limit(wanted)).all()), False

    def _cheap(self, _connection: sa.Connection, _table: sa.FromClause) -> bool:
        """Would the first rows of a view come without much work? Nobody can say for every engine."""
        return True

    def _text(self, table: sa.FromClause, column: RawColumn) -> sa.ColumnElement[Any]:
        return sa.cast(table.c[column.name], sa.String(self._settings.value_chars))

    def count_distinct(self, relation: Relation, column: str) -> int | None:
        """Exact number of different values of a small table's column; None for a large one."""
        table = _table(relation)
        with self._transaction() as connection:
            if relation.kind == "view" or self._count(connection, relation, table) is None:
                return None
            return connection.scalar(sa.select(sa.func.count(table.c[column].distinct())).select_from(table))

    def key_hits(self, relation: Relation, column: RawColumn, values: Sequence[str]) -> KeyHits:
        """How many of the values a unique column holds, by its index."""
        with self._transaction() as connection:
            return key_hits(connection, _table(relation), column, values)

    def close(self) -> None:
        self._engine.dispose()


def _optional(read: Any, schema: str) -> Mapping[Name, Any]:
    """What not every engine has: nothing, then."""
    try:
        found: Mapping[Name, Any] = read(schema)
    except (SQLAlchemyError, NotImplementedError):
        return {}
    return found


def _definition(inspector: sa.Inspector, schema: str, view: str) -> str | None:
    try:
        return inspector.get_view_definition(view, schema) or None
    except (SQLAlchemyError, NotImplementedError):
        return None


def _table(relation: Relation) -> sa.TableClause:
    """The relation for queries; names are always quoted, by SQLAlchemy."""
    columns: list[sa.ColumnClause[Any]] = [sa.column(quoted_name(c.name, quote=True)) for c in relation.columns]
    schema = quoted_name(relation.ref.schema, quote=True) if relation.ref.schema else None
    return sa.table(quoted_name(relation.ref.name, quote=True), *columns, schema=schema)


def _by_column(chosen: list[RawColumn], rows: list[Any]) -> dict[str, list[str | None]]:
    return {c.name: [None if row[i] is None else str(row[i]) for row in rows] for i, c in enumerate(chosen)}

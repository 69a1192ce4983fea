"""Reading SQLite: opened read-only, sampled by random ranges of row ids.

A SQLite copy may stand in for a PostgreSQL database (the demo's does), so its ``main`` is reported as schema ``public``.
SQLite holds no functions: a companion table ``vendorwatch_functions(schema, name, language, body, security_definer, returns)``
may list those of the original; it is read and left out of the map. Names of SQLite's views keep their SELECT text.
"""

from __future__ import annotations

import random
import re
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import quoted_name

from scanner.catalog.probes import key_hits
from scanner.catalog.reading import CatalogSettings, ForeignKey, Gap, KeyHits, RawColumn, Relation, Sampled, Snapshot
from scanner.catalog.recognizers import TypeKind
from scanner.model import Function, TableRef
from scanner.remote import hint, reason

SCHEMA = "public"
FUNCTIONS_TABLE = "vendorwatch_functions"
_RANGES = 100
_KINDS = (  # the first that occurs in the declared type decides
    ("BOOL", TypeKind.BOOLEAN),
    ("JSON", TypeKind.JSON),
    ("UUID", TypeKind.UUID),
    ("INET", TypeKind.INET),
    ("DATETIME", TypeKind.TIME),
    ("TIMESTAMP", TypeKind.TIME),
    ("DATE", TypeKind.DATE),
    ("POINT", TypeKind.TEXT),
    ("INT", TypeKind.INTEGER),
    ("CHAR", TypeKind.TEXT),
    ("TEXT", TypeKind.TEXT),
    ("CLOB", TypeKind.TEXT),
    ("BLOB", TypeKind.BYTES),
    ("BYTEA", TypeKind.BYTES),
    ("REAL", TypeKind.NUMBER),
    ("FLOA", TypeKind.NUMBER),
    ("DOUB", TypeKind.NUMBER),
    ("NUM", TypeKind.NUMBER),
    ("DEC", TypeKind.NUMBER),
)


def _kind(declared: str) -> TypeKind:
    """By SQLite's declared type; its columns hold what they like, so unknown ones count as text."""
    name = declared.upper()
    return next((TypeKind.ARRAY if "[]" in name else kind for word, kind in _KINDS if word in name), TypeKind.TEXT)


def open_readonly(path: Path, seconds: int) -> sa.Engine:
    """An engine on the file, opened so that nothing can be written."""
    uri = f"{path.resolve().as_uri()}?mode=ro"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(uri, uri=True, timeout=seconds)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")  # SQLite does not check what it stores
        return connection

    return sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.NullPool)


class SqliteReader:
    """Reads one SQLite file."""

    def __init__(self, engine: sa.Engine, settings: CatalogSettings, path: Path) -> None:
        self._engine = engine
        self._settings = settings
        self._path = path

    def snapshot(self) -> Snapshot:
        """Tables, views, keys and the companion functions."""
        with self._engine.connect() as connection:
            objects = connection.execute(
                sa.text(
                    "select name, type, sql from sqlite_master where type in ('table', 'view')"
                    " and name not like 'sqlite\\_%' escape '\\' order by name"
                )
            ).all()
            sizes = self._sizes(connection)
            stamp = self._stamp()
            relations: dict[TableRef, Relation] = {}
            gaps: list[Gap] = []
            names = {name for name, kind, _ in objects if kind == "table"}
            for name, kind, sql in objects:
                if name == FUNCTIONS_TABLE:
                    continue
                ref = TableRef(SCHEMA, name)
                try:
                    columns, primary = self._columns(connection, name)
                except sa.exc.DBAPIError as error:  # a view of a table that is gone, a module that is not there
                    gaps.append(Gap(str(ref), reason(error), hint(error)))
                    continue
                definition = (
                    re.sub(r"(?is)^\s*create\s+(?:temp\w*\s+)?view\s.*?\bas\b\s*", "", sql or "", count=1)
                    if kind == "view"
                    else None
                )
                relations[ref] = Relation(
                    ref=ref,
                    kind=kind,
                    columns=columns,
                    bytes=sizes.get(name) if kind == "table" else None,
                    stamp=stamp,
                    definition=definition,
                    primary_key=primary,
                    unique_keys=self._unique(connection, name, primary) if kind == "table" else (),
                    foreign_keys=self._foreign(connection, name, names) if kind == "table" else (),
                )
            functions = self._functions(connection) if FUNCTIONS_TABLE in names else {}
        return Snapshot(relations, functions, SCHEMA, tuple(gaps))

    def _sizes(self, connection: sa.Connection) -> dict[str, int]:
        try:
            rows = connection.execute(sa.text("select name, sum(pgsize) from dbstat group by name")).all()
        except sa.exc.DBAPIError:
            return {}  # this SQLite was built without dbstat
        return {name: int(size) for name, size in rows}

    def _stamp(self) -> str:
        """The file's change counter (bytes 24–27 of the header) with its size; write-ahead logs have their own."""
        wal = self._path.with_name(self._path.name + "-wal")
        with self._path.open("rb") as file:
            head = file.read(28)
        return f"{int.from_bytes(head[24:28], 'big')}:{self._path.stat().st_size}:{wal.stat().st_size if wal.exists() else 0}"

    def _columns(self, connection: sa.Connection, name: str) -> tuple[tuple[RawColumn, ...], tuple[str, ...]]:
        rows = connection.execute(
            sa.text("select name, type, pk from pragma_table_xinfo(:name) where hidden in (0, 2, 3)"), {"name": name}
        ).all()
        primary = tuple(n for n, _, pk in sorted(rows, key=lambda r: r[2]) if pk)
        return tuple(RawColumn(n, t or "", _kind(t or "")) for n, t, _ in rows), primary

    def _unique(self, connection: sa.Connection, name: str, primary: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        keys = [primary] if primary else []
        indexes = connection.execute(
            sa.text('select name from pragma_index_list(:name) where "unique" = 1 and partial = 0'), {"name": name}
        )
        for (index,) in indexes.all():
            columns = tuple(
                connection.scalars(sa.text("select name from pragma_index_info(:name) order by seqno"), {"name": index})
            )
            if columns and None not in columns and columns not in keys:
                keys.append(columns)
        return tuple(keys)

    def _foreign(self, connection: sa.Connection, name: str, tables: set[str]) -> tuple[ForeignKey, ...]:
        query = sa.text('select id, "table", "from", "to" from pragma_foreign_key_list(:name) order by id, seq')
        grouped: dict[int, list[Any]] = defaultdict(list)
        for row in connection.execute(query, {"name": name}):
            grouped[row[0]].append(row)
        by_fold = {t.casefold(): t for t in tables}
        found = []
        for rows in grouped.values():
            target = by_fold.get(rows[0][1].casefold())
            if target is not None:
                found.append(ForeignKey(tuple(r[2] for r in rows), TableRef(SCHEMA, target), tuple(r[3] or r[2] for r in rows)))
        return tuple(found)

    def _functions(self, connection: sa.Connection) -> dict[TableRef, tuple[Function, ...]]:
        t = sa.table(
            FUNCTIONS_TABLE, *(sa.column(c) for c in ("schema", "name", "language", "body", "security_definer", "returns"))
        )
        grouped: dict[TableRef, list[Function]] = defaultdict(list)
        for schema, name, language, body, definer, returns in connection.execute(sa.select(*t.c).order_by(t.c.schema, t.c.name)):
            ref = TableRef(schema or SCHEMA, name)
            kind = language if language in ("sql", "plpgsql") else "other"
            grouped[ref].append(Function(ref, kind, body or "", bool(int(definer or 0)), returns or ""))
        return {ref: tuple(found) for ref, found in grouped.items()}

    def sample(self, relation: Relation) -> Sampled:
        """Small tables whole, larger ones in random ranges of row ids spread over all of them."""
        table = _table(relation)
        s = self._settings
        chosen = relation.columns
        if not chosen:
            return Sampled({})
        fields = [_text(table, c, s.value_chars) for c in chosen]
        with self._engine.connect() as connection:
            if relation.kind == "view":
                rows = connection.execute(sa.select(*fields).select_from(table).limit(500)).all()
                return Sampled({c.name: [row[i] for row in rows] for i, c in enumerate(chosen)}, len(rows))
            size = relation.bytes if relation.bytes is not None else self._path.stat().st_size
            exact = connection.scalar(sa.select(sa.func.count()).select_from(table)) if size <= s.exact_bytes * 4 else None
            if exact is not None and exact <= s.sample_rows:
                rows = connection.execute(sa.select(*fields).select_from(table)).all()
                return Sampled({c.name: [row[i] for row in rows] for i, c in enumerate(chosen)}, len(rows), exact, whole=True)
            rows = self._ranges(connection, table, fields)
            bottom, top = _ends(connection, table)
            guessed = exact if exact is not None else (top - bottom + 1 if top is not None else None)
            return Sampled({c.name: [row[i] for row in rows] for i, c in enumerate(chosen)}, len(rows), guessed, reads=_RANGES)

    def _ranges(self, connection: sa.Connection, table: sa.TableClause, fields: list[Any]) -> list[Any]:
        bottom, top = _ends(connection, table)
        if top is None:  # a table WITHOUT ROWID
            return list(connection.execute(sa.select(*fields).select_from(table).limit(self._settings.sample_rows)).all())
        chance = random.Random(20240229)  # noqa: S311 — the same places each time, not a secret
        each = max(1, self._settings.sample_rows // _RANGES)
        step = (top - bottom + 1) / _RANGES
        rowid: sa.ColumnElement[int] = sa.literal_column("rowid", sa.Integer)
        rows: list[Any] = []
        for i in range(_RANGES):
            start = int(bottom + i * step + chance.random() * max(1.0, step - each))
            query = sa.select(*fields).select_from(table).where(rowid >= start, rowid < bottom + (i + 1) * step + 1)
            rows.extend(connection.execute(query.order_by(rowid).limit(each)).all())
        return rows

    def count_distinct(self, relation: Relation, column: str) -> int | None:
        """Exact distinct values of a column of a small table; None for a large one."""
        size = relation.bytes if relation.bytes is not None else self._path.stat().st_size
        if relation.kind == "view" or size > self._settings.exact_bytes * 4:
            return None
        table = _table(relation)
        with self._engine.connect() as connection:
            return connection.scalar(sa.select(sa.func.count(table.c[column].distinct())).select_from(table))

    def key_hits(self, relation: Relation, column: RawColumn, values: Sequence[str]) -> KeyHits:
        """How many of the values a unique column holds, by its index."""
        with self._engine.connect() as connection:
            return key_hits(connection, _table(relation), column, values)

    def close(self) -> None:
        self._engine.dispose()


def _ends(connection: sa.Connection, table: sa.TableClause) -> tuple[int, int | None]:
    rowid: sa.ColumnElement[int] = sa.literal_column("rowid", sa.Integer)
    try:
        bottom = connection.scalar(sa.select(sa.func.min(rowid)).select_from(table))
        top = connection.scalar(sa.select(sa.func.max(rowid)).select_from(table))
    except sa.exc.DBAPIError:
        return 0, None
    return (bottom or 0), top


def _table(relation: Relation) -> sa.TableClause:
    return sa.table(
        quoted_name(relation.ref.name, quote=True), *(sa.column(quoted_name(c.name, quote=True)) for c in relation.columns)
    )


def _text(table: sa.TableClause, column: RawColumn, chars: int) -> sa.ColumnElement[Any]:
    """The value as text, whatever is stored; of a blob only its first bytes, as hex."""
    value = table.c[column.name]
    size = chars * (10 if column.kind in (TypeKind.JSON, TypeKind.ARRAY) else 1)
    return sa.case(
        (value.is_(None), sa.null()),
        (sa.func.typeof(value) == "blob", sa.func.hex(sa.func.substr(value, 1, 96))),
        else_=sa.func.substr(sa.cast(value, sa.Text), 1, size),
    )

"""Reading MariaDB and MySQL: information_schema, and rows at many places of an index.

These engines cannot sample blocks, and their row counts are estimates (InnoDB's from a handful of pages, easily off by half), so
small tables are counted and large ones probed by key. A schema is a database here: one account sees those it was granted, and
nothing tells of the others, which is why narrow grants are reported as a gap. The session is read-only and each statement has the
server's own time limit (``max_statement_time`` of MariaDB in seconds, ``max_execution_time`` of MySQL in milliseconds).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
import sqlglot
from sqlalchemy.exc import SQLAlchemyError
from sqlglot import exp

from scanner.catalog import mysql_sql as statements
from scanner.catalog.generic import GenericReader
from scanner.catalog.reading import CatalogSettings, ForeignKey, Gap, RawColumn, Relation, Snapshot
from scanner.catalog.recognizers import TypeKind
from scanner.model import ForeignServer, Function, TableRef, Trigger

_KINDS = {
    "date": TypeKind.DATE, "datetime": TypeKind.TIME, "timestamp": TypeKind.TIME, "time": TypeKind.TIME, "year": TypeKind.INTEGER,
    "tinyint": TypeKind.INTEGER, "smallint": TypeKind.INTEGER, "mediumint": TypeKind.INTEGER, "int": TypeKind.INTEGER,
    "bigint": TypeKind.INTEGER, "decimal": TypeKind.NUMBER, "float": TypeKind.NUMBER, "double": TypeKind.NUMBER,
    "bit": TypeKind.OTHER, "json": TypeKind.JSON, "uuid": TypeKind.UUID, "inet4": TypeKind.INET, "inet6": TypeKind.INET,
    "binary": TypeKind.BYTES, "varbinary": TypeKind.BYTES, "tinyblob": TypeKind.BYTES, "blob": TypeKind.BYTES,
    "mediumblob": TypeKind.BYTES, "longblob": TypeKind.BYTES,
}  # fmt: skip
_GEOMETRY = frozenset(
    {"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection"}
)
_WIDE_VIEW = 2_000_000  # rows a view's plan may touch before its first rows are not asked for
_KEYLESS_SCAN = 16  # a table without any index is read through up to this many times ``exact_bytes``


class MysqlReader(GenericReader):
    """Reads one MariaDB (10.3 or newer) or MySQL (5.7 or newer) server: every database the account may see."""

    def __init__(self, engine: sa.Engine, settings: CatalogSettings) -> None:
        super().__init__(engine, settings)
        sa.event.listen(engine, "connect", self._prepare)

    def _prepare(self, connection: Any, _: object) -> None:
        s = self._settings
        with connection.cursor() as cursor:
            cursor.execute("select version()")
            maria = "mariadb" in str(cursor.fetchone()[0]).lower()
            limit = "max_statement_time = %s" if maria else "max_execution_time = %s"
            seconds = s.statement_seconds if maria else int(s.statement_seconds * 1000)
            cursor.execute(f"set session {limit}, lock_wait_timeout = %s", (seconds, max(1, round(s.lock_seconds))))
            if not maria:  # else sizes are a day old
                cursor.execute("set session information_schema_stats_expiry = 0")
            cursor.execute("set session transaction read only")
        connection.commit()

    def snapshot(self) -> Snapshot:
        """The whole catalogue of the server, in a handful of statements."""
        with self._transaction() as connection:
            default = connection.scalar(sa.text("select database()")) or ""
            relations = connection.execute(statements.RELATIONS).mappings().all()
            columns = connection.execute(statements.COLUMNS).mappings().all()
            indexes = connection.execute(statements.INDEXES).mappings().all()
            foreign = connection.execute(statements.FOREIGN).mappings().all()
            views = {TableRef(v["s"], v["n"]): v for v in connection.execute(statements.VIEWS).mappings()}
            routines = connection.execute(statements.ROUTINES).mappings().all()
            parameters = connection.execute(statements.PARAMETERS).mappings().all()
            triggers = connection.execute(statements.TRIGGERS).mappings().all()
            events = connection.execute(statements.EVENTS).mappings().all()
            grants = [str(g) for g in connection.scalars(sa.text("show grants for current_user()"))]
            servers = _servers(connection)
        gaps = _blind_spots(grants)
        keys = _Keys(indexes, foreign)
        by_table: dict[TableRef, list[RawColumn]] = defaultdict(list)
        for c in columns:
            ref = TableRef(c["s"], c["n"])
            # an empty list of privileges is a view's whose owner is gone
            readable = "select" in (c["privileges"] or "").lower()
            by_table[ref].append(
                RawColumn(
                    c["name"],
                    _text_of(c["type"]),
                    _KINDS.get(_text_of(c["base"]).lower(), TypeKind.TEXT),
                    _text_of(c["comment"]),
                    distinct=keys.different.get((ref, c["name"])),
                    readable=readable,
                )
            )
        result: dict[TableRef, Relation] = {}
        for r in relations:
            ref = TableRef(r["s"], r["n"])
            view = views.get(ref)
            definition = _text_of(view["definition"]) if view is not None else None
            own = tuple(by_table.get(ref, ()))
            readable = any(c.readable for c in own)
            result[ref] = Relation(
                ref=ref,
                kind="view" if r["type"] == "VIEW" else "table",
                columns=own,
                rows=None if r["estimated"] is None else float(r["estimated"]),
                bytes=None if r["type"] == "VIEW" or r["bytes"] is None else int(r["bytes"]),
                stamp=_stamp(r),
                readable=readable,
                definition=definition or None,
                partitioned=bool(r["parts"]),
                primary_key=keys.primary.get(ref, ()),
                unique_keys=tuple(keys.unique.get(ref, ())),
                foreign_keys=tuple(keys.foreign.get(ref, ())),
                comment="" if r["type"] == "VIEW" else _text_of(r["comment"]),
                reads=_view_reads(definition, ref.schema) if definition else frozenset(),
                indexed=tuple(keys.indexed.get(ref, ())),
            )
            if not readable:
                gaps.append(Gap(str(ref), "the account may not read it", f"GRANT SELECT ON `{ref.schema}`.`{ref.name}` to it"))
            if view is not None and not definition:
                gaps.append(Gap(str(ref), "the text of the view may not be read", f"GRANT SHOW VIEW ON `{ref.schema}`.* to it"))
        functions, missing = _functions(routines, parameters, events)
        return Snapshot(result, functions, default, (*gaps, *missing), _triggers(triggers), servers=servers)

    def _count(self, connection: sa.Connection, relation: Relation, table: sa.FromClause) -> int | None:
        if relation.kind == "view" or relation.bytes is None or relation.bytes > self._settings.exact_bytes:
            return None
        return connection.scalar(sa.select(sa.func.count()).select_from(table))

    def _walkable(self, relation: Relation) -> list[str]:
        return list(dict.fromkeys([*super()._walkable(relation), *relation.indexed]))

    def _keyless(
        self, connection: sa.Connection, query: sa.Select[Any], relation: Relation, size: int | None
    ) -> tuple[list[Any], bool]:
        """No index at all: a moderately large table is read through once, keeping few rows; a huge one only begun."""
        wanted = self._settings.sample_rows
        if relation.rows and (relation.bytes or 0) <= self._settings.exact_bytes * _KEYLESS_SCAN:
            share = min(1.0, wanted * 1.2 / relation.rows)
            chosen = query.where(sa.func.rand(20240229) < share).limit(wanted * 3)
            return list(connection.execute(chosen).all()), True
        return super()._keyless(connection, query, relation, size)

    def _cheap(self, connection: sa.Connection, table: sa.FromClause) -> bool:
        """By the plan: the product of the rows that each step of one SELECT looks at."""
        query = sa.select(sa.literal(1)).select_from(table).limit(500)
        text = str(query.compile(self._engine, compile_kwargs={"literal_binds": True}))
        work: dict[Any, float] = defaultdict(lambda: 1.0)
        for step in connection.exec_driver_sql(f"EXPLAIN {text}").mappings():
            work[step["id"]] *= float(step["rows"] or 1)
        return max(work.values(), default=0.0) <= _WIDE_VIEW

    def _text(self, table: sa.FromClause, column: RawColumn) -> sa.ColumnElement[Any]:
        value: sa.ColumnElement[Any] = table.c[column.name]
        if column.kind is TypeKind.BYTES:
            return sa.func.hex(sa.func.left(value, 96))
        if column.type.split("(", 1)[0].lower() in _GEOMETRY:
            return sa.func.st_astext(value)
        if column.type.lower().startswith("bit"):
            return sa.func.bin(value)
        size = self._settings.value_chars * (10 if column.kind is TypeKind.JSON else 1)
        if column.kind is TypeKind.TEXT:
            return sa.func.left(value, size)
        return sa.func.left(sa.cast(value, sa.CHAR), size)


class _Keys:
    """Primary, unique and foreign keys, and how many different values an index estimates."""

    def __init__(self, indexes: Any, foreign: Any) -> None:
        self.primary: dict[TableRef, tuple[str, ...]] = {}
        self.unique: dict[TableRef, list[tuple[str, ...]]] = defaultdict(list)
        self.foreign: dict[TableRef, list[ForeignKey]] = defaultdict(list)
        self.indexed: dict[TableRef, list[str]] = defaultdict(list)
        self.different: dict[tuple[TableRef, str], float] = {}
        whole: dict[tuple[TableRef, str], list[Any]] = defaultdict(list)
        for i in indexes:
            whole[TableRef(i["s"], i["n"]), i["name"]].append(i)
        leading: dict[TableRef, list[tuple[float, str]]] = defaultdict(list)
        for (ref, name), parts in whole.items():
            columns = tuple(p["col"] for p in parts)
            first = parts[0]
            if first["col"] and first["type"] == "BTREE":
                leading[ref].append((-float(first["cardinality"] or 0), first["col"]))
                if first["cardinality"] and first["part"] is None:
                    self.different[ref, first["col"]] = float(first["cardinality"])
            if first["non_unique"] or None in columns or any(p["part"] is not None for p in parts):
                continue
            if name == "PRIMARY":
                self.primary[ref] = columns
            if columns not in self.unique[ref]:
                self.unique[ref].append(columns)
        for ref, found in leading.items():
            self.indexed[ref] = [column for _, column in sorted(found)]
        grouped: dict[tuple[TableRef, str], list[Any]] = defaultdict(list)
        for f in foreign:
            grouped[TableRef(f["s"], f["n"]), f["name"]].append(f)
        for (ref, _), parts in grouped.items():
            target = TableRef(parts[0]["target_s"], parts[0]["target_n"])
            self.foreign[ref].append(ForeignKey(tuple(p["col"] for p in parts), target, tuple(p["target_col"] for p in parts)))


def _text_of(value: Any) -> str:
    """MySQL 8 gives some texts of information_schema as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _stamp(r: Any) -> str:
    """What changes when rows do. "" when the last change is so fresh that another could bear the same second."""
    if r["type"] == "VIEW":
        return ""
    updated, now = r["updated"], r["now_"]
    if updated is not None and now is not None and (now - updated).total_seconds() < 2:
        return ""
    return "|".join(str(r[k] or "") for k in ("created", "updated", "bytes", "next_id"))


def _view_reads(definition: str, schema: str) -> frozenset[tuple[TableRef, str]]:
    """Base columns in the server's own, fully qualified text of a view."""
    try:
        tree = sqlglot.parse_one(definition, dialect="mysql")
    except (sqlglot.errors.SqlglotError, RecursionError):
        return frozenset()
    tables: dict[str, TableRef] = {}
    for table in tree.find_all(exp.Table):
        ref = TableRef(table.db or schema, table.name)
        tables[table.alias_or_name.lower()] = ref
    return frozenset(
        (tables[column.table.lower()], column.name) for column in tree.find_all(exp.Column) if column.table.lower() in tables
    )


def _functions(routines: Any, parameters: Any, events: Any) -> tuple[dict[TableRef, tuple[Function, ...]], tuple[Gap, ...]]:
    arguments: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for p in parameters:
        arguments[p["s"], p["specific_"], p["kind"]].append(p["name"] or "")
    found: dict[TableRef, list[Function]] = defaultdict(list)
    gaps = []
    for r in routines:
        ref = TableRef(r["s"], r["n"])
        kind = str(r["kind"]).lower()
        names = tuple(arguments.get((r["s"], r["specific_"], r["kind"]), ()))
        body = _text_of(r["body"])
        found[ref].append(Function(ref, "mysql", body, r["security"] == "DEFINER", _text_of(r["returns"]), names, kind))
        if not body:
            gaps.append(
                Gap(
                    f"{ref}()",
                    f"the text of the {kind} may not be read: what it returns is not known",
                    "GRANT SELECT ON mysql.proc (MariaDB) or SHOW_ROUTINE (MySQL 8) to it",
                )
            )
    for e in events:
        ref = TableRef(e["s"], e["name"])
        found[ref].append(Function(ref, "mysql", _text_of(e["body"]), security_definer=True, kind="event"))
    return {ref: tuple(f) for ref, f in found.items()}, tuple(gaps)


def _triggers(rows: Any) -> Mapping[TableRef, tuple[Trigger, ...]]:
    found: dict[TableRef, list[Trigger]] = defaultdict(list)
    for r in rows:
        ref = TableRef(r["table_s"], r["table_n"])
        found[ref].append(Trigger(ref, r["name"], r["timing"], (r["event"],), body=_text_of(r["body"])))
    return {ref: tuple(t) for ref, t in found.items()}


def _servers(connection: sa.Connection) -> tuple[ForeignServer, ...]:
    try:
        rows = connection.execute(statements.SERVERS).mappings().all()
    except SQLAlchemyError:
        return ()  # the table is readable to few accounts, and seldom holds anything
    return tuple(
        ForeignServer(r["name"], r["wrapper"], tuple((k, str(r[v])) for k, v in (("host", "host"), ("dbname", "db")) if r[v]))
        for r in rows
    )


def _blind_spots(grants: list[str]) -> list[Gap]:
    """What the account cannot even see. Databases and tables it has no right to are left out of information_schema."""
    everywhere = [g for g in grants if re.search(r"\sON\s+\*\.\*\s", g)]
    sees_all = any(re.search(r"\b(SELECT|ALL PRIVILEGES)\b", g) for g in everywhere) or any("`mysql`.*" in g for g in grants)
    if sees_all or any(re.match(r"GRANT\s+`", g) for g in grants):  # a role: nobody says here what it may
        return []
    seen = sorted({m[1] for g in grants if (m := re.search(r"\sON\s+(?:TABLE\s+)?(\S+)\s+TO\s", g)) and m[1] != "*.*"})
    what = ", ".join(s.replace("`", "") for s in seen[:5]) + (f" and {len(seen) - 5} more" if len(seen) > 5 else "")
    return [
        Gap(
            "",
            f"the account sees only what it was granted ({what or 'nothing'}): the server does not tell of other databases",
            "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* to the catalogue account, if it is to see all of them",
        )
    ]

"""Reading PostgreSQL: the catalogue in a handful of statements, samples block by block.

Every transaction is read-only with its own statement and lock timeouts, and short, so that nothing holds vacuum back. Values
come as text cast by the server: no type is too odd to hold. Large tables are sampled with TABLESAMPLE SYSTEM, which reads as
many blocks as asked, whatever the table's size, spread over all of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.sql.selectable import FromClause

from scanner.catalog.postgres_carriers import foreign_servers, publications, search_paths, triggers_by_table
from scanner.catalog.postgres_sql import (
    COLUMNS,
    FUNCTIONS,
    KEYS,
    PUBLICATIONS,
    RELATIONS,
    SERVERS,
    SETTINGS,
    STATS,
    TRIGGERS,
    VIEW_READS,
)
from scanner.catalog.probes import key_hits
from scanner.catalog.reading import CatalogSettings, ForeignKey, Gap, KeyHits, RawColumn, Relation, Sampled, Snapshot
from scanner.catalog.recognizers import TypeKind
from scanner.model import Function, TableRef

_KINDS = {"r": "table", "p": "table", "v": "view", "m": "materialized_view", "f": "foreign_table"}
_BY_BASE = {
    "bool": TypeKind.BOOLEAN, "date": TypeKind.DATE, "json": TypeKind.JSON, "jsonb": TypeKind.JSON, "hstore": TypeKind.JSON,
    "uuid": TypeKind.UUID, "inet": TypeKind.INET, "cidr": TypeKind.INET, "macaddr": TypeKind.MAC, "macaddr8": TypeKind.MAC,
    "bytea": TypeKind.BYTES, "int2": TypeKind.INTEGER, "int4": TypeKind.INTEGER, "int8": TypeKind.INTEGER,
    "numeric": TypeKind.NUMBER,
    "float4": TypeKind.NUMBER, "float8": TypeKind.NUMBER, "money": TypeKind.OTHER, "oid": TypeKind.OTHER,
}  # fmt: skip


def _kind(base: str, category: str) -> TypeKind:
    if category == "A":
        return TypeKind.ARRAY
    if base in _BY_BASE:
        return _BY_BASE[base]
    if category == "D":
        return TypeKind.TIME
    if category == "C":
        return TypeKind.JSON  # a composite type: read with to_json
    return TypeKind.TEXT if category == "S" else TypeKind.OTHER


class PostgresReader:
    """Reads one PostgreSQL database (10 or newer)."""

    def __init__(self, engine: sa.Engine, settings: CatalogSettings) -> None:
        self._engine = engine
        self._settings = settings

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        with self._engine.connect() as connection, connection.begin():
            connection.execute(sa.text("SET TRANSACTION READ ONLY"))
            for name, seconds in (
                ("statement_timeout", self._settings.statement_seconds),
                ("lock_timeout", self._settings.lock_seconds),
            ):
                connection.execute(sa.select(sa.func.set_config(name, str(int(seconds * 1000)), True)))
            connection.execute(sa.select(sa.func.set_config("extra_float_digits", "0", True)))
            yield connection

    def snapshot(self) -> Snapshot:
        """The whole catalogue, in ten statements.

        Sizes and the texts of views want a share lock on each table. Where somebody holds one against us, the catalogue's own
        (older) sizes serve instead, without the texts, and a gap says so.
        """
        try:
            return self._snapshot(locked=False)
        except sa.exc.OperationalError as error:
            if getattr(error.orig, "sqlstate", "") != "55P03":  # lock_not_available
                raise
        return self._snapshot(locked=True)

    def _snapshot(self, *, locked: bool) -> Snapshot:
        gaps: list[Gap] = []
        measured = (
            "c.relpages::bigint * pg_catalog.current_setting('block_size')::int"
            if locked
            else "pg_catalog.pg_relation_size(c.oid)"
        )
        definition = "null::text" if locked else "pg_catalog.pg_get_viewdef(c.oid)"
        if locked:
            gaps.append(
                Gap(
                    "", "a table was locked: sizes are the last known, texts of views are missing", "the next scan will have them"
                )
            )
        with self._transaction() as connection:
            version = int(connection.scalar(sa.text("select current_setting('server_version_num')::int")) or 0)
            relations = connection.execute(sa.text(RELATIONS.format(size=measured, definition=definition))).mappings().all()
            # twenty a table: plain tuples cost half of what rows with names do
            columns = connection.execute(COLUMNS).all()
            keys = connection.execute(KEYS).mappings().all()
            reads = connection.execute(VIEW_READS).mappings().all()
            stats = connection.execute(STATS).all()
            standard = version >= 140000 and not locked
            body = "coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc)" if standard else "p.prosrc"
            text = FUNCTIONS.replace("{body}", body)
            if version < 110000:
                text = text.replace("p.prokind::text", "'f'")
            functions = connection.execute(sa.text(text)).mappings().all()
            triggers = connection.execute(TRIGGERS).mappings().all()
            published = connection.execute(PUBLICATIONS).mappings().all()
            servers = connection.execute(SERVERS).mappings().all()
            settings = connection.execute(SETTINGS).mappings().all()
            default = connection.scalar(sa.text("select current_schema()")) or "public"
        refs = {r["oid"]: TableRef(r["nspname"], r["relname"]) for r in relations}
        # inherited statistics come last: for a parent they are about all its children
        known = {(oid, name): (distinct, nulls) for oid, name, distinct, nulls in stats}
        by_table = _columns(columns, refs, known)
        primary, unique, foreign = _keys(keys, refs)
        view_reads: dict[int, set[tuple[TableRef, str]]] = defaultdict(set)
        for r in reads:
            if r["source"] in refs:
                view_reads[r["oid"]].add((refs[r["source"]], r["attname"]))
        by_oid = {r["oid"]: r for r in relations}
        sizes = {r["oid"]: (_rows(r), r["bytes"] or 0) for r in relations}
        inherited = {r["parent"] for r in relations if r["parent"]}
        result: dict[TableRef, Relation] = {}
        for r in relations:
            rows, size = sizes[r["oid"]]
            files = [r] if r["relkind"] in ("r", "m") else []
            if r["relkind"] == "p":
                leaves = _descendants(r["oid"], relations)
                rows = sum(sizes[c][0] or 0 for c in leaves) if all(sizes[c][0] is not None for c in leaves) else None
                size = sum(sizes[c][1] for c in leaves)
                files = [by_oid[c] for c in leaves]
            elif r["relkind"] == "r" and r["oid"] in inherited:  # a query of an inheritance parent reads its children too
                leaves = [r["oid"], *_descendants(r["oid"], relations)]
                rows = sum(sizes[c][0] or 0 for c in leaves) if all(sizes[c][0] is not None for c in leaves) else None
                size = sum(sizes[c][1] for c in leaves)
                files = [by_oid[c] for c in leaves]
            ref = refs[r["oid"]]
            result[ref] = Relation(
                ref=ref,
                kind="partition" if r["relispartition"] else _KINDS[r["relkind"]],
                columns=tuple(by_table.get(r["oid"], ())),
                rows=rows,
                bytes=size if r["relkind"] in ("r", "p", "m") else None,
                stamp=_stamp(files),
                readable=r["readable"],
                definition=r["definition"],
                parent=refs.get(r["parent"]) if r["parent"] else None,
                partitioned=r["relkind"] == "p",
                primary_key=primary.get(r["oid"], ()),
                unique_keys=tuple(unique.get(r["oid"], ())),
                foreign_keys=tuple(foreign.get(r["oid"], ())),
                comment=r["comment"] or "",
                reads=frozenset(view_reads.get(r["oid"], ())),
                server=r["server"] or "",
            )
            if not r["readable"]:
                gaps.append(
                    Gap(
                        str(ref),
                        "the account may not read it",
                        f"GRANT SELECT ON {ref} to the catalogue account, or leave it to its names",
                    )
                )
        return Snapshot(
            result,
            _functions(functions),
            default,
            tuple(gaps),
            triggers_by_table(triggers, refs),
            publications(published, result),
            foreign_servers(servers),
            search_paths(settings),
        )

    def sample(self, relation: Relation) -> Sampled:
        """Rows spread over the whole relation; small ones are read whole and counted."""
        chosen = [c for c in relation.columns if c.readable]
        if not chosen:
            return Sampled({})
        table = _table(relation)
        s = self._settings
        with self._transaction() as connection:
            exact = None
            source: FromClause = table
            limit: int | None = s.sample_rows
            share = 100.0
            small = relation.bytes is not None and relation.bytes <= s.exact_bytes
            if relation.kind in ("view", "foreign_table"):
                if not self._cheap(connection, table):
                    return Sampled({}, gap=None if relation.kind == "view" else Gap(str(relation.ref), "too costly to sample"))
                limit = 500
            elif small:
                exact = connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            blocks = max(1, (relation.bytes or 0) // 8192)
            if relation.bytes is not None and (blocks > s.sample_blocks or (exact or 0) > s.sample_rows):
                share = min(100.0, max(100.0 * s.sample_blocks / blocks, 0.0001))
                source = sa.tablesample(table, sa.func.system(sa.cast(sa.literal(share), sa.Float)), seed=sa.literal(20240229))
                limit = None
            query = sa.select(*(self._text(source, c) for c in chosen)).select_from(source)
            rows_known = relation.rows if exact is None else float(exact)
            if limit is None and rows_known is None:
                rows_known = (connection.scalar(sa.select(sa.func.count()).select_from(source)) or 0) * 100.0 / share
            query = self._thin(query, source, rows_known or 0.0, blocks) if limit is None else query.limit(limit)
            rows = connection.execute(query).all()
            columns = {c.name: [row[i] for row in rows] for i, c in enumerate(chosen)}
            if limit is None:
                self._fill_sparse(connection, table, chosen, columns, blocks)
            fetched = self._blocks_fetched(connection, relation)
        guessed = None if rows_known is None else round(rows_known)
        return Sampled(
            columns,
            len(rows),
            exact if exact is not None else guessed,
            whole=exact is not None and len(rows) >= exact,
            reads=fetched or round(blocks * share / 100),  # of partitions and inherited tables the parent's counter knows nothing
        )

    def _blocks_fetched(self, connection: sa.Connection, relation: Relation) -> int:
        """Blocks that this transaction asked of the table, by the server's own count; 0 when it does not say."""
        name = sa.func.format(sa.literal("%I.%I"), relation.ref.schema, relation.ref.name)  # quoted by the server itself
        return connection.scalar(sa.select(sa.func.pg_stat_get_xact_blocks_fetched(sa.func.to_regclass(name)))) or 0

    def _thin(self, query: sa.Select[Any], source: FromClause, rows: float, blocks: int) -> sa.Select[Any]:
        """From each block only as many rows as wanted, the same ones each time: those whose place hashes low."""
        expected = rows / blocks * min(blocks, self._settings.sample_blocks)
        bound = self._settings.sample_rows * 3
        if expected > self._settings.sample_rows * 1.2:
            place = sa.func.hashtext(sa.cast(source.c["ctid"], sa.Text)).op("&")(1023)
            query = query.where(place < max(1, int(1024 * self._settings.sample_rows / expected)))
        return query.limit(bound)

    def _fill_sparse(
        self,
        connection: sa.Connection,
        table: FromClause,
        chosen: list[RawColumn],
        columns: dict[str, list[str | None]],
        blocks: int,
    ) -> None:
        """A column that is nearly always null, yet not empty: look in more blocks, for its values alone."""
        share = min(100.0, 100.0 * self._settings.sample_blocks * 10 / blocks)
        for column in chosen:
            got = sum(v is not None for v in columns[column.name])
            if got >= 20 or column.null_share == 1.0:
                continue
            source = sa.tablesample(table, sa.func.system(sa.cast(sa.literal(share), sa.Float)), seed=sa.literal(20240301))
            query = (
                sa.select(self._text(source, column))
                .select_from(source)
                .where(source.c[column.name].is_not(None))
                .limit(self._settings.typed_values)
            )
            columns[column.name] = [*columns[column.name], *connection.scalars(query)]

    def _text(self, table: FromClause, column: RawColumn) -> sa.ColumnElement[Any]:
        value: sa.ColumnElement[Any] = table.c[column.name]
        if column.kind is TypeKind.BYTES:
            return sa.case((value.is_(None), sa.null()), else_=sa.func.encode(sa.func.substr(value, 1, 96), "hex"))
        if column.kind in (TypeKind.ARRAY, TypeKind.JSON) and "json" not in column.type and column.type != "hstore":
            value = sa.func.to_json(value)
        text: sa.ColumnElement[Any] = sa.cast(value, sa.Text)
        # JSON cut in the middle is no JSON any more
        limit = self._settings.value_chars * (10 if column.kind in (TypeKind.ARRAY, TypeKind.JSON) else 1)
        return sa.func.left(text, limit)

    def _cheap(self, connection: sa.Connection, table: FromClause) -> bool:
        """Would the first rows of a view come without much work, by the planner's own estimate?"""
        query = sa.select(sa.literal(1)).select_from(table).limit(500)
        text = str(query.compile(self._engine, compile_kwargs={"literal_binds": True}))
        plan: Any = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {text}").scalar()
        return bool(plan) and float(plan[0]["Plan"]["Total Cost"]) < 50_000

    def count_distinct(self, relation: Relation, column: str) -> int | None:
        """Exact distinct values of a column of a small table; None for a large one."""
        if relation.bytes is None or relation.bytes > self._settings.exact_bytes:
            return None
        table = _table(relation)
        with self._transaction() as connection:
            return connection.scalar(sa.select(sa.func.count(table.c[column].distinct())).select_from(table))

    def key_hits(self, relation: Relation, column: RawColumn, values: Sequence[str]) -> KeyHits:
        """How many of the values a unique column holds, by its index."""
        with self._transaction() as connection:
            return key_hits(connection, _table(relation), column, values)

    def close(self) -> None:
        self._engine.dispose()


def _table(relation: Relation) -> sa.TableClause:
    """The relation for queries; names are always quoted, by SQLAlchemy."""
    columns: list[sa.ColumnClause[Any]] = [sa.column(quoted_name(c.name, quote=True)) for c in relation.columns]
    if relation.kind not in ("view", "foreign_table"):
        columns.append(sa.column("ctid"))
    return sa.table(quoted_name(relation.ref.name, quote=True), *columns, schema=quoted_name(relation.ref.schema, quote=True))


def _rows(r: Any) -> float | None:
    """The planner's own estimate: the density at the last ANALYZE times the blocks there are now."""
    if r["relkind"] == "v" or r["reltuples"] < 0:
        return None
    if r["relkind"] == "f":
        return float(r["reltuples"])
    if r["bytes"] is not None and r["relpages"] > 0:
        return float(r["reltuples"] / r["relpages"] * r["bytes"] / r["block_size"])
    return 0.0 if not r["bytes"] else None


def _stamp(files: list[Any]) -> str:
    """Storage and change counters of a table, or of all partitions together; "" for what has none."""
    if not files:
        return ""
    storage = sum(r["relfilenode"] for r in files)
    return ":".join([str(storage), *(str(sum(r[c] or 0 for r in files)) for c in ("n_tup_ins", "n_tup_upd", "n_tup_del"))])


def _descendants(oid: int, relations: Any) -> list[int]:
    children: dict[int, list[Any]] = defaultdict(list)
    for r in relations:
        if r["parent"]:
            children[r["parent"]].append(r)
    leaves: list[int] = []
    queue = [oid]
    while queue:
        for child in children[queue.pop()]:
            (queue if child["relkind"] == "p" else leaves).append(child["oid"])
    return leaves


def _columns(
    rows: Sequence[tuple[Any, ...]], refs: Collection[int], known: Mapping[tuple[int, str], tuple[float, float]]
) -> dict[int, list[RawColumn]]:
    result: dict[int, list[RawColumn]] = defaultdict(list)
    same: dict[tuple[Any, ...], RawColumn] = {}  # many tables have the same columns
    for oid, name, type_, base, category, comment, readable in rows:
        if oid not in refs:
            continue
        distinct, null_share = known.get((oid, name), (None, None))
        parts = (name, type_, base, category, comment, distinct, null_share, readable)
        column = same.get(parts)
        if column is None:
            column = same[parts] = RawColumn(name, type_, _kind(base, category), comment or "", distinct, null_share, readable)
        result[oid].append(column)
    return result


def _keys(
    rows: Any, refs: Mapping[int, TableRef]
) -> tuple[dict[int, tuple[str, ...]], dict[int, list[tuple[str, ...]]], dict[int, list[ForeignKey]]]:
    primary: dict[int, tuple[str, ...]] = {}
    unique: dict[int, list[tuple[str, ...]]] = defaultdict(list)
    foreign: dict[int, list[ForeignKey]] = defaultdict(list)
    for r in rows:
        columns = tuple(r["columns"] or ())
        if not columns:
            continue
        if r["contype"] == "f":
            if r["target"] in refs:
                foreign[r["oid"]].append(ForeignKey(columns, refs[r["target"]], tuple(r["target_columns"] or ())))
            continue
        if r["contype"] == "p":
            primary[r["oid"]] = columns
        if columns not in unique[r["oid"]]:
            unique[r["oid"]].append(columns)
    return primary, unique, foreign


def _functions(rows: Any) -> dict[TableRef, tuple[Function, ...]]:
    result: dict[TableRef, list[Function]] = defaultdict(list)
    for r in rows:
        ref = TableRef(r["nspname"], r["proname"])
        names, modes = r["names"] or [], r["modes"]
        inputs = tuple(n for i, n in enumerate(names) if modes is None or modes[i] in ("i", "b", "v"))
        language = r["lanname"] if r["lanname"] in ("sql", "plpgsql") else "other"
        kind = "procedure" if r["prokind"] == "p" else "function"
        result[ref].append(Function(ref, language, r["body"] or "", r["prosecdef"], r["returns"] or "", inputs, kind))
    return {ref: tuple(found) for ref, found in result.items()}

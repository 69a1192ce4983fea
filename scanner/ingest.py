"""One slice of one audit log becomes stored, enriched events: the way of the data, stage after stage.

Everything a later slice needs from an earlier one (open cursors, last audit lines, habits, agreed exports used up) is
carried in :class:`Ingest` and committed together with the batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from scanner import lineage
from scanner.config import Config
from scanner.contracts import EXPORT_ROWS_SCHEMA, judge
from scanner.engine import Engine, arrow
from scanner.events import LAST_SCHEMA, to_acts
from scanner.exposure import Facts, SessionCarry, facts_table, measure
from scanner.exposure.measure import OPEN_CURSOR_SCHEMA, PREPARED_SCHEMA, SESSION_SCHEMA
from scanner.habits import ACCOUNT_SCHEMA, DAY_SCHEMA, SEEN_SCHEMA, Habits, learn, merge
from scanner.model import EVENT_SCHEMA, Slice
from scanner.shapebook import ShapeBook
from scanner.store.ledger import BatchChanges, Ledger, arrow_rows
from scanner.store.state import iso

_HABIT_COLUMNS = ("baseline_z", "first_seen_shape", "first_seen_ip", "first_seen_app", "first_seen_table", "dormant_days")

_ENRICHED = """
select a.n, a.time, a.time::date as day, a.dbname, a.account, a.client_ip, a.app_name, a.session, a.session_line,
    a.statement_id, a.substatement_id, a.activity, a.command, a.status, a.error_code, a.shape,
    coalesce(f.tables, case when a.logged = '' then [] else string_split(a.logged, chr(31)) end) as tables,
    f.destination,
    case when shown then f.pii_classes else [] end as pii_classes,
    case when shown then f.pii_columns else [] end as pii_columns,
    case when shown then f.sensitivity else 0 end::tinyint as sensitivity,
    a.returned_rows, x.exposed_rows, x.exposed_rows_low, x.exposed_rows_high,
    x.exposed_persons, x.exposed_persons_low, x.exposed_persons_high, x.rows_source, x.table_share,
    coalesce(x.technique, '') as technique, coalesce(x.techniques, []) as techniques, a.fk_check,
    a."offset" as source_offset, a.length as source_length
from acts a
join (
    select *, exposed_rows_high > 0 as exposes from exposed
) x using (n)
left join facts f on f.shape = x.eff_shape,
lateral (
    -- masked or quasi-identifying columns expose nobody, but the reader of the event wants to know that they left
    select x.exposes or (f.sensitivity = 1 and a.returned_rows > 0 and f.destination = 'client') as shown
) s
order by n
"""


@dataclass
class Ingest:
    """Ingestion into one database's events. Slices come one after the other, from any of its audit sources."""

    database: str
    config: Config
    book: ShapeBook
    engine: Engine
    last: pa.Table = field(default_factory=LAST_SCHEMA.empty_table)
    carry: SessionCarry = field(default_factory=SessionCarry.empty)
    habits: Habits = field(default_factory=Habits.empty)
    exports: pa.Table = field(default_factory=EXPORT_ROWS_SCHEMA.empty_table)

    @classmethod
    def resume(cls, database: str, config: Config, book: ShapeBook, engine: Engine, ledger: Ledger) -> Ingest:
        """Continue where the last committed batch of this database ended."""
        ingest = cls(database, config, book, engine)
        carried = ledger.sessions(database)
        if carried is not None:
            last, cursors, prepared, dumping = carried
            ingest.last = last.cast(LAST_SCHEMA)
            ingest.carry = SessionCarry(
                cursors.cast(OPEN_CURSOR_SCHEMA), prepared.cast(PREPARED_SCHEMA), dumping.cast(SESSION_SCHEMA)
            )
        ingest.habits = Habits(
            accounts=_from_rows(ledger.load("habit_account", database), ACCOUNT_SCHEMA),
            seen=_from_rows(ledger.load("habit_seen", database), SEEN_SCHEMA),
            days=_from_rows(ledger.load("habit_day", database), DAY_SCHEMA),
        )
        ingest.exports = _from_rows(ledger.load("export_day", database), EXPORT_ROWS_SCHEMA)
        return ingest

    def events(self, piece: Slice, batch: int, source_id: str) -> tuple[pa.Table, BatchChanges]:
        """Events of one slice (EVENT_SCHEMA), and what the batch changes in the state database."""
        engine = self.engine
        acts, last = to_acts(engine, piece.records, self.last)
        shapes = lineage.assign_shapes(acts["statement"], acts["logged"], acts["command"])
        acts = acts.append_column("shape", shapes.keys)
        self._analyse(acts, shapes.table)

        facts = facts_table(self._facts_for(acts))
        measured = measure(engine, acts, facts, self.carry)
        enriched = self._join(acts, measured.exposed, facts)
        judged, exports = judge(enriched, self.config, self.database, self.exports)
        learnt = learn(engine, judged, self.habits)
        events = self._finish(judged, learnt.columns, piece, batch, source_id)

        self.last = self._open_sessions(acts, last)
        self.carry = measured.carry
        self.habits = merge(engine, self.habits, learnt)
        used_before = arrow_rows(self.exports, database=self.database)
        self.exports = exports
        new_shapes, new_derived = self.book.changes()
        seen = iso(events["time"][0].as_py()) if events.num_rows else ""
        changes = BatchChanges(
            sessions=(self.last, self.carry.cursors, self.carry.prepared, self.carry.dumping),
            shapes=new_shapes,
            derived=[{**row, "since": seen} for row in new_derived],
            accounts=arrow_rows(learnt.accounts, database=self.database),
            seen=arrow_rows(learnt.seen, database=self.database),
            days=arrow_rows(learnt.days, database=self.database),
            exports=[row for row in arrow_rows(exports, database=self.database) if row not in used_before],
            contracts=_contracts(self.config, seen),
        )
        return events, changes

    # -- steps --------------------------------------------------------------------------------------------------

    def _analyse(self, acts: pa.Table, representatives: pa.Table) -> None:
        """Analyse shapes not met before, in the order in which they first appear."""
        wanted = self.book.missing(representatives["shape"].to_pylist())
        if not wanted:
            return
        row_of = dict(zip(representatives["shape"].to_pylist(), representatives["row"].to_pylist(), strict=True))
        order = sorted(wanted, key=lambda shape: row_of[shape])
        rows = acts.take(pa.array([row_of[shape] for shape in order], pa.int64())).select(
            ["statement", "logged", "command", "time"]
        )
        # how many rows a copy got: the largest count any act of its shape reports
        subset = acts.filter(pc.is_in(acts["shape"], value_set=pa.array(order, pa.string())))
        largest = dict(
            zip(
                *(column.to_pylist() for column in subset.group_by("shape").aggregate([("returned_rows", "max")]).columns),
                strict=True,
            )
        )
        for shape, row in zip(order, rows.to_pylist(), strict=True):
            self.book.add(
                shape,
                row["statement"],
                logged=tuple(row["logged"].split("\x1f")) if row["logged"] else (),
                command=row["command"] or "",
                rows=largest.get(shape),
                seen=iso(row["time"]),
            )

    def _facts_for(self, acts: pa.Table) -> list[Facts]:
        wanted = set(pc.unique(acts["shape"]).to_pylist())
        wanted.update(self.carry.cursors["shape"].to_pylist(), self.carry.prepared["shape"].to_pylist())
        return [self.book.known[shape] for shape in wanted if shape is not None and shape in self.book.known]

    def _join(self, acts: pa.Table, exposed: pa.Table, facts: pa.Table) -> pa.Table:
        tables = {"acts": acts, "exposed": exposed, "facts": facts}
        for name, table in tables.items():
            self.engine.register(name, table)
        try:
            return arrow(self.engine, _ENRICHED)
        finally:
            for name in tables:
                self.engine.unregister(name)

    def _finish(self, judged: pa.Table, habit: pa.Table, piece: Slice, batch: int, source_id: str) -> pa.Table:
        size = judged.num_rows
        columns = {name: judged[name] for name in judged.column_names}
        columns.update({name: habit[name] for name in _HABIT_COLUMNS})
        columns["database"] = _constant(self.database, size)
        columns["event_id"] = pc.binary_join_element_wise(
            _constant(self.database, size),
            pc.fill_null(judged["session"], piece.file.id),
            pc.cast(pc.coalesce(judged["session_line"], judged["source_offset"]), pa.string()),
            "/",
        )
        columns["source_id"] = _constant(source_id, size)
        columns["source_file"] = _constant(piece.file.id, size)
        columns["batch"] = pa.repeat(pa.scalar(batch, pa.int64()), size)
        return pa.table([columns[f.name].cast(f.type) for f in EVENT_SCHEMA], schema=EVENT_SCHEMA)

    def _open_sessions(self, acts: pa.Table, last: pa.Table) -> pa.Table:
        tables = {"acts": acts.select(["session", "kind"]), "new_last": last, "old_last": self.last}
        for name, table in tables.items():
            self.engine.register(name, table)
        try:
            return arrow(
                self.engine,
                """
                select * from (
                    select * from old_last anti join new_last using (session) union all by name select * from new_last
                ) where session not in (select session from acts where kind = 'disconnect' and session is not null)
                """,
                LAST_SCHEMA,
            )
        finally:
            for name in tables:
                self.engine.unregister(name)


def _constant(value: str, size: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), size)


def _from_rows(found: list[dict[str, object]], schema: pa.Schema) -> pa.Table:
    """Rows of the state database as an Arrow table; ISO texts become times and days again."""
    text = pa.schema([f.with_type(pa.string()) if pa.types.is_temporal(f.type) else f for f in schema])
    table = pa.Table.from_pylist([{name: row[name] for name in schema.names} for row in found], schema=text)
    return pa.table([table[f.name].cast(f.type) for f in schema], schema=schema)


def _contracts(config: Config, seen: str) -> list[dict[str, object]]:
    """The contract versions in force, so that a finding can quote the terms it was judged by."""
    return [
        {
            "id": vendor.contract.version,
            "vendor": name,
            "document": vendor.contract.model_dump_json(by_alias=True),
            "first_used": seen,
        }
        for name, vendor in config.vendors.items()
        if vendor.contract is not None
    ]

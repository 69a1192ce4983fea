"""One slice of one audit log becomes stored, enriched events: the way of the data, stage after stage.

Everything a later slice needs from an earlier one (open cursors, last audit lines, habits, agreed exports used up) is
carried in :class:`Ingest` and committed together with the batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scanner import lineage
from scanner.arrays import mask
from scanner.config import Config
from scanner.contracts import EXPORT_ROWS_SCHEMA, canaries, holidays_near, judge
from scanner.engine import Engine
from scanner.events import LAST_SCHEMA
from scanner.exposure import Facts, SessionCarry, facts_table, measure
from scanner.exposure.keys import Plainly, with_keys
from scanner.exposure.measure import OPEN_CURSOR_SCHEMA, PREPARED_SCHEMA, SESSION_SCHEMA, STATEMENT_SCHEMA
from scanner.front import Piece
from scanner.habits import HABIT_SCHEMA, Habits, changed_rows, from_rows, learn, oldest_kept
from scanner.habits_people import READ_SCHEMA
from scanner.model import EVENT_SCHEMA, TableRef
from scanner.shapebook import ShapeBook
from scanner.siphash import secret_in
from scanner.store.ledger import BatchChanges, Ledger, arrow_rows
from scanner.store.state import iso

_TOLD = ["statement", "logged", "command", "time", "returned_rows", "dbname"]  # of an act, to who analyses its shape
_MAX_PASSES = 20  # a copy makes its readers stale, which may be copies; copies in a circle settle soon or are left as they are


@dataclass
class Ingest:
    """Ingestion into one database's events. Slices come one after the other, from any of its audit sources."""

    database: str
    config: Config
    book: ShapeBook
    engine: Engine
    last: pa.Table = field(default_factory=LAST_SCHEMA.empty_table)
    carry: SessionCarry = field(default_factory=SessionCarry.empty)
    contexts: pa.Table = field(default_factory=lineage.CONTEXT_SCHEMA.empty_table)  # of open sessions
    said: dict[str, lineage.Context] = field(default_factory=dict)  # by shape, of this slice
    habits: Habits = field(default_factory=Habits)
    exports: pa.Table = field(default_factory=EXPORT_ROWS_SCHEMA.empty_table)

    @classmethod
    def resume(cls, database: str, config: Config, book: ShapeBook, engine: Engine, ledger: Ledger) -> Ingest:
        """Continue where the last committed batch of this database ended."""
        ingest = cls(database, config, book, engine)
        carried = ledger.sessions(database)
        if carried is not None:
            last, cursors, prepared, dumping, *more = carried
            ingest.last = last.cast(LAST_SCHEMA)
            ingest.carry = SessionCarry(
                cursors.cast(OPEN_CURSOR_SCHEMA),
                prepared.cast(PREPARED_SCHEMA),
                dumping.cast(SESSION_SCHEMA),
                more[0].cast(STATEMENT_SCHEMA) if more else STATEMENT_SCHEMA.empty_table(),
                more[3].cast(SESSION_SCHEMA) if len(more) > 3 else SESSION_SCHEMA.empty_table(),
            )
            if len(more) > 2:
                ingest.contexts = more[2].cast(lineage.CONTEXT_SCHEMA)
        ingest.habits = from_rows(*(ledger.load(name, database) for name in ("habit_account", "habit_seen", "habit_day")))
        if carried is not None and len(carried) > 5:
            ingest.habits.read = carried[5].cast(READ_SCHEMA)
        ingest.exports = _from_rows(ledger.load("export_day", database), EXPORT_ROWS_SCHEMA)
        return ingest

    def events(self, piece: Piece, batch: int, source_id: str) -> tuple[pa.Table, BatchChanges]:
        """Events of one piece (EVENT_SCHEMA), and what the batch changes in the state database."""
        acts = piece.acts.drop_columns(["shape"])
        known = {ref.name for ref in self.book.schema.tables}
        shapes = piece.acts["shape"].combine_chunks()
        schema = self.book.schema
        usual = lineage.Usual(schema.search_paths, frozenset(ref.schema for ref in schema.tables), schema.default_schema)
        apart = lineage.in_context(acts, shapes, piece.shapes, self.contexts, known, self.book.dialect, usual)
        self.contexts, self.said = apart.carry, apart.contexts
        enriched = self._exposed(acts.append_column("shape", apart.keys), apart.table)
        if self._counts_come_from_elsewhere(source_id):
            enriched = _reported_elsewhere(enriched, logged="postgresql" in self.book.dialect)
        judged, exports = judge(enriched, self.config, self.database, self.exports)
        judged = judged.append_column("canary", canaries(acts, judged, self.config.databases[self.database].canaries))
        learnt = learn(judged, self.habits, holidays_near(self.config.business_hours, judged["day_local"]))
        events = self._finish(judged, learnt.columns, piece, batch, source_id)

        self.last = piece.last
        used_before = arrow_rows(self.exports, database=self.database)
        self.exports = exports
        new_shapes, new_derived = self.book.changes()
        seen = iso(events["time"][0].as_py()) if events.num_rows else ""
        kept_from = oldest_kept(self.habits)
        accounts, seen_rows, days = changed_rows(self.database, self.habits, learnt.accounts, learnt.seen, learnt.days)
        changes = BatchChanges(
            sessions=(
                self.last,
                self.carry.cursors,
                self.carry.prepared,
                self.carry.dumping,
                self.carry.statements,
                self.habits.read,
                self.contexts,
                self.carry.telling,
            ),
            shapes=new_shapes,
            derived=[{**row, "since": seen} for row in new_derived],
            accounts=accounts,
            seen=seen_rows,
            days=days,
            days_kept_from=kept_from,
            exports=[row for row in arrow_rows(exports, database=self.database) if row not in used_before],
            contracts=_contracts(self.config, seen),
        )
        return events, changes

    def _counts_come_from_elsewhere(self, source_id: str) -> bool:
        """Whether this source's log has no row counts, and another place was named for them."""
        audit = self.config.databases[self.database].audit
        index = source_id.rpartition("/")[2]
        return index.isdigit() and int(index) < len(audit) and audit[int(index)].counts_elsewhere

    # -- steps --------------------------------------------------------------------------------------------------

    def _exposed(self, acts: pa.Table, representatives: pa.Table) -> pa.Table:
        """Acts with what they exposed, in parts: a copy that gives an already known shape other data to read begins a new
        part, so that reads before it are judged without the copy and those after it with it."""
        dialect = self.book.dialect
        plainly = Plainly(lineage.odd(dialect), partial(lineage.plain, dialect=dialect))
        parts: list[pa.Table] = []
        start = 0
        while start < acts.num_rows or not parts:
            end = self._analyse(acts, representatives, start)
            part = acts.slice(start, end - start)
            every = self._facts_for(part)
            facts = facts_table(every)
            measured = measure(part, facts, self.carry)
            self.carry = measured.carry
            exposed = with_keys(part, measured.exposed, every, secret_in(self.config.data_dir / "keys"), plainly)
            parts.append(self._join(part, exposed, facts))
            filling = self._filling(pc.unique(part["shape"]).to_pylist())
            for ref in {*filling, *self.book.filled} if part.num_rows else ():
                self.book.fill(ref, int(self._filled(part, filling.get(ref, []), ref)[-1]))
            start = end
        return pa.concat_tables(parts)

    def _analyse(self, acts: pa.Table, representatives: pa.Table, start: int) -> int:
        """Analyse the shapes of ``acts`` from row ``start`` on that are not known for the schema as it is now, in the order in
        which they appear. Returns the row up to which the judgements hold."""
        row_of = _first_rows(acts["shape"], start) if start else _as_dict(representatives["shape"], representatives["row"])
        passes = 0
        while passes < _MAX_PASSES:
            pending = [(row_of[shape], shape, 0) for shape in self.book.missing(row_of)] + self._grown(acts, row_of, start)
            if not pending:
                break
            passes += 1
            for row, shape, rows in sorted(pending):
                fresh = shape not in self.book.known
                act = acts.slice(row, 1).select(_TOLD).to_pylist()[0]
                known = len(self.book.current)
                self.book.add(
                    shape,
                    act["statement"],
                    logged=tuple(act["logged"].split("\x1f")) if act["logged"] else (),
                    command=act["command"] or "",
                    rows=rows or act["returned_rows"],
                    seen=iso(act["time"]),
                    dbname=act["dbname"],
                    context=self.said.get(shape),
                )
                # less than one more: a copy has made shapes stale that were judged without it
                if row > start and len(self.book.current) <= known:
                    return row
                if fresh and self.book.fills(shape) is not None:  # its copy may grow before the next of the pending
                    passes -= 1
                    break
        return int(acts.num_rows)

    def _grown(self, acts: pa.Table, shapes: Iterable[str], start: int) -> list[tuple[int, str, int]]:
        """The first act of each known copying shape with which its copy holds (a tenth) more rows than it is known to, and how
        many it holds then: by that act alone, or by many small ones together."""
        found = []
        part = acts.slice(start)
        for shape in shapes:
            size = self.book.size_of_copy(shape)
            if size is None:
                continue
            row = pc.index(pc.and_(pc.equal(part["shape"], shape), pc.greater(part["returned_rows"], size)), True).as_py()
            if row >= 0:
                found.append((start + row, shape, 0))
        for ref, filling in self._filling(shapes).items():
            held = self._filled(part, filling, ref)
            known = self.book.size_of_copy(filling[0]) or 0
            over = np.flatnonzero(held > 1.1 * known)
            if len(over):
                row = int(over[0])
                found.append((start + row, part["shape"][row].as_py(), int(held[row])))
        return found

    def _filled(self, part: pa.Table, shapes: list[str], ref: TableRef) -> npt.NDArray[np.int64]:
        usual = {shape: self.book.known[shape].best_rows for shape in shapes}
        return filled(part, usual, ref.name, self.book.filled.get(ref, 0))

    def _filling(self, shapes: Iterable[str]) -> dict[TableRef, list[str]]:
        """Copies that some of the shapes add rows to."""
        found: dict[TableRef, list[str]] = {}
        for shape in shapes:
            if (ref := self.book.fills(shape)) is not None:
                found.setdefault(ref, []).append(shape)
        return found

    def _facts_for(self, acts: pa.Table) -> list[Facts]:
        wanted = set(pc.unique(acts["shape"]).to_pylist())
        wanted.update(self.carry.cursors["shape"].to_pylist(), self.carry.prepared["shape"].to_pylist())
        return [self.book.known[shape] for shape in wanted if shape is not None and shape in self.book.known]

    def _join(self, acts: pa.Table, exposed: pa.Table, facts: pa.Table) -> pa.Table:
        """Acts with their exposure and what their shape says: EVENT_SCHEMA's columns but contract, habit and origin."""
        row = exposed["facts"].fill_null(-1).to_numpy()
        size = facts.num_rows
        known = row >= 0
        hidden = np.where(known, row, size)  # one row behind the facts stands for "nothing"
        sense = np.append(facts["sensitivity"].to_numpy(), 0)[hidden]
        where = facts["destination"].combine_chunks().take(pa.array(row, mask=~known))
        client, table = (mask(pc.equal(where, word)) for word in ("client", "table"))
        returned = mask(pc.greater(acts["returned_rows"], 0))
        # Masked or quasi-identifying columns expose nobody, and what is copied into another table has not left yet;
        # the reader of the event wants to know all the same.
        shown = (exposed["exposed_rows_high"].to_numpy() > 0) | (returned & (((sense == 1) & client) | table))
        told = pa.array(np.where(shown, hidden, size))
        nothing = pa.array([[]], pa.list_(pa.string()))
        logged = acts["logged"].combine_chunks().dictionary_encode()
        names = pa.array([text.split("\x1f") if text else [] for text in logged.dictionary.to_pylist()], pa.list_(pa.string()))
        place = np.where(known, row, size + logged.indices.fill_null(0).to_numpy(zero_copy_only=False))
        columns = {
            **{name: acts[name] for name in acts.column_names if name in EVENT_SCHEMA.names or name == "n"},
            **{name: exposed[name] for name in exposed.column_names if name != "facts"},
            "day": acts["time"].cast(pa.date32()),
            "tables": pa.concat_arrays([facts["tables"].combine_chunks(), names]).take(pa.array(place)),
            "destination": where,
            "pii_classes": pa.concat_arrays([facts["pii_classes"].combine_chunks(), nothing]).take(told),
            "pii_columns": pa.concat_arrays([facts["pii_columns"].combine_chunks(), nothing]).take(told),
            "sensitivity": pa.array(np.where(shown, sense, 0), pa.int8()),
            "unread": facts["unread"].combine_chunks().take(pa.array(row, mask=~known)),
            "source_offset": acts["offset"],
            "source_length": acts["length"],
        }
        return pa.table(columns)

    def _finish(self, judged: pa.Table, habit: pa.Table, piece: Piece, batch: int, source_id: str) -> pa.Table:
        size = judged.num_rows
        columns = {name: judged[name] for name in judged.column_names}
        columns.update({name: habit[name] for name in HABIT_SCHEMA.names})
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


def filled(acts: pa.Table, usual: Mapping[str, int], name: str, before: int) -> npt.NDArray[np.int64]:
    """Rows that statements have put into the table ``name`` with each act, ``before`` of them earlier.

    ``usual``: the shapes of these statements, and how many rows each copies where the log does not say. TRUNCATE, DROP and DELETE
    begin anew.
    """
    which = pc.index_in(acts["shape"], value_set=pa.array(list(usual), pa.string()))
    guessed = pc.fill_null(pa.array(list(usual.values()), pa.int64()).take(which.combine_chunks()), 0)
    adds = mask(pc.and_(pc.is_valid(which), pc.equal(acts["kind"], "audit")))
    rows = np.where(adds, pc.coalesce(acts["returned_rows"], pa.chunked_array([guessed])).to_numpy(), 0)
    emptying = pc.match_substring_regex(acts["command"], "^(?:TRUNCATE|DROP|DELETE)")
    empties = mask(pc.and_(emptying, pc.match_substring(acts["statement"], name, ignore_case=True)))
    total = np.cumsum(rows)
    forgotten = np.maximum.accumulate(np.where(empties, total, -before))
    counted: npt.NDArray[np.int64] = total - forgotten
    return counted


def _as_dict(keys: pa.ChunkedArray, values: pa.ChunkedArray) -> dict[str, int]:
    return dict(zip(keys.to_pylist(), values.to_pylist(), strict=True))


def _reported_elsewhere(events: pa.Table, *, logged: bool) -> pa.Table:
    """``logged``: whether the log itself counts rows, but for those of COPY and FETCH, for which it says 0."""
    counted = pc.and_(pc.equal(events["rows_source"], "reported"), pc.is_valid(events["returned_rows"]))
    if logged:
        silent = pc.and_(pc.is_in(events["command"], pa.array(["COPY", "FETCH"])), pc.greater(events["returned_rows"], 0))
        counted = pc.and_(counted, silent)
    place = events.schema.get_field_index("rows_source")
    return events.set_column(place, "rows_source", pc.if_else(counted, "reported_elsewhere", events["rows_source"]))


def _first_rows(shapes: pa.ChunkedArray, start: int) -> dict[str, int]:
    """Row of the first act from ``start`` on that has each shape."""
    ahead = pa.table({"shape": shapes.slice(start), "row": pa.array(range(start, len(shapes)), pa.int64())})
    first = ahead.group_by("shape").aggregate([("row", "min")])
    return _as_dict(first["shape"], first["row_min"])


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
        {"id": contract.version, "vendor": name, "document": contract.model_dump_json(by_alias=True), "first_used": seen}
        for name, vendor in config.vendors.items()
        for contract in vendor.agreed
    ]

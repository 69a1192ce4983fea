"""The whole way, on one screen: audit log → events → rules → findings.

:func:`scan` is what cron, the scheduler and the command line call. It is safe to run twice at once (one waits), after a
crash (unfinished batches are completed first), and with part of the world unreachable (the rest is done, and it says so).
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine as StateEngine
from sqlalchemy import select

from scanner import __version__
from scanner.catalog import from_json, to_json
from scanner.config import Config
from scanner.engine import arrow, open_engine, open_event_engine
from scanner.errors import CatalogError, EvidenceError, StoreError
from scanner.events import LAST_SCHEMA
from scanner.evidence import RawStore
from scanner.evidence import export as export_bundle
from scanner.findings import PERSONS_SCHEMA, FindingStore, sweep, update_findings
from scanner.findings.hits import all_event_ids as event_ids_of_findings
from scanner.front import Piece, Task, is_much, pieces
from scanner.logwatch import UNPLACED, LogWatch
from scanner.model import EVENT_SCHEMA, Schema, SourceNotice
from scanner.siphash import secret_in
from scanner.sources.base import SLICE_BYTES
from scanner.sources.raw import holds, read_ranges
from scanner.store import tables as t
from scanner.store.events import EventStore
from scanner.store.ledger import Ledger
from scanner.store.lock import writing
from scanner.store.state import now, open_state, reading, rows, upsert

if TYPE_CHECKING:
    from scanner.catalog import CatalogScan
    from scanner.ingest import Ingest

Progress = Callable[[str, str], None]  # (what, detail)


def _quiet(_what: str, _detail: str) -> None:
    return None


@dataclass
class Report:
    """What one scan did. ``complete`` is false when something could not be read: exit code 2."""

    records: int = 0
    events: int = 0
    skips: int = 0
    new_findings: int = 0
    updated_findings: int = 0
    recovered: int = 0
    notices: list[SourceNotice] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        return self.skips == 0 and not any(notice.fatal for notice in self.notices)


@dataclass(frozen=True)
class Workspace:
    """The places a configuration names: event store, state database, lock."""

    config: Config
    state: StateEngine
    events: EventStore
    ledger: Ledger
    raw: RawStore

    @staticmethod
    def open(config: Config) -> Workspace:
        """Open (or create) the data directory. Raises :class:`StoreError`."""
        events = EventStore(config.data_dir / "events")
        try:
            config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o750)
        except OSError as error:
            raise StoreError(f"cannot create data_dir {config.data_dir}: {error}", "choose a folder you may write to") from error
        secret_in(config.data_dir / "keys")
        state = open_state(config.state_url.get_secret_value())
        return Workspace(config, state, events, Ledger(state, events), RawStore(config.data_dir / "raw"))

    @property
    def spill(self) -> Path:
        """Where queries put what does not fit into memory; empty between scans."""
        return self.config.data_dir / "spill"

    @contextlib.contextmanager
    def lock(self, progress: Progress = _quiet) -> Iterator[None]:
        """Held by whoever writes. A second scan waits for the first, on this host or another that shares the state."""
        with writing(self.config.data_dir, self.state, lambda reason: progress("waiting", reason)):
            yield


def scan(
    config: Config,
    databases: Sequence[str] = (),
    *,
    until: datetime | None = None,
    progress: Progress = _quiet,
    slice_bytes: int = SLICE_BYTES,
) -> Report:
    """One pass: ingest all that is new of ``databases`` (default: all), then run the rules over it.

    ``until`` leaves events at or after that time for a later scan. ``slice_bytes`` of log make one batch: memory grows with
    it, results do not change with it. Returns what was done; raises only when nothing can be done at all (configuration,
    rules, store).
    """
    started = time.monotonic()
    report = Report()
    workspace = Workspace.open(config)
    names = list(databases) or list(config.databases)
    with workspace.lock(progress):
        report.recovered = workspace.ledger.recover()
        run_id = workspace.ledger.start_run(json.dumps(names))
        status = "failed"
        try:
            for name in names:
                _ingest_database(workspace, name, run_id, until, report, progress, slice_bytes)
            _evaluate(workspace, report, progress)
            _secure(workspace, report, progress)
            status = "complete" if report.complete else "incomplete"
        finally:
            notices = json.dumps([{"path": n.path, "reason": n.reason, "hint": n.hint} for n in report.notices])
            workspace.ledger.finish_run(
                run_id, status, records=report.records, events=report.events, skips=report.skips, notices_json=notices
            )
    sweep(workspace.state)
    _tell(workspace, report, progress)
    report.seconds = time.monotonic() - started
    return report


def _tell(workspace: Workspace, report: Report, progress: Progress) -> None:
    """Tell people of what is new. A channel that fails does not fail the scan: the message is tried again."""
    if not workspace.config.notify.channels:
        return
    from scanner.notify import tell

    progress("telling", "who has to know")
    for channel, error in tell(workspace.state, workspace.config).errors.items():
        hint = "it is tried again, by the next scan too; see `vendorwatch notify list`"
        report.notices.append(SourceNotice(f"channel {channel}", error, hint, fatal=False))


def _ingest_database(
    workspace: Workspace,
    name: str,
    run_id: int,
    until: datetime | None,
    report: Report,
    progress: Progress,
    slice_bytes: int,
) -> None:
    ledger = workspace.ledger
    ingest: Ingest | None = None
    try:
        for index, audit in enumerate(workspace.config.databases[name].audit):
            source_id = f"{name}/{index}"
            progress("reading", f"{name}: {audit.shown}")
            task = Task(
                type=audit.type,
                path=audit.place(workspace.config.data_dir, name),
                options=tuple(audit.told(workspace.config.data_dir, name).items()),
                time_zone=audit.time_zone or workspace.config.time_zone,
                known=tuple(ledger.positions(source_id)),
                slice_bytes=slice_bytes,
                last=ingest.last if ingest else _last_lines(ledger, name),
                until=until,
                dialect=workspace.config.databases[name].engine,
            )
            much = is_much(task)
            found = pieces(task, own_process=much)
            if ingest is None and much:
                ingest = _open_ingest(workspace, name, report, progress)  # while the other process reads the first piece
            watch = LogWatch(ledger, workspace.config, source_id)
            for piece in found:
                if isinstance(piece, SourceNotice):
                    report.notices.append(piece)
                    watch.notice(piece)
                elif piece.end == piece.start and not piece.skips:
                    ledger.note_file(source_id, piece)  # nothing new in it, but it may have moved
                else:
                    ingest = ingest or _open_ingest(workspace, name, report, progress)
                    _store(workspace, ingest, piece, run_id, watch, report, progress)
            watch.conclude(run_id, workspace.events, complete=until is None)
    finally:
        if ingest is not None:
            ingest.engine.close()


def _last_lines(ledger: Ledger, name: str) -> pa.Table:
    carried = ledger.sessions(name)
    return carried[0].cast(LAST_SCHEMA) if carried else LAST_SCHEMA.empty_table()


def _open_ingest(workspace: Workspace, name: str, report: Report, progress: Progress) -> Ingest:
    """The second half of the way, once there is something for it to do: its parsers take a moment to load."""
    from scanner.ingest import Ingest
    from scanner.shapebook import ShapeBook

    ledger = workspace.ledger
    schema = _schema_or_notice(workspace, name, report, progress)
    engine = workspace.config.databases[name].engine
    book = ShapeBook.open(name, schema, ledger.load("shape", name), ledger.load("derived_table", name), engine)
    return Ingest.resume(name, workspace.config, book, open_engine(spill_to=str(workspace.spill)), ledger)


def _store(
    workspace: Workspace, ingest: Ingest, piece: Piece, run_id: int, watch: LogWatch, report: Report, progress: Progress
) -> None:
    ledger, source_id = workspace.ledger, watch.source_id
    batch = ledger.next_batch()
    events, changes = ingest.events(piece, batch, source_id)
    changes = replace(changes, continuity=watch.follow(piece))
    staged = workspace.events.stage(events, batch=batch, app_id=f"{source_id}/{piece.file.id}", app_version=piece.end)
    ledger.record(run_id, ingest.database, source_id, piece, staged, events, changes)
    report.records += piece.records
    report.events += events.num_rows
    report.skips += len(piece.skips)
    progress("stored", f"{report.records:,} records read, {report.events:,} events stored")


# ---------------------------------------------------------------------------------------------------------------
# Rules.
# ---------------------------------------------------------------------------------------------------------------


def _evaluate(workspace: Workspace, report: Report, progress: Progress) -> None:
    """Run the rules over what no rule has seen yet, and turn their hits into findings."""
    batches, earliest = workspace.ledger.unevaluated()
    if not batches:
        return
    if earliest is None:
        return
    pa.default_memory_pool().release_unused()  # what reading needed; rules have a memory of their own
    from scanner.ruleset import load_rules, run_rules  # parsing rules is not free: only when there is something to judge

    ruleset = load_rules(workspace.config.rules)
    since = datetime.fromisoformat(earliest)
    progress("rules", f"{len(ruleset.rules)} rules over what is new since {earliest[:19]}Z")
    hits = run_rules(ruleset, workspace.events.files(since - ruleset.lookback), since=since, spill_to=workspace.spill)
    engine = open_event_engine(workspace.events.folder, workspace.events.files(), spill_to=workspace.spill)
    try:
        report.new_findings, report.updated_findings = update_findings(
            workspace.state,
            engine,
            hits,
            batches=batches,
            rules=ruleset.by_id,
            config=workspace.config,
            table_persons=_table_persons(workspace),
        )
    finally:
        engine.close()


def _secure(workspace: Workspace, report: Report, progress: Progress) -> None:
    """Copy the raw log records behind findings into the data directory, while the logs are still there.

    Also those of earlier scans that were killed in between, or whose log could not be read then.
    """
    with reading(workspace.state) as connection:
        # what was found out about a log as a whole has no record of its own
        wanted = {one for one in event_ids_of_findings(connection).to_pylist() if f"/{UNPLACED}/" not in one}
        files = {(row.source_id, row.file_id): row for row in connection.execute(select(t.source_file))}
    missing = sorted(wanted - workspace.raw.secured()) if wanted else []
    if not missing:
        return
    progress("evidence", f"securing {len(missing):,} raw records")
    places = _places(workspace, missing)
    for (source_id, file_id), file in files.items():
        here = pc.and_(pc.equal(places["source_id"], source_id), pc.equal(places["source_file"], file_id))
        mine = places.filter(here)
        if not mine.num_rows:
            continue
        secured, reason = 0, "their log is not at this path any more"
        try:
            if holds(file.path, file_id, file.head_length):
                secured = sum(workspace.raw.add(part) for part in _raw_records(file.path, mine))
        except OSError as error:
            reason = error.strerror or str(error)
        if secured < mine.num_rows:
            what = f"{mine.num_rows - secured:,} raw records behind findings could not be secured: {reason}"
            report.notices.append(SourceNotice(file.path, what, "bring the log back; the next scan tries again", fatal=False))


def _raw_records(path: str, places: pa.Table) -> Iterator[pa.Table]:
    """The bytes at ``places`` of one log, in parts that fit into memory (the columns of RAW_SCHEMA but sha256)."""
    offsets, lengths = places["source_offset"].to_pylist(), places["source_length"].to_pylist()
    row_of = {offset: row for row, offset in enumerate(offsets)}
    rows: list[int] = []
    data: list[bytes] = []
    size = 0
    for offset, record in read_ranges(path, list(zip(offsets, lengths, strict=True))):
        rows.append(row_of[offset])
        data.append(record)
        size += len(record)
        if size >= _RAW_PART_BYTES:
            yield _raw_table(path, places, rows, data)
            rows, data, size = [], [], 0
    if rows:
        yield _raw_table(path, places, rows, data)


_RAW_PART_BYTES = 64 * 1024 * 1024


def _raw_table(path: str, places: pa.Table, rows: list[int], data: list[bytes]) -> pa.Table:
    taken = places.take(pa.array(rows, pa.int64()))
    columns = {
        "event_id": taken["event_id"],
        "source_id": taken["source_id"],
        "source_file": taken["source_file"],
        "path": pa.repeat(pa.scalar(path), len(rows)),
        "offset": taken["source_offset"],
        "length": taken["source_length"],
        "data": pa.array(data, pa.binary()),
    }
    return pa.table(columns)


def _places(workspace: Workspace, event_ids: list[str]) -> pa.Table:
    """Where in which log the records of events stand."""
    engine = open_event_engine(workspace.events.folder, workspace.events.files())
    try:
        engine.register("wanted", pa.table({"event_id": pa.array(event_ids, pa.string())}))
        return arrow(
            engine,
            "select event_id, source_id, source_file, source_offset, source_length from events semi join wanted using (event_id) "
            "order by source_id, source_file, source_offset",
        )
    finally:
        engine.close()


def export_finding(workspace: Workspace, finding_id: str, target: Path, *, exported_by: str) -> Path:
    """Write a finding as an evidence bundle into the new folder ``target``. Raises :class:`EvidenceError`."""
    store = FindingStore(workspace.state)
    finding = store.get(finding_id)
    if finding is None:
        raise EvidenceError(f"no finding (or more than one) begins with {finding_id!r}", "list them with `vendorwatch findings`")
    event_ids = store.event_ids(finding["id"])
    engine = open_event_engine(workspace.events.folder, workspace.events.files())
    try:
        engine.register("wanted", pa.table({"event_id": pa.array(event_ids, pa.string())}))
        events = arrow(engine, "select * from events semi join wanted using (event_id) order by time, event_id")
        events = events.select(EVENT_SCHEMA.names).cast(EVENT_SCHEMA)
    finally:
        engine.close()
    with reading(workspace.state) as connection:
        numbers = sorted(set(events["batch"].to_pylist()))
        batches = [
            dict(r._mapping) for r in connection.execute(select(t.batch).where(t.batch.c.id.in_(numbers)).order_by(t.batch.c.id))
        ]
    for row in batches:
        row.pop("staged")
    return export_bundle(
        target, finding, events, workspace.raw.read(event_ids), batches, exported_by=exported_by, version=__version__
    )


def _table_persons(workspace: Workspace) -> pa.Table:
    found = []
    for name in workspace.config.databases:
        schema = load_schema(workspace, name)
        for ref, table in (schema.tables if schema else {}).items():
            persons = table.persons if table.persons is not None else table.rows
            if table.has_pii and persons:
                found.append({"database": name, "table": str(ref), "persons": persons})
    return pa.Table.from_pylist(found, schema=PERSONS_SCHEMA)


# ---------------------------------------------------------------------------------------------------------------
# The PII catalogue.
# ---------------------------------------------------------------------------------------------------------------


def load_schema(workspace: Workspace, name: str) -> Schema | None:
    """The catalogue of a database as last scanned; None when it never was."""
    with reading(workspace.state) as connection:
        found = rows(connection, t.catalog, database=name)
    return from_json(found[0]["document"]) if found else None


def catalog_scan(workspace: Workspace, name: str, progress: Progress = _quiet) -> CatalogScan:
    """Look at a customer database and keep its PII map. Raises :class:`CatalogError` when it cannot be reached."""
    from scanner.catalog import scan_catalog  # loads analyzers that an ordinary scan does without
    from scanner.catalog.custom import recognizers
    from scanner.pipeline_catalog import keep_sizes, settings_for

    database = workspace.config.databases[name]
    at = now()
    result = scan_catalog(
        name,
        database.url.get_secret_value(),
        previous=load_schema(workspace, name),
        settings=settings_for(workspace.config, workspace.state, name),
        recognizers=recognizers(workspace.config.catalog),
        progress=lambda table, done, total: progress("catalogue", f"{name}: {table} ({done}/{total})"),
    )
    gaps = json.dumps([{"table": str(g.table), "reason": g.reason, "hint": g.hint} for g in result.gaps])
    document = {
        "database": name,
        "version": result.schema.version,
        "scanned_at": at,
        "document": to_json(result.schema),
        "gaps": gaps,
    }
    with workspace.state.begin() as connection:
        upsert(connection, t.catalog, [document])
        keep_sizes(connection, result.schema, at)
    known = [(ref.schema, ref.name) for ref in result.schema.tables]
    known += [(ref.schema, f"{ref.name}()") for ref in result.schema.functions]
    workspace.ledger.forget_derived(name, known)
    return result


def _schema_or_notice(workspace: Workspace, name: str, report: Report, progress: Progress) -> Schema:
    """The PII map for a scan: as kept, made now when there is none, empty (and said so) when it cannot be made."""
    schema = load_schema(workspace, name)
    if schema is not None:
        return schema
    try:
        return catalog_scan(workspace, name, progress).schema
    except CatalogError as error:
        report.notices.append(
            SourceNotice(
                f"database {name}", f"no PII map: {error.message}", error.hint or f"run `vendorwatch catalog scan {name}`"
            )
        )
        return Schema(database=name, version="none")


__all__ = ["Report", "Workspace", "catalog_scan", "export_finding", "load_schema", "scan"]

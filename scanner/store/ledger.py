"""What the way in keeps in the state database: positions, batches, skips, sessions, shapes, habits.

:meth:`Ledger.record` commits everything one batch changes in a single transaction; see :mod:`scanner.store.events` for
how that and the Delta commit together survive a crash.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

import pyarrow as pa
from sqlalchemy import Connection, Engine, delete, func, select, update

from scanner.errors import StoreError
from scanner.model import FileId, Position, Skip
from scanner.store import tables as t
from scanner.store.events import EventStore, StagedBatch
from scanner.store.state import insert_new, iso, now, reading, rows, upsert


@dataclass(frozen=True)
class BatchChanges:
    """Everything one batch changes in the state database, beside its own ledger entry."""

    sessions: Sequence[pa.Table]
    shapes: Sequence[Mapping[str, Any]] = ()  # rows of ``shape``
    derived: Sequence[Mapping[str, Any]] = ()  # rows of ``derived_table``
    accounts: Sequence[Mapping[str, Any]] = ()  # rows of ``habit_account``
    seen: Sequence[Mapping[str, Any]] = ()  # rows of ``habit_seen``
    days: Sequence[Mapping[str, Any]] = ()  # rows of ``habit_day``
    days_kept_from: str | None = None  # local day before which habits are forgotten
    exports: Sequence[Mapping[str, Any]] = ()  # rows of ``export_day``
    contracts: Sequence[Mapping[str, Any]] = field(default=())  # rows of ``contract_version``
    continuity: bytes | None = None  # what is remembered about the source's log: ``continuity.document``


class ReadPiece(Protocol):
    """A piece of a log as the ledger enters it."""

    @property
    def file(self) -> FileId: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    @property
    def skips(self) -> tuple[Skip, ...]: ...
    @property
    def records(self) -> int: ...


class Ledger:
    """Bookkeeping of ingestion. One writer at a time: the caller holds the scan lock."""

    def __init__(self, state: Engine, events: EventStore) -> None:
        self.state = state
        self.events = events

    # -- runs ---------------------------------------------------------------------------------------------------

    def start_run(self, databases_json: str) -> int:
        with self.state.begin() as connection:
            # a run that never ended was killed; say so instead of leaving it "running" for ever
            connection.execute(update(t.run).where(t.run.c.status == "running").values(status="failed", finished_at=now()))
            result = connection.execute(t.run.insert().values(started_at=now(), status="running", databases=databases_json))
            key = result.inserted_primary_key
        assert key is not None
        return int(key[0])

    def finish_run(self, run_id: int, status: str, *, records: int, events: int, skips: int, notices_json: str) -> None:
        with self.state.begin() as connection:
            connection.execute(
                update(t.run)
                .where(t.run.c.id == run_id)
                .values(status=status, finished_at=now(), records=records, events=events, skips=skips, notices=notices_json)
            )

    # -- recovery and positions ---------------------------------------------------------------------------------

    def recover(self) -> int:
        """Bring the Delta table up to the state database after a crash. Returns the number of batches completed."""
        with reading(self.state) as connection:
            waiting = [
                StagedBatch.from_json(text)
                for (text,) in connection.execute(
                    select(t.batch.c.staged).where(t.batch.c.staged.is_not(None)).order_by(t.batch.c.id)
                )
            ]
        for staged in waiting:
            self._publish(staged)
        return len(waiting)

    def positions(self, source_id: str) -> list[Position]:
        """How far each known file of a source has been read."""
        with reading(self.state) as connection:
            return [
                Position(FileId(r["file_id"], r["path"], r["head_length"], r["device"], r["inode"]), r["position"])
                for r in rows(connection, t.source_file, source_id=source_id)
            ]

    def next_batch(self) -> int:
        with reading(self.state) as connection:
            return int(connection.execute(select(func.coalesce(func.max(t.batch.c.id), 0))).scalar_one()) + 1

    # -- one batch ----------------------------------------------------------------------------------------------

    def record(
        self,
        run_id: int,
        database: str,
        source_id: str,
        piece: ReadPiece,
        staged: StagedBatch,
        events: pa.Table,
        changes: BatchChanges,
    ) -> None:
        """Commit a batch: state database first, then the Delta table. After this the batch is in, exactly once."""
        file = piece.file
        moments = _bounds(events)
        with self.state.begin() as connection:
            self._claim(connection, source_id, piece)
            connection.execute(
                t.batch.insert().values(
                    id=staged.batch,
                    run_id=run_id,
                    database=database,
                    source_id=source_id,
                    file_id=file.id,
                    path=file.path,
                    start=piece.start,
                    end=piece.end,
                    records=piece.records,
                    events=events.num_rows,
                    skips=len(piece.skips),
                    first_event=moments[0],
                    last_event=moments[1],
                    raw_sha256=piece.sha256,
                    events_sha256=staged.events_sha256,
                    staged=staged.to_json() if staged.files else None,
                    evaluated=events.num_rows == 0,
                    created_at=now(),
                )
            )
            if piece.skips:
                connection.execute(
                    t.skip.insert(),
                    [
                        {
                            "batch_id": staged.batch,
                            "source_id": source_id,
                            "file_id": file.id,
                            "path": file.path,
                            "offset": s.offset,
                            "length": s.length,
                            "reason": s.reason,
                        }
                        for s in piece.skips
                    ],
                )
            document = pack(changes.sessions)
            upsert(connection, t.session_state, [{"database": database, "document": document, "updated_at": now()}])
            upsert(connection, t.shape, changes.shapes, keep=("first_seen",))
            upsert(connection, t.derived_table, changes.derived, keep=("since",))
            upsert(connection, t.habit_account, changes.accounts)
            insert_new(connection, t.habit_seen, changes.seen)
            upsert(connection, t.habit_day, changes.days)
            if changes.days_kept_from:
                old = t.habit_day.c.day < changes.days_kept_from
                connection.execute(delete(t.habit_day).where(t.habit_day.c.database == database, old))
            upsert(connection, t.export_day, changes.exports)
            insert_new(connection, t.contract_version, changes.contracts)
            if changes.continuity is not None:
                row = {"source_id": source_id, "document": changes.continuity, "updated_at": now()}
                upsert(connection, t.continuity, [row])
        if staged.files:
            self._publish(staged)

    def _claim(self, connection: Connection, source_id: str, piece: ReadPiece) -> None:
        """Move the file's position from the piece's start to its end. Whoever lost the scan lock finds it moved already."""
        row, c = _file_row(source_id, piece), t.source_file.c
        mine = (c.source_id == source_id, c.file_id == piece.file.id)
        moved = connection.execute(update(t.source_file).where(*mine, c.position == piece.start).values(**row)).rowcount
        if not moved:
            if connection.execute(select(c.position).where(*mine)).first() is not None:
                raise StoreError(
                    f"{piece.file.path} was read by another scan in the meantime",
                    "nothing is lost or doubled: this scan's part is left out; see that one host scans at a time",
                )
            connection.execute(t.source_file.insert().values(**row))

    def observe(
        self,
        run_id: int,
        database: str,
        source_id: str,
        path: str,
        staged: StagedBatch | None,
        events: pa.Table | None,
        observations: Sequence[Mapping[str, Any]],
        document: bytes,
        files: bytes,
    ) -> None:
        """Commit what was found wrong with a source's log (``staged`` and ``events``: as events; None: nothing) and what is
        remembered about it. It is a batch that read nothing."""
        with self.state.begin() as connection:
            if staged is not None and events is not None:
                connection.execute(
                    t.batch.insert().values(
                        id=staged.batch,
                        run_id=run_id,
                        database=database,
                        source_id=source_id,
                        file_id="",
                        path=path,
                        start=0,
                        end=0,
                        records=0,
                        events=events.num_rows,
                        skips=0,
                        first_event=_bounds(events)[0],
                        last_event=None,  # nobody accessed anything then
                        raw_sha256="",
                        events_sha256=staged.events_sha256,
                        staged=staged.to_json(),
                        evaluated=False,
                        created_at=now(),
                    )
                )
            insert_new(connection, t.observation, observations)
            row = {"source_id": source_id, "document": document, "files": files, "updated_at": now()}
            upsert(connection, t.continuity, [row])
        if staged is not None:
            self._publish(staged)

    def note_file(self, source_id: str, piece: ReadPiece) -> None:
        """Remember where a file was found that holds nothing new."""
        with self.state.begin() as connection:
            upsert(connection, t.source_file, [_file_row(source_id, piece)])

    def _publish(self, staged: StagedBatch) -> None:
        self.events.commit(staged)
        with self.state.begin() as connection:
            connection.execute(update(t.batch).where(t.batch.c.id == staged.batch).values(staged=None))

    # -- what a scan starts from --------------------------------------------------------------------------------

    def sessions(self, database: str) -> list[pa.Table] | None:
        """Session carry of a database, as :meth:`record` was given it."""
        with reading(self.state) as connection:
            found = connection.execute(select(t.session_state.c.document).where(t.session_state.c.database == database)).scalar()
        return None if found is None else unpack(bytes(found))

    def load(self, table: str, database: str) -> list[dict[str, Any]]:
        """Rows of a per-database table (shape, derived_table, habit_account, habit_seen, habit_day, export_day)."""
        with reading(self.state) as connection:
            return rows(connection, t.metadata.tables[table], database=database)

    # -- what the rules have not seen yet -------------------------------------------------------------------------

    def unevaluated(self) -> tuple[list[int], str | None]:
        """Batches whose events no rule has seen, and the earliest event among them (ISO 8601, UTC)."""
        with reading(self.state) as connection:
            found = connection.execute(select(t.batch.c.id, t.batch.c.first_event).where(~t.batch.c.evaluated)).all()
        moments = [moment for _, moment in found if moment is not None]
        return [int(number) for number, _ in found], min(moments, default=None)

    def forget_derived(self, database: str, names: Iterable[tuple[str, str]]) -> None:
        """Drop copies that the catalogue has meanwhile looked at itself."""
        with self.state.begin() as connection:
            for schema, name in names:
                connection.execute(
                    delete(t.derived_table).where(
                        t.derived_table.c.database == database, t.derived_table.c.schema == schema, t.derived_table.c.name == name
                    )
                )


def _file_row(source_id: str, piece: ReadPiece) -> dict[str, Any]:
    file = piece.file
    return {
        "source_id": source_id,
        "file_id": file.id,
        "path": file.path,
        "head_length": file.head_length,
        "device": file.device,
        "inode": file.inode,
        "position": piece.end,
        "updated_at": now(),
    }


def pack(tables: Sequence[pa.Table]) -> bytes:
    """Arrow tables one after the other, as bytes."""
    sink = io.BytesIO()
    for table in tables:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()


def unpack(data: bytes) -> list[pa.Table]:
    """The tables that :func:`pack` was given."""
    source = pa.BufferReader(data)
    found = []
    while source.tell() < len(data):
        found.append(pa.ipc.open_stream(source).read_all())
    return found


def arrow_rows(table: pa.Table, **constant: Any) -> list[dict[str, Any]]:
    """Rows of a small Arrow table with times and days as the state database writes them."""
    return [{**constant, **{name: _plain(value) for name, value in row.items()}} for row in table.to_pylist()]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    return value.isoformat() if isinstance(value, date) else value


def _bounds(events: pa.Table) -> tuple[str | None, str | None]:
    if events.num_rows == 0:
        return None, None
    bounds = pa.compute.min_max(events["time"]).as_py()
    return iso(bounds["min"]), iso(bounds["max"])

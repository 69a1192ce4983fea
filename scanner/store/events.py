"""The event store: a Delta Lake table of access events, append-only, partitioned by UTC day.

How a batch becomes part of it, so that a crash at any point gives neither loss nor duplicate:

1. :meth:`EventStore.stage` writes the Parquet files into the table's folder. Nobody sees them yet.
2. The state database commits, in one transaction, everything the batch changes *and* the list of those files.
3. :meth:`EventStore.commit` adds the files to the Delta log with an application transaction (log file, end offset).

After a crash :meth:`EventStore.commit` is called again for batches the state database holds; the application transaction
says which of them the table already has. Files of a batch that never reached step 2 are overwritten or vacuumed.
``write_deltalake`` does not refuse a repeated application transaction, therefore the version is read first, under the
store's lock. Readers take the list of files and read them themselves: deltalake's ``to_pyarrow_table`` aborts the
interpreter at exit (seen with deltalake 1.6.6 and pyarrow 26).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from scanner.errors import StoreError
from scanner.model import EVENT_SCHEMA

# ``day`` is the partition column: by the Delta protocol its value stands in the log, not in the files.
FILE_SCHEMA = pa.schema([f for f in EVENT_SCHEMA if f.name != "day"])
_ROW_GROUP = 131_072


@dataclass(frozen=True)
class StagedFile:
    """A Parquet file written into the table's folder, with what the Delta log has to say about it."""

    path: str  # relative to the table
    size: int
    day: str
    rows: int
    min_time: str
    max_time: str
    sha256: str


@dataclass(frozen=True)
class StagedBatch:
    """Files of one batch and the application transaction that makes their commit repeatable."""

    batch: int
    app_id: str
    app_version: int
    files: tuple[StagedFile, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @staticmethod
    def from_json(text: str) -> StagedBatch:
        raw = json.loads(text)
        return StagedBatch(raw["batch"], raw["app_id"], raw["app_version"], tuple(StagedFile(**f) for f in raw["files"]))

    @property
    def events_sha256(self) -> str:
        """SHA-256 over the files' own hashes, in order: what the ledger keeps of the stored events."""
        return hashlib.sha256("".join(f.sha256 for f in self.files).encode()).hexdigest()


class EventStore:
    """Append-only Delta table under ``folder``. One writer at a time (the caller holds the scan lock); any readers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._table: DeltaTable | None = None

    # -- writing ------------------------------------------------------------------------------------------------

    def stage(self, events: pa.Table, *, batch: int, app_id: str, app_version: int) -> StagedBatch:
        """Write ``events`` (EVENT_SCHEMA, any order) as Parquet, a file a day, without making them visible."""
        files: list[StagedFile] = []
        if events.num_rows:
            days: Sequence[date] = pc.unique(events["day"]).to_pylist()
            for day in sorted(days):
                part = events if len(days) == 1 else events.filter(pc.equal(events["day"], pa.scalar(day, pa.date32())))
                files.append(self._write(part.select(FILE_SCHEMA.names).cast(FILE_SCHEMA), day, batch))
        return StagedBatch(batch, app_id, app_version, tuple(files))

    def _write(self, part: pa.Table, day: date, batch: int) -> StagedFile:
        relative = f"day={day.isoformat()}/batch-{batch:010d}.parquet"
        target = self.folder / relative
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(
                part,
                target,
                compression="zstd",
                compression_level=1,
                row_group_size=_ROW_GROUP,
                use_dictionary=_DICTIONARY_COLUMNS,
                column_encoding=_ENCODINGS,
                write_statistics=["time", "exposed_persons", "batch"],
            )
            data = target.read_bytes()
        except OSError as error:
            raise StoreError(f"cannot write events to {target}: {error}", "check free space and permissions") from error
        bounds = pc.min_max(part["time"]).as_py()
        return StagedFile(
            path=relative,
            size=len(data),
            day=day.isoformat(),
            rows=part.num_rows,
            min_time=_iso(bounds["min"]),
            max_time=_iso(bounds["max"]),
            sha256=hashlib.sha256(data).hexdigest(),
        )

    def commit(self, staged: StagedBatch) -> bool:
        """Make a staged batch visible. False when the table has it already. Safe to repeat."""
        table = self._open_for_write()
        known = table.transaction_version(staged.app_id)
        if known is not None and known >= staged.app_version:
            return False
        for file in staged.files:
            if not (self.folder / file.path).exists():
                raise StoreError(
                    f"event file {file.path} of batch {staged.batch} is missing from {self.folder}",
                    "restore it from a backup of data_dir; the batch is recorded but its events are gone",
                )
        actions: list[AddAction | RemoveAction] = [
            AddAction(
                path=file.path,
                size=file.size,
                partition_values={"day": file.day},
                modification_time=int(time.time() * 1000),
                data_change=True,
                stats=json.dumps(
                    {
                        "numRecords": file.rows,
                        "minValues": {"time": file.min_time, "batch": staged.batch},
                        "maxValues": {"time": file.max_time, "batch": staged.batch},
                        "nullCount": {},
                    }
                ),
            )
            for file in staged.files
        ]
        table.create_write_transaction(
            actions,
            mode="append",
            schema=EVENT_SCHEMA,
            partition_by=["day"],
            commit_properties=CommitProperties(
                app_transactions=[Transaction(staged.app_id, staged.app_version)],
                custom_metadata={"vendorwatch.batch": str(staged.batch)},
            ),
        )
        table.update_incremental()
        return True

    def _open_for_write(self) -> DeltaTable:
        if self._table is None:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._table = DeltaTable.create(self.folder, EVENT_SCHEMA, mode="ignore", partition_by=["day"])
                _widen(self._table)
            except (OSError, DeltaError) as error:
                raise StoreError(f"cannot open the event store {self.folder}: {error}", "check its permissions") from error
        return self._table

    # -- reading ------------------------------------------------------------------------------------------------

    def files(self, since: datetime | None = None, until: datetime | None = None) -> list[Path]:
        """Parquet files that may hold events with ``since <= time < until`` (aware datetimes), oldest day first."""
        try:
            table = DeltaTable(self.folder)
        except TableNotFoundError:
            return []
        except DeltaError as error:
            raise StoreError(f"cannot read the event store {self.folder}: {error}", "run `vendorwatch doctor`") from error
        actions = pa.table(table.get_add_actions(flatten=True))
        if actions.num_rows == 0:
            return []
        keep: list[tuple[str, str]] = []
        for path, low, high in zip(
            actions["path"].to_pylist(), actions["min.time"].to_pylist(), actions["max.time"].to_pylist(), strict=True
        ):
            if since is not None and high is not None and high.astimezone(UTC) < since.astimezone(UTC).replace(microsecond=0):
                continue
            if until is not None and low is not None and low.astimezone(UTC) >= until.astimezone(UTC):
                continue
            keep.append((path.split("/", 1)[0], path))
        return [self.folder / path for _, path in sorted(keep)]

    def count(self) -> int:
        """Number of events stored."""
        try:
            table = DeltaTable(self.folder)
        except TableNotFoundError:
            return 0
        actions = pa.table(table.get_add_actions(flatten=True))
        return int(pc.sum(actions["num_records"]).as_py() or 0) if actions.num_rows else 0


def _widen(table: DeltaTable) -> None:
    """Add the columns that a table made by an older version lacks; its files stay as they are."""
    known = {field.name for field in table.schema().fields}
    new = [field for field in Schema.from_arrow(EVENT_SCHEMA).fields if field.name not in known]
    if new:
        table.alter.add_columns(new)


# Nearly every event has another value there: a dictionary would only be in the way. What rises is stored as differences.
_OWN_VALUES = ("event_id", "time", "session_line", "statement_id", "source_offset")
_DICTIONARY_COLUMNS = [
    f.name for f in FILE_SCHEMA if f.name not in _OWN_VALUES and not pa.types.is_list(f.type) and not pa.types.is_boolean(f.type)
]
_ENCODINGS = {"time": "DELTA_BINARY_PACKED", "source_offset": "DELTA_BINARY_PACKED"}


def _iso(moment: datetime) -> str:
    """Delta's timestamp statistics: ISO 8601 in UTC, truncated to milliseconds as the protocol says."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

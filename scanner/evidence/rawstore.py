"""Raw log records behind findings, secured while the log is still there.

Operators have rolled systems back and the logs went with them. So the bytes of every record a finding rests on are copied
into the data directory in the scan that raises it: Parquet files of (event, log, position, SHA-256, bytes). Only those
records are copied; the rest of the log stays where it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scanner.errors import EvidenceError

RAW_SCHEMA = pa.schema(
    [
        ("event_id", pa.string()),
        ("source_id", pa.string()),
        ("source_file", pa.string()),  # FileId.id
        ("path", pa.string()),  # where the log was when the bytes were taken
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("sha256", pa.string()),
        ("data", pa.binary()),
    ]
)


class RawStore:
    """Secured records under ``folder``. Written under the scan lock; files are never changed once there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def files(self) -> list[Path]:
        return sorted(self.folder.glob("raw-*.parquet"))

    def secured(self) -> set[str]:
        """Events whose bytes are held."""
        held: set[str] = set()
        for file in self.files():
            held.update(_read(file, ["event_id"])["event_id"].to_pylist())
        return held

    def add(self, records: pa.Table) -> int:
        """Write records (RAW_SCHEMA without ``sha256``, which is filled in here) as one new file. Returns how many."""
        if not records.num_rows:
            return 0
        digests = [hashlib.sha256(data).hexdigest() for data in records["data"].to_pylist()]
        table = records.append_column("sha256", pa.array(digests, pa.string())).select(RAW_SCHEMA.names).cast(RAW_SCHEMA)
        number = len(self.files()) + 1
        target = self.folder / f"raw-{number:08d}.parquet"
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            partial = target.with_suffix(".partial")
            pq.write_table(table, partial, compression="zstd")
            partial.replace(target)
        except OSError as error:
            raise EvidenceError(f"cannot secure raw log records in {self.folder}: {error}", "check free space") from error
        return len(digests)

    def read(self, event_ids: Sequence[str]) -> Iterator[dict[str, object]]:
        """Secured rows of the given events, in log order."""
        wanted = pa.array(event_ids, pa.string())
        parts = []
        for file in self.files():
            table = _read(file)
            parts.append(table.filter(pc.is_in(table["event_id"], value_set=wanted)))
        if parts:
            whole = pa.concat_tables(parts)
            yield from whole.sort_by([("source_file", "ascending"), ("offset", "ascending")]).to_pylist()


def _read(file: Path, columns: list[str] | None = None) -> pa.Table:
    """``pq.read_table`` would load pyarrow.dataset and with it pandas: a third of a second of every scan."""
    with pq.ParquetFile(file) as parquet:
        return parquet.read(columns)

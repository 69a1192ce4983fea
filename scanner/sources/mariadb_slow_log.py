"""Row counts from MariaDB's slow query log, for the statements of its audit log, which has none.

With ``long_query_time = 0`` the slow log holds every statement with ``Rows_sent`` and ``Rows_affected``. An entry and an audit
record are of one statement when connection id, second of its start and text are the same. Texts in the slow log are not escaped,
so a statement can hold what looks like the entry of another. Therefore entries that outnumber their statements all count as the
largest of them, an entry never stands for a statement of another connection, second or text, and a count of zero is believed only
of a statement that examined nothing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from scanner.model import CUT_MARK, RecordKind, SourceNotice
from scanner.sources import files, storage
from scanner.sources.text import mended

MAX_WINDOW = 256 * 1024 * 1024
"""Bytes of a slow log that are read for one slice of the audit log at most, from where its time begins."""

_SLACK = 2  # seconds around a slice
_PROBE = 64 * 1024
_HEADER = "\n# User@Host: "
_TEXT = (
    r"(?s)\nSET (?:last_insert_id=\d+,|insert_id=\d+,)*timestamp=(\d+)(?:\.\d+)?;\n"
    r"(.*);(?:\n# (?:Time: |administrator)[^\n]*)*\s*$"
)


class SlowLog:
    """The slow log's files under a path or glob, plain or packed."""

    def __init__(self, path: str) -> None:
        self.path = path

    def notices(self) -> list[SourceNotice]:
        """What is wrong with its files. Nothing of it makes a scan incomplete: without counts there are estimates."""
        return [
            SourceNotice(n.path, f"{n.reason}; row counts are estimated", n.hint, fatal=False) for n in files.find(self.path)[1]
        ]

    def joined(self, records: pa.Table) -> pa.Table:
        """Records of the audit log (RECORD_SCHEMA), with ``rows`` where an entry tells."""
        seconds = pc.floor_temporal(records["time"], unit="second").cast(pa.int64())
        wanted = (
            pl.DataFrame(
                {
                    "n": np.arange(records.num_rows),
                    "kind": pl.from_arrow(records["kind"]),
                    "connection": pl.from_arrow(records["session"]),
                    "second": pl.from_arrow(seconds),
                    "text": pl.from_arrow(records["statement"]),
                    "command": pl.from_arrow(records["command"]),
                }
            )
            .filter(
                pl.col("kind") == str(RecordKind.AUDIT), ~pl.col("text").str.ends_with(CUT_MARK), pl.col("second").is_not_null()
            )
            .with_columns(
                pl.col("connection").str.extract(r"#(\d+)$").cast(pl.Int64),
                pl.col("second") // 1_000_000,
                pl.col("text").str.strip_chars(),
            )
        )
        if not wanted.height:
            return records
        found = self._entries(int(wanted["second"].min()), int(wanted["second"].max()))  # type: ignore[arg-type]
        key = ["connection", "second", "text"]
        asked = wanted.with_columns(pl.int_range(pl.len()).over(key).alias("rank"), pl.len().over(key).alias("asked"))
        told = found.with_columns(pl.int_range(pl.len()).over(key).alias("rank"), pl.len().over(key).alias("told"))
        most = found.group_by(key).agg(pl.col("rows").max().alias("most"), pl.len().alias("told"))
        one = asked.join(told.select([*key, "rank", "rows"]), on=[*key, "rank"], how="left").join(most, on=key, how="left")
        rows = pl.when(pl.col("asked") == pl.col("told")).then(pl.col("rows")).otherwise(pl.col("most"))
        # HANDLER counts no rows at all
        counted = one.filter(pl.col("command") != "HANDLER").select("n", rows.alias("rows")).drop_nulls()
        values = np.zeros(records.num_rows, np.int64)
        mask = np.ones(records.num_rows, np.bool_)
        values[counted["n"].to_numpy()] = counted["rows"].to_numpy()
        mask[counted["n"].to_numpy()] = False
        return records.set_column(records.schema.get_field_index("rows"), "rows", pa.array(values, mask=mask))

    def _entries(self, first: int, last: int) -> pl.DataFrame:
        """Entries of statements begun between two seconds since 1970; ``rows`` is null where the count is not to be believed."""
        parts = [_EMPTY]
        for log in files.find(self.path)[0]:
            if log.modified // 1_000_000_000 < first - _SLACK:
                continue
            try:
                with files.Stream(log.path) as stream:
                    if not log.packed and not storage.is_address(log.path):
                        stream.skip_to(_begin(log.path, first - _SLACK))
                    parts.append(_understood(stream.read(MAX_WINDOW), first - _SLACK, last + _SLACK))
            except OSError:
                continue  # the notices say so
        return pl.concat(parts)


_EMPTY = pl.DataFrame(schema={"connection": pl.Int64, "second": pl.Int64, "text": pl.String, "rows": pl.Int64})


def _understood(data: bytes, first: int, last: int) -> pl.DataFrame:
    """The entries in a piece of a slow log. What is no whole entry is left out."""
    text = "\n" + mended(data).decode()
    entries = pl.DataFrame({"entry": text.split(_HEADER)[1:]})
    entry = pl.col("entry")
    # a statement that failed has affected "minus one" rows, written as 2**64 - 1: no number of rows
    sent = entry.str.extract(r"Rows_sent: (\d+)").cast(pl.Int64, strict=False)
    affected = entry.str.extract(r"Rows_affected: (\d+)").cast(pl.Int64, strict=False).fill_null(0)
    examined = entry.str.extract(r"Rows_examined: (\d+)").cast(pl.Int64, strict=False)
    rows = pl.max_horizontal(sent, affected)
    parts = entry.str.extract_groups(_TEXT)
    return (
        entries.select(
            entry.str.extract(r"\A[^\n]*\n(?:#[^\n]*\n)*?# Thread_id: (\d+)").cast(pl.Int64).alias("connection"),
            parts.struct.field("1").cast(pl.Int64).alias("second"),
            parts.struct.field("2").str.replace_all("\t", " ", literal=True).str.strip_chars().alias("text"),
            pl.when((rows > 0) | (examined == 0)).then(rows).alias("rows"),
        )
        .drop_nulls(["connection", "second", "text"])
        .filter(pl.col("second").is_between(first, last))
    )


def _begin(path: str, second: int) -> int:
    """A place in a plain slow log before which no entry is of ``second`` or later: found by halving, for time rises with it."""
    with Path(path).open("rb") as file:
        low, high = 0, file.seek(0, 2)
        while high - low > _PROBE:
            middle = (low + high) // 2
            file.seek(middle)
            found = file.read(4 * _PROBE)
            mark = found.find(b"\nSET timestamp=")
            digits = found[mark + 15 : mark + 25] if mark >= 0 else b""
            # a statement is logged when it ends and stamped with its start: an hour is given to those that take long
            if digits.isdigit() and int(digits) < second - 3600:
                low = middle
            else:
                high = middle
    return low


__all__ = ["SlowLog"]

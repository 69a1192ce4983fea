"""Row counts from MariaDB's slow query log, for the statements of its audit log, which has none.

With ``long_query_time = 0`` the slow log holds every statement with ``Rows_sent`` and ``Rows_affected``. An entry and an audit
record are of one statement when connection id and text are the same and the record's time is that of the entry's end: the audit
plug-in writes when a statement ends, the slow log stamps an entry with the second of its start and says how long it took.

Texts in the slow log are not escaped, so a statement can hold what looks like the entry of another. Therefore entries that
outnumber their statements all count as the largest of them, and an entry never stands for a statement of another connection, time
or text. A count of zero is believed only of a statement that examined nothing, or of a query that keeps nothing behind (no INTO).
What a cursor fetches later has no entry (MariaDB 10.11), so that such a zero never speaks for it.
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
_ENTRY = (  # the lines of comments before the statement, when it began, its text
    r"(?s)\A([^\n]*\n(?:#[^\n]*\n)*)(?:use [^\n]*;\n)?"
    r"SET (?:last_insert_id=\d+,|insert_id=\d+,)*timestamp=(\d+)(?:\.\d+)?;\n"
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
        one = _counted(wanted, found)
        # a query that returns nothing is told from one that gives its rows to a variable or a file
        plain = pl.col("command").is_in(_QUERIES) & ~pl.col("text").str.contains(r"(?i)\binto\b")
        rows = pl.when((pl.col("rows") > 0) | pl.col("idle") | plain).then(pl.col("rows"))
        # HANDLER counts no rows at all
        counted = one.filter(pl.col("command") != "HANDLER").select("n", rows.alias("rows")).drop_nulls()
        values = np.zeros(records.num_rows, np.int64)
        mask = np.ones(records.num_rows, np.bool_)
        values[counted["n"].to_numpy()] = counted["rows"].to_numpy()
        mask[counted["n"].to_numpy()] = False
        return records.set_column(records.schema.get_field_index("rows"), "rows", pa.array(values, mask=mask))

    def _entries(self, first: int, last: int) -> pl.DataFrame:
        """Entries of statements that may have ended between two seconds since 1970."""
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


def _counted(wanted: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """``wanted`` with ``rows`` of its entries, and ``idle``: whether none of them examined anything.

    In a connection one statement follows another, so as many entries as records of one text are the same ones in the same order.
    Where there are more of one kind, an entry goes to the record that ends when it did.
    """
    same, key = ["connection", "text"], ["connection", "text", "second"]
    found = found.sort("ended", maintain_order=True).with_columns(pl.int_range(pl.len()).over(same).alias("nth"))
    asked = wanted.with_columns(pl.int_range(pl.len()).over(same).alias("nth"), pl.len().over(same).alias("asked"))
    told = found.with_columns(pl.len().over(same).alias("told"))
    in_step = asked.join(told, on=[*same, "nth"]).with_columns(
        ((pl.col("asked") == pl.col("told")) & pl.col("second").is_between(pl.col("begun"), pl.col("ended") + _SLACK))
        .all()
        .over(same)
        .alias("all")
    )
    first = in_step.filter("all").select("n", "rows", "idle")
    rest = wanted.join(first, on="n", how="anti")
    late = found.join(rest.select(same).unique(), on=same, how="semi").sort("ended")
    ends = rest.select(key).unique().sort("second")
    placed = late.join_asof(
        ends,
        left_on="ended",
        right_on="second",
        by=same,
        strategy="forward",
        tolerance=_SLACK,
        coalesce=False,
        check_sortedness=False,
    )
    # a procedure's entry is stamped with the start of its last statement, yet says how long all took
    stray = placed.filter(pl.col("second").is_null()).drop("second")
    back = stray.join_asof(ends, left_on="ended", right_on="second", by=same, coalesce=False, check_sortedness=False)
    placed = pl.concat([placed.drop_nulls("second"), back.filter(pl.col("second") >= pl.col("begun"))])
    placed = placed.sort("ended", "nth").with_columns(pl.int_range(pl.len()).over(key).alias("nth"))
    most = placed.group_by(key).agg(pl.col("rows").max().alias("most"), pl.col("idle").all(), pl.len().alias("told"))
    rest = rest.with_columns(pl.int_range(pl.len()).over(key).alias("nth"), pl.len().over(key).alias("asked"))
    each = rest.join(placed.select(*key, "nth", "rows"), on=[*key, "nth"], how="left").join(most, on=key, how="left")
    rows = pl.when(pl.col("asked") == pl.col("told")).then(pl.col("rows")).otherwise(pl.col("most"))
    second = each.select("n", rows.alias("rows"), "idle")
    return wanted.join(pl.concat([first, second]), on="n", how="left")


_EMPTY = pl.DataFrame(
    schema={
        "connection": pl.Int64,
        "begun": pl.Int64,
        "ended": pl.Int64,
        "text": pl.String,
        "rows": pl.Int64,
        "idle": pl.Boolean,
    }
)
_QUERIES = ("SELECT", "WITH")


def _understood(data: bytes, first: int, last: int) -> pl.DataFrame:
    """The entries in a piece of a slow log. What is no whole entry is left out."""
    text = "\n" + mended(data).decode()
    parts = pl.DataFrame({"entry": text.split(_HEADER)[1:]}, schema={"entry": pl.String})["entry"].str.extract_groups(_ENTRY)
    entries = parts.struct.unnest().rename({"1": "head", "2": "second", "3": "text"})
    head = pl.col("head")
    # a statement that failed has affected "minus one" rows, written as 2**64 - 1: no number of rows
    sent = head.str.extract(r"Rows_sent: (\d+)").cast(pl.Int64, strict=False)
    affected = head.str.extract(r"Rows_affected: (\d+)").cast(pl.Int64, strict=False).fill_null(0)
    examined = head.str.extract(r"Rows_examined: (\d+)").cast(pl.Int64, strict=False)
    rows = pl.max_horizontal(sent, affected)
    begun = pl.col("second").cast(pl.Int64, strict=False)
    took = head.str.extract(r"Query_time: (\d+)").cast(pl.Int64, strict=False).fill_null(0)
    return (
        # what lost its end has another's head within its own
        entries.filter(~head.str.contains(_HEADER.strip(), literal=True))
        .select(
            head.str.extract(r"\n# Thread_id: (\d+)").cast(pl.Int64, strict=False).alias("connection"),
            begun.alias("begun"),
            (begun + took).alias("ended"),
            pl.col("text").str.replace_all("\t", " ", literal=True).str.strip_chars(),
            rows.alias("rows"),
            (examined == 0).fill_null(value=False).alias("idle"),
        )
        .drop_nulls(["connection", "begun", "text"])
        .filter(pl.col("begun") <= last, pl.col("ended") >= first)
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

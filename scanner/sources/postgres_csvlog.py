"""PostgreSQL's ``csvlog``: 23 columns up to PostgreSQL 12, 24 in 13, 26 from 14 on.

The columns are those of the PostgreSQL manual, "Using CSV-Format Log Output". The writer quotes every text field it fills,
doubles each quote in it, and leaves a field that has no value empty. Numbers, times, the severity and the SQLSTATE are bare.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from scanner.model import Skip
from scanner.sources import postgres_rows
from scanner.sources.base import Parsed
from scanner.sources.csvlog_grammar import GRAMMAR, WIDTHS, is_sound, next_head, split, why
from scanner.sources.cutting import Cut, Ints, cut
from scanner.sources.postgres_rows import TEXTS, Clock, Rows, runs, whole
from scanner.sources.statement_totals import CountedSource
from scanner.sources.text import decode, mended

_COLUMNS = (
    "log_time",
    "user_name",
    "database_name",
    "process_id",
    "connection_from",
    "session_id",
    "session_line_num",
    "command_tag",
    "session_start_time",
    "virtual_transaction_id",
    "transaction_id",
    "error_severity",
    "sql_state_code",
    "message",
    "detail",
    "hint",
    "internal_query",
    "internal_query_pos",
    "context",
    "query",
    "query_pos",
    "location",
    "application_name",
    "backend_type",
    "leader_pid",
    "query_id",
)
_PLACES = {name: _COLUMNS.index(name) for name in TEXTS}


def parse(
    data: bytes, base: int, time_zone: str, *, at_end: bool = False, final: bool = False, longer_than: int = 0, threads: int = 2
) -> Parsed:
    """Cut and read csvlog bytes; see :func:`scanner.sources.postgres_rows.parse`.

    Pure: no state, no files; safe to run in another process. ``at_end`` and ``final`` as in :func:`scanner.sources.cutting.cut`.
    Invalid UTF-8 never costs a record: the bytes in question are shown as U+FFFD and counted in ``Parsed.mended``.
    """
    return postgres_rows.parse(
        data, base, time_zone, _cut, _read, at_end=at_end, final=final, longer_than=longer_than, threads=threads
    )


def _cut(part: bytes, at_end: bool, final: bool) -> Cut:
    return cut(part, GRAMMAR, at_end=at_end, final=final)


def _read(data: bytes, found: Cut) -> Rows:
    """All records of a cut as texts; those that are no csvlog records become skips."""
    if not len(found.starts):
        return _slow(data, found.starts, found.ends)
    fast = _fast(data, found)
    if fast is None:
        return _slow(data, found.starts, found.ends)
    table, rejected, changed = fast
    kept = np.ones(len(found.starts), np.bool_)
    kept[rejected] = False
    starts, ends = found.starts[kept], found.ends[kept]
    columns = {
        name: pa.nulls(len(starts), pa.string()) if name not in table.column_names else whole(table, name) for name in TEXTS
    }
    replaced = sum(decode(data[a:b])[1] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)) if changed else 0
    rows = Rows(columns, starts, ends, Clock.at(data, starts), mended=replaced)
    wrong = rows.implausible()
    if wrong.any():
        rejected = np.sort(np.concatenate([rejected, np.flatnonzero(kept)[wrong]]))
        rows = rows.keep(~wrong)
    if len(rejected):
        return rows + _slow(data, found.starts[rejected], found.ends[rejected])
    return rows


def _fast(data: bytes, found: Cut) -> tuple[pa.Table, Ints, bool] | None:
    """Arrow's CSV reader over the cut records.

    Returns its rows, the numbers of the records it rejected for their width, and whether any bytes had to be mended.

    The cutter has established that every quote stands where the grammar allows it, so the reader sees the same records.
    None when its count differs all the same: the exact parser then does the work, and no row can shift.
    """
    last = int(found.ends[-1])
    whole = not found.skips and found.starts[0] == 0
    sound = data[:last] if whole else b"".join(data[a:b] for a, b in runs(found.starts, found.ends))
    body = mended(sound)
    width = next((w for n in range(min(8, len(found.starts))) if (w := _width(data, found, n)) in WIDTHS), 0)
    if not width or len(body) >= 1 << 31:
        return None
    names = _COLUMNS[:width]
    rejected: list[int] = []

    def reject(row: pacsv.InvalidRow) -> str:
        rejected.append(row.number - 1)
        return "skip"

    try:
        table = pacsv.read_csv(
            pa.py_buffer(body),
            pacsv.ReadOptions(column_names=names, block_size=len(body) + 1, use_threads=False),
            pacsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=reject),
            pacsv.ConvertOptions(
                column_types={name: pa.int64() if name == "session_line_num" else pa.string() for name in names},
                include_columns=[name for name in TEXTS if name in names],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[""],
                check_utf8=False,  # it is
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows + len(rejected) != len(found.starts):
        return None
    return table, np.array(rejected, np.int64), body is not sound


def _width(data: bytes, found: Cut, number: int) -> int:
    return len(split(data, int(found.starts[number]), int(found.ends[number])))


def _slow(data: bytes, starts: Ints, ends: Ints) -> Rows:
    """The exact parser, record by record: for what the fast one rejected. Finds a sound record behind a torn one, too."""
    values: dict[str, list[str | None]] = {name: [] for name in TEXTS}
    kept: list[tuple[int, int]] = []
    skips: list[Skip] = []
    total = 0
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        at = start
        while not is_sound(data, at, end):
            following = next_head(data, at + 1, end)
            stop = end if following < 0 else following
            skips.append(Skip(at, stop - at, why(data, at, stop)))
            at = stop
            if at >= end:
                break
        if at >= end:
            continue
        fields = split(data, at, end)
        replaced = False
        for name in TEXTS:
            place = _PLACES[name]
            text, bad = decode(fields[place] if place < len(fields) else None)
            replaced |= bad
            values[name].append(text)
        total += replaced
        kept.append((at, end))
    places = np.array(kept, np.int64).reshape(-1, 2)
    texts = {name: pa.array(values[name], pa.string()) for name in TEXTS}
    texts["session_line_num"] = texts["session_line_num"].cast(pa.int64())
    return Rows(texts, places[:, 0], places[:, 1], Clock.at(data, places[:, 0]), skips, total)


class PostgresCsvlog(CountedSource):
    """Audit source ``postgres_csvlog``: ``path`` is a file or a glob over csvlog files."""

    type = "postgres_csvlog"
    numbering = "lines"

    def parse(self, data: bytes, base: int, *, at_end: bool, final: bool, longer_than: int) -> Parsed:
        return parse(data, base, self.time_zone, at_end=at_end, final=final, longer_than=longer_than)


__all__ = ["PostgresCsvlog", "parse"]

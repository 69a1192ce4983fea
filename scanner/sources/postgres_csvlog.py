"""PostgreSQL's ``csvlog``: 23 columns up to PostgreSQL 12, 24 in 13, 26 from 14 on.

The columns are those of the PostgreSQL manual, "Using CSV-Format Log Output". The writer quotes every text field it fills,
doubles each quote in it, and leaves a field that has no value empty. Numbers, times, the severity and the SQLSTATE are bare.
"""

from __future__ import annotations

import re
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from scanner.model import RECORD_SCHEMA, Skip
from scanner.sources import postgres, times
from scanner.sources.base import FileSource, Parsed
from scanner.sources.csvlog_grammar import GRAMMAR, WIDTHS, ZONE, is_sound, next_head, split, why
from scanner.sources.cutting import Cut, Ints, cut
from scanner.sources.text import decode, mended

_PIECE = 4 * 1024 * 1024  # bytes worked on at a time: what the processor's cache likes; a longer record takes more

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
_TEXTS = (
    "user_name",
    "database_name",
    "connection_from",
    "session_id",
    "session_line_num",
    "command_tag",
    "virtual_transaction_id",
    "error_severity",
    "sql_state_code",
    "message",
    "context",
    "query",
    "application_name",
    "backend_type",
)
_PLACES = {name: _COLUMNS.index(name) for name in _TEXTS}


@dataclass
class _Rows:
    """Raw rows on the way: the fields of :data:`_TEXTS` (the line number as int64, else text), and where each lies."""

    texts: dict[str, pa.Array]
    starts: Ints
    ends: Ints
    clock: _Clock
    skips: list[Skip] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.starts)


def parse(
    data: bytes, base: int, time_zone: str, *, at_end: bool = False, final: bool = False, longer_than: int = 0, threads: int = 2
) -> Parsed:
    """Cut and read ``data``, which lies at offset ``base`` of its log and begins between two records.

    Pure: no state, no files; safe to run in another process. ``at_end`` and ``final`` as in :func:`scanner.sources.cutting.cut`.
    ``longer_than``: the first record is known to have more bytes than this, so smaller pieces need not be tried.
    Cutting is one sequence, but what was cut is read by ``threads`` threads; the result does not depend on their number.
    Invalid UTF-8 never costs a record: the bytes in question are shown as U+FFFD and counted in ``Parsed.mended``.
    """
    home = times.zone(time_zone)
    work: list[Future[_Piece]] = []
    consumed = 0
    size = max(_PIECE, 2 * longer_than)
    with ThreadPoolExecutor(threads) as pool:
        while consumed < len(data):
            part = data[consumed : consumed + size]
            last = consumed + len(part) == len(data)
            found = cut(part, GRAMMAR, at_end=at_end and last, final=final and last)
            if found.consumed:
                work.append(pool.submit(_understand, part, found, base + consumed, home))
                consumed += found.consumed
                size = _PIECE
            elif last:
                break
            else:
                size *= 4  # a single longer record
        pieces = [future.result() for future in work]
    if not pieces:
        return Parsed(RECORD_SCHEMA.empty_table(), (), 0)
    records = postgres.recall(pa.concat_tables([p.records for p in pieces]), np.concatenate([p.repeated for p in pieces]))
    skips = _merged([skip for p in pieces for skip in p.skips])
    strangers = frozenset[str]().union(*(p.strangers for p in pieces))
    return Parsed(records, tuple(skips), consumed, sum(p.mended for p in pieces), strangers)


@dataclass(frozen=True)
class _Piece:
    """What became of one piece of the data; offsets are the log's."""

    records: pa.Table
    repeated: times.Bools
    skips: list[Skip]
    mended: int
    strangers: frozenset[str]


def _understand(part: bytes, found: Cut, base: int, home: ZoneInfo) -> _Piece:
    rows, replaced = _read(part, found)
    clock = rows.clock
    utc, known, strangers = times.to_utc(clock.micros, clock.zone_index, clock.zone_texts, home)
    table, repeated = postgres.records(_raw(rows, pa.array(utc, pa.timestamp("us", tz="UTC"), mask=~known), base))
    skips = [Skip(skip.offset + base, skip.length, skip.reason) for skip in [*found.skips, *rows.skips]]
    return _Piece(table, repeated, skips, replaced, strangers)


def _raw(rows: _Rows, time: pa.Array, base: int) -> postgres.Raw:
    texts = rows.texts
    return postgres.Raw(
        time=time,
        account=texts["user_name"],
        dbname=texts["database_name"],
        connection_from=texts["connection_from"],
        app_name=texts["application_name"],
        session=texts["session_id"],
        session_line=texts["session_line_num"],
        transaction_id=texts["virtual_transaction_id"],
        severity=texts["error_severity"],
        error_code=texts["sql_state_code"],
        message=texts["message"],
        context=texts["context"],
        query=texts["query"],
        command_tag=texts["command_tag"],
        backend_type=texts["backend_type"],
        offset=pa.array(rows.starts + base),
        length=pa.array(rows.ends - rows.starts),
    )


@dataclass(frozen=True)
class _Clock:
    """The time of each row, read off the buffer: wall clock, which dates exist, and the zone's text."""

    micros: Ints
    exists: times.Bools
    zone_index: npt.NDArray[np.int32]
    zone_texts: list[bytes]


def _clock(data: bytes, starts: Ints) -> _Clock:
    buffer = np.frombuffer(data, np.uint8)
    micros, exists = times.wall_clock(buffer, starts)
    return _Clock(micros, exists, *times.zones(buffer, starts + times.STAMP))


def _merged(skips: list[Skip]) -> list[Skip]:
    """Adjacent skips as one, in order."""
    merged: list[Skip] = []
    for skip in sorted(skips, key=lambda s: s.offset):
        if merged and merged[-1].offset + merged[-1].length == skip.offset:
            last = merged.pop()
            reason = last.reason if last.reason == skip.reason else f"{last.reason}; then {skip.reason}"
            skip = Skip(last.offset, last.length + skip.length, reason[:500])
        merged.append(skip)
    return merged


def _read(data: bytes, found: Cut) -> tuple[_Rows, int]:
    """All records of a cut as texts; those that are no csvlog records become skips. Returns them and how many were mended."""
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
        name: pa.nulls(len(starts), pa.string()) if name not in table.column_names else _whole(table, name) for name in _TEXTS
    }
    replaced = sum(decode(data[a:b])[1] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)) if changed else 0
    rows = _Rows(columns, starts, ends, _clock(data, starts))
    wrong = _implausible(rows)
    if wrong.any():
        rejected = np.sort(np.concatenate([rejected, np.flatnonzero(kept)[wrong]]))
        rows = _filtered(data, rows, ~wrong)
    if len(rejected):
        rest, replaced_rest = _slow(data, found.starts[rejected], found.ends[rejected])
        return _joined(data, rows, rest), replaced + replaced_rest
    return rows, replaced


def _whole(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return (
        column.chunk(0)
        if column.num_chunks == 1
        else pa.concat_arrays(column.chunks)
        if column.num_chunks
        else pa.array([], column.type)
    )


def _fast(data: bytes, found: Cut) -> tuple[pa.Table, Ints, bool] | None:
    """Arrow's CSV reader over the cut records.

    Returns its rows, the numbers of the records it rejected for their width, and whether any bytes had to be mended.

    The cutter has established that every quote stands where the grammar allows it, so the reader sees the same records.
    None when its count differs all the same: the exact parser then does the work, and no row can shift.
    """
    last = int(found.ends[-1])
    whole = not found.skips and found.starts[0] == 0
    sound = data[:last] if whole else b"".join(data[a:b] for a, b in _runs(found))
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
                include_columns=[name for name in _TEXTS if name in names],
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


def _runs(found: Cut) -> list[tuple[int, int]]:
    """Stretches of adjacent records."""
    breaks = np.flatnonzero(found.starts[1:] != found.ends[:-1])
    firsts = found.starts[np.concatenate([[0], breaks + 1])]
    lasts = found.ends[np.concatenate([breaks, [len(found.ends) - 1]])]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def _width(data: bytes, found: Cut, number: int) -> int:
    return len(split(data, int(found.starts[number]), int(found.ends[number])))


def _implausible(rows: _Rows) -> times.Bools:
    """Rows of the right width that still cannot be log records: no such date or zone, no line number, no SQLSTATE."""
    if not len(rows):
        return np.empty(0, np.bool_)
    clock = rows.clock
    wrong = ~clock.exists | (clock.zone_index < 0)
    for number, text in enumerate(clock.zone_texts):
        if not re.fullmatch(ZONE, text):
            wrong |= clock.zone_index == number
    checks = (
        pc.equal(pc.binary_length(rows.texts["sql_state_code"]), 5),
        pc.greater(pc.binary_length(rows.texts["error_severity"]), 0),
        pc.is_valid(rows.texts["session_line_num"]),
        pc.is_valid(rows.texts["session_id"]),
    )
    for check in checks:
        wrong |= ~pc.fill_null(check, False).to_numpy(zero_copy_only=False)
    return wrong


def _slow(data: bytes, starts: Ints, ends: Ints) -> tuple[_Rows, int]:
    """The exact parser, record by record: for what the fast one rejected. Finds a sound record behind a torn one, too."""
    values: dict[str, list[str | None]] = {name: [] for name in _TEXTS}
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
        for name in _TEXTS:
            place = _PLACES[name]
            text, bad = decode(fields[place] if place < len(fields) else None)
            replaced |= bad
            values[name].append(text)
        total += replaced
        kept.append((at, end))
    places = np.array(kept, np.int64).reshape(-1, 2)
    texts = {name: pa.array(values[name], pa.string()) for name in _TEXTS}
    texts["session_line_num"] = texts["session_line_num"].cast(pa.int64())
    return _Rows(texts, places[:, 0], places[:, 1], _clock(data, places[:, 0]), skips), total


def _filtered(data: bytes, rows: _Rows, keep: times.Bools) -> _Rows:
    mask = pa.array(keep)
    starts, ends = rows.starts[keep], rows.ends[keep]
    return _Rows({n: column.filter(mask) for n, column in rows.texts.items()}, starts, ends, _clock(data, starts), rows.skips)


def _joined(data: bytes, one: _Rows, other: _Rows) -> _Rows:
    """Both, in log order."""
    starts, ends = np.concatenate([one.starts, other.starts]), np.concatenate([one.ends, other.ends])
    order = np.argsort(starts, kind="stable")
    take = pa.array(order)
    texts = {name: pa.concat_arrays([one.texts[name], other.texts[name]]).take(take) for name in _TEXTS}
    return _Rows(texts, starts[order], ends[order], _clock(data, starts[order]), [*one.skips, *other.skips])


class PostgresCsvlog(FileSource):
    """Audit source ``postgres_csvlog``: ``path`` is a file or a glob over csvlog files."""

    type = "postgres_csvlog"

    def parse(self, data: bytes, base: int, *, at_end: bool, final: bool, longer_than: int) -> Parsed:
        return parse(data, base, self.time_zone, at_end=at_end, final=final, longer_than=longer_than)


__all__ = ["PostgresCsvlog", "parse"]

"""PostgreSQL's ``csvlog``: 23 columns up to PostgreSQL 12, 24 in 13, 26 from 14 on.

The columns are those of the PostgreSQL manual, "Using CSV-Format Log Output". The writer quotes every text field it fills,
doubles each quote in it, and leaves a field that has no value empty. Numbers, times, the severity and the SQLSTATE are bare.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from scanner.model import Skip
from scanner.sources import postgres, times
from scanner.sources.base import FileSource, Parsed
from scanner.sources.cutting import Cut, Grammar, Ints, cut
from scanner.sources.text import decode, mend

WIDTHS: Mapping[int, str] = {23: "PostgreSQL 12 and older", 24: "PostgreSQL 13", 26: "PostgreSQL 14 and later"}

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


def _quoted(most: int) -> bytes:
    return b'("(?:[^"]|""){0,%d}+")?+,' % most


_ZONE = rb"(?:[A-Za-z<][A-Za-z0-9_/+<>-]{0,31}+|[+-]\d\d(?::?\d\d){0,2}+)"
_TIME = rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
_HEAD = re.compile(
    _TIME + rb"\.\d{3} " + _ZONE + b","
    # the longest names PostgreSQL can be built with, a host name with its port, a process title
    + _quoted(256) + _quoted(256) + rb"\d{0,10}+," + _quoted(1100)
    + rb"[0-9a-f]{1,16}+\.[0-9a-f]{1,8}+,\d{1,19}+," + _quoted(600)
    + _TIME + b" " + _ZONE + rb",(?:-?\d+/\d+)?+,\d*+,"
    # translated with lc_messages, so any word
    + rb'[^",\r\n]{1,60}+,[0-9A-Z]{5},'
)  # fmt: skip
_FIELD = re.compile(rb'("[^"]*+(?:""[^"]*+)*+"|[^",\r\n]*+)(,|\r?\n\Z|\Z)')


def _opens(data: bytes, quote: int) -> bool:
    """Is the quote at this place, right after a comma, the opening of a field beyond doubt?

    Inside a field quotes come in pairs, so a run of odd length is the field's opening or its end; after its end stands a
    comma or the line's end. No text inside a field can therefore imitate an odd run that is followed by something else.
    """
    end = quote
    while end < len(data) and data[end] == 34:
        end += 1
    return bool((end - quote) & 1) and end < len(data) and data[end] not in b",\r\n"


def is_head(data: bytes, position: int) -> bool:
    """Does a record certainly begin at ``position``? Text inside a field cannot make this true."""
    match = _HEAD.match(data, position)
    if match is None:
        return False
    return any(match[g] and _opens(data, match.start(g)) for g in range(1, 5)) or _opens(data, match.end())


def next_head(data: bytes, start: int, end: int) -> int:
    """First certain beginning of a record in ``[start, end)``, or -1."""
    for match in _HEAD.finditer(data, start, end):
        if is_head(data, match.start()):
            return match.start()
    return -1


def split(data: bytes, start: int, end: int) -> list[bytes | None]:
    """The fields of one record, exactly; None for an empty bare field. An empty list when the bytes are no CSV record."""
    fields: list[bytes | None] = []
    while start < end:
        match = _FIELD.match(data, start, end)
        if match is None:
            return []
        value = match[1]
        fields.append(value[1:-1].replace(b'""', b'"') if value[:1] == b'"' else value or None)
        start = match.end()
        if match[2] != b",":
            return fields if start == end else []
    return [*fields, None]


def is_sound(data: bytes, start: int, end: int) -> bool:
    """Are these bytes one whole record?"""
    return (
        _HEAD.match(data, start, end) is not None
        and data.find(b"\0", start, end) < 0
        and len(split(data, start, end)) in WIDTHS
        and bool(times.wall_clock(np.frombuffer(data, np.uint8)[start : start + times.STAMP].reshape(1, -1))[1][0])
    )


GRAMMAR = Grammar(times.looks_like_stamp, is_head, next_head, is_sound)


@dataclass
class _Rows:
    """Raw rows on the way: the texts of :data:`_TEXTS`, and where each row lies in the buffer."""

    texts: dict[str, pa.Array]
    starts: Ints
    ends: Ints
    skips: list[Skip] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.starts)


def parse(data: bytes, base: int, time_zone: str, *, at_end: bool = False, final: bool = False) -> Parsed:
    """Cut and read ``data``, which lies at offset ``base`` of its log and begins between two records.

    Pure: no state, no files; safe to run in another process. ``at_end`` and ``final`` as in :func:`scanner.sources.cutting.cut`.
    Invalid UTF-8 never costs a record: the bytes in question are shown as U+FFFD and counted in ``Parsed.mended``.
    """
    found = cut(data, GRAMMAR, at_end=at_end, final=final)
    rows, mended = _read(data, found)
    buffer = np.frombuffer(data, np.uint8)
    micros, zone_index, zone_texts, sound = _times(buffer, rows.starts)
    line = pc.cast(rows.texts["session_line_num"], pa.int64()) if len(rows) else pa.array([], pa.int64())
    utc, known, strangers = times.to_utc(micros, zone_index, zone_texts, times.zone(time_zone))
    raw = postgres.Raw(
        time=pa.array(utc, pa.timestamp("us", tz="UTC"), mask=~(sound & known)),
        account=rows.texts["user_name"],
        dbname=rows.texts["database_name"],
        connection_from=rows.texts["connection_from"],
        app_name=rows.texts["application_name"],
        session=rows.texts["session_id"],
        session_line=line,
        transaction_id=rows.texts["virtual_transaction_id"],
        severity=rows.texts["error_severity"],
        error_code=rows.texts["sql_state_code"],
        message=rows.texts["message"],
        context=rows.texts["context"],
        query=rows.texts["query"],
        command_tag=rows.texts["command_tag"],
        backend_type=rows.texts["backend_type"],
        offset=pa.array(rows.starts + base),
        length=pa.array(rows.ends - rows.starts),
    )
    skips = tuple(Skip(skip.offset + base, skip.length, skip.reason) for skip in _merged([*found.skips, *rows.skips]))
    return Parsed(postgres.records(raw), skips, found.consumed, mended, strangers)


def _times(buffer: times.Bytes, starts: Ints) -> tuple[Ints, npt.NDArray[np.int32], list[bytes], times.Bools]:
    micros, sound = times.wall_clock(times.stamps(buffer, starts))
    index, texts = times.zones(buffer, starts + times.STAMP)
    return micros, index, texts, sound


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
    table, rejected = fast
    kept = np.ones(len(found.starts), np.bool_)
    kept[rejected] = False
    starts, ends = found.starts[kept], found.ends[kept]
    columns = {name: _empty(len(starts)) if name not in table.column_names else _whole(table, name) for name in _TEXTS}
    columns, mended = mend(columns, pa.py_buffer(data))
    rows = _Rows(columns, starts, ends)
    wrong = _implausible(np.frombuffer(data, np.uint8), rows)
    if wrong.any():
        rejected = np.sort(np.concatenate([rejected, np.flatnonzero(kept)[wrong]]))
        rows = _filtered(rows, ~wrong)
    if len(rejected):
        rest, mended_rest = _slow(data, found.starts[rejected], found.ends[rejected])
        return _joined(rows, rest), mended + mended_rest
    return rows, mended


def _whole(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks) if column.num_chunks else _empty(0)


def _empty(length: int) -> pa.Array:
    return pa.nulls(length, pa.string())


def _fast(data: bytes, found: Cut) -> tuple[pa.Table, Ints] | None:
    """Arrow's CSV reader over the cut records. Returns its rows and the numbers of the records it rejected for their width.

    The cutter has established that every quote stands where the grammar allows it, so the reader sees the same records.
    None when its count differs all the same: the exact parser then does the work, and no row can shift.
    """
    last = int(found.ends[-1])
    whole = not found.skips and found.starts[0] == 0
    body = memoryview(data)[:last] if whole else b"".join(data[a:b] for a, b in _runs(found))
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
                column_types={name: pa.string() for name in names},
                include_columns=[name for name in _TEXTS if name in names],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[""],
                check_utf8=False,  # mended afterwards
            ),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    if table.num_rows + len(rejected) != len(found.starts):
        return None
    return table, np.array(rejected, np.int64)


def _runs(found: Cut) -> list[tuple[int, int]]:
    """Stretches of adjacent records."""
    breaks = np.flatnonzero(found.starts[1:] != found.ends[:-1])
    firsts = found.starts[np.concatenate([[0], breaks + 1])]
    lasts = found.ends[np.concatenate([breaks, [len(found.ends) - 1]])]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def _width(data: bytes, found: Cut, number: int) -> int:
    return len(split(data, int(found.starts[number]), int(found.ends[number])))


def _implausible(buffer: times.Bytes, rows: _Rows) -> times.Bools:
    """Rows of the right width that still cannot be log records: no such date or zone, no line number, no SQLSTATE."""
    if not len(rows):
        return np.empty(0, np.bool_)
    _, zone_index, zone_texts, wrong = _times(buffer, rows.starts)
    wrong = ~wrong | (zone_index < 0)
    for number, text in enumerate(zone_texts):
        if not re.fullmatch(_ZONE, text):
            wrong |= zone_index == number
    checks = (
        pc.equal(pc.binary_length(rows.texts["sql_state_code"]), 5),
        pc.greater(pc.binary_length(rows.texts["error_severity"]), 0),
        pc.match_substring_regex(rows.texts["session_line_num"], r"\A[0-9]{1,18}\z"),
        pc.match_substring(rows.texts["session_id"], "."),
    )
    for check in checks:
        wrong |= ~pc.fill_null(check, False).to_numpy(zero_copy_only=False)
    return wrong


def _slow(data: bytes, starts: Ints, ends: Ints) -> tuple[_Rows, int]:
    """The exact parser, record by record: for what the fast one rejected. Finds a sound record behind a torn one, too."""
    values: dict[str, list[str | None]] = {name: [] for name in _TEXTS}
    kept: list[tuple[int, int]] = []
    skips: list[Skip] = []
    mended = 0
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        at = start
        while not is_sound(data, at, end):
            following = next_head(data, at + 1, end)
            stop = end if following < 0 else following
            skips.append(Skip(at, stop - at, _why(data, at, stop)))
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
        mended += replaced
        kept.append((at, end))
    places = np.array(kept, np.int64).reshape(-1, 2)
    texts = {name: pa.array(values[name], pa.string()) for name in _TEXTS}
    return _Rows(texts, places[:, 0], places[:, 1], skips), mended


def _why(data: bytes, start: int, end: int) -> str:
    if data.find(b"\0", start, end) >= 0:
        return "holds NUL bytes"
    if not _HEAD.match(data, start, end):
        return "does not begin like a csvlog record"
    columns = len(split(data, start, end))
    return f"has {columns} columns; a csvlog record has 23, 24 or 26" if columns else "its quotes do not match"


def _filtered(rows: _Rows, keep: times.Bools) -> _Rows:
    mask = pa.array(keep)
    return _Rows({n: column.filter(mask) for n, column in rows.texts.items()}, rows.starts[keep], rows.ends[keep], rows.skips)


def _joined(one: _Rows, other: _Rows) -> _Rows:
    """Both, in log order."""
    starts, ends = np.concatenate([one.starts, other.starts]), np.concatenate([one.ends, other.ends])
    order = np.argsort(starts, kind="stable")
    take = pa.array(order)
    texts = {name: pa.concat_arrays([one.texts[name], other.texts[name]]).take(take) for name in _TEXTS}
    return _Rows(texts, starts[order], ends[order], [*one.skips, *other.skips])


class PostgresCsvlog(FileSource):
    """Audit source ``postgres_csvlog``: ``path`` is a file or a glob over csvlog files."""

    type = "postgres_csvlog"

    def parse(self, data: bytes, base: int, *, at_end: bool, final: bool) -> Parsed:
        return parse(data, base, self.time_zone, at_end=at_end, final=final)


__all__: Sequence[str] = ["GRAMMAR", "WIDTHS", "PostgresCsvlog", "parse"]

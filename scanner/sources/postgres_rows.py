"""Raw rows of a PostgreSQL log on their way to records: what csvlog, jsonlog and stderr have in common.

A format cuts its bytes into records and reads their fields into :class:`Rows`; pieces, threads, clocks, order and the merging
of skips are dealt with here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scanner.model import RECORD_SCHEMA, Skip
from scanner.sources import postgres, times
from scanner.sources.base import Parsed
from scanner.sources.cutting import Cut, Ints

PIECE = 4 * 1024 * 1024
"""Bytes worked on at a time: what the processor's cache likes; a longer record takes more."""

ZONE = rb"(?:[A-Za-z<][A-Za-z0-9_/+<>-]{0,31}+|[+-]\d\d(?::?\d\d){0,2}+)"

TEXTS = (
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
"""The fields that records are made of, by their csvlog names."""


@dataclass(frozen=True)
class Clock:
    """The time of each row: wall clock in microseconds since 1970, which dates exist, and the zone's text (-1: none)."""

    micros: Ints
    exists: times.Bools
    zone_index: npt.NDArray[np.int32]
    zone_texts: list[bytes]

    @classmethod
    def at(cls, data: bytes, positions: Ints, end: bytes = b",") -> Clock:
        """Read off ``data`` at the positions of the timestamps; ``end`` follows the zone."""
        buffer = np.frombuffer(data, np.uint8)
        micros, exists = times.wall_clock(buffer, positions)
        return cls(micros, exists, *times.zones(buffer, positions + times.STAMP, end))

    def take(self, rows: Ints | times.Bools) -> Clock:
        return Clock(self.micros[rows], self.exists[rows], self.zone_index[rows], self.zone_texts)

    def __add__(self, other: Clock) -> Clock:
        shifted = np.where(other.zone_index < 0, -1, other.zone_index + len(self.zone_texts)).astype(np.int32)
        return Clock(
            np.concatenate([self.micros, other.micros]),
            np.concatenate([self.exists, other.exists]),
            np.concatenate([self.zone_index, shifted]),
            self.zone_texts + other.zone_texts,
        )


@dataclass
class Rows:
    """Raw rows: the fields of :data:`TEXTS` (the line number as int64, else text), and where each lies in its piece."""

    texts: dict[str, pa.Array]
    starts: Ints
    ends: Ints
    clock: Clock
    skips: list[Skip] = field(default_factory=list)
    mended: int = 0  # rows in which bytes that are not UTF-8 were replaced
    last_lines: pa.Array | None = None  # int64; of formats in which a record takes several line numbers: the last of each

    def __len__(self) -> int:
        return len(self.starts)

    def keep(self, chosen: times.Bools) -> Rows:
        """These rows only, and all skips."""
        mask = pa.array(chosen)
        texts = {name: column.filter(mask) for name, column in self.texts.items()}
        lasts = None if self.last_lines is None else self.last_lines.filter(mask)
        return Rows(texts, self.starts[chosen], self.ends[chosen], self.clock.take(chosen), self.skips, self.mended, lasts)

    def __add__(self, other: Rows) -> Rows:
        """Both, in log order."""
        starts, ends = np.concatenate([self.starts, other.starts]), np.concatenate([self.ends, other.ends])
        order = np.argsort(starts, kind="stable")
        take = pa.array(order)
        texts = {name: pa.concat_arrays([self.texts[name], other.texts[name]]).take(take) for name in TEXTS}
        clock = (self.clock + other.clock).take(order)
        return Rows(texts, starts[order], ends[order], clock, [*self.skips, *other.skips], self.mended + other.mended)

    def implausible(self) -> times.Bools:
        """Rows of the right form that still cannot be log records: no such date or zone, no line number, no SQLSTATE."""
        if not len(self):
            return np.empty(0, np.bool_)
        clock = self.clock
        wrong = ~clock.exists | (clock.zone_index < 0)
        for number, text in enumerate(clock.zone_texts):
            if not re.fullmatch(ZONE, text):
                wrong |= clock.zone_index == number
        checks = (
            pc.equal(pc.binary_length(self.texts["sql_state_code"]), 5),
            pc.greater(pc.binary_length(self.texts["error_severity"]), 0),
            pc.is_valid(self.texts["session_line_num"]),
            pc.is_valid(self.texts["session_id"]),
        )
        for check in checks:
            wrong |= ~pc.fill_null(check, False).to_numpy(zero_copy_only=False)
        return wrong


@dataclass(frozen=True)
class _Piece:
    """What became of one piece of the data; offsets are the log's."""

    records: pa.Table
    repeated: times.Bools
    skips: list[Skip]
    mended: int
    strangers: frozenset[str]
    last_lines: pa.Array | None = None


def parse(
    data: bytes,
    base: int,
    time_zone: str,
    cut: Callable[[bytes, bool, bool], Cut],
    read: Callable[[bytes, Cut], Rows],
    *,
    at_end: bool,
    final: bool,
    longer_than: int,
    threads: int,
) -> Parsed:
    """Cut and read ``data``, which lies at offset ``base`` of its log and begins between two records.

    ``cut(piece, at_end, final)`` gives the complete records of a piece, ``read(piece, cut)`` their fields; both are pure.
    ``longer_than``: the first record is known to have more bytes than this, so smaller pieces need not be tried.
    Cutting is one sequence, but what was cut is read by ``threads`` threads; the result does not depend on their number.
    """
    home = times.zone(time_zone)
    work: list[Future[_Piece]] = []
    consumed = 0
    size = max(PIECE, 2 * longer_than)
    with ThreadPoolExecutor(threads) as pool:
        while consumed < len(data):
            part = data[consumed : consumed + size]
            last = consumed + len(part) == len(data)
            found = cut(part, at_end and last, final and last)
            if found.consumed:
                work.append(pool.submit(_understand, part, found, base + consumed, home, read))
                consumed += found.consumed
                size = PIECE
            elif last:
                break
            else:
                size *= 4  # a single longer record
        pieces = [future.result() for future in work]
    if not pieces:
        return Parsed(RECORD_SCHEMA.empty_table(), (), 0)
    records = postgres.recall(pa.concat_tables([p.records for p in pieces]), np.concatenate([p.repeated for p in pieces]))
    skips = merged_skips([skip for p in pieces for skip in p.skips])
    strangers = frozenset[str]().union(*(p.strangers for p in pieces))
    lasts = [p.last_lines for p in pieces if p.last_lines is not None]
    known = pa.concat_arrays(lasts) if len(lasts) == len(pieces) else None
    return Parsed(records, tuple(skips), consumed, sum(p.mended for p in pieces), strangers, known)


def _understand(part: bytes, found: Cut, base: int, home: ZoneInfo, read: Callable[[bytes, Cut], Rows]) -> _Piece:
    rows = read(part, found)
    clock = rows.clock
    utc, known, strangers = times.to_utc(clock.micros, clock.zone_index, clock.zone_texts, home)
    table, repeated = postgres.records(_raw(rows, pa.array(utc, pa.timestamp("us", tz="UTC"), mask=~known), base))
    skips = [Skip(skip.offset + base, skip.length, skip.reason) for skip in [*found.skips, *rows.skips]]
    return _Piece(table, repeated, skips, rows.mended, strangers, rows.last_lines)


def _raw(rows: Rows, time: pa.Array, base: int) -> postgres.Raw:
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


def merged_skips(skips: list[Skip]) -> list[Skip]:
    """Adjacent skips as one, in order."""
    merged: list[Skip] = []
    for skip in sorted(skips, key=lambda s: s.offset):
        if merged and merged[-1].offset + merged[-1].length == skip.offset:
            last = merged.pop()
            reason = last.reason if last.reason == skip.reason else f"{last.reason}; then {skip.reason}"
            skip = Skip(last.offset, last.length + skip.length, reason[:500])
        merged.append(skip)
    return merged


def whole(table: pa.Table, name: str) -> pa.Array:
    """A column of one chunk."""
    column = table.column(name)
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def runs(starts: Ints, ends: Ints) -> list[tuple[int, int]]:
    """Stretches of adjacent records."""
    breaks = np.flatnonzero(starts[1:] != ends[:-1])
    firsts = starts[np.concatenate([[0], breaks + 1])]
    lasts = ends[np.concatenate([breaks, [len(ends) - 1]])]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))

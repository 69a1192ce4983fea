"""What one slice of a log says about its own completeness, in a few rows: the front half makes it, beside the acts.

A *run* is a stretch of one session in which every line and every audited statement follows the one before it. A sound slice
has one run a session, so what is carried on is small however long the slice. Everything here is done on whole columns.

Observed on PostgreSQL 15 with pgAudit 1.7: within a session ``session_line_num`` counts 1, 2, 3 … in each format for itself
(in csvlog and jsonlog a number a record, in stderr one for every line with a prefix, DETAIL and STATEMENT included), and
pgAudit's statement ids count 1, 2, 3 … over the statements that are written, whatever classes are switched on. Neither has
normal skips: log levels and classes decide before a number is given.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner.arrays import Bools, Ints, ints
from scanner.continuity.queries import condense
from scanner.model import FileId, RecordKind, Skip, Slice

RUN_SCHEMA = pa.schema(
    [
        ("session", pa.string()),
        ("account", pa.string()),
        ("first_line", pa.int64()),  # -1 where the format numbers no lines
        ("last_line", pa.int64()),
        ("first_statement", pa.int64()),  # -1 without an audit line
        ("last_statement", pa.int64()),
        ("audits", pa.int64()),  # audit lines, and failed statements
        ("first_time", pa.int64()),  # microseconds since 1970, UTC; -1 unknown
        ("last_time", pa.int64()),
        ("first_offset", pa.int64()),
        ("first_length", pa.int64()),
        ("last_end", pa.int64()),  # end of the last record
        ("connects", pa.bool_()),
        ("ends", pa.bool_()),
    ]
)

CLOCK_TOLERANCE = 60_000_000
"""Microseconds by which times may step back against the order of the log: writers overtake each other, clocks are adjusted."""

_NAMED = 20  # that many positions of a kind are named one by one, the rest is counted


@dataclass(frozen=True)
class Place:
    """A record in the log, and when it was written (microseconds since 1970, UTC; -1 unknown)."""

    offset: int
    length: int
    time: int


@dataclass(frozen=True)
class StepBack:
    """Times that go back against the order of the log."""

    place: Place  # of the first record with an earlier time
    before: int  # the latest time up to there
    records: int  # records until the time reached before was reached again (or the slice ended)


@dataclass(frozen=True)
class Note:
    """What the server says about its own start, and about settings it has read anew."""

    place: Place
    message: str
    work_before: int  # the latest time of what clients did before it, in the same slice; -1 nothing


@dataclass(frozen=True)
class Trail:
    """What is carried on from one slice. Pickles."""

    file: FileId
    start: int
    end: int
    records: int
    runs: pa.Table  # RUN_SCHEMA, in log order of their first records
    first: Place | None = None  # the slice's first record with a time
    first_begins: bool = False  # that is the first line of a server's own log
    latest: int = -1  # the latest time
    hours: tuple[int, ...] = ()  # hours since 1970 in which records were written
    longest_pause: int = 0  # microseconds between two records of the slice, pauses of PAUSE and longer left out
    steps_back: tuple[StepBack, ...] = ()
    unreadable: int = 0  # records that claim to be audit lines and are none
    unreadable_places: tuple[Place, ...] = ()
    skips: tuple[Skip, ...] = ()
    latest_work: int = -1  # the latest time of what clients did
    notes: tuple[Note, ...] = field(default=())
    numbering: str = ""  # FileSource.numbering
    holes: pa.Table | None = None  # scanner.continuity.queries: of logs that number statements over all connections
    connections: pa.Table | None = None


PAUSE = 2 * 3_600_000_000
"""Microseconds without a record that are no pause within work but an end of it."""

_STARTS = (
    r"\Adatabase system was (interrupted|shut down) |\Adatabase system is ready to accept |\Astarting point-in-time recovery "
    r"|\Astarting backup recovery |\Astarting archive recovery"
    r"|\Aparameter \"(pgaudit|log_|logging|shared_preload).* (changed to|removed from configuration)"
)


def follow(piece: Slice, numbering: str) -> Trail:
    """The trail of one slice, whose sessions have their full names.

    ``numbering``: what the format numbers, as :attr:`scanner.sources.base.FileSource.numbering`.
    """
    file, start, end, skips = piece.file, piece.start, piece.end, piece.skips
    count = piece.records.num_rows
    if not count:
        return Trail(file, start, end, 0, RUN_SCHEMA.empty_table(), skips=skips, numbering=numbering)
    records = piece.records.combine_chunks()
    time = ints(records["time"].cast(pa.int64()))
    kind = records["kind"].combine_chunks().dictionary_encode()
    is_kind = {word: kind.indices.to_numpy(zero_copy_only=False) == n for n, word in enumerate(kind.dictionary.to_pylist())}
    none = np.zeros(count, np.bool_)

    def of(*kinds: RecordKind) -> Bools:
        found = none
        for word in kinds:
            found = found | is_kind.get(str(word), none)
        return found

    def places(rows: Ints) -> tuple[Place, ...]:
        taken = records.select(["offset", "length"]).take(pa.array(rows[:_NAMED]))
        return tuple(
            Place(o, n, int(t))
            for o, n, t in zip(taken["offset"].to_pylist(), taken["length"].to_pylist(), time[rows[:_NAMED]], strict=True)
        )

    timed = np.flatnonzero(time >= 0)
    unreadable = np.flatnonzero(of(RecordKind.UNREADABLE))
    config = of(RecordKind.CONFIG)
    own = np.flatnonzero((config | of(RecordKind.OTHER)) & records["account"].is_null().to_numpy())
    said = pc.fill_null(records["message"].take(pa.array(own)), "")
    telling = own[pc.match_substring_regex(said, _STARTS).to_numpy(zero_copy_only=False)]
    told = records["message"].take(pa.array(telling[:_NAMED])).to_pylist()
    work = np.where(of(RecordKind.AUDIT, RecordKind.CONNECT, RecordKind.DISCONNECT), time, -1)
    lines = ints(records["session_line"])
    holes, connections = condense(records) if numbering == "queries" else (None, None)
    seen = time[timed]
    pauses = np.diff(np.maximum.accumulate(seen))
    pauses = pauses[pauses < PAUSE]
    return Trail(
        file,
        start,
        end,
        count,
        _runs(records, time, lines, piece.last_lines, of) if numbering == "lines" else RUN_SCHEMA.empty_table(),
        first=places(timed[:1])[0] if len(timed) else None,
        first_begins=bool(len(timed) and timed[0] == 0 and config[0] and lines[0] == 1),
        latest=int(seen.max()) if len(seen) else -1,
        hours=tuple(np.unique(seen // 3_600_000_000).tolist()),
        longest_pause=int(pauses.max()) if len(pauses) else 0,
        steps_back=_steps_back(seen, timed, places),
        unreadable=len(unreadable),
        unreadable_places=places(unreadable),
        skips=skips,
        latest_work=int(work.max()),
        notes=tuple(
            Note(place, text, int(work[:row].max()) if row else -1)
            for place, text, row in zip(places(telling), told, telling.tolist(), strict=False)
        ),
        numbering=numbering,
        holes=holes,
        connections=connections,
    )


def _runs(records: pa.Table, time: Ints, lines: Ints, last_lines: pa.Array | None, of: object) -> pa.Table:
    assert callable(of)
    coded = records["session"].combine_chunks().dictionary_encode()
    code = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    order = np.argsort(code, kind="stable")
    order = order[np.searchsorted(code[order], 0) :]  # records without a session belong to none
    if not len(order):
        return RUN_SCHEMA.empty_table()
    last = lines if last_lines is None else ints(last_lines.slice(0, records.num_rows))
    session, line, after = code[order], lines[order], last[order]
    audit = of(RecordKind.AUDIT)[order]
    works = audit | of(RecordKind.ERROR)[order]
    statement = np.where(audit, ints(records["statement_id"])[order], -1)
    begins = np.ones(len(order), np.bool_)
    begins[1:] = session[1:] != session[:-1]
    breaks = begins.copy()
    breaks[1:] |= (line[1:] != after[:-1] + 1) & (line[1:] >= 0) & (after[:-1] >= 0)
    breaks |= _statement_breaks(begins, audit, statement, line, ints(records["substatement_id"])[order])
    starts = np.flatnonzero(breaks)
    ends = np.append(starts[1:], len(order)) - 1
    here = np.arange(len(order))
    audit_before = np.maximum.accumulate(np.where(audit, here, -1))[ends]
    audit_behind = np.minimum.accumulate(np.where(audit, here, len(order))[::-1])[::-1][starts]
    audited = audit_before >= starts
    named = records["account"].is_valid().to_numpy()[order]
    name_at = np.maximum.accumulate(np.where(named, here, -1))[ends]
    name_rows = np.where(name_at >= starts, order[np.maximum(name_at, 0)], -1)
    offset, length = ints(records["offset"]), ints(records["length"])
    first, final = order[starts], order[ends]
    columns = {
        "session": coded.dictionary.take(pa.array(session[starts])),
        "account": records["account"].take(pa.array(name_rows, mask=name_rows < 0)),
        "first_line": line[starts],
        "last_line": after[ends],
        "first_statement": np.where(audited, statement[np.minimum(audit_behind, len(order) - 1)], -1),
        "last_statement": np.where(audited, statement[np.maximum(audit_before, 0)], -1),
        "audits": np.add.reduceat(works.astype(np.int64), starts),
        "first_time": time[first],
        "last_time": time[final],
        "first_offset": offset[first],
        "first_length": length[first],
        "last_end": offset[final] + length[final],
        "connects": np.logical_or.reduceat(of(RecordKind.CONNECT)[order], starts),
        "ends": np.logical_or.reduceat(of(RecordKind.DISCONNECT)[order], starts),
    }
    table = pa.table([pa.chunked_array([c]) if isinstance(c, pa.Array) else c for c in columns.values()], names=list(columns))
    return table.cast(RUN_SCHEMA).take(pa.array(np.argsort(offset[first], kind="stable")))


def _statement_breaks(begins: Bools, audit: Bools, statement: Ints, line: Ints, sub: Ints) -> Bools:
    """Audit lines that do not follow the audit line before them in their session."""
    breaks = np.zeros(len(audit), np.bool_)
    rows = np.flatnonzero(audit)
    if len(rows) < 2:
        return breaks
    group = np.cumsum(begins)[rows]
    step = np.diff(statement[rows])
    wrong = (step > 1) | (step < 0)
    # where lines are numbered, they tell of every lost line; elsewhere the substatements have to
    unnumbered = line[rows[1:]] < 0
    inner = sub[rows]
    wrong |= unnumbered & (((step == 0) & (np.diff(inner) > 1)) | ((step == 1) & (inner[1:] > 1)))
    breaks[rows[1:][wrong & (group[1:] == group[:-1])]] = True
    return breaks


def _steps_back(seen: Ints, rows: Ints, places: object) -> tuple[StepBack, ...]:
    assert callable(places)
    if len(seen) < 2:
        return ()
    reached = np.maximum.accumulate(seen)
    behind = reached - seen > CLOCK_TOLERANCE
    if not behind.any():
        return ()
    begins = np.flatnonzero(behind & ~np.append(False, behind[:-1]))
    behind_from = np.append(begins, len(seen))
    result = []
    for n, place in enumerate(places(rows[begins])):
        at = int(begins[n])
        result.append(StepBack(place, int(reached[at]), int(behind[at : behind_from[n + 1]].sum())))
    return tuple(result)

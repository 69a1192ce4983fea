"""From log records to acts: one row per (session, statement, substatement), before anything is known about the SQL.

An *act* still carries its SQL text; the event that is stored does not (it carries the shape instead). Everything
is done on whole columns of a slice; rows never pass through Python.

What pgAudit needs (observed, PostgreSQL 15 with pgAudit 1.7):

* with ``log_relation=on`` a statement over several relations writes one line a relation, each repeating ROWS: the lines
  become one act, its rows the largest, its relations all of them;
* a foreign-key check of the engine is a READ substatement ``SELECT 1 FROM ONLY … FOR KEY SHARE OF x`` for every row
  written: it is marked, nobody read anything;
* a statement that fails has no AUDIT line when rows are logged, only an ERROR or FATAL record with its SQL.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner.arrays import Bools, Ints, ints, mask, plain
from scanner.model import RecordKind

ACT_SCHEMA = pa.schema(
    [
        ("n", pa.int64()),  # 0, 1, 2 … in log order within the slice
        ("kind", pa.string()),  # RecordKind
        ("time", pa.timestamp("us", tz="UTC")),
        ("account", pa.string()),
        ("dbname", pa.string()),
        ("client_ip", pa.string()),
        ("app_name", pa.string()),
        ("session", pa.string()),
        ("session_line", pa.int64()),
        ("statement_id", pa.int64()),
        ("substatement_id", pa.int64()),
        ("activity", pa.string()),
        ("audit_class", pa.string()),
        ("command", pa.string()),
        ("status", pa.string()),
        ("error_code", pa.string()),
        ("statement", pa.string()),
        ("parameter", pa.string()),  # bound values, as logged
        ("logged", pa.string()),  # relations the log names, sorted, joined by U+001F
        ("returned_rows", pa.int64()),
        ("fk_check", pa.bool_()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
    ]
)

# Last audit line of each session, so that lines of one substatement which fall into two slices stay one act.
LAST_SCHEMA = pa.schema([("session", pa.string()), ("statement_id", pa.int64()), ("substatement_id", pa.int64())])

_FK_CHECK = r"(?s)^SELECT 1 FROM ONLY .* WHERE .* FOR KEY SHARE OF x$"
_COMMAND = r"replication command: (?P<command>.*)$"

# Columns of records that acts are made of; the others need not be copied.
_USED = [
    "kind", "time", "account", "dbname", "client_addr", "app_name", "session", "session_line", "severity", "error_code",
    "message", "audit_class", "command", "object_name", "statement_id", "substatement_id", "statement",
    "parameter", "rows",
    "offset", "length",
]  # fmt: skip


def to_acts(records: pa.Table, last: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Acts of one slice (ACT_SCHEMA, in log order), and the last audit line of every session seen (LAST_SCHEMA).

    ``last`` holds the last audit lines of sessions in earlier slices; a line that continues one of them (a further
    relation of the same substatement) is not a new act.
    """
    records = records.select(_USED).combine_chunks()
    sessions = plain(records["session"]).dictionary_encode()
    session = sessions.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    kind = plain(records["kind"])
    is_audit = mask(pc.equal(kind, RecordKind.AUDIT.value))
    lines = np.flatnonzero(is_audit)
    statement = ints(records["statement_id"])[lines]
    substatement = ints(records["substatement_id"])[lines]

    first, several, seen = _groups(lines, session[lines], statement, substatement, _carried(last, sessions))
    others = np.flatnonzero(~is_audit & ~mask(pc.equal(kind, RecordKind.OTHER.value)))
    rows = np.sort(np.concatenate([first, others]))
    acts = _columns(records, rows, _merge(records, rows, several) if len(several.rows) else _Told.by_one(records, rows))
    left = pa.table(
        [
            sessions.dictionary.take(pa.array(session[lines[seen]])),
            pa.array(statement[seen]),
            pa.array(substatement[seen]),
        ],
        schema=LAST_SCHEMA,
    )
    return acts.cast(ACT_SCHEMA), left


class _Several(NamedTuple):
    """Lines that belong to substatements of several lines."""

    rows: Ints  # of the records
    first: Ints  # the record each of them joins


def _carried(last: pa.Table, sessions: pa.DictionaryArray) -> tuple[Ints, Ints]:
    """(statement, substatement) of the last audit line before this slice, by session code; -1 where there is none."""
    statement = np.full(len(sessions.dictionary) + 1, -1, np.int64)
    substatement = statement.copy()
    found = pc.index_in(plain(last["session"]), sessions.dictionary)
    place = found.fill_null(-1).to_numpy(zero_copy_only=False)
    here = place >= 0
    statement[place[here]] = ints(last["statement_id"])[here]
    substatement[place[here]] = ints(last["substatement_id"])[here]
    return statement, substatement


def _groups(
    lines: Ints, session: Ints, statement: Ints, substatement: Ints, carried: tuple[Ints, Ints]
) -> tuple[Ints, _Several, Ints]:
    """First records of new substatements; those of several lines; and the position of each session's last line."""
    order = np.lexsort((substatement, statement, session))  # stable: log order within a substatement
    keys = [column[order] for column in (session, statement, substatement)]
    starts = np.ones(len(order), np.bool_)
    starts[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in keys])
    begin = np.flatnonzero(starts)
    head = order[begin]
    continues = (statement[head] == carried[0][session[head]]) & (substatement[head] == carried[1][session[head]])
    continues &= session[head] >= 0
    length = np.diff(np.append(begin, len(order)))
    of_several = np.repeat((length > 1) & ~continues, length)
    several = _Several(lines[order[of_several]], np.repeat(lines[head], length)[of_several])
    by_session = np.argsort(session, kind="stable")
    ends = np.flatnonzero(np.append(session[by_session][1:] != session[by_session][:-1], True)) if len(session) else by_session
    seen = by_session[ends]
    return lines[head[~continues]], several, seen[session[seen] >= 0]


class _Told(NamedTuple):
    """Which record tells what of each act, and what only several lines tell together."""

    audit_class: Ints  # numbers of records
    command: Ints
    statement: Ints
    logged: pa.Array
    rows: pa.Array

    @classmethod
    def by_one(cls, records: pa.Table, rows: Ints) -> _Told:
        """Each act is told by its one record."""
        return cls(rows, rows, rows, *(_taken(records[name], rows) for name in ("object_name", "rows")))


def _columns(records: pa.Table, rows: Ints, told: _Told) -> pa.Table:
    """Acts of these records."""
    own = {name: _taken(records[name], rows) for name in ACT_SCHEMA.names if name in _USED and name not in _Told._fields}
    kind = own["kind"]
    audit = pc.equal(kind, RecordKind.AUDIT.value)
    error = pc.equal(kind, RecordKind.ERROR.value)
    unreadable = pc.equal(kind, RecordKind.UNREADABLE.value)
    login = pc.and_(error, pc.fill_null(pc.starts_with(own["error_code"], "28"), False))
    audit_class = _taken(records["audit_class"], told.audit_class)
    command = _taken(records["command"], told.command)
    null = pa.scalar(None, pa.string())
    columns = {
        **own,
        "n": pa.array(np.arange(len(rows))),
        "client_ip": _taken(records["client_addr"], rows),
        "activity": pc.if_else(audit, pc.utf8_lower(pc.fill_null(audit_class, "misc")), pc.if_else(login, "connect", kind)),
        "audit_class": audit_class,
        "command": pc.if_else(error, _taken(records["severity"], rows), command),
        "status": pc.if_else(error, "failure", pc.if_else(unreadable, null, "success")),
        "statement": _statements(records, rows, kind, _taken(records["statement"], told.statement)),
        "logged": pc.fill_null(told.logged, ""),
        "returned_rows": told.rows,
        "fk_check": _fk_checks(records, rows, mask(audit)),
    }
    return pa.table([columns[name] for name in ACT_SCHEMA.names], names=ACT_SCHEMA.names)


def _statements(records: pa.Table, rows: Ints, kind: pa.Array, texts: pa.Array) -> pa.Array:
    """SQL text; of replication records the command in the message, when there is one."""
    replication = pc.equal(kind, RecordKind.REPLICATION.value)
    if not pc.any(replication).as_py():
        return texts
    message = pc.if_else(replication, _taken(records["message"], rows), pa.scalar(None, pa.string()))
    command = pc.struct_field(pc.extract_regex(message, _COMMAND), "command")
    return pc.coalesce(command, texts)


def _fk_checks(records: pa.Table, rows: Ints, audit: Bools) -> pa.Array:
    inner = audit & (ints(records["substatement_id"])[rows] > 1)
    places = np.flatnonzero(inner)
    checks = np.zeros(len(rows), np.bool_)
    if len(places):
        reads = mask(pc.equal(_taken(records["audit_class"], rows[places]), "READ"))
        places = places[reads]
        checks[places] = mask(pc.match_substring_regex(_taken(records["statement"], rows[places]), _FK_CHECK))
    return pa.array(checks)


def _merge(records: pa.Table, rows: Ints, several: _Several) -> _Told:
    """What all lines of a substatement say together.

    Of class and command the first line's, unless it is one that pgAudit could not classify (MISC,???) and a later one knows
    better; the first text; all relations, sorted; the largest row count.
    """
    lines = records.select(["audit_class", "command", "statement", "object_name", "rows"]).take(pa.array(several.rows))
    size = len(several.rows)
    begin = np.flatnonzero(np.append(True, several.first[1:] != several.first[:-1]))
    act = np.searchsorted(rows, several.first[begin])  # the act of each group

    def first(wanted: Bools) -> Ints:
        """The record of each act; where it has several lines, its first wanted line, or the first of all."""
        found = np.minimum.reduceat(np.where(wanted, np.arange(size), size), begin)
        place = rows.copy()
        place[act] = several.rows[np.where(found < size, found, begin)]
        return place

    known = mask(pc.not_equal(lines["command"], "???"))
    counts = plain(lines["rows"])
    least = np.iinfo(np.int64).min
    most = np.maximum.reduceat(pc.fill_null(counts, least).to_numpy(zero_copy_only=False), begin)
    joined = _names(plain(lines["object_name"]), np.repeat(np.arange(len(begin)), np.diff(np.append(begin, size))))
    name_at = rows.copy()
    name_at[act] = records.num_rows + np.arange(len(begin))
    has_rows = mask(records["rows"].is_valid())[rows]
    has_rows[act] = np.logical_or.reduceat(mask(counts.is_valid()), begin)
    count = ints(records["rows"])[rows]
    count[act] = most
    return _Told(
        audit_class=first(known & mask(lines["audit_class"].is_valid())),
        command=first(known),
        statement=first(mask(lines["statement"].is_valid())),
        logged=_taken(pa.concat_arrays([plain(records["object_name"]), joined]), name_at),
        rows=pa.array(count, mask=~has_rows),
    )


def _names(names: pa.Array, group: Ints) -> pa.Array:
    """The distinct names of each group, sorted by their bytes, joined by U+001F; groups are numbered from 0."""
    coded = names.dictionary_encode()
    texts = coded.dictionary.to_pylist()
    order = sorted(range(len(texts)), key=lambda code: texts[code].encode())
    rank = np.empty(len(texts) + 1, np.int64)
    rank[order] = np.arange(len(texts))
    valid = mask(names.is_valid())
    code = coded.indices.fill_null(0).to_numpy(zero_copy_only=False)[valid]
    pairs = np.unique(group[valid] * max(len(texts), 1) + rank[code])
    owner, place = np.divmod(pairs, max(len(texts), 1))
    ends = np.searchsorted(owner, np.arange(int(group[-1]) + 2)).astype(np.int32)
    words = pa.array([texts[code] for code in order], pa.string()).take(pa.array(place))
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(ends), words), "\x1f")


def _taken(column: pa.ChunkedArray | pa.Array, rows: Ints) -> pa.Array:
    """These rows of a column; ``rows`` are known to be within it."""
    return pc.take(plain(column), pa.array(rows), boundscheck=False)

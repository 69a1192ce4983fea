"""MariaDB's ``server_audit`` plug-in, file output; Aurora MySQL and other forks write the same lines.

A record is a line ``timestamp,serverhost,username,host,connectionid,queryid,operation,database,object,retcode``
(https://mariadb.com/kb/en/mariadb-audit-plugin-log-format/). Observed with server_audit 1.4.14 on MariaDB 10.11:

* the object of a statement is its text in single quotes, with backslashes before quotes and backslashes, ``\\n`` and ``\\r`` for
  line ends, and a blank for a tab. It is cut at ``server_audit_query_log_limit`` bytes (escapes included), the closing
  quote is written all the same;
* nothing else is escaped. A user name comes from the client *before* it has proved who it is, and may hold commas and line
  ends: see :func:`scanner.sources.server_audit_lines.cut` for lines that such a name forges;
* tables are named in lines of their own *before* the line of the statement (when it starts, while the statement's line comes
  when it ends), under the rights that apply, which in stored routines are the definer's. They carry the same connection
  and query id, so a statement's record is given the tables of the lines before it;
* the log counts no rows, and tells no application.

Connection ids begin again when the server starts. A record's session is therefore only ``serverhost#connectionid``;
:func:`scanner.sources.connections.name_sessions` tells one life of a connection id from the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner.model import CUT_MARK, RECORD_SCHEMA, Position, RecordKind, Skip, Slice, SourceNotice
from scanner.sources import times
from scanner.sources.base import SLICE_BYTES, FileSource, Parsed
from scanner.sources.connections import addresses, session_lines
from scanner.sources.cutting import Ints, find_bytes
from scanner.sources.mysql_errors import code_of, codes_of
from scanner.sources.server_audit_lines import FIELDS, Lines, cut, match
from scanner.sources.sql_words import commands
from scanner.sources.text import mended

if TYPE_CHECKING:
    from scanner.sources.mariadb_slow_log import SlowLog
    from scanner.sources.statement_history import StatementHistory

REACH = 4 * 1024 * 1024
"""Bytes before a statement's line in which the lines of its tables are looked for: they are written when it starts."""

QUERY_LOG_LIMIT = 1024
"""What ``server_audit_query_log_limit`` is when nobody has set it (bytes)."""

# read and written by the server itself beside almost anything, and never about customers
_HOUSEKEEPING = tuple(
    f"mysql.{name}" for name in (
        "table_stats", "column_stats", "index_stats", "innodb_table_stats", "innodb_index_stats", "proc", "event", "func",
        "plugin", "gtid_slave_pos", "transaction_registry", "time_zone", "time_zone_name", "time_zone_transition",
        "time_zone_transition_type", "time_zone_leap_second", "help_topic", "help_keyword", "help_relation", "help_category",
    )
)  # fmt: skip


def parse(
    data: bytes,
    base: int,
    time_zone: str,
    *,
    before: bytes = b"",
    query_log_limit: int = QUERY_LOG_LIMIT,
    final: bool = False,
) -> Parsed:
    """Cut and read ``data``, which lies at offset ``base`` of its log and begins between two records.

    Pure. ``before`` are whole lines that lie right before ``data`` (at least REACH bytes, or all there is): they may name the
    tables of statements in ``data``. ``final``: no more bytes will ever come, so half a line at the end is a skip.
    """
    home = times.zone(time_zone)
    lines, oddities, skips, consumed, replaced = cut(data, final=final)
    if not consumed:
        return Parsed(RECORD_SCHEMA.empty_table(), (), 0)
    clock = _utc(data, lines.starts, home)
    table = _records(lines, clock, base, query_log_limit, _tables(before, lines))
    if len(oddities):
        table = _with_oddities(table, data, oddities, base, home)
    return Parsed(table, tuple(Skip(s.offset + base, s.length, s.reason) for s in skips), consumed, replaced)


# -- times ----------------------------------------------------------------------------------------------------------


def _utc(data: bytes, starts: Ints, home: ZoneInfo) -> pa.Array:
    """The time of each line, UTC. A stamp that names no real date or time is null."""
    if not len(starts):
        return pa.array([], pa.timestamp("us", tz="UTC"))
    buffer = np.frombuffer(data, np.uint8)
    places = (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 12, 13, 15, 16)
    found = [buffer[np.minimum(starts + place, len(buffer) - 1)].astype(np.int64) - ord("0") for place in places]
    known = np.logical_and.reduce([(value >= 0) & (value <= 9) for value in found])
    digit = [np.where(known, value, 0) for value in found]
    year = digit[0] * 1000 + digit[1] * 100 + digit[2] * 10 + digit[3]
    month, day = digit[4] * 10 + digit[5], digit[6] * 10 + digit[7]
    hour, minute, second = (digit[at] * 10 + digit[at + 1] for at in (8, 10, 12))
    known &= (
        (year >= 1970) & (year < 9999) & (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60) & (second <= 60)
    )
    months = np.where(known, (year - 1970) * 12 + month - 1, 0)
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    known &= day <= (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - first
    micros = np.where(known, (((first + day - 1) * 24 + hour) * 60 + minute) * 60 + second, 0) * 1_000_000
    utc, _, _ = times.to_utc(micros, np.zeros(len(starts), np.int32), [b"local"], home)
    return pa.array(utc, pa.timestamp("us", tz="UTC"), mask=~known)


# -- tables of statements --------------------------------------------------------------------------------------------


def _tables(before: bytes, lines: Lines) -> pa.Array:
    """For each line the relations that lines of the same statement before it name, sorted, joined by U+001F; else null."""
    fields, starts = lines.fields, lines.starts
    if before:
        earlier, sound = match(mended(before))
        ends = find_bytes(np.frombuffer(before, np.uint8), 10).astype(np.int64) + 1
        # a line without its end may be the last one: it was whole when nobody had written to the log for a while
        begins = np.concatenate([[0], ends]).astype(np.int64)[: len(sound)] - len(before)
        keep = pa.array(sound)
        fields = {name: pa.concat_arrays([earlier[name].filter(keep), fields[name]]) for name in FIELDS}
        starts = np.concatenate([begins[sound], starts])
    old = len(starts) - len(lines)
    touched, said = (fields[name].is_valid().to_numpy(zero_copy_only=False) for name in ("touched", "said"))
    rows = np.flatnonzero(touched | said)
    if not touched.any():
        return pa.nulls(len(lines), pa.string())
    keys = [fields[name].take(pa.array(rows)).cast(pa.int64()).to_numpy() for name in ("query", "connection")]
    order = np.lexsort([rows, *keys])
    ranked, last = rows[order], len(rows)
    is_said = said[ranked]
    # the next statement line at or behind each place, if it is of the same statement and near enough
    nearest = np.minimum.accumulate(np.where(is_said, np.arange(last), last)[::-1])[::-1]
    target = np.minimum(nearest, last - 1)
    same = (nearest < last) & ~is_said
    for key in keys:
        same &= key[order] == key[order][target]
    same &= starts[ranked[target]] - starts[ranked] <= REACH
    names = _relations(fields, pa.array(ranked[same]))
    pairs = pa.table({"line": pa.concat_arrays([pa.array(ranked[target[same]])] * 2), "name": names})
    pairs = pairs.filter(pc.and_(pc.is_valid(pairs["name"]), pc.invert(pc.is_in(pairs["name"], pa.array(_HOUSEKEEPING)))))
    pairs = pairs.filter(pc.greater_equal(pairs["line"], old)).group_by(["line", "name"]).aggregate([])
    pairs = pairs.sort_by([("line", "ascending"), ("name", "ascending")])
    grouped = pairs.group_by("line", use_threads=False).aggregate([("name", "list")])
    joined = pc.binary_join(grouped["name_list"].combine_chunks(), "\x1f")
    place = pc.index_in(pa.array(np.arange(old, len(starts))), value_set=grouped["line"].combine_chunks())
    return joined.take(place)


def _relations(fields: dict[str, pa.Array], rows: pa.Array) -> pa.Array:
    """``database.table`` for each of the rows; then, for renames, the new names (null elsewhere)."""
    database, table = fields["table_db"].take(rows), fields["table"].take(rows)
    renamed = pc.equal(fields["touched"].take(rows), "RENAME")
    bar = pc.if_else(renamed, pc.find_substring(table, "|"), -1)
    if not pc.any(pc.greater_equal(bar, 0)).as_py():
        own = pc.binary_join_element_wise(database, table, ".")
        return pa.concat_arrays([own, pa.nulls(len(own), pa.string())])
    split = pc.extract_regex(pc.if_else(pc.greater_equal(bar, 0), table, None), r"(?s)\A(?P<old>[^|]*)\|(?P<new>.*)\z")
    own = pc.coalesce(pc.struct_field(split, "old"), table)
    new = pc.struct_field(split, "new")
    return pa.concat_arrays([pc.binary_join_element_wise(database, own, "."), new])


# -- records --------------------------------------------------------------------------------------------------------


def _records(lines: Lines, time: pa.Array, base: int, limit: int, tables: pa.Array) -> pa.Table:
    fields = lines.fields
    count = len(lines)
    said, touched = fields["said"].is_valid(), fields["touched"].is_valid()
    met = pc.fill_null(fields["met"], "")
    code = pc.coalesce(fields["said_code"], fields["met_code"])
    failed = pc.and_(pc.invert(touched), pc.not_equal(pc.fill_null(code, "0").cast(pa.int64()), 0))
    kind = pc.case_when(
        pc.make_struct(
            failed,
            said,
            pc.is_in(met, pa.array(["CONNECT", "CHANGEUSER", "CHANGE_USER"])),
            pc.equal(met, "DISCONNECT"),
        ),
        *(pa.scalar(str(k)) for k in (RecordKind.ERROR, RecordKind.AUDIT, RecordKind.CONNECT, RecordKind.DISCONNECT)),
        pa.scalar(str(RecordKind.OTHER)),
    )
    kind = pc.if_else(pc.and_(pc.equal(met, "FAILED_CONNECT"), pc.invert(failed)), str(RecordKind.ERROR), kind)
    is_error = pc.equal(kind, str(RecordKind.ERROR))
    statement = _statements(fields["text"], limit)
    command, audit_class = commands(statement)
    audited = pc.equal(kind, str(RecordKind.AUDIT))
    offsets = pa.array(lines.starts + base)
    null = pa.nulls(count, pa.string())
    own_table = pc.if_else(touched, pc.binary_join_element_wise(fields["table_db"], fields["table"], "."), null)
    columns = {
        "kind": kind,
        "time": time,
        "account": _blank_to_null(fields["user"]),
        "dbname": _blank_to_null(pc.coalesce(fields["said_db"], fields["met_db"], fields["table_db"])),
        "client_addr": addresses(fields["host"]),
        "app_name": null,
        "session": pc.binary_join_element_wise(fields["server"], fields["connection"], "#"),
        "session_line": session_lines(time, lines.starts + base),
        "transaction_id": null,
        "severity": pc.if_else(is_error, "ERROR", "LOG"),
        "error_code": codes_of(pc.if_else(touched, None, pc.coalesce(code, "0"))),
        "message": _messages(fields, code, is_error, touched, said),
        "audit_class": pc.if_else(audited, audit_class, null),
        "command": pc.if_else(pc.or_(audited, said), command, null),
        "object_type": pc.coalesce(fields["touched"], null),
        "object_name": pc.coalesce(own_table, tables),
        "statement_id": pc.if_else(pc.or_(said, touched), fields["query"].cast(pa.int64()), pa.scalar(None, pa.int64())),
        "substatement_id": pc.if_else(pc.or_(said, touched), pa.scalar(1, pa.int64()), pa.scalar(None, pa.int64())),
        "statement": statement,
        "parameter": null,
        "rows": pa.nulls(count, pa.int64()),
        "offset": offsets,
        "length": pa.array(lines.ends - lines.starts),
    }
    return pa.table([columns[name] for name in RECORD_SCHEMA.names], schema=RECORD_SCHEMA)


def _messages(fields: dict[str, pa.Array], code: pa.Array, is_error: pa.Array, touched: pa.Array, said: pa.Array) -> pa.Array:
    operation = pc.coalesce(fields["met"], fields["said"])
    failure = pc.binary_join_element_wise(operation, pc.coalesce(code, "0"), " failed with error ")
    names = pc.binary_join_element_wise(fields["touched"], fields["table_db"], fields["table"], " ")
    plain = pc.if_else(said, pa.scalar(None, pa.string()), fields["met"])
    return pc.if_else(is_error, failure, pc.if_else(touched, names, plain))


def _statements(text: pa.Array, limit: int) -> pa.Array:
    """The SQL as it was sent; with CUT_MARK behind it where the log left out the rest."""
    escaped = pc.fill_null(pc.match_substring(text, "\\"), False)
    plain = text
    if pc.any(escaped).as_py():
        rows = np.flatnonzero(escaped.to_numpy(zero_copy_only=False))
        plain = _spread(text, rows, _unescaped(text.take(pa.array(rows))))
    length = pc.fill_null(pc.binary_length(text), 0).to_numpy()
    # an escape is never split: then the text ends one byte before the limit
    cut = np.flatnonzero((length == limit) | (length == limit - 1))
    if limit <= 0 or not len(cut):
        return plain
    marked = pc.binary_join_element_wise(pc.utf8_rtrim(plain.take(pa.array(cut)), "\N{REPLACEMENT CHARACTER}"), CUT_MARK, "")
    return _spread(plain, cut, marked)


def _spread(column: pa.Array, rows: Ints, new: pa.Array) -> pa.Array:
    place = np.arange(len(column), dtype=np.int64)
    place[rows] = len(column) + np.arange(len(rows))
    return pa.concat_arrays([column, new]).take(pa.array(place))


_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_PLAIN = {"n": "\n", "r": "\r"}


def _unescaped(text: pa.Array) -> pa.Array:
    r"""Without the log's escapes (``\'``, ``\n``, ``\r``, ``\\``)."""
    odd = pc.or_(pc.match_substring(text, "\x00"), pc.match_substring(text, "\\\\"))
    simple = text
    for mark, char in (("\\'", "'"), ("\\n", "\n"), ("\\r", "\r")):
        simple = pc.replace_substring(simple, mark, char)
    rows = np.flatnonzero(odd.to_numpy(zero_copy_only=False))
    if not len(rows):
        return simple
    chosen = text.take(pa.array(rows))
    if pc.any(pc.match_substring(chosen, "\x00")).as_py():  # no mark is free: one by one
        exact = [_ESCAPE.sub(lambda m: _PLAIN.get(m[1], m[1]), t) for t in chosen.to_pylist()]
        return _spread(simple, rows, pa.array(exact, pa.string()))
    chosen = pc.replace_substring(chosen, "\\\\", "\x00")
    for mark, char in (("\\'", "'"), ("\\n", "\n"), ("\\r", "\r"), ("\x00", "\\")):
        chosen = pc.replace_substring(chosen, mark, char)
    return _spread(simple, rows, chosen)


def _blank_to_null(column: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(column, ""), None, column)


def _with_oddities(table: pa.Table, data: bytes, spans: list[tuple[int, int]], base: int, home: ZoneInfo) -> pa.Table:
    """``table`` with the records whose names hold line ends, each kept whole as one that cannot be read."""
    starts = np.array([a for a, _ in spans], np.int64)
    time = _utc(data, starts, home)
    rows = [
        {
            "kind": str(RecordKind.UNREADABLE),
            "severity": "LOG",
            "error_code": code_of(0),
            "message": data[a:b].decode(errors="replace").rstrip("\n"),
            "offset": a + base,
            "length": b - a,
        }
        for a, b in spans
    ]
    more = pa.Table.from_pylist(rows, schema=RECORD_SCHEMA)
    more = more.set_column(more.schema.get_field_index("time"), "time", time)
    return pa.concat_tables([table, more]).sort_by("offset").combine_chunks()


class MariadbServerAudit(FileSource):
    """Audit source ``mariadb_server_audit``: ``path`` is a file or a glob over the plug-in's log files."""

    type = "mariadb_server_audit"
    numbering = "queries"
    context_bytes = REACH

    def __init__(
        self,
        path: str,
        time_zone: str = "UTC",
        query_log_limit: int | str = QUERY_LOG_LIMIT,
        slow_log: str = "",
        row_counts: str = "",
        url: str = "",
    ) -> None:
        super().__init__(path, time_zone)
        self.query_log_limit = int(query_log_limit)
        self.counts: SlowLog | StatementHistory | None = None  # both load a data frame library that other sources do without
        if slow_log:
            from scanner.sources.mariadb_slow_log import SlowLog

            self.counts = SlowLog(slow_log)
        elif row_counts:
            from scanner.sources.statement_history import StatementHistory

            self.counts = StatementHistory(url, self.query_log_limit)

    def limits(self) -> tuple[SourceNotice, ...]:
        """Why row counts cannot be had, where they were asked for."""
        return tuple(self.counts.notices()) if self.counts is not None else ()

    def read(self, known: Sequence[Position], *, slice_bytes: int = SLICE_BYTES) -> Iterator[Slice | SourceNotice]:
        """See :meth:`scanner.sources.base.Source.read`. Row counts come from elsewhere, where that is named."""
        if self.counts is None:
            yield from super().read(known, slice_bytes=slice_bytes)
            return
        asked = False
        for found in super().read(known, slice_bytes=slice_bytes):
            if isinstance(found, Slice) and found.records.num_rows:
                if not asked:
                    asked = True
                    yield from self.counts.notices()
                found = replace(found, records=self.counts.joined(found.records))
            yield found

    def parse(self, data: bytes, base: int, *, at_end: bool, final: bool, longer_than: int) -> Parsed:
        return self.parse_after(b"", data, base, at_end=at_end, final=final, longer_than=longer_than)

    def parse_after(
        self,
        before: bytes,
        data: bytes,
        base: int,
        *,
        at_end: bool,  # noqa: ARG002 - a line end is a line end, more to come or not
        final: bool,
        longer_than: int,  # noqa: ARG002 - lines are found at once
    ) -> Parsed:
        return parse(data, base, self.time_zone, before=before, query_log_limit=self.query_log_limit, final=final)


__all__ = ["MariadbServerAudit", "parse"]

"""PostgreSQL's ``jsonlog`` (PostgreSQL 15 and later): one JSON object a line.

The keys are those of the PostgreSQL manual, "Using JSON-Format Log Output"; a key without a value is left out. The writer
escapes every line end and every quote inside a value. So a line end always ends a record, and the bytes that begin a record
cannot stand inside one: text cannot be taken for a record.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson

from scanner.model import Skip
from scanner.sources import postgres_rows, times
from scanner.sources.base import Parsed
from scanner.sources.cutting import Bools, Bytes, Cut, Ints, find_bytes
from scanner.sources.postgres_rows import Clock, Rows, runs, whole
from scanner.sources.statement_totals import CountedSource
from scanner.sources.text import decode, mended

_HEAD = b'{"timestamp":"'
_FEW = 200  # lines: fewer than that are quicker read one by one
_SHORTEST = 64  # bytes; a record has at least a time, a session and a severity
_HALF = "the log ends in half a record"
_NO_HEAD = 'does not begin like a jsonlog record, with {"timestamp":"'

# key of jsonlog -> its name in csvlog
_KEYS = {
    "user": "user_name",
    "dbname": "database_name",
    "session_id": "session_id",
    "ps": "command_tag",
    "vxid": "virtual_transaction_id",
    "error_severity": "error_severity",
    "state_code": "sql_state_code",
    "message": "message",
    "context": "context",
    "statement": "query",
    "application_name": "application_name",
    "backend_type": "backend_type",
    "remote_host": "remote_host",
    "line_num": "session_line_num",
}
_NUMBER = "line_num"
_SCHEMA = pa.schema([(key, pa.int64() if key == _NUMBER else pa.string()) for key in _KEYS])


def parse(
    data: bytes, base: int, time_zone: str, *, at_end: bool = False, final: bool = False, longer_than: int = 0, threads: int = 2
) -> Parsed:
    """Cut and read jsonlog bytes; see :func:`scanner.sources.postgres_rows.parse`.

    Pure: no state, no files; safe to run in another process. ``at_end``: no more bytes are there now; ``final``: and none will
    come. A line that is no record costs itself only.
    """
    return postgres_rows.parse(
        data, base, time_zone, _cut, _read, at_end=at_end, final=final, longer_than=longer_than, threads=threads
    )


def _begins(buffer: Bytes, starts: Ints, ends: Ints) -> Bools:
    """Which lines begin and end as a record does. Exact for the beginning."""
    result = ends - starts >= _SHORTEST
    places = starts[result]
    high = np.uint64(int.from_bytes(_HEAD[:8], "little"))
    low = np.uint64(int.from_bytes(_HEAD[6:], "little"))
    good = (times.words(buffer, places) == high) & (times.words(buffer, places + 6) == low)
    last = ends[result] - 2
    last -= buffer[last] == 13
    good &= buffer[last] == ord("}")
    result[result] = good
    return result


def _cut(part: bytes, at_end: bool, final: bool) -> Cut:
    """Whole lines; of a line that begins with something else, the record at its end, if there is one."""
    buffer: Bytes = np.frombuffer(part, np.uint8)
    ends = find_bytes(buffer, 10).astype(np.int64) + 1
    starts = np.concatenate([np.zeros(min(1, len(ends)), np.int64), ends[:-1]])
    good = _begins(buffer, starts, ends)
    skips: list[Skip] = []
    bad = np.flatnonzero(~good)
    for run in np.split(bad, np.flatnonzero(np.diff(bad) > 1) + 1) if len(bad) else ():
        first, last = int(starts[run[0]]), int(ends[run[-1]])
        if part.find(_HEAD, first, last) < 0:
            skips.append(Skip(first, last - first, _NO_HEAD))
            continue
        for number in run.tolist():
            start, end = int(starts[number]), int(ends[number])
            inner = part.rfind(_HEAD, start, end)
            if inner > start and _begins(buffer, np.array([inner]), np.array([end]))[0]:
                skips.append(Skip(start, inner - start, _NO_HEAD))
                starts[number] = inner
                good[number] = True
            else:
                skips.append(Skip(start, end - start, _why(part[start:end])))
    consumed = int(ends[-1]) if len(ends) else 0
    if final and consumed < len(part):
        skips.append(Skip(consumed, len(part) - consumed, _HALF))
        consumed = len(part)
    elif not consumed and not at_end and (rubbish := _rubbish(part)):
        skips.append(Skip(0, rubbish, _NO_HEAD))
        consumed = rubbish
    return Cut(starts[good], ends[good], tuple(skips), consumed)


def _rubbish(part: bytes) -> int:
    """How many of these bytes, which hold no line end, certainly belong to no record."""
    if part.startswith(_HEAD) or len(part) < _SHORTEST:
        return 0
    inner = part.find(_HEAD)
    return inner if inner >= 0 else len(part) - len(_HEAD)


def _read(data: bytes, found: Cut) -> Rows:
    """All records of a cut; lines that are no jsonlog records become skips."""
    return _lines(data, found.starts, found.ends)


def _lines(data: bytes, starts: Ints, ends: Ints) -> Rows:
    """These lines by the fast parser; where it rejects one, by halves, until few enough are left for the exact one."""
    rows = _fast(data, starts, ends) if len(starts) else None
    if rows is not None:
        wrong = rows.implausible()
        return rows.keep(~wrong) + _slow(data, rows.starts[wrong], rows.ends[wrong]) if wrong.any() else rows
    if len(starts) <= _FEW:
        return _slow(data, starts, ends)
    half = len(starts) // 2
    return _lines(data, starts[:half], ends[:half]) + _lines(data, starts[half:], ends[half:])


def _fast(data: bytes, starts: Ints, ends: Ints) -> Rows | None:
    """Arrow's JSON reader over whole lines; None when it rejects anything.

    Every line begins with ``{`` and ends with ``}``, and no string can hold a line end. So a line that is not closed makes the
    reader fail at the next one, and each line gives at least one row: an equal count means one row a line, in order.
    """
    adjacent = (starts[1:] == ends[:-1]).all()
    sound = data[starts[0] : ends[-1]] if adjacent else b"".join(data[a:b] for a, b in runs(starts, ends))
    body = mended(sound)
    if len(body) >= 1 << 31:
        return None
    try:
        table = pajson.read_json(
            pa.BufferReader(pa.py_buffer(body)),
            pajson.ReadOptions(use_threads=False, block_size=len(body) + 1),
            pajson.ParseOptions(explicit_schema=_SCHEMA, newlines_in_values=False, unexpected_field_behavior="ignore"),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != len(starts):
        return None
    columns = {key: whole(table, key) for key in _KEYS}
    if any(_holds_nul(columns[key]) for key in _KEYS if key != _NUMBER):
        return None
    replaced = 0
    if body is not sound:
        replaced = sum(decode(data[a:b])[1] for a, b in zip(starts.tolist(), ends.tolist(), strict=True))
    return _rows(data, columns, starts, ends, replaced)


def _holds_nul(column: pa.Array) -> bool:
    """Is there a NUL in a string column? PostgreSQL has none in its texts, and splitting pgAudit lines relies on that."""
    values = column.buffers()[2]
    return values is not None and bool((np.frombuffer(values, np.uint8) == 0).any())


def _rows(data: bytes, columns: dict[str, pa.Array], starts: Ints, ends: Ints, replaced: int) -> Rows:
    texts = {name: columns[key] for key, name in _KEYS.items()}
    # what csvlog fills in and jsonlog leaves out
    texts["sql_state_code"] = pc.fill_null(texts["sql_state_code"], "00000")
    texts["application_name"] = pc.fill_null(texts["application_name"], "")
    # the port is of no use, but an IPv6 address without one would be ambiguous
    hosts = texts.pop("remote_host").dictionary_encode()
    texts["connection_from"] = pc.binary_join_element_wise(hosts.dictionary, "0", ":").take(hosts.indices)
    return Rows(texts, starts, ends, Clock.at(data, starts + len(_HEAD), b'"'), mended=replaced)


def _slow(data: bytes, starts: Ints, ends: Ints) -> Rows:
    """The exact parser, line by line: for what the fast one rejected. Finds a sound record behind a torn one, too."""
    values: dict[str, list[Any]] = {key: [] for key in _KEYS}
    kept: list[tuple[int, int]] = []
    skips: list[Skip] = []
    replaced = 0
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        at = start
        record, changed = _record(data[at:end])
        if record is None and (inner := data.rfind(_HEAD, at + 1, end)) > 0:
            skips.append(Skip(at, inner - at, _why(data[at:inner])))
            at = inner
            record, changed = _record(data[at:end])
        if record is None:
            skips.append(Skip(at, end - at, _why(data[at:end])))
            continue
        for key, column in values.items():
            column.append(record.get(key))
        replaced += changed
        kept.append((at, end))
    places = np.array(kept, np.int64).reshape(-1, 2)
    columns = {key: pa.array(values[key], _SCHEMA.field(key).type) for key in _KEYS}
    rows = _rows(data, columns, places[:, 0], places[:, 1], replaced)
    wrong = rows.implausible()
    spans = zip(rows.starts[wrong].tolist(), rows.ends[wrong].tolist(), strict=True)
    rows.skips = skips + [Skip(start, end - start, _why(data[start:end])) for start, end in spans]
    return rows.keep(~wrong) if wrong.any() else rows


def _record(line: bytes) -> tuple[dict[str, Any] | None, bool]:
    """One line's known fields, None when it is no record; and whether bytes had to be replaced."""
    text, changed = decode(line)
    try:
        pairs = json.loads(text or "", object_pairs_hook=list)
    except RecursionError:
        return _nested(line)
    except ValueError:
        return None, False
    if not line.startswith(_HEAD):
        return None, False
    record: dict[str, Any] = {}
    for key, value in pairs:
        if key not in _KEYS:
            continue
        if key in record:
            return None, False  # said twice
        if value is None:
            record[key] = None
        elif key == _NUMBER:
            if type(value) is not int or not -(1 << 63) <= value < 1 << 63:
                return None, False
            record[key] = value
        else:
            if not isinstance(value, str) or "\0" in value:
                return None, False
            record[key] = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            changed |= record[key] != value
    return record, changed


def _nested(line: bytes) -> tuple[dict[str, Any] | None, bool]:
    """A line that is nested deeper than Python's reader goes, but perhaps only in a key that does not matter."""
    rows = _fast(line, np.array([0]), np.array([len(line)]))
    if rows is None:
        return None, False
    record = {key: rows.texts[name][0].as_py() for key, name in _KEYS.items() if name in rows.texts}
    address = rows.texts["connection_from"][0].as_py()
    return record | {"remote_host": address and address.removesuffix(":0")}, bool(rows.mended)


def _why(line: bytes) -> str:
    """What keeps a line from being a record, in plain words."""
    if not line.startswith(_HEAD):
        return _NO_HEAD
    if b"\0" in line:
        return "holds NUL bytes"
    try:
        json.loads(line.decode(errors="replace"))
    except ValueError:
        return "is not one whole JSON object"
    except RecursionError:
        return "is nested too deeply"
    return "is JSON, but its fields are not those of a jsonlog record"


class PostgresJsonlog(CountedSource):
    """Audit source ``postgres_jsonlog``: ``path`` is a file or a glob over jsonlog files."""

    type = "postgres_jsonlog"
    numbering = "lines"

    def parse(self, data: bytes, base: int, *, at_end: bool, final: bool, longer_than: int) -> Parsed:
        return parse(data, base, self.time_zone, at_end=at_end, final=final, longer_than=longer_than)


__all__ = ["PostgresJsonlog", "parse"]

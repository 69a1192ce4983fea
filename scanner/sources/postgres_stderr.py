"""PostgreSQL's plain log (``log_destination = stderr``) under any ``log_line_prefix``.

Every line of a record but its first begins with a tab, so text in SQL cannot begin a record. DETAIL, HINT, QUERY, CONTEXT and
STATEMENT stand on lines of their own with a prefix of their own, right behind the record they belong to.

What a client chooses freely in a prefix, the application name above all, can look like the rest of the line. Where a line can
be read in more than one way, what it says is kept but is not evidence: the record is ``unreadable``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import ClassVar
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner.config_prefix import DEFAULT_PREFIX, PrefixError, lacks
from scanner.errors import ConfigError
from scanner.model import Position, Skip, Slice, SourceNotice
from scanner.sources import postgres_rows, stderr_grammar, times
from scanner.sources.base import SLICE_BYTES, Parsed
from scanner.sources.cutting import Bools, Bytes, Cut, Ints, find_bytes
from scanner.sources.postgres_rows import TEXTS, Clock, Rows
from scanner.sources.statement_totals import CountedSource
from scanner.sources.stderr_grammar import SEVERITIES, UNKNOWN, Grammar
from scanner.sources.stderr_heads import KINDS, Heads, beginnings, between, lengths
from scanner.sources.text import decode, is_utf8

_SUCCESS = ("DEBUG", "LOG", "INFO", "NOTICE")
_STRANGE_BYTES = 16 * 1024  # other programs' lines come in smaller numbers
_DOUBTFUL = "this line can be read in more than one way"
_HALF = "the log ends in half a record"
_STRANGE = "does not begin with the log_line_prefix of this source"
_ORPHAN = "belongs to no record before it"
_NO_TIME = "has a time that does not exist"


def parse(
    data: bytes,
    base: int,
    time_zone: str,
    prefix: str = DEFAULT_PREFIX,
    *,
    at_end: bool = False,
    final: bool = False,
    longer_than: int = 0,
    threads: int = 2,
) -> Parsed:
    """Cut and read stderr log bytes; see :func:`scanner.sources.postgres_rows.parse`.

    Pure: no state, no files; safe to run in another process. ``at_end``: no more bytes are coming for now, so that the last
    record is whole if its line is. Otherwise it waits for the next one: more lines of it may follow. Raises PrefixError.
    """
    grammar = stderr_grammar.grammar(prefix)
    cut, read = partial(_cut, grammar), partial(_read, grammar, times.zone(time_zone))
    return postgres_rows.parse(
        data, base, time_zone, cut, read, at_end=at_end, final=final, longer_than=longer_than, threads=threads
    )


# --- cutting --------------------------------------------------------------------------------------------------------


def _starts(part: bytes) -> Ints:
    """Where lines begin that are not continued ones. NULs never are text: what follows them begins anew."""
    buffer: Bytes = np.frombuffer(part, np.uint8)
    places = find_bytes(buffer, 10).astype(np.int64) + 1
    places = places[places < len(part)]
    places = places[buffer[places] != 9]
    if b"\0" in part:
        behind = find_bytes(buffer, 0).astype(np.int64) + 1
        behind = behind[behind < len(part)]
        places = np.union1d(places, behind[buffer[behind] != 0])
    return np.concatenate([np.zeros(1, np.int64), places])


def _cut(grammar: Grammar, part: bytes, at_end: bool, final: bool) -> Cut:
    """Lines with their continuations, up to where a record certainly ends."""
    starts = _starts(part)
    whole_lines = part.endswith(b"\n")
    skips: list[Skip] = []
    consumed = len(part) if final or (at_end and whole_lines) else _last_record(grammar, part, starts)
    starts = starts[starts < consumed]
    ends = np.append(starts[1:], consumed)[: len(starts)]
    if final and len(starts) and not whole_lines:
        skips.append(Skip(int(starts[-1]), consumed - int(starts[-1]), _HALF))
        starts, ends = starts[:-1], ends[:-1]
    return Cut(starts, ends, tuple(skips), consumed)


def _last_record(grammar: Grammar, part: bytes, starts: Ints) -> int:
    """Where the last record begins: what follows may still add to it. 0: at the very beginning."""
    end, size = len(starts), 32
    bounds = np.append(starts, len(part))
    begins = False
    while end:
        low = max(0, end - size)
        kind = Heads(grammar, beginnings(part, starts[low:end], np.append(starts[low + 1 : end], bounds[end]))).kind
        begins = bool(kind[0] >= 0)
        first = np.flatnonzero((kind >= 0) & (kind < len(SEVERITIES))) + low
        if len(first) and first[-1]:
            return int(starts[first[-1]])
        end, size = low, 16 * size
    return 0 if begins else int(starts[-1])  # rubbish up to the last line, which may be the beginning of a record


# --- reading --------------------------------------------------------------------------------------------------------


def _read(grammar: Grammar, home: ZoneInfo, data: bytes, found: Cut) -> Rows:
    if not len(found.starts):
        return _nothing()
    starts, ends = found.starts, found.ends
    heads = beginnings(data, starts, ends)
    read = Heads(grammar, heads)
    if b"\0" in data:
        holding = np.searchsorted(starts, find_bytes(np.frombuffer(data, np.uint8, int(ends[-1])), 0), side="right") - 1
        read.kind[holding] = -1
    owner, orphan = _owners(read, grammar)
    doubtful = _doubtful(grammar, heads, read, owner)
    records = np.flatnonzero(owner == np.arange(len(owner)))
    if not len(records):
        return _nothing(_skips(starts, ends, owner, orphan))
    texts = _Texts(data, starts, ends, read, owner, records)
    message, code = texts.message_and_code()
    fields = {name: column.take(pa.array(records)) for name, column in read.fields.items()}
    clock = _clock(fields)
    columns: dict[str, pa.Array] = {name: pa.nulls(len(records), pa.string()) for name in TEXTS}
    columns["error_severity"] = pa.array(KINDS).take(pa.array(read.kind[records]))
    columns["message"] = message
    columns["query"] = texts.following("STATEMENT")
    note = pa.array([None, _DOUBTFUL]).take(pa.array(doubtful[records].astype(np.int8)))
    columns["context"] = pc.coalesce(texts.following("CONTEXT"), note)
    for escape, name in (("u", "user_name"), ("d", "database_name"), ("v", "virtual_transaction_id"), ("b", "backend_type"),
                         ("i", "command_tag"), ("a", "application_name")):  # fmt: skip
        if escape in fields:
            columns[name] = _known(_text(fields[escape]), "" if escape == "a" else None)
    columns["sql_state_code"] = _text(fields["e"]) if "e" in fields else code
    if "r" in fields or "h" in fields:
        columns["connection_from"] = _address(_text(fields["r" if "r" in fields else "h"]))
    if grammar.names_behind_app:
        certain = pa.array(~doubtful[records])
        for name in ("user_name", "database_name"):
            columns[name] = pc.if_else(certain, columns[name], None)
    columns["session_id"] = _sessions(fields, clock, home)
    line = _text(fields["l"]) if "l" in fields else columns["session_line_num"]
    columns["session_line_num"] = pc.if_else(pc.equal(line, ""), None, line).cast(pa.int64())
    lasts = texts.last_line()
    rows = Rows(columns, starts[records], ends[lasts], clock, _skips(starts, ends, owner, orphan))
    if "l" in fields:
        labelled = texts.last_labelled()
        numbers = _text(read.fields["l"].take(pa.array(labelled)))
        rows.last_lines = pc.if_else(pc.equal(numbers, ""), None, numbers).cast(pa.int64())
    if not is_utf8(pa.py_buffer(data)):
        spans = zip(rows.starts.tolist(), rows.ends.tolist(), strict=True)
        rows.mended = sum(decode(data[a:b])[1] for a, b in spans)
    wrong = ~clock.exists | (clock.zone_index < 0)
    if wrong.any():
        spans = zip(rows.starts[wrong].tolist(), rows.ends[wrong].tolist(), strict=True)
        rows.skips += [Skip(a, b - a, _NO_TIME) for a, b in spans]
        rows = rows.keep(~wrong)
    return rows


def _nothing(skips: list[Skip] | None = None) -> Rows:
    empty = np.empty(0, np.int64)
    texts = {name: pa.array([], pa.int64() if name == "session_line_num" else pa.string()) for name in TEXTS}
    clock = Clock(empty, np.empty(0, np.bool_), np.empty(0, np.int32), [])
    return Rows(texts, empty, empty, clock, skips or [])


def _text(column: pa.Array) -> pa.Array:
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([decode(value)[0] for value in column.to_pylist()], pa.string())


def _owners(read: Heads, grammar: Grammar) -> tuple[Ints, Bools]:
    """For each line the record it belongs to (its own number for a record's first line; -1: none), and which lines
    have a prefix and a label, but no record of the same process right before them."""
    here = np.arange(len(read.kind))
    first = (read.kind >= 0) & (read.kind < len(SEVERITIES))
    follows = read.kind >= len(SEVERITIES)
    before = np.maximum.accumulate(np.where(first, here, -1))
    process = read.fields["c" if "c" in grammar.fields else "p"]
    same = pc.fill_null(pc.equal(process, process.take(pa.array(np.maximum(before, 0)))), False).to_numpy(zero_copy_only=False)
    strange = ~(first | (follows & same & (before >= 0)))
    torn = np.maximum.accumulate(np.where(strange, here, -1))
    owner = np.where(~strange & (torn < before), before, -1)
    return owner, follows & (owner < 0)


def _skips(starts: Ints, ends: Ints, owner: Ints, orphan: Bools) -> list[Skip]:
    """Lines that belong to no record; neighbours of one kind together."""
    lost = np.flatnonzero(owner < 0)
    if not len(lost):
        return []
    breaks = np.flatnonzero((np.diff(lost) > 1) | (orphan[lost[1:]] != orphan[lost[:-1]])) + 1
    firsts, lasts = lost[np.append(0, breaks)].tolist(), lost[np.append(breaks, len(lost)) - 1].tolist()
    return [
        Skip(int(starts[first]), int(ends[last] - starts[first]), _ORPHAN if orphan[first] else _STRANGE)
        for first, last in zip(firsts, lasts, strict=True)
    ]


def _doubtful(grammar: Grammar, heads: pa.Array, read: Heads, owner: Ints) -> Bools:
    """Records whose first line may be read otherwise, or that an unfinished line right before them may have forged."""
    doubtful = np.zeros(len(owner), np.bool_)
    first = owner == np.arange(len(owner))
    if grammar.longest:
        # another label behind the first one; text in SQL alone seldom fits between prefix and label
        twice = pc.match_substring_regex(heads, r"(?s):  .*:  ").to_numpy(zero_copy_only=False)
        marked = np.flatnonzero(first & (twice | grammar.names_behind_app))
        other = _matched(heads, marked, grammar.longest)
        for name in ("head", "f_a") if other is not None else ():
            own = lengths(read.fields["a"])[marked] if name == "f_a" else read.length[marked]
            doubtful[marked] |= lengths(pc.struct_field(other, name)) != own
    if grammar.session:
        outside = first.copy()
        for escape in grammar.fields[grammar.stop :]:
            outside &= lengths(read.fields[escape]) == 0
        rows = np.flatnonzero(outside)
        other = _matched(heads, rows, grammar.session)
        if other is not None:
            doubtful[rows[pc.is_valid(other).to_numpy(zero_copy_only=False)]] = True
    if grammar.stub:
        # a line end inside an account's or a database's name leaves the line before unfinished
        torn = np.flatnonzero(first[1:] & (owner[:-1] < 0) & (read.kind[:-1] < 0))
        begun = pc.match_substring_regex(heads.take(pa.array(torn)), grammar.stub).to_numpy(zero_copy_only=False)
        doubtful[torn[begun] + 1] = True
    return doubtful


def _matched(heads: pa.Array, rows: Ints, pattern: str) -> pa.Array | None:
    """Matches of some rows; None without any: compiling a pattern is what costs."""
    return pc.extract_regex(heads.take(pa.array(rows)), pattern) if len(rows) else None


class _Texts:
    """The texts of records: what follows the label on their first line, and on the lines that belong to them."""

    def __init__(self, data: bytes, starts: Ints, ends: Ints, read: Heads, owner: Ints, records: Ints) -> None:
        self.kind, self.owner, self.records = read.kind, owner, records
        # head, text, line end of each line one after the other, so that the texts are every third
        offsets = np.empty(3 * len(starts) + 1, np.int64)
        offsets[0:-1:3], offsets[1::3], offsets[2::3] = starts, starts + read.length, np.maximum(ends - 1, starts + read.length)
        offsets[-1] = ends[-1]
        self.lines = between(data, offsets)

    def _of(self, places: Ints, mask: Bools | None = None) -> pa.Array:
        text = _text(self.lines.take(pa.array(3 * places + 1, mask=mask)))
        return pc.replace_substring(text, "\n\t", "\n")

    def following(self, label: str) -> pa.Array:
        """The text under a label, record by record; null where a record has none."""
        chosen = np.flatnonzero((self.kind == KINDS.index(label)) & (self.owner >= 0))[::-1]
        place = np.full(len(self.owner), -1, np.int64)
        place[self.owner[chosen]] = chosen
        place = place[self.records]
        return self._of(place, place < 0)

    def last_line(self) -> Ints:
        """The last line of each record."""
        owned = np.flatnonzero(self.owner >= 0)
        ends = np.append(self.owner[owned][1:] != self.owner[owned][:-1], True)
        lasts: Ints = owned[ends]
        return lasts

    def last_labelled(self) -> Ints:
        """The last line of each record that has a prefix, and so a number, of its own."""
        prefixed = np.flatnonzero((self.owner >= 0) & (self.kind >= 0))
        ends = np.append(self.owner[prefixed][1:] != self.owner[prefixed][:-1], True)
        lasts: Ints = prefixed[ends]
        return lasts

    def message_and_code(self) -> tuple[pa.Array, pa.Array]:
        """Messages without what only this format puts into them, and SQLSTATEs as far as they can be told."""
        message = self._of(self.records)
        kinds = np.array(KINDS)[self.kind[self.records]]
        code = pa.array([None, "00000"]).take(pa.array(np.isin(kinds, _SUCCESS).astype(np.int8)))
        located = pc.is_valid(self.following("LOCATION"))
        verbose = pc.and_(located, pc.match_substring_regex(message, r"\A[0-9A-Z]{5}: "))  # log_error_verbosity = verbose
        if pc.any(verbose).as_py():
            code = pc.if_else(verbose, pc.utf8_slice_codeunits(message, 0, 5), code)
            message = pc.if_else(verbose, pc.replace_substring_regex(message, r"\A[0-9A-Z]{5}: ", ""), message)
        failed = pa.array(~np.isin(kinds, _SUCCESS))
        if pc.any(failed).as_py():
            quoted = pc.or_(pc.is_valid(self.following("STATEMENT")), pc.is_valid(self.following("QUERY")))
            shorter = pc.replace_substring_regex(message.filter(failed), r" at character [0-9]+\z", "")
            shorter = pc.if_else(quoted.filter(failed), shorter, message.filter(failed))
            message = pc.replace_with_mask(message, failed, shorter)
        return message, code


def _known(column: pa.Array, instead: str | None) -> pa.Array:
    """Names; what stands for an unknown one becomes ``instead``."""
    return pc.if_else(pc.is_in(column, pa.array([*UNKNOWN, ""])), pa.scalar(instead, pa.string()), column)


def _address(column: pa.Array) -> pa.Array:
    """``host(port)`` or ``host``, with a port of no meaning so that an IPv6 address stays one."""
    coded = _known(column, None).dictionary_encode()
    hosts = pc.replace_substring_regex(coded.dictionary, r"\([^()]*\)\z", "")
    return pc.binary_join_element_wise(hosts, "0", ":").take(coded.indices)


def _clock(fields: dict[str, pa.Array]) -> Clock:
    """The time of each record, from the most exact escape there is."""
    if "m" in fields:
        return _stamps(fields["m"])
    if "n" in fields:
        seconds = pc.cast(_text(fields["n"]), pa.decimal128(20, 3))
        micros = pc.cast(pc.multiply(seconds, pa.scalar(1_000_000, pa.decimal128(8, 0))), pa.int64()).to_numpy()
        return Clock(micros, np.ones(len(micros), np.bool_), np.zeros(len(micros), np.int32), [b"UTC"])
    return _stamps(_with_millis(fields["t"]))


def _with_millis(column: pa.Array) -> pa.Array:
    """``YYYY-MM-DD HH:MM:SS ZONE`` in the form of the more exact one."""
    return pc.binary_join_element_wise(pc.binary_slice(column, 0, 19), b".000", pc.binary_slice(column, 19, 64), b"")


def _stamps(column: pa.Array) -> Clock:
    joined = pc.binary_join_element_wise(column, b",", b"")
    offsets = np.frombuffer(joined.buffers()[1], np.int32)[joined.offset : joined.offset + len(joined)].astype(np.int64)
    return Clock.at(joined.buffers()[2].to_pybytes(), offsets)


def _sessions(fields: dict[str, pa.Array], clock: Clock, home: ZoneInfo) -> pa.Array:
    """PostgreSQL's session ID: start of the process and its number, in hex. Without the start the day must do."""
    known = _text(fields["c"]) if "c" in fields else None
    if known is not None and not pc.any(pc.equal(known, "")).as_py():
        return known
    if "p" not in fields:
        return pc.if_else(pc.equal(known, ""), None, known)
    begun = _stamps(_with_millis(fields["s"])) if "s" in fields else clock
    utc, _, _ = times.to_utc(begun.micros, begun.zone_index, begun.zone_texts, home)
    seconds = utc // 1_000_000 if "s" in fields else utc // 86_400_000_000
    numbers = _text(fields["p"]).cast(pa.int64()).to_numpy()
    pairs, index = np.unique(np.stack([seconds, numbers]), axis=1, return_inverse=True)
    form = "{:x}.{:x}" if "s" in fields else "day{}.{:x}"
    names = [form.format(*pair) for pair in pairs.T.tolist()]
    made = pa.array(names, pa.string()).take(pa.array(index.reshape(-1)))
    return made if known is None else pc.if_else(pc.equal(known, ""), made, known)


class PostgresStderr(CountedSource):
    """Audit source ``postgres_stderr``: ``path`` is a file or a glob, ``log_line_prefix`` the server's setting.

    Raises ConfigError for a prefix that cannot be read by.
    """

    type = "postgres_stderr"
    numbering = "lines"
    settle_seconds: ClassVar[float] = 10.0
    """Records have no end mark: the last one of a file is taken for whole once nothing was written for so long."""

    def __init__(self, path: str, time_zone: str = "UTC", log_line_prefix: str = DEFAULT_PREFIX, **counts: str) -> None:
        super().__init__(path, time_zone, **counts)
        self.log_line_prefix = log_line_prefix
        try:
            stderr_grammar.grammar(log_line_prefix)
        except PrefixError as error:
            raise ConfigError(f"log_line_prefix {log_line_prefix!r} {error}", error.hint) from error

    def parse(self, data: bytes, base: int, *, at_end: bool, final: bool, longer_than: int) -> Parsed:
        prefix = self.log_line_prefix
        return parse(data, base, self.time_zone, prefix, at_end=at_end, final=final, longer_than=longer_than)

    def read(self, known: Sequence[Position], *, slice_bytes: int = SLICE_BYTES) -> Iterator[Slice | SourceNotice]:
        """See :meth:`Source.read`. A stretch without any record is not passed over: the prefix is wrong, or was changed."""
        stuck = ""
        for found in super().read(known, slice_bytes=slice_bytes):
            if isinstance(found, Slice):
                size = found.end - found.start
                nothing = bool(found.skips) and not found.records.num_rows
                if nothing and found.file.id != stuck and (not found.start or size >= _STRANGE_BYTES):
                    stuck = found.file.id
                    what = f"from byte {found.start} on no line begins with the log_line_prefix {self.log_line_prefix!r}"
                    hint = "copy it from `show log_line_prefix`; nothing was passed over, the next scan goes on there"
                    yield SourceNotice(found.file.path, what, hint)
                if found.file.id == stuck:
                    continue
            yield found

    def limits(self) -> tuple[SourceNotice, ...]:
        """What this log cannot tell for want of an escape in the prefix."""
        missing = lacks(self.log_line_prefix)
        if not missing:
            return super().limits()
        what = "; ".join(what for what, _ in missing)
        add = " ".join(escape for _, escape in missing)
        return (
            SourceNotice(
                self.path, f"log_line_prefix tells too little: {what}", f"add {add} to it, here and on the server", False
            ),
            *super().limits(),
        )


__all__ = ["PostgresStderr", "parse"]

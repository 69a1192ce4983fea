"""Logs of JSON objects, whatever stands between them: cutting them into records, and reading fields by path.

One object a line, pretty-printed objects over many lines, all in one array with or without a comma at its end, many on a line:
between two records only blanks, commas and square brackets may stand. A record is exactly its object, so a log gives the same
records wherever it is cut.

JSON escapes every quote and every line end inside a string. So a line never begins inside a string, and the bytes ``{"`` cannot
stand inside one: text cannot be taken for a record, and damage never reaches beyond the lines it hit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from scanner.model import Skip
from scanner.sources.cutting import Bools, Bytes, Cut, Ints, find_bytes

BETWEEN = b" \t\r\n,[]"
"""All that may stand between two records."""

_LOOK = 4096  # blanks between two records that are looked at; more are rubbish
_WIDE = 64  # columns by which a record may be indented
_FURTHER = 4096  # braces looked at behind what looks like the beginning of another record
_TRIES = 50  # beginnings of records looked for in a damaged line
_PATIENCE = 1 << 20  # bytes of rubbish without a line end that are waited with
_HALF = "the log ends in half a record"
DAMAGED = "is not one whole JSON object"


class _Marks:
    """Where lines, quotes and braces are. Braces inside strings are left out."""

    def __init__(self, data: bytes, between: bytes) -> None:
        self.data = data
        self.buffer: Bytes = np.frombuffer(data, np.uint8)
        self.is_between = np.zeros(256, np.bool_)
        self.is_between[np.frombuffer(between, np.uint8)] = True
        newlines = find_bytes(self.buffer, 10).astype(np.int64)
        self.starts: Ints = np.concatenate([[0], newlines + 1]).astype(np.int64)
        self.ends: Ints = np.concatenate([newlines + 1, [len(data)]]).astype(np.int64)
        if self.starts[-1] == len(data):
            self.starts, self.ends = self.starts[:-1], self.ends[:-1]
        self.unended = bool(len(data)) and data[-1] != 10
        quotes = self._quotes()
        before = np.searchsorted(quotes, self.starts)
        self.odd: Bools = np.diff(np.append(before, len(quotes))) % 2 == 1
        braces = np.sort(np.concatenate([find_bytes(self.buffer, 123), find_bytes(self.buffer, 125)])).astype(np.int64)
        line = np.searchsorted(newlines, braces)
        outside = (np.searchsorted(quotes, braces) - before[line]) % 2 == 0 if len(braces) else np.empty(0, np.bool_)
        self._set(braces[outside], line[outside])
        if len(self.depth) and self.depth.min() < 0:  # what was opened before the data begins is closed here
            lowest = np.minimum.accumulate(np.concatenate([[0], self.depth]))
            kept = lowest[1:] == lowest[:-1]
            self._set(self.braces[kept], self.line[kept])
        self.first: Ints = np.searchsorted(self.line, np.arange(len(self.starts) + 1))
        self.column, self.head = self._heads()

    def _set(self, braces: Ints, line: Ints) -> None:
        self.braces, self.line = braces, line
        self.step = np.where(self.buffer[braces] == 123, 1, -1).astype(np.int32)
        self.depth = np.cumsum(self.step, dtype=np.int64)

    def _quotes(self) -> Ints:
        """Quotes that begin or end a string: those behind an even number of backslashes."""
        quotes = find_bytes(self.buffer, 34).astype(np.int64)
        suspects = np.flatnonzero((self.buffer[np.maximum(quotes - 1, 0)] == 92) & (quotes > 0))
        if not len(suspects):
            return quotes
        slashes = find_bytes(self.buffer, 92).astype(np.int64)
        breaks = np.concatenate([[True], np.diff(slashes) > 1])
        run = np.maximum.accumulate(np.where(breaks, np.arange(len(slashes)), 0))
        last = np.searchsorted(slashes, quotes[suspects]) - 1
        keep = np.ones(len(quotes), np.bool_)
        keep[suspects[(last - run[last]) % 2 == 0]] = False
        return quotes[keep]

    def _heads(self) -> tuple[Ints, Bools]:
        """For each line the column of its first brace, and whether it opens an object with nothing but blanks before."""
        lines = len(self.starts)
        found = self.first[:-1] < self.first[1:]
        place = np.minimum(self.first[:-1], max(len(self.braces) - 1, 0))
        column = np.full(lines, _WIDE + 1, np.int64)
        head = np.zeros(lines, np.bool_)
        if len(self.braces):
            column[found] = (self.braces[place] - self.starts)[found]
            head = found & (self.step[place] == 1) & (column <= _WIDE)
            head[head] = self.blank(self.starts[head], self.starts[head] + column[head])
        return column, head

    def blank(self, starts: Ints, ends: Ints) -> Bools:
        """Whether each stretch holds only what may stand between records."""
        lengths = np.maximum(ends - starts, 0)
        result = lengths <= _LOOK
        looked = np.where(result, lengths, 0)
        total = int(looked.sum())
        if total:
            owner = np.repeat(np.arange(len(starts)), looked)
            places = np.arange(total) - np.repeat(np.cumsum(looked) - looked, looked) + starts[owner]
            result[owner[~self.is_between[self.buffer[places]]]] = False
        blank: Bools = result
        return blank

    # -- all is well --------------------------------------------------------------------------------------------

    def sound(self) -> tuple[Ints, Ints, int] | None:
        """Begin and end of every record, and where an unfinished one begins; None when anything at all is odd."""
        size = len(self.data)
        complete = len(self.starts) - self.unended
        if self.odd[:complete].any():
            return None
        opens = self.braces[(self.step == 1) & (self.depth == 1)]
        closes = self.braces[(self.step == -1) & (self.depth == 0)] + 1
        if len(opens) - len(closes) not in (0, 1):
            return None
        rest = int(opens[-1]) if len(opens) > len(closes) else size
        if not self.blank(np.concatenate([[0], closes]), np.append(opens[: len(closes)], rest)).all():
            return None
        if rest == size and self.unended and self.odd[-1:].any():
            return None
        inner = np.flatnonzero(self.head)
        deeper = inner[self.depth[self.first[inner]] > 1]
        if len(deeper):
            owner = opens[np.searchsorted(opens, self.starts[deeper], "right") - 1]
            own_column = owner - self.starts[np.searchsorted(self.starts, owner, "right") - 1]
            if (self.column[deeper] <= own_column).any():
                return None
        return opens[: len(closes)], closes, rest

    # -- something is wrong -------------------------------------------------------------------------------------

    def by_lines(self, marker: bytes, *, final: bool) -> tuple[list[tuple[int, int]], list[Skip], int]:
        """Records, what is none, and where an unfinished one begins. Damage costs the lines it is in."""
        records: list[tuple[int, int]] = []
        skips: list[Skip] = []
        size, at = len(self.data), 0
        while at < size:
            line = int(np.searchsorted(self.starts, at, "right")) - 1
            end = int(self.ends[line])
            low = int(np.searchsorted(self.braces, at))
            high = int(self.first[line + 1])
            base = int(self.depth[low - 1]) if low else 0
            level, step = self.depth[low:high] - base, self.step[low:high]
            opens = self.braces[low:high][(step == 1) & (level == 1)]
            closes = self.braces[low:high][(step == -1) & (level == 0)] + 1
            whole = min(len(opens), len(closes))
            torn = bool(self.odd[line]) or (len(level) > 0 and int(level.min()) < 0)
            edges = np.append(opens[:whole], opens[whole] if len(opens) > whole else end)
            clean = bool(self.blank(np.concatenate([[at], closes[:whole]]), edges).all())
            last = end == size and self.unended
            if clean and not torn and len(opens) == whole:
                records += zip(opens.tolist(), closes[:whole].tolist(), strict=True)
                at = end
                continue
            if clean and len(opens) > whole and (not torn or last):
                begin = int(opens[-1])
                found = self._close(line, high, base, begin)
                if found < 0 and not final:
                    records += zip(opens[:whole].tolist(), closes[:whole].tolist(), strict=True)
                    return records, skips, begin
                if found > 0:
                    records += [*zip(opens[:whole].tolist(), closes[:whole].tolist(), strict=True), (begin, found)]
                    at = found
                    continue
            elif last and not final and (size - at < _PATIENCE or b"{" in self.data[at:]):
                return records, skips, at
            inner = self._salvage(at, end, marker)
            if inner is None:
                skips.append(Skip(at, end - at, _HALF if last and final else DAMAGED))
            else:
                skips += [Skip(at, inner[0] - at, DAMAGED)] if inner[0] > at else []
                records.append(inner)
            at = end
        return records, skips, size

    def _close(self, line: int, high: int, base: int, begin: int) -> int:
        """The end of the object that begins at ``begin`` in a line; 0 when it is torn, -1 when the data end before it does."""
        lines = len(self.starts)
        complete = lines - self.unended
        odd = np.flatnonzero(self.odd[line + 1 : complete]) if line + 1 < complete else np.empty(0, np.int64)
        stop = line + 1 + int(odd[0]) if len(odd) else lines
        column = begin - int(self.starts[line])
        other = stop
        width = 64
        for first in self._chunks(line + 1, stop, width):
            hit = np.flatnonzero(self.head[first[0] : first[1]] & (self.column[first[0] : first[1]] <= column))
            if len(hit):
                other = first[0] + int(hit[0])
                break
        limit = int(self.first[other])
        for low, top in self._chunks(high, limit, width):
            hit = np.flatnonzero(self.depth[low:top] == base)
            if len(hit):
                return int(self.braces[low + int(hit[0])]) + 1
        if other == lines:
            return -1
        further = self.depth[limit : limit + _FURTHER]
        hit = np.flatnonzero(further == base) if other < stop else np.empty(0, np.int64)
        if len(hit):
            end = int(self.braces[limit + int(hit[0])]) + 1
            if loads(self.data[begin:end]) is not None:
                return end
        return 0

    @staticmethod
    def _chunks(low: int, high: int, width: int) -> Iterator[tuple[int, int]]:
        while low < high:
            yield low, min(low + width, high)
            low, width = low + width, width * 2

    def _salvage(self, start: int, end: int, marker: bytes) -> tuple[int, int] | None:
        """A sound record at the end of a damaged line: what was written on when half a record had been lost."""
        at = end
        for _ in range(_TRIES):
            at = self.data.rfind(b'{"', start, at)
            if at < 0:
                return None
            body = self.data[at:end].rstrip(BETWEEN)
            if marker in body and body.endswith(b"}") and loads(body) is not None:
                return at, at + len(body)
        return None


def loads(body: bytes) -> object | None:
    """What a lenient reader makes of some JSON; None when it is none."""
    try:
        return json.loads(body.decode(errors="replace"), strict=False)  # type: ignore[no-any-return]
    except (ValueError, RecursionError):
        return None


def cut(data: bytes, *, final: bool, marker: bytes, inside: bytes = b"") -> Cut:
    """The complete records of ``data``, which begins between two records.

    ``marker``: bytes that every record holds. ``inside``: the key of an array; its elements, not the object around it, are the
    records.
    """
    marks = _Marks(data, BETWEEN + b"}" if inside else BETWEEN)
    skips: list[Skip] = []
    found = marks.sound()
    if found is not None:
        starts, ends, rest = found
    else:
        records, skips, rest = marks.by_lines(marker, final=final)
        spans = np.array(records, np.int64).reshape(-1, 2)
        starts, ends = spans[:, 0], spans[:, 1]
    if final and rest < len(data):
        skips.append(Skip(rest, len(data) - rest, _HALF))
        rest = len(data)
    consumed = len(data) if final else max([int(ends[-1]) if len(ends) else 0, *(s.offset + s.length for s in skips)])
    if consumed and not final:  # line ends behind the last record
        stretch = data[consumed : min(rest, consumed + _LOOK)]
        blank = stretch[: len(stretch) - len(stretch.lstrip(BETWEEN))]
        consumed += blank.rfind(b"\n") + 1
    if inside and len(starts):
        starts, ends, damaged = _elements(marks, starts, ends, inside)
        skips += damaged
    return Cut(starts, ends, tuple(skips), consumed)


def _elements(marks: _Marks, starts: Ints, ends: Ints, key: bytes, *, alone: bool = False) -> tuple[Ints, Ints, list[Skip]]:
    """Where an object holds an array under ``key``, the array's objects instead of it; and what of such objects is damaged.

    ``alone``: the data are one object that the marks of the lines around it did not fit.
    """
    pattern = re.compile(b'"' + re.escape(key) + rb'"\s*:\s*\[')
    places = np.array([match.end() for match in pattern.finditer(marks.data)], np.int64)
    owner = np.searchsorted(starts, places, "right") - 1
    good = owner >= 0
    good[good] = places[good] < ends[owner[good]]
    owner, first = np.unique(owner[good], return_index=True)
    places = places[good][first]
    if not len(owner):
        return starts, ends, []
    fits = _fits(marks, starts[owner], ends[owner])
    skips: list[Skip] = []
    odd_starts, odd_ends = [starts[:0]], [ends[:0]]
    for begin, end in [] if alone else zip(starts[owner[~fits]].tolist(), ends[owner[~fits]].tolist(), strict=True):
        # found behind a quote too many in its line
        inner, outer, wrong = _elements(
            _Marks(marks.data[begin:end], BETWEEN + b"}"), np.zeros(1, np.int64), np.array([end - begin]), key, alone=True
        )
        odd_starts.append(inner + begin)
        odd_ends.append(outer + begin)
        skips += [Skip(skip.offset + begin, skip.length, skip.reason) for skip in wrong]
    keep = np.ones(len(starts), np.bool_)
    keep[owner if not alone else owner[fits]] = False
    owner, places = owner[fits], places[fits]
    inner_starts, inner_ends, wrong = _inside(marks, starts[owner], places, ends[owner])
    starts = np.sort(np.concatenate([starts[keep], inner_starts, *odd_starts]))
    return starts, np.sort(np.concatenate([ends[keep], inner_ends, *odd_ends])), skips + wrong


def _fits(marks: _Marks, starts: Ints, ends: Ints) -> Bools:
    """Whether objects begin and end where the braces say so."""
    if not len(marks.braces):
        return np.zeros(len(starts), np.bool_)
    last = len(marks.braces) - 1
    opens = np.minimum(np.searchsorted(marks.braces, starts), last)
    closes = np.minimum(np.searchsorted(marks.braces, ends - 1), last)
    fits: Bools = (
        (marks.braces[opens] == starts)
        & (marks.braces[closes] == ends - 1)
        & (marks.step[opens] == 1)
        & (marks.depth[closes] == marks.depth[opens] - 1)
    )
    return fits


def _inside(marks: _Marks, starts: Ints, places: Ints, ends: Ints) -> tuple[Ints, Ints, list[Skip]]:
    """The objects of arrays that begin at ``places`` inside of objects, and what else is there that should not be."""
    low, high = np.searchsorted(marks.braces, places), np.searchsorted(marks.braces, ends)
    sizes = high - low
    index = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(low, sizes)
    level = marks.depth[index] - np.repeat(marks.depth[low - 1], sizes)
    inner_starts = marks.braces[index[(marks.step[index] == 1) & (level == 1)]]
    inner_ends = marks.braces[index[(marks.step[index] == -1) & (level == 0)]] + 1
    # each array is its begin, objects with blanks between, and its end
    behind = np.sort(np.concatenate([places, inner_ends]))
    lasts = behind[np.searchsorted(behind, ends) - 1]
    brackets = np.append(find_bytes(marks.buffer, 93).astype(np.int64), len(marks.data))
    stops = np.minimum(brackets[np.searchsorted(brackets, lasts)], ends)
    until = np.sort(np.concatenate([inner_starts, stops]))
    bad = ~marks.blank(behind, until)
    spans = [*zip(behind[bad].tolist(), until[bad].tolist(), strict=True)]
    for start, place, stop, end in zip(starts.tolist(), places.tolist(), stops.tolist(), ends.tolist(), strict=True):
        if not _is_envelope(marks.data[start:place], marks.data[stop:end]):
            spans += [(start, place), *([(stop, end)] if stop < end else [])]
    return inner_starts, inner_ends, [Skip(begin, end - begin, DAMAGED) for begin, end in spans]


@lru_cache(maxsize=1024)
def _is_envelope(head: bytes, tail: bytes) -> bool:
    """Whether what stands before and behind an array's objects is one whole object without them."""
    return loads(head + tail) is not None

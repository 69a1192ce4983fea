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
from dataclasses import replace
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

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.buffer: Bytes = np.frombuffer(data, np.uint8)
        self.is_between = np.zeros(256, np.bool_)
        self.is_between[np.frombuffer(BETWEEN, np.uint8)] = True
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
        self.indent, self.head = self._heads()

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
        """For each line how far it is indented, and whether it opens an object with nothing but blanks before."""
        lines = len(self.starts)
        found = self.first[:-1] < self.first[1:]
        place = np.minimum(self.first[:-1], max(len(self.braces) - 1, 0))
        head = np.zeros(lines, np.bool_)
        if len(self.braces):
            column = self.braces[place] - self.starts
            head = found & (self.step[place] == 1) & (column <= _WIDE)
            head[head] = self.blank(self.starts[head], self.starts[head] + column[head])
        indent = np.zeros(lines, np.int64)
        inner = np.arange(lines)
        for _ in range(_WIDE):
            inner = inner[np.isin(self.buffer[self.starts[inner] + indent[inner]], (9, 32))]
            indent[inner] += 1
            inner = inner[self.starts[inner] + indent[inner] < self.ends[inner]]
            if not len(inner):
                break
        return indent, head

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
            if (self.indent[deeper] <= self.indent[np.searchsorted(self.starts, owner, "right") - 1]).any():
                return None
        return opens[: len(closes)], closes, rest

    # -- something is wrong -------------------------------------------------------------------------------------

    def by_lines(self, marker: bytes, *, final: bool) -> tuple[list[tuple[int, int]], int]:
        """Records, and where an unfinished one begins; what else lies before that is none. Damage costs the lines it is in."""
        records: list[tuple[int, int]] = []
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
                    return records, begin
                if found > 0:
                    records += [*zip(opens[:whole].tolist(), closes[:whole].tolist(), strict=True), (begin, found)]
                    at = found
                    continue
            elif last and not final and (size - at < _PATIENCE or b"{" in self.data[at:]):
                return records, at
            inner = self._salvage(at, end, marker)
            if inner is not None:
                records.append(inner)
            at = end
        return records, size

    def _close(self, line: int, high: int, base: int, begin: int) -> int:
        """The end of the object that begins at ``begin`` in a line; 0 when it is torn, -1 when the data end before it does."""
        lines = len(self.starts)
        complete = lines - self.unended
        odd = np.flatnonzero(self.odd[line + 1 : complete]) if line + 1 < complete else np.empty(0, np.int64)
        stop = line + 1 + int(odd[0]) if len(odd) else lines
        other = stop
        width = 64
        for first in self._chunks(line + 1, stop, width):
            hit = np.flatnonzero(self.head[first[0] : first[1]] & (self.indent[first[0] : first[1]] <= self.indent[line]))
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


def cut(data: bytes, *, final: bool, marker: bytes, inside: bytes = b"", own: tuple[bytes, ...] = ()) -> Cut:
    """The complete records of ``data``, which begins between two records.

    ``marker``: bytes that every record holds. ``inside``: the key of an array; its elements, not the object around it, are the
    records. Reading may go on only at the ``seams`` then, for an object without its beginning is none. ``own``: keys that only
    records have; what holds one beside the array is a torn record that swallowed the next object, and no envelope.
    """
    marks = _Marks(data)
    found = marks.sound()
    if found is not None:
        starts, ends, rest = found
    else:
        records, rest = marks.by_lines(marker, final=final)
        spans = np.array(records, np.int64).reshape(-1, 2)
        starts, ends = spans[:, 0], spans[:, 1]
    size = len(data)
    half = rest if rest < size else int(marks.starts[-1]) if marks.unended else size
    consumed = size if final else _dealt_with(data, int(ends[-1]) if len(ends) else 0, rest)
    around: list[tuple[int, int]] = []
    seams = starts
    if inside and len(starts):
        starts, ends, around = _elements(marks, starts, ends, inside, own)
    made = _tiled(marks, starts, ends, around, consumed, half)
    return replace(made, seams=seams) if inside else made


def _dealt_with(data: bytes, last: int, rest: int) -> int:
    """How much of data is dealt with whose last record ends at ``last`` and in which an unfinished one begins at ``rest``: all up
    to there but for blanks, and of these the whole lines."""
    body = data[last:rest]
    end = len(body.rstrip(BETWEEN))
    if not last + end:
        return 0
    return last + max(end, body.rfind(b"\n", end) + 1)


def _tiled(marks: _Marks, starts: Ints, ends: Ints, around: list[tuple[int, int]], consumed: int, half: int) -> Cut:
    """Records, and as skips whatever they leave of the consumed bytes: the one place where it is seen to that nothing gets lost
    and nothing is told twice.

    Blanks between records are no skips (but the line end behind rubbish is), nor is what stands ``around`` them. A record that
    overlaps one before it is none. What begins at ``half`` lacks its end.
    """
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], ends[order]
    if (starts[1:] < ends[:-1]).any():
        kept, reach = [], 0
        for row, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            if start >= reach:
                kept.append(row)
                reach = end
        starts, ends = starts[kept], ends[kept]
    covered = np.concatenate([np.stack([starts, ends], axis=1), np.array(around, np.int64).reshape(-1, 2)])
    covered = covered[np.argsort(covered[:, 0], kind="stable")]
    low = np.maximum.accumulate(np.concatenate([[0], covered[:, 1]]))
    high = np.append(covered[:, 0], consumed)
    gaps = np.flatnonzero(low < high)
    gaps = gaps[~marks.blank(low[gaps], high[gaps])]
    skips = []
    for begin, end in zip(low[gaps].tolist(), high[gaps].tolist(), strict=True):
        for first, stop, reason in ((begin, min(end, half), DAMAGED), (max(begin, half), end, _HALF)):
            if first < stop and (rubbish := marks.data[first:stop].lstrip(BETWEEN)):
                length = len(rubbish if reason == _HALF else rubbish.rstrip(BETWEEN))  # blanks of a half record are its own
                length = rubbish.find(b"\n", length) + 1 or length
                skips.append(Skip(stop - len(rubbish), length, reason))
    return Cut(starts, ends, tuple(skips), consumed)


def _elements(
    marks: _Marks, starts: Ints, ends: Ints, key: bytes, own_keys: tuple[bytes, ...]
) -> tuple[Ints, Ints, list[tuple[int, int]]]:
    """Where objects hold arrays under ``key``, the arrays' objects instead; and what stands around these in sound ones."""
    pattern = re.compile(b'"' + re.escape(key) + rb'"\s*:\s*\[')
    places = np.array([match.end() for match in pattern.finditer(marks.data)], np.int64)
    owner = np.searchsorted(starts, places) - 1  # begins before the place
    good = owner >= 0
    good[good] = places[good] < ends[owner[good]]
    owner, places = owner[good], places[good]
    if not len(owner):
        return starts, ends, []
    fits = _fits(marks, starts, ends)
    holds = np.zeros(len(starts), np.bool_)
    holds[owner] = True
    own = fits[owner]
    none = owner[:0]
    inner_starts, inner_ends, around = (
        _inside(marks, starts, ends, owner[own], places[own], own_keys) if own.any() else (none, none, [])
    )
    found_starts, found_ends = [starts[~holds], inner_starts], [ends[~holds], inner_ends]
    for row in np.flatnonzero(holds & ~fits).tolist():  # found behind a quote too many in its line
        begin, end = int(starts[row]), int(ends[row])
        alone = _Marks(marks.data[begin:end])
        whole = np.zeros(1, np.int64), np.array([end - begin], np.int64)
        if not _fits(alone, *whole)[0]:
            found_starts.append(starts[row : row + 1])
            found_ends.append(ends[row : row + 1])
            continue
        mine = places[owner == row] - begin
        inner_starts, inner_ends, pieces = _inside(alone, *whole, np.zeros(len(mine), np.int64), mine, own_keys)
        found_starts.append(inner_starts + begin)
        found_ends.append(inner_ends + begin)
        around += [(first + begin, last + begin) for first, last in pieces]
    return np.concatenate(found_starts), np.concatenate(found_ends), around


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


def _inside(
    marks: _Marks, starts: Ints, ends: Ints, owner: Ints, places: Ints, own_keys: tuple[bytes, ...]
) -> tuple[Ints, Ints, list[tuple[int, int]]]:
    """The objects of arrays that begin at ``places`` inside of objects; and the pieces around them of all that are one sound
    object without them. ``owner``: the object of each array."""
    until = np.append(places[1:], 0)
    until[np.flatnonzero(np.diff(owner, append=-1))] = ends[np.unique(owner)]
    low, high = np.searchsorted(marks.braces, places), np.searchsorted(marks.braces, until)
    sizes = high - low
    array = np.repeat(np.arange(len(places)), sizes)
    index = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(low, sizes)
    level = marks.depth[index] - marks.depth[low - 1][array]
    # an array ends where the object around it does, if not before
    out = np.flatnonzero(level < 0)
    first_out = np.full(len(places), len(index))
    np.minimum.at(first_out, array[out], out)
    level[np.arange(len(index)) > first_out[array]] = -1
    edge = np.flatnonzero(np.where(marks.step[index] == 1, level == 1, level == 0))  # begins and ends of objects by turns
    begun = np.flatnonzero(marks.step[index[edge]] == 1)
    begun = begun[begun + 1 < len(edge)]
    begun = begun[array[edge[begun]] == array[edge[begun + 1]]]  # another array begins inside of one that has no end
    inner_starts, inner_ends = marks.braces[index[edge[begun]]], marks.braces[index[edge[begun + 1]]] + 1
    # an array ends at the first bracket that is in none of its objects
    behind = np.sort(np.concatenate([places, inner_ends]))
    before = np.sort(np.concatenate([inner_starts, until]))
    brackets = np.append(find_bytes(marks.buffer, 93).astype(np.int64), len(marks.data))
    bracket = brackets[np.searchsorted(brackets, behind)]
    ending = np.flatnonzero(bracket < before)
    ended, first = np.unique(np.searchsorted(places, behind[ending], "right") - 1, return_index=True)
    stops = until.copy()
    stops[ended] = bracket[ending[first]]
    closed = np.zeros(len(places), np.bool_)
    closed[ended] = marks.blank(behind[ending[first]], stops[ended])
    own = inner_starts < stops[np.searchsorted(places, inner_starts, "right") - 1]
    inner_starts, inner_ends = inner_starts[own], inner_ends[own]
    around: list[tuple[int, int]] = []
    edges = np.flatnonzero(np.diff(owner, prepend=-1))
    for number, row in zip(edges.tolist(), owner[edges].tolist(), strict=True):
        last = number + int(np.searchsorted(owner[number:], row, "right"))
        begins = [int(starts[row]), *stops[number:last].tolist()]
        pieces = [*zip(begins, [*places[number:last].tolist(), int(ends[row])], strict=True)]
        if closed[number:last].all() and _is_envelope(b"".join(marks.data[first:end] for first, end in pieces), own_keys):
            around += pieces
    return inner_starts, inner_ends, around


@lru_cache(maxsize=1024)
def _is_envelope(text: bytes, own_keys: tuple[bytes, ...]) -> bool:
    """Whether what stands around the objects of arrays is one whole object without them, and nothing of a record's own."""
    return loads(text) is not None and not any(key in text for key in own_keys)

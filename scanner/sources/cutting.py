"""Cutting quoted logs into records so that text inside a field can never become a record.

A newline ends a record only when an even number of quotes lies before it, counted from a sound record's start. That holds
whatever the fields contain, for a writer doubles every quote inside a field. Damage (a torn record, a lost or stray quote,
rubbish) breaks the count; it is noticed at once because quotes then stand where none may, or a record's head stands where
none should. Reading then goes on at the next *strict* head: one with an opening quote that text inside a field cannot hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from scanner.model import Skip

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

_BLOCK = 1 << 18  # bytes looked at together, to stay in the processor's cache
_MANY = 1 << 20  # positions looked at together, to bound what a text full of quotes costs
MAX_HEAD = 4096
"""No record head is longer (bytes); bounds how much of a piece without any head is held back for the next one."""


@dataclass(frozen=True)
class Grammar:
    """What a format knows about its records. Positions are indexes into the buffer."""

    looks_like_head: Callable[[Bytes, Ints], Bools]
    """Cheap test, for many positions at once: may a record begin here? True for every sound record."""
    is_head: Callable[[bytes, int], bool]
    """Exact test at one position: a head that text inside a quoted field cannot imitate."""
    next_head: Callable[[bytes, int, int], int]
    """First strict head in ``[start, end)``, or -1."""
    is_sound: Callable[[bytes, int, int], bool]
    """Are these bytes one whole record?"""


@dataclass(frozen=True)
class Cut:
    """Complete records of a buffer. ``consumed`` bytes are dealt with, as records or as skips; the rest waits for more."""

    starts: Ints
    ends: Ints  # line end included
    skips: tuple[Skip, ...]  # offsets within the buffer
    consumed: int
    seams: Ints | None = None  # where reading may go on, if not before every record


def find_bytes(buffer: Bytes, wanted: int) -> Ints:
    """Positions of one byte value, ascending."""
    found = []
    for start in range(0, len(buffer), _BLOCK):
        hits = np.flatnonzero(buffer[start : start + _BLOCK] == wanted)
        hits += start
        found.append(hits.astype(np.int32) if len(buffer) < 1 << 31 else hits)
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _rank(sorted_places: Ints, place: int, side: Literal["left", "right"] = "left") -> int:
    """``searchsorted`` for one place, without numpy widening the whole array first."""
    return int(np.searchsorted(sorted_places, sorted_places.dtype.type(place), side=side))


def cut(data: bytes, grammar: Grammar, *, at_end: bool = False, final: bool = False) -> Cut:
    """Cut ``data``, which begins between two records, into its complete records.

    ``at_end``: no more bytes are there now. ``final``: and none will ever come, so a half record at the end is a skip.
    Work is linear in the bytes; damage costs a search each time it occurs.
    """
    return _Cutter(data, grammar).run(at_end=at_end, final=final)


class _Cutter:
    """State of one cut. ``parity`` is that of the number of quotes before the current sound start."""

    def __init__(self, data: bytes, grammar: Grammar) -> None:
        self.data = data
        self.grammar = grammar
        self.buffer: Bytes = np.frombuffer(data, np.uint8)
        self.newlines = find_bytes(self.buffer, 10)
        self.quotes = find_bytes(self.buffer, 34)
        self.odd = (np.searchsorted(self.quotes, self.newlines) & 1).astype(np.bool_)
        blocks = [self.newlines[first : first + _MANY] + 1 for first in range(0, len(self.newlines) + 1, _MANY)]
        self.likely = np.concatenate([grammar.looks_like_head(self.buffer, block) for block in blocks])
        self.nuls = find_bytes(self.buffer, 0) if b"\0" in data else np.empty(0, np.int64)
        self.marks: dict[int, tuple[Ints, Ints]] = {}
        self.strict: dict[int, bool] = {}

    def _marks(self, parity: int) -> tuple[Ints, Ints]:
        """Under this parity: where a record is certainly damaged, and where only if a strict head stands there."""
        if parity not in self.marks:
            size = len(self.data)
            wrong = []
            for first in range(0, len(self.quotes) + 1, _MANY):  # an even number, so the parity of the index stays
                openers = self.quotes[first + parity : first + _MANY : 2]
                closers = self.quotes[first + 1 - parity : first + _MANY : 2]
                before = self.buffer[np.maximum(openers - 1, 0)]
                wrong.append(openers[(before != 44) & (before != 34) | (openers == 0)])
                after = self.buffer[np.minimum(closers + 1, size - 1)]
                wrong.append(closers[(after != 44) & (after != 34) & (after != 10) & (after != 13) & (closers + 1 < size)])
            inside = self.odd ^ bool(parity)
            stray = self.newlines[~inside & ~self.likely] + 1
            certain = np.concatenate([*wrong, stray, self.nuls])
            if len(certain):
                certain.sort()
            self.marks[parity] = certain, self.newlines[inside & self.likely] + 1
        return self.marks[parity]

    def _is_strict(self, position: int) -> bool:
        if position not in self.strict:
            self.strict[position] = self.grammar.is_head(self.data, position)
        return self.strict[position]

    def _next_damage(self, start: int, parity: int) -> int:
        """First sign of damage at or after ``start``; the buffer's length when there is none."""
        certain, perhaps = self._marks(parity)
        index = _rank(certain, start)
        found = int(certain[index]) if index < len(certain) else len(self.data)
        for position in perhaps[_rank(perhaps, start, "right") : _rank(perhaps, found)].tolist():
            if self._is_strict(position) and not self._within_sound(position, start, parity):
                return int(position)
        return found

    def _within_sound(self, position: int, start: int, parity: int) -> bool:
        """Is the head part of a record that is sound as a whole? Then it is text that rubbish after the record completes."""
        low = _rank(self.newlines, start)
        at = _rank(self.newlines, position)
        outside = self.odd[low:] == bool(parity)
        ends = self.newlines[low:]
        before = np.flatnonzero(outside[: at - low])
        begin = int(ends[before[-1]]) + 1 if len(before) else start
        behind = int(np.argmax(outside[at - low :])) if outside[at - low :].any() else -1
        return behind >= 0 and self.grammar.is_sound(self.data, begin, int(ends[at - low + behind]) + 1)

    def _start_is_damaged(self) -> bool:
        """A slice must begin with a strict head; too few bytes to tell is not damage."""
        if self._is_strict(0):
            return False
        return len(self.data) >= MAX_HEAD or bool((~self.odd).any())

    def run(self, *, at_end: bool, final: bool) -> Cut:
        size = len(self.data)
        starts: list[Ints] = []
        ends: list[Ints] = []
        skips: list[tuple[int, int]] = []
        start = 0
        damaged = bool(size) and self._start_is_damaged()
        while True:
            parity = _rank(self.quotes, start) & 1
            damage = start if damaged else self._next_damage(start, parity)
            low, high = _rank(self.newlines, start), _rank(self.newlines, damage)
            line_ends = self.newlines[low:high][self.odd[low:high] == bool(parity)] + 1
            line_starts = np.concatenate([[start], line_ends[:-1]]) if len(line_ends) else line_ends
            rest = int(line_ends[-1]) if len(line_ends) else start
            if damage < size and rest == damage and len(line_ends):
                # What follows this record is no record. Either that is rubbish, or this one is damaged and its "end" is
                # a line end inside its text: only a look at the whole record tells.
                last = int(line_starts[-1])
                if not self.grammar.is_sound(self.data, last, rest):
                    line_ends, line_starts, rest = line_ends[:-1], line_starts[:-1], last
            starts.append(line_starts)
            ends.append(line_ends)
            if damage >= size:
                if final and rest < size:
                    skips.append((rest, size))
                    rest = size
                break
            resume = self.grammar.next_head(self.data, rest + 1, size)
            damaged = False
            if resume < 0:
                give_up = self._give_up(rest, at_end=at_end, final=final)
                if give_up > rest:
                    skips.append((rest, give_up))
                rest = give_up
                break
            skips.append((rest, resume))
            start = resume
        reason = "damaged: not a sound log record (torn, overwritten, or not of this format)"
        return Cut(
            np.concatenate(starts).astype(np.int64),
            np.concatenate(ends).astype(np.int64),
            tuple(Skip(a, b - a, reason if b < size or not final else "the log ends in half a record") for a, b in skips),
            rest,
        )

    def _give_up(self, start: int, *, at_end: bool, final: bool) -> int:
        """How much of a damaged stretch without any further head can be skipped now."""
        size = len(self.data)
        if final:
            return size
        last_line = int(self.newlines[-1]) + 1 if len(self.newlines) else 0
        if last_line > start:
            return last_line
        return start if at_end else max(start, size - MAX_HEAD)

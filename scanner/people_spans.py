"""Intervals of keys laid over each other: how many people they hold together, however often they cross.

Cutting every interval at the bounds of all others would make up to n² pieces of n intervals. Here they are laid onto a line one
after the other, each hiding what lay there before: three pieces an interval, at most, in time that grows as n.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_WORD = 512  # places whose marks are the bits of one number


def sliding_steps(group: Ints, time: Ints, low: Ints, high: Ints, value: Floats, span: int) -> tuple[Ints, Ints, Floats]:
    """By how much the sum of a half-open window ``(t - span, t]`` over each group changes, and when: (row, time, step).

    Row for row: ``group`` numbers, ``time``, an interval of keys ``low`` … ``high`` (both included) and the ``value`` that is
    spread evenly over it. A key weighs what it weighs in the latest row of the window that has it; of rows of one time, in the
    heaviest. Each step names a row of its group.
    """
    weight = value / (high - low + 1)
    order = np.lexsort((weight, time, group))
    rows: list[int] = []
    times: list[int] = []
    steps: list[float] = []

    def note(row: int, when: int, step: float) -> None:
        rows.append(row)
        times.append(when)
        steps.append(step)

    for line, part in _lines(order, group, low, high):
        row = -1
        for row, begin, end in part:
            now, each = int(time[row]), float(weight[row])
            step = each * line.length(begin, end)
            for length, when, hidden in line.lay(begin, end, now, each):
                if now - when < span:
                    step -= hidden * length
                else:
                    note(row, when + span, -hidden * length)
            note(row, now, step)
        for length, when, left in line.pieces():
            note(row, when + span, -left * length)
    return np.array(rows, np.int64), np.array(times, np.int64), np.array(steps, np.float64)


def heaviest(group: Ints, low: Ints, high: Ints, value: Floats) -> tuple[Ints, Floats]:
    """For each group one of its rows, and the sum of ``value`` over its keys, each as it weighs where it weighs most."""
    weight = value / (high - low + 1)
    order = np.lexsort((weight, group))
    rows: list[int] = []
    sums: list[float] = []
    for line, part in _lines(order, group, low, high):
        row = -1
        for row, begin, end in part:
            line.lay(begin, end, 0, float(weight[row]))
        rows.append(row)
        sums.append(sum(length * left for length, _, left in line.pieces()))
    return np.array(rows, np.int64), np.array(sums, np.float64)


def _lines(order: Ints, group: Ints, low: Ints, high: Ints) -> Iterator[tuple[_Line, Iterator[tuple[int, int, int]]]]:
    """A line for each group, and (row, place of its low, place behind its high) of its rows in order."""
    starts = np.flatnonzero(np.append(True, np.diff(group[order]) != 0)) if len(order) else order
    for rows in np.split(order, starts[1:]) if len(order) else ():
        places = np.unique(np.concatenate([low[rows], high[rows] + 1]))
        begins, ends = np.searchsorted(places, low[rows]), np.searchsorted(places, high[rows] + 1)
        yield _Line(places.tolist()), zip(rows.tolist(), begins.tolist(), ends.tolist(), strict=True)


class _Line:
    """Pieces side by side, each with the time and weight of what was laid there last. Places are numbered by their order."""

    def __init__(self, places: list[int]) -> None:
        self._places = places
        size = len(places)
        self._end = [0] * size
        self._time = [0] * size
        self._weight = [0.0] * size
        self._next = [size] * size  # where the next piece begins; behind the last: size
        self._first = size
        self._marks = [0] * (size // _WORD + 1)  # a bit for each place where a piece begins
        self._marked = 0  # a bit for each of ``_marks`` that has one

    def length(self, begin: int, end: int) -> int:
        """Keys between two places."""
        return self._places[end] - self._places[begin]

    def lay(self, begin: int, end: int, time: int, weight: float) -> list[tuple[int, int, float]]:
        """Lay a piece onto the line. Returns what it hides: (length, time, weight)."""
        self._cut(begin)
        hidden = []
        piece = begin
        while piece < end:
            if self._end[piece] > end:
                self._split(piece, end)
            until, behind = self._end[piece], self._next[piece]
            if until > piece:
                hidden.append((self.length(piece, until), self._time[piece], self._weight[piece]))
            if piece != begin:
                self._unmark(piece)
            piece = behind
        self._end[begin], self._time[begin], self._weight[begin], self._next[begin] = end, time, weight, piece
        return hidden

    def pieces(self) -> Iterator[tuple[int, int, float]]:
        """What lies on the line: (length, time, weight)."""
        piece = self._first
        while piece < len(self._places):
            yield self.length(piece, self._end[piece]), self._time[piece], self._weight[piece]
            piece = self._next[piece]

    def _cut(self, place: int) -> None:
        """Let a piece begin at a place: the rest of the one that lies there, or an empty one."""
        before = self._at_or_before(place)
        if before == place:
            return
        if before < 0:
            self._next[place], self._first = self._first, place
            self._end[place] = place
            self._mark(place)
        else:
            self._split(before, place)

    def _split(self, piece: int, place: int) -> None:
        self._end[place] = max(self._end[piece], place)
        self._end[piece] = min(self._end[piece], place)
        self._time[place], self._weight[place] = self._time[piece], self._weight[piece]
        self._next[place], self._next[piece] = self._next[piece], place
        self._mark(place)

    # -- where pieces begin: found in a few steps, however many there are ----------------------------------------------

    def _mark(self, place: int) -> None:
        word, bit = divmod(place, _WORD)
        self._marks[word] |= 1 << bit
        self._marked |= 1 << word

    def _unmark(self, place: int) -> None:
        word, bit = divmod(place, _WORD)
        self._marks[word] &= ~(1 << bit)
        if not self._marks[word]:
            self._marked &= ~(1 << word)

    def _at_or_before(self, place: int) -> int:
        word, bit = divmod(place, _WORD)
        marks = self._marks[word] & ((2 << bit) - 1)
        if not marks:
            earlier = self._marked & ((1 << word) - 1)
            if not earlier:
                return -1
            word = earlier.bit_length() - 1
            marks = self._marks[word]
        return word * _WORD + marks.bit_length() - 1


__all__ = ["heaviest", "sliding_steps"]

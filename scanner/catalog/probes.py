"""Sampling by key, for engines that cannot sample blocks: rows at many places of an index, never the head, never all.

The key's range is cut into equal parts and a few rows are read where each begins. Keys are seldom spread evenly: a part that
holds most of the rows, by the density met there, is cut again. Each probe is one descent of the index, whatever the table's size,
and the places are the same at every scan, so that the verdicts are too.
"""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from scanner.catalog.reading import KeyHits, RawColumn
from scanner.catalog.recognizers import TypeKind

PARTS = 64  # places a range is probed at
_DEEPEST = 12  # how often a crowded part is cut again
_CHARS = 8  # characters of a text key that tell places apart
_DAY_ONE = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - columns without a time zone


@dataclass(frozen=True)
class KeySpace:
    """Keys as numbers and back, in the order of the index (roughly, for text)."""

    number: Callable[[Any], float | int]
    key: Callable[[float | int], Any]


def _text_space(low: str, high: str) -> KeySpace:
    shared = 0
    while shared < min(len(low), len(high)) and low[shared] == high[shared]:
        shared += 1
    prefix, letters = low[:shared], low[shared : shared + _CHARS] + high[shared : shared + _CHARS]
    bottom, top = min(map(ord, letters), default=48), max(map(ord, letters), default=57)
    base = top - bottom + 2  # 0 stands for "ends here"

    def number(value: Any) -> int:
        total = 0
        for i in range(shared, shared + _CHARS):
            letter = ord(str(value)[i]) if i < len(str(value)) else bottom - 1
            total = total * base + min(max(letter - bottom + 1, 0), base - 1)
        return total

    def key(place: float | int) -> str:
        rest, codes = int(place), []
        for _ in range(_CHARS):
            rest, code = divmod(rest, base)
            codes.append(code)
        text = ""
        for code in reversed(codes):
            if code == 0:
                break
            letter = bottom + code - 1
            text += chr(letter if not 0xD800 <= letter < 0xE000 else 0xD7FF)
        return prefix + text

    return KeySpace(number, key)


def key_space(low: Any, high: Any) -> KeySpace | None:
    """How to walk between two keys; None for kinds of keys that have no places in between."""
    if isinstance(low, bool) or low is None or high is None:
        return None
    if isinstance(low, int) and isinstance(high, int):
        return KeySpace(int, int)
    if isinstance(low, decimal.Decimal | float):
        return KeySpace(int, int)
    if isinstance(low, uuid.UUID):
        return KeySpace(lambda v: v.int, lambda n: uuid.UUID(int=int(n)))
    if isinstance(low, dt.datetime):
        if low.tzinfo is not None:
            return None
        return KeySpace(lambda v: (v - _DAY_ONE).total_seconds(), lambda n: _DAY_ONE + dt.timedelta(seconds=float(n)))
    if isinstance(low, dt.date):
        return KeySpace(lambda v: v.toordinal(), lambda n: dt.date.fromordinal(int(n)))
    if isinstance(low, bytes) and isinstance(high, bytes):
        return KeySpace(lambda v: int.from_bytes(v[:8].ljust(8, b"\0"), "big"), lambda n: int(n).to_bytes(8, "big"))
    return _text_space(low, high) if isinstance(low, str) and isinstance(high, str) else None


@dataclass
class Probed:
    """Rows read (without their key), and how many there are by the density of whole-number keys."""

    rows: list[Any] = field(default_factory=list, repr=False)
    estimate: float | None = None
    probes: int = 0


def key_hits(connection: sa.Connection, table: sa.FromClause, column: RawColumn, values: Sequence[str]) -> KeyHits:
    """How many of the values a unique column holds; of a column of numbers, its range too."""
    field: sa.ColumnElement[Any] = table.c[column.name]
    if column.kind is TypeKind.UUID:
        field = sa.type_coerce(field, sa.Uuid())
        asked: list[Any] = [uuid.UUID(v) for v in values]
    elif column.kind is TypeKind.TEXT:
        asked = list(values)
    else:
        asked = [int(float(v)) for v in values]
    found = connection.scalar(sa.select(sa.func.count()).select_from(table).where(field.in_(asked))) or 0
    if column.kind in (TypeKind.UUID, TypeKind.TEXT):
        return KeyHits(found)
    low, high = (connection.scalar(sa.select(end(field)).select_from(table)) for end in (sa.func.min, sa.func.max))
    return KeyHits(found) if low is None or high is None else KeyHits(found, int(low), int(high))


def probe(
    connection: sa.Connection, table: sa.FromClause, fields: list[sa.ColumnElement[Any]], key: str, wanted: int
) -> Probed | None:
    """About ``wanted`` rows spread over the whole index on ``key``; None when its keys cannot be walked."""
    column = table.c[key]
    low = connection.scalar(sa.select(column).where(column.is_not(None)).order_by(column).limit(1))
    high = connection.scalar(sa.select(column).where(column.is_not(None)).order_by(column.desc()).limit(1))
    space = key_space(low, high)
    if space is None:
        return None
    walk = _Walk(connection, table, fields, column, space)
    walk.cut(space.number(low), space.number(high), wanted, 0)
    if len(walk.found.rows) < wanted // 2:  # few places were told apart: more rows at each
        again = _Walk(connection, table, fields, column, space)
        again.cut(space.number(low), space.number(high), min(20 * wanted, wanted * wanted // max(1, len(walk.found.rows))), 0)
        walk = again
    found = walk.found
    found.estimate = walk.total if isinstance(low, int) else None
    found.rows = found.rows[: wanted * 3]
    return found


class _Walk:
    """One walk over one index."""

    def __init__(
        self,
        connection: sa.Connection,
        table: sa.FromClause,
        fields: list[sa.ColumnElement[Any]],
        column: sa.ColumnElement[Any],
        space: KeySpace,
    ) -> None:
        self._connection = connection
        self._query = sa.select(column, *fields).select_from(table).order_by(column)
        self._column = column
        self._space = space
        self.found = Probed()
        self.total = 0.0

    def cut(self, low: float | int, high: float | int, wanted: int, depth: int) -> None:
        """Probe the parts of ``[low, high]``; a part that holds half of the rows is cut again."""
        width = (high - low) / PARTS
        each = max(2, wanted // PARTS)
        parts: list[tuple[float, float | int, float | int, list[Any]]] = []
        beyond: float | int | None = None
        for i in range(PARTS):
            # whole numbers stay whole: keys beyond 2**53 do not fit a float
            start = low + (high - low) * i // PARTS if isinstance(low, int) else low + width * i
            end = low + (high - low) * (i + 1) // PARTS if isinstance(low, int) else low + width * (i + 1)
            if beyond is not None and end < beyond:
                continue  # the last probe showed that nothing is here
            if i and start == end:
                continue
            rows = self._rows(start, each)
            if not rows:
                break
            first, last = self._space.number(rows[0][0]), self._space.number(rows[-1][0])
            if first >= end and i < PARTS - 1:
                beyond = first
                continue
            beyond = last if last >= end else None
            inside = [r for r in rows if self._space.number(r[0]) <= end or i == PARTS - 1]
            covered = max(last - first + 1, 1)
            dense = len(rows) / covered if len(rows) == each else len(rows) / max(end - start + 1, 1)
            held = max(float(len(inside)), dense * max(end - max(start, first), 1)) if len(rows) == each else float(len(inside))
            parts.append((held, start, end, inside))
        whole = sum(p[0] for p in parts)
        for held, start, end, inside in parts:
            crowded = held > 0.5 * whole and held > 4 * each and len(parts) <= PARTS // 2
            if crowded and depth < _DEEPEST and end - start > PARTS:
                self.cut(start, end, wanted, depth + 1)
                continue
            self.total += held
            self.found.rows.extend(r[1:] for r in inside)

    def _rows(self, start: float | int, each: int) -> list[Any]:
        self.found.probes += 1
        return list(self._connection.execute(self._query.where(self._column >= self._space.key(start)).limit(each)).all())

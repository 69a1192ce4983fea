"""Timestamps as PostgreSQL and its relatives log them: ``2026-11-22 16:45:05.795 KST``, to UTC.

An abbreviation names no zone (IST is three of them), so it is trusted only where it is plain: UTC, GMT, and offsets in
digits. Any other means "the zone this source is configured to have"; in the hour that a clock is set back, the abbreviation
tells which of the two it was.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt

from scanner.errors import ConfigError

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

STAMP = 24
"""Bytes of ``YYYY-MM-DD HH:MM:SS.mmm `` with its blank; the zone follows."""

_PUNCTUATION = np.array([4, 7, 10, 13, 16, 19, 23])
_MARKS = np.frombuffer(b"-- ::. ", np.uint8)
_DIGITS = np.array([i for i in range(STAMP) if i not in _PUNCTUATION.tolist()])
_OFFSET = re.compile(rb"<?([+-])(\d\d):?(\d\d)?(?::?(\d\d))?>?\Z")
_ABBREVIATION = re.compile(rb"[A-Za-z][A-Za-z0-9_/+-]{0,31}\Z")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall-clock arithmetic


def words(buffer: Bytes, positions: Ints) -> npt.NDArray[np.uint64]:
    """Eight bytes at each position as one little-endian number. ``position + 8 <= len(buffer)``; shape of ``positions``."""
    return np.ndarray((len(buffer) - 7,), "<u8", buffer, 0, (1,))[positions]


def stamps(buffer: Bytes, positions: Ints) -> Bytes:
    """The 24 bytes at each position, shape (n, 24)."""
    out = np.empty((len(positions), 3), "<u8")
    for column in range(3):
        out[:, column] = words(buffer, positions + 8 * column)
    return out.view(np.uint8).reshape(len(positions), STAMP)


def looks_like_stamp(buffer: Bytes, positions: Ints) -> Bools:
    """Which positions begin with a timestamp, by digits and punctuation. Too close to the end to tell counts as yes."""
    result = np.ones(len(positions), np.bool_)
    known = positions + STAMP <= len(buffer)
    cells = stamps(buffer, positions[known])
    # The one cell that ordinary text rarely has is looked at first
    result[known] = (cells[:, _PUNCTUATION] == _MARKS).all(axis=1) & ((cells[:, _DIGITS] - 48) <= 9).all(axis=1)
    return result


def wall_clock(cells: Bytes) -> tuple[Ints, Bools]:
    """Microseconds since 1970 on the wall clock for cells of shape (n, 24), and which of them are dates that exist."""
    digit = (cells - 48).astype(np.int64)
    ok: Bools = (cells[:, _PUNCTUATION] == _MARKS).all(axis=1) & ((cells[:, _DIGITS] - 48) <= 9).all(axis=1)

    def number(*places: int) -> Ints:
        value = digit[:, places[0]]
        for place in places[1:]:
            value = value * 10 + digit[:, place]
        return value

    year, month, day = number(0, 1, 2, 3), number(5, 6), number(8, 9)
    hour, minute, second, milli = number(11, 12), number(14, 15), number(17, 18), number(20, 21, 22)
    ok &= (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60) & (second <= 60) & (year >= 1970)
    months = np.where(ok, (year - 1970) * 12 + month - 1, 0)
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    length = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - first
    ok &= day <= length
    micros = ((((first + day - 1) * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + milli * 1000
    return np.where(ok, micros, 0), ok


def zones(buffer: Bytes, positions: Ints) -> tuple[npt.NDArray[np.int32], list[bytes]]:
    """The zone text from each position up to the next comma: an index per position (-1: none) and the distinct texts."""
    index = np.full(len(positions), -1, np.int32)
    texts: list[bytes] = []
    left = np.arange(len(positions))
    size = len(buffer)
    while len(left) and len(texts) < 256:  # each turn deals with one distinct zone; a sound log has one or two
        start = int(positions[left[0]])
        text = buffer[start : start + 48].tobytes().partition(b",")[0]
        if len(text) == min(48, size - start):
            left = left[1:]
            continue
        same = np.ones(len(left), np.bool_)
        for place, byte in enumerate(text + b","):
            same &= buffer[np.minimum(positions[left] + place, size - 1)] == byte
        index[left[same]] = len(texts)
        texts.append(text)
        left = left[~same]
    return index, texts


def to_utc(
    micros: Ints, zone_index: npt.NDArray[np.int32], texts: list[bytes], home: ZoneInfo
) -> tuple[Ints, Bools, frozenset[str]]:
    """Wall-clock microseconds to UTC. Returns them, which of them could be read, and the abbreviations unknown to ``home``."""
    utc = micros.copy()
    ok = zone_index >= 0
    strangers: set[str] = set()
    for number, text in enumerate(texts):
        chosen = np.flatnonzero(zone_index == number)
        if text in (b"UTC", b"GMT", b"Z", b"UCT"):
            continue
        if match := _OFFSET.match(text):
            sign = 1 if match[1] == b"+" else -1
            seconds = int(match[2]) * 3600 + int(match[3] or 0) * 60 + int(match[4] or 0)
            utc[chosen] -= sign * seconds * 1_000_000
        elif _ABBREVIATION.match(text):
            shift, named = _home_offsets(micros[chosen], text.decode(), home)
            utc[chosen] -= shift
            if not named:
                strangers.add(text.decode())
        else:
            ok[chosen] = False
    return utc, ok, frozenset(strangers)


def _home_offsets(micros: Ints, name: str, home: ZoneInfo) -> tuple[Ints, bool]:
    """Offset of ``home`` from UTC in microseconds at each wall-clock time, and whether it ever called itself ``name`` there.

    Looked up once a distinct minute: rules change at whole minutes.
    """
    minutes = micros // 60_000_000
    edges = np.flatnonzero(np.diff(minutes, prepend=minutes[0] - 1)) if len(minutes) else np.empty(0, np.int64)
    seen: dict[int, int] = {}
    named = False
    run_offsets = np.empty(len(edges), np.int64)
    for run, edge in enumerate(edges.tolist()):
        minute = int(minutes[edge])
        if minute not in seen:
            local = (_EPOCH + timedelta(minutes=minute)).replace(tzinfo=home)
            later = local.replace(fold=1)
            pick = later if local.tzname() != name and later.tzname() == name else local
            named = named or pick.tzname() == name
            offset = pick.utcoffset() or timedelta()
            seen[minute] = int(offset / timedelta(microseconds=1))
        run_offsets[run] = seen[minute]
    lengths = np.diff(edges, append=len(minutes))
    return np.repeat(run_offsets, lengths), named


def zone(key: str) -> ZoneInfo:
    """The zone of an IANA key such as ``Asia/Seoul``. Raises ConfigError."""
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(f"time_zone {key!r} is not a known time zone", "use an IANA name such as Asia/Seoul or UTC") from error

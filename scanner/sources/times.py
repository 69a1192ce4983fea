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
Words = npt.NDArray[np.uint64]

STAMP = 24
"""Bytes of ``YYYY-MM-DD HH:MM:SS.mmm `` with its blank; the zone follows."""

# "YYYY-MM-", "DD HH:MM", ":SS.mmm ": three words, each checked for its marks and its digits at once
_FORM = (b"0000-00-", b"00 00:00", b":00.000 ")
_MARKS = [np.uint64(int.from_bytes(bytes(c if c != 48 else 0 for c in form), "little")) for form in _FORM]
_MARK_BITS = [np.uint64(int.from_bytes(bytes(255 if c != 48 else 0 for c in form), "little")) for form in _FORM]
_HIGH = [np.uint64(int.from_bytes(bytes(0xF0 if c == 48 else 0 for c in form), "little")) for form in _FORM]
_ZEROS = [np.uint64(int.from_bytes(bytes(0x30 if c == 48 else 0 for c in form), "little")) for form in _FORM]
_SIX = [np.uint64(int.from_bytes(bytes(6 if c == 48 else 0 for c in form), "little")) for form in _FORM]
_OFFSET = re.compile(rb"<?([+-])(\d\d):?(\d\d)?(?::?(\d\d))?>?\Z")
_ABBREVIATION = re.compile(rb"[A-Za-z][A-Za-z0-9_/+-]{0,31}\Z")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall-clock arithmetic


def words(buffer: Bytes, positions: Ints) -> Words:
    """Eight bytes at each position as one little-endian number. ``position + 8 <= len(buffer)``; shape of ``positions``."""
    if not len(positions):
        return np.empty(0, np.uint64)
    return np.ndarray((len(buffer) - 7,), "<u8", buffer, 0, (1,))[positions]


def _has_form(word: Words, part: int) -> Bools:
    """Digits where digits belong and marks where marks belong. Adding 6 to a digit above 9 changes its high half."""
    digits: Bools = ((word & _HIGH[part]) == _ZEROS[part]) & (
        ((word & ~_MARK_BITS[part]) + _SIX[part]) & _HIGH[part] == _ZEROS[part]
    )
    digits &= (word & _MARK_BITS[part]) == _MARKS[part]
    return digits


def looks_like_stamp(buffer: Bytes, positions: Ints) -> Bools:
    """Which positions begin with a timestamp, by digits and marks. Too close to the end to tell counts as yes."""
    count = int(np.searchsorted(positions, len(buffer) - STAMP, side="right"))  # positions ascend
    left = np.arange(count)
    for part in range(3):
        left = left[_has_form(words(buffer, positions[left] + 8 * part), part)]
    result = np.zeros(len(positions), np.bool_)
    result[left] = True
    result[count:] = True
    return result


def _digit(word: Words, place: int) -> Ints:
    return ((word >> np.uint64(8 * place)) & np.uint64(15)).astype(np.int64)


def wall_clock(buffer: Bytes, positions: Ints) -> tuple[Ints, Bools]:
    """Microseconds since 1970 on the wall clock for the timestamps at ``positions``, and which of them exist.

    Date, hour and minute are worked out once a run of equal ones.
    """
    fits = positions + STAMP <= len(buffer)
    if not fits.all():
        micros, sound = np.zeros(len(positions), np.int64), np.zeros(len(positions), np.bool_)
        micros[fits], sound[fits] = wall_clock(buffer, positions[fits])
        return micros, sound
    if not len(positions):
        return np.empty(0, np.int64), np.empty(0, np.bool_)
    date, minute, second = (words(buffer, positions + 8 * part) for part in range(3))
    edge = np.ones(len(positions), np.bool_)
    edge[1:] = (date[1:] != date[:-1]) | (minute[1:] != minute[:-1])
    firsts = np.flatnonzero(edge)
    base, ok = _minutes(date[firsts], minute[firsts])
    run = np.cumsum(edge) - 1
    seconds = _digit(second, 1) * 10 + _digit(second, 2)
    millis = _digit(second, 4) * 100 + _digit(second, 5) * 10 + _digit(second, 6)
    sound = ok[run] & _has_form(second, 2) & (seconds <= 60)
    return np.where(sound, base[run] + seconds * 1_000_000 + millis * 1000, 0), sound


def _minutes(date: Words, minute: Words) -> tuple[Ints, Bools]:
    ok = _has_form(date, 0) & _has_form(minute, 1)
    year = _digit(date, 0) * 1000 + _digit(date, 1) * 100 + _digit(date, 2) * 10 + _digit(date, 3)
    month = _digit(date, 5) * 10 + _digit(date, 6)
    day = _digit(minute, 0) * 10 + _digit(minute, 1)
    hours = _digit(minute, 3) * 10 + _digit(minute, 4)
    minutes = _digit(minute, 6) * 10 + _digit(minute, 7)
    ok &= (month >= 1) & (month <= 12) & (day >= 1) & (hours < 24) & (minutes < 60) & (year >= 1970)
    months = np.where(ok, (year - 1970) * 12 + month - 1, 0)
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    length = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - first
    ok &= day <= length
    return (((first + day - 1) * 24 + hours) * 60 + minutes) * 60_000_000, ok


def zones(buffer: Bytes, positions: Ints, end: bytes = b",") -> tuple[npt.NDArray[np.int32], list[bytes]]:
    """The zone text from each position up to the next ``end``: an index per position (-1: none) and the distinct texts."""
    index = np.full(len(positions), -1, np.int32)
    texts: list[bytes] = []
    left = np.arange(len(positions))
    size = len(buffer)
    while len(left) and len(texts) < 256:  # each turn deals with one distinct zone; a sound log has one or two
        start = int(positions[left[0]])
        text, found, _ = buffer[start : start + 48].tobytes().partition(end)
        if not found:
            left = left[1:]
            continue
        whole = text + end
        same = np.ones(len(left), np.bool_)
        if len(whole) <= 8 and positions[left].max() + 8 <= size:
            bits = np.uint64((1 << 8 * len(whole)) - 1)
            same = (words(buffer, positions[left]) & bits) == np.uint64(int.from_bytes(whole, "little"))
        else:
            for place, byte in enumerate(whole):
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

"""Local time of events, and weekly windows with holidays, in numpy: zones and holidays are asked once per local day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scanner.config import Hours, Maintenance

_SECONDS_A_DAY = 86_400
_FIRST_DAY = (date(1, 1, 3) - date(1970, 1, 1)).days  # what datetime can hold in any zone
_LAST_DAY = (date(9999, 12, 29) - date(1970, 1, 1)).days

Days = npt.NDArray[np.int32]
Minutes = npt.NDArray[np.int16]


class LocalTime(NamedTuple):
    """Wall-clock time of each event in its party's zone."""

    day: Days  # days since 1970-01-01
    minute: Minutes  # of the day
    weekday: npt.NDArray[np.int8]  # 0 Monday
    unknown: npt.NDArray[np.bool_]  # the event has no time; the rest then means 1970-01-01 00:00 UTC


def local_time(times: pa.Array, party: npt.NDArray[np.int16], zones: list[str]) -> LocalTime:
    """Local time of UTC microseconds; ``zones[party]`` is the zone of an event."""
    unknown = times.is_null().to_numpy(zero_copy_only=False)
    utc = times.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False) // 1_000_000
    utc = utc.clip(_FIRST_DAY * _SECONDS_A_DAY, (_LAST_DAY + 1) * _SECONDS_A_DAY - 1)
    distinct = list(dict.fromkeys(zones))
    if len(distinct) == 1:
        local = utc + _offsets(utc, ZoneInfo(distinct[0]))
    else:
        which = np.array([distinct.index(zone) for zone in zones])[party]
        local = np.empty_like(utc)
        for number, zone in enumerate(distinct):
            rows = which == number
            local[rows] = utc[rows] + _offsets(utc[rows], ZoneInfo(zone))
    day = local // _SECONDS_A_DAY
    minute = (local - day * _SECONDS_A_DAY) // 60
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday
    return LocalTime(day.astype(np.int32), minute.astype(np.int16), weekday.astype(np.int8), unknown)


def _offsets(utc: npt.NDArray[np.int64], zone: ZoneInfo) -> npt.NDArray[np.int64] | int:
    """Offset from UTC in seconds at each time. Asks the zone once a day, and searches the second of a change."""

    def offset(second: int) -> int:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
        return int((moment.astimezone(zone).utcoffset() or timedelta()).total_seconds())

    starts: list[int] = []
    offsets: list[int] = []
    for day in _distinct(utc // _SECONDS_A_DAY):
        low, high = day * _SECONDS_A_DAY, (day + 1) * _SECONDS_A_DAY
        before, after = offset(low), offset(high)
        if not offsets or offsets[-1] != before:
            starts.append(low)
            offsets.append(before)
        if before != after:
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == before else (low, middle)
            starts.append(high)
            offsets.append(after)
    if len(offsets) <= 1:
        return offsets[0] if offsets else 0
    return np.array(offsets)[np.searchsorted(np.array(starts), utc, side="right") - 1]


def _distinct(values: npt.NDArray[np.int64] | Days) -> list[int]:
    return sorted(pa.array(values).unique().to_pylist())


class Window:
    """Answers which local times lie in weekly hours. ``[from, to)``; overnight hours belong to the day they begin on."""

    def __init__(self, hours: Hours) -> None:
        self._hours = hours

    def contains(self, day: Days, minute: Minutes) -> npt.NDArray[np.bool_]:
        """Whether each (local day since 1970-01-01, minute of the day) is inside."""
        if len(day) == 0:
            return np.zeros(0, dtype=np.bool_)
        begin, end = self._hours.from_, self._hours.to
        first, last = int(day.min()) - 1, int(day.max())
        open_days = self._open_days(first, last, day)
        today = open_days[day - first]
        if begin < end:
            return today & (minute >= begin) & (minute < end)
        return (today & (minute >= begin)) | (open_days[day - first - 1] & (minute < end))

    def _open_days(self, first: int, last: int, day: Days) -> npt.NDArray[np.bool_]:
        numbers = np.arange(first, last + 1)
        result = np.isin((numbers + 3) % 7, self._hours.days)
        for closed in self._closed(day):
            if first <= closed <= last:
                result[closed - first] = False
        return result

    def _closed(self, day: Days) -> set[int]:
        """Holidays of the years at hand, as days since 1970-01-01."""
        epoch = date(1970, 1, 1)
        calendar_days = [epoch + timedelta(days=number) for number in _distinct(day)] if self._hours.holidays else []
        years = {near.year for when in calendar_days for near in (when, when - timedelta(days=1))}
        return {(when - epoch).days for when in _dates(self._hours, years)}


class DatesWindow(Window):
    """As :class:`Window`, but open on given dates alone when there are any."""

    def __init__(self, window: Maintenance) -> None:
        super().__init__(window)
        self._on = sorted((when - date(1970, 1, 1)).days for when in window.on)

    def _open_days(self, first: int, last: int, day: Days) -> npt.NDArray[np.bool_]:
        if not self._on:
            return super()._open_days(first, last, day)
        return np.isin(np.arange(first, last + 1), self._on)


def holidays_near(hours: Hours, days: pa.ChunkedArray) -> set[date]:
    """Holidays of the years of ``days`` (date32) and of those next to them."""
    bounds = pc.min_max(days).as_py()
    if bounds["min"] is None or not hours.holidays:
        return set()
    return _dates(hours, set(range(bounds["min"].year - 1, bounds["max"].year + 2)))


def _dates(hours: Hours, years: set[int]) -> set[date]:
    closed: set[date] = set()
    if hours.holidays:
        import holidays  # loaded where holidays are configured
    for word in hours.holidays:
        if word[:1].isdigit():
            closed.add(date.fromisoformat(word))
        else:
            country, _, region = word.partition("-")
            closed.update(holidays.country_holidays(country, subdiv=region or None, years=sorted(years)))
    return closed

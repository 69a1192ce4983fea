"""Habit columns of the events of one slice, in log order. Events stay in columns; only what is distinct in a slice (accounts,
pairs of account and address, days) passes through Python."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scanner.arrays import Bools, Ints, coded, mask
from scanner.habits.state import MOST_VALUES, VENDOR, Day, Habits, Usual
from scanner.habits.usual import LEARN_DAYS, LEAST, TIMES, TIMES_IN_SEASON, middle_and_spread, near_month_end, seasons, usual
from scanner.habits_people import newly_read

DAY_US = 86_400_000_000
SETTLED_US = DAY_US  # an account's very first day teaches what is usual; "first seen" is told from then on
NEW_US = 7 * DAY_US  # how long something is new, and how long an account must be known before anything is

Floats = npt.NDArray[np.float64]

HABIT_SCHEMA = pa.schema(
    [
        ("baseline_z", pa.float64()),
        ("habit_source", pa.string()),
        ("habit_times", pa.float64()),
        ("statement_times", pa.float64()),
        ("in_season", pa.bool_()),
        ("days_above_habit", pa.int64()),
        ("excess_persons", pa.int64()),
        ("vendor_z", pa.float64()),
        ("vendor_times", pa.float64()),
        ("vendor_days_above_habit", pa.int64()),
        ("vendor_excess_persons", pa.int64()),
        ("first_seen_shape", pa.bool_()),
        ("first_seen_ip", pa.bool_()),
        ("first_seen_app", pa.bool_()),
        ("first_seen_table", pa.bool_()),
        ("novelty", pa.list_(pa.string())),
        ("dormant_days", pa.float64()),
    ]
)
WHATS = ("shape", "ip", "app", "table", "hour")


@dataclass(frozen=True)
class Learnt:
    """Habit columns of every event (HABIT_SCHEMA), and what changed in the habits."""

    columns: pa.Table
    accounts: tuple[str, ...]
    seen: tuple[tuple[str, str, str, int], ...]  # account, what, value, first time in microseconds
    days: tuple[tuple[str, int], ...]  # account (or VENDOR + vendor), local day


def learn(events: pa.Table, habits: Habits, holidays: Set[date] = frozenset()) -> Learnt:
    """Habit columns of ``events``; ``habits`` is brought up to date in place.

    ``events`` needs time, account, vendor, shape, client_ip, app_name, tables, day_local, hour_local, weekday_local,
    exposed_rows, exposed_persons, agreed_export, in log order; slices come in log order too. ``holidays``: of the company.
    """
    account, names = _encoded(events["account"])
    vendor, keys = _encoded(events["vendor"])
    owned = np.flatnonzero((account >= 0) & (vendor >= 0))
    for pair in pc.unique(pa.array(account[owned] * max(len(keys), 1) + vendor[owned])).to_pylist():
        habits.vendors[names[pair // len(keys)]] = keys[pair % len(keys)]
    time = _ints(events["time"])
    spans, previous = _spans(account, names, time, habits)
    first = np.array([span[0] for span in spans] + [np.iinfo(np.int64).max], np.int64)
    flags, novelty, fresh = _seen(events, account, names, time, first, habits)

    newly, habits.read = newly_read(events, habits.read)
    agreed = mask(events["agreed_export"])
    persons = np.where(agreed, 0, newly)
    statement = np.where(agreed, 0, _ints(events["exposed_persons"]))
    day, dated = _ints(events["day_local"]), _valid(events["day_local"])
    measures = _Measures(day, dated, persons, statement, _ints(events["exposed_rows"]))
    busy = seasons(holidays)
    days, place = np.unique(measures.day, return_inverse=True)
    season = np.array([day in busy or near_month_end(day) for day in days.tolist()], np.bool_)[place] & measures.dated
    own = _judge(account, names, measures, habits, busy)
    whole = _judge(vendor, [VENDOR + key for key in keys], measures, habits, busy)
    dormant = np.where(previous >= 0, np.maximum(time - previous, 0) / DAY_US, np.nan)
    columns = pa.table(
        [
            _nullable(own.z), pa.array(own.source), _nullable(own.times), _nullable(own.statement), pa.array(season),
            pa.array(own.above), pa.array(own.excess),
            _nullable(whole.z), _nullable(whole.times), pa.array(whole.above), pa.array(whole.excess),
            *(pa.array(flags[what]) for what in WHATS[:4]), novelty, _nullable(dormant),
        ],
        schema=HABIT_SCHEMA,
    )  # fmt: skip
    return Learnt(columns, tuple(names), tuple(fresh), own.days + whole.days)


# -- spans and first times ------------------------------------------------------------------------------------------


def _spans(account: Ints, names: list[str], time: Ints, habits: Habits) -> tuple[list[tuple[int, int]], Ints]:
    """First (logged) and latest event of each account with this slice; for each event the latest one before it (or -1)."""
    order = np.argsort(account, kind="stable")
    order = order[account[order] >= 0]
    mine, at = account[order], time[order]
    begins = np.flatnonzero(np.append(True, mine[1:] != mine[:-1])) if len(order) else order
    before = np.empty(len(order), np.int64)
    known = [habits.spans.get(name) for name in names]
    # logs are in time order but for the odd millisecond: what counts is the latest event logged before
    for begin, end in pairwise([*begins.tolist(), len(order)]):
        before[begin] = span[1] if (span := known[mine[begin]]) else -1
        before[begin + 1 : end] = np.maximum(np.maximum.accumulate(at[begin : end - 1]), before[begin])
    previous = np.full(len(account), -1, np.int64)
    previous[order] = before
    spans: list[tuple[int, int]] = [(0, 0)] * len(names)
    if len(order):
        highs = np.maximum.reduceat(at, begins)
        for code, low, high in zip(mine[begins].tolist(), at[begins].tolist(), highs.tolist(), strict=True):
            old = known[code]
            spans[code] = (old[0], max(high, old[1])) if old else (low, high)
            habits.spans[names[code]] = spans[code]
    return spans, previous


def _seen(
    events: pa.Table, account: Ints, names: list[str], time: Ints, first: Ints, habits: Habits
) -> tuple[dict[str, Bools], pa.Array, list[tuple[str, str, str, int]]]:
    """Flags of the events in which an account does something for the first time; what of each event is new to its account
    since less than a week (only once the account is known for a week); and the new entries of ``habits.seen``."""
    flags: dict[str, Bools] = {}
    fresh: list[tuple[str, str, str, int]] = []
    bits = np.zeros(len(account), np.uint8)
    columns = {"shape": events["shape"], "ip": events["client_ip"], "app": events["app_name"], "table": events["tables"],
               "hour": _slots(events)}  # fmt: skip
    for bit, what in enumerate(WHATS):
        flag = np.zeros(len(account), np.bool_)
        began = np.full(len(account), -1, np.int64)  # when the account first did what this event does
        for row, rows, code, values in _pairs(columns[what], account):
            name, latest = names[code], -1
            for value in values:
                key = (name, what, value)
                if key not in habits.seen:
                    count = habits.counts.get(key[:2], 0)
                    if count >= MOST_VALUES:
                        continue
                    habits.counts[key[:2]] = count + 1
                    habits.seen[key] = int(time[row])
                    fresh.append((*key, int(time[row])))
                    flag[row] |= time[row] - first[code] >= SETTLED_US
                latest = max(latest, habits.seen[key])
            began[rows] = latest
        flags[what] = flag
        known = first[account]
        new = (began >= 0) & (time - began < NEW_US) & (began - known >= NEW_US)
        bits |= new.astype(np.uint8) << bit
    lists = [[what for bit, what in enumerate(WHATS) if mask >> bit & 1] for mask in range(1 << len(WHATS))]
    return flags, pa.array(lists, pa.list_(pa.string())).take(pa.array(bits)), fresh


def _slots(events: pa.Table) -> pa.Array:
    """Hour of the day, on working days of the week (w) and at the weekend (e): when an account usually works."""
    end = pc.if_else(pc.greater_equal(events["weekday_local"], 5), "e", "w")
    return pc.binary_join_element_wise(end, events["hour_local"].cast(pa.string()), "")


def _pairs(column: pa.ChunkedArray, account: Ints) -> Iterator[tuple[int, Ints, int, tuple[str, ...]]]:
    """(first row, all rows, account, values) of each pair of an account and what it shows, in the order of the first rows."""
    several = pa.types.is_list(column.type)
    codes, values = _encoded(pc.binary_join(column, "\x1f") if several else column)
    rows = np.flatnonzero((account >= 0) & (codes >= 0))
    if not len(rows):
        return
    _, group = np.unique(account[rows] * max(len(values), 1) + codes[rows], return_inverse=True)
    order = np.argsort(group, kind="stable")
    begins = np.flatnonzero(np.append(True, np.diff(group[order]) != 0))
    parts = np.split(rows[order], begins[1:])
    for part in sorted(parts, key=lambda part: int(part[0])):
        row = int(part[0])
        text = values[codes[row]]
        yield row, part, int(account[row]), tuple(value for value in (text.split("\x1f") if several else (text,)) if value)


# -- people a day ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Measures:
    day: Ints
    dated: Bools
    persons: Ints  # whom the account had not read yet that day
    statement: Ints  # people of the statement
    rows: Ints


@dataclass
class _Judged:
    z: Floats
    times: Floats
    statement: Floats
    above: Ints
    excess: Ints
    source: npt.NDArray[np.object_]
    days: tuple[tuple[str, int], ...]


def _judge(party: Ints, names: list[str], measures: _Measures, habits: Habits, busy: Set[int]) -> _Judged:
    """Each event against what was usual for its party on that day; adds the slice to the party's days."""
    size = len(party)
    unknown = np.full(size, np.nan)
    none = np.zeros(size, np.int64)
    result = _Judged(unknown, unknown.copy(), unknown.copy(), none, none.copy(), np.full(size, "none", object), ())
    rows = np.flatnonzero((party >= 0) & measures.dated)
    if not len(rows):
        return result
    rows = rows[np.lexsort((rows, measures.day[rows], party[rows]))]
    starts = np.flatnonzero(np.append(True, (np.diff(party[rows]) != 0) | (np.diff(measures.day[rows]) != 0)))
    groups = [_Group(names[party[part[0]]], int(measures.day[part[0]]), part) for part in np.split(rows, starts[1:])]
    _fix_usual(groups, measures, habits, busy)
    for group in groups:
        day = habits.days.setdefault(group.name, {}).setdefault(group.day, Day())
        assert day.usual is not None
        _compare(result, group, day, day.usual, measures, busy)
        persons = measures.persons[group.rows]
        day.persons += int(persons.sum())
        day.rows += int(measures.rows[group.rows].sum())
        day.events += len(group.rows)
        day.largest = max(day.largest, int(measures.statement[group.rows].max()))
    result.days = tuple((group.name, group.day) for group in groups)
    return result


@dataclass(frozen=True)
class _Group:
    """The events of one party on one local day, in log order."""

    name: str
    day: int
    rows: Ints


def _fix_usual(groups: list[_Group], measures: _Measures, habits: Habits, busy: Set[int]) -> None:
    """Fix what is usual for every day that begins in this slice, by what was logged before the day's first event."""
    begun = {name: dict(days) for name, days in habits.days.items()}
    taken: dict[tuple[str, int], int] = {}
    by_name: dict[str, list[_Group]] = {}
    for group in groups:
        by_name.setdefault(group.name, []).append(group)

    def days_of(name: str, row: int) -> dict[int, Day]:
        """The party's days with the events of this slice logged before ``row``."""
        known = begun.setdefault(name, {})
        for group in by_name.get(name, ()):
            end = int(np.searchsorted(group.rows, row))
            start = taken.get((name, group.day), 0)
            if end > start:
                part = group.rows[start:end]
                old = known.get(group.day, Day())
                largest = max(old.largest, int(measures.statement[part].max()))
                known[group.day] = Day(old.persons + int(measures.persons[part].sum()), 0, 0, largest)
                taken[name, group.day] = end
        return known

    of_vendor: dict[str, list[str]] = {}
    for name, key in habits.vendors.items():
        of_vendor.setdefault(key, []).append(name)

    for group in sorted(groups, key=lambda group: int(group.rows[0])):
        day = habits.days.setdefault(group.name, {}).setdefault(group.day, Day())
        if day.usual is None:
            row = int(group.rows[0])
            days = days_of(group.name, row)
            peers: list[tuple[float, float]] = []
            if middle_and_spread(group.day, days) is None and (vendor := habits.vendors.get(group.name)):
                known = (
                    name for name in of_vendor[vendor] if len(begun.get(name, ())) + len(by_name.get(name, ())) >= LEARN_DAYS
                )
                found = (middle_and_spread(group.day, days_of(name, row)) for name in known if name != group.name)
                peers = [one for one in found if one is not None]
            day.usual = usual(group.day, days, peers, busy)


def _compare(result: _Judged, group: _Group, day: Day, known: Usual, measures: _Measures, busy: Set[int]) -> None:
    persons = measures.persons[group.rows]
    exposing = measures.statement[group.rows] > 0
    rows = group.rows[exposing]
    if not len(rows):
        return
    today = day.persons + np.cumsum(persons)[exposing]
    result.source[rows] = known.source
    if known.middle is not None and known.spread is not None:
        result.z[rows] = (today - known.middle) / known.spread
        result.times[rows] = today / max(known.middle, LEAST)
    if known.source in ("own", "young") or known.largest:
        result.statement[rows] = measures.statement[rows] / max(known.largest, LEAST)
    if known.reference is not None:
        factor = TIMES_IN_SEASON if group.day in busy else TIMES
        more = today >= factor * max(known.reference, LEAST)
        result.above[rows] = np.where(more, known.above + 1, 0)
        result.excess[rows] = np.where(more, known.excess + np.round(today - known.reference), 0).astype(np.int64)


# -- columns --------------------------------------------------------------------------------------------------------


def _encoded(column: pa.ChunkedArray | pa.Array) -> tuple[Ints, list[str]]:
    """Codes (-1 for null) and distinct values."""
    codes, values = coded(column)
    return codes, values.to_pylist()


def _ints(column: pa.ChunkedArray) -> Ints:
    kind = column.type
    if pa.types.is_date32(kind):
        column = column.cast(pa.int32())
    found: Ints = column.cast(pa.int64()).fill_null(0).to_numpy()
    return found


def _valid(column: pa.ChunkedArray) -> Bools:
    found: Bools = column.is_valid().to_numpy()
    return found


def _nullable(values: Floats) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))

"""Habits: how an account usually uses the customer data, as columns of its events.

First-seen sets (shape, address, tool, table), dormancy, and a robust z of the people exposed today so far against the
account's earlier days: ``z = (today − median) / (1.4826 · MAD)``, MAD at least 5 % of the median and at least one person,
so that a perfectly regular account does not turn every wobble into an alarm; whom it reads again on a day counts once
(:mod:`scanner.habits_people`). Every earlier local day within ``LOOK_BACK_DAYS`` on which the account did anything counts; z is
null until there are ``LEARN_DAYS`` of them.

The columns depend on the events alone, not on how scans cut the log: state is carried in the state database and events
within a slice are taken in log order. Events stay in columns; only what is distinct in a slice (accounts, pairs of account and
address, days) passes through Python.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scanner.habits_people import READ_SCHEMA, newly_read

LEARN_DAYS = 5
LOOK_BACK_DAYS = 35

_DAY_US = 86_400_000_000
_MOST_DAYS = 1 << 24  # more than a day number takes, so that account and day fit into one integer
_EPOCH = date(1970, 1, 1)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

HABIT_SCHEMA = pa.schema(
    [
        ("baseline_z", pa.float64()),
        ("first_seen_shape", pa.bool_()),
        ("first_seen_ip", pa.bool_()),
        ("first_seen_app", pa.bool_()),
        ("first_seen_table", pa.bool_()),
        ("dormant_days", pa.float64()),
    ]
)


@dataclass
class Day:
    """What an account did on one local day; people it read several times count once."""

    persons: int = 0
    rows: int = 0
    events: int = 0


@dataclass
class Habits:
    """What is known of the accounts of one database. Grows with accounts, shapes and days, not with events.

    ``spans``: first and last event of an account, microseconds since 1970 UTC. ``seen``: (account, what, value), what being
    shape, ip, app or table. ``days``: by account and local day (days since 1970).
    """

    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    seen: set[tuple[str, str, str]] = field(default_factory=set)
    days: dict[str, dict[int, Day]] = field(default_factory=dict)
    read: pa.Table = field(default_factory=READ_SCHEMA.empty_table)  # whom accounts have read on their latest day


@dataclass(frozen=True)
class Learnt:
    """Habit columns of every event (HABIT_SCHEMA), and what changed in the habits."""

    columns: pa.Table
    accounts: tuple[str, ...]
    seen: tuple[tuple[str, str, str, int], ...]  # account, what, value, first time in microseconds
    days: tuple[tuple[str, int], ...]  # account, local day


def learn(events: pa.Table, habits: Habits) -> Learnt:
    """Habit columns of ``events``; ``habits`` is brought up to date in place.

    ``events`` needs time, account, shape, client_ip, app_name, tables, day_local, exposed_rows, exposed_persons, in log
    order; slices come in log order too.
    """
    account, names = _encoded(events["account"])
    time = _ints(events["time"])
    spans, previous = _spans(account, names, time, habits)
    first = np.array([span[0] for span in spans] + [np.iinfo(np.int64).max], np.int64)
    # an account's very first day teaches what is usual; "first seen" is told from then on
    settled = time - first[account] >= _DAY_US
    persons, habits.read = newly_read(events, habits.read)
    flags, fresh = _first_seen(events, account, names, time, settled, habits)
    z = _baseline(events, persons, account, names, habits)
    days = _add_days(events, persons, account, names, habits)
    dormant = np.where(previous >= 0, np.maximum(time - previous, 0) / _DAY_US, np.nan)
    columns = pa.table(
        [
            pa.array(z, mask=np.isnan(z)),
            *(pa.array(flags[what]) for what in ("shape", "ip", "app", "table")),
            pa.array(dormant, mask=np.isnan(dormant)),
        ],
        schema=HABIT_SCHEMA,
    )
    return Learnt(columns, tuple(names), tuple(fresh), days)


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


def _first_seen(
    events: pa.Table, account: Ints, names: list[str], time: Ints, settled: Bools, habits: Habits
) -> tuple[dict[str, Bools], list[tuple[str, str, str, int]]]:
    """Flags of the events in which an account does something for the first time, and the new entries of ``habits.seen``."""
    flags: dict[str, Bools] = {}
    fresh: list[tuple[str, str, str, int]] = []
    for what, column in (("shape", "shape"), ("ip", "client_ip"), ("app", "app_name"), ("table", "tables")):
        flag = np.zeros(len(account), np.bool_)
        for row, name, value in _firsts(events[column], account, names):
            key = (name, what, value)
            if key not in habits.seen:
                habits.seen.add(key)
                fresh.append((*key, int(time[row])))
                flag[row] = settled[row]
        flags[what] = flag
    return flags, fresh


def _firsts(column: pa.ChunkedArray, account: Ints, names: list[str]) -> Iterator[tuple[int, str, str]]:
    """(row, account, value) of the first time each account shows a value; lists are taken apart."""
    several = pa.types.is_list(column.type)
    codes, values = _encoded(pc.binary_join(column, "\x1f") if several else column)
    rows = np.flatnonzero((account >= 0) & (codes >= 0))
    _, first = np.unique(account[rows] * max(len(values), 1) + codes[rows], return_index=True)
    for row in np.sort(rows[first]).tolist():
        text = values[codes[row]]
        for value in text.split("\x1f") if several else (text,):
            if value:
                yield row, names[account[row]], value


def _baseline(events: pa.Table, persons: Ints, account: Ints, names: list[str], habits: Habits) -> Floats:
    """z of the account's people today so far, at each event that exposes somebody; NaN elsewhere."""
    z = np.full(len(account), np.nan)
    exposing = _ints(events["exposed_persons"]) > 0
    day = _ints(events["day_local"])
    rows = np.flatnonzero((account >= 0) & exposing & _valid(events["day_local"]))
    if not len(rows):
        return z
    rows = rows[np.lexsort((rows, day[rows], account[rows]))]
    starts = np.flatnonzero(np.append(True, np.logical_or(account[rows][1:] != account[rows][:-1], np.diff(day[rows]) != 0)))
    sums = np.cumsum(persons[rows])
    lengths = np.diff(np.append(starts, len(rows)))
    here = {  # people of this slice by account and day: earlier days of the slice are past for its later days
        (int(account[row]), int(day[row])): int(total)
        for row, total in zip(rows[starts], np.add.reduceat(persons[rows], starts), strict=True)
    }
    active: dict[int, list[int]] = {}  # days of this slice on which an account did anything, exposing or not
    dated = (account >= 0) & _valid(events["day_local"])
    for pair in np.unique(account[dated] * _MOST_DAYS + day[dated]).tolist():
        code, when = divmod(pair, _MOST_DAYS)
        active.setdefault(code, []).append(when)
    base, middle, spread = (np.empty(len(starts)) for _ in range(3))
    for i, row in enumerate(rows[starts].tolist()):
        code, when = int(account[row]), int(day[row])
        slice_days = {d: here.get((code, d), 0) for d in active[code]}
        base[i], middle[i], spread[i] = _usual(when, slice_days, habits.days.get(names[code], {}))
    before = np.append(0, sums)[starts]
    today = sums - np.repeat(before, lengths) + np.repeat(base, lengths)
    z[rows] = (today - np.repeat(middle, lengths)) / np.repeat(spread, lengths)
    return z


def _usual(day: int, slice_days: dict[int, int], known: dict[int, Day]) -> tuple[float, float, float]:
    """People of the day before this slice, and the median and scaled MAD of earlier days (NaN while learning).

    ``slice_days``: people by active day of this slice; ``known``: the account's days before it.
    """
    earlier = {d: found.persons for d, found in known.items() if day - LOOK_BACK_DAYS <= d < day}
    for d, persons in slice_days.items():
        if day - LOOK_BACK_DAYS <= d < day:
            earlier[d] = earlier.get(d, 0) + persons
    base = float(known[day].persons) if day in known else 0.0
    if len(earlier) < LEARN_DAYS:
        return base, np.nan, np.nan
    values = np.fromiter(earlier.values(), np.float64)
    middle = float(np.median(values))
    mad = float(np.median(np.abs(values - middle)))
    return base, middle, 1.4826 * max(mad, 0.05 * middle, 1.0)


def _add_days(events: pa.Table, newly: Ints, account: Ints, names: list[str], habits: Habits) -> tuple[tuple[str, int], ...]:
    """Add the slice to the days; says which changed."""
    day = _ints(events["day_local"])
    rows = np.flatnonzero((account >= 0) & _valid(events["day_local"]))
    if not len(rows):
        return ()
    rows = rows[np.lexsort((day[rows], account[rows]))]
    starts = np.flatnonzero(np.append(True, np.logical_or(account[rows][1:] != account[rows][:-1], np.diff(day[rows]) != 0)))
    persons = np.add.reduceat(newly[rows], starts)
    exposed = np.add.reduceat(_ints(events["exposed_rows"])[rows], starts)
    counts = np.diff(np.append(starts, len(rows)))
    changed = []
    for i, row in enumerate(rows[starts].tolist()):
        name, when = names[account[row]], int(day[row])
        found = habits.days.setdefault(name, {}).setdefault(when, Day())
        found.persons += int(persons[i])
        found.rows += int(exposed[i])
        found.events += int(counts[i])
        changed.append((name, when))
    return tuple(changed)


# -- to and from the state database ------------------------------------------------------------------------------


def from_rows(accounts: Iterable[dict[str, str]], seen: Iterable[dict[str, str]], days: Iterable[dict[str, str | int]]) -> Habits:
    """Habits from rows of ``habit_account``, ``habit_seen`` and ``habit_day``."""
    habits = Habits(
        {row["account"]: (_micros(row["first_event"]), _micros(row["last_event"])) for row in accounts},
        {(row["account"], row["what"], row["value"]) for row in seen},
    )
    for row in days:
        when = (date.fromisoformat(str(row["day"])) - _EPOCH).days
        habits.days.setdefault(str(row["account"]), {})[when] = Day(int(row["persons"]), int(row["rows"]), int(row["events"]))
    return habits


def changed_rows(database: str, learnt: Learnt, habits: Habits) -> tuple[list[dict[str, object]], ...]:
    """Rows of ``habit_account``, ``habit_seen`` and ``habit_day`` that a slice changed or added."""
    accounts: list[dict[str, object]] = [
        {
            "database": database,
            "account": name,
            "first_event": _iso(habits.spans[name][0]),
            "last_event": _iso(habits.spans[name][1]),
        }
        for name in learnt.accounts
    ]
    seen: list[dict[str, object]] = [
        {"database": database, "account": name, "what": what, "value": value, "first_seen": _iso(when)}
        for name, what, value, when in learnt.seen
    ]
    days: list[dict[str, object]] = [
        {
            "database": database,
            "account": name,
            "day": (_EPOCH + timedelta(days=when)).isoformat(),
            "persons": found.persons,
            "rows": found.rows,
            "events": found.events,
        }
        for name, when in learnt.days
        for found in (habits.days[name][when],)
    ]
    return accounts, seen, days


def _micros(text: str) -> int:
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _iso(micros: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)).isoformat(timespec="microseconds")


# -- columns --------------------------------------------------------------------------------------------------------


def _encoded(column: pa.ChunkedArray) -> tuple[Ints, list[str]]:
    """Codes (-1 for null) and distinct values."""
    encoded = column.combine_chunks().dictionary_encode()
    codes: Ints = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, encoded.dictionary.to_pylist()


def _ints(column: pa.ChunkedArray) -> Ints:
    kind = column.type
    if pa.types.is_date32(kind):
        column = column.cast(pa.int32())
    found: Ints = column.cast(pa.int64()).fill_null(0).to_numpy()
    return found


def _valid(column: pa.ChunkedArray) -> Bools:
    found: Bools = column.is_valid().to_numpy()
    return found

"""Habits: against a reference that goes event by event, and the same however the log is cut."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from scanner.habits import HABIT_SCHEMA, Habits, changed_rows, from_rows, learn
from scanner.habits.usual import LEARN_DAYS, LOOK_BACK_DAYS, near_month_end, seasons

EPOCH = date(1970, 1, 1)
START = datetime(2026, 3, 1, tzinfo=UTC)
OF = {"dlv": "delivery", "dlv2": "delivery"}  # whose account it is
HOLIDAYS = {date(2026, 3, 26), date(2026, 3, 27)}  # with a weekend: four days
SCHEMA = pa.schema(
    [
        ("time", pa.timestamp("us", tz="UTC")),
        ("account", pa.string()),
        ("vendor", pa.string()),
        ("shape", pa.string()),
        ("client_ip", pa.string()),
        ("app_name", pa.string()),
        ("tables", pa.list_(pa.string())),
        ("day_local", pa.date32()),
        ("hour_local", pa.int8()),
        ("weekday_local", pa.int8()),
        ("agreed_export", pa.bool_()),
        ("exposed_rows", pa.int64()),
        ("exposed_persons", pa.int64()),
    ]
)


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def event(hours: float, account: str | None = "dlv", persons: int = 0, **named: Any) -> dict[str, Any]:
    time = START + timedelta(hours=hours)
    plain = {"shape": "s", "client_ip": "10.0.0.1", "app_name": "web", "tables": ["crm.mbr"]}
    return {
        "time": time, "account": account, "vendor": OF.get(account or ""), "day_local": time.date(), "hour_local": time.hour,
        "weekday_local": time.weekday(), "exposed_rows": persons, "exposed_persons": persons, "agreed_export": False,
        **plain, **named,
    }  # fmt: skip


def columns(rows: list[dict[str, Any]], cuts: list[int] = [], *, reload: bool = False) -> list[dict[str, Any]]:  # noqa: B006
    """Habit columns of the events in slices that end at ``cuts``; with ``reload`` the habits travel through the database."""
    habits = Habits()
    stored: dict[tuple[Any, ...], dict[str, Any]] = {}
    found: list[dict[str, Any]] = []
    ends = sorted({min(cut, len(rows)) for cut in cuts} | {len(rows)})
    for start, end in zip([0, *ends], ends, strict=False):
        learnt = learn(table(rows[start:end]), habits, HOLIDAYS)
        assert learnt.columns.schema == HABIT_SCHEMA
        found += learnt.columns.to_pylist()
        if reload:
            for number, part in enumerate(changed_rows("shop", habits, learnt.accounts, learnt.seen, learnt.days)):
                keys = (("account",), ("account", "what", "value"), ("account", "day"))[number]
                for row in part:
                    stored[(number, *(row[key] for key in keys))] = row
            habits = from_rows(*([r for k, r in stored.items() if k[0] == number] for number in range(3)))  # type: ignore[arg-type]
    return found


@dataclass
class Slow:
    """What was usual for one party on one day, decided event by event at the day's first event."""

    middle: float | None = None
    spread: float | None = None
    source: str = "none"
    reference: float | None = None
    above: int = 0
    excess: int = 0
    largest: int = 0


def near_end(day: date) -> bool:
    return near_month_end((day - EPOCH).days)


def month_ends(days: dict[date, list[int]], today: date) -> list[int]:
    ends: dict[date, int] = {}
    for d, n in days.items():
        if timedelta(days=10) < today - d <= timedelta(days=100) and near_end(d):
            begin = d
            while near_end(begin - timedelta(days=1)):
                begin -= timedelta(days=1)
            if min(days) < begin:
                ends[begin] = max(ends.get(begin, 0), sum(n))
    return list(ends.values())


def centre(days: dict[date, list[int]], today: date) -> tuple[float, float] | None:
    recent = {d: sum(n) for d, n in days.items() if timedelta(0) < today - d <= timedelta(days=LOOK_BACK_DAYS)}
    if len(recent) < LEARN_DAYS:
        return None
    middle = float(statistics.median(recent.values()))
    mad = statistics.median(abs(n - statistics.median(recent.values())) for n in recent.values())
    weekly = [n for d, n in recent.items() if d.weekday() == today.weekday()]
    if len(weekly) >= 3:
        middle = max(middle, statistics.median(weekly))
    ends = month_ends(days, today)
    middle = max(middle, statistics.median(ends)) if ends and near_end(today) else middle
    return middle, 1.4826 * max(mad, 0.05 * middle, 1)


def is_above(day: date, persons: int, reference: float) -> bool:
    return persons >= (5 if (day - EPOCH).days in seasons(HOLIDAYS) else 2) * max(reference, 5)


def slow_usual(days: dict[str, dict[date, list[int]]], party: str, today: date) -> Slow:
    mine = days.get(party, {})
    found = Slow()
    recent = [n for d, n in mine.items() if timedelta(0) < today - d <= timedelta(days=LOOK_BACK_DAYS)]
    found.largest = max((max(n, default=0) for n in recent), default=0) if sum(sum(n) > 0 for n in recent) >= 3 else 0
    older = {d: sum(n) for d, n in mine.items() if timedelta(days=14) <= today - d <= timedelta(days=100)}
    if len(older) >= 10:
        working = [n for d, n in older.items() if d.weekday() < 5]
        least = statistics.median(working) if len(working) >= LEARN_DAYS else 0
        found.reference = float(max(statistics.median(older.values()), least))
        learnt = today - timedelta(days=14)
    elif len(first := sorted(d for d, n in mine.items() if d < today and sum(n) > 0)[:5]) == 5:
        amounts = [sum(mine[d]) for d in first]
        found.reference = float(max(*amounts, 2 * statistics.median(amounts)))
        learnt = first[-1]
    if found.reference is not None:
        for d, n in mine.items():
            if timedelta(0) < today - d < timedelta(days=14) and d > learnt and is_above(d, sum(n), found.reference):
                found.above += 1
                found.excess += round(sum(n) - found.reference)
    own = centre(mine, today)
    peers = [p for name, key in OF.items() if key == OF.get(party) and name != party and (p := centre(days.get(name, {}), today))]
    if own or peers:
        found.middle, found.spread = own or max(peers)
        found.source = "peers" if not own else "own" if month_ends(mine, today) or not near_end(today) else "young"
    return found


def reference(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    first: dict[str, datetime] = {}
    latest: dict[str, datetime] = {}
    seen: dict[tuple[str, str, str], datetime] = {}
    days: dict[str, dict[date, list[int]]] = {}
    usual: dict[tuple[str, date], Slow] = {}
    week = timedelta(days=7)
    result = []
    for row in rows:
        name = row["account"]
        numbers = dict.fromkeys(("days_above_habit", "excess_persons", "vendor_days_above_habit", "vendor_excess_persons"), 0)
        nothing = dict.fromkeys(("baseline_z", "habit_times", "statement_times", "vendor_z", "vendor_times", "dormant_days"))
        number = (row["day_local"] - EPOCH).days
        out: dict[str, Any] = {
            **dict.fromkeys(HABIT_SCHEMA.names, False),
            **nothing,
            **numbers,
            "habit_source": "none",
            "novelty": [],
            "in_season": near_month_end(number) or number in seasons(HOLIDAYS),
        }
        result.append(out)
        if name is None:
            continue
        if name in latest:
            out["dormant_days"] = max(row["time"] - latest[name], timedelta()) / timedelta(days=1)
        began = first.setdefault(name, row["time"])
        latest[name] = max(latest.get(name, row["time"]), row["time"])
        slot = f"{'e' if row['weekday_local'] >= 5 else 'w'}{row['hour_local']}"
        values = [("shape", row["shape"]), ("ip", row["client_ip"]), ("app", row["app_name"])]
        for what, value in [*values, *(("table", x) for x in row["tables"]), ("hour", slot)]:
            if value and (name, what, value) not in seen:
                seen[name, what, value] = row["time"]
                if what != "hour":
                    out[f"first_seen_{what}"] = out[f"first_seen_{what}"] or row["time"] - began >= timedelta(days=1)
        for what, shown in [*((w, [v]) for w, v in values), ("table", row["tables"]), ("hour", [slot])]:
            when = max((seen[name, what, value] for value in shown if value), default=None)
            if when is not None and row["time"] - when < week and when - began >= week:
                out["novelty"].append(what)
        persons, today = row["exposed_persons"], row["day_local"]
        for party, prefix in ((name, ""), (row["vendor"], "vendor_")):
            if party is None:
                continue
            if (party, today) not in usual:
                usual[party, today] = slow_usual(days, party, today)
            known = usual[party, today]
            mine = days.setdefault(party, {}).setdefault(today, [])
            mine.append(0 if row["agreed_export"] else persons)
            if not mine[-1]:
                continue
            so_far = sum(mine)
            if known.middle is not None and known.spread is not None:
                out["vendor_z" if prefix else "baseline_z"] = (so_far - known.middle) / known.spread
                out[f"{prefix or 'habit_'}times"] = so_far / max(known.middle, 5)
            if not prefix:
                out["habit_source"] = known.source
                told = known.source in ("own", "young") or known.largest
                out["statement_times"] = persons / max(known.largest, 5) if told else None
            if known.reference is not None and is_above(today, so_far, known.reference):
                out[f"{prefix}days_above_habit"] = known.above + 1
                out[f"{prefix}excess_persons"] = known.excess + round(so_far - known.reference)
    return result


def same(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    assert len(one) == len(other)
    for got, wanted in zip(one, other, strict=True):
        for name in HABIT_SCHEMA.names:
            if isinstance(wanted[name], float) and got[name] is not None:
                assert abs(got[name] - wanted[name]) < 1e-9 * max(1, abs(wanted[name])), (name, got, wanted)
            else:
                assert got[name] == wanted[name], (name, got, wanted)


few = st.sampled_from
histories = st.lists(
    st.tuples(
        st.integers(0, 30),  # hours since the event before
        few(["dlv", "dlv", "dlv2", "ads", None]),
        few([0, 0, 1, 5, 300]),
        few(["s1", "s2", "s3"]),
        few(["10.0.0.1", "10.0.0.2", None]),
        few(["web", "psql", "", None]),
        few([[], ["crm.mbr"], ["crm.mbr", "crm.ord"]]),
        st.booleans(),  # a millisecond out of order
        few([False, False, True]),  # an agreed export
    ),
    max_size=90,
)


def history(steps: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    rows, hours = [], 1.0
    for gap, account, persons, shape, address, app, tables, early, agreed in steps:
        hours += gap
        moment = hours - (0.000001 if early else 0)
        made = event(moment, account, persons, shape=shape, client_ip=address, app_name=app, tables=tables,
                     agreed_export=agreed)  # fmt: skip
        made["day_local"] = (START + timedelta(hours=hours)).date()
        rows.append(made)
    return rows


@given(histories, st.lists(st.integers(0, 60), max_size=6), st.booleans())
def test_habits_are_what_the_reference_says_wherever_the_log_is_cut(
    steps: list[tuple[Any, ...]], cuts: list[int], reload: bool
) -> None:
    rows = history(steps)
    same(columns(rows, cuts, reload=reload), reference(rows))


def test_a_spike_after_five_ordinary_days() -> None:
    rows = [event(24 * day, persons=100 + day) for day in range(6)] + [event(24 * 6, persons=5000)]
    z = [row["baseline_z"] for row in columns(rows)]
    assert z[:LEARN_DAYS] == [None] * LEARN_DAYS
    assert z[LEARN_DAYS] is not None
    assert abs(z[LEARN_DAYS]) < 3
    assert z[-1] is not None
    assert z[-1] > 100


def test_a_rise_is_seen_before_a_fortnight_is_known() -> None:
    may = 24 * 65  # far from a long holiday
    learnt = [event(may + 24 * day, persons=20 + day) for day in range(6)]
    risen = columns(learnt + [event(may + 24 * day, persons=150) for day in range(6, 14)])
    assert [row["days_above_habit"] for row in risen] == [0] * 6 + list(range(1, 9))
    assert risen[-1]["excess_persons"] == 8 * (150 - 44)  # twice the median of the first five days
    doubled = columns(learnt + [event(may + 24 * day, persons=70) for day in range(6, 14)])
    assert {row["days_above_habit"] for row in doubled} == {0}


def test_the_people_of_a_day_add_up() -> None:
    rows = [event(24 * day, persons=100) for day in range(6)] + [event(24 * 6 + n / 60, persons=50) for n in range(10)]
    z = [row["baseline_z"] for row in columns(rows)][6:]
    assert z == sorted(z)
    assert z[1] == 0
    assert z[-1] == (500 - 100) / (1.4826 * 5)


def test_the_first_day_teaches_and_later_news_are_told() -> None:
    rows = [event(0), event(3, client_ip="10.0.0.2"), event(25, client_ip="10.0.0.3"), event(26, client_ip="10.0.0.3")]
    assert [row["first_seen_ip"] for row in columns(rows)] == [False, False, True, False]


def test_a_long_silence() -> None:
    assert [row["dormant_days"] for row in columns([event(0), event(24 * 90)])] == [None, 90]

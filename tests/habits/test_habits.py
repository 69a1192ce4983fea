"""Habits: against a reference that goes event by event, and the same however the log is cut."""

from __future__ import annotations

import statistics
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from scanner.habits import HABIT_SCHEMA, LEARN_DAYS, LOOK_BACK_DAYS, Habits, changed_rows, from_rows, learn

START = datetime(2026, 3, 1, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        ("time", pa.timestamp("us", tz="UTC")),
        ("account", pa.string()),
        ("shape", pa.string()),
        ("client_ip", pa.string()),
        ("app_name", pa.string()),
        ("tables", pa.list_(pa.string())),
        ("day_local", pa.date32()),
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
        "time": time, "account": account, "day_local": time.date(), "exposed_rows": persons, "exposed_persons": persons,
        **plain, **named,
    }  # fmt: skip


def columns(rows: list[dict[str, Any]], cuts: list[int] = [], *, reload: bool = False) -> list[dict[str, Any]]:  # noqa: B006
    """Habit columns of the events in slices that end at ``cuts``; with ``reload`` the habits travel through the database."""
    habits = Habits()
    stored: dict[tuple[Any, ...], dict[str, Any]] = {}
    found: list[dict[str, Any]] = []
    ends = sorted({min(cut, len(rows)) for cut in cuts} | {len(rows)})
    for start, end in zip([0, *ends], ends, strict=False):
        learnt = learn(table(rows[start:end]), habits)
        assert learnt.columns.schema == HABIT_SCHEMA
        found += learnt.columns.to_pylist()
        if reload:
            for number, part in enumerate(changed_rows("shop", learnt, habits)):
                keys = (("account",), ("account", "what", "value"), ("account", "day"))[number]
                for row in part:
                    stored[(number, *(row[key] for key in keys))] = row
            habits = from_rows(*([r for k, r in stored.items() if k[0] == number] for number in range(3)))  # type: ignore[arg-type]
    return found


def reference(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    first: dict[str, datetime] = {}
    latest: dict[str, datetime] = {}
    seen: set[tuple[str, str, str]] = set()
    days: dict[str, dict[date, int]] = {}
    result = []
    for row in rows:
        name = row["account"]
        out: dict[str, Any] = dict.fromkeys(HABIT_SCHEMA.names, False) | {"baseline_z": None, "dormant_days": None}
        result.append(out)
        if name is None:
            continue
        if name in latest:
            out["dormant_days"] = max(row["time"] - latest[name], timedelta()) / timedelta(days=1)
        settled = row["time"] - first.setdefault(name, row["time"]) >= timedelta(days=1)
        latest[name] = max(latest.get(name, row["time"]), row["time"])
        values = [("shape", row["shape"]), ("ip", row["client_ip"]), ("app", row["app_name"])]
        for what, value in [*values, *(("table", x) for x in row["tables"])]:
            if value and (name, what, value) not in seen:
                seen.add((name, what, value))
                out[f"first_seen_{what}"] = out[f"first_seen_{what}"] or settled
        mine = days.setdefault(name, {})
        today = row["day_local"]
        mine[today] = mine.get(today, 0) + row["exposed_persons"]
        earlier = [n for day, n in mine.items() if timedelta(0) < today - day <= timedelta(days=LOOK_BACK_DAYS)]
        if row["exposed_persons"] and len(earlier) >= LEARN_DAYS:
            middle = statistics.median(earlier)
            mad = statistics.median(abs(n - middle) for n in earlier)
            out["baseline_z"] = (mine[today] - middle) / (1.4826 * max(mad, 0.05 * middle, 1))
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
        few(["dlv", "ads", None]),
        few([0, 0, 1, 5, 300]),
        few(["s1", "s2", "s3"]),
        few(["10.0.0.1", "10.0.0.2", None]),
        few(["web", "psql", "", None]),
        few([[], ["crm.mbr"], ["crm.mbr", "crm.ord"]]),
        st.booleans(),  # a millisecond out of order
    ),
    max_size=60,
)


def history(steps: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    rows, hours = [], 1.0
    for gap, account, persons, shape, address, app, tables, early in steps:
        hours += gap
        moment = hours - (0.000001 if early else 0)
        made = event(moment, account, persons, shape=shape, client_ip=address, app_name=app, tables=tables)
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

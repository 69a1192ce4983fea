"""Sliding windows against a plain count in Python, and the edges people get wrong."""

from __future__ import annotations

import random
import statistics
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.ruleset import event_table, run_rules
from tests.ruleset.helpers import block, correlation, rules

BASE = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
PART = block("part", {"exposed_persons|gte": 1})


def ruleset(type_: str, timespan: str = "1h", **spec: Any) -> Any:
    given = {"type": type_, "rules": ["part"], "timespan": timespan, "group-by": ["account"], **spec}
    return rules(correlation(given), PART)


def found(ruleset: Any, rows: list[dict[str, Any]], since: datetime | None = None) -> dict[str, float]:
    hits = run_rules(ruleset, event_table(rows), since=since)
    return dict(zip(hits.column("event_id").to_pylist(), hits.column("observed").to_pylist(), strict=True))


def stream(times: list[float], **columns: Any) -> list[dict[str, Any]]:
    return [{"time": BASE + timedelta(seconds=t), "exposed_persons": 1, **columns} for t in times]


def test_a_steady_rate_at_the_threshold_is_counted_half_open() -> None:
    """9,000 an hour, evenly: an hour with both its ends would count one more. 10,000 an hour is never reached."""
    rows = stream([n * 0.4 for n in range(3 * 9_000)])
    assert found(ruleset("event_count", condition={"gte": 9_001}), rows) == {}
    assert found(ruleset("event_count", condition={"gte": 10_000}), rows) == {}
    assert len(found(ruleset("event_count", condition={"gte": 9_000}), rows)) == len(rows)


def test_ends_of_the_window() -> None:
    rule = ruleset("event_count", condition={"gte": 2})
    assert found(rule, stream([0, 3600])) == {}
    assert len(found(rule, stream([0, 3599.999999]))) == 2
    assert len(found(rule, stream([0, 0]))) == 2


def test_a_window_across_the_hour() -> None:
    """15,000 rows in 50 minutes across the full hour: tumbling hours see 7,500 twice."""
    rows = [{"time": BASE + timedelta(minutes=35 + n), "exposed_persons": 300} for n in range(50)]
    rule = ruleset("value_sum", condition={"gte": 15_000, "field": "exposed_persons"})
    assert set(found(rule, rows).values()) == {15_000.0}


def test_group_keys_keep_their_case() -> None:
    rows = stream([0, 1], account="admin") + stream([2, 3], account="Admin")
    rule = ruleset("event_count", condition={"gte": 3})
    assert found(rule, rows) == {}
    assert len(found(rule, rows + stream([4], account="Admin"))) == 3


def test_group_keys_cannot_be_confused_and_missing_ones_do_not_group() -> None:
    rule = rules(
        correlation({"type": "event_count", "rules": ["part"], "timespan": "1h", "group-by": ["account", "vendor"],
                     "condition": {"gte": 1}}),
        PART,
    )  # fmt: skip
    rows = stream([0], account="a|b", vendor="c") + stream([1], account="a", vendor="b|c") + stream([2], account="a", vendor=None)
    keys = run_rules(rule, event_table(rows)).column("group_key").to_pylist()
    assert sorted(keys) == ["a\\|b|c", "a|b\\|c"]


def test_since_looks_back_but_fires_for_new_windows_only() -> None:
    rule = ruleset("event_count", condition={"gte": 3})
    rows = stream([0, 60, 120, 5000, 8000])
    assert len(found(rule, rows)) == 3
    assert found(rule, rows, since=BASE + timedelta(seconds=121)) == {}
    assert len(found(rule, rows, since=BASE + timedelta(seconds=120))) == 3


def test_ranges_and_every_operator() -> None:
    rows = stream([0, 1, 2])
    for condition, fires in (
        ({"gt": 2}, 3), ({"gt": 3}, 0), ({"gte": 2, "lte": 2}, 2), ({"eq": 3}, 3), ({"eq": 4}, 0), ({"lt": 2}, 1),
        ({"lte": 0}, 0), ({"neq": 1}, 3), ({"gte": 2, "lt": 3}, 2),
    ):  # fmt: skip
        assert len(found(ruleset("event_count", condition=condition), rows)) == fires, condition


def test_fractions_that_add_up_to_the_limit_do_not_exceed_it() -> None:
    for parts in (3, 7, 10, 49, 500, 997):
        rows = [{"time": BASE + timedelta(seconds=n), "exposed_persons": 1, "contract_share": 1 / parts} for n in range(parts)]
        assert found(ruleset("value_sum", condition={"gt": 1, "field": "contract_share"}), rows) == {}
        assert len(found(ruleset("value_sum", condition={"gte": 1, "field": "contract_share"}), rows)) == parts


AGGREGATES = {
    "event_count": lambda values: len(values),
    "value_sum": lambda values: sum(values),
    "value_count": lambda values: len(set(values)),
    "value_avg": lambda values: sum(values) / len(values),
    "value_median": lambda values: statistics.median(values),
}


def by_hand(rows: list[dict[str, Any]], span: timedelta, aggregate: Any, holds: Any, since: datetime) -> dict[str, float]:
    groups: dict[str, list[tuple[datetime, str, int]]] = defaultdict(list)
    for n, row in enumerate(rows):
        groups[row["account"]].append((row["time"], f"shop/1/{n}", row["exposed_rows"]))
    result: dict[str, float] = {}
    for members in groups.values():
        for end in {t for t, _, _ in members if t >= since}:
            inside = [(e, v) for t, e, v in members if end - span < t <= end]
            value = aggregate([v for _, v in inside])
            if holds(value):
                for event, _ in inside:
                    result[event] = max(result.get(event, value), value)
    return result


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(AGGREGATES)),
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from(["a", "A", "b"]), st.integers(0, 6)), min_size=1, max_size=60),
    st.sampled_from(["gt", "gte", "lt", "lte", "eq"]),
    st.integers(0, 25),
    st.sampled_from([7, 60, 61, 100]),
    st.integers(0, 300),
)
def test_windows_are_exact(
    type_: str, spec: list[tuple[int, str, int]], operator: str, number: int, seconds: int, since: int
) -> None:
    rows = [
        {"time": BASE + timedelta(seconds=t), "account": a, "exposed_rows": v, "exposed_persons": 1} for t, a, v in sorted(spec)
    ]
    condition: dict[str, Any] = {operator: number}
    if type_ != "event_count":
        condition["field"] = "exposed_rows"
    begin = BASE + timedelta(seconds=since)
    signs = {"gt": "__gt__", "gte": "__ge__", "lt": "__lt__", "lte": "__le__", "eq": "__eq__"}
    holds = lambda value: getattr(float(value), signs[operator])(float(number))  # noqa: E731
    expected = by_hand(rows, timedelta(seconds=seconds), AGGREGATES[type_], holds, begin)
    got = found(ruleset(type_, f"{seconds}s", condition=condition), rows, since=begin)
    assert got == pytest.approx(expected)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 5)), min_size=1, max_size=30))
def test_how_the_scans_cut_the_log_does_not_matter(spec: list[tuple[int, int]]) -> None:
    """Events found when each arrives by itself are those found when all arrive at once."""
    rule = ruleset("value_sum", "60s", condition={"gte": 8, "field": "exposed_rows"})
    rows = [{"time": BASE + timedelta(seconds=t), "exposed_rows": v, "exposed_persons": 1} for t, v in sorted(spec)]
    table = event_table(rows)
    piecemeal: set[str] = set()
    for n, row in enumerate(rows):
        hits = run_rules(rule, table.slice(0, n + 1), since=row["time"])
        piecemeal |= set(hits.column("event_id").to_pylist())
    assert piecemeal == set(run_rules(rule, table).column("event_id").to_pylist())


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.sampled_from("ab"), st.integers(0, 5)), min_size=1, max_size=24),
    st.randoms(use_true_random=False),
    st.integers(1, 6),
)
def test_late_events_are_found_as_if_they_had_come_in_time(
    spec: list[tuple[int, str, int]], order: random.Random, batches: int
) -> None:
    """Batches in any order, with events of equal times (twice the same, too); each evaluated from its earliest event on."""
    rule = ruleset("value_sum", "60s", condition={"gte": 8, "field": "exposed_rows"})
    rows = [
        {"time": BASE + timedelta(seconds=t), "account": a, "exposed_rows": v, "exposed_persons": 1, "event_id": f"e{n}"}
        for n, (t, a, v) in enumerate(spec)
    ]
    arriving = list(rows)
    order.shuffle(arriving)
    known: list[dict[str, Any]] = []
    piecemeal: dict[str, float] = {}
    for start in range(0, len(arriving), batches):
        batch = arriving[start : start + batches]
        known += batch
        for event, value in found(rule, known, since=min(row["time"] for row in batch)).items():
            piecemeal[event] = max(value, piecemeal.get(event, value))
    assert piecemeal == found(rule, rows)


ZONES = ("Asia/Seoul", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(
        [datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 3, 8, 6, tzinfo=UTC)]
    ),
    st.lists(st.tuples(st.integers(0, 7200), st.sampled_from(ZONES), st.integers(0, 6)), min_size=1, max_size=40),
    st.integers(1, 25),
    st.sampled_from([1800, 3600, 5400]),
)
def test_windows_are_real_time_whatever_the_clocks_on_the_wall_do(
    begin: datetime, spec: list[tuple[int, str, int]], number: int, seconds: int
) -> None:
    """Times written in any zone, over nights in which clocks change: an hour is 3,600 seconds, never none and never two."""
    rows = [
        {
            "time": (begin + timedelta(seconds=t)).astimezone(ZoneInfo(zone)),
            "account": "a",
            "exposed_rows": v,
            "exposed_persons": 1,
        }
        for t, zone, v in sorted(spec)
    ]
    plain = [{**row, "time": row["time"].astimezone(UTC)} for row in rows]
    expected = by_hand(plain, timedelta(seconds=seconds), sum, lambda value: value >= number, begin)
    rule = ruleset("value_sum", f"{seconds}s", condition={"gte": number, "field": "exposed_rows"})
    assert found(rule, rows, since=begin) == pytest.approx(expected)


def temporal(kind: str, names: list[str], **spec: Any) -> Any:
    parts = [block(name, {"command": name}) for name in names]
    return rules(correlation({"type": kind, "rules": names, "timespan": "60s", "group-by": ["account"], **spec}), *parts)


def sequence(*steps: tuple[float, str]) -> list[dict[str, Any]]:
    return [{"time": BASE + timedelta(seconds=t), "command": c} for t, c in steps]


TEMPORAL = [
    ("temporal", {}, [(0, "a"), (10, "b")], 2),
    ("temporal", {}, [(0, "b"), (10, "a")], 2),
    ("temporal", {}, [(0, "a"), (60, "b")], 0),
    ("temporal", {}, [(0, "a"), (59.999999, "b")], 2),
    ("temporal", {}, [(0, "a"), (1, "a")], 0),
    ("temporal", {"condition": {"gte": 1}}, [(0, "a")], 1),
    ("temporal", {"condition": "a and not b"}, [(0, "a"), (100, "b"), (110, "a")], 1),
    ("temporal", {"condition": "a or b"}, [(0, "b")], 1),
    ("temporal_ordered", {}, [(0, "a"), (10, "b")], 2),
    ("temporal_ordered", {}, [(0, "b"), (10, "a")], 0),
    ("temporal_ordered", {}, [(0, "b"), (10, "a"), (20, "b")], 2),
    ("temporal_ordered", {}, [(0, "a"), (60, "b")], 0),
    ("temporal_ordered", {}, [(0, "a"), (0, "b")], 2),
]


@pytest.mark.parametrize(("kind", "spec", "steps", "hits"), TEMPORAL)
def test_temporal(kind: str, spec: dict[str, Any], steps: list[tuple[float, str]], hits: int) -> None:
    assert len(found(temporal(kind, ["a", "b"], **spec), sequence(*steps))) == hits


def test_three_in_order() -> None:
    rule = temporal("temporal_ordered", ["a", "b", "c"])
    assert len(found(rule, sequence((0, "a"), (10, "b"), (20, "c")))) == 3
    assert found(rule, sequence((0, "b"), (10, "a"), (20, "c"))) == {}
    # the chain must fit the window as a whole: a at 0 is too old for c at 61, but a second a and b are not
    assert found(rule, sequence((0, "a"), (30, "b"), (61, "c"))) == {}
    assert len(found(rule, sequence((0, "a"), (5, "a"), (30, "b"), (61, "c")))) == 3


def test_aliases_join_different_fields() -> None:
    spec = {"aliases": {"who": {"a": "account", "b": "app_name"}}, "group-by": ["who"]}
    rule = temporal("temporal", ["a", "b"], **spec)
    rows = [
        {"time": BASE, "command": "a", "account": "kim"},
        {"time": BASE + timedelta(seconds=5), "command": "b", "app_name": "kim"},
        {"time": BASE + timedelta(seconds=6), "command": "b", "account": "kim", "app_name": "lee"},
    ]
    assert set(found(rule, rows)) == {"shop/1/0", "shop/1/1"}


def test_percentile() -> None:
    rows = [{"time": BASE + timedelta(seconds=n), "exposed_rows": n, "exposed_persons": 1} for n in range(101)]
    rule = ruleset("value_percentile", condition={"gte": 95, "field": "exposed_rows", "percentile": 95})
    assert max(found(rule, rows).values()) == pytest.approx(95)


def test_values_count_over_several_fields() -> None:
    rows = stream([0, 1], client_ip="10.0.0.1", app_name="x") + stream([2], client_ip="10.0.0.1", app_name="y")
    rule = ruleset("value_count", condition={"gte": 2, "field": ["client_ip", "app_name"]})
    assert set(found(rule, rows).values()) == {2.0}


def test_hits_are_ordered_and_typed() -> None:
    rows = stream([0, 1, 2], account="b") + stream([0.5, 1.5], account="a")
    hits = run_rules(ruleset("event_count", condition={"gte": 2}), event_table(rows))
    assert hits.column("group_key").to_pylist() == ["a", "a", "b", "b", "b"]
    assert pc.all(pc.equal(hits.column("threshold"), pa.scalar(2.0))).as_py()

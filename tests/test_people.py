"""Distinct people of several events, against a plain Python reference that knows every key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.engine import open_engine
from scanner.people import distinct_people, sliding_sum

SET = [("dom", pa.string()), ("lo", pa.int64()), ("hi", pa.int64()), ("hashes", pa.list_(pa.int64()))]
SLIDING = pa.schema([("g", pa.string()), ("t", pa.int64()), *SET, ("v", pa.float64())])
NUMBERS = [("total", pa.int64()), ("low", pa.int64()), ("best", pa.int64()), ("high", pa.int64())]
STATIC = pa.schema([("g", pa.string()), ("t", pa.int64()), *SET, ("person_table", pa.string()), *NUMBERS])

Event = dict[str, Any]
ENGINE = open_engine(threads=1)


def together(events: Sequence[Event]) -> dict[tuple[str, str], tuple[int, int, int]]:
    ENGINE.register("e", pa.Table.from_pylist([{"g": "a", "person_table": "mbr", **e} for e in events], schema=STATIC))
    rows = distinct_people(ENGINE, "e", ["g"]).to_pylist()
    return {(row["g"], row["person_table"]): (row["low"], row["best"], row["high"]) for row in rows}


def one(events: Sequence[Event]) -> list[int]:
    (found,) = together(events).values()
    return list(found)


def windows(events: Sequence[Event], span: int) -> dict[tuple[str, int], float]:
    ENGINE.register("e", pa.Table.from_pylist(list(events), schema=SLIDING))
    return {(row["g"], row["t"]): row["a"] for row in sliding_sum(ENGINE, "e", ["g"], span).to_pylist()}


def people_of(event: Event) -> list[tuple[object, ...]]:
    """Each key of the event's set, one by one."""
    if event.get("hashes"):
        return [(event["dom"], "hash", key) for key in event["hashes"]]
    if event.get("lo") is not None:
        return [(event["dom"], "key", key) for key in range(event["lo"], event["hi"] + 1)]
    return [(event["dom"], "everybody")]


def by_hand(events: Sequence[Event], span: int, group: str, end: int) -> float:
    weights: dict[tuple[object, ...], tuple[int, float]] = {}
    unknown = 0.0
    for event in sorted(events, key=lambda e: e["t"]):
        if event["g"] != group or not end - span < event["t"] <= end:
            continue
        if event["dom"] is None:
            unknown += event["v"]
            continue
        keys = people_of(event)
        for key in keys:
            weight = event["v"] / len(keys)
            if key in weights and weights[key][0] == event["t"]:
                weight = max(weight, weights[key][1])
            weights[key] = event["t"], weight
    return unknown + sum(weight for _, weight in weights.values())


@st.composite
def event(draw: st.DrawFn) -> Event:
    made: Event = {
        "g": draw(st.sampled_from("ab")),
        "t": draw(st.integers(0, 40)),
        "v": float(draw(st.integers(0, 9))),
        "dom": draw(st.sampled_from(["mbr_no", "tel", None])),
    }
    if made["dom"] is not None:
        kind = draw(st.sampled_from(["hashes", "interval", "everybody"]))
        if kind == "hashes":
            made["hashes"] = draw(st.lists(st.integers(0, 11), min_size=1, max_size=6, unique=True))
        elif kind == "interval":
            made["lo"] = draw(st.integers(-5, 20))
            made["hi"] = made["lo"] + draw(st.integers(0, 10))
    return made


@settings(max_examples=30, deadline=None)
@given(st.lists(event(), min_size=1, max_size=40), st.sampled_from([1, 5, 20, 100]))
def test_a_sliding_window_counts_each_key_once(events: list[Event], span: int) -> None:
    found = windows(events, span)
    for group, end in {(e["g"], e["t"]) for e in events}:
        assert found[group, end] == pytest.approx(by_hand(events, span, group, end))


@settings(max_examples=30, deadline=None)
@given(st.lists(event(), min_size=1, max_size=40))
def test_a_union_lies_between_the_largest_and_the_sum(events: list[Event]) -> None:
    for number, e in enumerate(events):
        e |= {"low": e.pop("v") // 2, "best": number % 7, "high": number % 7 + 2, "total": 50}
        e["low"] = min(e["low"], e["best"])
    for (group, _), (low, best, high) in together(events).items():
        mine = [e for e in events if e["g"] == group]
        assert low <= best <= high <= max(50, *(e["high"] for e in mine))
        assert max((e["low"] for e in mine), default=0) <= low
        assert best <= sum(e["best"] for e in mine)
        assert high <= max(sum(e["high"] for e in mine), best)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30)), min_size=1, max_size=20))
@settings(max_examples=20, deadline=None)
def test_whole_intervals_are_a_union_of_their_keys(intervals: list[tuple[int, int]]) -> None:
    keys = {key for low, width in intervals for key in range(low, low + width + 1)}
    events = [
        {"t": n, "dom": "k", "lo": low, "hi": low + width, "low": width + 1, "best": width + 1, "high": width + 1, "total": None}
        for n, (low, width) in enumerate(intervals)
    ]
    assert one(events) == [len(keys)] * 3


def reads(count: int, **what: Any) -> list[Event]:
    """``count`` events; values that are functions are called with the number of the event."""
    plain = {"low": 1, "best": 1, "high": 1, "total": 20_000}
    return [{"t": n, **plain, **{k: v(n) if callable(v) else v for k, v in what.items()}} for n in range(count)]


def test_the_same_twenty_people_looked_up_1500_times_are_twenty() -> None:
    assert one(reads(1500, dom="k", hashes=lambda n: [n % 20])) == [20, 20, 20]


def test_a_walk_by_pages_is_everybody_it_met_and_a_second_walk_nobody_new() -> None:
    pages = {"dom": "k", "lo": lambda n: 100 * (n % 50), "hi": lambda n: 100 * (n % 50) + 99, "best": 40, "low": 40, "high": 40}
    assert one(reads(50, **pages)) == [2000, 2000, 2000]
    assert one(reads(100, **pages)) == [2000, 2000, 2000]


def test_sets_that_cannot_be_compared_overlap_by_chance_and_never_exceed_the_table() -> None:
    half = [*reads(1, dom="k", lo=1, hi=10_000, best=10_000, low=10_000, high=10_000)]
    other = reads(1, dom="tel", lo=1, hi=10_000, best=10_000, low=10_000, high=10_000)
    assert one([*half, *other]) == [10_000, 15_000, 20_000]
    assert one(reads(10, dom="*", best=20_000, low=20_000, high=20_000)) == [20_000] * 3
    assert one(reads(500, dom=None, best=100, low=100, high=100)) == [100, 20_000, 20_000]


def test_long_lists_are_estimated_from_the_smallest_of_their_hashes() -> None:
    """Two lists of 8,192 keys that share half: 12,288 people, from 4,096 hashes each."""
    import random

    chance = random.Random(7)
    keys = [chance.getrandbits(62) for _ in range(12_288)]
    lists = [sorted(keys[:8192])[:4096], sorted(keys[4096:])[:4096]]
    events = [
        {"t": n, "dom": "k", "hashes": held, "low": 8192, "best": 8192, "high": 8192, "total": 100_000}
        for n, held in enumerate(lists)
    ]
    assert one(events)[1] == pytest.approx(12_288, rel=0.05)


def test_very_many_intervals_that_cross_each_other_are_counted_exactly_and_soon() -> None:
    """Each of 5,000 intervals crosses thousands of others; cut at all their bounds they would be millions of pieces."""
    count, width = 5_000, 2_500
    crossing = reads(
        count, dom="k", lo=lambda n: (n * 7919) % count, hi=lambda n: (n * 7919) % count + width - 1, best=width, low=width,
        high=width, total=1_000_000,
    )  # fmt: skip
    assert one([*crossing, *crossing]) == [count + width - 1] * 3
    sliding = [{"g": "a", "v": float(width), **{name: e[name] for name in ("t", "dom", "lo", "hi")}} for e in crossing]
    assert windows(sliding, count)["a", count - 1] == pytest.approx(count + width - 1)

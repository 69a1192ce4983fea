"""Whom an account reads again on the same day counts once for its habits."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner import habits_people
from scanner.habits_people import READ_SCHEMA, newly_read
from scanner.model import EVENT_SCHEMA

NAMES = ["account", "day_local", "exposed_persons", "person_table", "key_domain", "key_low", "key_high", "key_hashes"]
SCHEMA = pa.schema([EVENT_SCHEMA.field(name) for name in NAMES])


def counted(events: list[dict[str, Any]], cuts: list[int]) -> list[int]:
    read = READ_SCHEMA.empty_table()
    found: list[int] = []
    ends = sorted({min(cut, len(events)) for cut in cuts} | {len(events)})
    for start, end in zip([0, *ends], ends, strict=False):
        new, read = newly_read(pa.Table.from_pylist(events[start:end], schema=SCHEMA), read)
        found += new.tolist()
    return found


def look_up(*keys: int, account: str = "desk", day: int = 2, persons: int | None = None) -> dict[str, Any]:
    who = {"person_table": "crm.mbr", "key_domain": "crm.mbr.mbr_no", "key_hashes": list(keys)}
    return {
        "account": account,
        "day_local": date(2026, 3, day),
        "exposed_persons": len(keys) if persons is None else persons,
        **who,
    }


def test_a_person_counts_once_an_account_and_day() -> None:
    events = [look_up(1), look_up(1), look_up(1, 2), look_up(1, account="other"), look_up(1, day=3), look_up(1, persons=0)]
    events += [look_up(2, day=3), look_up(1, day=3)]
    for cut in range(len(events)):
        assert counted(events, [cut]) == [1, 0, 1, 1, 1, 0, 1, 0]


def test_intervals_and_everybody_count_once_too_and_the_unknown_each_time() -> None:
    plain = {"account": "desk", "day_local": date(2026, 3, 2), "person_table": "crm.mbr", "exposed_persons": 40}
    span = {**plain, "key_domain": "crm.mbr.mbr_no", "key_low": 1, "key_high": 99}
    everybody = {**plain, "key_domain": "*"}
    events = [span, span, {**span, "key_low": 2}, everybody, everybody, {**everybody, "person_table": "hr.emp"}, plain, plain]
    for cut in range(len(events)):
        assert counted(events, [cut]) == [40, 0, 40, 40, 0, 40, 40, 40]


def by_hand(events: list[dict[str, Any]], most: int) -> list[int]:
    """Event by event; beyond ``most`` keys of an account and day nothing more is remembered."""
    read: dict[tuple[str, date], set[int]] = {}
    found = []
    for event in events:
        known = read.setdefault((event["account"], event["day_local"]), set())
        new = 0
        for key in event["key_hashes"]:
            new += key not in known
            if len(known) < most:
                known.add(key)
        found.append(new)
    return found


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b"]), st.sampled_from([2, 3]), st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True)
        ),
        max_size=25,
    ),
    st.lists(st.integers(0, 25), max_size=4),
    st.sampled_from([3, 100]),
)
def test_as_event_by_event_wherever_the_log_is_cut(work: list[tuple[str, int, list[int]]], cuts: list[int], most: int) -> None:
    events = [look_up(*keys, account=account, day=day) for account, day, keys in sorted(work, key=lambda one: one[1])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(habits_people, "MOST_KEYS", most)
        assert counted(events, cuts) == by_hand(events, most)

"""The ``tests:`` of a rule: timed sequences of events, written with only the columns that matter.

    tests:
      - name: 3,000 people page by page, across the hour
        kind: straddled              # attack, straddled: must fire; below, benign: must not
        start: 2026-03-03T09:30:00   # UTC; optional
        events:
          - {at: 0s, every: 1m, times: 30, exposed_persons: 100, account: "dlv_{n}"}

``at`` counts from ``start`` (``90``, ``90s``, ``1h30m``, ``2d``); ``every`` and ``times`` repeat an event, with ``{n}`` in texts
counting from 0.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from scanner.model import EVENT_SCHEMA
from scanner.ruleset.fields import FIELDS, nearest
from scanner.ruleset.rule import Repeated, TestCase
from scanner.ruleset.yamlfile import Document, Key, Problem

KINDS = {"attack": True, "straddled": True, "below": False, "benign": False}
START = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)  # a Tuesday
MAX_EVENTS = 50_000

_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")
_TIMING = ("at", "every", "times")
_KEYS = ("name", "kind", "start", "events", "observed", "hits")


class _BadError(Exception):
    """A value of a test that cannot be used; the message says why."""


def read_tests(document: Document) -> tuple[list[TestCase], list[Problem]]:
    """The tests of a rule, and whatever is wrong with how they are written."""
    given = document.data.get("tests")
    if not isinstance(given, list) or not given:
        return [], [document.problem(("tests",), "is missing: every rule carries sequences that must fire and that must not")]
    tests: list[TestCase] = []
    problems: list[Problem] = []
    for index, spec in enumerate(given):
        found = len(problems)
        test = _test(document, spec, ("tests", index), problems)
        if test is not None and len(problems) == found:
            tests.append(test)
    return tests, problems


def _test(document: Document, spec: Any, key: Key, problems: list[Problem]) -> TestCase | None:
    def wrong(below: Key, message: str) -> None:
        problems.append(document.problem((*key, *below), message))

    if not isinstance(spec, dict):
        wrong((), "must be a mapping with name, kind and events")
        return None
    for name in spec:
        if name not in _KEYS:
            wrong((name,), f"unknown key {name!r}{nearest(name, dict.fromkeys(_KEYS))}")
    if not isinstance(spec.get("name"), str) or not spec["name"].strip():
        wrong(("name",), "is missing: say in words what happens")
    if spec.get("kind") not in KINDS:
        wrong(("kind",), f"must be one of {', '.join(KINDS)}")
        return None
    if not isinstance(spec.get("events"), list) or not spec["events"]:
        wrong(("events",), "is missing: a list of events")
        return None
    start = spec.get("start", START)
    if isinstance(start, date) and not isinstance(start, datetime):
        start = datetime(start.year, start.month, start.day, tzinfo=UTC)
    if not isinstance(start, datetime):
        wrong(("start",), "must be a time such as 2026-03-03T09:30:00")
        return None
    start = start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)
    for name in ("observed", "hits"):
        if name in spec and (isinstance(spec[name], bool) or not isinstance(spec[name], int | float)):
            wrong((name,), "must be a number")
            return None
    acts: list[Repeated] = []
    for index, event in enumerate(spec["events"]):
        below: Key = ("events", index)
        try:
            acts.append(_act(event, start))
        except _BadError as error:
            wrong((*below, *error.args[0]), error.args[1])
        if sum(act.times for act in acts) > MAX_EVENTS:
            wrong(below, f"makes more than {MAX_EVENTS} events")
            return None
    return TestCase(
        name=str(spec.get("name")),
        kind=spec["kind"],
        fires=KINDS[spec["kind"]],
        acts=tuple(acts),
        line=document.line_of(key),
        observed=spec.get("observed"),
        hits=spec.get("hits"),
    )


def _act(spec: Any, start: datetime) -> Repeated:
    if not isinstance(spec, dict):
        raise _BadError((), "must be a mapping of event columns, with at")
    columns = {name: value for name, value in spec.items() if name not in _TIMING}
    for name, value in columns.items():
        if name not in FIELDS or name in ("time", "day"):
            raise _BadError((name,), f"unknown column {name!r}{nearest(name, FIELDS)}; times are given with at and start")
        _check(name, value)
    times = spec.get("times", 1)
    if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= MAX_EVENTS:
        raise _BadError(("times",), f"must be a whole number from 1 to {MAX_EVENTS}")
    if times > 1 and "every" not in spec:
        raise _BadError(("every",), "is missing: how long between two of them")
    first, step = _span(spec.get("at", 0), "at"), _span(spec.get("every", 0), "every")
    return Repeated(columns, start + first, step, times)


def _check(name: str, value: Any) -> None:
    type_ = EVENT_SCHEMA.field(name).type
    try:
        if isinstance(value, bool) is not pa.types.is_boolean(type_) and value is not None:
            raise TypeError
        pa.scalar(value, type=type_)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise _BadError((name,), f"{value!r} is not {FIELDS[name].described}") from error


def _span(value: Any, key: str) -> timedelta:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 10**9:
        return timedelta(seconds=value)
    match = _SPAN.fullmatch(value) if isinstance(value, str) and value else None
    if match is None:
        raise _BadError((key,), "must be a span of time such as 90s, 15m, 1h30m or 2d")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)

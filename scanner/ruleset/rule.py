"""Compiled rules: what the loader makes of the YAML, what the engine runs and the findings quote. All of it pickles."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from scanner.model import Level


@dataclass(frozen=True)
class InNetwork:
    """A bound value settled at run time: those of the field's distinct addresses that lie in the network."""

    field: str
    network: IPv4Network | IPv6Network


@dataclass(frozen=True)
class Fragment:
    """A piece of SQL with ``?`` for each of its bound values. Nothing a rule's author wrote stands in ``sql``."""

    sql: str
    params: tuple[Any, ...] = ()

    def __add__(self, other: Fragment | str) -> Fragment:
        if isinstance(other, str):
            return Fragment(self.sql + other, self.params)
        return Fragment(self.sql + other.sql, self.params + other.params)


def join(separator: str, parts: list[Fragment]) -> Fragment:
    """The parts one after the other, with ``separator`` (fixed text) between them."""
    return Fragment(separator.join(p.sql for p in parts), tuple(v for p in parts for v in p.params))


@dataclass(frozen=True)
class Bound:
    """One operator of a correlation's condition."""

    op: str  # gt gte lt lte eq neq
    value: float


@dataclass(frozen=True)
class Correlation:
    """A correlation over one sliding window per group, half-open: ``(t - timespan, t]``.

    ``matches`` holds one condition a referenced rule, in the order the rule names them. ``groups`` are SQL expressions
    of fixed text. ``expression`` is the boolean expression of a temporal correlation over ``matches``, as nested tuples
    ("and" | "or", ...) | ("not", x) | index; None when ``bounds`` count distinct rules instead.
    """

    type: str  # event_count value_count value_sum value_avg value_percentile value_median temporal temporal_ordered
    timespan: timedelta
    matches: tuple[Fragment, ...]
    groups: tuple[Fragment, ...]
    group_names: tuple[str, ...]
    bounds: tuple[Bound, ...]
    values: tuple[str, ...] = ()  # quoted columns the aggregate is over
    percentile: float = 0.5
    expression: Any = None

    @property
    def threshold(self) -> float:
        """The number a finding names: the lower bound of a range, else the only one."""
        lower = [b.value for b in self.bounds if b.op in ("gt", "gte")]
        return (lower or [b.value for b in self.bounds])[0]


@dataclass(frozen=True)
class Repeated:
    """An event of a test, ``times`` times, ``step`` apart; ``{n}`` in its texts counts from 0."""

    columns: Mapping[str, Any]
    first: dt.datetime
    step: timedelta
    times: int

    def events(self) -> list[dict[str, Any]]:
        """Each of them, as EVENT_SCHEMA columns."""
        return [
            {**{name: _numbered(value, n) for name, value in self.columns.items()}, "time": self.first + self.step * n}
            for n in range(self.times)
        ]


def _numbered(value: Any, n: int) -> Any:
    if isinstance(value, list):
        return [_numbered(v, n) for v in value]
    return value.replace("{n}", str(n)) if isinstance(value, str) else value


@dataclass(frozen=True)
class TestCase:
    """One timed sequence of events inside a rule, and what must come of it."""

    __test__ = False  # not for pytest

    name: str
    kind: str  # attack | straddled | below | benign
    fires: bool
    acts: tuple[Repeated, ...]
    line: int
    observed: float | None = None  # expected largest aggregate, when the test states one
    hits: int | None = None  # expected number of events in the result

    @property
    def events(self) -> tuple[Mapping[str, Any], ...]:
        """EVENT_SCHEMA columns that differ from the defaults; "time" always there. Made when asked for: a scan loads the rules
        and has no use for the events of their tests."""
        return tuple(event for act in self.acts for event in act.events())


@dataclass(frozen=True)
class Rule:
    """One rule that makes findings. Exactly one of ``match`` and ``correlation`` is there."""

    id: str
    title: str
    level: Level
    description: str
    why: str  # one plain sentence with placeholders of fields.PLACEHOLDERS
    triage: tuple[str, ...]  # steps, in order
    falsepositives: tuple[str, ...]
    tags: tuple[str, ...]  # "attack.t1213.006"
    references: tuple[str, ...]
    author: str
    date: dt.date
    modified: dt.date
    version: str  # "2026-03-02+1a2b3c4d": the modified date and a hash over everything the rule's matching rests on
    path: str  # of the file, as shown in messages
    line: int
    match: Fragment | None = None
    correlation: Correlation | None = None
    tests: tuple[TestCase, ...] = field(default=(), repr=False)

    @property
    def lookback(self) -> timedelta:
        """How far before a new event the rule needs older ones."""
        return self.correlation.timespan if self.correlation else timedelta(0)


@dataclass(frozen=True)
class RuleSet:
    """All rules that make findings, by id."""

    rules: tuple[Rule, ...]

    @cached_property
    def by_id(self) -> Mapping[str, Rule]:
        return {rule.id: rule for rule in self.rules}

    @property
    def lookback(self) -> timedelta:
        """The longest look-back of all rules."""
        return max((rule.lookback for rule in self.rules), default=timedelta(0))

    def only(self, *ids: str) -> RuleSet:
        """A set of these rules alone; KeyError names one that is not there."""
        return RuleSet(tuple(self.by_id[i] for i in ids))


@dataclass(frozen=True)
class RuleTest:
    """What came of one test inside a rule."""

    rule_id: str
    rule_title: str
    name: str
    kind: str
    passed: bool
    message: str  # "" when it passed; else what was expected and what came
    path: str
    line: int

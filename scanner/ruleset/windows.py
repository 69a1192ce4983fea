"""SQL of a correlation: find the groups and times that could fire by buckets, then run the exact window on those alone.

A window is half-open, ``(t - timespan, t]``, and ends at an event. Times are whole microseconds, so it is the same as
``[t - timespan + 1 µs, t]``, which is what the RANGE frames say. With buckets of width b, a window that ends in bucket i lies
inside buckets i-k … i, k = ceil(timespan / b); an aggregate over those is never below the window's, so a bucket that stays
below the threshold cannot hold the end of a window that crosses it. Buckets are linear in the number of events; exact windows
are not.

Sums of people (:data:`OF_PEOPLE`) count the same people once in a window (:func:`scanner.people.sliding_sum`). The plain sum is
never below that, so buckets of it find the candidates all the same.
"""

# ruff: noqa: S608 - all SQL text here is ours; what rules and events bring is bound, see conditions.py

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from scanner.people import SET_COLUMNS
from scanner.ruleset.rule import Bound, Correlation, Fragment, join

BUCKETS = 60  # a timespan: an hour is looked through by the minute
_MICROSECOND = timedelta(microseconds=1)
OF_PEOPLE = frozenset({'"exposed_persons"', '"table_share"', '"contract_share"'})
_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=", "neq": "<>"}


@dataclass(frozen=True)
class Window:
    """The queries of one correlation over one relation of events.

    ``relation`` holds the EVENT_SCHEMA columns; ``since`` in microseconds since 1970: windows that end before it do not count.
    """

    correlation: Correlation
    relation: Fragment
    since: int

    @property
    def span(self) -> int:
        """Microseconds of the window."""
        return self.correlation.timespan // _MICROSECOND

    @property
    def bucket(self) -> int:
        """Microseconds of a bucket."""
        return max(1, self.span // BUCKETS)

    @property
    def before(self) -> int:
        """Buckets before the one a window ends in that it may reach into."""
        return -(-self.span // self.bucket)

    @property
    def keys(self) -> list[str]:
        return [f"g{i}" for i in range(max(1, len(self.correlation.groups)))]

    @property
    def of_people(self) -> bool:
        return self.correlation.type == "value_sum" and self.correlation.values[0] in OF_PEOPLE

    @property
    def flags(self) -> list[str]:
        return [f"m{i}" for i in range(len(self.correlation.matches))] if self.correlation.type.startswith("temporal") else []

    def matched(self) -> Fragment:
        """Events of the rules that take part: id, t, group keys, and the value or which rule matched.

        Those without a group value, or without the value the aggregate is over, take no part.
        """
        c = self.correlation
        groups = list(c.groups) or [Fragment("''")]
        columns = [Fragment('"event_id" AS id'), Fragment('epoch_us("time") AS t')]
        columns += [g + f" AS {k}" for g, k in zip(groups, self.keys, strict=True)]
        if c.type == "value_count":
            columns.append(Fragment(f"{c.values[0]} AS v" if len(c.values) == 1 else f"row({', '.join(c.values)}) AS v"))
        elif c.values:
            columns.append(Fragment(f"{c.values[0]}::DOUBLE AS v"))
        if self.of_people:
            columns.append(Fragment(SET_COLUMNS))
        columns += [Fragment("coalesce(") + m + f", false) AS {f}" for f, m in zip(self.flags, c.matches, strict=False)]
        present = "".join(f" AND {value} IS NOT NULL" for value in c.values)
        lower = Fragment('"time" >= make_timestamptz(?)', (max(self.since - self.span + 1, -(10**17)),))
        rows = Fragment("SELECT ") + join(", ", columns) + " FROM " + self.relation
        rows = rows + " WHERE " + lower + " AND (" + join(" OR ", list(c.matches)) + ")" + present
        return Fragment("SELECT * FROM (") + rows + ") WHERE " + " AND ".join(f"{k} IS NOT NULL" for k in self.keys)

    def candidates(self) -> Fragment:
        """(group keys, bucket) of every bucket in which a window that fires may end."""
        c, keys = self.correlation, ", ".join(self.keys)
        over = f"OVER (PARTITION BY {keys} ORDER BY bucket RANGE BETWEEN {self.before} PRECEDING AND CURRENT ROW)"
        if self.flags:
            weights = ", ".join(f"bool_or({f}) AS {f}" for f in self.flags)
            bounds = ", ".join(f"coalesce(bool_or({f}) {over}, false) AS {f}" for f in self.flags)
        else:
            weight, total = {
                "event_count": ("count(*)", "sum"),
                "value_count": ("count(DISTINCT v)", "sum"),
                "value_sum": ("sum(greatest(v, 0))", "sum"),
            }.get(c.type, ("max(v)", "max"))  # no average or percentile is above the largest value
            weights, bounds = f"{weight} AS w", f"{total}(w) {over} AS bound"
        return (
            Fragment("WITH matched AS (")
            + self.matched()
            + f"), buckets AS (SELECT {keys}, t // {self.bucket} AS bucket, {weights} FROM matched GROUP BY ALL), "
            + f"bounds AS (SELECT {keys}, bucket, {bounds} FROM buckets) "
            + Fragment(f"SELECT {keys}, bucket FROM bounds WHERE bucket >= ? AND ", (self.since // self.bucket - 1,))
            + self._possible()
        )

    def _possible(self) -> Fragment:
        """Whether a window could fire, told by an upper bound of its aggregate."""
        c = self.correlation
        if c.expression is not None:
            return Fragment(_boolean(c.expression, possible=True))
        total = " + ".join(f"{f}::INT" for f in self.flags) or "bound"
        # a little below: sums of fractions differ in the last digits with the order they are added in
        least = [b.value - abs(b.value) * 1e-9 - 1e-9 for b in c.bounds if b.op in ("gt", "gte", "eq")]
        return join(" AND ", [Fragment("true"), *(Fragment(f"{total} >= ?", (value,)) for value in least)])

    def near(self, candidates: str) -> Fragment:
        """Events in the buckets of ``candidates``, the table made before, or in those that their windows reach into: the columns
        of :meth:`matched`, and ``hot`` for those at which a window that fires may end."""
        keys = ", ".join(self.keys)
        needed = (
            f"needed AS (SELECT {keys}, bucket - i AS bucket, bool_or(i = 0) AS hot "
            f"FROM {candidates}, range({self.before + 1}) AS steps(i) GROUP BY ALL) "
        )
        joined = f"SELECT matched.*, hot FROM matched JOIN needed ON {self._same_group()} AND t // {self.bucket} = bucket"
        return Fragment("WITH matched AS (") + self.matched() + f"), {needed}{joined}"

    def exact(self) -> Fragment:
        """(id, t, group_key, observed) of every event inside a window that fires, from the table ``near`` and, for sums of
        people, the table ``running`` (:func:`scanner.people.sliding_sum`)."""
        keys = ", ".join(self.keys)
        group = "concat_ws('|', " + ", ".join(f"replace(replace({k}, '\\', '\\\\'), '|', '\\|')" for k in self.keys) + ")"
        fired, marks = self._fired()
        after = f"OVER (PARTITION BY {keys} ORDER BY t RANGE BETWEEN CURRENT ROW AND {self.span - 1} FOLLOWING)"
        if self.correlation.type == "temporal_ordered":
            result = f"CASE WHEN min(begin) {after} <= t THEN {len(self.flags)}::DOUBLE END"
        else:
            result = f"max(f) {after}::DOUBLE"
        return (
            Fragment("WITH ")
            + fired
            + f"SELECT id, t, {group} AS group_key, {result} AS observed FROM {marks} "
            + "QUALIFY observed IS NOT NULL ORDER BY group_key, t, id"
        )

    def _same_group(self) -> str:
        return " AND ".join(f"matched.{k} = needed.{k}" for k in self.keys)

    def _fired(self) -> tuple[Fragment, str]:
        """Common table expressions up to one that marks each event a window that fires ends at, and its name."""
        c, keys = self.correlation, ", ".join(self.keys)
        over = f"OVER (PARTITION BY {keys} ORDER BY t RANGE BETWEEN {self.span - 1} PRECEDING AND CURRENT ROW)"
        ends = Fragment("hot AND t >= ?", (self.since,))
        if c.type == "temporal_ordered":
            # s<i>: the latest moment at which a chain of the first i+1 rules can have begun that reaches this event
            steps = f"s0 AS (SELECT *, CASE WHEN {self.flags[0]} THEN t END AS s0 FROM near), "
            for i in range(1, len(self.flags)):
                steps += f"s{i} AS (SELECT *, CASE WHEN {self.flags[i]} THEN max(s{i - 1}) {over} END AS s{i} FROM s{i - 1}), "
            last = f"s{len(self.flags) - 1}"
            begin = (
                Fragment(f"marks AS (SELECT *, CASE WHEN {last} > t - {self.span} AND ")
                + ends
                + f" THEN {last} END AS begin FROM {last}) "
            )
            return Fragment(steps) + begin, "marks"
        if self.flags:
            seen = ", ".join(f"bool_or({f}) {over} AS w{f}" for f in self.flags)
            total = " + ".join(f"w{f}::INT" for f in self.flags)
            windows = f"windows AS (SELECT *, {total} AS a FROM (SELECT *, {seen} FROM near)), "
        elif self.of_people:
            windows = f"windows AS (SELECT near.*, round(a, 9) AS a FROM near JOIN running USING ({keys}, t)), "
        else:
            aggregate = {
                "event_count": f"count(*) {over}",
                "value_count": f"count(DISTINCT v) {over}",
                "value_sum": f"round(sum(v) {over}, 9)",
                "value_avg": f"round(avg(v) {over}, 9)",
                "value_percentile": f"quantile_cont(v, {c.percentile!r}) {over}",
                "value_median": f"median(v) {over}",
            }[c.type]
            windows = f"windows AS (SELECT *, {aggregate} AS a FROM near), "
        if c.expression is not None:
            holds = Fragment(_boolean(c.expression, prefix="w"))
        else:
            holds = join(" AND ", [_holds(b) for b in c.bounds])
        return Fragment(
            windows
        ) + "marks AS (SELECT *, CASE WHEN " + ends + " AND " + holds + " THEN a END AS f FROM windows) ", "marks"


def _holds(bound: Bound) -> Fragment:
    return Fragment(f"a {_SIGNS[bound.op]} ?", (bound.value,))


def _boolean(node: Any, *, prefix: str = "", possible: bool = False) -> str:
    """A temporal correlation's expression over its flags; ``possible``: what is negated may hold, a bound cannot tell."""
    if isinstance(node, int):
        return f"{prefix}m{node}"
    word, *args = node
    if word == "not":
        return "true" if possible else f"NOT ({_boolean(args[0], prefix=prefix)})"
    return "(" + f" {word} ".join(_boolean(a, prefix=prefix, possible=possible) for a in args) + ")"

"""Rules run over the event store by DuckDB, shut off from everything but the files it is to read."""

# ruff: noqa: S608 - all SQL text here is ours; what rules and events bring is bound, see conditions.py

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote, urlparse

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from scanner.engine import missing_columns, open_shut_engine
from scanner.errors import StoreError
from scanner.model import EVENT_SCHEMA, HITS_SCHEMA
from scanner.people import sliding_sum
from scanner.ruleset.rule import Fragment, InNetwork, Rule, RuleSet, join
from scanner.ruleset.windows import Window

Events: TypeAlias = "pa.Table | Sequence[str | Path]"

_DAY = re.compile(r"/day=(\d{4}-\d{2}-\d{2})/")
_MORE_MEMORY = "4GB"
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def run_rules(
    ruleset: RuleSet,
    events: Events,
    *,
    since: datetime | None = None,
    memory_limit: str = "512MB",
    threads: int | None = None,
    spill_to: Path | None = None,
) -> pa.Table:
    """What the rules find: one row per (rule, group, contributing event), HITS_SCHEMA, ordered by rule, group, time, event.

    ``events``: paths of the event table's Parquet files (``day=…`` folders are skipped by date), or an Arrow table with
    EVENT_SCHEMA's columns. ``since``: the earliest time of the events newly stored; None looks at all. A rule about single
    events finds those at or after it. A correlation looks back by its timespan and finds, for each group, every event inside a
    window ``(t - timespan, t]`` that crosses the threshold and ends at an event with t >= ``since``; ``observed`` is the largest
    aggregate of the windows the event lies in. Running again over the same events finds the same.

    ``memory_limit`` bounds DuckDB's buffers; what does not fit goes to the folder ``spill_to``. Windows over very many events
    can need more than that all the same: then the rules run once more with the memory of ``_MORE_MEMORY``, since rules that do
    not run are worse than a scan that takes more memory than usual.

    Raises :class:`~scanner.errors.StoreError` when the events cannot be read.
    """
    since = since or _BEGINNING
    if since.tzinfo is None:
        raise ValueError("since must have a time zone")
    if not isinstance(events, pa.Table) and not events:
        return HITS_SCHEMA.empty_table()
    try:
        try:
            with _Run(events, since, memory_limit, threads, spill_to) as run:
                return run.hits(ruleset)
        except duckdb.OutOfMemoryException:
            with _Run(events, since, _MORE_MEMORY, threads, spill_to) as run:
                return run.hits(ruleset)
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise StoreError(
            f"the rules could not run over the event store: {reason}", "check the data directory; see doctor"
        ) from error


def run_each(cases: Iterable[tuple[RuleSet, pa.Table]]) -> Iterator[pa.Table]:
    """As :func:`run_rules` for each set of rules and its own few events, over one connection.

    For the tests inside the rules: opening a connection takes longer than they do.
    """
    with _Run(EVENT_SCHEMA.empty_table(), _BEGINNING, "512MB", 1) as run:
        for ruleset, events in cases:
            run.addresses.clear()
            run.con.register("events", events)
            yield run.hits(ruleset)


@dataclass
class _Run:
    """One connection over one set of events, locked before the first rule's text is looked at."""

    events: Events
    since: datetime
    memory_limit: str
    threads: int | None
    spill_to: Path | None = None
    con: duckdb.DuckDBPyConnection = field(init=False)
    files: list[str] = field(init=False, default_factory=list)
    addresses: dict[str, list[str]] = field(init=False, default_factory=dict)
    lacking: dict[int, list[str]] = field(init=False, default_factory=dict)  # columns that files of older versions lack

    def __enter__(self) -> _Run:
        self.files = [] if isinstance(self.events, pa.Table) else [_local(path) for path in self.events]
        allowed = {"allowed_paths": self.files} if self.files else {}
        # without a folder DuckDB would spill into the working directory
        spill_to = str(self.spill_to) if self.spill_to else ""
        self.con = open_shut_engine(allowed, memory=self.memory_limit, threads=self.threads, spill_to=spill_to)
        if isinstance(self.events, pa.Table):
            self.con.register("events", self.events)
        self.con.execute("SET lock_configuration = true")
        return self

    def __exit__(self, *_: object) -> None:
        self.con.close()

    def hits(self, ruleset: RuleSet) -> pa.Table:
        """HITS_SCHEMA of all rules."""
        parts = [self.single([rule for rule in ruleset.rules if rule.match])]
        parts += [self.correlation(rule) for rule in self.stirred([rule for rule in ruleset.rules if rule.correlation])]
        return pa.concat_tables([part for part in parts if part.num_rows] or [HITS_SCHEMA.empty_table()])

    def relation(self, lookback: timedelta) -> Fragment | None:
        """The events of the days from ``since - lookback`` on; None when there are none."""
        if isinstance(self.events, pa.Table):
            return Fragment("events")
        first = (self.since - min(lookback, self.since - _BEGINNING)).astimezone(UTC).date() if self.since > _BEGINNING else None
        files = [path for path in self.files if first is None or (day := _day(path)) is None or day >= first]
        if not files:
            return None
        read = "read_parquet(?, union_by_name = true, hive_partitioning = false)"
        if len(files) not in self.lacking:  # by their number: it is always the newest days that are read
            found = self.con.execute(f"DESCRIBE SELECT * FROM {read}", [files]).fetchall()
            self.lacking[len(files)] = missing_columns([*(row[0] for row in found), "day"])
        missing = self.lacking[len(files)]
        return Fragment(f"(SELECT *, {', '.join(missing)} FROM {read})" if missing else read, (files,))

    def single(self, rules: list[Rule]) -> pa.Table:
        """All rules about single events in one pass over the new ones."""
        relation = self.relation(timedelta(0))
        if not rules or relation is None:
            return HITS_SCHEMA.empty_table()
        matches = [rule.match for rule in rules if rule.match is not None]
        cases = join(", ", [Fragment("CASE WHEN ") + match + f" THEN {index} END" for index, match in enumerate(matches)])
        # the few events that any rule matches first: making a list for each of all events would cost more than the rules do
        query = (
            Fragment('SELECT "event_id" AS id, epoch_us("time") AS t, rule FROM (SELECT "event_id", "time", unnest([')
            + cases
            + "]) AS rule FROM "
            + relation
            + Fragment(' WHERE "time" >= ? AND (', (self.since,))
            + join(" OR ", matches)
            + ")) WHERE rule IS NOT NULL ORDER BY rule, t, id"
        )
        found = self.query(query, timedelta(0))
        which = found.column("rule").cast(pa.int64())
        return pa.table(
            {
                "rule_id": pc.take(pa.array([r.id for r in rules], pa.string()), which),
                "level": pc.take(pa.array([r.level.value for r in rules], pa.string()), which),
                "group_key": pa.array([""] * found.num_rows, pa.string()),
                "event_id": found.column("id"),
                "time": found.column("t").cast(pa.timestamp("us", tz="UTC")),
                "observed": pa.nulls(found.num_rows, pa.float64()),
                "threshold": pa.nulls(found.num_rows, pa.float64()),
            },
            schema=HITS_SCHEMA,
        )

    def stirred(self, rules: list[Rule]) -> list[Rule]:
        """Those correlations in which a new event takes part: a window that fires ends at one, others need no look-back."""
        relation = self.relation(timedelta(0))
        if not rules or relation is None:
            return []
        matches = [join(" OR ", list(rule.correlation.matches)) for rule in rules if rule.correlation is not None]
        told = [Fragment("bool_or(") + match + ")" for match in matches]
        query = Fragment("SELECT unnest([") + join(", ", told) + "]) AS any FROM " + relation
        found = self.query(query + Fragment(' WHERE "time" >= ?', (self.since,)), timedelta(0))
        return [rule for rule, any_of_it in zip(rules, found.column("any").to_pylist(), strict=True) if any_of_it]

    def correlation(self, rule: Rule) -> pa.Table:
        """Candidates by buckets, then the exact windows of those."""
        correlation = rule.correlation
        assert correlation is not None
        relation = self.relation(correlation.timespan)
        if relation is None:
            return HITS_SCHEMA.empty_table()
        window = Window(correlation, relation, _micros(self.since))
        candidates = self.query(window.candidates(), correlation.timespan)
        if not candidates.num_rows:
            return HITS_SCHEMA.empty_table()
        self.con.register("candidates", candidates)
        near = window.near("candidates")
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE near AS {near.sql}", self._bound(near, correlation.timespan))
        self.con.unregister("candidates")
        if window.of_people:
            self.con.register("running", sliding_sum(self.con, "near", window.keys, window.span))
        found = self.query(window.exact(), correlation.timespan)
        self.con.unregister("running")
        self.con.execute("DROP TABLE near")
        return pa.table(
            {
                "rule_id": pa.array([rule.id] * found.num_rows, pa.string()),
                "level": pa.array([rule.level.value] * found.num_rows, pa.string()),
                "group_key": found.column("group_key"),
                "event_id": found.column("id"),
                "time": found.column("t").cast(pa.timestamp("us", tz="UTC")),
                "observed": found.column("observed"),
                "threshold": pa.array([correlation.threshold] * found.num_rows, pa.float64()),
            },
            schema=HITS_SCHEMA,
        )

    def query(self, query: Fragment, lookback: timedelta) -> pa.Table:
        table: pa.Table = self.con.sql(query.sql, params=self._bound(query, lookback)).to_arrow_table()
        return table

    def _bound(self, query: Fragment, lookback: timedelta) -> list[Any]:
        return [self._in_network(p, lookback) if isinstance(p, InNetwork) else p for p in query.params]

    def _in_network(self, param: InNetwork, lookback: timedelta) -> list[str]:
        """The distinct addresses of the events that lie in the network; far fewer than events."""
        key = f"{param.field}/{lookback}"
        if key not in self.addresses:
            relation = self.relation(lookback)
            assert relation is not None
            rows = self.con.sql(f'SELECT DISTINCT "{param.field}" FROM {relation.sql}', params=list(relation.params)).fetchall()
            self.addresses[key] = [row[0] for row in rows if row[0]]
        return [text for text in self.addresses[key] if _inside(text, param)]


def _inside(text: str, param: InNetwork) -> bool:
    try:
        address = ip_address(text.split("%")[0])
    except ValueError:
        return False  # "[local]", a host name
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address) in param.network


def _local(path: str | Path) -> str:
    text = str(path)
    return unquote(urlparse(text).path) if text.startswith("file://") else str(Path(text).absolute())


def _day(path: str) -> date | None:
    match = _DAY.search(path)
    return date.fromisoformat(match[1]) if match else None


def _micros(time: datetime) -> int:
    return (time - _BEGINNING) // timedelta(microseconds=1)

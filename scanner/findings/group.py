"""From hits to findings: who did it, which hits belong to one episode, which finding that is.

Hits group by *principal*: database, vendor and account. A rule that looks at a vendor's accounts together still speaks of
one account when that account did at least nine tenths of it; otherwise its principal is the vendor as a whole. Within a
principal, hits whose windows touch (a day and a half, so that a daily job which is not punctual stays one; or the rule's own
time span when longer) are one episode. Hits below medium
have episodes of their own, unless their event also made a stronger hit: then they belong there.

The episodes depend on the hits alone, and a finding's id on its first event, so a scan that was killed and run again ends
with the same findings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from scanner.arrays import Bools, Ints, coded
from scanner.engine import Engine, arrow
from scanner.findings import hits
from scanner.model import HITS_SCHEMA, Level
from scanner.store import tables as t


def log_principal(database: str, sign: str, source_id: str) -> str:
    """The principal of what is wrong with a log and touches nobody's sessions."""
    return f"{database}\x1f\x1f!{sign}/{source_id}"


EPISODE_GAP = timedelta(hours=36)
WEEKEND = timedelta(days=2)  # after a hit of a Friday, wherever on earth (18 hours on it is Friday or Saturday in UTC)
OPEN = ("new", "in_progress", "suppressed")

# Hits are many and wide: queries see them as numbers, ``n`` being the row. ``kind`` is the pair of rule and group.
_PRINCIPALS = """
with joined as (
    select h.n, h.kind, h.grouped, e.database, e.vendor, e.account, e.exposed_persons,
        -- what is wrong with a log is decided on by itself, whoever's sessions it touches
        case when e.activity = 'log' then concat('!', e.technique, '/', e.source_id) end as about
    from hits h join events e using (event_id) where e.time between $first and $last
), weight as (
    select kind, database, vendor, account, sum(exposed_persons) + 0.000001 * count(*) as weight
    from joined where grouped group by all
), foremost as (
    select kind, database, vendor, arg_max(account, weight) as leader, max(weight) >= 0.9 * sum(weight) as leads
    from weight group by all
), named as (
    select j.n, concat_ws(chr(31), j.database, coalesce(j.vendor, ''),
            coalesce(j.about, case when l.leads is false then '*' else coalesce(j.account, '') end)) as principal
    from joined j
    left join foremost l on l.kind = j.kind and l.database = j.database and l.vendor is not distinct from j.vendor
    where l.leads is null or not l.leads or j.account is not distinct from l.leader
)
select * from named order by n
"""


@dataclass(frozen=True)
class Assigned:
    """Findings to write anew: those that are new, and those that got further hits."""

    new: Mapping[str, str | None]  # finding id -> the closed finding it follows
    touched: tuple[str, ...]
    members: pa.Table  # MEMBER_SCHEMA: every hit of the touched findings


def hits_with_principals(engine: Engine, found: pa.Table) -> pa.Table:
    """Hits with their ``principal``. ``engine`` has the view ``events``."""
    found = found.cast(HITS_SCHEMA)
    (rules, _), (groups, keys) = coded(found["rule_id"]), coded(found["group_key"])
    numbers = {
        "n": np.arange(found.num_rows),
        "event_id": found["event_id"],
        "kind": rules * len(keys) + groups,
        "grouped": pc.not_equal(found["group_key"], ""),
    }
    first, last = pc.min_max(found["time"]).as_py().values()
    engine.register("hits", pa.table(numbers))
    try:
        named = arrow(engine, _PRINCIPALS, params={"first": first, "last": last})
    finally:
        engine.unregister("hits")
    words = {name: found[name].cast(hits.WORDS) for name in ("rule_id", "group_key", "level")}
    narrow = pa.table([words.get(name, found[name]) for name in found.column_names], names=found.column_names)
    return narrow.take(named["n"]).append_column("principal", named["principal"].cast(hits.WORDS))


def assign(connection: Connection, named: pa.Table, lookback: Mapping[str, timedelta]) -> Assigned:
    """Store hits (with principals) and say which findings they make or join. ``lookback`` is each rule's time span."""
    if named.num_rows == 0:
        return Assigned({}, (), hits.MEMBER_SCHEMA.empty_table())
    prior = hits.of_principals(connection, sorted(pc.unique(named["principal"]).to_pylist()))
    added = named.append_column("finding_id", pa.nulls(named.num_rows, hits.WORDS)).select(hits.MEMBER_SCHEMA.names)
    every = _Every.of(pa.concat_tables([prior, added.cast(hits.MEMBER_SCHEMA)]), prior.num_rows, lookback)
    episodes = every.episodes()
    statuses = _statuses(connection, {f for e in episodes for f in e["finding_ids"]})
    new, targets = _targets(episodes, statuses)
    members, fresh = every.owned(targets)
    principal_of = {target["finding_id"]: target["principal"] for target in targets}
    whose, ids = coded(members["finding_id"])
    for code, finding_id in enumerate(ids.to_pylist()):
        rows = np.flatnonzero(fresh & (whose == code))
        if len(rows):
            hits.write(connection, finding_id, principal_of[finding_id], members.take(pa.array(rows)))
    return Assigned(new, tuple(principal_of), members)


@dataclass(frozen=True)
class _Every:
    """All hits of some principals, in the order of principals, tiers (weak, strong), times and events; no hit twice."""

    hits: pa.Table  # MEMBER_SCHEMA, in their first order
    row: Ints  # of ``hits``
    numbers: dict[str, Ints]  # event, rule, group, principal, finding (-1: none), time, each numbered in the order of its values
    strong: Bools
    fresh: Bools
    episode: Ints  # 0, 1, 2 …
    principals: list[str]
    events: pa.Array
    findings: list[str]

    @classmethod
    def of(cls, found: pa.Table, before: int, lookback: Mapping[str, timedelta]) -> _Every:
        """``before`` hits are known, the others fresh; ``lookback`` is each rule's time span."""
        (event, events), (rule, rules), (group, groups), (principal, principals), (level, levels), (finding, findings) = (
            _in_order(found[name]) for name in ("event_id", "rule_id", "group_key", "principal", "level", "finding_id")
        )
        time = found["time"].cast(pa.int64()).to_numpy()
        gap = np.array(
            [max(lookback.get(name, EPISODE_GAP), EPISODE_GAP) // _MICROSECOND for name in rules.to_pylist()], np.int64
        )
        telling = np.array([Level(name).rank >= Level.MEDIUM.rank for name in levels.to_pylist()], np.bool_)[level]
        same = (event * len(rules) + rule) * max(len(groups), 1) + group
        kept = np.arange(found.num_rows) < before
        kept |= ~np.isin(same, same[:before])
        key = principal * len(events) + event
        strong = np.isin(key, key[telling & kept])
        row = np.flatnonzero(kept)
        row = row[np.lexsort((event[row], time[row], strong[row], principal[row]))]
        numbers = {"event": event, "rule": rule, "group": group, "principal": principal, "finding": finding, "time": time}
        sorted_numbers = {name: values[row] for name, values in numbers.items()}
        tier = principal[row] * 2 + strong[row]
        begins = np.append(True, np.diff(tier) != 0)
        friday = np.isin((time[row] // _HOUR + 18) // 24 % 7, (1, 2))
        reach = time[row] + gap[rule[row]] + np.where(friday, WEEKEND // _MICROSECOND, 0)
        for begin, end in pairwise([*np.flatnonzero(begins).tolist(), len(row)]):
            np.maximum.accumulate(reach[begin:end], out=reach[begin:end])
        begins[1:] |= time[row][1:] > reach[:-1]
        return cls(
            found, row, sorted_numbers, strong[row], row >= before, np.cumsum(begins) - 1, principals.to_pylist(), events,
            findings.to_pylist(),
        )  # fmt: skip

    def episodes(self) -> list[dict[str, Any]]:
        """Each episode, in the order of principals and times."""
        starts = np.flatnonzero(np.append(True, np.diff(self.episode) != 0))
        size = len(self.row)
        first_fresh = np.minimum.reduceat(np.where(self.fresh, np.arange(size), size), starts)
        of_findings: dict[int, list[str]] = {}
        known = np.flatnonzero(self.numbers["finding"] >= 0)
        pairs = np.unique(np.stack([self.episode[known], self.numbers["finding"][known]]), axis=1)
        for episode, finding in pairs.T.tolist():
            of_findings.setdefault(episode, []).append(self.findings[finding])
        made = [
            {
                "episode": episode,
                "principal": self.principals[int(self.numbers["principal"][start])],
                "is_strong": bool(self.strong[start]),
                "first_time": int(self.numbers["time"][start]),
                "first_event": self._event(start),
                "first_fresh": self._event(fresh) if fresh < size else None,
                "fresh": fresh < size,
                "finding_ids": of_findings.get(episode, []),
            }
            for episode, (start, fresh) in enumerate(zip(starts.tolist(), first_fresh.tolist(), strict=True))
        ]
        return sorted(made, key=lambda e: (e["principal"], e["first_time"], e["is_strong"]))

    def _event(self, place: int) -> str:
        event: str = self.events[int(self.numbers["event"][place])].as_py()
        return event

    def owned(self, targets: list[dict[str, Any]]) -> tuple[pa.Table, Bools]:
        """The hits of the episodes' findings (MEMBER_SCHEMA), in order of time and event; which of them are fresh."""
        codes = {name: code for code, name in enumerate(self.findings)}
        target = np.full(int(self.episode[-1]) + 1, -1, np.int64)
        finding = np.full(len(target), -1, np.int64)
        for number, one in enumerate(targets):
            target[one["episode"]], finding[one["episode"]] = number, codes.get(one["finding_id"], -1)
        its = (self.numbers["finding"] == finding[self.episode]) & (self.numbers["finding"] >= 0)
        places = np.flatnonzero((target[self.episode] >= 0) & (self.fresh | its))
        order = [self.numbers[name][places] for name in ("group", "rule", "event", "time")]
        places = places[np.lexsort(order)]
        names = pa.array([one["finding_id"] for one in targets], pa.string())
        ids = pa.DictionaryArray.from_arrays(pa.array(target[self.episode[places]].astype(np.int32)), names)
        taken = self.hits.take(pa.array(self.row[places]))
        return taken.set_column(taken.schema.get_field_index("finding_id"), "finding_id", ids), self.fresh[places]


def _in_order(column: pa.ChunkedArray) -> tuple[Ints, pa.Array]:
    """Each value's number among the distinct ones in their order (-1 for null), and those."""
    codes, values = coded(column)
    order = pc.sort_indices(values)
    rank = np.full(len(order) + 1, -1, np.int64)
    rank[order.to_numpy()] = np.arange(len(order))
    return rank[codes], values.take(order)


def _targets(
    episodes: list[dict[str, Any]], statuses: Mapping[str, tuple[str, str]]
) -> tuple[dict[str, str | None], list[dict[str, Any]]]:
    """New findings (and what they follow), and the finding of every episode that makes or joins one."""
    new: dict[str, str | None] = {}
    targets = []
    for episode in episodes:
        existing = sorted(episode["finding_ids"], key=lambda f: statuses[f][1])
        still_open = [f for f in existing if statuses[f][0] in OPEN]
        if still_open:
            target = still_open[0]
        elif not episode["fresh"]:
            continue  # closed, and nothing has happened since
        else:
            target = _finding_id(
                episode["principal"], episode["is_strong"], episode["first_fresh" if existing else "first_event"]
            )
            new[target] = existing[-1] if existing else None
        targets.append({**{name: episode[name] for name in ("principal", "episode")}, "finding_id": target})
    return new, targets


def _finding_id(principal: str, strong: bool, event_id: str) -> str:
    return hashlib.sha256(f"{principal}\x1e{'strong' if strong else 'weak'}\x1e{event_id}".encode()).hexdigest()[:16]


_MICROSECOND = timedelta(microseconds=1)
_HOUR = 3_600_000_000


def _statuses(connection: Connection, ids: Iterable[str]) -> dict[str, tuple[str, str]]:
    found = {}
    for finding_id in ids:
        row = connection.execute(select(t.finding.c.status, t.finding.c.created_at).where(t.finding.c.id == finding_id)).one()
        found[finding_id] = (row.status, row.created_at)
    return found

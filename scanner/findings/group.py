"""From hits to findings: who did it, which hits belong to one episode, which finding that is.

Hits group by *principal*: database, vendor and account. A rule that looks at a vendor's accounts together still speaks of
one account when that account did at least nine tenths of it; otherwise its principal is the vendor as a whole. Within a
principal, hits whose windows touch (a day, or the rule's own time span when longer) are one episode. Hits below medium
have episodes of their own, unless their event also made a stronger hit: then they belong there.

The episodes depend on the hits alone, and a finding's id on its first event, so a scan that was killed and run again ends
with the same findings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, bindparam, select, update

from scanner.engine import Engine, arrow, open_engine
from scanner.model import HITS_SCHEMA, Level
from scanner.store import tables as t
from scanner.store.state import iso, upsert

EPISODE_GAP = timedelta(hours=24)
OPEN = ("new", "in_progress", "suppressed")

_PRINCIPALS = """
with joined as (
    select h.*, e.database, e.vendor, e.account, e.exposed_persons
    from hits h join events e using (event_id)
    where e.time between (select min(time) from hits) and (select max(time) from hits)
), weight as (
    select rule_id, group_key, database, vendor, account, sum(exposed_persons) + 0.000001 * count(*) as weight
    from joined where group_key <> '' group by all
), foremost as (
    select rule_id, group_key, database, vendor, arg_max(account, weight) as leader,
        max(weight) >= 0.9 * sum(weight) as leads
    from weight group by all
)
select j.event_id, j.rule_id, j.group_key, j.time, j.level, j.observed, j.threshold,
    concat_ws(chr(31), j.database, coalesce(j.vendor, ''), case when l.leads is false then '*' else coalesce(j.account, '') end)
        as principal
from joined j
left join foremost l on l.rule_id = j.rule_id and l.group_key = j.group_key and l.database = j.database
    and l.vendor is not distinct from j.vendor
where l.leads is null or not l.leads or j.account is not distinct from l.leader
"""

_EPISODES = """
with strong as (select distinct principal, event_id from hit where rank >= 2),
tiered as (
    select h.*, h.rank >= 2 or s.event_id is not null as is_strong
    from hit h left join strong s on s.principal = h.principal and s.event_id = h.event_id
), stepped as (
    select *, max(time + to_microseconds(gap)) over (
        partition by principal, is_strong order by time, event_id rows between unbounded preceding and 1 preceding
    ) as reach from tiered
), numbered as (
    select *, sum(case when reach is null or time > reach then 1 else 0 end) over (
        partition by principal, is_strong order by time, event_id rows unbounded preceding
    ) as episode from stepped
)
select principal, is_strong, episode, list(distinct finding_id) filter (finding_id is not null) as finding_ids,
    count(*) filter (finding_id is null) as fresh, min(time) as first_time,
    arg_min(event_id, (time, event_id)) as first_event,
    arg_min(event_id, (time, event_id)) filter (finding_id is null) as first_fresh,
    list(distinct struct_pack(event_id := event_id, rule_id := rule_id, group_key := group_key))
        filter (finding_id is null) as fresh_hits
from numbered group by all order by principal, first_time
"""


@dataclass(frozen=True)
class Assigned:
    """Findings to write anew: those that are new, and those that got further hits."""

    new: Mapping[str, str | None]  # finding id -> the closed finding it follows
    touched: tuple[str, ...]


def hits_with_principals(engine: Engine, hits: pa.Table) -> pa.Table:
    """Hits with their ``principal``. ``engine`` has the view ``events``."""
    engine.register("hits", hits.cast(HITS_SCHEMA))
    try:
        return arrow(engine, _PRINCIPALS)
    finally:
        engine.unregister("hits")


def assign(connection: Connection, hits: pa.Table, lookback: Mapping[str, timedelta]) -> Assigned:
    """Store hits (with principals) and say which findings they make or join. ``lookback`` is each rule's time span."""
    if hits.num_rows == 0:
        return Assigned({}, ())
    rows = [{**row, "time": iso(row["time"])} for row in hits.to_pylist()]
    upsert(connection, t.hit, rows, keep=("finding_id",))
    principals = sorted({row["principal"] for row in rows})
    episodes = _episodes(_stored_hits(connection, principals), lookback)
    statuses = _statuses(connection, {f for e in episodes for f in e["finding_ids"] or ()})
    new: dict[str, str | None] = {}
    touched: dict[str, None] = {}
    for episode in episodes:
        existing = sorted(episode["finding_ids"] or (), key=lambda f: statuses[f][1])
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
        touched[target] = None
        if episode["fresh_hits"]:
            _own(connection, target, episode["fresh_hits"])
    return Assigned(new, tuple(touched))


def _finding_id(principal: str, strong: bool, event_id: str) -> str:
    return hashlib.sha256(f"{principal}\x1e{'strong' if strong else 'weak'}\x1e{event_id}".encode()).hexdigest()[:16]


def _stored_hits(connection: Connection, principals: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for principal in principals:
        found += [dict(r._mapping) for r in connection.execute(select(t.hit).where(t.hit.c.principal == principal))]
    return found


def _episodes(rows: list[dict[str, Any]], lookback: Mapping[str, timedelta]) -> list[dict[str, Any]]:
    schema = pa.schema(
        [
            ("principal", pa.string()),
            ("event_id", pa.string()),
            ("rule_id", pa.string()),
            ("group_key", pa.string()),
            ("time", pa.timestamp("us", tz="UTC")),
            ("rank", pa.int8()),
            ("gap", pa.int64()),
            ("finding_id", pa.string()),
        ]
    )
    table = pa.Table.from_pylist(
        [
            {
                **{name: row[name] for name in ("principal", "event_id", "rule_id", "group_key", "finding_id")},
                "time": datetime.fromisoformat(row["time"]),
                "rank": Level(row["level"]).rank,
                "gap": max(lookback.get(row["rule_id"], EPISODE_GAP), EPISODE_GAP) // timedelta(microseconds=1),
            }
            for row in rows
        ],
        schema=schema,
    )
    engine = open_engine()
    try:
        engine.register("hit", table)
        episodes: list[dict[str, Any]] = arrow(engine, _EPISODES).to_pylist()
    finally:
        engine.close()
    return episodes


def _statuses(connection: Connection, ids: Iterable[str]) -> dict[str, tuple[str, str]]:
    found = {}
    for finding_id in ids:
        row = connection.execute(select(t.finding.c.status, t.finding.c.created_at).where(t.finding.c.id == finding_id)).one()
        found[finding_id] = (row.status, row.created_at)
    return found


def _own(connection: Connection, finding_id: str, hits: list[dict[str, str]]) -> None:
    statement = (
        update(t.hit)
        .where(
            t.hit.c.event_id == bindparam("b_event"),
            t.hit.c.rule_id == bindparam("b_rule"),
            t.hit.c.group_key == bindparam("b_group"),
        )
        .values(finding_id=finding_id)
    )
    connection.execute(statement, [{"b_event": h["event_id"], "b_rule": h["rule_id"], "b_group": h["group_key"]} for h in hits])

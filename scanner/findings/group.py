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
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from scanner.engine import Engine, arrow, open_engine
from scanner.findings import hits
from scanner.model import HITS_SCHEMA, Level
from scanner.store import tables as t


def log_principal(database: str, sign: str, source_id: str) -> str:
    """The principal of what is wrong with a log and touches nobody's sessions."""
    return f"{database}\x1f\x1f!{sign}/{source_id}"


EPISODE_GAP = timedelta(hours=36)
WEEKEND = timedelta(days=2)  # after a hit of a Friday, wherever on earth (18 hours on it is Friday or Saturday in UTC)
OPEN = ("new", "in_progress", "suppressed")

_PRINCIPALS = """
with joined as (
    select h.*, e.database, e.vendor, e.account, e.exposed_persons,
        -- what is wrong with a log is decided on by itself, whoever's sessions it touches
        case when e.activity = 'log' then concat('!', e.technique, '/', e.source_id) end as about
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
    concat_ws(chr(31), j.database, coalesce(j.vendor, ''),
        coalesce(j.about, case when l.leads is false then '*' else coalesce(j.account, '') end))
        as principal
from joined j
left join foremost l on l.rule_id = j.rule_id and l.group_key = j.group_key and l.database = j.database
    and l.vendor is not distinct from j.vendor
where l.leads is null or not l.leads or j.account is not distinct from l.leader
"""

# ``gap`` is the rule's own reach in microseconds; ``rank`` the level's
_NUMBERED = """
create temp table numbered as
with known as (select *, false as fresh from prior),
added as (
    select n.event_id, n.rule_id, n.group_key, n.time, n.level, n.observed, n.threshold, n.principal, null::varchar as finding_id,
        true as fresh
    from named n anti join prior p on p.event_id = n.event_id and p.rule_id = n.rule_id and p.group_key = n.group_key
), hit as (
    select h.*, l.rank, coalesce(g.gap, $gap) as gap
    from (select * from known union all by name select * from added) h
    join ranks l on l.level = h.level left join gaps g on g.rule_id = h.rule_id
), strong as (select distinct principal, event_id from hit where rank >= 2),
tiered as (
    select h.*, h.rank >= 2 or s.event_id is not null as is_strong
    from hit h left join strong s on s.principal = h.principal and s.event_id = h.event_id
), stepped as (
    select *, max(
        time + to_microseconds(gap + case when (epoch_us(time) // 3600000000 + 18) // 24 % 7 in (1, 2) then $weekend else 0 end)
    ) over (
        partition by principal, is_strong order by time, event_id rows between unbounded preceding and 1 preceding
    ) as reach from tiered
)
select *, sum(case when reach is null or time > reach then 1 else 0 end) over (
    partition by principal, is_strong order by time, event_id rows unbounded preceding
) as episode from stepped
"""

_EPISODES = """
select principal, is_strong, episode, list(distinct finding_id) filter (finding_id is not null) as finding_ids,
    count(*) filter (fresh) as fresh, min(time) as first_time,
    arg_min(event_id, (time, event_id)) as first_event, arg_min(event_id, (time, event_id)) filter (fresh) as first_fresh
from numbered group by all order by principal, first_time, is_strong
"""

_OWNED = """
select n.event_id, n.rule_id, n.group_key, n.time, n.level, n.observed, n.threshold, n.principal, t.finding_id, n.fresh
from numbered n join target t using (principal, is_strong, episode)
where n.fresh or n.finding_id = t.finding_id
order by n.time, n.event_id, n.rule_id, n.group_key
"""


@dataclass(frozen=True)
class Assigned:
    """Findings to write anew: those that are new, and those that got further hits."""

    new: Mapping[str, str | None]  # finding id -> the closed finding it follows
    touched: tuple[str, ...]
    members: pa.Table  # MEMBER_SCHEMA: every hit of the touched findings


def hits_with_principals(engine: Engine, found: pa.Table) -> pa.Table:
    """Hits with their ``principal``. ``engine`` has the view ``events``."""
    engine.register("hits", found.cast(HITS_SCHEMA))
    try:
        return arrow(engine, _PRINCIPALS)
    finally:
        engine.unregister("hits")


def assign(connection: Connection, named: pa.Table, lookback: Mapping[str, timedelta]) -> Assigned:
    """Store hits (with principals) and say which findings they make or join. ``lookback`` is each rule's time span."""
    if named.num_rows == 0:
        return Assigned({}, (), hits.MEMBER_SCHEMA.empty_table())
    prior = hits.of_principals(connection, sorted(pc.unique(named["principal"]).to_pylist()))
    engine = open_engine()
    try:
        episodes = _episodes(engine, prior, named, lookback)
        statuses = _statuses(connection, {f for e in episodes for f in e["finding_ids"] or ()})
        new, targets = _targets(episodes, statuses)
        engine.register("target", pa.Table.from_pylist(targets, schema=_TARGET_SCHEMA))
        owned = arrow(engine, _OWNED)
    finally:
        engine.close()
    fresh = owned.filter(owned["fresh"])
    principal_of = {target["finding_id"]: target["principal"] for target in targets}
    for finding_id in pc.unique(fresh["finding_id"]).to_pylist():
        hits.write(connection, finding_id, principal_of[finding_id], fresh.filter(pc.equal(fresh["finding_id"], finding_id)))
    return Assigned(new, tuple(principal_of), owned.select(hits.MEMBER_SCHEMA.names))


_TARGET_SCHEMA = pa.schema(
    [("principal", pa.string()), ("is_strong", pa.bool_()), ("episode", pa.int64()), ("finding_id", pa.string())]
)


def _targets(
    episodes: list[dict[str, Any]], statuses: Mapping[str, tuple[str, str]]
) -> tuple[dict[str, str | None], list[dict[str, Any]]]:
    """New findings (and what they follow), and the finding of every episode that makes or joins one."""
    new: dict[str, str | None] = {}
    targets = []
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
        targets.append({**{name: episode[name] for name in ("principal", "is_strong", "episode")}, "finding_id": target})
    return new, targets


def _finding_id(principal: str, strong: bool, event_id: str) -> str:
    return hashlib.sha256(f"{principal}\x1e{'strong' if strong else 'weak'}\x1e{event_id}".encode()).hexdigest()[:16]


def _episodes(engine: Engine, prior: pa.Table, named: pa.Table, lookback: Mapping[str, timedelta]) -> list[dict[str, Any]]:
    gaps = [{"rule_id": rule, "gap": max(span, EPISODE_GAP) // _MICROSECOND} for rule, span in lookback.items()]
    ranks = [{"level": level.value, "rank": level.rank} for level in Level]
    engine.register("prior", prior)
    engine.register("named", named)
    engine.register("gaps", pa.Table.from_pylist(gaps, schema=pa.schema([("rule_id", pa.string()), ("gap", pa.int64())])))
    engine.register("ranks", pa.Table.from_pylist(ranks))
    engine.execute(_NUMBERED, {"gap": EPISODE_GAP // _MICROSECOND, "weekend": WEEKEND // _MICROSECOND})
    found: list[dict[str, Any]] = arrow(engine, _EPISODES).to_pylist()
    return found


_MICROSECOND = timedelta(microseconds=1)


def _statuses(connection: Connection, ids: Iterable[str]) -> dict[str, tuple[str, str]]:
    found = {}
    for finding_id in ids:
        row = connection.execute(select(t.finding.c.status, t.finding.c.created_at).where(t.finding.c.id == finding_id)).one()
        found[finding_id] = (row.status, row.created_at)
    return found

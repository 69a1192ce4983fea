"""Habits: how an account usually uses the customer data, as columns of its events.

First-seen sets (shape, address, tool, table), dormancy, and a robust z of the people exposed today so far against the
account's earlier days: ``z = (today − median) / (1.4826 · MAD)``, MAD at least 5 % of the median and at least one person,
so that a perfectly regular account does not turn every wobble into an alarm. Every earlier local day within
``LOOK_BACK_DAYS`` on which the account did anything counts; z is null until there are ``LEARN_DAYS`` of them.

The columns depend on the events alone, not on how scans cut the log: state is carried in the state database and events
within a slice are taken in time order.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from scanner.engine import Engine, arrow

LEARN_DAYS = 5
LOOK_BACK_DAYS = 35

ACCOUNT_SCHEMA = pa.schema(
    [("account", pa.string()), ("first_event", pa.timestamp("us", tz="UTC")), ("last_event", pa.timestamp("us", tz="UTC"))]
)
SEEN_SCHEMA = pa.schema(
    [("account", pa.string()), ("what", pa.string()), ("value", pa.string()), ("first_seen", pa.timestamp("us", tz="UTC"))]
)
DAY_SCHEMA = pa.schema(
    [
        ("account", pa.string()),
        ("day", pa.date32()),
        ("persons", pa.int64()),
        ("rows", pa.int64()),
        ("events", pa.int64()),
    ]
)
HABIT_SCHEMA = pa.schema(
    [
        ("n", pa.int64()),
        ("baseline_z", pa.float64()),
        ("first_seen_shape", pa.bool_()),
        ("first_seen_ip", pa.bool_()),
        ("first_seen_app", pa.bool_()),
        ("first_seen_table", pa.bool_()),
        ("dormant_days", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Habits:
    """What is known of the accounts of one database. Small: grows with accounts, shapes and days, not with events."""

    accounts: pa.Table  # ACCOUNT_SCHEMA
    seen: pa.Table  # SEEN_SCHEMA
    days: pa.Table  # DAY_SCHEMA

    @staticmethod
    def empty() -> Habits:
        return Habits(ACCOUNT_SCHEMA.empty_table(), SEEN_SCHEMA.empty_table(), DAY_SCHEMA.empty_table())


@dataclass(frozen=True)
class Learnt:
    """Habit columns of every event (HABIT_SCHEMA by ``n``), and the rows of the three tables that changed or are new."""

    columns: pa.Table
    accounts: pa.Table
    seen: pa.Table
    days: pa.Table


# An account's very first local day teaches what is usual; "first seen" is told from the second day on.
_COLUMNS = f"""
with e as (
    select n, time, account, shape, client_ip, app_name, tables, day_local, exposed_persons from event where account is not null
), ordered as (
    select n, account, time, day_local, exposed_persons,
        min(time) over (partition by account) as here_first,
        lag(time) over (partition by account order by n) as previous
    from e
), shape_tables as (
    select account, tables, min(n) as n from e where len(tables) > 0 group by all
), each_value as (
    select account, 'shape' as what, shape as value, min(n) as n from e where shape is not null group by all
    union all
    select account, 'ip', client_ip, min(n) from e where client_ip is not null group by all
    union all
    select account, 'app', app_name, min(n) from e where coalesce(app_name, '') <> '' group by all
    union all
    select account, 'table', value, min(n) from (select account, n, unnest(tables) as value from shape_tables) group by all
), fresh as (
    select v.* from each_value v anti join seen s on s.account = v.account and s.what = v.what and s.value = v.value
), flags as (
    select n, bool_or(what = 'shape') as shape, bool_or(what = 'ip') as ip, bool_or(what = 'app') as app,
        bool_or(what = 'table') as tab from fresh group by n
), running as (
    select n, account, day_local, sum(exposed_persons) over (partition by account, day_local order by n) as today
    from ordered where exposed_persons > 0
), past as (
    select r.account, r.day_local, median(d.persons) as middle, count(*) as days,
        list(d.persons) as persons
    from (select distinct account, day_local from running) r
    join known_days d on d.account = r.account and d.day < r.day_local and d.day >= r.day_local - {LOOK_BACK_DAYS}
    group by all having count(*) >= {LEARN_DAYS}
), spread as (
    select account, day_local, middle, list_median(list_transform(persons, lambda p: abs(p - middle))) as mad from past
)
select every.n,
    (r.today + coalesce(b.persons, 0) - s.middle) / (1.4826 * greatest(s.mad, 0.05 * s.middle, 1)) as baseline_z,
    coalesce(f.shape and known, false) as first_seen_shape, coalesce(f.ip and known, false) as first_seen_ip,
    coalesce(f.app and known, false) as first_seen_app, coalesce(f.tab and known, false) as first_seen_table,
    epoch(o.time - coalesce(o.previous, a.last_event)) / 86400.0 as dormant_days
from event every left join (
    select ordered.*, time - coalesce(least(k.first_event, here_first), here_first) >= interval 1 day as known
    from ordered left join known_accounts k using (account)
) o on o.n = every.n
left join known_accounts a on a.account = o.account
left join flags f on f.n = every.n
left join running r on r.n = every.n
left join today_before b on b.account = o.account and b.day = o.day_local
left join spread s on s.account = o.account and s.day_local = o.day_local
order by every.n
"""

_SEEN = """
with t as (select account, tables, min(time) as time from event where account is not null and len(tables) > 0 group by all)
select n.* from (
    select account, 'shape' as what, shape as value, min(time) as first_seen from event
        where account is not null and shape is not null group by all
    union all select account, 'ip', client_ip, min(time) from event
        where account is not null and client_ip is not null group by all
    union all select account, 'app', app_name, min(time) from event
        where account is not null and coalesce(app_name, '') <> '' group by all
    union all select account, 'table', value, min(time) from (select account, unnest(tables) as value, time from t) group by all
) n anti join seen s on s.account = n.account and s.what = n.what and s.value = n.value
"""

_ACCOUNTS = """
select e.account, least(min(e.time), min(k.first_event)) as first_event, greatest(max(e.time), max(k.last_event)) as last_event
from event e left join known_accounts k using (account) where e.account is not null group by e.account
"""

_DAYS = """
select e.account, e.day_local as day, (sum(exposed_persons) + coalesce(first(d.persons), 0))::bigint as persons,
    (sum(exposed_rows) + coalesce(first(d.rows), 0))::bigint as rows, (count(*) + coalesce(first(d.events), 0))::bigint as events
from event e left join known_days d on d.account = e.account and d.day = e.day_local
where e.account is not null and e.day_local is not null group by all
"""


def learn(engine: Engine, events: pa.Table, habits: Habits) -> Learnt:
    """Habit columns of ``events`` and what they teach.

    ``events`` needs n, time, account, shape, client_ip, app_name, tables, day_local, exposed_rows, exposed_persons, in
    log order. Days of ``events`` come from slices in log order too; a day that is still running is ``today``.
    """
    given = {"event": events, "known_accounts": habits.accounts, "seen": habits.seen, "known_days": habits.days}
    for name, table in given.items():
        engine.register(name, table)
    try:
        # earlier days of this very slice count as known days for its later ones
        days = arrow(engine, _DAYS, DAY_SCHEMA)
        engine.register("new_days", days)
        before = arrow(engine, "select d.* from known_days d semi join new_days n using (account, day)", DAY_SCHEMA)
        every = arrow(
            engine,
            "select * from known_days anti join new_days using (account, day) union all by name select * from new_days",
            DAY_SCHEMA,
        )
        engine.unregister("known_days")
        engine.register("known_days", every)
        engine.register("today_before", before)
        columns = arrow(engine, _COLUMNS, HABIT_SCHEMA)
        seen = arrow(engine, _SEEN, SEEN_SCHEMA)
        accounts = arrow(engine, _ACCOUNTS, ACCOUNT_SCHEMA)
    finally:
        for name in (*given, "new_days", "today_before"):
            engine.unregister(name)
    return Learnt(columns, accounts, seen, days)


def merge(engine: Engine, habits: Habits, learnt: Learnt) -> Habits:
    """``habits`` with what was learnt, for the next slice."""
    engine.register("old_days", habits.days)
    engine.register("new_days", learnt.days)
    engine.register("old_accounts", habits.accounts)
    engine.register("new_accounts", learnt.accounts)
    try:
        days = arrow(
            engine,
            "select * from old_days anti join new_days using (account, day) union all by name select * from new_days",
            DAY_SCHEMA,
        )
        accounts = arrow(
            engine,
            "select * from old_accounts anti join new_accounts using (account) union all by name select * from new_accounts",
            ACCOUNT_SCHEMA,
        )
    finally:
        for name in ("old_days", "new_days", "old_accounts", "new_accounts"):
            engine.unregister(name)
    return Habits(accounts, pa.concat_tables([habits.seen, learnt.seen]), days)

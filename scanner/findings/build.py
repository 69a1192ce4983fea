"""What a finding says: its events counted, its numbers, and one plain sentence why.

People of several events are a union per table of people (:mod:`scanner.people`): the same customer read fifty times is one. Over
several such tables the largest number is taken (they mostly speak of the same people), the sum of them being the upper bound.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from scanner.config import Config
from scanner.engine import Engine, arrow
from scanner.findings.model import Finding, RuleHit, RuleText
from scanner.model import Estimate, Level
from scanner.people import SET_COLUMNS, distinct_people
from scanner.store import tables as t
from scanner.store.state import iso, now

_MOST_OBSERVATIONS = 100

PERSONS_SCHEMA = pa.schema([("database", pa.string()), ("table", pa.string()), ("persons", pa.int64())])

COUNTED_HOW = {
    "reported": "counted from the row counts in the audit log",
    "reported_elsewhere": "counted from row counts that another log reports for the same statements",
    "estimated": "the log gives no row count for this act, so it was taken from the size of the tables read",
    "upper_bound": "the log gives no row count for this act; the number is the most that can have left",
    "unknown": "the log gives no row count, and the size of the tables read is not known",
}

UNREAD = {
    "unparsed": "the text is no SQL that can be parsed, so it counts as reading all that it or the log names",
    "cut": "the log kept only a part of the text, so it counts as reading all that it or the log names",
    "contradicts": "the log names tables of which the text says nothing, so it counts as reading them",
}

_BREACHES = {
    "table": "a table it does not name",
    "column": "a column it leaves out",
    "hours": "outside its hours",
    "address": "from an address it does not name",
    "expired": "after it ended",
    "not_yet": "before it began",
    "export": "otherwise than the export was agreed",
}

# The events behind the findings, each once a finding, out of very many: their wide columns are read once.
_BEHIND = f"""
with wanted as (select finding_id, event_id from member group by all)
select w.finding_id, v.event_id, v.time, v.database, v.vendor, v.account, v.activity, v.shape, v.client_ip, v.app_name,
    v.technique, v.techniques, v.tables, v.pii_classes, v.pii_columns, v.contract, v.contract_breach, v.table_share,
    v.baseline_z, v.dormant_days, v.days_above_habit, v.vendor_days_above_habit, v.excess_persons, v.vendor_excess_persons,
    v.exposed_rows_low, v.exposed_rows, v.exposed_rows_high, v.exposed_persons_low, v.exposed_persons, v.exposed_persons_high,
    v.rows_source, v.unread, v.person_table, v.person_total, {SET_COLUMNS}
from events v join wanted w using (event_id) where v.time between $first and $last
"""  # noqa: S608 - text of this program only

_SUMMARY = """
with weighty as (
    select finding_id, rows_source, sum(exposed_persons) as persons from behind where exposed_persons_high > 0 group by all
)
select finding_id, first(database) as database, first(vendor) as vendor, list_sort(list(distinct account)) as accounts,
    min(time) as first_event, max(time) as last_event, count(*) as event_count, min(activity) as activity,
    list_sort(list_distinct(flatten(list(techniques)))) as techniques,
    arg_max(technique, (exposed_persons, technique <> '', -epoch_us(time), event_id)) as main_technique,
    list_sort(list_distinct(flatten(list(tables)))) as tables,
    list_sort(list_distinct(flatten(list(pii_classes)))) as pii_classes,
    list_sort(list_distinct(flatten(list(pii_columns)))) as pii_columns,
    list_sort(list(distinct client_ip)) as client_ips, list_sort(list(distinct app_name)) as app_names,
    arg_max(contract, (time, event_id)) as contract,
    list_sort(list_distinct(flatten(list(contract_breach)))) as contract_breach,
    max(days_above_habit) as days_above_habit, max(vendor_days_above_habit) as vendor_days_above_habit,
    max(excess_persons) as excess_persons, max(vendor_excess_persons) as vendor_excess_persons,
    max(baseline_z) as baseline_z, max(dormant_days) as dormant_days, max(table_share) as table_share,
    count(*) filter (unread in ('unparsed', 'cut', 'contradicts') and exposed_persons_high > 0) as unread_count,
    arg_max(unread, exposed_persons) filter (unread in ('unparsed', 'cut', 'contradicts') and exposed_persons_high > 0) as unread,
    max(exposed_rows_low) as rows_low, sum(exposed_rows) as rows_best, sum(exposed_rows_high) as rows_high,
    (select arg_max(rows_source, (persons, rows_source)) from weighty w where w.finding_id = e.finding_id) as rows_source
from behind e group by finding_id
"""

_PEOPLE = """
create or replace temp table people as
with e as (
    select *, coalesce(regexp_replace(pii_columns[1], '\\.[^.]*$', ''), '') as of_table from behind where exposed_persons_high > 0
)
select finding_id, epoch_us(time) as t, coalesce(person_table, e.of_table) as person_table,
    coalesce(person_total, p.persons) as total, dom, lo, hi, hashes,
    exposed_persons_low as low, exposed_persons as best, exposed_persons_high as high
from e left join (select database as db, "table" as of_table, persons from table_persons) p
    on p.db = e.database and p.of_table = e.of_table
"""

_BY_RULE = """
select m.finding_id, m.rule_id, first(m.level) as level, count(distinct m.event_id) as events, max(m.observed) as observed,
    max(m.threshold) as threshold, sum(e.exposed_persons) as persons
from member m join behind e using (finding_id, event_id) group by all
"""

_BY_SHAPE = """
with by_shape as (
    select finding_id, shape, count(*) as events, coalesce(sum(exposed_persons), 0)::bigint as exposed_persons
    from behind where shape is not null group by all
)
select * from by_shape
qualify row_number() over (partition by finding_id order by exposed_persons desc, events desc, shape) <= 20
"""


def build(
    connection: Connection,
    engine: Engine,
    ids: Sequence[str],
    members: pa.Table,
    *,
    new: Mapping[str, str | None],
    rules_by_id: Mapping[str, RuleText],
    config: Config,
    table_persons: pa.Table,
) -> list[Finding]:
    """Findings ``ids`` from their hits (``members``, MEMBER_SCHEMA) and the events behind them (``engine``: view ``events``)."""
    engine.register("member", members)
    engine.register("table_persons", table_persons)
    first, last = pc.min_max(members["time"]).as_py().values()
    try:
        engine.execute(f"create or replace temp table behind as {_BEHIND}", {"first": first, "last": last})
        summaries = {row["finding_id"]: row for row in arrow(engine, _SUMMARY).to_pylist()}
        by_rule = _grouped(arrow(engine, _BY_RULE))
        by_shape = _grouped(arrow(engine, _BY_SHAPE))
        engine.execute(_PEOPLE)
        engine.execute("drop table behind")
        by_table = _grouped(distinct_people(engine, "people", ["finding_id"]))
        engine.execute("drop table people")
    finally:
        engine.unregister("member")
        engine.unregister("table_persons")
    before = _stored(connection, ids)
    findings = []
    for finding_id in ids:
        if finding_id not in summaries:
            continue
        summary = summaries[finding_id]
        statements = _statements(connection, summary["database"], by_shape.get(finding_id, []))
        observations = _observations(connection, finding_id, members) if summary["activity"] == "log" else []
        findings.append(
            _finding(
                finding_id,
                summary,
                by_table.get(finding_id, []),
                by_rule[finding_id],
                statements,
                observations,
                rules_by_id=rules_by_id,
                config=config,
                before=before.get(finding_id),
                follows=new.get(finding_id),
            )
        )
    return findings


def _finding(
    finding_id: str,
    s: Mapping[str, Any],
    tables: list[dict[str, Any]],
    rules: list[dict[str, Any]],
    statements: list[dict[str, Any]],
    observations: list[dict[str, Any]],
    *,
    rules_by_id: Mapping[str, RuleText],
    config: Config,
    before: Mapping[str, Any] | None,
    follows: str | None,
) -> Finding:
    matched = sorted(
        (_rule_hit(row, rules_by_id) for row in rules), key=lambda hit: (-Level(hit.level).rank, -_persons_of(hit, rules), hit.id)
    )
    low = max((int(row["low"]) for row in tables), default=0)
    best = max((int(row["best"]) for row in tables), default=0)
    high = sum(int(row["high"]) for row in tables)
    persons = Estimate(min(low, best), best, max(best, high))
    rows_best = int(s["rows_best"] or 0)
    rows = Estimate(min(int(s["rows_low"] or 0), rows_best), rows_best, max(rows_best, int(s["rows_high"] or 0)))
    source = s["rows_source"] or "reported"
    vendor = config.vendors.get(s["vendor"]) if s["vendor"] else None
    level = max((Level(hit.level) for hit in matched), key=lambda item: item.rank)
    techniques = [s["main_technique"]] if s["main_technique"] else []
    techniques += [word for word in s["techniques"] or () if word not in techniques]
    finding = Finding(
        id=finding_id,
        rules=tuple(hit.id for hit in matched),
        level=level.value,
        status=before["status"] if before else "new",
        verdict=before["verdict"] if before else None,
        vendor=s["vendor"],
        vendor_name=(vendor.name or s["vendor"]) if vendor else s["vendor"],
        accounts=tuple(account for account in s["accounts"] or () if account is not None),
        database=s["database"],
        first_event=iso(s["first_event"]),
        last_event=iso(s["last_event"]),
        why="",
        techniques=tuple(techniques),
        tables=tuple(s["tables"] or ()),
        pii_classes=tuple(s["pii_classes"] or ()),
        pii_columns=tuple(s["pii_columns"] or ()),
        exposed_persons=persons,
        exposed_rows=rows,
        rows_source=source,
        counted_how=COUNTED_HOW[source],
        event_count=int(s["event_count"]),
        client_ips=tuple(s["client_ips"] or ()),
        app_names=tuple(x for x in s["app_names"] or () if x),
        contract=s["contract"],
        contract_breach=tuple(s["contract_breach"] or ()),
        baseline_z=s["baseline_z"],
        matched=tuple(matched),
        statements=tuple(statements),
        observations=tuple(observations[:_MOST_OBSERVATIONS]),
        created_at=before["created_at"] if before else now(),
        updated_at=now(),
        follows=before["follows"] if before else follows,
        dedup_key="",
    )
    return _with_why(finding, s, matched[0], [o["what"] for o in observations], rules_by_id, config)


def _with_why(
    finding: Finding,
    s: Mapping[str, Any],
    top: RuleHit,
    told: list[str],
    rules_by_id: Mapping[str, RuleText],
    config: Config,
) -> Finding:
    rule = rules_by_id.get(top.id)
    if rule is None:
        return replace(finding, why=top.title)
    local = s["first_event"].astimezone(ZoneInfo(_zone(finding, config)))
    words = {
        "account": _and(finding.accounts) or "an account without a name",
        "vendor": finding.vendor_name or "the company's own account",
        "database": finding.database,
        "exposed_persons": _number(finding.exposed_persons.best),
        "exposed_rows": _number(finding.exposed_rows.best),
        "tables": _and(finding.tables) or "no table",
        "pii_classes": _and(finding.pii_classes) or "no personal data",
        "techniques": _and(finding.techniques) or "ordinary statements",
        "observed": _number(top.observed),
        "threshold": _number(top.threshold),
        "timespan": _span(rule),
        "hour": local.strftime("%H:%M"),
        "day": local.date().isoformat(),
        "client_ip": _and(finding.client_ips) or "an unknown address",
        "app_name": _and(finding.app_names) or "an unnamed program",
        "event_count": _number(finding.event_count),
        "dormant_days": _number(s["dormant_days"]),
        "baseline_z": _number(s["baseline_z"]),
        "detail": "; ".join(told[:3]) + (f"; and {len(told) - 3:,} more" if len(told) > 3 else ""),
        "contract_breach": _and([_BREACHES[word] for word in finding.contract_breach]) or "nothing of the contract",
        "days_above_habit": _number(max(s["days_above_habit"] or 0, s["vendor_days_above_habit"] or 0)),
        "excess_persons": _number(max(s["excess_persons"] or 0, s["vendor_excess_persons"] or 0)),
        "table_share": _number(100 * (s["table_share"] or 0)),
        "unread": UNREAD.get(s["unread"], "it was read in full"),
    }
    return replace(finding, why=rule.why.format_map(words) + _unread(finding, s, rule.why))


def _unread(finding: Finding, s: Mapping[str, Any], sentence: str) -> str:
    """What has to be said when statements behind a finding could not be read."""
    if not s["unread_count"] or "{unread}" in sentence:
        return ""
    which = "Its statement" if s["event_count"] == 1 else f"{_number(s['unread_count'])} of its statements"
    bound = "" if finding.rows_source.startswith("reported") else " The number is an upper bound."
    return f" {which} could not be read in full: {UNREAD[s['unread']]}.{bound}"


def _zone(finding: Finding, config: Config) -> str:
    vendor = config.vendors.get(finding.vendor) if finding.vendor else None
    return (vendor.time_zone if vendor else None) or config.time_zone


def _rule_hit(row: Mapping[str, Any], rules_by_id: Mapping[str, RuleText]) -> RuleHit:
    rule = rules_by_id.get(row["rule_id"])
    return RuleHit(
        id=row["rule_id"],
        title=rule.title if rule else row["rule_id"],
        level=row["level"],
        events=int(row["events"]),
        observed=row["observed"],
        threshold=row["threshold"],
        modified=rule.version if rule else "",
    )


def _persons_of(hit: RuleHit, rules: list[dict[str, Any]]) -> int:
    return next(int(row["persons"] or 0) for row in rules if row["rule_id"] == hit.id)


def _stored(connection: Connection, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    found = connection.execute(select(t.finding).where(t.finding.c.id.in_(list(ids))))
    return {row.id: dict(row._mapping) for row in found}


def _statements(connection: Connection, database: str, shapes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not shapes:
        return []
    wanted = select(t.shape.c.shape, t.shape.c.statement).where(
        t.shape.c.database == database, t.shape.c.shape.in_([row["shape"] for row in shapes])
    )
    texts = {row.shape: row.statement for row in connection.execute(wanted)}
    return [
        {
            "shape": row["shape"],
            "statement": texts.get(row["shape"], ""),
            "events": int(row["events"]),
            "exposed_persons": int(row["exposed_persons"] or 0),
        }
        for row in sorted(shapes, key=lambda row: (-(row["exposed_persons"] or 0), -row["events"], row["shape"]))
    ]


def _observations(connection: Connection, finding_id: str, members: pa.Table) -> list[dict[str, Any]]:
    """What was found wrong with the log, in the order in which it happened."""
    mine = pc.unique(members.filter(pc.equal(members["finding_id"], finding_id))["event_id"]).to_pylist()
    o = t.observation.c
    columns = (o.event_id, o.what, o.at, o.source_id, o.path, o["count"], o.facts)
    found = []
    for start in range(0, len(mine), 500):
        wanted = select(*columns).where(o.event_id.in_(mine[start : start + 500]))
        found += [dict(row._mapping) for row in connection.execute(wanted)]
    found.sort(key=lambda row: (row["at"], row["event_id"]))
    return [{**row, "facts": json.loads(row["facts"])} for row in found]


def _grouped(table: pa.Table) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        found.setdefault(row["finding_id"], []).append(row)
    return found


def _and(words: Sequence[str], most: int = 6) -> str:
    """Words with commas; a long list is cut and its rest counted."""
    shown = [str(word) for word in words[:most]]
    return ", ".join(shown) + (f" and {len(words) - most} more" if len(words) > most else "")


def _number(value: float | int | None) -> str:
    if value is None:
        return "an unknown number"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:,.1f}"


def _span(rule: RuleText) -> str:
    span: timedelta = rule.lookback
    if span >= timedelta(days=1):
        days = span / timedelta(days=1)
        return "a day" if days == 1 else f"{days:g} days"
    if span >= timedelta(hours=1):
        hours = span / timedelta(hours=1)
        return "an hour" if hours == 1 else f"{hours:g} hours"
    return f"{span / timedelta(minutes=1):g} minutes"

"""Who watches the scans: a database whose scans do not come to their end any more is a finding of its own.

A scan that is killed, hangs or never starts cannot tell anybody, so this is looked at by whoever tells people: the scheduler
every minute, and ``vendorwatch notify run``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, select

from scanner.config import Config
from scanner.crontab import trigger
from scanner.findings import Finding, FindingStore, sweep
from scanner.findings.history import remember
from scanner.findings.model import RuleHit
from scanner.model import Estimate
from scanner.store import tables as t
from scanner.store.state import iso, reading

RULE = "5c0a6c0e-6b1c-5b60-9d0e-0f4d6a6f2c11"  # rules/scan_behind.yml has its words and level
TECHNIQUE = "scan_behind"
MISSED = 3  # scans due in a row
LEAST = timedelta(minutes=15)  # a scan every minute may take a while now and then
_LOOK_BACK = 1000  # runs


def watch(state: Engine, config: Config, at: datetime | None = None) -> list[str]:
    """Make a finding of every database whose scans are behind as of ``at`` (now), and let suppressions end whose time has
    come. Returns the ids of new findings."""
    at = at or datetime.now(UTC)
    sweep(state, at)
    ended = _last_ends(state)
    zone = ZoneInfo(config.time_zone)
    new = []
    for name, database in config.databases.items():
        cron, last = database.schedule.scan, ended.get(name)
        if cron is None or last is None or not database.audit:
            continue  # never scanned: `doctor` says so; there is nothing to compare with
        if at - last >= LEAST and _due(cron, zone, last, at) >= MISSED:
            finding_id = hashlib.sha256(f"scan_behind\x1e{name}\x1e{iso(last)}".encode()).hexdigest()[:16]
            if not FindingStore(state).many([finding_id]):
                _raise(state, _finding(finding_id, name, config, last, at))
                new.append(finding_id)
    return new


def _last_ends(state: Engine) -> dict[str, datetime]:
    """When a scan of each database last came to its end, complete or not."""
    ended: dict[str, datetime] = {}
    with reading(state) as connection:
        done = select(t.run).where(t.run.c.status.in_(("complete", "incomplete"))).order_by(t.run.c.id.desc()).limit(_LOOK_BACK)
        for row in connection.execute(done):
            for name in json.loads(row.databases):
                if name not in ended and row.finished_at:
                    ended[name] = datetime.fromisoformat(row.finished_at)
    return ended


def _due(cron: str, zone: ZoneInfo, last: datetime, at: datetime) -> int:
    """How many scans have become due since ``last``, up to MISSED."""
    when, moment = trigger(cron, zone), last
    for number in range(MISSED):
        following = when.get_next_fire_time(None, moment)
        if following is None or following > at:
            return number
        moment = following + timedelta(seconds=1)
    return MISSED


def _finding(finding_id: str, database: str, config: Config, last: datetime, at: datetime) -> Finding:
    from scanner.ruleset import load_rules  # loads a query engine

    rule = load_rules(config.rules).by_id[RULE]
    local = last.astimezone(ZoneInfo(config.time_zone))
    words: Mapping[str, Any] = {"database": database, "hour": local.strftime("%H:%M"), "day": local.date().isoformat()}
    return Finding(
        id=finding_id,
        rules=(rule.id,),
        level=rule.level.value,
        status="new",
        verdict=None,
        vendor=None,
        vendor_name=None,
        accounts=(),
        database=database,
        first_event=iso(last),
        last_event=iso(at),
        why=rule.why.format_map(words),
        techniques=(TECHNIQUE,),
        tables=(),
        pii_classes=(),
        pii_columns=(),
        exposed_persons=Estimate(),
        exposed_rows=Estimate(),
        rows_source="unknown",
        counted_how="nobody is counted: this is about the scans themselves",
        event_count=0,
        matched=(RuleHit(rule.id, rule.title, rule.level.value, 0, None, None, rule.version),),
        created_at=iso(at),
        updated_at=iso(at),
    )


def _raise(state: Engine, finding: Finding) -> None:
    with state.begin() as connection:
        _write(connection, finding)


def _write(connection: Connection, finding: Finding) -> None:
    row = {
        "id": finding.id,
        "dedup_key": f"{finding.database}/scan_behind",
        "document": json.dumps(finding.to_dict(), ensure_ascii=False, sort_keys=True),
    }
    names = ("database", "vendor", "level", "status", "verdict", "first_event", "last_event", "created_at", "updated_at")
    connection.execute(t.finding.insert().values(**row, **{name: getattr(finding, name) for name in names}))
    remember(connection, finding.id, "created", {"level": finding.level}, at=finding.created_at)

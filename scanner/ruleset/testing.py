"""The tests inside the rules, run by the production engine over events of the production schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from scanner.model import EVENT_SCHEMA
from scanner.ruleset.engine import run_each
from scanner.ruleset.load import load_rules
from scanner.ruleset.rule import Rule, RuleSet, RuleTest, TestCase

# An ordinary read of a vendor under contract, in its hours, that exposes nobody: what a test leaves out.
DEFAULTS: Mapping[str, Any] = {
    "database": "shop",
    "dbname": "shop",
    "account": "dlv_app",
    "vendor": "delivery_co",
    "client_ip": "10.20.0.5",
    "app_name": "dlv-batch",
    "session": "1",
    "activity": "read",
    "command": "SELECT",
    "status": "success",
    "error_code": "00000",
    "shape": "0123456789abcdef",
    "tables": ["crm.mbr"],
    "destination": "client",
    "exposed_persons": 0,
    "rows_source": "reported",
    "table_share": 0.0,
    "techniques": [],
    "fk_check": False,
    "contract_breach": [],
    "contract_share": 0.0,
    "agreed_export": False,
    "in_business_hours": True,
    "baseline_z": 0.0,
    "first_seen_shape": False,
    "first_seen_ip": False,
    "first_seen_app": False,
    "first_seen_table": False,
    "dormant_days": 0.0,
    "source_id": "shop/0",
    "source_file": "test",
    "source_length": 100,
    "batch": 1,
}


def event_table(events: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Events given by the columns that matter (``time`` among them) as a table of EVENT_SCHEMA, the rest as usual.

    What follows from a given column follows here too: rows and bounds from ``exposed_persons``, the clock from ``time``,
    the contract from ``vendor``, ``technique`` from ``techniques``.
    """
    return pa.Table.from_pylist([_event(n, event) for n, event in enumerate(events)], schema=EVENT_SCHEMA)


def _event(number: int, given: Mapping[str, Any]) -> dict[str, Any]:
    time: datetime = given["time"]
    event = {**DEFAULTS, **given}
    persons = event["exposed_persons"]
    vendor = event["vendor"]
    personal = bool(persons)
    derived = {
        "event_id": f"shop/1/{number}",
        "day": time.astimezone(UTC).date(),
        "session_line": number + 1,
        "statement_id": number + 1,
        "substatement_id": 1,
        "pii_classes": ["PERSON", "PHONE_NUMBER"] if personal else [],
        "pii_columns": ["crm.mbr.nm", "crm.mbr.hp_no"] if personal else [],
        "sensitivity": 2 if personal else 0,
        "returned_rows": persons,
        "technique": next(iter(event["techniques"] or []), ""),
        "main_vendor": vendor,
        "habit_source": "none",
        **dict.fromkeys(("days_above_habit", "excess_persons", "vendor_days_above_habit", "vendor_excess_persons"), 0),
        **dict.fromkeys(("canary", "in_maintenance", "in_season"), False),
        "novelty": [],
        "contract": None if vendor is None else f"{vendor}/1",
        "contract_state": "none" if vendor is None else "active",
        "in_contract": None if vendor is None else not event["contract_breach"],
        "hour_local": time.hour,
        "weekday_local": time.weekday(),
        "day_local": time.date(),
        "source_offset": number * 100,
        **{f"exposed_{what}{end}": persons for what in ("persons", "rows") for end in ("", "_low", "_high")},
    }
    return {**derived, **event}


def test_rules(ruleset: RuleSet) -> list[RuleTest]:
    """Run every test of every rule."""
    cases = [(rule, test) for rule in ruleset.rules for test in rule.tests]
    found = run_each((RuleSet((rule,)), event_table(test.events)) for rule, test in cases)
    return [_result(rule, test, hits) for (rule, test), hits in zip(cases, found, strict=True)]


test_rules.__test__ = False  # type: ignore[attr-defined]  # a function of ours, not a test of pytest


def check(extra: Sequence[Path] = ()) -> list[RuleTest]:
    """Load with every check and run every test inside the rules; raises RuleError for what does not load."""
    return test_rules(load_rules(extra))


def _result(rule: Rule, test: TestCase, hits: pa.Table) -> RuleTest:
    message = _verdict(rule, test, hits)
    return RuleTest(rule.id, rule.title, test.name, test.kind, not message, message, rule.path, test.line)


def _verdict(rule: Rule, test: TestCase, hits: pa.Table) -> str:
    if test.kind == "straddled" and rule.correlation and not _straddles(test, rule.correlation.timespan):
        return f"does not straddle: all its events lie in one {rule.correlation.timespan} of clock time"
    if bool(hits.num_rows) != test.fires:
        return "should fire, but stays quiet" if test.fires else f"should stay quiet, but fires on {hits.num_rows} events"
    if test.hits is not None and hits.num_rows != test.hits:
        return f"fires on {hits.num_rows} events instead of {test.hits}"
    if test.observed is not None:
        seen = max((v for v in hits.column("observed").to_pylist() if v is not None), default=None)
        if seen is None or abs(seen - test.observed) > 1e-6:
            return f"observes {seen} instead of {test.observed}"
    return ""


def _straddles(test: TestCase, span: timedelta) -> bool:
    seconds = span.total_seconds()
    return len({event["time"].timestamp() // seconds for event in test.events}) > 1

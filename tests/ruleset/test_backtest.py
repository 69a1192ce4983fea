"""Backtests: what a rule would have raised, by vendor and day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from scanner.errors import RuleError
from scanner.model import EVENT_SCHEMA
from scanner.ruleset import RuleSet, backtest, chart, choose, event_table, load_rules
from scanner.store.events import EventStore

START = datetime(2026, 3, 2, 10, tzinfo=UTC)


def test_days_and_vendors_of_a_rule(tmp_path: Path) -> None:
    bulk = choose(load_rules(), "bulk_export")
    rows = [
        {
            "time": START + timedelta(days=n),
            "exposed_persons": 5000 if n in (3, 4) else 5,
            "vendor": vendor,
            "account": f"{vendor}_1",
        }
        for n in range(10)
        for vendor in ("delivery_co", "ads_co")
    ]
    store = EventStore(tmp_path / "events")
    events = event_table(rows).select(EVENT_SCHEMA.names).cast(EVENT_SCHEMA)
    store.commit(store.stage(events, batch=1, app_id="a", app_version=1))
    raised = backtest(RuleSet((bulk,)), store.folder, store.files(), since=START)
    assert [(one.vendor, one.day, one.events, one.persons) for one in raised] == [
        (vendor, date(2026, 3, day), 1, 5000) for vendor in ("ads_co", "delivery_co") for day in (5, 6)
    ]
    later = backtest(RuleSet((bulk,)), store.folder, store.files(), since=START + timedelta(days=4), vendor="ads_co")
    assert [(one.vendor, one.day) for one in later] == [("ads_co", date(2026, 3, 6))]
    assert backtest(RuleSet((bulk,)), store.folder, store.files(), since=START + timedelta(days=5)) == []
    assert chart(raised, date(2026, 3, 4), date(2026, 3, 7)) == [("ads_co", " ██ "), ("delivery_co", " ██ ")]


def test_a_rule_is_named_by_id_title_or_file() -> None:
    rules = load_rules()
    one = choose(rules, "whole_table.yml")
    assert choose(rules, one.id) == choose(rules, one.id[:8]) == choose(rules, one.title) == one
    with pytest.raises(RuleError, match="no rule found for 'nothing'"):
        choose(rules, "nothing")

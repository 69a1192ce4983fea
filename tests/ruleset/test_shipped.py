"""The rules we ship: their own tests pass, and a month of honest work stays quiet."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from scanner.model import HITS_SCHEMA, Level
from scanner.ruleset import RuleSet, event_table, load_rules, run_rules, shipped_folder, test_rules
from scanner.ruleset.fields import CORRELATION_PLACEHOLDERS, placeholders
from tests.ruleset.helpers import BELOW, FIRING, QUIET, STRADDLED, block, correlation, rules


@pytest.fixture(scope="module")
def shipped() -> RuleSet:
    return load_rules()


def test_every_test_inside_the_rules_passes(shipped: RuleSet) -> None:
    failed = [f"{t.path}:{t.line} {t.name}: {t.message}" for t in test_rules(shipped) if not t.passed]
    assert failed == []


def test_one_rule_a_file(shipped: RuleSet) -> None:
    assert len({rule.path for rule in shipped.rules}) == len(shipped.rules) == len(list(shipped_folder().glob("*.yml")))


def test_rules_pickle(shipped: RuleSet) -> None:
    assert pickle.loads(pickle.dumps(shipped)) == shipped


def test_whys_are_sentences(shipped: RuleSet) -> None:
    for rule in shipped.rules:
        assert rule.why.endswith("."), rule.path
        assert rule.correlation or not CORRELATION_PLACEHOLDERS & set(placeholders(rule.why)), rule.path
    assert len({rule.title for rule in shipped.rules}) == len(shipped.rules)


def test_words_are_those_the_stages_before_speak() -> None:
    """A misspelt technique or breach would be a rule that never fires."""
    from scanner.continuity import Sign
    from scanner.contracts import BREACHES, STATES
    from scanner.lineage.techniques import Technique
    from scanner.watchdog import TECHNIQUE

    known = {
        "techniques": {*Technique, *Sign, "dump_tool", "aborted", TECHNIQUE},
        "contract_breach": set(BREACHES),
        "contract_state": set(STATES),
        "status": {"success", "failure"},
    }
    for file in sorted(shipped_folder().glob("*.yml")):
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            for field, words in _words(document.get("detection", {})):
                assert words <= known.get(field, words), f"{file.name}: {field}: {words - known[field]}"


def _words(node: Any) -> Iterator[tuple[str, set[str]]]:
    if isinstance(node, dict):
        for key, value in node.items():
            if (isinstance(value, dict | list) and any(isinstance(v, dict) for v in value)) or isinstance(value, dict):
                yield from _words(value)
            else:
                yield str(key).split("|")[0], set(value if isinstance(value, list) else [value])
    elif isinstance(node, list):
        for item in node:
            yield from _words(item)


FAILING = [
    ({"kind": "attack", "events": [{"exposed_persons": 0}]}, "should fire, but stays quiet"),
    ({"kind": "benign", "events": [{"exposed_persons": 3}]}, "should stay quiet, but fires on 1 events"),
    ({"kind": "attack", "events": [{"exposed_persons": 3}], "hits": 2}, "fires on 1 events instead of 2"),
    ({"kind": "attack", "events": [{"exposed_persons": 3}], "observed": 4}, "observes 3.0 instead of 4"),
    ({"kind": "straddled", "events": [{"exposed_persons": 3}]}, "does not straddle"),
]


@pytest.mark.parametrize(("test", "message"), FAILING)
def test_a_test_that_fails_says_how(test: dict[str, Any], message: str) -> None:
    spec = {"type": "value_sum", "rules": ["part"], "timespan": "1h", "condition": {"gte": 1, "field": "exposed_persons"}}
    tests = [FIRING, STRADDLED, BELOW, QUIET, {"name": "wrong", **test}]
    ruleset = rules(correlation(spec, tests=tests), block("part", {"exposed_persons|gte": 1}))
    (wrong,) = [t for t in test_rules(ruleset) if t.name == "wrong"]
    assert not wrong.passed
    assert message in wrong.message


def test_what_they_look_back(shipped: RuleSet) -> None:
    assert shipped.lookback == timedelta(days=30)


def test_a_month_of_honest_vendors_stays_below_medium(shipped: RuleSet) -> None:
    """Delivery, call centre, marketing with an agreed export, a monthly settlement, the company's backup and shop."""
    start = datetime(2026, 3, 2, tzinfo=UTC)
    month: list[dict[str, Any]] = []
    for day in range(30):
        learning = day < 5
        usual: float | None = None if learning else 0.5
        morning = start + timedelta(days=day, hours=9)
        # 500 parcels a day, in 10 batches by date; half as many again in the last days of the month
        parcels = 50 if day < 27 else 75
        month += [
            {
                "time": morning + timedelta(minutes=30 * n), "account": "dlv_app", "vendor": "delivery_co",
                "tables": ["ship.dlv"],
                "exposed_persons": parcels, "table_share": parcels / 20_000, "contract_share": parcels / 800,
                "baseline_z": usual if day < 27 or n < 7 else 6.7, "dormant_days": 0.01,
            }
            for n in range(10)
        ]  # fmt: skip
        # three agents look up 100 customers each
        month += [
            {
                "time": morning + timedelta(minutes=4 * n), "account": f"cc_{n % 3}", "vendor": "callcentre",
                "exposed_persons": 1, "table_share": 0.00005, "contract_share": 0.002, "baseline_z": usual,
            }
            for n in range(140)
        ]  # fmt: skip
        if day == 24:
            month.append(
                {
                    "time": morning, "account": "mkt", "vendor": "marketing", "exposed_persons": 19_000, "table_share": 0.95,
                    "agreed_export": True, "baseline_z": 400.0, "techniques": ["copy"], "dormant_days": 30.0,
                }
            )  # fmt: skip
        if day == 29:
            month.append(
                {
                    "time": morning, "account": "pay", "vendor": "settlement", "exposed_persons": 4_000, "table_share": 0.2,
                    "contract_share": 0.8, "baseline_z": None, "dormant_days": 30.5,
                }
            )  # fmt: skip
        month.append(
            {
                "time": start + timedelta(days=day, hours=2), "account": "backup", "vendor": None, "exposed_persons": 20_000,
                "techniques": ["dump_tool", "copy"], "baseline_z": usual, "table_share": 1.0, "in_business_hours": False,
            }
        )  # fmt: skip
        month += [
            {"time": start + timedelta(days=day, minutes=10 * n), "account": "shop", "vendor": None, "exposed_persons": 1}
            for n in range(144)
        ]
    hits = run_rules(shipped, event_table(sorted(month, key=lambda e: e["time"])))
    assert hits.schema == HITS_SCHEMA
    loud = {
        (shipped.by_id[rule].title, group)
        for rule, level, group in zip(*(hits.column(c).to_pylist() for c in ("rule_id", "level", "group_key")), strict=True)
        if Level(level).rank >= Level.MEDIUM.rank
    }
    assert loud == set()


def test_the_guide_names_every_rule_with_its_level(shipped: RuleSet) -> None:
    guide = (shipped_folder().parent / "docs" / "guide" / "rules.md").read_text(encoding="utf-8")
    named = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", guide, re.MULTILINE))
    assert {Path(rule.path).stem: rule.level.value for rule in shipped.rules} == {
        name: level for name, level in named.items() if level in set(Level)
    }


ROADS = {  # ways a vendor's account carries customers away, and rules that speak of them
    "bulk select": ["bulk_export", "whole_table"],
    "copy": ["bulk_export", "whole_table"],
    "dumps": ["dump_tool", "dump_tool_company"],
    "cursors, paging, look-ups, in-lists": ["piecemeal"],
    "thin slices over many days": ["drip_walk", "lasting_rise", "lasting_rise_bulk"],
    "many accounts of one vendor": ["piecemeal_vendor", "drip_vendor", "vendor_spike"],
    "concatenating, rows, json, xml, encoding, halves, functions, definer rights, returning": ["disguised_export"],
    "new names, temp tables": ["copy_under_new_name"],
    "server-side files, programs": ["server_side_exit"],
    "large objects, notifications, dblink, fdw": ["side_channel"],
    "replication, base backups": ["replication"],
    "aborted late": ["aborted_large_read"],
    "hours, address, tool": ["outside_hours_bulk", "outside_agreement", "outside_agreement_bulk", "habit_break", "first_seen"],
    "dormant, expired": ["dormant_account", "dormant_account_reads", "contract_not_in_force"],
    "grants just before": ["grant_then_bulk", "grant_by_vendor"],
    "audit off, excluded, cut, rolled back": ["audit_switched_off", "account_audit_silent", "log_hole", "server_rolled_back"],
    "contract": ["budget_exceeded", "vendor_without_contract"],
    "habit": ["habit_break", "habit_spike", "habit_spike_no_limit"],
    "silence": ["source_silent", "source_unreadable", "scan_behind"],
    "canaries": ["canary"],
}


def test_every_road_has_a_rule_and_every_word_for_one_is_used(shipped: RuleSet) -> None:
    from scanner.lineage.techniques import Technique

    there = {Path(rule.path).stem for rule in shipped.rules}
    assert {rule for rules in ROADS.values() for rule in rules} <= there
    used: set[str] = set()
    for file in shipped_folder().glob("*.yml"):
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            for field, words in _words(document.get("detection", {})):
                used |= words if field == "techniques" else set()
    # these say how a statement is made; what it reads is judged by numbers
    assert {str(word) for word in Technique} - used <= {"copy", "rename", "function", "trigger", "explain"}

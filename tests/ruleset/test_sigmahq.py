"""Rules as SigmaHQ publishes them, over our fields, load as they are; what cannot work in them is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.errors import RuleError
from scanner.model import Level
from scanner.ruleset import load_rules, load_text, run_rules
from tests.ruleset.helpers import events

SINGLE = """\
title: Database Client From An Unusual Tool
id: 4a3b9f0e-6c1d-4d7e-9a55-0d7b6f1c2e88
related:
    - id: 5b4c9f0e-6c1d-4d7e-9a55-0d7b6f1c2e88
      type: derived
status: experimental
description: |
    Detects desktop tools that read customer data.
    They are {rarely} part of a service.
references:
    - https://example.org/a
author: Jane Doe (@jane), SigmaHQ
date: 2024-05-01
modified: 2025-01-12
tags:
    - attack.collection
    - attack.t1005
    - detection.emerging-threats
    - cve.2024-1234
logsource:
    category: database
    definition: 'Requirements: pgAudit'
detection:
    selection_tool:
        app_name|contains:
            - 'dbeaver'
            - 'datagrip'
    selection_psql:
        app_name|re: '^psql( [0-9]+)?$'
    selection_read:
        activity: read
        exposed_persons|gte: 10
    filter_main_dba:
        account|startswith: 'dba_'
    filter_optional_night:
        client_ip|cidr: 10.1.0.0/16
    condition: 1 of selection_tool or selection_psql and selection_read and not 1 of filter_main_* and not 1 of filter_optional_*
falsepositives:
    - Unlikely
level: medium
regression_tests_path: regression_data/rules/database/info.yml
"""

WINDOWED = """\
title: Many Failed Statements
id: 0e95725d-7320-415d-80f7-004da920fc11
status: test
author: SigmaHQ
date: 2024/07/04
correlation:
    type: event_count
    rules:
        - failed_statement
    group-by:
        - account
    timespan: 10m
    condition:
        gte: 3
level: high
---
title: Failed Statement
id: 0e95725d-7320-415d-80f7-004da920fc12
name: failed_statement
status: test
logsource:
    product: vendorwatch
    category: database
detection:
    selection:
        status: failure
    condition: selection
level: informational
---
title: Not The Monitoring
id: 0e95725d-7320-415d-80f7-004da920fc13
logsource:
    category: database
filter:
    rules:
        - failed_statement
    selection:
        account: monitor
    condition: not selection
"""


def test_a_rule_of_single_events() -> None:
    (rule,) = load_text(SINGLE, "db_tool.yml", guest=True).rules
    assert (rule.title, rule.level, rule.author) == (
        "Database Client From An Unusual Tool",
        Level.MEDIUM,
        "Jane Doe (@jane), SigmaHQ",
    )
    assert rule.why == "{account} of {vendor} on {day}: Database Client From An Unusual Tool."
    assert rule.version.startswith("2025-01-12+")
    rows = [
        {"app_name": "DBeaver 24", "exposed_persons": 0},
        {"app_name": "psql 16", "exposed_persons": 10, "activity": "read"},
        {"app_name": "psql 16", "exposed_persons": 9, "activity": "read"},
        {"app_name": "psql", "exposed_persons": 10, "activity": "read", "account": "DBA_kim"},
        {"app_name": "psql", "exposed_persons": 10, "activity": "read", "client_ip": "10.1.2.3"},
    ]
    hits = run_rules(load_text(SINGLE, guest=True), events(*rows))
    assert hits["event_id"].to_pylist() == ["shop/1/0", "shop/1/1"]


def test_a_correlation_and_a_filter() -> None:
    rules = load_text(WINDOWED, guest=True)
    assert [rule.title for rule in rules.rules] == ["Many Failed Statements"]
    assert rules.rules[0].version.startswith("2024-07-04+")
    rows = [{"status": "failure", "account": account} for account in ("a", "monitor", "a", "monitor", "a", "monitor", "b")]
    assert run_rules(rules, events(*rows))["event_id"].to_pylist() == ["shop/1/0", "shop/1/2", "shop/1/4"]


CORRELATIONS = {
    "event_count": "condition: {gte: 2}",
    "value_count": "condition: {gte: 2, field: client_ip}",
    "value_sum": "condition: {gte: 2, field: exposed_rows}",
    "value_avg": "condition: {gte: 1, field: exposed_rows}",
    "value_median": "condition: {gte: 1, field: exposed_rows}",
    "value_percentile": "condition: {gte: 1, field: exposed_rows, percentile: 95}",
    "temporal": "aliases: {}",
    "temporal_ordered": "aliases: {}",
}


@pytest.mark.parametrize("kind", CORRELATIONS)
def test_every_type_of_correlation_of_sigma_2_1(kind: str) -> None:
    names = "[one, two]" if kind.startswith("temporal") else "[one]"
    text = f"""\
title: A {kind}
id: 0e95725d-7320-415d-80f7-004da920fc11
correlation:
    type: {kind}
    rules: {names}
    group-by: [account]
    timespan: 1h
    {CORRELATIONS[kind]}
level: low
"""
    for name in ("one", "two"):
        text += f"---\ntitle: {name}\nname: {name}\nlogsource: {{category: database}}\n"
        text += f"detection:\n    s:\n        command: {'select' if name == 'one' else 'copy'}\n    condition: s\n"
    used = text if kind.startswith("temporal") else text.rpartition("---\n")[0]
    rows = [
        {"command": "SELECT", "exposed_rows": 2, "client_ip": "10.0.0.1"},
        {"command": "SELECT", "exposed_rows": 2, "client_ip": "10.0.0.2"},
        {"command": "COPY", "exposed_rows": 2, "client_ip": "10.0.0.2"},
    ]
    hits = set(run_rules(load_text(used, guest=True), events(*rows))["event_id"].to_pylist())
    assert {"shop/1/1"} <= hits, kind


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("app_name|contains", "Application|contains", "unknown field 'Application'"),
        ("category: database", "category: process_creation", "logsource"),
        ("category: database", "category: database\n    service: mssql", "logsource"),
        ("level: medium", "levle: medium", "did you mean 'level'"),
        ("level: medium", "", "must be one of"),
        ("id: 4a3b9f0e-6c1d-4d7e-9a55-0d7b6f1c2e88", "", "id is missing"),
        ("    selection_tool:", "    unused: {account: x}\n    selection_tool:", "not used"),
        ("        activity: read", "        activity|expand: '%reads%'", "%reads%"),
        ("        activity: read", "        activity|reversed: read", "Unknown modifier"),
    ],
)
def test_what_cannot_work_is_said_of_guests_too(old: str, new: str, message: str) -> None:
    assert old in SINGLE
    with pytest.raises(RuleError, match=message):
        load_text(SINGLE.replace(old, new, 1), guest=True)


def test_in_folders_of_the_company_but_not_among_ours(tmp_path: Path) -> None:
    (tmp_path / "db_tool.yml").write_text(SINGLE, encoding="utf-8")
    (tmp_path / "failed.yml").write_text(WINDOWED, encoding="utf-8")
    assert {"Database Client From An Unusual Tool", "Many Failed Statements"} <= {r.title for r in load_rules([tmp_path]).rules}
    with pytest.raises(RuleError, match="tests: is missing"):
        load_text(SINGLE)

"""Detections against events: what matches, and what must not get through."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.ruleset import run_rules
from tests.ruleset.helpers import detection, events, matching, rules, text

# (selection, values of the column, indices that match)
TABLE: list[tuple[dict[str, Any], str, list[Any], list[int]]] = [
    ({"account": "Dlv_App"}, "account", ["dlv_app", "DLV_APP", "dlvxapp", None], [0, 1]),
    ({"account|cased": "Dlv_App"}, "account", ["dlv_app", "Dlv_App"], [1]),
    ({"account": ["a", "B"]}, "account", ["A", "b", "c"], [0, 1]),
    ({"account": "dlv*"}, "account", ["DLV", "dlv_1", "xdlv"], [0, 1]),
    ({"account": "dlv?"}, "account", ["dlv", "dlv1", "dlv12"], [1]),
    ({"account|cased": "D*"}, "account", ["Dx", "dx"], [0]),
    ({"account|contains": "50%_"}, "account", ["x50%_y", "x50aby", "50%_"], [0, 2]),
    ({"account|contains|all": ["a", "B"]}, "account", ["xaxb", "a", "b"], [0]),
    ({"account|startswith": "관리"}, "account", ["관리자", "부관리"], [0]),
    ({"account|endswith": "_RO"}, "account", ["app_ro", "app_ro2", "appxro"], [0]),
    ({"account|re": "^dlv_[0-9]+$"}, "account", ["dlv_12", "DLV_12", "xdlv_12"], [0]),
    ({"account|re|i": "^dlv"}, "account", ["dlv", "DLV"], [0, 1]),
    ({"account|neq": "a"}, "account", ["a", "b", None], [1, 2]),
    ({"account": r"a\*b"}, "account", ["a*b", "axb"], [0]),
    ({"account": r"dom\user"}, "account", [r"DOM\user", "domuser"], [0]),
    ({"account": r"dom\*user"}, "account", [r"dom\xuser", "dom*user"], [1]),
    ({"vendor": None}, "vendor", [None, "v", ""], [0]),
    ({"vendor|exists": True}, "vendor", [None, "v"], [1]),
    ({"vendor|exists": False}, "vendor", [None, "v"], [0]),
    ({"exposed_persons|gt": 5}, "exposed_persons", [4, 5, 6], [2]),
    ({"exposed_persons|gte": 5}, "exposed_persons", [4, 5, 6], [1, 2]),
    ({"exposed_persons|lt": 5}, "exposed_persons", [4, 5, 6], [0]),
    ({"exposed_persons|lte": 5}, "exposed_persons", [4, 5, 6, None], [0, 1]),
    ({"exposed_persons": 5}, "exposed_persons", [4, 5], [1]),
    ({"exposed_persons|gte": 5, "exposed_persons|lt": 7}, "exposed_persons", [4, 5, 6, 7], [1, 2]),
    ({"table_share|gte": 0.5}, "table_share", [0.49, 0.5], [1]),
    ({"baseline_z|gte": -1.5}, "baseline_z", [-2.0, -1.5, None], [1]),
    ({"agreed_export": True}, "agreed_export", [True, False, None], [0]),
    ({"client_ip|cidr": "10.20.0.0/16"}, "client_ip", ["10.20.3.4", "10.21.0.1", "[local]", "::ffff:10.20.0.9", None], [0, 3]),
    ({"client_ip|cidr": "2001:db8::/32"}, "client_ip", ["2001:db8::1", "2001:db9::1", "10.0.0.1"], [0]),
    ({"techniques": "Paging"}, "techniques", [["copy", "paging"], ["copy"], [], None], [0]),
    ({"techniques": ["a", "b"]}, "techniques", [["b"], ["c"], ["x", "A"]], [0, 2]),
    ({"techniques|all": ["a", "b"]}, "techniques", [["b"], ["c"], ["b", "A"]], [2]),
    ({"techniques": None}, "techniques", [["b"], [], None], [1, 2]),
    ({"techniques|exists": True}, "techniques", [["b"], [], None], [0]),
    ({"tables|startswith": "crm."}, "tables", [["shop.prd", "CRM.mbr"], ["shop.crm.x"]], [0]),
    ({"tables|re": r"\.mbr$"}, "tables", [["crm.mbr"], ["crm.mbr2"]], [0]),
    ({"account|fieldref": "app_name"}, "account", ["DLV-batch", "x"], [0]),
    ({"account|fieldref|startswith": "app_name"}, "account", ["dlv-batch-2", "dlv"], [0]),
]


@pytest.mark.parametrize(("selection", "column", "values", "expected"), TABLE, ids=[str(row[0]) for row in TABLE])
def test_matching(selection: dict[str, Any], column: str, values: list[Any], expected: list[int]) -> None:
    rows = [{column: value} for value in values]
    assert matching(selection, rows) == expected
    # a detection and its negation part the events in two, missing values included
    assert matching(selection, rows, "not s") == [n for n in range(len(rows)) if n not in expected]


def test_lists_of_maps_are_alternatives() -> None:
    rows = [{"account": "a"}, {"vendor": "v"}, {"account": "b"}, {"account": "b", "exposed_persons": 3}]
    assert matching([{"account": "a"}, {"vendor": "v"}, {"account": "b", "exposed_persons|gte": 3}], rows) == [0, 1, 3]


HOSTILE = [
    "'; COPY (SELECT 1) TO 'stolen.csv'; --",
    "x') OR 1=1 --",
    '"; DROP TABLE events; --',
    "$1 ? ?1 {account}",
    "\\' OR ''='",
    "%' ESCAPE '!",
    "(SELECT content FROM read_text('/etc/hostname'))",
    "\x00",
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("modifier", ["", "|contains", "|startswith", "|endswith", "|cased"])
def test_values_stay_values(value: str, modifier: str) -> None:
    if "\x00" in value or value.startswith("$1"):
        modifier = ""  # ? is a wildcard, and NUL does not survive YAML unescaped
    rows = [{"account": value.replace("?", "x")}, {"account": "someone else"}]
    escaped = value.replace("\\", "\\\\")
    assert matching({f"account{modifier}": escaped}, rows) == [0]


@pytest.mark.parametrize("name", [*HOSTILE[:-1], 'account" OR true --', "account) OR (1=1", "events.account"])
def test_names_are_looked_up_never_quoted_into_sql(name: str) -> None:
    from scanner.errors import RuleError

    name = name.replace("|", "")
    with pytest.raises(RuleError, match=r"unknown field|not valid Sigma"):
        rules(detection({name: "x"}))


@pytest.mark.parametrize("pattern", ["'", "' OR true --", "a|(SELECT 1)", "[']", r"\'"])
def test_regexes_stay_regexes(pattern: str) -> None:
    assert matching({"account|re": pattern}, [{"account": "nothing like it"}]) == []


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(alphabet="aB%_\\*'\"가;", max_size=6), min_size=1, max_size=8), st.data())
def test_contains_is_plain_containment(values: list[str], data: st.DataObject) -> None:
    needle = data.draw(st.sampled_from(values))
    escaped = needle.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")
    expected = [n for n, value in enumerate(values) if needle.lower() in value.lower()]
    assert matching({"account|contains": escaped}, [{"account": v} for v in values]) == expected


def test_a_filter_narrows_the_rules_it_names() -> None:
    rule = detection({"exposed_persons|gte": 1}) | {"name": "reads"}
    quiet = {
        "title": "Not the robot",
        "id": "6f0a3c52-8d0e-4a54-9b6e-0f5a1c1d7aff",
        "logsource": {"product": "vendorwatch", "category": "database"},
        "filter": {"rules": ["reads"], "robot": {"account": "robot"}, "condition": "not robot"},
    }
    table = events({"account": "robot", "exposed_persons": 5}, {"account": "kim", "exposed_persons": 5})
    assert run_rules(rules(rule), table).num_rows == 2
    filtered = rules(rule, quiet)
    assert run_rules(filtered, table).column("event_id").to_pylist() == ["shop/1/1"]
    assert filtered.rules[0].version != rules(rule).rules[0].version
    assert filtered.rules[0].version == rules(rule, quiet).rules[0].version
    assert text(rule)

"""Findings in OCSF's words, against the class's required attributes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scanner.findings.ocsf import detection_finding

FINDING: dict[str, Any] = {
    "id": "0123456789abcdef", "rules": ["r1", "r2"], "level": "critical", "status": "in_progress", "verdict": None,
    "vendor": "core_it", "accounts": ["ops_park"], "database": "shop", "first_event": "2026-11-03T17:03:00.000000+00:00",
    "last_event": "2026-11-03T17:05:00.000000+00:00", "created_at": "2026-11-03T17:10:00.000000+00:00",
    "updated_at": "2026-11-03T17:11:00.000000+00:00", "why": "ops_park dumped public.mbr", "event_count": 3,
    "techniques": ["dump_tool"], "pii_classes": ["PERSON"], "exposed_persons": {"low": 1, "best": 2, "high": 3},
    "exposed_rows": {"low": 1, "best": 2, "high": 3}, "rows_source": "estimated",
    "matched": [{"id": "r1", "title": "A dump tool took customer data"}], "client_ips": ["10.9.8.7"],
}  # fmt: skip
# https://schema.ocsf.io/1.6.0/classes/detection_finding: attributes that are required
REQUIRED = {"activity_id", "category_uid", "class_uid", "finding_info", "metadata", "severity_id", "time", "type_uid"}


@pytest.mark.parametrize(
    ("change", "reason", "wanted"),
    [
        ({}, "created", {"activity_id": 1, "type_uid": 200401, "severity_id": 5, "status_id": 2}),
        ({"level": "low"}, "level_raised", {"activity_id": 2, "type_uid": 200402, "severity_id": 2}),
        ({"status": "resolved", "verdict": "true_positive"}, "resolved", {"type_uid": 200403, "status_id": 4, "verdict_id": 2}),
        ({"status": "new"}, "escalation", {"activity_id": 2, "status_id": 1}),
    ],
)
def test_numbers_are_ocsfs(change: dict[str, Any], reason: str, wanted: dict[str, int]) -> None:
    document = detection_finding(FINDING | change, reason)
    assert set(document) >= REQUIRED
    assert {name: document[name] for name in wanted} == wanted
    assert document["type_uid"] == document["class_uid"] * 100 + document["activity_id"]
    assert document["finding_info"]["uid"] == FINDING["id"]
    assert document["time"] == 1793725860000
    assert ("verdict_id" in document) == bool(change.get("verdict"))


def test_it_carries_techniques_of_attack_and_nothing_personal() -> None:
    document = detection_finding(FINDING, tags={"r1": ("attack.exfiltration", "attack.t1213.006"), "r2": ("attack.t1048",)})
    assert [a["technique"]["uid"] for a in document["finding_info"]["attacks"]] == ["T1048", "T1213.006"]
    text = json.dumps(document)
    assert "ops_park" not in text
    assert "10.9.8.7" not in text

"""A finding as an OCSF 1.6 Detection Finding (class 2004): what SIEMs take.

Source of the names and numbers: https://schema.ocsf.io/1.6.0/classes/detection_finding
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from scanner import __version__

_CLASS, _CATEGORY = 2004, 2
_SEVERITY = {"informational": (1, "Informational"), "low": (2, "Low"), "medium": (3, "Medium"), "high": (4, "High"),
             "critical": (5, "Critical")}  # fmt: skip
_STATUS = {"new": (1, "New"), "in_progress": (2, "In Progress"), "suppressed": (3, "Suppressed"), "resolved": (4, "Resolved")}
_ACTIVITY = {"created": (1, "Create"), "resolved": (3, "Close")}
_VERDICT = {"false_positive": (1, "False Positive"), "true_positive": (2, "True Positive"), "benign_positive": (9, "Benign"),
            "duplicate": (10, "Duplicate")}  # fmt: skip
_TECHNIQUE = re.compile(r"^attack\.(t\d{4}(?:\.\d{3})?)$", re.IGNORECASE)


def detection_finding(
    finding: Mapping[str, Any], reason: str = "created", tags: Mapping[str, tuple[str, ...]] | None = None
) -> dict[str, Any]:
    """``finding`` as served, in OCSF's words. ``reason`` is what happened to it; ``tags`` are the rules' tags by rule id.

    Times are milliseconds since 1970 UTC. It holds no personal data: neither statements nor addresses.
    """
    severity_id, severity = _SEVERITY[finding["level"]]
    status_id, status = _STATUS[finding["status"]]
    activity_id, activity = _ACTIVITY.get(reason, (2, "Update"))
    matched = finding.get("matched") or []
    techniques = sorted(
        {m[1].upper() for rule in finding["rules"] for tag in (tags or {}).get(rule, ()) if (m := _TECHNIQUE.match(tag))}
    )
    document: dict[str, Any] = {
        "class_uid": _CLASS,
        "class_name": "Detection Finding",
        "category_uid": _CATEGORY,
        "category_name": "Findings",
        "activity_id": activity_id,
        "activity_name": activity,
        "type_uid": _CLASS * 100 + activity_id,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "time": _ms(finding["updated_at"]),
        "start_time": _ms(finding["first_event"]),
        "end_time": _ms(finding["last_event"]),
        "count": finding["event_count"],
        "metadata": {
            "version": "1.6.0",
            "product": {"name": "vendorwatch", "vendor_name": "vendorwatch", "version": __version__},
            "uid": finding["id"],
        },
        "finding_info": {
            "uid": finding["id"],
            "title": matched[0]["title"] if matched else "",
            "types": list(finding["techniques"]),
            "created_time": _ms(finding["created_at"]),
            "modified_time": _ms(finding["updated_at"]),
            "first_seen_time": _ms(finding["first_event"]),
            "last_seen_time": _ms(finding["last_event"]),
            "related_analytics": [{"uid": m["id"], "name": m["title"], "type_id": 1, "type": "Rule"} for m in matched],
            "attacks": [{"technique": {"uid": uid}} for uid in techniques],
        },
        "resources": [
            {
                "type": "database",
                "name": finding["database"],
                "data_classifications": [{"category": c} for c in finding["pii_classes"]],
            }
        ],
        "unmapped": {
            "vendor": finding["vendor"],
            "exposed_persons": dict(finding["exposed_persons"]),
            "exposed_rows": dict(finding["exposed_rows"]),
            "rows_source": finding["rows_source"],
        },
    }
    if finding.get("verdict"):
        document["verdict_id"], document["verdict"] = _VERDICT[finding["verdict"]]
    return document


def _ms(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)

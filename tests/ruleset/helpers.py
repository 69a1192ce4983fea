"""Rules written in a line, for tests."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pyarrow as pa
import yaml

from scanner.ruleset import RuleSet, event_table, load_text, run_rules
from scanner.ruleset.testcases import START

LOGSOURCE = {"product": "vendorwatch", "category": "database"}
FIRING = {"name": "fires", "kind": "attack", "events": [{"exposed_persons": 1}]}
QUIET = {"name": "stays quiet", "kind": "benign", "events": [{"exposed_persons": 0}]}
STRADDLED = {**FIRING, "kind": "straddled"}
BELOW = {**QUIET, "kind": "below"}


def metadata(title: str = "A rule", **changes: Any) -> dict[str, Any]:
    """Everything a rule needs besides its detection."""
    data = {
        "title": title,
        "id": str(uuid5(NAMESPACE_URL, title)),
        "description": "What it looks for.",
        "author": "tests",
        "date": "2026-03-01",
        "modified": "2026-03-02",
        "tags": ["attack.t1213.006"],
        "level": "high",
        "falsepositives": ["Something harmless."],
        "triage": ["Look at it."],
        "why": "{account} did it.",
        "tests": [FIRING, STRADDLED, BELOW, QUIET],
        **changes,
    }
    return {key: value for key, value in data.items() if value is not None}


def detection(selection: Any, condition: str = "s", **changes: Any) -> dict[str, Any]:
    return metadata(**changes) | {"logsource": LOGSOURCE, "detection": {"s": selection, "condition": condition}}


def block(name: str, selection: Any) -> dict[str, Any]:
    return {"title": name, "name": name, "logsource": LOGSOURCE, "detection": {"s": selection, "condition": "s"}}


def correlation(spec: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return metadata(**changes) | {"correlation": spec}


def text(*documents: dict[str, Any]) -> str:
    dumped = yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=1000)
    # dates stand in quotes after dumping, and a quoted date is text
    return dumped.replace("'2026-03-01'", "2026-03-01").replace("'2026-03-02'", "2026-03-02")


def rules(*documents: dict[str, Any]) -> RuleSet:
    return load_text(text(*documents))


def events(*columns: dict[str, Any]) -> pa.Table:
    """Events one second apart, unless they bring their time."""
    from datetime import timedelta

    return event_table({"time": START + timedelta(seconds=n), **given} for n, given in enumerate(columns))


def matching(selection: Any, values: list[dict[str, Any]], condition: str = "s") -> list[int]:
    """Indices of the events a detection matches."""
    hits = run_rules(rules(detection(selection, condition)), events(*values))
    return sorted(int(e.rsplit("/", 1)[1]) for e in hits.column("event_id").to_pylist())

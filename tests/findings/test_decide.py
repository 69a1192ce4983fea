"""Decisions: which moves there are, what they need, what they leave behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from scanner.errors import FindingError
from scanner.findings import ConflictError, Decision, FindingStore, decide
from scanner.store import tables as t
from scanner.store.state import now, open_state

AWARE = datetime(2024, 11, 1, 9, 0, tzinfo=UTC)


def finding(finding_id: str, **other: Any) -> dict[str, Any]:
    document = {
        "id": finding_id, "rules": ["r1"], "accounts": ["cs_07"], "techniques": ["copy"], "tables": ["public.member"],
        "database": "shop", "vendor": "callcentre", "level": "high", "why": "because", "pii_classes": ["PERSON"],
        "exposed_persons": {"low": 10, "best": 900, "high": 1200},
    } | other  # fmt: skip
    return {
        "id": finding_id, "dedup_key": finding_id, "database": "shop", "vendor": document["vendor"], "level": document["level"],
        "status": "new", "first_event": now(), "last_event": now(), "created_at": now(), "updated_at": now(),
        "document": json.dumps(document),
    }  # fmt: skip


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Engine]:
    engine = open_state(f"sqlite:///{tmp_path}/state.sqlite")
    with engine.begin() as connection:
        connection.execute(t.finding.insert(), [finding("aa"), finding("bb"), finding("cc", rules=["r9"], accounts=["x"],
                           techniques=[], tables=["public.product"])])  # fmt: skip
    yield engine
    engine.dispose()


def served(state: Engine, finding_id: str = "aa") -> dict[str, Any]:
    found = FindingStore(state).get(finding_id)
    assert found is not None
    return found


def test_a_finding_is_taken_up_closed_and_reopened(state: Engine) -> None:
    decide(state, "aa", Decision(status="in_progress", assignee="kim", note="calling the vendor"), actor="park")
    taken = served(state)
    assert (taken["status"], taken["assignee"], taken["verdict"]) == ("in_progress", "kim", None)
    assert taken["clocks"]["acknowledged"] is not None
    decide(state, "aa", Decision(verdict="true_positive"), actor="kim")
    assert (served(state)["status"], served(state)["verdict"]) == ("resolved", "true_positive")
    decide(state, "aa", Decision(verdict="benign_positive"), actor="kim")
    decide(state, "aa", Decision(status="new"), actor="lee")
    reopened = served(state)
    assert (reopened["status"], reopened["verdict"]) == ("new", None)
    assert [(h["actor"], h["what"]) for h in reopened["history"]] == [
        ("park", "acknowledged"), ("park", "assigned"), ("park", "note"), ("kim", "resolved"), ("kim", "verdict_changed"),
        ("lee", "reopened"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("decision", "what"),
    [
        (Decision(status="resolved"), "needs a verdict"),
        (Decision(status="suppressed"), "by a suppression"),
        (Decision(status="in_progress", verdict="true_positive"), "closes a finding"),
        (Decision(verdict="perhaps"), "no verdict"),
        (Decision(status="open"), "no status"),
        (Decision(clocks={"lunch": AWARE}), "no clock"),
        (Decision(clocks={"aware": datetime(2026, 1, 1)}), "no offset"),  # noqa: DTZ001  # what is refused
        (Decision(clocks={"aware": datetime.now(UTC) + timedelta(hours=1)}), "lies ahead"),
        (Decision(note=" "), "characters"),
        (Decision(note="x" * 4001), "characters"),
    ],
)
def test_what_cannot_be_decided(state: Engine, decision: Decision, what: str) -> None:
    with pytest.raises(FindingError, match=what):
        decide(state, "aa", decision, actor="kim")
    assert served(state)["history"] == []


def test_of_two_decisions_upon_the_same_look_one_wins(state: Engine) -> None:
    seen = served(state)["updated_at"]
    decide(state, "aa", Decision(status="in_progress"), actor="kim", seen=seen)
    with pytest.raises(ConflictError):
        decide(state, "aa", Decision(verdict="false_positive"), actor="lee", seen=seen)
    assert served(state)["status"] == "in_progress"


def test_nothing_decided_changes_nothing(state: Engine) -> None:
    before = served(state)
    decide(state, "aa", Decision(status="new", assignee=""), actor="kim")
    assert served(state) == before
    with pytest.raises(FindingError, match="no finding"):
        decide(state, "zz", Decision(status="new"), actor="kim")


def test_seventy_two_hours_run_from_being_aware(state: Engine) -> None:
    decide(state, "aa", Decision(clocks={"possible_breach": AWARE - timedelta(hours=5), "aware": AWARE}), actor="officer")
    clocks = served(state)["clocks"]
    assert clocks["notify_by"] == "2024-11-04T09:00:00.000000+00:00"
    assert clocks["possible_breach"] == "2024-11-01T04:00:00.000000+00:00"
    assert clocks["notified"] is None
    assert clocks["regulator"] == ["possibly 1,000 people or more"]


def test_unique_identifiers_go_to_the_regulator(state: Engine) -> None:
    with state.begin() as connection:
        connection.execute(
            t.finding.insert(), [finding("dd", pii_classes=["KR_RRN"], exposed_persons={"best": 5000, "high": 9000})]
        )
    assert served(state, "dd")["clocks"]["regulator"] == ["1,000 people or more", "unique identifiers"]


def test_similar_findings_come_with_their_verdicts(state: Engine) -> None:
    decide(state, "bb", Decision(verdict="benign_positive"), actor="kim")
    (similar,) = served(state)["similar"]
    assert (similar["id"], similar["verdict"]) == ("bb", "benign_positive")

"""Suppressions over the API: who may propose, approve and end, and upon which state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.test_access import problem
from tests.api.test_decisions import clients

__all__ = ["clients"]  # a fixture

PATH = "/api/v1/suppressions"


def asked(client: httpx.Client, **change: Any) -> dict[str, Any]:
    rule = client.get("/api/v1/rules").json()["items"][0]["id"]
    scope = {"rules": [rule], "vendor": "delivery"} | change.pop("scope", {})
    until = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    return {"scope": scope, "reason": "agreed", "until": until, "max_persons": 1000} | change


def test_one_proposes_another_approves_either_ends(clients: dict[str, httpx.Client]) -> None:
    analyst, officer, auditor = clients["analyst"], clients["officer"], clients["auditor"]
    made = analyst.post(PATH, json=asked(analyst))
    assert made.status_code == 200, made.text
    path = f"{PATH}/{made.json()['id']}"
    assert (made.json()["state"], made.json()["author"], made.json()["hides"]) == ("proposed", "analyst", [])
    assert auditor.get(path).headers["etag"] == made.headers["etag"]
    upon = {"If-Match": made.headers["etag"]}
    assert "If-Match" in problem(officer.patch(path, json={"decision": "approve"}), 428)["detail"]
    problem(analyst.patch(path, json={"decision": "approve"}, headers=upon), 403)
    problem(auditor.patch(path, json={"decision": "approve"}, headers=upon), 403)
    answer = officer.patch(path, json={"decision": "approve"}, headers=upon)
    assert (answer.status_code, answer.json()["state"], answer.json()["approver"]) == (200, "in_force", "officer"), answer.text
    problem(officer.patch(path, json={"decision": "end", "reason": "x"}, headers=upon), 412)
    now = {"If-Match": answer.headers["etag"]}
    problem(analyst.patch(path, json={"decision": "end"}, headers=now), 422)
    ended = analyst.patch(path, json={"decision": "end", "reason": "over"}, headers=now)
    assert [(h["actor"], h["what"]) for h in ended.json()["history"]] == [
        ("analyst", "proposed"), ("officer", "approved"), ("analyst", "revoked"),
    ]  # fmt: skip
    assert auditor.get(PATH).json() == []
    assert [row["state"] for row in auditor.get(PATH, params={"ended": True}).json()] == ["revoked"]


def test_nobody_approves_their_own(clients: dict[str, httpx.Client]) -> None:
    officer = clients["officer"]
    made = officer.post(PATH, json=asked(officer))
    path, upon = f"{PATH}/{made.json()['id']}", {"If-Match": made.headers["etag"]}
    assert "cannot approve" in problem(officer.patch(path, json={"decision": "approve"}, headers=upon), 422)["detail"]
    assert officer.patch(path, json={"decision": "end", "reason": "x"}, headers=upon).json()["state"] == "withdrawn"


@pytest.mark.parametrize(
    ("role", "change", "status"),
    [
        ("auditor", {}, 403),
        ("admin", {}, 403),
        ("analyst", {"scope": {"vendor": "nobody"}}, 422),
        ("analyst", {"scope": {"database": "nowhere"}}, 422),
        ("analyst", {"scope": {"rules": ["none"]}}, 422),
        ("analyst", {"scope": {"rules": []}}, 422),
        ("analyst", {"scope": {"vendor": None}}, 422),
        ("analyst", {"scope": {"who": "kim"}}, 422),
        ("analyst", {"scope": {"accounts": ["*"]}}, 422),
        ("analyst", {"until": "2024-01-01T00:00:00"}, 422),
        ("analyst", {"until": "2020-01-01T00:00:00Z"}, 422),
        ("analyst", {"max_persons": -1}, 422),
        ("analyst", {"reason": ""}, 422),
        ("analyst", {"level": "critical"}, 422),
    ],
)
def test_what_is_refused(clients: dict[str, httpx.Client], role: str, change: dict[str, Any], status: int) -> None:
    problem(clients[role].post(PATH, json=asked(clients[role], **change)), status)


def test_none_there(clients: dict[str, httpx.Client]) -> None:
    problem(clients["auditor"].get(f"{PATH}/{'0' * 16}"), 404)
    problem(clients["auditor"].get(f"{PATH}/%25"), 422)
    problem(clients["auditor"].get(PATH, params={"all": True}), 422)

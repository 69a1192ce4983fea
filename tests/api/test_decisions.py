"""Deciding about findings over the API: who may, upon which state, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.app import create_app
from scanner.store.tokens import TokenStore
from tests.api.conftest import Server, fill
from tests.api.test_access import problem


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, httpx.Client]]:
    """A client for every role, over a workspace of this module's own."""
    made = fill(Path(tmp_path_factory.mktemp("decisions")))
    tokens = TokenStore(made.workspace.state)
    with Server(create_app(made.config)) as url:
        roles = ("analyst", "officer", "auditor", "admin")
        found = {
            role: httpx.Client(base_url=url, headers={"Authorization": f"Bearer {tokens.create(role, [role]).secret}"})
            for role in roles
        }
        yield found
        for client in found.values():
            client.close()
    made.workspace.state.dispose()


def look(client: httpx.Client, number: int = 0) -> tuple[str, dict[str, str]]:
    """Address of a finding, and the header of a decision upon what it says now."""
    path = "/api/v1/findings/" + client.get("/api/v1/findings").json()["items"][number]["id"]
    return path, {"If-Match": client.get(path).headers["etag"]}


def test_an_analyst_takes_a_finding_up_and_closes_it(clients: dict[str, httpx.Client]) -> None:
    path, upon = look(clients["analyst"])
    answer = clients["analyst"].patch(path, json={"status": "in_progress", "assignee": "kim", "note": "asked"}, headers=upon)
    assert answer.status_code == 200, answer.text
    assert answer.json()["assignee"] == "kim"
    assert answer.headers["etag"] == clients["auditor"].get(path).headers["etag"] != upon["If-Match"]
    closed = clients["analyst"].patch(path, json={"verdict": "true_positive"}, headers={"If-Match": answer.headers["etag"]})
    assert (closed.json()["status"], closed.json()["verdict"]) == ("resolved", "true_positive")
    assert [(h["actor"], h["what"]) for h in closed.json()["history"]][-4:] == [
        ("analyst", "acknowledged"), ("analyst", "assigned"), ("analyst", "note"), ("analyst", "resolved"),
    ]  # fmt: skip


def test_a_decision_names_what_it_was_made_upon(clients: dict[str, httpx.Client]) -> None:
    path, upon = look(clients["analyst"], 1)
    assert "If-Match" in problem(clients["analyst"].patch(path, json={"note": "x"}), 428)["detail"]
    assert clients["analyst"].patch(path, json={"note": "first"}, headers=upon).status_code == 200
    problem(clients["officer"].patch(path, json={"note": "second"}, headers=upon), 412)
    problem(clients["officer"].patch(path, json={"note": "second"}, headers={"If-Match": "*"}), 412)


@pytest.mark.parametrize(
    ("role", "change", "status"),
    [
        ("auditor", {"note": "x"}, 403),
        ("admin", {"status": "in_progress"}, 403),
        ("analyst", {"aware": "2024-11-01T09:00:00+09:00"}, 403),
        ("officer", {"aware": "2024-11-01T09:00:00+09:00"}, 200),
        ("officer", {"aware": "2024-11-01T09:00:00"}, 422),
        ("analyst", {"status": "resolved"}, 422),
        ("analyst", {"status": "suppressed"}, 422),
        ("analyst", {"verdict": "perhaps"}, 422),
        ("analyst", {"owner": "kim"}, 422),
        ("analyst", {"note": ""}, 422),
        ("analyst", {"note": "x" * 4001}, 422),
        ("analyst", {"assignee": "a\x00b"}, 422),
    ],
)
def test_who_may_decide_what(clients: dict[str, httpx.Client], role: str, change: dict[str, str], status: int) -> None:
    path, upon = look(clients[role], 2)
    answer = clients[role].patch(path, json=change, headers=upon)
    if status == 200:
        assert answer.json()["clocks"]["notify_by"] == "2024-11-04T00:00:00.000000+00:00"
    else:
        problem(answer, status)


def test_no_finding_no_decision(clients: dict[str, httpx.Client]) -> None:
    problem(clients["analyst"].patch("/api/v1/findings/" + "0" * 16, json={"note": "x"}, headers={"If-Match": '"x"'}), 404)


@pytest.mark.parametrize(
    ("role", "change", "status"),
    [
        ("officer", {}, 200),
        ("officer", {"what": "override", "pii_class": "NO_SUCH"}, 422),
        ("officer", {"reason": ""}, 422),
        ("officer", {"database": "nowhere"}, 404),
        ("officer", {"column": "a.b.c"}, 422),
        ("analyst", {}, 403),
        ("auditor", {}, 403),
    ],
)
def test_who_may_decide_about_columns(clients: dict[str, httpx.Client], role: str, change: dict[str, str], status: int) -> None:
    row = clients["officer"].get("/api/v1/catalog", params={"personal": True}).json()["items"][0]
    place = ".".join(part for part in (row["schema"], row["table"], row["column"]) if part)
    asked = {"database": row["database"], "column": place, "what": "confirm", "reason": "checked", **change}
    answer = clients[role].post("/api/v1/catalog/decisions", json=asked)
    if status == 200:
        assert (answer.status_code, answer.json()["pii_class"]) == (200, row["pii_class"]), answer.text
        (kept,) = clients["auditor"].get("/api/v1/catalog/decisions").json()
        assert (kept["column"], kept["actor"], kept["reason"]) == (row["column"], "officer", "checked")
    else:
        problem(answer, status)

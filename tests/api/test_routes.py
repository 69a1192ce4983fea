"""What the routes answer: the same rows the stores hold, page by page, filtered, whatever the filters say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.paging import Filters
from api.schemas import Event
from api.schemas_findings import Finding
from scanner.findings import FindingStore
from scanner.findings.model import Finding as StoredFinding
from scanner.model import SHOWN_SCHEMA, Level
from scanner.ruleset import load_rules
from tests.api.conftest import ACCOUNTS, BEGIN, LEVELS, Filled
from tests.api.test_access import problem

A_DAY_ON = timedelta(hours=24, minutes=20)
LISTS = (
    "/api/v1/findings",
    "/api/v1/events",
    "/api/v1/vendors",
    "/api/v1/catalog",
    "/api/v1/rules",
    "/api/v1/runs",
    "/api/v1/skips",
)


def walk(client: httpx.Client, path: str, **params: Any) -> Iterator[dict[str, Any]]:
    """Items of all pages, by following ``next``."""
    answer = client.get(path, params=params)
    while True:
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert len(body["items"]) <= params.get("limit", 100)
        yield from body["items"]
        if body["next"] is None:
            assert "link" not in answer.headers
            return
        assert answer.headers["link"] == f'<{body["next"]}>; rel="next"'
        answer = client.get(body["next"])


def ids(rows: Any) -> list[str]:
    return [row["event_id"] for row in rows]


# -- events -----------------------------------------------------------------------------------------------------------


def test_an_event_has_the_columns_of_the_store() -> None:
    assert list(Event.model_fields) == SHOWN_SCHEMA.names


@pytest.mark.parametrize("limit", [1, 17, 60, 299, 300, 1000])
def test_all_events_come_once_in_order(client: httpx.Client, filled: Filled, limit: int) -> None:
    if limit == 1:  # one by one is slow: a day of them
        wanted = [row for row in filled.events if row["time"] < BEGIN + timedelta(hours=8)]
        params: dict[str, Any] = {"to": (BEGIN + timedelta(hours=8)).isoformat()}
    else:
        wanted, params = filled.events, {}
    newest = list(walk(client, "/api/v1/events", limit=limit, **params))
    assert ids(newest) == ids(reversed(wanted))
    assert ids(walk(client, "/api/v1/events", limit=limit, order="oldest", **params)) == ids(wanted)


def test_an_event_says_what_is_stored(client: httpx.Client, filled: Filled) -> None:
    first = client.get("/api/v1/events", params={"order": "oldest", "limit": 1}).json()["items"][0]
    made = filled.events[0]
    assert list(first) == SHOWN_SCHEMA.names
    assert first["time"] == made["time"].isoformat(timespec="microseconds")
    assert first["day"] == "2026-03-02"
    assert {k: v for k, v in first.items() if k in made and k not in ("time", "day", "baseline_z")} == {
        k: v for k, v in made.items() if k not in ("time", "day", "baseline_z")
    }


def test_numbers_that_json_does_not_have_are_null(client: httpx.Client) -> None:
    rows = [row for row in walk(client, "/api/v1/events") if row["session_line"] in (4, 8)]
    assert [row["baseline_z"] for row in rows] == [None, None]


@pytest.mark.parametrize(
    ("params", "keep"),
    [
        ({"vendor": "delivery"}, lambda row: row["vendor"] == "delivery"),
        ({"vendor": "-"}, lambda row: row["vendor"] is None),
        ({"vendor": "nobody"}, lambda row: False),
        ({"account": "crm_2"}, lambda row: row["account"] == "crm_2"),
        ({"account": "CRM_2"}, lambda row: False),
        ({"database": "shop"}, lambda row: True),
        ({"database": "new"}, lambda row: False),
        ({"technique": "paging"}, lambda row: "paging" in row["techniques"]),
        ({"table": "public.customer"}, lambda row: row["tables"]),
        ({"pii_class": "PERSON"}, lambda row: row["pii_classes"]),
        ({"activity": "connect"}, lambda row: row["activity"] == "connect"),
        ({"status": "failure"}, lambda row: False),
        ({"session": "s3"}, lambda row: row["session"] == "s3"),
        ({"client_ip": "10.2.0.4"}, lambda row: row["client_ip"] == "10.2.0.4"),
        ({"min_exposed_persons": 40}, lambda row: row["exposed_persons"] >= 40),
        ({"min_exposed_persons": 41}, lambda row: False),
        ({"from": "2026-03-04T00:00:00Z"}, lambda row: row["time"].day >= 4),
        ({"to": "2026-03-04T09:00:00+09:00"}, lambda row: row["time"].day < 4),
        ({"from": "2026-03-03T00:20:00Z", "to": "2026-03-03T00:20:00.000001Z"}, lambda row: row["time"] == BEGIN + A_DAY_ON),
        ({"from": "2026-03-05T00:00:00Z", "to": "2026-03-04T00:00:00Z"}, lambda row: False),
        (
            {"vendor": "crm", "min_exposed_persons": 1, "from": "2026-03-03T00:00:00Z"},
            lambda row: row["vendor"] == "crm" and row["exposed_persons"] and row["time"].day >= 3,
        ),
    ],
)
def test_event_filters(client: httpx.Client, filled: Filled, params: dict[str, Any], keep: Any) -> None:
    wanted = [row for row in filled.events if keep(row)]
    assert ids(walk(client, "/api/v1/events", limit=17, order="oldest", **params)) == ids(wanted)


def test_the_plus_of_an_offset_survives_a_sloppy_query_string(client: httpx.Client) -> None:
    sloppy = client.get("/api/v1/events?to=2026-03-04T09:00:00+09:00&limit=1").json()["items"]
    assert sloppy == client.get("/api/v1/events", params={"to": "2026-03-04T09:00:00+09:00", "limit": 1}).json()["items"]


# -- findings ---------------------------------------------------------------------------------------------------------


def test_a_finding_has_the_fields_of_the_command_line(client: httpx.Client, filled: Filled) -> None:
    stored = FindingStore(filled.workspace.state).all()
    served = list(walk(client, "/api/v1/findings", limit=2))
    assert served == stored
    fields = set(StoredFinding.__dataclass_fields__) - {"dedup_key"} | {"assignee", "clocks"}
    assert set(Finding.model_fields) == fields


@pytest.mark.parametrize("level", [level.value for level in Level])
def test_findings_at_or_above_a_level(client: httpx.Client, level: str) -> None:
    rank = Level(level).rank
    body = client.get("/api/v1/findings", params={"level": level, "limit": 3}).json()
    assert body["total"] == sum(Level(x).rank >= rank for x in LEVELS)
    found = [row["level"] for row in walk(client, "/api/v1/findings", level=level, limit=3)]
    assert len(found) == body["total"]
    assert found == sorted(found, key=lambda x: -Level(x).rank)


@pytest.mark.parametrize(
    ("params", "count"),
    [
        ({"vendor": "delivery"}, 4),
        ({"vendor": "-"}, 1),
        ({"vendor": "nobody"}, 0),
        ({"database": "shop"}, 9),
        ({"database": "new"}, 0),
        ({"status": "new"}, 9),
        ({"status": ["new", "resolved"]}, 9),
        ({"status": "resolved"}, 0),
        ({"vendor": "crm", "level": "high"}, 2),
    ],
)
def test_finding_filters(client: httpx.Client, params: dict[str, Any], count: int) -> None:
    assert client.get("/api/v1/findings", params=params).json()["total"] == count
    assert len(list(walk(client, "/api/v1/findings", limit=1, **params))) == count


def test_one_finding_with_its_history_and_etag(client: httpx.Client, filled: Filled) -> None:
    known = client.get("/api/v1/findings").json()["items"][0]["id"]
    answer = client.get(f"/api/v1/findings/{known}")
    assert answer.json() == FindingStore(filled.workspace.state).get(known)
    assert [entry["what"] for entry in answer.json()["history"]] == ["created"]
    tag = answer.headers["etag"]
    for header in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get(f"/api/v1/findings/{known}", headers={"If-None-Match": header})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.get(f"/api/v1/findings/{known}", headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_finding_is_not_found_by_a_piece_of_its_id(client: httpx.Client) -> None:
    known = client.get("/api/v1/findings").json()["items"][0]["id"]
    assert problem(client.get(f"/api/v1/findings/{known[:6]}"), 422)["errors"][0]["where"] == "finding_id"
    problem(client.get("/api/v1/findings/0000000000000000"), 404)
    problem(client.get("/api/v1/findings/0000000000000000/events"), 404)


@pytest.mark.parametrize("limit", [3, 100])
def test_the_events_of_a_finding(client: httpx.Client, filled: Filled, limit: int) -> None:
    for finding in client.get("/api/v1/findings").json()["items"][:3]:
        wanted = [row for row in filled.events if row["account"] in finding["accounts"] and row["activity"] == "read"]
        path = f"/api/v1/findings/{finding['id']}/events"
        assert ids(walk(client, path, limit=limit)) == ids(wanted)
        assert client.get(path).json()["total"] == finding["event_count"] == len(wanted)


# -- the others -------------------------------------------------------------------------------------------------------


def test_vendors(client: httpx.Client, filled: Filled) -> None:
    crm, delivery = walk(client, "/api/v1/vendors", limit=1)
    assert (crm["vendor"], crm["name"], crm["contract"], crm["time_zone"]) == ("crm", "crm", None, "Asia/Seoul")
    assert client.get("/api/v1/vendors/delivery").json() == delivery
    terms = delivery["contract"]
    assert (terms["from"], terms["until"], terms["max_persons_per_day"]) == ("2026-01-01", "2026-12-31", 500)
    assert terms["version"] == filled.config.vendors["delivery"].contract.version  # type: ignore[union-attr]
    assert terms["hours"] == {"days": ["mon", "tue"], "from": "09:00", "to": "18:30", "holidays": []}
    assert terms["exports"] == [{"columns": ["public.customer.email"], "max_rows_per_day": 40, "hours": "any"}]
    mine = [row for row in filled.events if row["vendor"] == "delivery"]
    people = sum(row["exposed_persons"] for row in mine)
    assert people > 1000, "more than the table holds, so that the bound shows"
    assert delivery["exposed_persons"] == {"low": 40, "best": 1000, "high": 1000}
    assert delivery["events"] == len(mine)
    assert [seen["account"] for seen in delivery["accounts_seen"]] == [a for a, v in ACCOUNTS.items() if v == "delivery"]
    assert delivery["open_findings"] == {"informational": 1, "low": 1, "medium": 1, "high": 1, "critical": 0}
    assert delivery["window_to"] == filled.events[-1]["time"].isoformat(timespec="microseconds")
    problem(client.get("/api/v1/vendors/nobody"), 404)


def test_catalogue(client: httpx.Client) -> None:
    rows = list(walk(client, "/api/v1/catalog", limit=3))
    assert [(row["table"], row["column"], row["pii_class"]) for row in rows] == [
        ("archive", "id", None),
        ("archive", "name", "PERSON"),
        ("customer", "id", None),
        ("customer", "name", "PERSON"),
    ]
    assert list(rows[0]) == [
        "database",
        "schema",
        "table",
        "column",
        "pii_class",
        "form",
        "confidence",
        "evidence",
        "table_rows",
        "rows_read",
        "blocks_read",
    ]
    assert len(list(walk(client, "/api/v1/catalog", personal="true", limit=1))) == 2
    assert len(list(walk(client, "/api/v1/catalog", pii_class="PERSON", table="public.customer"))) == 1
    assert list(walk(client, "/api/v1/catalog", database="new")) == []


def test_catalogue_of_every_database(client: httpx.Client) -> None:
    shop, new = client.get("/api/v1/catalog/databases").json()
    assert (shop["tables"], shop["columns"], shop["pii_columns"]) == (2, 4, 2)
    assert shop["gaps"] == [{"table": "public.secret", "reason": "no privilege", "hint": "grant select"}]
    assert (new["database"], new["scanned_at"], new["columns"]) == ("new", None, 0)


def test_rules(client: httpx.Client) -> None:
    known = load_rules().by_id
    found = list(walk(client, "/api/v1/rules", limit=4))
    assert {row["id"] for row in found} == set(known)
    assert [Level(row["level"]).rank for row in found] == sorted((Level(row["level"]).rank for row in found), reverse=True)
    one = client.get(f"/api/v1/rules/{found[0]['id']}").json()
    assert one == found[0]
    assert one["triage"] == list(known[one["id"]].triage)
    problem(client.get("/api/v1/rules/nothing"), 404)
    assert all(row["level"] in ("high", "critical") for row in walk(client, "/api/v1/rules", level="high"))


def test_sources_runs_and_skips(client: httpx.Client, filled: Filled) -> None:
    body = client.get("/api/v1/sources").json()
    assert body["last_run"]["status"] == "incomplete"
    assert body["last_run"]["notices"] == [{"path": "p", "reason": "r", "hint": "h"}]
    assert body["last_complete_run"] is None
    (source,) = body["sources"]
    assert (source["source_id"], source["files"], source["events"], source["skips"]) == ("shop/0", 1, 300, 3)
    assert source["bytes_read"] == 10_000
    newest = filled.events[-1]["time"]
    assert source["last_event"] == newest.isoformat(timespec="microseconds")
    assert abs(source["lag_seconds"] - (datetime.now(UTC) - newest).total_seconds()) < 60
    assert [run["id"] for run in walk(client, "/api/v1/runs", limit=1)] == [body["last_run"]["id"]]
    assert [row["offset"] for row in walk(client, "/api/v1/skips", limit=1)] == [2, 1, 0]
    assert list(walk(client, "/api/v1/skips", source_id="shop/9")) == []


def test_no_secret_of_the_configuration_is_served(client: httpx.Client) -> None:
    for path in (*LISTS, "/api/v1/sources", "/api/v1/catalog/databases"):
        assert "s3cret" not in client.get(path).text


# -- bad requests -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "params",
    [
        *({"limit": value} for value in ("0", "-1", "1001", "1e2", "ten", " 5", "5.0", "1_0", "9" * 30)),
        *({"cursor": value} for value in ("x", "", "é", "W10", "bnVsbA", "W" * 2001, "WyJ4IiwxXQ")),
        {"nonsense": "1"},
    ],
)
def test_bad_pages_are_refused(client: httpx.Client, path: str, params: dict[str, str]) -> None:
    body = problem(client.get(path, params=params), 422)
    assert body["errors"][0]["where"] in (*params, "query")
    assert not any(len(value) > 3 and value in str(body["errors"]) for value in params.values())


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/api/v1/events", {"from": "yesterday"}),
        ("/api/v1/events", {"from": "2026-03-02"}),
        ("/api/v1/events", {"from": "2026-03-02T09:00:00"}),
        ("/api/v1/events", {"from": "1772409600"}),
        ("/api/v1/events", {"from": "0001-01-01T00:00:00+14:00"}),
        ("/api/v1/events", {"to": "9999-12-31T23:59:59-14:00"}),
        ("/api/v1/events", {"min_exposed_persons": "-1"}),
        ("/api/v1/events", {"min_exposed_persons": str(1 << 63)}),
        ("/api/v1/events", {"order": "sideways"}),
        ("/api/v1/events", {"status": "new"}),
        ("/api/v1/events", {"account": "a\x00b"}),
        ("/api/v1/events", {"account": ""}),
        ("/api/v1/events", {"account": "x" * 256}),
        ("/api/v1/findings", {"level": "severe"}),
        ("/api/v1/findings", {"status": "open"}),
        ("/api/v1/findings", {"vendor": "\x00"}),
        ("/api/v1/catalog", {"personal": "perhaps"}),
        ("/api/v1/rules", {"level": "HIGH"}),
    ],
)
def test_bad_filters_are_refused(client: httpx.Client, path: str, params: dict[str, str]) -> None:
    body = problem(client.get(path, params=params), 422)
    assert body["errors"][0]["where"] == next(iter(params))


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("/api/v1/events?vendor=crm&vendor=delivery", 422),
        ("/api/v1/events?status=success&status=failure", 422),
        ("/api/v1/findings?limit=1&limit=2", 422),
        ("/api/v1/findings?status=new&status=resolved", 200),
    ],
)
def test_a_parameter_has_one_value_unless_it_may_have_several(client: httpx.Client, asked: str, status: int) -> None:
    assert client.get(asked).status_code == status


def test_a_cursor_belongs_to_its_filters(client: httpx.Client) -> None:
    following = client.get("/api/v1/events", params={"limit": 2}).json()["next"]
    problem(client.get(f"{following}&vendor=crm"), 422)
    assert client.get(following.replace("limit=2", "limit=5")).status_code == 200


@pytest.mark.parametrize("key", [["severe", "t", "i"], ["high", 1, "i"], ["high", "t"], ["high", "\x00", "i"]])
def test_a_made_up_cursor_is_refused(client: httpx.Client, key: list[Any]) -> None:
    known = client.get("/api/v1/findings", params={"limit": 1}).json()["next"].partition("cursor=")[2]
    problem(client.get("/api/v1/findings", params={"cursor": forged(known, key)}), 422)


@pytest.mark.parametrize("key", [["nonsense", "i"], ["2026-03-02", 1], ["0001-01-01T00:00:00+14:00", "i"], [[], {}]])
def test_a_made_up_event_cursor_is_refused(client: httpx.Client, key: list[Any]) -> None:
    known = client.get("/api/v1/events", params={"limit": 1}).json()["next"].partition("cursor=")[2]
    problem(client.get("/api/v1/events", params={"cursor": forged(known, key)}), 422)


def forged(cursor: str, key: list[Any]) -> str:
    """A cursor with the filters of a real one and a key of its own."""
    import base64
    import json

    digest = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))[0]
    return base64.urlsafe_b64encode(json.dumps([digest, *key]).encode()).decode().rstrip("=")


INJECTIONS = (
    "' or 1=1 --",
    "'; drop table finding; --",
    "x' union select sha256 from api_token --",
    "') or read_text('/etc/passwd') is not null --",
    '" or ""="',
    "%",
    "_",
    "\\",
    "$1",
    "?",
    "{vendor}",
    "%s",
    "../../etc",
    "delivery' --",
    "𝕏'\"`;--",
)
TEXT_FILTERS = {
    "/api/v1/events": ("database", "vendor", "account", "client_ip", "session", "activity", "technique", "table", "pii_class"),
    "/api/v1/findings": ("vendor", "database"),
    "/api/v1/catalog": ("database", "table", "pii_class"),
    "/api/v1/skips": ("source_id",),
}


@pytest.mark.parametrize("value", INJECTIONS)
def test_sql_in_a_filter_is_only_text(client: httpx.Client, value: str) -> None:
    for path, names in TEXT_FILTERS.items():
        for name in names:
            answer = client.get(path, params={name: value})
            assert answer.status_code == 200, answer.text
            assert answer.json()["items"] == [], (path, name)
    for path in (f"/api/v1/findings/{value}", f"/api/v1/vendors/{value}", f"/api/v1/rules/{value}"):
        assert client.get(path).status_code in (404, 405, 422)
    assert client.get("/api/v1/findings").json()["total"] == 9


@settings(max_examples=60, deadline=None)
@given(
    path=st.sampled_from(LISTS),
    params=st.dictionaries(
        st.sampled_from(["limit", "cursor", "vendor", "database", "level", "status", "from", "to", "account", "order", "table"]),
        st.text(st.characters(codec="utf-8"), max_size=30) | st.integers().map(str) | st.datetimes().map(str),
        max_size=3,
    ),
)
def test_whatever_is_asked_the_answer_is_a_page_or_a_problem(client: httpx.Client, path: str, params: dict[str, str]) -> None:
    answer = client.get(path, params=params)
    if answer.status_code == 200:
        assert "items" in answer.json()
    else:
        problem(answer, 422)


@given(st.lists(st.text() | st.integers(), max_size=4))
def test_a_cursor_gives_back_its_key(key: list[Any]) -> None:
    from fastapi import Request, Response

    request = Request({"type": "http", "path": "/x", "query_string": b"", "headers": [], "server": ("h", 1), "scheme": "http"})
    following = Filters().link(request, Response(), key)
    assert following is not None
    cursor = following.partition("cursor=")[2]
    kinds = [type(part) for part in key]
    filters = Filters(cursor=cursor) if len(cursor) <= 2000 else None
    if filters is None or any("\x00" in p if isinstance(p, str) else abs(p) >= 1 << 63 for p in key):
        return
    assert filters.after(*kinds) == tuple(key)


def test_what_part_of_all_customers_a_vendor_has_seen(client: httpx.Client) -> None:
    assert client.get("/api/v1/vendors/nobody/seen").status_code == 404
    rows = client.get("/api/v1/vendors/delivery/seen").json()
    assert all(row["days"] in (7, 30, 90) and row["people"]["low"] <= row["people"]["best"] for row in rows)

"""The JSON audit logs: what documented records become."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from scanner.events import LAST_SCHEMA, to_acts
from scanner.model import CUT_MARK
from scanner.sources import SOURCES
from tests.sources.json_logs import (
    bigquery,
    bigquery_old,
    das,
    find,
    line,
    log_entry,
    mongodb,
    mysql,
    percona,
    table_access,
    wrapped,
)


def read(source: str, *records: dict[str, Any] | bytes, skipped: int = 0) -> list[dict[str, Any]]:
    data = b"".join(r if isinstance(r, bytes) else line(r) for r in records)
    parsed = SOURCES[source]("x").parse(data, 0, at_end=True, final=True, longer_than=0)
    parsed.records.validate(full=True)
    assert len(parsed.skips) == skipped, parsed.skips
    return parsed.records.to_pylist()  # type: ignore[no-any-return]


def some(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def acts(source: str, *records: dict[str, Any]) -> list[dict[str, Any]]:
    data = b"".join(map(line, records))
    found = SOURCES[source]("x").parse(data, 0, at_end=True, final=True, longer_than=0).records
    made, _ = to_acts(found, LAST_SCHEMA.empty_table())
    return made.to_pylist()  # type: ignore[no-any-return]


# -- layouts ----------------------------------------------------------------------------------------------------------

EVENTS = [mysql(f"select {n}", n) for n in range(5)]
LAYOUTS = {
    "array": json.dumps(EVENTS),
    "pretty array": json.dumps(EVENTS, indent=2),
    "tabs": json.dumps(EVENTS, indent="\t"),
    "lines": "\n".join(map(json.dumps, EVENTS)),
    "array of lines, not closed": "[\n" + ",\n".join(map(json.dumps, EVENTS)),
    "comma at the end": "[\n" + ",\n".join(map(json.dumps, EVENTS)) + ",\n]\n",
    "arrays": "\n".join(json.dumps([e], indent=4) for e in EVENTS),
    "one line": "".join(map(json.dumps, EVENTS)),
    "CRLF": "\r\n".join(map(json.dumps, EVENTS)) + "\r\n",
    "blank lines": "\n\n\n".join(map(json.dumps, EVENTS)) + "\n\n",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout(layout: str) -> None:
    rows = read("mysql_audit_json", LAYOUTS[layout].encode())
    assert [row["statement"] for row in rows] == [f"select {n}" for n in range(5)]


def test_damage_costs_the_lines_it_is_in() -> None:
    good = line(mysql("select 'good'"))
    torn = line(mysql("select 'torn'"))[:90]
    for rubbish in (
        torn + b"\n",
        torn,
        b'{"timestamp": \n',
        b'"\n',
        b"}}\n",
        b"\0" * 100 + b"\n",
        b'{"timestamp":"x"}\n',
        b'{"a":[{\n',
    ):
        data = good + rubbish + good + good
        parsed = SOURCES["mysql_audit_json"]("x").parse(data, 0, at_end=True, final=False, longer_than=0)
        assert parsed.records["statement"].to_pylist() == ["select 'good'"] * 3, rubbish
        assert sum(skip.length for skip in parsed.skips) >= len(rubbish) - 1, rubbish


def test_lenient_where_writers_are() -> None:
    control = line(mysql("select 'x'")).replace(b"'x'", b"'\x01\x1f'")
    half = line(mysql("select 'x'")).replace(b"'x'", b"'\\ud800'")
    assert [r["statement"] for r in read("mysql_audit_json", control, half)] == ["select '\x01\x1f'", "select '\ufffd'"]


# -- MySQL ------------------------------------------------------------------------------------------------------------


def test_mysql_statement() -> None:
    (row,) = read("mysql_audit_json", mysql("select * from crm.people", rows=3, examined=20878))
    assert some(row, "kind", "account", "client_addr", "session", "command", "audit_class", "rows", "error_code") == (
        "audit", "vendor_a", "10.0.0.7", "mysql#8", "SELECT", "READ", 3, "00000",
    )  # fmt: skip
    assert str(row["time"]) == "2026-11-22 07:45:06+00:00"


@pytest.mark.parametrize(
    ("rows", "examined", "known"), [(3, 3, 3), (0, 0, 0), (0, 100, None), (0, None, None), (None, None, None)]
)
def test_mysql_rows(rows: int | None, examined: int | None, known: int | None) -> None:
    """No statistics: unknown. A count of zero is believed only of a statement that examined nothing."""
    (row,) = read("mysql_audit_json", mysql("select * from t", rows=rows, examined=examined))
    assert row["rows"] == known


def test_mysql_sessions() -> None:
    connect = mysql(None, kind="connection", event="connect", connection_data={
        "connection_type": "ssl", "status": 0, "db": "crm", "connection_attributes": {"_pid": "1", "program_name": "mysqldump"},
    })  # fmt: skip
    refused = mysql(None, kind="connection", event="connect", connection_data={"status": 1045, "db": ""})
    left = mysql(None, kind="connection", event="disconnect", connection_data={"connection_type": "ssl"})
    started = mysql(None, kind="audit", event="startup", startup_data={"server_id": 1})
    rows = read("mysql_audit_json", connect, refused, left, started)
    assert [row["kind"] for row in rows] == ["connect", "error", "disconnect", "config"]
    assert some(rows[0], "dbname", "app_name") == ("crm", "mysqldump")
    assert rows[1]["error_code"] == "28000"
    assert rows[3]["message"].split() == ["audit", "startup"]


def test_mysql_events_of_one_statement_are_one_act() -> None:
    """The order of events is that of Percona's documentation; tables are told by events of their own."""
    text = "select p.name, o.id from people p join orders o"
    told = [
        mysql(text, 1, event="log"),
        mysql(None, 2, kind="query", event="query_start", query_data={"query": text, "status": 0}),
        table_access(text, "crm", "people", 3),
        table_access(text, "crm", "orders", 4),
        mysql(None, 5, kind="query", event="query_status_end", query_data={"query": text, "status": 0}),
        mysql(text, 6, rows=7, examined=9),
    ]
    again = [record | {"timestamp": "2026-11-22 07:45:09"} for record in told]
    made = acts("mysql_audit_json", *told, *again)
    assert [some(act, "command", "logged", "returned_rows") for act in made] == [("SELECT", "crm.orders\x1fcrm.people", 7)] * 2


def test_mysql_failed_statement_is_told_once() -> None:
    made = acts(
        "mysql_audit_json", table_access("select * from people", "crm", "people"), mysql("select * from people", status=1317)
    )
    assert [some(act, "kind", "error_code") for act in made] == [("error", "57014")]


def test_mysql_prepared_statements_count_when_they_run() -> None:
    prepared = [mysql("select ?", 1, word="Prepare"), mysql("select 5", 2, word="Execute")]
    assert [row["kind"] for row in read("mysql_audit_json", *prepared)] == ["other", "audit"]


def test_percona() -> None:
    rows = read(
        "mysql_audit_json",
        percona("select * from people"),
        percona(None, name="Connect", user="vendor_a"),
        percona(None, name="Connect", status=1045, user="x"),
        percona(None, name="Quit", user="vendor_a"),
        percona("select * from nowhere", status=1146),
        percona(None, name="NoAudit"),
    )
    assert [row["kind"] for row in rows] == ["audit", "connect", "error", "disconnect", "error", "config"]
    assert some(rows[0], "account", "dbname", "client_addr", "rows") == ("vendor_a", "crm", "10.0.0.7", None)
    assert rows[4]["error_code"] == "42P01"


# -- AWS --------------------------------------------------------------------------------------------------------------


def test_das_postgresql() -> None:
    connect = das(None, command="CONNECT", **{"class": "MISC"}, rowCount=None, objectType=None, objectName=None)
    rows = read(
        "aws_das",
        wrapped(connect, das("select * from crm.people", 2)),
        wrapped(das("copy x to stdout", 3, command="COPY"), outer=True),
    )
    assert [row["kind"] for row in rows] == ["connect", "audit", "audit"]
    assert some(rows[1], "statement_id", "substatement_id", "object_name", "rows", "session", "audit_class", "app_name") == (
        2, 1, "crm.people", 10, "5ce5f7f0.474b", "READ", "psql",
    )  # fmt: skip
    assert str(rows[1]["time"]) == "2026-11-22 07:45:06.123456+00:00"


def test_das_aurora_mysql_pairs_are_one_act() -> None:
    """MAIN tells text and rows, AUX the tables, in either order."""
    common = {"server": "MySQL", "sessionId": "726571", "databaseName": "crm", "exitCode": "0", "clientApplication": None}
    main = das(
        "SELECT * FROM people p JOIN orders o",
        65469,
        substatementId=3,
        command="QUERY",
        rowCount=2,
        objectName="people",
        **{"class": "MAIN"},
        **common,
    )
    aux = [
        das(t, 65469, substatementId=n, command="READ", rowCount=0, objectName=t, **{"class": "AUX"}, **common)
        for n, t in enumerate(["people", "orders"], 1)
    ]
    for order in ([main, *aux], [*aux, main]):
        (act,) = acts("aws_das", wrapped(*order))
        assert some(act, "command", "statement", "logged", "returned_rows") == (
            "SELECT", "SELECT * FROM people p JOIN orders o", "crm.orders\x1fcrm.people", 2,
        )  # fmt: skip
    (act,) = acts("aws_das", aux[0])
    assert some(act, "logged", "returned_rows", "statement") == ("crm.people", None, None)


@pytest.mark.parametrize(
    ("server", "command", "count", "known"),
    [
        ("Oracle", "SELECT", None, None),
        ("SQLSERVER", "SELECT", 0, None),
        ("SQLSERVER", "INSERT", 3, 3),
        ("PostgreSQL", "SELECT", 0, 0),
    ],
)
def test_das_rows(server: str, command: str, count: int | None, known: int | None) -> None:
    (row,) = read(
        "aws_das", das("select 1", server=server, command=command, rowCount=count, exitCode=1 if server == "SQLSERVER" else "0")
    )
    assert (row["kind"], row["rows"]) == ("audit", known)


def test_das_sql_server() -> None:
    long = "select " + "x" * 4000
    cut, denied = das(long[:4000], server="SQLSERVER", exitCode=1, sessionId=84), das("select 1", server="SQLSERVER", exitCode=0)
    rows = read("aws_das", cut, denied, das(None, server="SQLSERVER", exitCode=0, command="LOGIN FAILED"))
    assert rows[0]["statement"].endswith(CUT_MARK)
    assert rows[0]["session"] == "172.31.3.192#84"
    assert [row["kind"] for row in rows] == ["audit", "error", "error"]
    assert rows[2]["error_code"] == "28000"


def test_das_heartbeats_stay() -> None:
    rows = read("aws_das", wrapped({"type": "heartbeat"}), {"type": "heartbeat"})
    assert [some(row, "kind", "message") for row in rows] == [("other", "heartbeat")] * 2


def test_das_still_encrypted_is_said() -> None:
    read(
        "aws_das",
        {"type": "DatabaseActivityMonitoringRecords", "version": "1.1", "databaseActivityEvents": "AYABe…", "key": "k"},
        skipped=1,
    )


# -- BigQuery ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", [bigquery, bigquery_old])
def test_bigquery_job(made: Any) -> None:
    (row,) = read("bigquery_audit", made("select * from crm.people", rows="39000", tables=("crm.people", "crm.orders")))
    assert some(row, "kind", "rows", "object_name", "account", "client_addr", "session", "command") == (
        "audit", 39000, "crm.orders\x1fcrm.people", "vendor_a@partner.example", "10.0.0.7", "projects/p/jobs/j1", "SELECT",
    )  # fmt: skip


def test_bigquery_other_entries() -> None:
    running = bigquery("select 1", 2, state="RUNNING")
    cut = bigquery("select a from", 3, queryTruncated=True)
    listed = {"resourceName": "projects/p/datasets/crm/tables/people"}
    by_job = log_entry(
        4, **listed, metadata={"tableDataRead": {"fields": ["id"], "reason": "JOB", "jobName": "projects/p/jobs/j1"}}
    )
    alone = log_entry(5, **listed, metadata={"tableDataRead": {"fields": ["id"], "reason": "TABLEDATA_LIST_REQUEST"}})
    denied = log_entry(6, status={"code": 7, "message": "Access Denied"})
    rows = read("bigquery_audit", running, cut, by_job, alone, denied)
    assert [row["kind"] for row in rows] == ["other", "audit", "other", "audit", "error"]
    assert rows[1]["statement"] == "select a from" + CUT_MARK
    assert some(rows[3], "object_name", "rows", "statement") == ("crm.people", None, None)
    assert rows[4]["error_code"] == "42501"


# -- MongoDB ----------------------------------------------------------------------------------------------------------


def test_mongodb() -> None:
    rows = read(
        "mongodb_audit",
        mongodb({"user": "vendor_a", "db": "admin", "mechanism": "SCRAM-SHA-256"}, atype="authenticate", user=None),
        mongodb({"user": "vendor_a", "db": "admin"}, atype="authenticate", user=None, result=18),
        find("hello"),
        mongodb({"command": "find", "ns": "crm.people", "args": {}}, result=13),
        mongodb({"user": "x", "db": "admin", "roles": []}, atype="createUser"),
        mongodb({"ns": "crm.people"}, atype="dropCollection"),
        mongodb({}, atype="shutdown"),
        mongodb({"reason": "Client has disconnected"}, atype="logout"),
    )
    assert [row["kind"] for row in rows] == ["connect", "error", "audit", "error", "audit", "audit", "config", "disconnect"]
    assert some(rows[2], "account", "object_name", "rows", "command", "audit_class", "dbname") == (
        "vendor_a", "crm.people", None, "find", "READ", "crm",
    )  # fmt: skip
    assert rows[1]["account"] == "vendor_a"
    assert [row["audit_class"] for row in rows[4:6]] == ["ROLE", "DDL"]
    assert json.loads(rows[5]["statement"]) == {"command": "dropCollection", "param": {"ns": "crm.people"}}


def test_mongodb_times() -> None:
    stamps = [{"$date": "2026-11-22T07:45:06.123+0000"}, {"$date": {"$numberLong": "1795333506123"}}, {"$date": 1795333506123}]
    rows = read("mongodb_audit", *(mongodb({"command": "find", "ns": "a.b"}, ts=stamp) for stamp in stamps))
    assert {str(row["time"]) for row in rows} == {"2026-11-22 07:45:06.123000+00:00"}


def test_huge_records_give_what_small_ones_give() -> None:
    """Records too large for DuckDB are looked up one by one: the same values, in the same rows."""
    from scanner.sources import json_records

    paths = {
        "a": "$.a",
        "deep": '$.b."$c".d',
        "first": "$.l[0].u",
        "whole": "$.b",
        "none": "$.x.y",
        "number": "$.n",
        "odd": "$.l[9]",
    }
    records = [
        {"a": "text\n\"'", "b": {"$c": {"d": "김"}}, "l": [{"u": 1}], "n": 12.5},
        {"a": None, "b": [1, 2], "l": [], "n": True},
        {"a": 7, "b": "plain", "l": {"u": 2}},
    ]
    texts = [json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in records] + ["{broken"]
    wanted, valid = json_records._extracted(pa.array(texts, pa.large_string()), paths)
    for row, text in enumerate(texts):
        found = json_records._looked_up(text, paths)
        assert (found is not None) == bool(valid[row])
        assert found is None or found == {name: values[row].as_py() for name, values in wanted.items()}
    filler = " " * json_records._HUGE
    mixed = pa.array([texts[0], texts[1] + filler, texts[2], texts[0] + filler], pa.large_string())
    values, sound = json_records._values(mixed, paths)
    assert sound.tolist() == [True] * 4
    assert values["deep"].to_pylist() == ["김", None, None, "김"]
    assert values["number"].to_pylist() == ["12.5", "true", None, "12.5"]

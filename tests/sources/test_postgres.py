"""What a PostgreSQL record is about, in more than one language."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.sources.postgres_csvlog import parse
from tests.sources.csvlog import record


def kind(message: str, **columns: Any) -> str:
    table = parse(record(message, **columns), 0, "Asia/Seoul").records
    return str(table["kind"].to_pylist()[0])


SERVER: dict[str, Any] = {"user": None, "db": None, "host": None, "tag": None, "app": "", "backend": "postmaster"}
NEW: dict[str, Any] = {"tag": "authentication", "app": ""}


@pytest.mark.parametrize(
    ("expected", "message", "columns"),
    [
        ("connect", "connection authorized: user=svc database=shop application_name=psql", NEW),
        ("connect", "Verbindung autorisiert: Benutzer=svc Datenbank=shop", NEW),
        ("connect", "연결 권한 있음: 사용자=svc 데이터베이스=shop", {**NEW, "severity": "로그"}),
        ("other", 'connection authenticated: identity="svc" method=scram-sha-256 (hba.conf:1)', NEW),
        ("other", 'Verbindung authentifiziert: Identität="svc" Methode=md5 (hba.conf:1)', NEW),
        (
            "other",
            "connection received: host=10.0.0.1 port=1",
            {"user": None, "db": None, "tag": "", "backend": "not initialized"},
        ),
        ("disconnect", "disconnection: session time: 0:00:00.080 user=a database=b host=1.2.3.4 port=5", {"tag": "idle"}),
        ("disconnect", "Verbindungsende: Sitzungszeit: 0:00:00.080 Benutzer=a Datenbank=b Host=1.2.3.4 Port=5", {"tag": "idle"}),
        ("disconnect", "disconnection: session time: 0:00:00.080 user=a database= host=1 port=5", {"backend": "walsender"}),
        (
            "replication",
            "replication connection authorized: user=a application_name=pg_basebackup",
            {**NEW, "backend": "walsender"},
        ),
        ("replication", 'received replication command: START_REPLICATION SLOT "s" LOGICAL 0/0', {"backend": "walsender"}),
        ("replication", "received replication command: IDENTIFY_SYSTEM", {"width": 23}),
        ("replication", "Replikationskommando empfangen: BASE_BACKUP", {"backend": "walsender"}),
        ("replication", 'starting logical decoding for slot "s"', {}),
        ("config", 'parameter "pgaudit.log" changed to "none"', SERVER),
        ("config", 'parameter "pgaudit.log" removed from configuration file, reset to default', {**SERVER, "width": 23}),
        ("config", "received SIGHUP, reloading configuration files", {**SERVER, "width": 23}),
        ("config", "SIGHUP empfangen, Konfigurationsdateien werden neu geladen", SERVER),
        ("config", "starting PostgreSQL 15.18 on x86_64", {**SERVER, "width": 24}),
        ("config", "database system is shut down", {**SERVER, "backend": "checkpointer"}),
        ("error", "division by zero", {"severity": "ERROR", "code": "22012"}),
        ("error", "Division durch Null", {"severity": "FEHLER", "code": "22012"}),
        ("error", "connection to client lost", {"severity": "FATAL", "code": "08006"}),
        ("error", 'password authentication failed for user "x"', {"severity": "FATAL", "code": "28P01", **NEW}),
        ("error", "could not write to file", {"severity": "PANIC", "code": "53100", **SERVER}),
        ("other", "could not send data to client: Connection reset by peer", {"code": "08006"}),
        ("other", "there is no transaction in progress", {"severity": "WARNING", "code": "25P01"}),
        ("other", "checkpoint starting: time", {**SERVER, "backend": "checkpointer"}),
        ("other", "duration: 2.635 ms  plan:\nQuery Text: select 1", {}),
        ("unreadable", "AUDIT: SESSION,nonsense", {}),
    ],
)
def test_kind(expected: str, message: str, columns: dict[str, Any]) -> None:
    assert kind(message, **columns) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("10.0.0.1:5000", "10.0.0.1"),
        ("[local]", "[local]"),
        ("::1:5000", "::1"),
        ("app.example:61234", "app.example"),
        ("", None),
    ],
)
def test_addresses(host: str, expected: str | None) -> None:
    assert parse(record("x", host=host), 0, "UTC").records["client_addr"].to_pylist() == [expected]


def test_failed_statement_keeps_its_text() -> None:
    data = record("division by zero", severity="ERROR", code="22012", query='select 1/0 from "customers"')
    (row,) = parse(data, 0, "UTC").records.to_pylist()
    assert row["statement"] == 'select 1/0 from "customers"'
    assert row["message"] == "division by zero"


def test_tool_of_a_new_connection_is_read_from_its_message() -> None:
    message = (
        "connection authorized: user=a database=b application_name=pg_dump SSL enabled (protocol=TLSv1.3, cipher=X, bits=256)"
    )
    assert parse(record(message, **NEW), 0, "UTC").records["app_name"].to_pylist() == ["pg_dump"]


def test_records_between_audit_lines_leave_them_their_places() -> None:
    audit = "AUDIT: SESSION,{n},1,READ,SELECT,TABLE,crm.mbr,select {n},<none>,{n}"
    failed = {"severity": "ERROR", "code": "42501", "query": "select 'other'"}
    said: list[tuple[str, dict[str, Any]]] = [(audit.format(n=n), {}) for n in range(1, 8)]
    said[1:1] = [("permission denied for table mbr", failed)]
    said[4:4] = [("checkpoint starting: time", {})]
    for bad in ([], [("AUDIT: SESSION,x", {})]):  # with a line that is none, the rows of the others move
        lines = said[:6] + bad + said[6:]
        table = parse(b"".join(record(text, **more) for text, more in lines), 0, "UTC").records
        rows = [row for row in table.to_pylist() if row["kind"] == "audit"]
        assert [(row["statement_id"], row["statement"], row["rows"]) for row in rows] == [
            (n, f"select {n}", n) for n in range(1, 8)
        ]
        others = [row for row in table.to_pylist() if row["kind"] not in ("audit", "unreadable")]
        assert [(row["statement_id"], row["rows"], row["audit_class"]) for row in others] == [(None, None, None)] * 2
        assert others[0]["statement"] == "select 'other'"
        assert table["kind"].to_pylist().count("unreadable") == len(bad)

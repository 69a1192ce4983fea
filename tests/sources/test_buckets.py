"""The JSON audit logs through the whole scan: from a bucket, with a SQLite file for a catalogue, to findings and raw evidence."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import fsspec
import pytest

from scanner.config import load_config
from scanner.engine import arrow, open_event_engine
from scanner.findings import FindingStore
from scanner.pipeline import Workspace, scan
from tests.sources import json_logs

PEOPLE = 1500


def catalogue(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("create table people (id integer primary key, name text, email text, phone text)")
        database.executemany(
            "insert into people values (?, ?, ?, ?)",
            [
                (n, f"{first} Smith", f"{first.lower()}{n}@example.com", f"010-{2000 + n}-{n * 7919 % 10000:04}")
                for n in range(PEOPLE)
                for first in (["Mary", "James", "Linda", "David"][n % 4],)
            ],
        )
        database.execute("create table goods (id integer primary key, price integer)")


QUERY = "select id, name, email, phone from crm.people"
READ = {"tableDataRead": {"reason": "TABLEDATA_LIST_REQUEST"}}
FIND = {"command": "find", "ns": "crm.people", "args": {"find": "people"}}
CASES: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "mysql with statistics": (
        "mysql_audit_json", "mysql", json_logs.mysql("select * from people", rows=PEOPLE, examined=PEOPLE), "reported",
    ),
    "mysql": ("mysql_audit_json", "mysql", json_logs.percona("select * from people"), "estimated"),
    "aurora": (
        "aws_das", "postgresql",
        json_logs.wrapped(json_logs.das("select * from people", rowCount=PEOPLE, objectName="public.people")), "reported",
    ),
    "oracle": (
        "aws_das", "oracle", json_logs.das(QUERY, server="Oracle", rowCount=None, exitCode="0", objectName="PEOPLE"), "estimated",
    ),
    "sql server": (
        "aws_das", "mssql", json_logs.das(QUERY, server="SQLSERVER", rowCount=0, exitCode=1, objectName="people"), "estimated",
    ),
    "bigquery": ("bigquery_audit", "bigquery", json_logs.bigquery(QUERY, rows=str(PEOPLE), tables=("crm.people",)), "reported"),
    "bigquery read without a job": (
        "bigquery_audit", "bigquery",
        json_logs.log_entry(5, resourceName="projects/p/datasets/crm/tables/people", metadata=READ), "upper_bound",
    ),
    "mongodb": ("mongodb_audit", "mongodb", json_logs.mongodb(FIND), "estimated"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_from_a_bucket_to_evidence(name: str, tmp_path: Path) -> None:
    source, engine, log_record, rows_source = CASES[name]
    catalogue(tmp_path / "catalogue.db")
    address = f"memory://{tmp_path.name}/audit.json"
    with fsspec.open(address, "wb") as file:
        file.write(json_logs.line(log_record))
    config = {
        "data_dir": str(tmp_path / "data"),
        "time_zone": "Asia/Seoul",
        "databases": {
            "crm": {
                "url": f"sqlite:///{tmp_path / 'catalogue.db'}",
                "engine": engine,
                "audit": [{"type": source, "path": address}],
            }
        },
        "vendors": {
            "partner": {
                "name": "Partner",
                "accounts": ["vendor_a*"],
                "contract": {"tables": ["people"], "max_persons_per_day": 100},
            }
        },
    }
    (tmp_path / "vendorwatch.yml").write_text(json.dumps(config))
    loaded = load_config(tmp_path / "vendorwatch.yml")
    report = scan(loaded)
    assert [notice for notice in report.notices if notice.fatal] == []
    workspace = Workspace.open(loaded)
    events = open_event_engine(workspace.events.folder, workspace.events.files())
    try:
        (event,) = arrow(events, "select * from events where exposed_persons_high > 0").to_pylist()
    finally:
        events.close()
    assert (event["rows_source"], event["exposed_rows"], event["vendor"]) == (rows_source, PEOPLE, "partner")
    assert event["tables"] == ["public.people"]
    assert {"EMAIL_ADDRESS", "PHONE_NUMBER"} <= set(event["pii_classes"])
    assert report.new_findings >= 1
    assert len(FindingStore(workspace.state).all()) >= 1
    (part,) = workspace.raw.read([event["event_id"]])
    assert json.loads(bytes(part["data"]))
    assert scan(loaded).records == 0

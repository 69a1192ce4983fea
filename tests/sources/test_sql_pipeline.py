"""A whole scan of a source that is read by SQL: events, a finding, and its raw rows after the table was purged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scanner.catalog import to_json
from scanner.config import load_config
from scanner.doctor import examine
from scanner.errors import ConfigError
from scanner.findings import FindingStore
from scanner.model import Column, Schema, Table, TableRef
from scanner.pipeline import Workspace, export_finding, scan
from scanner.store import tables as t
from scanner.store.state import now, upsert
from tests.pipeline.company import stored_events, write_config
from tests.sources.standin import Standin, at
from tests.sources.test_sql_sources import audited

PEOPLE = 3000
CUSTOMER = Table(
    TableRef("crm", "Customer"),
    (Column("id", "int"), Column("Name", "nvarchar", "PERSON", confidence=0.9), Column("RRN", "char", "KR_RRN", confidence=0.9)),
    rows=PEOPLE,
    persons=PEOPLE,
    person_column="id",
    unique_keys=(("id",),),
)


def company(folder: Path, standin: Standin, **audit: Any) -> Path:
    source = {"type": "sqlserver_audit", "table": "audit_events", "url": standin.url, **audit}
    document = {
        "data_dir": str(folder / "data"),
        "databases": {"shop": {"url": "mssql+pyodbc://reader:geheim@db.example/shop", "audit": [source]}},
        "vendors": {"delivery_co": {"accounts": ["dlv_*"], "contract": {"from": "2020-01-01", "max_persons_per_day": 100}}},
    }
    path = write_config(folder, document)
    workspace = Workspace.open(load_config(path))
    schema = Schema("shop", "1", {CUSTOMER.ref: CUSTOMER}, default_schema="dbo")
    row = {"database": "shop", "version": "1", "scanned_at": now(), "document": to_json(schema), "gaps": "[]"}
    with workspace.state.begin() as connection:
        upsert(connection, t.catalog, [row])
    return path


def test_from_the_table_to_the_evidence(tmp_path: Path) -> None:
    standin = Standin(tmp_path, "sqlserver_audit")
    path = company(tmp_path, standin)
    standin.add(
        "audit_events",
        [
            audited(0, "select top 5 [Name] from crm.Customer with (nolock)", object_name="Customer"),
            audited(1, "select count(*) from crm.customer", object_name="Customer"),
            audited(2, "select RRN from [shop].[crm].[Customer]", object_name="Customer"),
            audited(3, "exec crm.everyone", object_name="Customer", action_id="EX"),
            audited(4, "ALTER SERVER AUDIT a WITH (STATE = OFF)", action_id="AL", object_name="", schema_name=""),
        ],
    )
    config = load_config(path)
    report = scan(config)
    assert (report.complete, report.events) == (True, 5)
    workspace = Workspace.open(config)
    few, count, all_of_them, procedure, tampering = stored_events(workspace, "true")
    assert few["exposed_persons"] == 5
    assert count["exposed_persons"] == 0
    assert (all_of_them["exposed_persons"], all_of_them["pii_columns"]) == (PEOPLE, ["crm.Customer.RRN"])
    assert procedure["exposed_persons_high"] == PEOPLE  # what it does is not known: the table it touched may have left whole
    assert "audit_tampering" in tampering["techniques"]
    found = [f for f in FindingStore(workspace.state).all() if f["level"] in ("high", "critical")]
    assert {v for f in found for v in f["accounts"]} == {"dlv_app"}
    standin.purge("audit_events")
    assert scan(config).events == 0
    bundle = export_finding(workspace, found[0]["id"], tmp_path / "bundle", exported_by="test")
    index = json.loads((bundle / "data" / "raw" / "index.json").read_text())
    assert index["not_secured"] == []
    raw = (bundle / "data" / "raw" / index["records"][0]["file"]).read_bytes()
    assert b"crm." in raw
    for file in (tmp_path / "data" / "spool").rglob("*.jsonl"):
        assert file.stat().st_mode & 0o077 == 0


def test_an_unreachable_database_makes_the_scan_incomplete_and_shows_no_secret(tmp_path: Path) -> None:
    standin = Standin(tmp_path, "sqlserver_audit")
    path = company(tmp_path, standin, url="mysql+pymysql://vw:geheim@127.0.0.1:1/x")
    config = load_config(path)
    told: list[str] = []
    report = scan(config, progress=lambda what, detail: told.append(f"{what} {detail}"))
    assert not report.complete
    checks = [c for c in examine(path) if c.what.startswith("audit source")]
    assert checks[0].state == "problem"
    state = (tmp_path / "data" / "state.sqlite").read_bytes()
    assert "geheim" not in f"{report} {told} {checks} {config}"
    assert b"geheim" not in state


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{type: sqlserver_audit}", "files: is missing"),
        ("{type: sqlserver_audit, path: a, files: b}", "path: is read by SQL and has no path"),
        ("{type: oracle_unified, views: a}", "views: is of no use to oracle_unified"),
        ("{type: snowflake, table: a}", "table: is of no use to snowflake"),
        ("{type: mssql_audit}", "is not an audit source this version reads"),
        ("{type: oracle_unified, overlap: 0}", "overlap"),
    ],
)
def test_what_a_source_may_be_told(tmp_path: Path, source: str, says: str) -> None:
    path = tmp_path / "vendorwatch.yml"
    path.write_text(f"databases:\n  shop:\n    url: sqlite:///x\n    audit:\n      - {source}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_config(path)
    assert says in str(raised.value)


def test_a_source_asks_its_database_when_it_names_no_url(tmp_path: Path) -> None:
    path = tmp_path / "vendorwatch.yml"
    path.write_text(
        "databases:\n  shop:\n    url: oracle+oracledb://vw:geheim@db/x\n    audit: {type: oracle_unified}\n", encoding="utf-8"
    )
    config = load_config(path)
    (audit,) = config.databases["shop"].audit
    assert audit.options["url"] == "oracle+oracledb://vw:geheim@db/x"
    assert "geheim" not in f"{audit} {audit.shown} {audit.place(tmp_path, 'shop')}"
    assert at(0).year == 2026

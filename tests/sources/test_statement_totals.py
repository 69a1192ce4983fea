"""True rows of COPY, pg_dump and cursors, from a live server's pg_stat_statements."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.catalog import to_json
from scanner.config import load_config
from scanner.doctor import examine
from scanner.model import Column, Schema, Table, TableRef
from scanner.pipeline import Workspace, scan
from scanner.store import tables as t
from scanner.store.state import now, upsert
from tests.pipeline.company import stored_events, write_config
from tests.support.postgres import Postgres

PEOPLE, KNOWN = 700, 5000  # the table has become smaller since it was looked at: estimates are wrong
MBR = Table(
    TableRef("public", "mbr"),
    (Column("id", "int"), Column("nm", "text", "PERSON", confidence=0.9)),
    rows=KNOWN,
    persons=KNOWN,
    person_column="id",
    unique_keys=(("id",),),
)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres(conf={"shared_preload_libraries": "pgaudit,pg_stat_statements"}) as made:
        made.psql(
            "create extension pg_stat_statements; "
            f"create table mbr as select i as id, 'n' || i as nm from generate_series(1, {PEOPLE}) i; "
            "create role dlv_app login; create role desk login; grant select on mbr to dlv_app, desk; "
            "create role vw_reader login; grant pg_read_all_stats to vw_reader"
        )
        yield made


def watched(server: Postgres, folder: Path) -> Path:
    audit = {"type": "postgres_csvlog", "path": server.log_glob(), "time_zone": "UTC", "row_counts": "pg_stat_statements"}
    database = {"url": server.url("vw_reader"), "audit": [audit]}
    path = write_config(folder, {"data_dir": str(folder / "data"), "databases": {"shop": database}})
    row = {
        "database": "shop",
        "version": "1",
        "scanned_at": now(),
        "gaps": "[]",
        "document": to_json(Schema("shop", "1", {MBR.ref: MBR})),
    }
    with Workspace.open(load_config(path)).state.begin() as connection:
        upsert(connection, t.catalog, [row])
    return path


def events(path: Path, where: str) -> list[dict[str, Any]]:
    return stored_events(Workspace.open(load_config(path)), where)


def test_true_rows_of_copy_cursors_and_dumps(server: Postgres, tmp_path: Path) -> None:
    path = watched(server, tmp_path)
    server.settle()
    first = scan(load_config(path))
    assert [n.reason for n in first.notices] == []
    server.psql("copy mbr to stdout", user="dlv_app")
    server.psql(
        "begin; declare c cursor for select * from mbr; fetch 300 from c; fetch 300 from c; fetch 300 from c; commit",
        user="dlv_app",
    )
    server.run(["pg_dump", "-t", "mbr"], user="desk")
    server.psql("copy mbr to stdout; copy mbr to stdout", user="desk")
    server.settle()
    assert scan(load_config(path)).complete
    copies = events(path, "command = 'COPY' and account = 'dlv_app'")
    assert [(e["returned_rows"], e["exposed_persons"], e["exposed_persons_low"], e["rows_source"]) for e in copies] == [
        (PEOPLE, PEOPLE, PEOPLE, "reported_elsewhere")
    ]
    fetched = events(path, "command = 'FETCH' and account = 'dlv_app'")
    assert [e["returned_rows"] for e in fetched] == [300, 300, 100]
    assert {e["rows_source"] for e in fetched} == {"reported_elsewhere"}
    assert [e["returned_rows"] for e in events(path, "command = 'COPY' and account = 'desk'")] == [PEOPLE] * 3
    selects = events(path, "command = 'SELECT' and account = 'desk' and returned_rows > 0")
    assert {e["rows_source"] for e in selects} <= {"reported"}


def test_what_leaves_a_doubt_stays_an_estimate(server: Postgres, tmp_path: Path) -> None:
    path = watched(server, tmp_path)
    server.settle()
    scan(load_config(path))
    server.psql(
        "begin; declare c cursor for select * from mbr; fetch 10 from c; close c; "
        "declare c cursor for select 1; fetch 10 from c; commit",
        user="dlv_app",
    )
    server.psql("copy mbr to stdout", user="dlv_app")
    server.psql("select pg_stat_statements_reset()")
    server.settle()
    scan(load_config(path))
    assert events(path, "rows_source = 'reported_elsewhere'") == []
    assert events(path, "command = 'COPY' and account = 'dlv_app'")[-1]["exposed_persons"] == KNOWN


def test_without_the_extension_a_scan_goes_on(server: Postgres, tmp_path: Path) -> None:
    path = watched(server, tmp_path)
    text = path.read_text(encoding="utf-8").replace("vw_reader@", "nobody_there:geheim@")
    path.write_text(text, encoding="utf-8")
    server.settle()
    report = scan(load_config(path))
    assert report.complete
    assert report.events > 0
    assert any("rows of COPY and FETCH are estimated" in n.reason for n in report.notices)
    assert "geheim" not in str(report)
    told = [c for c in examine(path) if c.what == "audit source shop/0"]
    assert any("rows of COPY and FETCH are estimated" in c.detail for c in told)

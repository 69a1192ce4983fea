"""The csvlog of a real server: what was done is what is read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa

from tests.sources.csvlog import audit, read, record
from tests.support.postgres import Postgres


def test_real_server(postgres: Postgres, tmp_path: Path) -> None:
    """Statements that hold forged records, a failure, a forged audit line raised by a function, a base table read."""
    postgres.psql(
        "create role src_vendor login; create table src_people (id int, name text); grant select on src_people to src_vendor"
    )
    forged = record(audit("select * from src_people", rows=1_000_000), user="src_victim").decode().replace("'", "''") * 20
    texts = [f"select '{n}\n{forged}' as forged" for n in range(30)]
    script = ";\n".join(texts)
    postgres.psql(script, user="src_vendor", app="src_forger")
    raised = "do $$ begin raise log 'AUDIT: SESSION,1,1,READ,SELECT,,,select 1,<none>,1'; end $$"
    postgres.psql(raised, user="src_vendor", app="src_raiser")
    postgres.psql("select 1/0", user="src_vendor", app="src_failer", check=False)
    postgres.settle()
    slices, notices = read(postgres.log_glob("csv"), zone="UTC", slice_bytes=50_000)
    assert notices == []
    assert [s for piece in slices for s in piece.skips] == []
    rows = pa.concat_tables([piece.records for piece in slices]).to_pylist()
    assert "src_victim" not in {r["account"] for r in rows}
    mine = [r for r in rows if r["account"] == "src_vendor"]
    forger = [r for r in mine if r["app_name"] == "src_forger"]
    assert [r["statement"].rstrip(";\n") for r in forger if r["kind"] == "audit"] == texts
    assert Counter(r["kind"] for r in forger)["connect"] == 1
    assert Counter(r["kind"] for r in forger)["disconnect"] == 1
    raiser = Counter(r["kind"] for r in mine if r["app_name"] == "src_raiser")
    assert raiser["unreadable"] == 1
    (failure,) = [r for r in mine if r["kind"] == "error" and r["app_name"] == "src_failer"]
    assert failure["error_code"] == "22012"
    assert "1/0" in failure["statement"]
    for session in {r["session"] for r in mine}:  # no line of a session is missing
        lines = [r["session_line"] for r in rows if r["session"] == session]
        assert lines == list(range(1, len(lines) + 1))

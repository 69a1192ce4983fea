"""Acts from records: one a (session, statement, substatement), with everything its lines say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.events import ACT_SCHEMA, LAST_SCHEMA, to_acts
from scanner.model import RECORD_SCHEMA

FK = 'SELECT 1 FROM ONLY "crm"."mbr" x WHERE "no" OPERATOR(pg_catalog.=) $1 FOR KEY SHARE OF x'


def audit(statement: int = 1, sub: int = 1, name: str | None = None, rows: int | None = 3, **named: Any) -> dict[str, Any]:
    plain = {"kind": "audit", "audit_class": "READ", "command": "SELECT", "statement": "select 1", "session": "a"}
    return {**plain, "statement_id": statement, "substatement_id": sub, "object_name": name, "rows": rows, **named}


def acts(*rows: dict[str, Any], cuts: Sequence[int] = ()) -> list[dict[str, Any]]:
    filled = [
        {"severity": "LOG", "error_code": "00000", **row, "session_line": n + 1, "offset": n * 10, "length": 10, "time": n}
        for n, row in enumerate(rows)
    ]
    table = pa.Table.from_pylist(filled, schema=RECORD_SCHEMA)
    found: list[dict[str, Any]] = []
    last = LAST_SCHEMA.empty_table()
    ends = sorted({min(cut, len(rows)) for cut in cuts} | {len(rows)})
    for start, end in zip([0, *ends], ends, strict=False):
        made, last = to_acts(table.slice(start, end - start), last)
        assert made.schema.equals(ACT_SCHEMA)
        assert made["n"].to_pylist() == list(range(made.num_rows))
        found += [{key: value for key, value in act.items() if key != "n"} for act in made.to_pylist()]
    return found


def test_lines_of_one_statement_are_one_act() -> None:
    (act,) = acts(audit(name="crm.ord"), audit(name="crm.mbr"), audit(name="crm.mbr"))
    assert act["logged"] == "crm.mbr\x1fcrm.ord"
    assert (act["returned_rows"], act["offset"], act["session_line"]) == (3, 0, 1)


def test_substatements_sessions_and_statements_are_told_apart() -> None:
    found = acts(audit(1, 1), audit(1, 2), audit(2, 1), audit(1, 1, session="b"))
    keys = [(a["session"], a["statement_id"], a["substatement_id"]) for a in found]
    assert keys == [("a", 1, 1), ("a", 1, 2), ("a", 2, 1), ("b", 1, 1)]


def test_a_line_that_cannot_be_classified_does_not_name_the_act() -> None:
    (act,) = acts(audit(name="crm.v", audit_class="MISC", command="???"), audit(name="crm.mbr"))
    assert (act["activity"], act["command"]) == ("read", "SELECT")


def test_lines_in_two_slices_are_one_act() -> None:
    assert len(acts(audit(name="crm.ord"), audit(name="crm.mbr"), cuts=[1])) == 1
    assert len(acts(audit(1), audit(2), cuts=[1])) == 2
    assert len(acts(audit(1, session="a"), audit(1, session="b"), audit(1, session="a"), cuts=[2])) == 2


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        (audit(sub=2, statement_text=None) | {"statement": FK}, True),
        (audit(sub=1) | {"statement": FK}, False),
        (audit(sub=2) | {"statement": FK.replace(" FOR KEY SHARE OF x", "")}, False),
        (audit(sub=2) | {"statement": "select 1 from only mbr x where true for key share of x"}, False),
        (audit(sub=2, audit_class="WRITE") | {"statement": FK}, False),
    ],
)
def test_foreign_key_checks(row: dict[str, Any], wanted: bool) -> None:
    row.pop("statement_text", None)
    (act,) = acts(row)
    assert act["fk_check"] is wanted


@pytest.mark.parametrize(
    ("kind", "more", "activity", "status"),
    [
        ("error", {"error_code": "57014", "severity": "ERROR", "statement": "select 1"}, "error", "failure"),
        ("error", {"error_code": "28P01", "severity": "FATAL"}, "connect", "failure"),
        ("connect", {}, "connect", "success"),
        ("disconnect", {}, "disconnect", "success"),
        ("config", {"message": 'parameter "pgaudit.log" changed to "none"'}, "config", "success"),
        ("unreadable", {}, "unreadable", None),
    ],
)
def test_records_that_are_no_audit_lines(kind: str, more: dict[str, Any], activity: str, status: str | None) -> None:
    (act,) = acts({"kind": kind, "session": "a", **more})
    assert (act["activity"], act["status"]) == (activity, status)


def test_replication_carries_its_command() -> None:
    (act,) = acts({"kind": "replication", "session": "a", "message": "received replication command: BASE_BACKUP ( LABEL 'x')"})
    assert act["statement"] == "BASE_BACKUP ( LABEL 'x')"


def test_other_records_are_no_events() -> None:
    assert acts({"kind": "other", "session": "a", "message": "checkpoint starting"}) == []
    assert acts() == []


def either(session: str, statement: int, sub: int, kind: int) -> dict[str, Any]:
    return audit(statement, sub, session=session) if kind else {"kind": "disconnect", "session": session}


lines = st.builds(either, st.sampled_from("ab"), st.integers(1, 4), st.integers(1, 2), st.integers(0, 9))


@settings(max_examples=40)
@given(st.lists(lines, max_size=25))
def test_there_is_one_act_a_statement_in_log_order(rows: list[dict[str, Any]]) -> None:
    found = acts(*rows)
    keys = [(a["session"], a["statement_id"], a["substatement_id"]) for a in found if a["kind"] == "audit"]
    assert len(keys) == len(set(keys))
    assert set(keys) == {(r["session"], r["statement_id"], r["substatement_id"]) for r in rows if r["kind"] == "audit"}
    assert [a["offset"] for a in found] == sorted(a["offset"] for a in found)

"""pgAudit's inner CSV."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.sources import pgaudit
from tests.sources.csvlog import audit

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)


def test_fields() -> None:
    message = audit(
        "select \"a\",\n'b'",
        number=7,
        sub=2,
        kind="OBJECT",
        cls="READ",
        object_type="TABLE",
        object_name='s."T"',
        parameter="1,x",
    )
    found = pgaudit.split(pa.array([message]))
    assert found.table.to_pylist() == [
        {
            "statement_id": 7,
            "substatement_id": 2,
            "audit_class": "READ",
            "command": "SELECT",
            "object_type": "TABLE",
            "object_name": 's."T"',
            "statement": "select \"a\",\n'b'",
            "parameter": "1,x",
            "rows": 1,
        }
    ]


@pytest.mark.parametrize("special", ["<none>", "<not logged>", "<previously logged>", "<long param suppressed>"])
def test_special_values_are_null(special: str) -> None:
    row = pgaudit.split(pa.array([audit("select 1", parameter=special)])).table.to_pylist()[0]
    assert row["parameter"] is None
    assert row["object_name"] is None


BAD = [
    "AUDIT: ",
    "AUDIT: SESSION",
    "AUDIT: SESSION,1,1,READ,SELECT,,,select 1",
    "AUDIT: SESSION,x,1,READ,SELECT,,,select 1,<none>",
    "AUDIT: SESSION,1,1,READ,SELECT,,,select 1,<none>,many",
    "AUDIT: SESSION,1,1,READ,SELECT,,,select 1,<none>,1,2",
    'AUDIT: SESSION,1,1,READ,SELECT,,,"select 1,<none>,1',
    'AUDIT: SESSION,1,1,READ,SELECT,,,select "1\n",<none>,1',
    "AUDIT: SESSION,1,1,READ,SELECT,,,select 1\nAUDIT: SESSION,1,1,READ,SELECT,,,select 1,<none>,1",
    'AUDIT: SESSION,1,1,READ,SELECT,,,"select 1"x,<none>,1',
    'AUDIT: SESSION,1,1,READ,SELECT,,,x"select 1",<none>,1',
    "AUDIT: NOBODY,1,1,READ,SELECT,,,select 1,<none>,1",
    "AUDIT: SESSION,99999999999999999999999,1,READ,SELECT,,,select 1,<none>,1",
]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("place", [0, 3, 6])
def test_one_bad_message_shifts_no_other(bad: str, place: int) -> None:
    good = [audit(f"select {n},\n2", number=n) for n in range(6)]
    messages = [*good[:place], bad, *good[place:]]
    found = pgaudit.split(pa.array(messages))
    assert found.sound.tolist() == [n for n in range(7) if n != place]
    assert found.table["statement"].to_pylist() == [f"select {n},\n2" for n in range(6)]


def test_rows_may_be_switched_on_and_off() -> None:
    messages = [audit(f"select {n}", number=n, parameter="5", rows=None if n % 3 else n) for n in range(30)]
    found = pgaudit.split(pa.array(messages))
    assert found.table["rows"].to_pylist() == [None if n % 3 else n for n in range(30)]
    assert found.table["parameter"].to_pylist() == ["5"] * 30


@given(st.lists(st.tuples(TEXT, TEXT, TEXT, st.none() | st.integers(0, 2**60)), min_size=1, max_size=12))
def test_any_text_survives(cases: list[tuple[str, str, str, int | None]]) -> None:
    messages = [
        audit(sql, number=n, object_name=name, parameter=parameter, rows=count)
        for n, (sql, name, parameter, count) in enumerate(cases)
    ]
    rows = pgaudit.split(pa.array(messages)).table.to_pylist()
    assert [(r["statement"], r["object_name"], r["parameter"], r["rows"]) for r in rows] == [tuple(case) for case in cases]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60) | st.sampled_from(BAD), max_size=12))
def test_any_rubbish_is_left_out_and_nothing_else(rubbish: list[str]) -> None:
    messages = []
    for n, text in enumerate(rubbish):
        messages += ["AUDIT: " + text, audit(f"select {n}", number=n)]
    found = pgaudit.split(pa.array(messages, pa.string()))
    by_place = dict(zip(found.sound.tolist(), found.table.to_pylist(), strict=True))
    assert [by_place[2 * n + 1]["statement"] for n in range(len(rubbish))] == [f"select {n}" for n in range(len(rubbish))]

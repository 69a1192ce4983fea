"""The jsonlog source on real and on hostile input."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scanner.model import RECORD_SCHEMA
from scanner.sources import postgres_csvlog
from scanner.sources.postgres_jsonlog import parse
from tests.sources import csvlog
from tests.sources.csvlog import DATA, Ledger, audit, read
from tests.sources.jsonlog import record
from tests.sources.test_properties import NAME, TEXT, tile

GOOD = [record(audit(f"select {n}\nfrom \"t\" where a = 'x,y'", number=n), line=n) for n in range(1, 7)]


def test_lab_recording_gives_the_same_records_as_its_csvlog() -> None:
    """The same sessions were recorded in both formats; only how processes took turns differs."""
    (csv,), _ = read(DATA / "pg15-pgaudit1.7.0.csv.xz", zone="UTC")
    (piece,), notices = read(DATA / "pg15-pgaudit1.7.0.jsonlog.xz", zone="UTC", type="postgres_jsonlog")
    assert notices == []
    assert piece.skips == ()
    assert piece.records.schema.equals(RECORD_SCHEMA)
    piece.records.validate(full=True)
    spans = zip(piece.records["offset"].to_pylist(), piece.records["length"].to_pylist(), strict=True)
    tile(list(spans), (), piece.end)
    order = [("session", "ascending"), ("session_line", "ascending")]
    one, other = (r.drop_columns(["offset", "length"]).sort_by(order) for r in (csv.records, piece.records))
    assert other.to_pylist() == one.to_pylist()


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"host": "[local]"},
        {"host": "::1:5000"},
        {"user": None, "db": None, "host": None, "tag": None, "app": "", "backend": "checkpointer"},
        {"severity": "ERROR", "code": "22012", "query": "select\t1/0\x01\x7f", "context": "PL/pgSQL"},
        {"user": 'a"b\\', "app": "한글\u2028"},
        {"tag": ""},
    ],
)
def test_fields_are_those_of_csvlog(columns: dict[str, str]) -> None:
    empty = ["", None] if columns.get("user", "svc") else []  # csvlog has then too little to tell it from text
    for message in (audit("select 1\r\n\t'\\'"), "connection authorized: user=a application_name=x", *empty):
        mine = parse(record(message, **columns), 0, "Asia/Seoul").records.to_pylist()
        theirs = postgres_csvlog.parse(csvlog.record(message, **columns), 0, "Asia/Seoul").records.to_pylist()
        assert len(mine) == len(theirs) == 1
        assert mine[0] | {"length": 0} == theirs[0] | {"length": 0}


def test_an_address_without_a_port() -> None:
    line = record("x", host="fe80::2:5000").replace(b'"remote_port":5000,', b"")
    assert parse(line, 0, "UTC").records["client_addr"].to_pylist() == ["fe80::2"]


def test_deep_nesting_in_a_key_of_no_interest() -> None:
    """Alone and beside a line that only the exact parser reads."""
    deep = GOOD[1][:-2] + b',"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}\n"
    for more in (b"", WRONG["unknown escape"]):
        parsed = parse(GOOD[0] + deep + more, 0, "UTC")
        assert parsed.records["session_line"].to_pylist() == [1, 2]
        assert parsed.records["client_addr"].to_pylist() == ["10.0.0.1", "10.0.0.1"]


def test_keys_of_later_versions_and_nulls_are_no_trouble() -> None:
    line = GOOD[0].replace(b'"query_id":0', b'"query_id":0,"new":{"a":[1,{"timestamp":"x"}]},"context":null')
    parsed = parse(line + GOOD[1].replace(b"\n", b"\r\n"), 0, "UTC")
    assert parsed.records["session_line"].to_pylist() == [1, 2]
    assert parsed.records["kind"].to_pylist() == ["audit", "audit"]


def field(line: bytes, key: str, value: str) -> bytes:
    """The line with another raw value of one key."""
    found = json.loads(line)
    head, _, _ = line.partition(f'"{key}":'.encode())
    tail = line[len(head) + len(f'"{key}":{json.dumps(found[key])}') :]
    return head + f'"{key}":{value}'.encode() + tail


L = GOOD[2]
WRONG: dict[str, bytes] = {
    "rubbish": b"\x80\x81\xfe rubbish\n",
    "empty lines": b"\n\r\n\n",
    "NULs": b"\0" * 5000 + b"\n",
    "csvlog": csvlog.record(audit("select 3"), line=3),
    "half": L[:200] + b"\n",
    "half that ends in a brace": L[:200] + b'"}\n',
    "two on a line": L[:-1] + b"{}\n",
    "text behind": L[:-1] + b" x\n",
    "comma behind": L[:-1] + b",\n",
    "a raw line end inside": L[:200] + b"\n" + L[200:],
    "a raw NUL inside": L[:200] + b"\0" + L[200:],
    "an escaped NUL in the message": field(L, "message", '"AUDIT: \\u0000"'),
    "a number for a text": field(L, "message", "5"),
    "an object for a text": field(L, "message", '{"a":1}'),
    "a text for a number": field(L, "line_num", '"3"'),
    "a fraction": field(L, "line_num", "3.5"),
    "a huge number": field(L, "line_num", "9" * 30),
    "a number of 10,000 digits": field(L, "line_num", "9" * 10_000),
    "said twice": field(L, "line_num", '3,"line_num":3'),
    "text said twice": field(L, "ps", '"a","ps":"b"'),
    "no session": L.replace(b'"session_id"', b'"session"'),
    "no severity": L.replace(b'"error_severity"', b'"severity"'),
    "no line number": L.replace(b'"line_num"', b'"line"'),
    "an impossible day": L.replace(b"2026-11-22 16:45:05.795", b"2026-02-30 16:45:05.795"),
    "no zone": L.replace(b".795 KST", b".795"),
    "a time that is none": L.replace(b"2026-11-22 16:45:05.795 KST", b"yesterday, quite early on"),
    "deeply nested, never closed": L[:-2] + b',"x":' + b'{"a":' * 200_000 + b"}\n",
    "unknown escape": field(L, "message", '"\\q"'),
    "upper case": L.replace(b'{"timestamp"', b'{"TIMESTAMP"'),
    "spaced out": L.replace(b'{"timestamp"', b'{ "timestamp"'),
    "an array": b"[" + L[:-1] + b"]\n",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_bad_line_costs_itself_only(name: str) -> None:
    """Wherever it stands it shifts nothing, takes no neighbour along, and is counted with its position."""
    bad = WRONG[name]
    for place in (0, 3, 6):
        data = b"".join([*GOOD[:place], bad, *GOOD[place:]])
        parsed = parse(data, 50, "UTC", at_end=True)
        assert parsed.records["session_line"].to_pylist() == [1, 2, 3, 4, 5, 6]
        assert parsed.records["statement"].to_pylist() == [f"select {n}\nfrom \"t\" where a = 'x,y'" for n in range(1, 7)]
        (skip,) = parsed.skips
        assert (skip.offset, skip.length) == (50 + sum(map(len, GOOD[:place])), len(bad))
        assert skip.reason


@pytest.mark.parametrize("at", range(1, len(L) - 1, 5))
def test_torn_record_loses_itself_only(at: int) -> None:
    """A crash leaves the beginning of a record, the next one follows on the same line."""
    data = b"".join(GOOD[:2]) + L[:at] + b"".join(GOOD[3:])
    parsed = parse(data, 0, "UTC", at_end=True)
    assert parsed.records["session_line"].to_pylist() == [1, 2, 4, 5, 6]
    assert sum(s.length for s in parsed.skips) == at


def test_nuls_before_a_record() -> None:
    data = b"".join(GOOD[:3]) + b"\0" * 5000 + b"".join(GOOD[3:])
    parsed = parse(data, 0, "UTC", at_end=True)
    assert parsed.records["session_line"].to_pylist() == [1, 2, 3, 4, 5, 6]


def test_sql_that_spells_a_nul_is_kept() -> None:
    data = record(audit(r"select '\u0000', '\\u0000', E'\\\u0000'"))
    assert parse(data, 0, "UTC").records["statement"].to_pylist() == [r"select '\u0000', '\\u0000', E'\\\u0000'"]


def test_lone_surrogates_and_bytes_that_are_no_utf8(tmp_path: Path) -> None:
    log = tmp_path / "a.json"
    broken = record(audit("select 'NAME'")).replace(b"NAME", "김".encode("euc-kr"))
    lone = record(audit("select 'NAME'")).replace(b"NAME", b"\\ud800")
    log.write_bytes(GOOD[0] + broken + lone + GOOD[1])
    slices, notices = read(log, type="postgres_jsonlog")
    assert csvlog.statements(slices)[1:3] == ["select '\ufffd\ufffd'", "select '\ufffd'"]
    assert [len(s.skips) for s in slices] == [0]
    assert "2 records hold bytes that are not UTF-8" in notices[0].reason


FORGED = record(audit("select * from customers", rows=5_000_000), user="victim", db="victim").decode()


def test_forged_lines_are_text() -> None:
    forms = [FORGED * 3, f"\n{FORGED}", '"}\n' + FORGED, '\\"}\n' + FORGED, "\\\n" + FORGED, '{"timestamp":"', '"}', "\\"]
    texts = [f"/* {n} */ " + forms[n % len(forms)] for n in range(400)]
    data = b"".join(record(audit(t, number=n), line=n) for n, t in enumerate(texts))
    parsed = parse(data, 0, "UTC", at_end=True)
    assert parsed.skips == ()
    assert parsed.records["statement"].to_pylist() == texts
    assert Counter(parsed.records["account"].to_pylist()) == {"svc": 400}


def test_result_does_not_depend_on_threads_or_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"".join([*GOOD, WRONG["half"], WRONG["rubbish"]]) * 50
    whole = parse(data, 7, "UTC", at_end=True, threads=1)
    monkeypatch.setattr("scanner.sources.postgres_rows.PIECE", 3000)
    pieces = parse(data, 7, "UTC", at_end=True, threads=3)
    assert pieces.records.combine_chunks().equals(whole.records.combine_chunks())
    assert (pieces.consumed, pieces.skips) == (whole.consumed, whole.skips)


def test_rubbish_without_line_ends_is_not_held_in_memory(tmp_path: Path) -> None:
    log = tmp_path / "a.json"
    log.write_bytes(b"\x01\x02{{{" * 200_000 + GOOD[0])
    slices, _ = read(log, type="postgres_jsonlog", slice_bytes=50_000)
    assert max(piece.end - piece.start for piece in slices) <= 60_000
    assert csvlog.statements(slices) == ["select 1\nfrom \"t\" where a = 'x,y'"]


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """One record of any kind."""
    if draw(st.booleans()):
        message = audit(draw(TEXT) or "x", number=draw(st.integers(0, 9)), rows=draw(st.none() | st.integers(0, 9)))
        return record(message, user=draw(NAME), db=draw(NAME), app=draw(TEXT))
    return record(draw(TEXT), user=draw(NAME), severity=draw(st.sampled_from(["ERROR", "FATAL", "LOG"])), query=draw(TEXT))


@settings(max_examples=40, deadline=None)
@given(st.lists(records(), min_size=1, max_size=6), st.data())
def test_damage_costs_only_what_it_hit(lines: list[bytes], data: st.DataObject) -> None:
    """Bytes put in, taken out or overwritten within one record, or rubbish between two."""
    last = record(audit("select 'last'"))
    victim = data.draw(st.integers(0, len(lines) - 1))
    line = lines[victim]
    at = data.draw(st.integers(0, len(line) - 1))
    gone = data.draw(st.integers(0, len(line) - at))
    noise = data.draw(
        st.binary(max_size=20) | st.sampled_from([b'"', b"\0" * 9, b"\n", b'"}\n', b"}\n{", b'{"timestamp":"', b"\\"])
    )
    whole = b"".join([*lines[:victim], line[:at] + noise + line[at + gone :], *lines[victim + 1 :], last])
    parsed = parse(whole, 0, "Asia/Seoul", at_end=True)
    parsed.records.validate(full=True)
    spans = list(zip(parsed.records["offset"].to_pylist(), parsed.records["length"].to_pylist(), strict=True))
    tile(spans, parsed.skips, len(whole))
    found = Counter(whole[a : a + n] for a, n in spans)
    assert not Counter([*lines[:victim], *lines[victim + 1 :], last]) - found


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.binary(max_size=60) | records() | st.sampled_from([b'"', b"\n", b"\0", b"}\n", b'{"timestamp":"']), max_size=8),
    st.booleans(),
)
@example([b"{", b"\n"], True)
@example([b'{"timestamp":"' + b"x" * 80], False)
def test_any_bytes(parts: list[bytes], final: bool) -> None:
    """Never a crash; what is consumed is accounted for byte by byte."""
    whole = b"".join(parts)
    parsed = parse(whole, 0, "Asia/Seoul", at_end=True, final=final)
    spans = list(zip(parsed.records["offset"].to_pylist(), parsed.records["length"].to_pylist(), strict=True))
    tile(spans, parsed.skips, parsed.consumed)
    assert parsed.consumed == len(whole) or not final


def test_the_fast_and_the_exact_parser_agree() -> None:
    """One strange line sends its whole piece through the exact parser: nothing may change for the others."""
    lines = [*GOOD, record("x", user=None, db=None, host="[local]", app="", severity="ERROR", code="42601", query="select '\\\"")]
    fast = parse(b"".join(lines), 0, "UTC").records.to_pylist()
    strange = WRONG["unknown escape"]
    assert parse(b"".join(lines) + strange, 0, "UTC").records.to_pylist() == fast


def test_a_growing_file(tmp_path: Path) -> None:
    log = tmp_path / "a.json"
    ledger = Ledger(log, slice_bytes=700, type="postgres_jsonlog")
    whole = b"".join(GOOD)
    for start in range(0, len(whole), 97):
        with log.open("ab") as file:
            file.write(whole[start : start + 97])
        ledger.scan()
    assert [r for p in ledger.slices for r in p.records["session_line"].to_pylist()] == [1, 2, 3, 4, 5, 6]

"""The stderr source on real and on hostile input, under many prefixes."""

from __future__ import annotations

import os
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scanner.config_prefix import ESCAPES, PrefixError, lacks, parse_prefix
from scanner.errors import ConfigError
from scanner.model import Slice
from scanner.sources import SOURCES, postgres_csvlog
from scanner.sources.postgres_stderr import parse
from scanner.sources.stderr_grammar import FOLLOWING, SEVERITIES
from tests.sources import csvlog
from tests.sources.csvlog import DATA, Ledger, audit, read
from tests.sources.stderr import PREFIX, START, record
from tests.sources.test_properties import TEXT, tile

LAB = "%m [%p] %q%u@%d %r %a %c %l "
ALL = "%m [%p] %q%u@%d %r %a %c %l %v %e %i %b %x %Q %s "


def rows(data: bytes, prefix: str = PREFIX, zone: str = "Asia/Seoul") -> list[dict[str, Any]]:
    parsed = parse(data, 0, zone, prefix, at_end=True, final=True)
    spans = zip(parsed.records["offset"].to_pylist(), parsed.records["length"].to_pylist(), strict=True)
    tile(list(spans), parsed.skips, len(data))
    return parsed.records.to_pylist()


def skipped(data: bytes, prefix: str = PREFIX) -> list[bytes]:
    return [data[s.offset : s.offset + s.length] for s in parse(data, 0, "UTC", prefix, at_end=True, final=True).skips]


def test_lab_recording_gives_the_same_records_as_its_csvlog() -> None:
    """But for what that prefix does not hold, and line numbers: here DETAIL, STATEMENT … have numbers of their own."""
    (csv,), _ = read(DATA / "pg15-pgaudit1.7.0.csv.xz", zone="UTC")
    path = DATA / "pg15-pgaudit1.7.0.stderr.log.xz"
    (piece,), notices = read(path, zone="UTC", type="postgres_stderr", log_line_prefix=LAB)
    assert notices == []
    assert piece.skips == ()
    piece.records.validate(full=True)
    spans = zip(piece.records["offset"].to_pylist(), piece.records["length"].to_pylist(), strict=True)
    tile(list(spans), (), piece.end)
    known = {"offset": 0, "length": 0, "transaction_id": None, "session_line": 0, "error_code": None}

    def by_session(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        order = sorted(found, key=lambda r: (r["session"], r["session_line"] or 0))
        return [r | known for r in order if r["account"] is not None or r["client_addr"]]

    mine, theirs = by_session(piece.records.to_pylist()), by_session(csv.records.to_pylist())
    assert len(mine) > 950
    assert mine == theirs


@pytest.mark.parametrize(
    "prefix",
    [
        ALL,
        PREFIX,
        "%m %c %l %u|%d|%a|%h|%e|%v: ",
        "<%-30m> {%c} %6l %-12u %12d [%a] %r %e %v %% ",
        "%n:%c:%l:%u:%d:%h:%v:%e:%a:",
    ],
)
@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"host": "[local]"},
        {"host": "::1:5000"},
        {"severity": "ERROR", "code": "22012", "query": "select 1/0\r\n\nfrom x\n", "context": "PL/pgSQL\nline"},
        {"app": "DBeaver 24 - Main <x>: a.sql", "user": "한글"},
    ],
)
def test_fields_are_those_of_csvlog(prefix: str, columns: dict[str, Any]) -> None:
    for message in (audit("select 1\r\n\t'\\'\n\n-- ")), "connection authorized: user=a application_name=x", "a  b", "":
        mine = rows(record(message, prefix=prefix, **columns), prefix)
        theirs = postgres_csvlog.parse(csvlog.record(message, **columns), 0, "Asia/Seoul").records.to_pylist()
        assert len(mine) == len(theirs) == 1
        assert mine[0] | {"length": 0} == theirs[0] | {"length": 0}


def test_the_prefix_of_a_fresh_server() -> None:
    """Neither account nor session: what was done is still read, and said to be nobody's."""
    prefix = "%m [%p] "
    found = rows(record(audit("select 1"), prefix=prefix) + record("x", session="1.2", prefix=prefix), prefix)
    assert [(r["kind"], r["account"], r["session"], r["session_line"]) for r in found] == [
        ("audit", None, "day20779.7a62", None),
        ("other", None, "day20779.2", None),
    ]
    (notice,) = SOURCES["postgres_stderr"]("x").limits()
    assert "which account did what is unknown" in notice.reason
    assert "%u %h %d %c %l %e" in notice.hint
    assert not notice.fatal


def test_the_session_is_told_by_process_and_start() -> None:
    prefix = "%t %p %s %u "
    (row,) = rows(record("x", prefix=prefix), prefix)
    start = datetime(2026, 11, 22, 7, 45, 5, tzinfo=UTC)
    assert (row["session"], row["time"]) == (f"{int(start.timestamp()):x}.7a62", start)


def test_server_processes_stop_at_q() -> None:
    (row,) = rows(record("database system is ready to accept connections", user=None))
    assert (row["kind"], row["account"], row["app_name"], row["client_addr"]) == ("config", None, "", None)


@pytest.mark.parametrize("language", range(11))
def test_every_language_of_the_server(language: int) -> None:
    def word(words: list[str]) -> str:
        return words[language % len(words)]

    error, log = word(SEVERITIES["ERROR"].split()), word(SEVERITIES["LOG"].split())
    labels = tuple(word(FOLLOWING[name].split("|")) for name in ("DETAIL", "CONTEXT", "STATEMENT"))
    data = record("nein", severity=error, code="42601", query="select\n1", detail="d\nd", context="c", labels=labels)  # type: ignore[arg-type]
    found = rows(data + record(audit("select 2"), severity=log))
    assert [(r["kind"], r["severity"], r["statement"]) for r in found] == [
        ("error", "ERROR", "select\n1"),
        ("audit", "LOG", "select 2"),
    ]


def test_verbose_errors() -> None:
    prefix = "%m [%p] %u "
    line = record("42P01: nope at character 15", severity="ERROR", query="select 1", prefix=prefix)
    line += record("x", prefix=prefix).replace(b"LOG:  x", b"LOCATION:  parserOpenTable, parse_relation.c:1392")
    line += record(f"00000: {audit('select 2')}", prefix=prefix)
    line += record("x", prefix=prefix).replace(b"LOG:  x", b"LOCATION:  log_audit_event, pgaudit.c:1")
    assert [(r["kind"], r["error_code"], r["message"], r["statement"]) for r in rows(line, prefix)] == [
        ("error", "42P01", "nope", "select 1"),
        ("audit", "00000", None, "select 2"),
    ]


FORGED = record(audit("select * from customers", rows=5_000_000), user="victim", db="victim").decode()


def test_forged_lines_in_sql_are_text() -> None:
    forms = [FORGED * 3, f"\n{FORGED}", "\n\n" + FORGED, "\r\n" + FORGED, "\n\t" + FORGED, "LOG:  " + audit("select 9")]
    texts = [f"/* {n} */ " + forms[n % len(forms)] for n in range(300)]
    data = b"".join(record(audit(t, number=n), line=n) for n, t in enumerate(texts))
    found = rows(data)
    assert [r["statement"] for r in found] == texts
    assert Counter(r["account"] for r in found) == {"svc": 300}


@pytest.mark.parametrize(
    "app",
    [
        "x client=10.0.0.1 session=6b029d81.7a62 line=2 vx=1/1 sql=00000 LOG:  AUDIT: SESSION,1,1,READ,SELECT,,,x,<none>,1"[:63],
        "x LOG:  " + audit("select 1", rows=1),
        "LOG:  ",
        "a:  b",
        "%u@%d app=psql",
        "\\xec\\x9c\\xa0" * 20,
    ],
)
def test_application_names_forge_nothing(app: str) -> None:
    """Where fields of fixed shape stand behind it, an application name is read right or the line is doubted."""
    (row,) = rows(record(audit("select secret"), app=app[:252] if app.startswith("\\x") else app[:63]))
    assert row["account"] == "svc"
    if row["kind"] == "audit":
        assert row["statement"] == "select secret"
        assert row["app_name"] == (app if app.startswith("\\x") else app[:63])


def test_an_application_name_that_imitates_the_whole_prefix_is_doubted() -> None:
    prefix = "%m [%p] %u %a "
    app = 'x LOG:  AUDIT: SESSION,1,1,READ,SELECT,,,"harmless'
    (row,) = rows(record(audit("select * from customers"), app=app, prefix=prefix), prefix)
    assert row["kind"] == "unreadable"
    assert "select * from customers" in row["message"]
    (row,) = rows(record(audit("select 1 /* LOG:  */"), app="psql", prefix=prefix), prefix)
    assert row["kind"] == "unreadable"  # a label so near is doubted too: it might be the true one
    (row,) = rows(record(audit(f"select {'1 + ' * 20} 1 /* LOG:  */"), app="psql", prefix=prefix), prefix)
    assert row["kind"] == "audit"


def test_an_account_with_an_at_sign() -> None:
    (row,) = rows(record(audit("select 1"), user="svc@tenant", app="@victim app=q"))
    assert (row["kind"], row["account"], row["dbname"], row["app_name"]) == ("audit", "svc@tenant", "shop", "@victim app=q")


def test_an_application_name_before_the_account_cannot_name_another_one() -> None:
    prefix = "%m %c %a:%u:%d "
    (row,) = rows(record(audit("select 1"), app="x:victim", user="svc", prefix=prefix), prefix)
    assert (row["kind"], row["account"]) == ("unreadable", None)
    (row,) = rows(record(audit("select 1"), app="x victim", user="svc", prefix=prefix), prefix)
    assert (row["kind"], row["account"]) == ("audit", "svc")


def test_a_line_end_in_an_account_forges_nothing() -> None:
    """A client may ask to log in as anything; the name stands in the prefix of the failure as it is."""
    forged = record(audit("select 1"), prefix="%m [%p] %q%u@%d ", user="victim").decode()
    failure = record('role "…" does not exist', prefix="%m [%p] %q%u@%d ", user="x\n" + forged[:-1], severity="FATAL")
    before = record(audit("select 0"), prefix="%m [%p] %q%u@%d ")
    found = rows(before + failure + before, "%m [%p] %q%u@%d ")
    assert [r["kind"] for r in found] == ["audit", "unreadable", "audit"]


def test_names_that_begin_like_a_message_are_doubted() -> None:
    prefix = "%m [%p] %q%u@%d "
    audit_text = "AUDIT: SESSION,1,1,READ,SELECT,,,x,"
    (row,) = rows(record("sorry, too many clients already", prefix=prefix, user=f"LOG:  {audit_text}", severity="FATAL"), prefix)
    assert row["kind"] == "unreadable"


GOOD = [record(audit(f"select {n}\nfrom t", number=n), line=n) for n in range(1, 7)]
RUBBISH = {
    "another program's line": b"sh: 1: pigz: not found\n",
    "two lines and an indented one": b"cp: cannot stat 'x'\n\tat y\n-- \n",
    "empty lines": b"\n\n",
    "NULs": b"\0" * 5000,
    "NULs and a line end": b"\0" * 5000 + b"\n",
    "half a record": GOOD[0][:40] + b"\n",
    "a statement of nobody": record("x", session="1.2").replace(b"LOG:", b"STATEMENT:"),
    "an impossible day": record(audit("select 3"), time="2026-02-30 16:45:05.795 KST"),
    "csvlog": csvlog.record(audit("select 'a\nb'")),
    "not UTF-8": b"\xfe\xff\x80\n",
    "an unknown word": record("x").replace(b"LOG:", b"WORD:"),
}


@pytest.mark.parametrize("name", RUBBISH)
@pytest.mark.parametrize("place", [0, 3, 6])
def test_rubbish_between_records_costs_only_itself(name: str, place: int) -> None:
    data = b"".join([*GOOD[:place], RUBBISH[name], *GOOD[place:]])
    assert [r["session_line"] for r in rows(data)] == [1, 2, 3, 4, 5, 6]
    assert b"".join(skipped(data)) == RUBBISH[name]


def test_a_piece_full_of_empty_lines() -> None:
    data = GOOD[0] + b"\n" * 300_000 + GOOD[1]
    assert [r["session_line"] for r in rows(data)] == [1, 2]


def test_a_tab_before_the_first_record_is_rubbish() -> None:
    assert skipped(b"\tend of something\n" + GOOD[0]) == [b"\tend of something\n"]


def test_bytes_that_are_no_utf8(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(GOOD[0] + record(audit("select 'NAME'"), app="NAME").replace(b"NAME", "김".encode("euc-kr")) + GOOD[1])
    os.utime(log, (0, 0))
    slices, notices = read(log, type="postgres_stderr", log_line_prefix=PREFIX)
    assert csvlog.statements(slices)[1] == "select '\ufffd\ufffd'"
    assert "1 record holds bytes that are not UTF-8" in notices[0].reason


def test_the_last_record_waits_until_the_log_is_quiet(tmp_path: Path) -> None:
    """A STATEMENT line may still follow, or more lines of the text."""
    log = tmp_path / "a.log"
    failure = record("nope", severity="ERROR", code="42601", query="select\n1")
    ledger = Ledger(log, type="postgres_stderr", log_line_prefix=PREFIX)
    log.write_bytes(GOOD[0] + failure[: failure.index(b"\n") + 1])
    ledger.scan()
    assert ledger.statements() == ["select 1\nfrom t"]
    with log.open("ab") as file:
        file.write(failure[failure.index(b"\n") + 1 :])
    ledger.scan()
    assert ledger.statements() == ["select 1\nfrom t"]
    quiet = time.time() - 60
    os.utime(log, (quiet, quiet))
    ledger.scan()
    assert ledger.statements() == ["select 1\nfrom t", "select\n1"]
    assert [s for piece in ledger.slices for s in piece.skips] == []


def test_result_does_not_depend_on_threads_or_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    failure = record("nope", severity="ERROR", code="42601", query="select\n1", detail="x\ny")
    data = b"".join([*GOOD, failure, RUBBISH["half a record"], RUBBISH["another program's line"]]) * 50
    whole = parse(data, 7, "UTC", PREFIX, at_end=True, threads=1)
    monkeypatch.setattr("scanner.sources.postgres_rows.PIECE", 3000)
    pieces = parse(data, 7, "UTC", PREFIX, at_end=True, threads=3)
    assert pieces.records.combine_chunks().equals(whole.records.combine_chunks())
    assert (pieces.consumed, pieces.skips) == (whole.consumed, whole.skips)


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """One record of any kind."""
    app = draw(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12))
    if draw(st.booleans()):
        return record(audit(draw(TEXT) or "x", number=draw(st.integers(0, 9)), rows=draw(st.none() | st.integers(0, 9))), app=app)
    severity = draw(st.sampled_from(["ERROR", "FATAL", "LOG"]))
    return record(draw(TEXT), severity=severity, query=draw(TEXT), detail=draw(st.none() | TEXT), app=app)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.binary(max_size=60) | records() | st.sampled_from([b"\t", b"\n", b"\0", b"LOG:  ", GOOD[0][:50]]), max_size=8),
    st.booleans(),
    st.booleans(),
)
@example([b"\t", b"\n"], True, True)
@example([], True, True)
def test_any_bytes(parts: list[bytes], at_end: bool, final: bool) -> None:
    """Never a crash; what is consumed is accounted for byte by byte."""
    whole = b"".join(parts)
    parsed = parse(whole, 0, "Asia/Seoul", PREFIX, at_end=at_end or final, final=final)
    parsed.records.validate(full=True)
    spans = list(zip(parsed.records["offset"].to_pylist(), parsed.records["length"].to_pylist(), strict=True))
    tile(spans, parsed.skips, parsed.consumed)
    assert parsed.consumed == len(whole) or not final


@settings(max_examples=60, deadline=None)
@given(st.lists(records(), min_size=1, max_size=5), st.data())
def test_rubbish_of_whole_lines_shifts_nothing(lines: list[bytes], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(lines)))
    noise = data.draw(st.binary(min_size=1, max_size=30).filter(lambda b: b[0] != 9)) + b"\n"
    whole = b"".join([*lines[:place], noise, *lines[place:]])
    parsed = parse(whole, 0, "UTC", PREFIX, at_end=True)
    found = {
        whole[a : a + n] for a, n in zip(parsed.records["offset"].to_pylist(), parsed.records["length"].to_pylist(), strict=True)
    }
    assert set(lines) <= found


@pytest.mark.parametrize(
    ("prefix", "says"),
    [
        ("%m [%p] %y ", "%y"),
        ("%m [%p] %", "holds %"),
        ("%m [%p] %-5", "holds %-5"),
        ("[%p] ", "no time"),
        ("%m ", "sessions"),
        ("%q%m %c ", "no time"),
        ("%m %q%c ", "sessions"),
        ("%m %c %m ", "twice"),
        ("%m\n%c ", "line end"),
        ("\t%m %c ", "tab"),
        ("", "no time"),
    ],
)
def test_prefixes_that_cannot_be_read_by(prefix: str, says: str) -> None:
    with pytest.raises(PrefixError, match=says) as raised:
        parse_prefix(prefix)
    assert raised.value.hint
    with pytest.raises(ConfigError):
        SOURCES["postgres_stderr"]("x", "UTC", log_line_prefix=prefix)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([f"%{e}" for e in ESCAPES if e not in "mcqPL"]), unique=True),
    st.sampled_from([" ", "|", ", ", " - "]),
)
def test_any_prefix_of_all_escapes(escapes: list[str], between: str) -> None:
    """Whatever fields a prefix has, in any order, an ordinary line is read by it."""
    prefix = between.join(["%m", "%c", *escapes]) + between
    (row,) = rows(record(audit("select 1"), prefix=prefix), prefix)
    assert (row["kind"], row["statement"], row["session"]) == ("audit", "select 1", "6b029d81.7a62")
    assert row["account"] == ("svc" if "%u" in escapes else None)
    assert row["client_addr"] == ("10.0.0.1" if {"%h", "%r"} & set(escapes) else None)
    assert START
    assert all(add not in escapes for _, add in lacks(prefix))


def test_nothing_is_lost_to_a_wrong_prefix(tmp_path: Path) -> None:
    """From the beginning, and when the server's setting is changed on the way: said, and read once it is put right."""
    log, other = tmp_path / "a.log", "%t|%c|%u|%l "
    old = b"".join(record(audit(f"select {n}"), line=n) for n in range(100))
    new = b"".join(record(audit(f"select {n}"), line=n, prefix=other) for n in range(100, 300))
    log.write_bytes(old)
    os.utime(log, (0, 0))
    ledger = Ledger(log, type="postgres_stderr", log_line_prefix="%m [%p] ", slice_bytes=1 << 20)
    assert ledger.scan() == []
    assert [(n.fatal, "no line begins with" in n.reason) for n in ledger.notices] == [(True, True)]
    ledger.options["log_line_prefix"] = PREFIX
    ledger.scan()
    assert ledger.notices == []
    with log.open("ab") as file:
        file.write(new)
    os.utime(log, (0, 0))
    assert ledger.scan() == []
    assert [n.fatal for n in ledger.notices] == [True]
    ledger.options["log_line_prefix"] = other
    ledger.scan()
    assert ledger.statements() == [f"select {n}" for n in range(300)]


def test_a_rubbish_file_is_said(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"nothing of this kind\n" * 3)
    os.utime(log, (0, 0))
    slices, notices = read(log, type="postgres_stderr", log_line_prefix=PREFIX)
    assert slices == []
    assert all(not isinstance(n, Slice) for n in notices)
    assert "holds no postgres_stderr record" in notices[0].reason

"""The csvlog source on real and on hostile input."""

from __future__ import annotations

import lzma
import tracemalloc
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from scanner.model import RECORD_SCHEMA
from scanner.sources import SOURCES
from scanner.sources.postgres_csvlog import parse
from tests.sources.csvlog import DATA, audit, read, record, sample, statements


def rows(data: bytes, zone: str = "Asia/Seoul") -> list[dict[str, object]]:
    return parse(data, 0, zone, at_end=True).records.to_pylist()


def test_lab_recording() -> None:
    """Counts of kinds, and single records, of a real log."""
    (piece,), notices = read(DATA / "pg15-pgaudit1.7.0.csv.xz", zone="UTC")
    assert notices == []
    assert piece.skips == ()
    assert piece.records.schema.equals(RECORD_SCHEMA)
    piece.records.validate(full=True)
    assert Counter(piece.records["kind"].to_pylist()) == {
        "audit": 504, "other": 162, "disconnect": 146, "connect": 138, "replication": 23, "error": 22, "config": 18,
    }  # fmt: skip
    data = sample()
    previous = 0
    found = piece.records.to_pylist()
    for row in found:  # offsets and lengths tile the log
        assert row["offset"] == previous
        previous += row["length"]
        assert data[row["offset"] :].startswith(row["time"].strftime("%Y-%m-%d %H:%M:%S.").encode())
    assert previous == len(data) == piece.end

    asyncpg = next(r for r in found if r["app_name"] == "E_asyncpg_all" and r["kind"] == "audit")
    assert asyncpg["time"] == datetime(2026, 11, 22, 7, 43, 34, 203000, UTC)
    assert asyncpg["account"] == "vendor_a"
    assert asyncpg["dbname"] == "crm"
    assert asyncpg["client_addr"] == "127.0.0.1"
    assert asyncpg["session"] == "6b029d26.7715"
    assert asyncpg["session_line"] == 3
    assert asyncpg["transaction_id"] == "3/464"
    assert asyncpg["audit_class"] == "READ"
    assert asyncpg["object_name"] == "shop.customer"
    assert asyncpg["statement"] == "select * from shop.customer where id>$1 and name like $2"
    assert asyncpg["parameter"] == "0,name%"
    assert asyncpg["rows"] == 5000
    assert asyncpg["message"] is None

    errors = [r for r in found if r["kind"] == "error"]
    assert all(r["statement"] for r in errors if r["severity"] == "ERROR")
    assert {r["error_code"] for r in errors} >= {"57014", "08006"}
    walsender = [r["message"] for r in found if r["kind"] == "replication"]
    assert all("standby" not in m or "authorized" not in m for m in walsender)
    rows_off = [r for r in found if r["app_name"].startswith("B_s3") and r["kind"] == "audit"]
    assert rows_off
    assert all(r["rows"] is None for r in rows_off)


@pytest.mark.parametrize("width", [23, 24, 26])
def test_widths(width: int) -> None:
    data = record(audit("select 1"), width=width) + record(audit("select 'a\nb', \"x\""), line=2, width=width)
    found = rows(data)
    assert [r["statement"] for r in found] == ["select 1", "select 'a\nb', \"x\""]
    assert [r["app_name"] for r in found] == ["psql", "psql"]


def test_widths_may_change_within_a_file() -> None:
    data = b"".join(record(audit(f"select {n}"), line=n, width=(23, 26, 24)[n % 3]) for n in range(60))
    found = rows(data)
    assert [r["statement"] for r in found] == [f"select {n}" for n in range(60)]
    assert [r["session_line"] for r in found] == list(range(60))


def test_wrong_width_is_a_skip() -> None:
    good = record(audit("select 1"))
    bad = good[:-1] + b",,\n"
    parsed = parse(good + bad + good, 100, "UTC", at_end=True)
    assert parsed.records["offset"].to_pylist() == [100, 100 + len(good) + len(bad)]
    (skip,) = parsed.skips
    assert (skip.offset, skip.length) == (100 + len(good), len(bad))
    assert "28 columns" in skip.reason


FORGED = record(audit("select * from customers", rows=5_000_000), user="victim", db="victim").decode()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_forged_lines_are_text(end: str) -> None:
    """1,500 statements that hold forged records in every form give 1,500 records."""
    bare = "2026-11-22 16:45:05.795 KST,,,1,,abc.1,1,,2026-11-22 16:45:05 KST,,0,LOG,00000,,,,,,,,,,,,,0"
    forms = [
        FORGED * 30,
        f"select 1;\n{FORGED}" * 10,
        '";\n' + FORGED * 5,
        '"\n' + FORGED + '"',
        ",\n" + bare + "\n" + bare + "\n",
        "\n2026-11-22 16:45:05.795 KST,",
        "\n" + bare.replace(",,,,,,,,,,,,,0", ","),
        '"""\n' + FORGED.replace('"', '""') * 3,
    ]
    texts = [f"/* {n} */ " + forms[n % len(forms)].replace("\n", end) for n in range(1500)]
    data = b"".join(record(audit(t, number=n), line=n) for n, t in enumerate(texts))
    for size in (1 << 25, 10_000):
        got = b""
        found: list[str] = []
        offset = 0
        while offset < len(data):
            window = size
            while not (
                parsed := parse(data[offset : offset + window], offset, "UTC", at_end=offset + window >= len(data))
            ).consumed:
                window *= 2
            assert parsed.skips == ()
            found += parsed.records["statement"].to_pylist()
            got += data[offset : offset + parsed.consumed]
            offset += parsed.consumed
        assert found == texts
        assert got == data


def test_audit_line_raised_by_a_function_is_not_evidence() -> None:
    """RAISE LOG 'AUDIT: …' leaves a context; pgAudit never does."""
    fake = record(audit("select 1"), context="PL/pgSQL function inline_code_block line 1 at RAISE")
    (row,) = rows(fake)
    assert row["kind"] == "unreadable"
    assert row["message"] == audit("select 1")
    assert row["statement"] is None


def test_statement_of_50_mb(tmp_path: Path) -> None:
    text = "select '" + ('x"\n,' + "김 " * 20) * 600_000 + "'"
    log = tmp_path / "a.csv"
    log.write_bytes(record(audit("select 1")) + record(audit(text)) + record(audit("select 2")))
    slices, notices = read(log, slice_bytes=1 << 20)
    assert notices == []
    found = statements(slices)
    assert [found[0], found[2]] == ["select 1", "select 2"]
    assert found[1] == text
    assert all(not piece.skips for piece in slices)


GOOD = [record(audit(f"select {n}\nfrom \"t\" where a = 'x,y'", number=n), line=n) for n in range(1, 7)]


def torn(at: int) -> bytes:
    return b"".join(GOOD[:2]) + GOOD[2][:at] + b"".join(GOOD[3:])


DAMAGE: dict[str, bytes] = {
    "rubbish line": b"".join(GOOD[:3]) + b"\x80\x81\xfe rubbish\n" + b"".join(GOOD[3:]),
    "rubbish with quotes": b"".join(GOOD[:3]) + b'"\n"a"b\n' + b"".join(GOOD[3:]),
    "NULs before a record": b"".join(GOOD[:3]) + b"\0" * 5000 + b"".join(GOOD[3:]),
    "NULs and a line end": b"".join(GOOD[:3]) + b"\0" * 5000 + b"\n" + b"".join(GOOD[3:]),
    "empty lines": b"".join(GOOD[:3]) + b"\n\r\n\n" + b"".join(GOOD[3:]),
    "forged line without quotes, after rubbish": b"".join(GOOD[:3])
    + b'"\n2026-11-22 16:45:05.795 KST,,,1,,abc.1,1,,2026-11-22 16:45:05 KST,,0,LOG,00000,,,,,,,,,,,,,0\n'
    + b"".join(GOOD[3:]),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_between_records_loses_nothing_else(name: str) -> None:
    data = DAMAGE[name]
    parsed = parse(data, 0, "UTC", at_end=True)
    assert parsed.records["session_line"].to_pylist() == [1, 2, 3, 4, 5, 6]
    assert_accounted(parsed.records, parsed.skips, data)


@pytest.mark.parametrize("at", range(1, len(GOOD[2]) - 1, 3))
def test_torn_record_loses_itself_only(at: int) -> None:
    """A crash leaves the beginning of a record, the next one follows on the same line."""
    data = torn(at)
    parsed = parse(data, 0, "UTC", at_end=True)
    assert parsed.records["session_line"].to_pylist() == [1, 2, 4, 5, 6]
    assert_accounted(parsed.records, parsed.skips, data)


@pytest.mark.parametrize("at", range(25, len(GOOD[2]) - 1, 3))
def test_stray_quote_loses_one_record_at_most(at: int) -> None:
    hurt = GOOD[2][:at] + b'"' + GOOD[2][at:]
    data = b"".join(GOOD[:2]) + hurt + b"".join(GOOD[3:])
    parsed = parse(data, 0, "UTC", at_end=True)
    assert [n for n in parsed.records["session_line"].to_pylist() if n != 3] == [1, 2, 4, 5, 6]
    assert_accounted(parsed.records, parsed.skips, data)


def test_impossible_time_is_a_skip() -> None:
    bad = record(audit("select 1"), time="2026-02-30 16:45:05.795 KST")
    parsed = parse(GOOD[0] + bad + GOOD[1], 0, "UTC", at_end=True)
    assert parsed.records["session_line"].to_pylist() == [1, 2]
    assert [(s.offset, s.length) for s in parsed.skips] == [(len(GOOD[0]), len(bad))]


def test_invalid_utf8_keeps_the_record(tmp_path: Path) -> None:
    log = tmp_path / "a.csv"
    log.write_bytes(GOOD[0] + record(audit("select 'NAME'")).replace(b"NAME", "김".encode("euc-kr")) + GOOD[1])
    slices, notices = read(log)
    assert statements(slices)[1] == "select '\ufffd\ufffd'"
    assert [len(s.skips) for s in slices] == [0]
    assert "1 record holds bytes that are not UTF-8" in notices[0].reason
    assert not notices[0].fatal


def test_rubbish_only_is_skipped_and_said(tmp_path: Path) -> None:
    log = tmp_path / "a.csv"
    log.write_bytes(bytes(range(256)) * 5000)
    slices, _ = read(log, slice_bytes=100_000)
    assert sum(s.length for piece in slices for s in piece.skips) > 1_200_000
    assert statements(slices) == []


def test_foreign_zone_is_said(tmp_path: Path) -> None:
    log = tmp_path / "a.csv"
    log.write_bytes(GOOD[0])
    _, notices = read(log, zone="America/New_York")
    assert "KST" in notices[0].reason
    assert read(log, zone="Asia/Seoul")[1] == []


def test_previously_logged_is_recalled() -> None:
    once = "<previously logged>"
    data = (
        record(audit("select 1", number=1), line=1)
        + record(audit("select 2", number=1), line=1, session="aaaa.1")
        + record(audit(once, number=1, parameter=once, object_name="t2"), line=2)
        + record(audit(once, number=2, parameter=once), line=3)
        + record(audit("<not logged>", number=3, parameter="<not logged>"), line=4)
        + record(audit(once, number=1, sub=2, parameter=once), line=2, session="aaaa.1")
    )
    found = rows(data)
    assert [r["statement"] for r in found] == ["select 1", "select 2", "select 1", None, None, "select 2"]
    assert {r["parameter"] for r in found} == {None}


def test_result_does_not_depend_on_threads_or_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    data = sample()
    whole = parse(data, 7, "UTC", at_end=True, threads=1)
    monkeypatch.setattr("scanner.sources.postgres_rows.PIECE", 3000)
    pieces = parse(data, 7, "UTC", at_end=True, threads=3)
    assert pieces.records.combine_chunks().equals(whole.records.combine_chunks())
    assert (pieces.consumed, pieces.skips) == (whole.consumed, whole.skips)


def test_memory_stays_near_the_slice_size(tmp_path: Path) -> None:
    log = tmp_path / "a.csv.xz"
    log.write_bytes(lzma.compress(sample() * 40, preset=0))
    tracemalloc.start()
    arrow = 0
    for piece in SOURCES["postgres_csvlog"](str(log)).read([], slice_bytes=1 << 20):
        arrow = max(arrow, pa.total_allocated_bytes())
        del piece
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak + arrow < 40 << 20


def assert_accounted(records: pa.Table, skips: tuple[object, ...], data: bytes) -> None:
    """Records and skips tile the data: nothing is read twice, nothing vanishes without a word."""
    spans = list(zip(records["offset"].to_pylist(), records["length"].to_pylist(), strict=True))
    spans += [(s.offset, s.length) for s in skips]  # type: ignore[attr-defined]
    at = 0
    for offset, length in sorted(spans):
        assert offset == at
        at += length
    assert at == len(data)

"""Row counts of audited statements from the slow log."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

from scanner.sources.mariadb_server_audit import parse
from scanner.sources.mariadb_slow_log import SlowLog
from tests.sources.server_audit import DATA, query, sample

SECOND = 1795333506  # 2026-11-22 07:45:06 UTC, the stamp of the audit lines


def entry(
    text: str,
    sent: int,
    *,
    affected: int = 0,
    examined: int = 1,
    connection: int = 7,
    second: int = SECOND,
    took: float = 0.000086,
) -> str:
    return (
        f"# User@Host: dlv[dlv] @ localhost []\n# Thread_id: {connection}  Schema: crm  QC_hit: No\n"
        f"# Query_time: {took:.6f}  Lock_time: 0.000000  Rows_sent: {sent}  Rows_examined: {examined}\n"
        f"# Rows_affected: {affected}  Bytes_sent: 78\n#\n# explain: 1\tSIMPLE\n#\nSET timestamp={second};\n{text};\n"
    )


def counts(tmp_path: Path, slow: str, *audited: bytes) -> list[int | None]:
    log = tmp_path / "slow.log"
    log.write_text("mariadbd, Version: 10.11 started with:\nTime\t\t    Id Command\tArgument\n# Time: 261122  7:45:05\n" + slow)
    found: list[int | None] = SlowLog(str(log)).joined(parse(b"".join(audited), 0, "UTC").records)["rows"].to_pylist()
    return found


def test_lab_recording(tmp_path: Path) -> None:
    log = tmp_path / "slow.log"
    log.write_bytes(lzma.decompress((DATA / "mariadb-10.11.19-slow.log.xz").read_bytes()))
    packed = tmp_path / "slow.log.gz"
    records = parse(sample(), 0, "UTC").records
    joined = SlowLog(str(log)).joined(records)
    rows = [(r["statement"], r["rows"]) for r in joined.to_pylist() if r["kind"] == "audit"]
    assert sum(count is not None for _, count in rows) == 132
    told = dict(rows)
    assert told["select hex(rrn) from customer"] == 5000
    assert told["select * from customer into outfile '/srv/lab/pg/o.txt'"] == 5000
    assert told["create table tmp_x as select * from customer"] == 5000  # copied, not sent
    assert told["handler customer read next limit 3000"] is None  # HANDLER counts nothing
    packed.write_bytes(gzip.compress(log.read_bytes()))
    log.unlink()
    assert SlowLog(str(tmp_path / "slow*")).joined(records).equals(joined)


def test_only_what_surely_belongs_together(tmp_path: Path) -> None:
    statement = "select *\n\tfrom customer"
    assert counts(tmp_path, entry(statement, 9), query(statement)) == [9]
    assert counts(tmp_path, entry(statement, 9, connection=8), query(statement)) == [None]
    assert counts(tmp_path, entry(statement, 9, second=SECOND - 1), query(statement)) == [9]  # it ended within the next second
    assert counts(tmp_path, entry(statement, 9, second=SECOND - 4), query(statement)) == [None]
    assert counts(tmp_path, entry(statement, 9, second=SECOND + 1), query(statement)) == [None]
    assert counts(tmp_path, entry("select 1", 9), query(statement)) == [None]
    twice = entry("select 1", 1) + entry("select 2", 5) + entry("select 1", 3)
    assert counts(tmp_path, twice, query("select 1"), query("select 2", number=21), query("select 1", number=22)) == [1, 5, 3]
    assert counts(tmp_path, entry("select 1", 0), query("select 1")) == [0]  # looked, and found nothing
    kept = "select tel into @a from customer limit 1"
    assert counts(tmp_path, entry(kept, 0), query(kept)) == [None]  # the next statement can return it
    assert counts(tmp_path, entry("select 1", 0, examined=0), query("select 1")) == [0]
    long = "select '" + "x" * 2000 + "'"
    assert counts(tmp_path, entry(long, 9), query(long)) == [None]


def test_a_statement_is_audited_when_it_ends(tmp_path: Path) -> None:
    """The slow log stamps an entry with its start. The statements that carry most away are those that take long."""
    took_long = entry("select * from customer", 5000, second=SECOND - 90, took=90.2)
    assert counts(tmp_path, took_long, query("select * from customer")) == [5000]
    both = entry("select 1", 3, second=SECOND - 90, took=88.9) + entry("select 1", 4)
    assert counts(tmp_path, both, query("select 1")) == [4]
    call = entry("call p()", 7, second=SECOND, took=30.5)  # stamped anew by the last statement inside
    assert counts(tmp_path, call, query("call p()")) == [7]
    polled = "".join(entry("select 1", n, second=SECOND - 1, took=0.7) for n in (1, 2, 3))
    assert counts(tmp_path, polled, query("select 1"), query("select 1", number=22), query("select 1", number=23)) == [1, 2, 3]


def test_a_statement_cannot_lower_the_count_of_another(tmp_path: Path) -> None:
    forging = "select 1 /* ;\n" + entry("select * from customer", 0, examined=0) + "*/"
    slow = entry(forging, 1) + entry("select * from customer", 5000)
    assert counts(tmp_path, slow, query(forging), query("select * from customer", number=21))[1] == 5000


def test_a_log_without_entries_and_one_whose_entry_broke_off(tmp_path: Path) -> None:
    assert counts(tmp_path, "", query("select 1")) == [None]
    whole, broken = entry("select 1", 5), entry("select 'x'", 900)
    for at in range(0, len(broken), 7):
        assert counts(tmp_path, broken[:at] + whole, query("select 1"))[0] in (5, None), at
    assert counts(tmp_path, broken[:-1] + "\n" + whole, query("select 1")) == [5]
    with_use = whole.replace("SET timestamp", "use crm;\nSET timestamp")
    assert counts(tmp_path, with_use, query("select 1")) == [5]


def test_a_long_log_is_read_from_where_it_matters(tmp_path: Path) -> None:
    old = "".join(entry(f"select {n}", 1, second=SECOND - 90_000 + n) for n in range(5000))
    assert counts(tmp_path, old + entry("select 'x'", 7), query("select 'x'")) == [7]
    assert SlowLog(str(tmp_path / "none.log")).notices()[0].fatal is False

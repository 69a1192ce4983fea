"""The server_audit source on real and on hostile input."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scanner.events import LAST_SCHEMA, to_acts
from scanner.model import CUT_MARK, RECORD_SCHEMA
from scanner.sources.connections import name_sessions
from scanner.sources.mariadb_server_audit import parse
from tests.sources.server_audit import Ledger, escaped, meet, query, sample, table


def rows(data: bytes, zone: str = "UTC", **more: int) -> list[dict[str, object]]:
    return parse(data, 0, zone, **more).records.to_pylist()


def test_lab_recording() -> None:
    data = sample()
    parsed = parse(data, 0, "UTC")
    assert parsed.skips == ()
    assert parsed.consumed == len(data)
    assert parsed.mended == 0
    assert parsed.records.schema.equals(RECORD_SCHEMA)
    parsed.records.validate(full=True)
    found = parsed.records.to_pylist()
    assert Counter(r["kind"] for r in found) == {"audit": 141, "other": 94, "disconnect": 43, "connect": 42, "error": 8}
    at = 0
    for row in found:  # offsets and lengths tile the log
        assert row["offset"] == at
        at += row["length"]
    assert at == len(data)

    def act(text: str) -> dict[str, object]:
        """The statement after the one that names the act, as in ``select 's01_bulk'``."""
        here = next(n for n, r in enumerate(found) if r["statement"] == f"select '{text}'")
        return next(r for r in found[here + 1 :] if r["statement"] is not None)

    bulk = act("s01_bulk")
    assert bulk | {"time": None, "offset": 0, "length": 0, "session_line": 0} == {
        "kind": "audit", "time": None, "account": "vendor_a", "dbname": "crm", "client_addr": "[local]", "app_name": None,
        "session": "vm#6", "session_line": 0, "transaction_id": None, "severity": "LOG", "error_code": "00000",
        "message": None, "audit_class": "READ", "command": "SELECT", "object_type": None, "object_name": "crm.customer",
        "statement_id": 19, "substatement_id": 1, "statement": "select * from customer", "parameter": None, "rows": None,
        "offset": 0, "length": 0,
    }  # fmt: skip
    assert bulk["time"] == datetime(2026, 11, 22, 7, 45, 6, tzinfo=UTC)
    assert act("s02_outfile")["statement"] == "select * from customer into outfile '/srv/lab/pg/o.txt'"
    assert act("s07_ctas")["object_name"] == "crm.customer\x1fcrm.tmp_x"
    assert next(r for r in found if r["command"] == "RENAME TABLE")["object_name"] == "crm.log_cache\x1fcrm.tmp_x"
    assert act("s08_temp")["command"] == "CREATE TEMPORARY"
    assert act("s16_handler")["command"] == "HANDLER"
    assert act("s29_err") | {"kind": "error"} == act("s29_err")
    assert [act(name)["error_code"] for name in ("s29_err", "s29b_err", "s30_denied")] == ["42P01", "21000", "42501"]
    # read under the definer's name, yet the connection's account is who did it
    definer = next(r for r in found if r["statement_id"] == 61 and r["kind"] == "audit")
    assert (definer["account"], definer["object_name"]) == ("vendor_a", "crm.customer")
    assert next(r for r in found if r["statement"] == "select length(f_all())")["object_name"] == "crm.customer"
    dump = [r for r in found if r["session"] == "vm#38" and r["kind"] == "audit"]
    assert [r["statement"] for r in dump if r["object_name"]] == [
        "SELECT /*!40001 SQL_NO_CACHE */ `id`, `name`, `phone`, `rrn`, `email` FROM `customer`"
    ]
    assert dump[0]["command"] == "SET"  # /*!40100 SET @@SQL_MODE='' */ runs
    failed = next(r for r in found if r["statement_id"] is None and r["kind"] == "error")
    assert (failed["error_code"], failed["message"]) == ("28000", "FAILED_CONNECT failed with error 1045")
    escapes = next(r for r in found if "s35 */" in str(r["statement"]))
    assert escapes["statement"] == "select /* s35 */ 'a\nb', 'it''s', \"q\\\"x\", rrn from customer limit 1"
    (cut,) = [r for r in found if str(r["statement"]).endswith(CUT_MARK)]
    assert len(str(cut["statement"])) == 1024 + len(CUT_MARK)


TEXTS = [
    "select 1",
    "select 'it''s', \"a\", `b`",
    "select '\\'', '\\\\', '\\n' -- x\nfrom t\r\n",
    "a\\nb \\\\n \\\\\\n",
    "select 'x\0y\\'",
    "\0\\\\\0",
    "한글 '값'",
    "x',0\n20261122 07:45:06,vm,victim,localhost,1,2,QUERY,crm,'y",
    "",
]


@pytest.mark.parametrize("text", TEXTS)
def test_escapes(text: str) -> None:
    (row,) = rows(query(text))
    assert row["statement"] == text
    assert row["kind"] == "audit"


def test_escapes_one_in_many() -> None:
    assert [r["statement"] for r in rows(b"".join(map(query, TEXTS)))] == TEXTS


@pytest.mark.parametrize("text", ["x" * 1500, "x" * 1023 + "'''", "'" * 900, "김" * 600, "\n" * 512 + "y"])
def test_cut_texts_say_so(text: str) -> None:
    (row,) = rows(query("/**/" + text))
    kept = str(row["statement"])
    assert kept.endswith(CUT_MARK)
    assert ("/**/" + text).startswith(kept.removesuffix(CUT_MARK))
    assert parse(query("/**/" + text), 0, "UTC").mended == 0
    (whole,) = rows(query("/**/" + text, limit=0), query_log_limit=0)
    assert whole["statement"] == "/**/" + text


def test_texts_below_the_limit_are_whole() -> None:
    assert len(escaped("x" * 1022)) == 1022
    assert rows(query("x" * 1022))[0]["statement"] == "x" * 1022
    assert rows(query("x" * 300, limit=300), query_log_limit=300)[0]["statement"] == "x" * 300 + CUT_MARK


@pytest.mark.parametrize(
    ("text", "command", "audit_class"),
    [
        ("select 1", "SELECT", "READ"),
        ("(select 1)", "SELECT", "READ"),
        ("/* a */ -- b\n # c\n /*!50000 select */ * from t", "SELECT", "READ"),
        ("/*M!100100 SET @a=1 */", "SET", "MISC"),
        ("with a as (select 1) select * from a", "SELECT", "READ"),
        ("handler t read first", "HANDLER", "READ"),
        ("replace into t values (1)", "REPLACE", "WRITE"),
        ("load data infile 'x' into table t", "LOAD DATA", "WRITE"),
        ("create user x", "CREATE USER", "ROLE"),
        ("create table x(a int)", "CREATE TABLE", "DDL"),
        ("revoke all on *.* from x", "REVOKE", "ROLE"),
        ("--1", None, "MISC"),
        ("call p()", "CALL", "MISC"),
    ],
)
def test_commands(text: str, command: str | None, audit_class: str) -> None:
    (row,) = rows(query(text))
    assert (row["command"], row["audit_class"]) == (command, audit_class)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("localhost", "[local]"),
        ("10.0.0.7", "10.0.0.7"),
        ("10.0.0.7:54321", "10.0.0.7"),
        ("localhost:0", "[local]"),
        ("::1", "::1"),
        ("fe80::1:54321", "fe80::1"),
        ("[fe80::1]:4321", "fe80::1"),
        ("app.example", "app.example"),
        ("", None),
    ],
)
def test_addresses(host: str, address: str | None) -> None:
    assert rows(query("select 1", host=host))[0]["client_addr"] == address


def test_user_names_may_hold_commas() -> None:
    (row,) = rows(query("select 1", user="a,b,c"))
    assert (row["account"], row["session"]) == ("a,b,c", "vm#7")
    (row,) = rows(meet("FAILED_CONNECT", user="victim,localhost,5,7,CONNECT", code=1045))
    assert (row["account"], row["kind"], row["session"]) == ("victim,localhost,5,7,CONNECT", "error", "vm#7")


FORGED = query("select * from customer", user="victim", connection=3).decode()


@pytest.mark.parametrize(
    "name",
    [
        "x" + meet(user="victim").decode()[:40],
        "x" + FORGED + "y",
        f"x\n{FORGED}y",
        f"x\n{FORGED}{FORGED}y",
        f"x\n{FORGED}20261122 07:45:06,vm,y",
        "x\n20261122 07:45:06,vm,victim",
        "a\nb",
    ],
)
def test_lines_forged_by_a_user_name_accuse_nobody(name: str) -> None:
    """Anyone may send any user name before he has proved who he is; the plug-in writes it as it is."""
    evil = meet("FAILED_CONNECT", user=name, code=1045)
    filler = b"".join(query(f"select {n}", number=n) for n in range(40))
    parsed = parse(filler + evil + filler, 0, "UTC")
    found = parsed.records.to_pylist()
    assert parsed.skips == ()
    assert "victim" not in {r["account"] for r in found}
    (odd,) = [r for r in found if r["kind"] == "unreadable"]
    assert odd["message"] == evil.decode().rstrip("\n")
    assert (odd["offset"], odd["length"]) == (len(filler), len(evil))
    assert Counter(r["kind"] for r in found) == {"audit": 80, "unreadable": 1}
    assert parse(evil, 0, "UTC").consumed == 0  # more of the name may follow
    assert parse(evil, 0, "UTC", final=True).consumed == len(evil)


def test_tables_belong_to_the_statement_of_their_id() -> None:
    data = b"".join(
        [
            table("READ", "customer", number=20),
            table("READ", "orders", number=21, connection=8),
            table("READ", "table_stats", number=20, db="mysql"),
            query("select 2", number=21, connection=8),
            table("READ", "customer", number=20),
            query("inner", number=22),
            table("WRITE", "log", number=20),
            query("select 1", number=20),
            table("READ", "late", number=20),
            query("select 3", number=20, connection=9),
        ]
    )
    found = {r["statement"]: r["object_name"] for r in rows(data) if r["kind"] == "audit"}
    assert found == {"select 2": "crm.orders", "inner": None, "select 1": "crm.customer\x1fcrm.log", "select 3": None}


@pytest.mark.parametrize(
    ("stamp", "zone", "utc"),
    [
        ("20261122 07:45:06", "UTC", datetime(2026, 11, 22, 7, 45, 6, tzinfo=UTC)),
        ("20261122 16:45:06", "Asia/Seoul", datetime(2026, 11, 22, 7, 45, 6, tzinfo=UTC)),
        ("20260701 10:00:00", "Europe/Berlin", datetime(2026, 7, 1, 8, 0, 0, tzinfo=UTC)),
        ("20261025 02:30:00", "Europe/Berlin", datetime(2026, 10, 25, 0, 30, 0, tzinfo=UTC)),  # twice: the first is taken
        ("20240229 00:00:00", "UTC", datetime(2024, 2, 29, tzinfo=UTC)),
        ("20260229 00:00:00", "UTC", None),
        ("20261301 00:00:00", "UTC", None),
    ],
)
def test_times(stamp: str, zone: str, utc: datetime | None) -> None:
    assert rows(query("select 1", stamp=stamp), zone)[0]["time"] == utc


def test_damage_costs_only_what_it_hit() -> None:
    one, two = query("select 1"), query("select 2")
    torn = parse(one[:40] + two + one * 20, 0, "UTC")
    assert [r["statement"] for r in torn.records.to_pylist()] == ["select 2", *["select 1"] * 20]
    assert [(s.offset, s.length) for s in torn.skips] == [(0, 40)]
    padded = parse(one + b"\0" * 100 + two, 0, "UTC")
    assert [r["offset"] for r in padded.records.to_pylist()] == [0, len(one) + 100]
    rubbish = parse(one + b"rubbish\n\n" + two, 0, "UTC")
    assert [(s.offset, s.length) for s in rubbish.skips] == [(len(one), 9)]
    half = parse(one + two[:-5], 0, "UTC")
    assert half.consumed == len(one)
    end = parse(one + two[:-5], 0, "UTC", final=True)
    assert end.consumed == len(one) + len(two) - 5
    assert "half a record" in end.skips[0].reason
    latin = parse(query("select 'x'").replace(b"x", b"\xe9") + one, 0, "UTC")
    assert latin.mended == 1
    assert [r["statement"] for r in latin.records.to_pylist()] == ["select '\N{REPLACEMENT CHARACTER}'", "select 1"]


def test_a_connection_id_used_again_is_another_session() -> None:
    early, late = "20261122 07:00:00", "20261122 09:00:00"
    data = [
        query("select 0", number=1),
        meet(stamp=early),
        query("select 1", stamp=early),
        meet(stamp=late),  # the server died and was started: no DISCONNECT
        query("select 2", stamp=late),
        meet("FAILED_CONNECT", connection=8, code=1045),
        meet("DISCONNECT", connection=8),
    ]
    records = parse(b"".join(data), 0, "UTC").records
    named, opened = name_sessions(records, [])
    expected = ["vm#7@?", *["vm#7@20261122T070000Z"] * 2, *["vm#7@20261122T090000Z"] * 2, *["vm#8@20261122T074506Z"] * 2]
    assert named["session"].to_pylist() == expected
    assert opened == {"vm#7": "vm#7@20261122T090000Z", "vm#8": "vm#8@20261122T074506Z"}
    for cut in range(1, len(data)):  # the same, whatever the slices
        first, begun = name_sessions(records.slice(0, cut), [])
        second, _ = name_sessions(records.slice(cut), begun.values())
        assert first["session"].to_pylist() + second["session"].to_pylist() == expected
    acts, _ = to_acts(named, LAST_SCHEMA.empty_table())
    assert acts.filter(acts["kind"].to_numpy() == "audit")["statement"].to_pylist() == ["select 0", "select 1", "select 2"]


def test_rotation_and_growth(tmp_path: Path) -> None:
    log = tmp_path / "server_audit.log"
    ledger = Ledger(f"{log}*")
    data = sample()
    half = data.index(b"\n", len(data) // 2) - 7  # within a record
    log.write_bytes(data[:half])
    ledger.scan()
    with log.open("ab") as file:
        file.write(data[half:])
    log.rename(f"{log}.1")
    log.write_bytes(query("select 'after rotation'") * 40)
    ledger.scan()
    assert ledger.scan() == []
    expected = parse(data, 0, "UTC").records.to_pylist()
    found = ledger.rows()
    assert found[: len(expected)] == expected
    assert len(found) == len(expected) + 40
    assert ledger.notices == []


def test_a_last_line_without_its_end_is_context_too() -> None:
    """A line read before its end was written is looked back at when the log goes on."""
    before = table("READ", "customer", number=3) + query("select 2", number=2)[:-1]
    found = parse(b"\n" + query("select * from customer", number=3), len(before), "UTC", before=before).records.to_pylist()
    assert [row["object_name"] for row in found] == ["crm.customer"]

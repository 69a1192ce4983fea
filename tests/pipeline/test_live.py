"""Real acts on a real PostgreSQL with pgAudit: what is said about each must be what happened."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from scanner.doctor import examine
from tests.pipeline.company import CUSTOMERS, MEMBERS, ORDERS, Watched
from tests.support.postgres import Postgres


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with Postgres() as server:
        yield Watched.build(server, tmp_path_factory.mktemp("live"))


def honest_work(watched: Watched) -> None:
    for n in range(1, 26):
        watched.psql(f"select rcv_nm, rcv_tel, rcv_addr from crm.ord where ord_id = {n}", app="dlv-web")
    watched.psql("select prd_nm, price from shop.prd order by prd_nm", user="ads_app", app="ads-pages")
    watched.psql("select count(*), sum(amt) from crm.ord", app="dlv-web")


@pytest.fixture(scope="module")
def dumped(watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """Honest work, and a dump of the products, and of the members."""
    folder = tmp_path_factory.mktemp("dumps")
    honest_work(watched)
    watched.server.run(["pg_dump", "-t", "shop.prd", "-f", str(folder / "prd.sql")], user="dlv_app", dbname=watched.dbname)
    watched.scan()
    before = watched.findings()
    assert [f for f in before if f["level"] in ("medium", "high", "critical")] == []
    watched.server.run(["pg_dump", "-t", "crm.mbr", "-f", str(folder / "mbr.sql")], user="dlv_app", dbname=watched.dbname)
    assert (folder / "mbr.sql").read_text().count("@mail") == MEMBERS
    watched.scan()
    return watched


def test_a_dump_of_the_customers_is_one_critical_finding_and_one_of_the_products_is_none(dumped: Watched) -> None:
    (finding,) = [f for f in dumped.findings() if f["level"] in ("medium", "high", "critical")]
    assert finding["level"] == "critical"
    assert finding["vendor"] == "delivery_co"
    assert finding["accounts"] == ["dlv_app"]
    assert "crm.mbr" in finding["tables"]
    assert "shop.prd" not in finding["tables"]
    assert finding["exposed_persons"]["low"] <= MEMBERS <= finding["exposed_persons"]["high"]
    assert abs(finding["exposed_persons"]["best"] - MEMBERS) <= MEMBERS / 10
    assert finding["rows_source"] == "estimated"
    assert finding["techniques"][0] == "dump_tool"
    assert {"PERSON", "PHONE_NUMBER", "EMAIL_ADDRESS", "KR_RRN", "ADDRESS"} <= set(finding["pii_classes"])
    (copy,) = dumped.events("command = 'COPY' and list_contains(tables, 'crm.mbr')")
    assert copy["returned_rows"] == 0
    (products,) = dumped.events("command = 'COPY' and list_contains(tables, 'shop.prd')")
    assert products["exposed_persons_high"] == 0


# --- one act after the other, each under an application name of its own --------------------------------------------


@dataclass(frozen=True)
class Act:
    """Something somebody does, and what is true about it."""

    name: str
    do: Callable[[Watched, str], Any]
    persons: int  # the truth
    within: float = 0.0  # how far the best estimate may be off
    sources: tuple[str, ...] = ("reported",)
    technique: str | None = None  # a word among the techniques
    certain: bool = True  # low is the truth too


def psql(sql: str, user: str = "dlv_app", *, check: bool = True) -> Callable[[Watched, str], Any]:
    return lambda watched, app: watched.psql(sql, user=user, app=app, check=check)


def _fetch_count(watched: Watched, app: str) -> None:
    watched.psql("\\set FETCH_COUNT 700\nselect * from crm.mbr;\n", app=app)


def _named_cursor(watched: Watched, app: str) -> None:
    with psycopg.connect(watched.server.dsn("dlv_app", watched.dbname, app)) as connection:
        with connection.cursor(name="walk") as cursor:
            cursor.itersize = 500
            cursor.execute("select mbr_nm, hp_no from crm.mbr")
            assert len(cursor.fetchall()) == MEMBERS


def _part_of_a_cursor(watched: Watched, app: str) -> None:
    watched.psql("begin; declare c cursor for select * from crm.mbr; fetch 100 from c; fetch 150 from c; close c; commit", app=app)


def _client_copy(watched: Watched, app: str) -> None:
    watched.psql("\\copy crm.mbr to /dev/null\n", app=app)


def _pg_dump_inserts(watched: Watched, app: str) -> None:
    watched.server.run(["pg_dump", "--inserts", "-t", "crm.mbr", "-f", "/dev/null"], user="dlv_app", dbname=watched.dbname, app=app)


def _late_failure(watched: Watched, app: str) -> None:
    watched.psql(f"select mbr_nm, hp_no, 1 / (mbr_no - {MEMBERS}) from crm.mbr order by mbr_no", app=app, check=False)


def _timeout(watched: Watched, app: str) -> None:
    watched.psql("set statement_timeout = 300; select mbr_nm, hp_no, pg_sleep(0.001) from crm.mbr", app=app, check=False)


def _basebackup(watched: Watched, app: str) -> None:
    watched.server.psql("alter role dlv_batch replication")
    folder = watched.config_path.parent / "base"
    watched.server.run(["pg_basebackup", "-D", str(folder), "-c", "fast", "-X", "none", "-d", f"application_name={app}"], user="dlv_batch")
    shutil.rmtree(folder)


def _extended_protocol(watched: Watched, app: str) -> None:
    with psycopg.connect(watched.server.dsn("dlv_app", watched.dbname, app)) as connection:
        for number in range(30):
            connection.execute("select mbr_nm from crm.mbr where mbr_no = %s", [number + 1], prepare=True)


ACTS = [
    Act("copy_table", psql("copy crm.mbr to stdout"), MEMBERS, sources=("estimated",), technique="copy"),
    Act("copy_english", psql("copy sales.customers to stdout"), CUSTOMERS, sources=("estimated",), technique="copy"),
    Act("copy_query", psql("copy (select mbr_nm, eml from crm.mbr where mbr_no <= 1234) to stdout"), 1234, technique="copy"),
    Act("client_copy", _client_copy, MEMBERS, sources=("estimated",), technique="copy"),
    Act("copy_products", psql("copy shop.prd to stdout"), 0),
    Act("select_some", psql("select * from crm.mbr where mbr_no between 1 and 777"), 777),
    Act("select_join", psql("select o.*, m.eml from crm.ord o join crm.mbr m using (mbr_no) where ord_id <= 2000"), 2000, 0.25, certain=False),
    Act("fetch_count", _fetch_count, MEMBERS, sources=("estimated", "reported"), technique="cursor"),
    Act("named_cursor", _named_cursor, MEMBERS, sources=("estimated", "reported"), technique="cursor"),
    Act("part_of_cursor", _part_of_a_cursor, 250, sources=("estimated", "reported"), technique="cursor"),
    Act("dump_inserts", _pg_dump_inserts, MEMBERS, sources=("estimated", "reported"), technique="dump_tool"),
    Act("string_agg", psql("select string_agg(mbr_nm || hp_no, ',') from crm.mbr"), MEMBERS, sources=("estimated",), technique="concat_aggregate"),
    Act("json_agg", psql("select json_agg(m) from crm.mbr m"), MEMBERS, sources=("estimated",)),
    Act("count", psql("select count(*), count(distinct mbr_nm), min(reg_dt) from crm.mbr"), 0),
    Act("exists", psql("select exists (select 1 from crm.mbr where mbr_nm = '김민우')"), 0),
    Act("definer", psql("select * from crm.everyone()"), MEMBERS, technique="definer_function"),
    Act("definer_row", psql("select crm.everyone()"), MEMBERS, technique="definer_function"),
    Act("view", psql("select nm, tel from crm.v_mbr where mbr_no <= 900"), 900),
    Act("copy_of_members", psql("create table dlv.x1 as select mbr_nm as a, hp_no as b from crm.mbr"), 0, technique="copy_to_new_table"),
    Act("read_of_copy", psql("select a, b from dlv.x1"), MEMBERS),
    Act("copy_of_copy", psql("copy dlv.x1 to stdout"), MEMBERS, sources=("estimated",)),
    Act("temp_table", psql("create temp table t9 as select * from crm.mbr where mbr_no <= 800; select * from t9"), 800),
    Act("renamed", psql("alter table dlv.x1 rename to y1; select * from dlv.y1 limit 600"), 600),
    Act("prepared", psql("prepare p as select * from crm.mbr where mbr_no <= $1; execute p(700)"), 700),
    Act("extended", _extended_protocol, 30),
    Act("returning", psql("begin; update crm.mbr set reg_dt = reg_dt where mbr_no <= 650 returning mbr_nm, hp_no; rollback"), 650, technique="returning"),
    Act("late_failure", _late_failure, MEMBERS, 1.0, sources=("upper_bound",), technique="aborted", certain=False),
    Act("timeout", _timeout, 200, 99.0, sources=("upper_bound",), technique="aborted", certain=False),
    Act("syntax_error", psql("select from crm.mbr wher", check=False), 0, sources=("reported", "unknown")),
    Act("no_right", psql("select rolpassword from pg_authid", check=False), 0, sources=("reported", "unknown")),
    Act("foreign_keys", psql(f"insert into dlv.parcel select i, i, 'new' from generate_series(1, 1000) i"), 0),
    Act("explain", psql("explain select * from crm.mbr"), 0),
    Act("explain_analyze", psql("explain (analyze, timing off) select * from crm.mbr"), 0),
    Act("do_block", psql("do $$ declare r record; begin for r in select * from crm.mbr where mbr_no <= 550 loop null; end loop; end $$"), 550, 1.0, certain=False),
    Act("query_to_xml", psql("select query_to_xml('select * from crm.mbr where mbr_no <= 620', true, false, '')"), 620),
    Act("basebackup", _basebackup, MEMBERS + CUSTOMERS, 1.0, sources=("estimated", "upper_bound"), technique="replication", certain=False),
]  # fmt: skip


@pytest.fixture(scope="module")
def acted(dumped: Watched) -> Watched:
    for act in ACTS:
        act.do(dumped, f"act_{act.name}")
    dumped.psql("set pgaudit.log = 'none'", user="ads_app", app="act_tamper", check=False)
    dumped.scan()
    return dumped


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_an_act_is_counted_as_it_was(acted: Watched, act: Act) -> None:
    events = acted.events(f"app_name = 'act_{act.name}'")
    assert events, "nothing was stored of this act"
    low, best, high = (sum(e[f"exposed_persons{part}"] for e in events) for part in ("_low", "", "_high"))
    shown = [(e["command"], e["shape"], e["returned_rows"], e["exposed_persons"], e["rows_source"], e["techniques"]) for e in events]
    if act.persons == 0:
        assert (low, best, high) == (0, 0, 0), shown
    else:
        assert low <= act.persons <= high, shown
        assert abs(best - act.persons) <= act.within * act.persons, shown
        if act.certain:
            assert low == act.persons, shown
        assert {e["rows_source"] for e in events if e["exposed_persons_high"]} <= set(act.sources), shown
    if act.technique:
        assert any(act.technique in e["techniques"] for e in events), shown


def test_an_attempt_to_switch_auditing_off_is_a_finding(acted: Watched) -> None:
    (event,) = acted.events("app_name = 'act_tamper' and activity = 'error'")
    assert "audit_tampering" in event["techniques"]
    found = [f for f in acted.findings() if f["vendor"] == "ads_co" and "audit_tampering" in f["techniques"]]
    assert [f["level"] for f in found] in (["high"], ["critical"])
    assert found[0]["accounts"] == ["ads_app"]


def test_everything_that_was_done_is_in_the_events_once(acted: Watched) -> None:
    ids = [e["event_id"] for e in acted.events()]
    assert len(ids) == len(set(ids))
    assert acted.scan().events == 0
    assert [e["event_id"] for e in acted.events()] == ids


def test_the_doctor_finds_nothing_wrong_with_this_server(acted: Watched) -> None:
    checks = examine(acted.config_path)
    assert [c for c in checks if c.state == "problem"] == []
    assert any(c.detail.startswith("reachable, PostgreSQL") for c in checks)

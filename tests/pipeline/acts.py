"""What is done on the server: each act under an application name of its own, with the truth about it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.pipeline.company import CUSTOMERS, MEMBERS, Watched


def honest_work(watched: Watched) -> None:
    for n in range(1, 26):
        watched.psql(f"select rcv_nm, rcv_tel, rcv_addr from crm.ord where ord_id = {n}", app="dlv-web")
    watched.psql("select prd_nm, price from shop.prd order by prd_nm", user="ads_app", app="ads-pages")
    watched.psql("select count(*), sum(amt) from crm.ord", app="dlv-web")


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
    dsn = watched.server.dsn("dlv_app", watched.dbname, app)
    with psycopg.connect(dsn) as connection, connection.cursor(name="walk") as cursor:
        cursor.itersize = 500
        cursor.execute("select mbr_nm, hp_no from crm.mbr")
        assert len(cursor.fetchall()) == MEMBERS


def _part_of_a_cursor(watched: Watched, app: str) -> None:
    watched.psql(
        "begin; declare c cursor for select * from crm.mbr; fetch 100 from c; fetch 150 from c; close c; commit", app=app
    )


def _client_copy(watched: Watched, app: str) -> None:
    watched.psql("\\copy crm.mbr to /dev/null\n", app=app)


def _pg_dump_inserts(watched: Watched, app: str) -> None:
    watched.server.run(
        ["pg_dump", "--inserts", "-t", "crm.mbr", "-f", "/dev/null"], user="dlv_app", dbname=watched.dbname, app=app
    )


def _late_failure(watched: Watched, app: str) -> None:
    watched.psql(f"select mbr_nm, hp_no, 1 / (mbr_no - {MEMBERS}) from crm.mbr order by mbr_no", app=app, check=False)


def _timeout(watched: Watched, app: str) -> None:
    watched.psql("set statement_timeout = 300; select mbr_nm, hp_no, pg_sleep(0.001) from crm.mbr", app=app, check=False)


def _basebackup(watched: Watched, app: str) -> None:
    watched.server.psql("alter role dlv_batch replication")
    folder = watched.config_path.parent / "base"
    watched.server.run(
        ["pg_basebackup", "-D", str(folder), "-c", "fast", "-X", "none", "-d", f"application_name={app}"], user="dlv_batch"
    )
    shutil.rmtree(folder)


def _extended_protocol(watched: Watched, app: str) -> None:
    with psycopg.connect(watched.server.dsn("dlv_app", watched.dbname, app)) as connection:
        for number in range(30):
            connection.execute("select mbr_nm from crm.mbr where mbr_no = %s", [number + 1], prepare=True)


ESTIMATED, UPPER = ("estimated",), ("upper_bound",)
COUNTED, BOUNDED, NO_ROWS = ("estimated", "reported"), ("estimated", "upper_bound"), ("reported", "unknown")

ACTS = [
    Act("copy_table", psql("copy crm.mbr to stdout"), MEMBERS, sources=ESTIMATED, technique="copy"),
    Act("copy_english", psql("copy sales.customers to stdout"), CUSTOMERS, sources=ESTIMATED, technique="copy"),
    Act("copy_query", psql("copy (select mbr_nm, eml from crm.mbr where mbr_no <= 1234) to stdout"), 1234, technique="copy"),
    Act("client_copy", _client_copy, MEMBERS, sources=ESTIMATED, technique="copy"),
    Act("copy_products", psql("copy shop.prd to stdout"), 0),
    Act("select_some", psql("select * from crm.mbr where mbr_no between 1 and 777"), 777),
    Act("select_join", psql("select o.*, m.eml from crm.ord o join crm.mbr m using (mbr_no) where ord_id <= 2000"),
        2000, 0.25, certain=False),
    Act("fetch_count", _fetch_count, MEMBERS, sources=COUNTED, technique="cursor"),
    Act("named_cursor", _named_cursor, MEMBERS, sources=COUNTED, technique="cursor"),
    Act("part_of_cursor", _part_of_a_cursor, 250, sources=COUNTED, technique="cursor"),
    Act("dump_inserts", _pg_dump_inserts, MEMBERS, sources=COUNTED, technique="dump_tool"),
    Act("string_agg", psql("select string_agg(mbr_nm || hp_no, ',') from crm.mbr"),
        MEMBERS, sources=ESTIMATED, technique="concat_aggregate"),
    Act("json_agg", psql("select json_agg(m) from crm.mbr m"), MEMBERS, sources=ESTIMATED),
    Act("count", psql("select count(*), count(distinct mbr_nm), min(reg_dt) from crm.mbr"), 0),
    Act("exists", psql("select exists (select 1 from crm.mbr where mbr_nm = '김민우')"), 0),
    Act("definer", psql("select * from crm.everyone()"), MEMBERS, technique="definer_function"),
    Act("definer_row", psql("select crm.everyone()"), MEMBERS, technique="definer_function"),
    Act("view", psql("select nm, tel from crm.v_mbr where mbr_no <= 900"), 900),
    Act("copy_of_members", psql("create table dlv.x1 as select mbr_nm as a, hp_no as b from crm.mbr"),
        0, technique="copy_to_new_table"),
    Act("read_of_copy", psql("select a, b from dlv.x1"), MEMBERS),
    Act("copy_of_copy", psql("copy dlv.x1 to stdout"), MEMBERS, sources=ESTIMATED),
    Act("temp_table", psql("create temp table t9 as select * from crm.mbr where mbr_no <= 800; select * from t9"), 800),
    Act("renamed", psql("alter table dlv.x1 rename to y1; select * from dlv.y1 limit 600"), 600),
    Act("prepared", psql("prepare p as select * from crm.mbr where mbr_no <= $1; execute p(700)"), 700),
    Act("extended", _extended_protocol, 30),
    Act("returning", psql("begin; update crm.mbr set reg_dt = reg_dt where mbr_no <= 650 returning mbr_nm, hp_no; rollback"),
        650, technique="returning"),
    Act("late_failure", _late_failure, MEMBERS, 1.0, sources=UPPER, technique="aborted", certain=False),
    Act("timeout", _timeout, 200, 99.0, sources=UPPER, technique="aborted", certain=False),
    Act("syntax_error", psql("select from crm.mbr wher", check=False), 0, sources=NO_ROWS),
    Act("no_right", psql("select rolpassword from pg_authid", check=False), 0, sources=NO_ROWS),
    Act("foreign_keys", psql("insert into dlv.parcel select i, i, 'new' from generate_series(1, 1000) i"), 0),
    Act("explain", psql("explain select * from crm.mbr"), 0),
    Act("explain_analyze", psql("explain (analyze, timing off) select * from crm.mbr"), 0),
    Act("do_block", psql("do $$ declare r record; begin for r in select * from crm.mbr where mbr_no < 551 loop end loop; end $$"),
        550, 1.0, certain=False),
    Act("query_to_xml", psql("select query_to_xml('select * from crm.mbr where mbr_no <= 620', true, false, '')"), 620),
    Act("basebackup", _basebackup, MEMBERS + CUSTOMERS, 1.0, sources=BOUNDED, technique="replication", certain=False),
]  # fmt: skip
